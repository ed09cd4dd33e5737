//! The load: which calls are made, when, and which of them are dropped.

use crate::coverage::Fault;
use crate::decisions::For;
use crate::hall;
use crate::journal::Call;
use crate::queue::Event;
use crate::trace::{Host, tell};
use crate::world::World;
use rpc_core::client::NewCall;
use std::time::Duration;

impl World {
    /// Calls that were due: made, with everything about them drawn.
    pub(crate) fn load(&mut self) {
        let burst = self.plan.load.burst.min(u64::from(self.to_call)) as u32;
        for _ in 0..burst {
            self.start_call();
        }
        self.to_call -= burst;
        if self.to_call == 0 {
            return;
        }
        let mean = self.plan.load.every.as_micros() as u64 * u64::from(burst);
        let mut gap = self.decisions.between(For::Load, mean / 4, mean * 7 / 4);
        let rest = self.plan.load.rest_every;
        if self.to_call / rest != (self.to_call + burst) / rest {
            gap += self.plan.client.limits.keep_alive.as_micros() as u64 * 3 / 2;
        }
        self.queue.push(self.now + Duration::from_micros(gap), Event::Load);
    }

    fn start_call(&mut self) {
        let first = self.decisions.below(For::Load, self.clients.len() as u64) as usize;
        // Nobody calls where a host stands still.
        let awake = |client: &usize| self.clients[*client].paused <= self.now;
        let clients = (first..self.clients.len()).chain(0..first);
        let Some(client) = clients.into_iter().find(awake) else { return };
        let plan = self.plan.load.clone();
        let d = &mut self.decisions;
        let idempotent = d.chance(For::Load, plan.idempotent);
        let large = d.chance(For::Load, plan.large);
        let method = match (idempotent, large) {
            (true, true) => hall::ECHO,
            (true, false) => hall::FREE_SEATS,
            (false, true) => hall::RECORD,
            (false, false) if d.chance(For::Load, 100_000) => hall::REFUND,
            (false, false) => hall::SELL,
        };
        let length = if large { d.between(For::Load, 1000, 150_000) } else { d.between(For::Load, 4, 24) };
        let (least, most) = (plan.timeout.0.as_micros() as u64, plan.timeout.1.as_micros() as u64);
        let timeout = Duration::from_micros(d.between(For::Load, least, most));
        let dropped = d.chance(For::Load, plan.dropped);
        let hurried = d.chance(For::Hurry, plan.hurried);
        let tag = self.journal.calls.len() as u32;
        let now = self.client_now(client);
        let deadline = now + timeout;
        let binding = self.clients[client].binding;
        let wire = self.clients[client].ready;
        let waits = wire.is_some()
            && self.clients[client].engine.slots_in_use() >= self.plan.server.limits.slots as usize;
        let length = length as usize;
        let (mut payload, mut block) = (hall::tagged(tag, length), None);
        if self.decisions.chance(For::Blocks, if large { 500_000 } else { 50_000 }) {
            let (head, rest) = hall::parted(payload);
            (payload, block) = (head, Some(Box::new(rest.into())));
        }
        let call =
            NewCall { binding, method, deadline, timeout, metadata: None, payload, fail_fast: hurried };
        let key = self.clients[client].engine.start_with(now, call, block);
        self.clients[client].calls.insert((key.index, key.generation), tag);
        let hurried = hurried || self.plan.client.fail_fast;
        let call =
            Call { wire, waits, length, hurried, ..Call::new(client, method, idempotent, key, deadline) };
        self.journal.calls.push(call);
        tell!(self, Host::Client(client), "call {tag} {} within {timeout:?}", hall::name(method));
        if dropped {
            let after = self.decisions.below(For::Load, timeout.as_micros() as u64 / 4 + 1);
            self.queue.push(self.now + Duration::from_micros(after), Event::Drop { tag });
        }
        self.told_client(client);
    }

    /// A caller goes away.
    pub(crate) fn drop_future(&mut self, tag: u32) {
        let Some(call) = self.journal.call(tag).filter(|call| call.end.is_none()) else { return };
        call.dropped = true;
        let (client, key, written) = (call.client, call.key, !call.ids.is_empty());
        tell!(self, Host::Client(client), "drops call {tag}");
        let now = self.client_now(client);
        let host = &mut self.clients[client];
        host.calls.remove(&(key.index, key.generation));
        host.engine.give_up(now, key);
        if written {
            self.coverage.hit(Fault::Dropped);
        }
        self.told_client(client);
    }
}

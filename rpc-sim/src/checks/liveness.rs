//! Once everything is healed, every call ends within a bounded time, every slot becomes free, and no session stays.

use crate::coverage::Fault;
use crate::hall;
use crate::journal::{Call, End};
use crate::network::ServerEnd;
use crate::trace::{Host, tell};
use crate::world::World;
use rpc_core::SlotId;
use rpc_core::client::NewCall;
use std::time::Duration;

/// No call has longer than this, and a retry waits for no longer.
const CALLS_END: Duration = Duration::from_secs(20);
/// What is unsettled then stays so.
const SLOTS_FREE: Duration = Duration::from_secs(120);
/// Whoever calls when all is at rest is served within this: it may have to find out first that a connection is dead.
const SERVED: Duration = Duration::from_secs(100);
/// Captured frames are through.
const REPLAYED: Duration = Duration::from_secs(5);

impl World {
    /// Lets everything come to an end.
    pub(super) fn come_to_rest(&mut self) {
        self.run_until(self.now + CALLS_END);
        let open: Vec<usize> = self.journal.open().map(|(tag, _)| tag).collect();
        if !open.is_empty() && self.violations.is_empty() {
            self.violate(
                "calls-end",
                format!("calls {open:?} have not ended {CALLS_END:?} after the healing"),
            );
        }
        self.run_until(self.now + SLOTS_FREE);
    }

    /// Each client calls once more, and is served: where servers take in everybody, and have room for replies.
    pub(super) fn check_service(&mut self) {
        let refuses =
            [Fault::Crowded, Fault::Forgetful, Fault::NoPlace].iter().any(|fault| self.plan.has(*fault));
        if refuses || !self.violations.is_empty() {
            return;
        }
        let first = self.journal.calls.len();
        for client in 0..self.clients.len() {
            self.call_once_more(client);
        }
        self.run_until(self.now + SERVED + Duration::from_secs(1));
        for tag in first..self.journal.calls.len() {
            let call = &self.journal.calls[tag];
            let served = matches!(call.end, Some((_, End::Result { refused: false, .. })));
            if !served && self.violations.is_empty() {
                let what = format!("call {tag}, made when all was healed: {:?} {}", call.end, call.error);
                self.violate("healed-serves", what);
            }
        }
    }

    fn call_once_more(&mut self, client: usize) {
        let now = self.client_now(client);
        let tag = self.journal.calls.len() as u32;
        let (binding, method, deadline) = (self.clients[client].binding, hall::SELL, now + SERVED);
        let payload_length = 8;
        let payload = hall::tagged(tag, payload_length);
        let call =
            NewCall { binding, method, deadline, timeout: SERVED, metadata: None, payload, fail_fast: false };
        let key = self.clients[client].engine.start(now, call);
        self.clients[client].calls.insert((key.index, key.generation), tag);
        let call = Call { length: payload_length, ..Call::new(client, method, false, key, deadline) };
        self.journal.calls.push(call);
        tell!(self, Host::Client(client), "call {tag} {} within {SERVED:?}", hall::name(method));
        self.told_client(client);
    }

    /// Nobody calls any more, so every slot is free.
    pub(super) fn check_slots(&mut self) {
        for client in 0..self.clients.len() {
            let used = self.clients[client].engine.slots_in_use();
            if used > 0 {
                self.violate("slots-become-free", format!("c{client} still has {used} slots in use"));
            }
        }
    }

    /// Every request that was written to a session which still lives arrives once more, but for those of which the
    /// server has refused every copy and stored nothing: there is no further one.
    pub(super) fn replay_everything(&mut self) {
        self.replays = true;
        let attached = |end: &ServerEnd| matches!(end, ServerEnd::Attached { .. });
        let wires: Vec<_> =
            self.wires.iter().filter(|(_, wire)| attached(&wire.server_end)).map(|(id, _)| *id).collect();
        for id in wires {
            let Some(key) = self.wires.get(&id).and_then(|wire| wire.session) else { continue };
            let least = SlotId { slot: 0, sequence: 0 };
            let most = SlotId { slot: u32::MAX, sequence: u64::MAX };
            let known = self.journal.ids.range((key, least)..=(key, most));
            let frames: Vec<Vec<u8>> = known
                .filter(|(_, known)| known.may_come_again())
                .map(|(_, known)| known.frame.clone())
                .collect();
            for frame in frames {
                if self.violations.is_empty() {
                    self.deliver_again(id, &frame);
                }
            }
        }
        self.run_until(self.now + REPLAYED);
    }

    /// The clients close their channels: what is left behind then?
    pub(super) fn check_leaks(&mut self) {
        if !self.violations.is_empty() {
            return;
        }
        for client in 0..self.clients.len() {
            let now = self.client_now(client);
            self.clients[client].engine.close(now);
            self.told_client(client);
        }
        self.run_until(self.now + self.plan.lease * 4 + SLOTS_FREE);
        for server in 0..self.servers.len() {
            let Some(process) = &self.servers[server].process else { continue };
            let live = process.sessions.iter().filter(|(_, host)| !host.gone);
            let left: Vec<u64> = live.map(|(session, _)| *session).collect();
            if !left.is_empty() {
                self.violate("sessions-end", format!("s{server} still has the sessions {left:?}"));
            }
        }
    }
}

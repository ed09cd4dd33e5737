//! Processes that stop in an orderly way.

use crate::coverage::Fault;
use crate::decisions::For;
use crate::journal::SessionKey;
use crate::network::{Ending, Way, WireId};
use crate::queue::Event;
use crate::server_host::SessionHost;
use crate::trace::{Host, tell};
use crate::world::World;
use rpc_core::Instant;
use std::time::Duration;

/// How often a process that drains looks around.
const LOOK_EVERY: Duration = Duration::from_millis(10);

impl World {
    /// The process stops in an orderly way: it says so, and leaves when nobody is left to wait for, or the grace ends.
    pub(crate) fn drain(&mut self) {
        let server = self.decisions.below(For::Faults, self.servers.len() as u64) as usize;
        let grace = self.some_time();
        let now = self.server_now(server);
        let Some(process) = self.servers[server].process.as_mut().filter(|process| !process.draining) else {
            return;
        };
        process.draining = true;
        process.endpoint.drain();
        let (incarnation, sessions) =
            (process.incarnation, process.sessions.keys().copied().collect::<Vec<_>>());
        tell!(self, Host::Server(server), "drains for {grace:?}");
        let end = self.now + grace;
        self.queue.push(self.now + LOOK_EVERY.min(grace), Event::Drained { server, incarnation, end });
        for session in sessions {
            let key = SessionKey { server, incarnation, session };
            if let Some(host) = self.session(&key) {
                host.session.drain(now, "a restart");
            }
            self.coverage.hit(Fault::Drain);
            self.told_session(&key);
        }
    }

    /// A process that drains looks around.
    pub(crate) fn drained(&mut self, server: usize, incarnation: u64, end: Instant) {
        let now = self.server_now(server);
        let process = self.servers[server].process.as_ref();
        let Some(process) = process.filter(|process| process.incarnation == incarnation) else { return };
        let waits = |host: &SessionHost| !host.session.outstanding(now).is_none();
        let in_peace = !process.sessions.values().any(waits);
        if !in_peace && self.now < end {
            let next = (self.now + LOOK_EVERY).min(end);
            return self.queue.push(next, Event::Drained { server, incarnation, end });
        }
        if in_peace {
            tell!(self, Host::Server(server), "all clients have left");
            self.left_in_peace.insert((server, incarnation));
        }
        self.drain_over(server, incarnation);
    }

    /// An orderly stop is over: what still runs is left alone. Each session is closed and says so, then the process goes.
    fn drain_over(&mut self, server: usize, incarnation: u64) {
        let process = self.servers[server].process.as_ref();
        let Some(process) = process.filter(|process| process.incarnation == incarnation) else { return };
        let live = process.sessions.iter().filter(|(_, host)| !host.gone);
        let sessions: Vec<u64> = live.map(|(session, _)| *session).collect();
        let now = self.server_now(server);
        for session in sessions {
            let key = SessionKey { server, incarnation, session };
            if let Some(host) = self.session(&key) {
                host.session.close(now, "the server has stopped");
                host.closed = true;
            }
            self.told_session(&key);
        }
        let wires: Vec<WireId> = self.wires_of(server);
        self.kill(server);
        for id in wires {
            self.write_end(id, Way::Down, Ending::Closed);
            self.close_server_end(id);
        }
        self.start_process(server);
    }
}

//! The server's half of a pair: its sessions, with their connections and without.

use super::pair::Executed;
use super::pipe::{End, Wire};
use super::services::HALL;
use super::{PEER, Pair};
use rpc_core::server::{self, Admission, Begin, Endpoint, Fresh, Handshake, Lane, Refusal};
use rpc_core::service::Descriptor;
use rpc_core::{Incarnation, SessionId, Token};

impl Pair {
    /// The connection that has this lane; 0 if it is gone.
    pub(super) fn connection_of(&self, session: SessionId, lane: Lane) -> u32 {
        let has = |wire: &Wire| matches!(wire.end, End::Session(id, at) if (id, at) == (session, lane));
        self.wires.iter().find(|(_, wire)| has(wire)).map_or(0, |(number, _)| *number)
    }

    /// The server at an address.
    pub fn endpoint_at(&mut self, address: usize) -> &mut Endpoint {
        self.elsewhere.get_mut(&address).unwrap_or(&mut self.endpoint)
    }

    /// The address of the server that has opened this session.
    pub fn home(&self, session: SessionId) -> usize {
        self.homes.get(&session).copied().expect("a server has opened it")
    }

    /// Another server, of [`HALL`], at another address.
    pub fn serve_at(&mut self, address: usize, server: server::Config) {
        self.incarnations += 1;
        let endpoint = Endpoint::new(server, Incarnation(self.incarnations), vec![&HALL]);
        self.elsewhere.insert(address, endpoint);
    }

    pub(super) fn close_end(&mut self, end: End, address: usize) {
        match end {
            End::Session(id, lane) => {
                self.endpoint_at(address).handle_disconnected(PEER);
                if let Some(session) = self.sessions.get_mut(&id) {
                    session.handle_disconnected(self.now, lane);
                }
                self.drain_session(id);
            }
            End::Handshake(_) => self.endpoint_at(address).handle_disconnected(PEER),
            End::Refused(_) => self.endpoint_at(address).handle_disconnected(PEER),
            End::Raw | End::Closed => {}
        }
    }

    /// The server's process dies, with all of its sessions; another one answers from now on.
    pub fn restart(&mut self, server: server::Config, services: Vec<&'static Descriptor>) {
        let numbers: Vec<u32> = self.wires.keys().copied().collect();
        for number in numbers {
            self.break_wire(number, "connection reset by peer");
        }
        self.past = self.server_stats();
        self.past.connections = 0;
        self.sessions.clear();
        self.incarnations += 1;
        self.endpoint = Endpoint::new(server, Incarnation(self.incarnations), services);
        self.pump();
    }

    /// The process of the server at this address dies, with its sessions; another one answers from now on.
    pub fn restart_at(&mut self, address: usize) {
        let there = self.wires.iter().filter(|(_, wire)| wire.address == address);
        let numbers: Vec<u32> = there.map(|(number, _)| *number).collect();
        for number in numbers {
            self.break_wire(number, "connection reset by peer");
        }
        let homes = &self.homes;
        self.sessions.retain(|id, _| homes.get(id) != Some(&address));
        self.incarnations += 1;
        let server = Endpoint::new(Default::default(), Incarnation(self.incarnations), vec![&HALL]);
        *self.endpoint_at(address) = server;
        self.pump();
    }

    pub(super) fn server_reads(&mut self, number: u32, bytes: &[u8]) {
        let Some(wire) = self.wires.get_mut(&number) else { return };
        wire.up.unread.extend_from_slice(bytes);
        match &mut wire.end {
            End::Session(id, lane) => {
                let session = self.sessions.get_mut(id).expect("it has a connection");
                let used = session.handle_bytes(self.now, *lane, &wire.up.unread);
                wire.up.unread.drain(..used);
            }
            End::Handshake(handshake) => match handshake.handle_bytes(&wire.up.unread) {
                Ok(None) => {}
                Ok(Some((hello, used))) => {
                    wire.up.unread.drain(..used);
                    self.admit(number, &hello);
                    self.server_reads(number, &[]);
                }
                Err(error) => self.server_says_last(number, Handshake::refusal(&error)),
            },
            End::Refused(_) | End::Raw | End::Closed => wire.up.unread.clear(),
        }
    }

    pub(super) fn admit(&mut self, number: u32, hello: &rpc_core::frame::Hello) {
        self.opened += 1;
        let fresh = Fresh { session: SessionId(self.opened), token: Token([7; 16]) };
        let (now, address) = (self.now, self.wires.get(&number).map_or(0, |wire| wire.address));
        let id = match self.endpoint_at(address).handle_hello(now, PEER, hello, fresh) {
            Admission::Open(session) => {
                self.homes.insert(fresh.session, address);
                self.sessions.insert(fresh.session, session);
                fresh.session
            }
            Admission::Resume(id) => id,
            Admission::Refuse(bytes) => return self.server_says_last(number, bytes),
        };
        let session = self.sessions.get_mut(&id).expect("the endpoint knows it");
        match session.handle_connected(self.now, hello) {
            Ok(lane) => {
                // The fifth takes the place of another, which is closed.
                let former = self.connection_of(id, lane);
                if let Some(wire) = self.wires.get_mut(&former) {
                    wire.end = End::Closed;
                    self.endpoint_at(address).handle_disconnected(PEER);
                }
                self.wires.get_mut(&number).expect("it says hello").end = End::Session(id, lane);
            }
            Err(Refusal::Reject(bytes)) => self.server_says_last(number, bytes),
            Err(Refusal::Over) => {
                let session = self.sessions.remove(&id).expect("it is over");
                self.endpoint_at(address).handle_session_over(&session);
                self.admit(number, hello);
            }
        }
    }

    pub(super) fn server_says_last(&mut self, number: u32, bytes: Vec<u8>) {
        let arrival = self.now + self.latency;
        let Some(wire) = self.wires.get_mut(&number) else { return };
        wire.down.write(arrival, bytes);
        let (end, address) = (std::mem::replace(&mut wire.end, End::Closed), wire.address);
        self.close_end(end, address);
    }

    pub(super) fn drain_server(&mut self, number: u32) -> bool {
        let Some(End::Session(id, _)) = self.wires.get(&number).map(|wire| &wire.end) else { return false };
        let mut busy = self.drain_session(*id);
        let arrival = self.now + self.latency;
        let Some(wire) = self.wires.get_mut(&number) else { return busy };
        let End::Session(id, lane) = &wire.end else { return busy };
        let Some(session) = self.sessions.get_mut(id) else { return busy };
        if wire.down.flush(arrival) {
            session.handle_progress(self.now, *lane);
        }
        busy |= wire.down.take(arrival, |out| session.poll_transmit(self.now, *lane, out));
        busy
    }

    /// Does what a session asks for.
    pub(super) fn drain_session(&mut self, id: SessionId) -> bool {
        let mut busy = false;
        loop {
            let Some(session) = self.sessions.get_mut(&id) else { return busy };
            match session.poll_output() {
                server::Output::Wait(_) => break,
                server::Output::Execute(execute) if self.queueing => self.queued.push((id, execute)),
                // Cancelled in the same breath.
                server::Output::Execute(execute) if session.begin(self.now, execute.at) != Begin::Now => {}
                server::Output::Execute(execute) => {
                    if let Some(completion) = (self.handler)(&execute) {
                        session.complete(self.now, execute.at, completion);
                    }
                    let connection = self.connection_of(id, execute.lane);
                    self.executed.push(Executed { connection, when: self.now, execute });
                }
                server::Output::Stop { at, drop } => self.stopped.push((at, drop)),
                server::Output::Close(lane, fault) => {
                    self.faults.extend(fault);
                    let (arrival, number) = (self.now + self.latency, self.connection_of(id, lane));
                    let (Some(wire), Some(session)) =
                        (self.wires.get_mut(&number), self.sessions.get_mut(&id))
                    else {
                        continue;
                    };
                    wire.down.take(arrival, |out| session.poll_transmit(self.now, lane, out));
                    let (end, address) = (std::mem::replace(&mut wire.end, End::Closed), wire.address);
                    self.close_end(end, address);
                }
            }
            busy = true;
        }
        let attached = self.wires.values().any(|wire| matches!(wire.end, End::Session(of, _) if of == id));
        let over = self.sessions.get(&id).is_some_and(|session| session.is_over() && !attached);
        if over && let Some(session) = self.sessions.remove(&id) {
            let home = self.homes.get(&id).copied().unwrap_or_default();
            self.endpoint_at(home).handle_session_over(&session);
        }
        busy
    }
}

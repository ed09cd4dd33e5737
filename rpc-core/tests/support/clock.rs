//! How time goes on between a client and a server: from one event to the next.

use super::Pair;
use super::pipe::End;
use rpc_core::server::Handshake;
use rpc_core::{Instant, client, server};
use std::time::Duration;

impl Pair {
    /// When something happens next.
    pub fn next_event(&mut self) -> Instant {
        let client::Output::Wait(mut next) = self.client.poll_output() else { panic!("pump first") };
        for wire in self.wires.values_mut() {
            next = next.min(wire.up.next_arrival()).min(wire.down.next_arrival());
            next = match &mut wire.end {
                End::Handshake(handshake) => next.min(handshake.deadline()),
                End::Session(..) | End::Refused(_) | End::Raw | End::Closed => next,
            };
        }
        for session in self.sessions.values_mut() {
            match session.poll_output() {
                server::Output::Wait(wait) => next = next.min(wait),
                other => panic!("pump first: {other:?}"),
            }
        }
        next
    }

    /// Goes to the next event, but not beyond `most`.
    pub fn step(&mut self, most: Instant) {
        self.pump();
        let next = self.next_event().min(most);
        self.standing = if next > self.now { 0 } else { self.standing + 1 };
        assert!(self.standing < 10_000, "time does not go on");
        self.now = self.now.max(next);
        // A client that was told the time has something to do later, not now. A few times it may have more of the same.
        let at_rest = (0..8).any(|_| {
            self.client.handle_timeout(self.now);
            self.drain_client();
            matches!(self.client.poll_output(), client::Output::Wait(next) if next > self.now)
        });
        assert!(at_rest, "the client wants to be told the time again and again");
        for session in self.sessions.values_mut() {
            session.handle_timeout(self.now);
        }
        let numbers: Vec<u32> = self.wires.keys().copied().collect();
        for number in numbers {
            match self.wires.get_mut(&number).map(|wire| &mut wire.end) {
                Some(End::Handshake(handshake)) if self.now >= handshake.deadline() => {
                    self.server_says_last(number, Handshake::timed_out());
                }
                _ => {}
            }
        }
        self.pump();
    }

    pub fn run_until(&mut self, time: Instant) {
        while self.now < time {
            self.step(time);
        }
        self.step(time);
    }

    pub fn run_for(&mut self, time: Duration) {
        self.run_until(self.now + time);
    }

    /// Runs until nothing is on its way any more.
    pub fn settle(&mut self) {
        self.pump();
        for _ in 0..100_000 {
            let arrivals =
                self.wires.values().flat_map(|wire| [wire.up.next_arrival(), wire.down.next_arrival()]);
            let next = arrivals.min().unwrap_or(Instant::NEVER);
            if next == Instant::NEVER {
                return;
            }
            self.step(next);
        }
        panic!("there is always something on its way");
    }
}

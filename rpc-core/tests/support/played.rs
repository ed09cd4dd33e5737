//! A pair whose server is played by the test, frame by frame.

use super::services::HALL;
use super::wire::{answer, of_kind, reply, request, welcome, written};
use super::{Pair, SECOND};
use rpc_core::client::{self, BindingId};
use rpc_core::frame::{
    self, Answer, Bound, BoundMethod, BoundResult, Cancel, Checksum, Kind, Refusal, Reply, Welcome,
};
use rpc_core::{Code, SlotId};

/// Of the session that the test holds: its lease is ten minutes.
pub fn held(slots: u32) -> Welcome {
    Welcome { lease_ms: 600_000, ..welcome(slots) }
}

/// A channel that is bound to [`HALL`], in a session of so many slots.
pub fn played(slots: u32) -> (Pair, BindingId) {
    played_with(client::Config::default(), slots)
}

pub fn played_with(config: client::Config, slots: u32) -> (Pair, BindingId) {
    let mut pair = Pair::with(config, Default::default(), vec![&HALL]);
    pair.raw = true;
    let hall = pair.client.bind(pair.now, &HALL);
    pair.pump();
    greet(&mut pair, &held(slots));
    (pair, hall)
}

/// The newest server agrees to a new session.
pub fn greet(pair: &mut Pair, welcome: &Welcome) {
    let methods = vec![BoundMethod::Usable; 3];
    let result = BoundResult::Accepted { version: (1, 1), methods, types: Vec::new() };
    pair.inject_down(&written(|out| {
        welcome.write(out);
        Bound { number: 0, result }.write(out);
    }));
}

/// The connection is lost, and the next one resumes the session.
pub fn resume(pair: &mut Pair, slots: u32) {
    lose(pair);
    pair.inject_down(&written(|out| Welcome { resumed: true, ..held(slots) }.write(out)));
}

/// The connection is lost, and the next one is open.
pub fn lose(pair: &mut Pair) {
    let dials = pair.dials.len();
    pair.cut();
    let most = pair.now + 60 * SECOND;
    while pair.dials.len() == dials {
        assert!(pair.now < most, "nobody dials");
        pair.step(most);
    }
}

/// The server's answer, with nothing in it, on the newest connection.
pub fn say(pair: &mut Pair, id: SlotId, with: Answer) {
    pair.inject_down(&answer(id, with, b""));
}

/// A refusal that asks for so many milliseconds.
pub fn refuse(pair: &mut Pair, id: SlotId, code: Code, retry_after: u32) {
    let payload = written(|out| Refusal { code, reason: "full".into() }.write(out));
    let refused = Reply { id, answer: Answer::Refused, retry_after, payload: &payload, ..Reply::default() };
    pair.inject_down(&written(|out| refused.write(out, Checksum::Whole)));
}

/// The fence is to be written again so many milliseconds later.
pub fn busy(pair: &mut Pair, id: SlotId, retry_after: u32) {
    let busy = Reply { id, answer: Answer::Busy, retry_after, ..Reply::default() };
    pair.inject_down(&written(|out| busy.write(out, Checksum::Whole)));
}

/// The requests that were written to the newest connection.
pub fn requests(pair: &mut Pair) -> Vec<SlotId> {
    of_kind(&pair.wire().up.sent, Kind::Request).iter().map(|frame| request(frame).id).collect()
}

/// The fences that were written to the newest connection, and whether their replies are wanted.
pub fn cancels(pair: &mut Pair) -> Vec<(SlotId, bool)> {
    let read = |frame: &Vec<u8>| {
        let (header, body) = frame::split(frame, Checksum::Whole).expect("sound").expect("whole");
        let cancel = Cancel::read(&header, body).expect("a cancel");
        (cancel.id, cancel.want_reply)
    };
    of_kind(&pair.wire().up.sent, Kind::Cancel).iter().map(read).collect()
}

/// The answers that the server has written to a connection.
pub fn answers(pair: &Pair, connection: u32) -> Vec<(SlotId, Answer)> {
    let replies = of_kind(&pair.wires[&connection].down.sent, Kind::Reply);
    replies.iter().map(|frame| (reply(frame).id, reply(frame).answer)).collect()
}

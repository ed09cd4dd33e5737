//! What a server says over a connection: what obliges, what does not, and what is no frame at all.

use super::World;
use crate::frames;
use crate::input::Input;
use crate::support::wire::written;
use rpc_core::frame::{
    Answer, Bind, Bound, BoundMethod, BoundResult, Checksum, Chunk, Close, CloseCode, GoAway, Ping, Pong,
    Refusal, Reject, RejectCode, Reply, SessionWish, Welcome,
};
use rpc_core::schema::Excerpt;
use rpc_core::{Code, Domain, Incarnation, SessionId, SlotId, Token};

/// The part of a large reply that comes first.
const PART: usize = 4096;

impl World {
    pub(super) fn welcome(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        let how = input.byte();
        if how >= 208 {
            let code = RejectCode::from_wire(1 + how % 7);
            let retry_after_ms = u32::from(how % 3) * 200;
            let (protocol_min, protocol_max, reason) = (2, 3, "?".to_owned());
            let reject = Reject { code, protocol_min, protocol_max, retry_after_ms, reason };
            return self.say(line, &written(|out| reject.write(out)), false);
        }
        self.let_in(line, how);
    }

    /// In the session that the client wishes for, unless `how` says something else.
    pub(super) fn let_in(&mut self, line: usize, how: u8) {
        let wish = self.lines[line].wish.unwrap_or(SessionWish::Open);
        let mut welcome = Welcome {
            protocol: 1,
            codec: 1,
            checksum: if how & 2 == 2 { Checksum::HeaderOnly } else { Checksum::Whole },
            message_max: if how & 4 == 4 { 70_000 } else { 16 << 20 },
            slots: 3,
            session: SessionId(0),
            token: Token([7; 16]),
            incarnation: Incarnation(1),
            domain: Domain([u8::from(how & 8 == 8); 16]),
            lease_ms: if how & 16 == 16 { 0 } else { 60_000 },
            resumed: false,
            software: "?".to_owned(),
        };
        match wish {
            SessionWish::Resume { id, .. } if how & 1 == 0 => (welcome.session, welcome.resumed) = (id, true),
            _ => {
                self.sessions += 1;
                welcome.session = SessionId(self.sessions);
            }
        }
        if how & 64 == 64 {
            welcome.slots = 1 + u32::from(how >> 5 & 1);
        }
        self.say(line, &written(|out| welcome.write(out)), false);
    }

    pub(super) fn bound(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        let how = input.byte();
        if self.lines[line].asked.is_empty() {
            return;
        }
        let bind = self.lines[line].asked.remove(0);
        let many = bind.methods.len();
        match how & 7 {
            0..=2 => {
                let some = |at: usize| match how >> 3 & 3 {
                    1 if at == 0 => BoundMethod::RunsOnce,
                    2 if at == 1 => BoundMethod::Missing { suggestion: None },
                    _ => BoundMethod::Usable,
                };
                self.answer_bind(line, &bind, (0..many).map(some).collect(), Vec::new());
            }
            3 | 4 => {
                let mut excerpt = Excerpt::default();
                let descriptor = match how & 8 {
                    0 => &crate::support::services::HALL_WIDE,
                    _ => &crate::support::services::HALL,
                };
                let all = descriptor.signatures();
                let structure = |at: usize| excerpt.add(&all[at % all.len()]).unwrap_or_default();
                let structures: Vec<_> = (0..many).map(structure).collect();
                let methods = structures.into_iter();
                let methods =
                    methods.map(|structure| BoundMethod::Differs { runs_once: how & 16 == 16, structure });
                self.answer_bind(line, &bind, methods.collect(), excerpt.into_types());
            }
            _ => {
                let bound = Bound { number: bind.number, ..frames::bound(input) };
                self.say(line, &written(|out| bound.write(out)), false);
            }
        }
    }

    pub(super) fn answer_bind(
        &mut self,
        line: usize,
        bind: &Bind,
        methods: Vec<BoundMethod>,
        types: Vec<u8>,
    ) {
        let result = BoundResult::Accepted { version: bind.version, methods, types };
        let bound = Bound { number: bind.number, result };
        self.say(line, &written(|out| bound.write(out)), false);
    }

    /// Something that was written is answered.
    pub(super) fn reply(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        let (which, what) = (usize::from(input.byte()), input.byte());
        let this = &self.lines[line];
        let known: Vec<SlotId> = this.requests.iter().chain(&this.cancels).rev().copied().collect();
        if known.is_empty() {
            return;
        }
        let id = known[which % known.len()];
        let answer = Answer::ALL[usize::from(what & 15) % Answer::ALL.len()];
        let mut payload = match what >> 4 & 3 {
            0 => vec![what; 3],
            1 => vec![what; PART],
            2 => input.block().to_vec(),
            _ => Vec::new(),
        };
        let again = matches!(answer, Answer::Refused | Answer::Busy);
        if again && what & 32 == 32 {
            payload.clear();
            let code =
                [Code::ResourceExhausted, Code::Unavailable, Code::InvalidArgument, Code::Unimplemented];
            Refusal { code: code[which % 4], reason: "?".to_owned() }.write(&mut payload);
        }
        if !answer.has_payload() {
            payload.clear();
        }
        let large = matches!(answer, Answer::Ok | Answer::Application) && payload.len() == PART;
        let total = large.then_some([PART + 1, 3 * PART, 100_000, 400_000][which % 4]);
        self.lines[line].large = total.map(|total| (id, total - PART)).or(self.lines[line].large);
        let reply = Reply {
            id,
            answer,
            retry_after: if again { (which as u32 % 5) * 40 } else { 0 },
            replayed: what & 64 == 64,
            attached: what & 128 == 128,
            metadata: None,
            total: total.map(|total| total as u32),
            payload: &payload,
        };
        let checksum = self.lines[line].checksum;
        self.say(line, &written(|out| reply.write(out, checksum)), false);
    }

    /// The next part of a large reply.
    pub(super) fn more(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        let much = input.flag();
        let Some((id, left)) = self.lines[line].large else { return };
        let part = vec![3; left.min(if much { 64 << 10 } else { PART })];
        self.lines[line].large = (left > part.len()).then(|| (id, left - part.len()));
        let checksum = self.lines[line].checksum;
        self.say(line, &written(|out| Chunk { id, payload: &part }.write(out, checksum)), false);
    }

    pub(super) fn any_frame(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        let (how, checksum) = (input.byte(), self.lines[line].checksum);
        let bytes = frames::any(input, how, checksum);
        self.say(line, &bytes, how & 128 == 128);
    }

    pub(super) fn raw(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        let bytes = input.block();
        self.say(line, bytes, false);
    }

    /// A part of what is on its way arrives.
    pub(super) fn deliver(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        let many = usize::from(input.byte());
        self.arrive(line, many);
    }

    pub(super) fn pong(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        let number = self.lines[line].pinged;
        let bytes = match input.flag() {
            true => written(|out| Ping { number: 7 }.write(out)),
            false => written(|out| Pong { number }.write(out)),
        };
        self.say(line, &bytes, false);
    }

    pub(super) fn goes(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        let code = input.byte();
        let reason = "?".to_owned();
        let bytes = match code {
            0..128 => written(|out| GoAway { reason }.write(out)),
            code => {
                let code = CloseCode::from_wire(u16::from(code % 6));
                written(|out| Close { code, reason }.write(out))
            }
        };
        self.say(line, &bytes, false);
    }
}

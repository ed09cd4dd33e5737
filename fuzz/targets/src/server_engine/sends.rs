//! What a client sends over a connection: what is right, what is not, and what is no frame at all.

use super::World;
use super::lines::PEERS;
use crate::frames;
use crate::input::Input;
use crate::support::host::bind;
use crate::support::services::FREE;
use crate::support::wire::written;
use rpc_core::frame::{self, Cancel, Checksum, Chunk, Hello, Ping, Pong, Release, Request, SessionWish};
use rpc_core::limits::CHUNK_LEN_MIN;
use rpc_core::{Metadata, Token};

impl World {
    /// On a line of its own, or late on one that is there.
    pub(super) fn hello(&mut self, input: &mut Input<'_>) {
        let how = input.byte();
        if how & 1 == 0 {
            self.accept(PEERS[usize::from(how >> 3 & 1)]);
        }
        let Some(line) = self.some_line(input) else { return };
        let session = match (how >> 1 & 3, self.opened.len()) {
            (0, _) | (_, 0) => SessionWish::Open,
            (which, many) => {
                let (id, mut token) = self.opened[usize::from(input.byte()) % many];
                if which == 3 && how & 128 == 128 {
                    token = Token([0; 16]);
                }
                SessionWish::Resume { id, token }
            }
        };
        let hello = Hello {
            codecs: if how & 8 == 8 { vec![99, 1] } else { vec![1] },
            checksum: self.config.checksum,
            message_max: if how & 16 == 16 { 64 << 10 } else { 16 << 20 },
            slots: 1 + u32::from(how >> 5 & 3),
            connection: u32::from(input.byte()),
            session,
            ..Hello::default()
        };
        self.send(line, &written(|out| hello.write(out)), false);
        if how & 64 == 64 && session == SessionWish::Open {
            self.send(line, &bind(0, 0), false);
        }
    }

    pub(super) fn request(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        let (what, id) = (input.byte(), frames::id(input));
        let method = u16::from(what & 3);
        let idempotent = FREE == method;
        let metadata = (what & 96 == 96).then(|| {
            let metadata: Metadata = [("k", "x".repeat(usize::from(input.below(20))))].into_iter().collect();
            frame::EncodedMetadata::new(&metadata).expect("it fits")
        });
        // Copies of a call are alike, but for one client in eight.
        let payload = [id.slot as u8, id.sequence as u8, u8::from(what >> 2 & 7 == 7)];
        let request = Request {
            id,
            method,
            deadline: self.connection_time(line, input),
            resent: what & 128 == 128,
            idempotent,
            metadata: metadata.as_ref().map(frame::EncodedMetadata::as_ref),
            total: None,
            payload: &payload,
        };
        let checksum = self.lines[line].checksum;
        self.send(line, &written(|out| request.write(out, checksum)), false);
    }

    /// Of a deadline, mostly soon.
    fn connection_time(&self, line: usize, input: &mut Input<'_>) -> u32 {
        let age = self.now.millis_since(self.lines[line].opened) as u32;
        match input.byte() {
            0 => age + 60_000,
            255 => input.u32(),
            some => (age + u32::from(some) * 20).saturating_sub(200),
        }
    }

    pub(super) fn cancel(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        let (what, id) = (input.byte(), frames::id(input));
        let bytes = match what & 15 {
            15 => written(|out| Release { ids: vec![id, frames::id(input)] }.write(out)),
            _ => written(|out| Cancel { id, want_reply: what & 1 == 1 }.write(out)),
        };
        self.send(line, &bytes, what & 128 == 128);
    }

    pub(super) fn bind(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        let base = u16::from(input.byte());
        let mut bytes = bind(0, base % 8 * 3);
        if base & 128 == 128 {
            frames::change(input, &mut bytes, Checksum::Whole);
        }
        self.send(line, &bytes, false);
    }

    /// A large request begins, or goes on.
    pub(super) fn large(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        let what = input.byte();
        let checksum = self.lines[line].checksum;
        let (id, left) = match self.lines[line].large {
            Some(large) if what & 1 == 0 => large,
            _ => {
                let id = frames::id(input);
                let total =
                    [CHUNK_LEN_MIN + 3, 3 * CHUNK_LEN_MIN, 90_000, 200_000][usize::from(what >> 1 & 3)];
                let part = vec![id.sequence as u8; CHUNK_LEN_MIN];
                let deadline = self.connection_time(line, input);
                let (total_, idempotent) = (Some(total as u32), what & 64 == 64);
                let method = u16::from(idempotent);
                let request = Request {
                    id,
                    method,
                    deadline,
                    idempotent,
                    total: total_,
                    payload: &part,
                    ..Request::default()
                };
                self.send(line, &written(|out| request.write(out, checksum)), false);
                self.lines[line].large = Some((id, total - part.len()));
                return;
            }
        };
        let most = if what & 2 == 2 { 60_000 } else { CHUNK_LEN_MIN };
        let part = vec![id.sequence as u8; left.min(most).max(1)];
        self.lines[line].large = (left > part.len()).then(|| (id, left - part.len()));
        self.send(line, &written(|out| Chunk { id, payload: &part }.write(out, checksum)), false);
    }

    pub(super) fn any_frame(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        let (how, checksum) = (input.byte(), self.lines[line].checksum);
        let bytes = frames::any(input, how, checksum);
        self.send(line, &bytes, how & 128 == 128);
    }

    pub(super) fn raw(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        let bytes = input.block();
        self.send(line, bytes, false);
    }

    /// A part of what is on its way arrives.
    pub(super) fn deliver(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        let many = usize::from(input.byte());
        self.arrive(line, many);
    }

    /// The server's last ping is answered, or the client sends one.
    pub(super) fn pong(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        let number = self.lines[line].pinged;
        let bytes = match input.once_in(4) {
            true => written(|out| Ping { number: 7 }.write(out)),
            false => written(|out| Pong { number }.write(out)),
        };
        self.send(line, &bytes, false);
    }
}

//! Frames of any kind.

use rpc_core::frame::*;
use rpc_core::{Metadata, ProtocolError, SlotId};

/// A frame of any kind, as what it was made of and as bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum Any {
    Hello(Hello),
    Welcome(Welcome),
    Reject(Reject),
    Bind(Bind),
    Bound(Bound),
    Request(Message),
    Reply(Answer, u32, Message),
    Chunk(SlotId, Vec<u8>),
    Cancel(Cancel),
    Ping(Ping),
    Pong(Pong),
    GoAway(GoAway),
    Release(Release),
    Close(Close),
}

/// What owns the parts of a request or a reply.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub id: SlotId,
    pub method: u16,
    pub deadline: u32,
    pub flags: (bool, bool),
    pub metadata: Option<Metadata>,
    pub total: Option<u32>,
    pub payload: Vec<u8>,
}

impl Any {
    pub fn write(&self, out: &mut Vec<u8>, checksum: Checksum) {
        match self {
            Any::Hello(frame) => frame.write(out),
            Any::Welcome(frame) => frame.write(out),
            Any::Reject(frame) => frame.write(out),
            Any::Bind(frame) => frame.write(out),
            Any::Bound(frame) => frame.write(out),
            Any::Request(message) => message.write_request(out, checksum),
            Any::Reply(answer, retry_after, message) => {
                message.write_reply(*answer, *retry_after, out, checksum)
            }
            Any::Chunk(id, payload) => Chunk { id: *id, payload }.write(out, checksum),
            Any::Cancel(frame) => frame.write(out),
            Any::Ping(frame) => frame.write(out),
            Any::Pong(frame) => frame.write(out),
            Any::GoAway(frame) => frame.write(out),
            Any::Release(frame) => frame.write(out),
            Any::Close(frame) => frame.write(out),
        }
    }

    pub fn read(header: &Header, body: &[u8]) -> Result<Any, ProtocolError> {
        Ok(match header.kind {
            Kind::Hello => Any::Hello(Hello::read(header, body)?),
            Kind::Welcome => Any::Welcome(Welcome::read(header, body)?),
            Kind::Reject => Any::Reject(Reject::read(header, body)?),
            Kind::Bind => Any::Bind(Bind::read(header, body)?),
            Kind::Bound => Any::Bound(Bound::read(header, body)?),
            Kind::Request => Any::Request(Message::of_request(&Request::read(header, body)?)),
            Kind::Reply => {
                let reply = Reply::read(header, body)?;
                Any::Reply(reply.answer, reply.retry_after, Message::of_reply(&reply))
            }
            Kind::Chunk => {
                let chunk = Chunk::read(header, body)?;
                Any::Chunk(chunk.id, chunk.payload.to_vec())
            }
            Kind::Cancel => Any::Cancel(Cancel::read(header, body)?),
            Kind::Ping => Any::Ping(Ping::read(header, body)?),
            Kind::Pong => Any::Pong(Pong::read(header, body)?),
            Kind::GoAway => Any::GoAway(GoAway::read(header, body)?),
            Kind::Release => Any::Release(Release::read(header, body)?),
            Kind::Close => Any::Close(Close::read(header, body)?),
        })
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out, Checksum::Whole);
        out
    }
}

impl Message {
    fn encoded(&self) -> Option<EncodedMetadata> {
        self.metadata.as_ref().map(|metadata| EncodedMetadata::new(metadata).expect("it fits"))
    }

    fn write_request(&self, out: &mut Vec<u8>, checksum: Checksum) {
        let metadata = self.encoded();
        let request = Request {
            id: self.id,
            method: self.method,
            deadline: self.deadline,
            resent: self.flags.0,
            idempotent: self.flags.1,
            metadata: metadata.as_ref().map(EncodedMetadata::as_ref),
            total: self.total,
            payload: &self.payload,
        };
        request.write(out, checksum);
    }

    fn write_reply(&self, answer: Answer, retry_after: u32, out: &mut Vec<u8>, checksum: Checksum) {
        let metadata = self.encoded();
        let reply = Reply {
            id: self.id,
            answer,
            retry_after,
            replayed: self.flags.0,
            attached: self.flags.1,
            metadata: metadata.as_ref().map(EncodedMetadata::as_ref),
            total: self.total,
            payload: &self.payload,
        };
        reply.write(out, checksum);
    }

    fn of_request(request: &Request<'_>) -> Message {
        Message {
            id: request.id,
            method: request.method,
            deadline: request.deadline,
            flags: (request.resent, request.idempotent),
            metadata: request.metadata.map(|metadata| metadata.to_metadata()),
            total: request.total,
            payload: request.payload.to_vec(),
        }
    }

    fn of_reply(reply: &Reply<'_>) -> Message {
        Message {
            id: reply.id,
            method: 0,
            deadline: 0,
            flags: (reply.replayed, reply.attached),
            metadata: reply.metadata.map(|metadata| metadata.to_metadata()),
            total: reply.total,
            payload: reply.payload.to_vec(),
        }
    }
}

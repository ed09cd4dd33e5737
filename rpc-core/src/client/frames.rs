//! Bytes from a server: one frame after the other.

use super::link::Link;
use super::session::CURRENT;
use super::{Client, ConnectionId};
use crate::connection::ConnectionTime;
use crate::error::{BindError, ProtocolError, REASON_MAX, shown};
use crate::frame::{
    self, Bound, Chunk, Close, CloseCode, GoAway, Header, Kind, Ping, Pong, Reject, Reply, Welcome,
};
use crate::time::Instant;
use std::time::Duration;

/// Small frames that may wait beside requests: a server that sends pings and reads nothing goes no further.
const PONGS_MAX: usize = 1 << 20;

/// When a server that drained in the handshake is asked again: it does not say.
const DRAINING_RETRY: Duration = Duration::from_secs(1);

impl Client {
    /// Bytes from the server: as many whole frames as there are. Returns how many bytes were used; the driver keeps the
    /// rest and shows it again, with what follows.
    pub fn handle_bytes(&mut self, now: Instant, connection: ConnectionId, bytes: &[u8]) -> usize {
        let mut used = 0;
        while let Some(at) = self.session_of(connection) {
            match self.handle_next(now, at, &bytes[used..]) {
                Ok(Some(length)) => used += length,
                Ok(None) => break,
                Err(error) => {
                    self.fail_protocol(now, at, &error);
                    self.tidy(now);
                    return bytes.len();
                }
            }
        }
        // A part of a frame is a sign of life as well: on a slow line a whole one takes longer than a pong may.
        if let Some(open) = self.open_mut(connection).filter(|_| !bytes.is_empty()) {
            open.liveness.heard(now);
        }
        if used > 0 {
            self.stats.bytes_in += used as u64;
            self.send_waiting(now);
            self.tidy(now);
        }
        let Some(at) = self.session_of(connection) else { return bytes.len() };
        if let Link::Greeting(open) = &mut self.sessions[at].link
            && open.identity.is_none()
        {
            let rest = &bytes[used..];
            open.first = if rest.is_empty() { String::new() } else { frame::first_bytes(rest) };
        }
        used
    }

    #[inline]
    fn handle_next(&mut self, now: Instant, at: usize, bytes: &[u8]) -> Result<Option<usize>, ProtocolError> {
        let Some(open) = self.sessions[at].link.open() else { return Ok(None) };
        let next = match open.identity {
            Some(_) => frame::split(bytes, open.outgoing.checksum())?,
            None => frame::split_first(bytes)?,
        };
        let Some((header, body)) = next else { return Ok(None) };
        if header.kind == Kind::Reply && matches!(self.sessions[at].link, Link::Ready(_)) {
            let reply = Reply::read(&header, body)?;
            self.handle_reply(now, at, &reply)?;
        } else {
            self.handle_frame(now, at, &header, body)?;
        }
        Ok(Some(header.length as usize))
    }

    fn handle_frame(
        &mut self,
        now: Instant,
        at: usize,
        header: &Header,
        body: &[u8],
    ) -> Result<(), ProtocolError> {
        let unexpected = |when| Err(ProtocolError::Unexpected { kind: header.kind.name(), when });
        let greeted = self.sessions[at].link.is_greeted();
        match header.kind {
            Kind::Welcome if !greeted => return self.handle_welcome(now, at, &Welcome::read(header, body)?),
            Kind::Reject if !greeted => self.handle_reject(now, at, &Reject::read(header, body)?),
            Kind::Close => {
                let close = Close::read(header, body)?;
                let why = format!("closed by the server: {}", shown(&close.reason, REASON_MAX));
                match close.code {
                    CloseCode::GoingAway | CloseCode::Misuse => self.end_by_server(now, at, &why),
                    _ => self.fail_connection(now, at, &why),
                }
            }
            _ if !greeted => return unexpected("before the answer to the handshake"),
            // The slots may still be those of a session that another server has.
            Kind::Reply => return unexpected("before anything was asked for"),
            Kind::Bound => return self.handle_bound(now, at, Bound::read(header, body)?),
            Kind::Chunk => return self.handle_chunk(now, at, &Chunk::read(header, body)?),
            Kind::Ping => return self.handle_ping(now, at, Ping::read(header, body)?.number),
            Kind::Pong => {
                let number = Pong::read(header, body)?.number;
                if let Some(open) = self.sessions[at].link.open_mut() {
                    open.liveness.ponged(now, number);
                }
            }
            Kind::GoAway => self.handle_go_away(now, at, &GoAway::read(header, body)?),
            _ => return unexpected("by a client"),
        }
        Ok(())
    }

    fn handle_ping(&mut self, now: Instant, at: usize, number: u64) -> Result<(), ProtocolError> {
        let most = self.config.limits.outgoing_max.saturating_add(PONGS_MAX);
        let Some(open) = self.sessions[at].link.open_mut() else { return Ok(()) };
        if open.outgoing.ready().len() > most {
            let what = format!("pings come while {most} bytes wait that the server does not take");
            return Err(ProtocolError::LimitExceeded { what });
        }
        // From the Pong on, deadlines count from here, and the server counts from when it sent this ping.
        Pong { number }.write(open.outgoing.ready());
        // An idle server is often first to ask, and a client that was asked does not ask. A busy one soon has a buffer again.
        open.outgoing.rest();
        open.time = ConnectionTime::starting(now);
        Ok(())
    }

    /// Every request that was written gets its own answer still, so nothing is concluded about any of them.
    fn handle_go_away(&mut self, now: Instant, at: usize, go_away: &GoAway) {
        if at != CURRENT {
            return; // new calls go elsewhere already
        }
        let reason = shown(&go_away.reason, REASON_MAX);
        match &self.sessions[CURRENT].link {
            Link::Ready(_) => self.leave_draining(now, &reason),
            Link::Greeting(open) => {
                let (address, retry_after) = (open.address.to_string(), Some(DRAINING_RETRY));
                let error = BindError::Rejected { address, why: reason, retry_after };
                self.fail_bind(now, CURRENT, error);
            }
            Link::Down(_) | Link::Dialling(..) => {}
        }
    }
}

//! `Hello`: the client opens a connection.

use super::wire::{self, Reader};
use super::{Checksum, Header, Kind};
use crate::error::ProtocolError;
use crate::ids::{SessionId, SlotId, Token};
use crate::limits::CREDENTIALS_MAX;
use std::fmt;

/// What the bodies of `Hello`, `Welcome` and `Reject` start with.
pub const MAGIC: [u8; 8] = *b"CARNEGIE";

/// The oldest version of the protocol that this crate speaks.
pub const PROTOCOL_MIN: u16 = 1;

/// The newest version of the protocol that this crate speaks.
pub const PROTOCOL_MAX: u16 = 1;

/// Who the client is, in a form that client and server agree on.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials(pub Vec<u8>);

impl fmt::Debug for Credentials {
    // They may be a password, so they never reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({} bytes)", self.0.len())
    }
}

/// Which session the connection is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionWish {
    /// A new one.
    #[default]
    Open,
    /// One that an earlier `Welcome` named.
    Resume {
        /// Its number.
        id: SessionId,
        /// The token that came with it.
        token: Token,
    },
}

/// The first frame of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The oldest version of the protocol that the client speaks. The frame is laid out as that version says.
    pub protocol_min: u16,
    /// The newest one.
    pub protocol_max: u16,
    /// Codecs, the best liked first: 1 bincode, 2 postcard. At most 255.
    pub codecs: Vec<u8>,
    /// `HeaderOnly`: the client does not mind if payloads are left out of the checksum.
    pub checksum: Checksum,
    /// The longest message in bytes of payload that the client accepts.
    pub message_max: u32,
    /// How many slots the client would like: 1 to 2^24.
    pub slots: u32,
    /// Counts the connections that the client has made for this session.
    pub connection: u32,
    /// A new session, or which one.
    pub session: SessionWish,
    /// Who the client is. At most [`CREDENTIALS_MAX`] bytes; more are not written.
    pub credentials: Credentials,
    /// The client's software and its version, for the server's logs.
    pub software: String,
}

impl Hello {
    /// Appends the frame.
    pub fn write(&self, out: &mut Vec<u8>) {
        let start = wire::begin_plain(out, Kind::Hello);
        out.extend_from_slice(&MAGIC);
        wire::put_u16(out, self.protocol_min);
        wire::put_u16(out, self.protocol_max);
        let codecs = self.codecs.get(..usize::from(u8::MAX)).unwrap_or(&self.codecs);
        out.push(codecs.len() as u8);
        out.extend_from_slice(codecs);
        out.push(self.checksum.to_wire());
        wire::put_u32(out, self.message_max);
        wire::put_u32(out, self.slots);
        wire::put_u32(out, self.connection);
        match &self.session {
            SessionWish::Open => out.push(0),
            SessionWish::Resume { id, token } => {
                out.push(1);
                wire::put_u64(out, id.0);
                out.extend_from_slice(&token.0);
            }
        }
        let credentials = &self.credentials.0;
        let credentials = credentials.get(..CREDENTIALS_MAX).unwrap_or(credentials);
        wire::put_u16(out, credentials.len() as u16);
        out.extend_from_slice(credentials);
        wire::put_str(out, &self.software);
        super::seal(out, start, Checksum::Whole);
    }

    /// Bytes of the frame.
    pub fn encoded_len(&self) -> usize {
        // Once a connection: not worth a second list of its fields.
        let mut out = Vec::new();
        self.write(&mut out);
        out.len()
    }

    /// The versions of the protocol that the client speaks, oldest and newest. They stand at one place for ever, so a server
    /// that shares none of them can say so, whatever else the frame holds.
    ///
    /// # Errors
    /// `Malformed`: no magic number, or no range.
    pub fn versions(header: &Header, body: &[u8]) -> Result<(u16, u16), ProtocolError> {
        versions(&mut wire::read_plain(header, body)?)
    }

    /// Reads the frame.
    ///
    /// # Errors
    /// `Malformed`, with the field.
    pub fn read(header: &Header, body: &[u8]) -> Result<Self, ProtocolError> {
        let mut reader = wire::read_plain(header, body)?;
        let (protocol_min, protocol_max) = versions(&mut reader)?;
        let codecs = usize::from(reader.u8("the number of codecs")?);
        let codecs = reader.bytes("codecs", codecs)?.to_vec();
        let checksum = Checksum::read(&mut reader)?;
        let message_max = reader.u32("message_max")?;
        let slots = slots(&mut reader)?;
        let connection = reader.u32("connection")?;
        let session = match reader.u8("session")? {
            0 => SessionWish::Open,
            1 => SessionWish::Resume {
                id: SessionId(reader.u64("the session's number")?),
                token: Token(reader.array("token")?),
            },
            other => return Err(reader.malformed(format!("session is {other}, not 0 or 1"))),
        };
        let length = usize::from(reader.u16("the length of the credentials")?);
        if length > CREDENTIALS_MAX {
            let what = format!("{length} bytes of credentials, at most {CREDENTIALS_MAX} are allowed");
            return Err(reader.malformed(what));
        }
        let credentials = Credentials(reader.bytes("credentials", length)?.to_vec());
        let software = reader.str("software")?.to_owned();
        reader.end()?;
        Ok(Self {
            protocol_min,
            protocol_max,
            codecs,
            checksum,
            message_max,
            slots,
            connection,
            session,
            credentials,
            software,
        })
    }
}

impl Default for Hello {
    /// Opens a session with one slot, bincode and the versions of this crate.
    fn default() -> Self {
        Self {
            protocol_min: PROTOCOL_MIN,
            protocol_max: PROTOCOL_MAX,
            codecs: vec![1],
            checksum: Checksum::Whole,
            message_max: 16 << 20,
            slots: 1,
            connection: 0,
            session: SessionWish::Open,
            credentials: Credentials::default(),
            software: String::new(),
        }
    }
}

/// Reads the magic number.
pub(super) fn magic(reader: &mut Reader<'_>) -> Result<(), ProtocolError> {
    let found = reader.array("the magic number")?;
    if found == MAGIC { Ok(()) } else { Err(reader.malformed(format!("the magic number is {found:02x?}"))) }
}

/// Reads a number of slots.
pub(super) fn slots(reader: &mut Reader<'_>) -> Result<u32, ProtocolError> {
    let slots = reader.u32("slots")?;
    if (1..=SlotId::SLOT_MAX + 1).contains(&slots) {
        return Ok(slots);
    }
    Err(reader.malformed(format!("{slots} slots, not 1 to {}", SlotId::SLOT_MAX + 1)))
}

fn versions(reader: &mut Reader<'_>) -> Result<(u16, u16), ProtocolError> {
    magic(reader)?;
    let (min, max) = reader.version("protocol")?;
    if min > max {
        return Err(reader.malformed(format!("protocol versions from {min} to {max}")));
    }
    Ok((min, max))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::tests::{malformed, round_trip, same};

    #[test]
    fn a_hello_that_opens_a_session_has_these_bytes() {
        let hello = Hello {
            codecs: vec![1, 2],
            slots: 1024,
            software: "carnegie 0.1.0".to_owned(),
            ..Hello::default()
        };
        same(
            |out| hello.write(out),
            "4700000002e0f5f7010000000000000000000000000000004341524e454749450100010002010200\
             0000000100040000000000000000000e006361726e6567696520302e312e30",
        );
        round_trip(|out| hello.write(out), Hello::read, &hello);
    }

    #[test]
    fn a_hello_that_resumes_a_session_survives() {
        let token = Token([7; 16]);
        let hello = Hello {
            checksum: Checksum::HeaderOnly,
            connection: 3,
            session: SessionWish::Resume { id: SessionId(9), token },
            credentials: Credentials(b"secret".to_vec()),
            ..Hello::default()
        };
        round_trip(|out| hello.write(out), Hello::read, &hello);
    }

    #[test]
    fn neither_token_nor_credentials_are_printed() {
        let session = SessionWish::Resume { id: SessionId(9), token: Token([0x5a; 16]) };
        let hello = Hello { session, credentials: Credentials(b"sesame".to_vec()), ..Hello::default() };
        let text = format!("{hello:?}");
        assert!(text.contains("Token(..)") && text.contains("Credentials(6 bytes)"), "{text}");
    }

    #[test]
    fn the_versions_of_a_hello_from_the_future_can_be_read() {
        let mut out = Vec::new();
        let start = wire::begin_plain(&mut out, Kind::Hello);
        out.extend_from_slice(b"CARNEGIE\x02\0\x05\0and fields that nobody knows yet");
        crate::frame::seal(&mut out, start, Checksum::Whole);
        let (header, body) = crate::frame::tests::only(&out);
        assert_eq!(Hello::versions(&header, body), Ok((2, 5)));
        assert!(Hello::read(&header, body).is_err());
    }

    #[test]
    fn impossible_fields_are_named() {
        let hello = |change: fn(&mut Hello)| {
            let mut hello = Hello::default();
            change(&mut hello);
            malformed(|out| hello.write(out), Hello::read)
        };
        assert_eq!(hello(|h| h.slots = 0), "0 slots, not 1 to 16777216");
        assert_eq!(hello(|h| h.slots = (1 << 24) + 1), "16777217 slots, not 1 to 16777216");
        assert_eq!(hello(|h| h.protocol_min = 2), "protocol versions from 2 to 1");
    }
}

//! `Welcome`: the server opens the connection.

use super::{Checksum, Header, Kind, MAGIC, hello, wire};
use crate::error::ProtocolError;
use crate::ids::{Domain, Incarnation, SessionId, Token};

/// The answer to a `Hello`: what was agreed. Connection time starts with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// The version of the protocol that both speak from here on.
    pub protocol: u16,
    /// The codec of all payloads.
    pub codec: u8,
    /// What the checksums of payload frames cover from here on.
    pub checksum: Checksum,
    /// The longest message in bytes of payload that the server accepts.
    pub message_max: u32,
    /// The slots of the session: 1 to 2^24.
    pub slots: u32,
    /// The session's public number.
    pub session: SessionId,
    /// What resumes the session.
    pub token: Token,
    /// The run of the server's process.
    pub incarnation: Incarnation,
    /// The reply cache that the session belongs to.
    pub domain: Domain,
    /// How long the session outlives its last connection, in milliseconds.
    pub lease_ms: u32,
    /// Whether the session existed before.
    pub resumed: bool,
    /// The server's software and its version, for the client's logs.
    pub software: String,
}

impl Welcome {
    /// Appends the frame.
    pub fn write(&self, out: &mut Vec<u8>) {
        let start = wire::begin_plain(out, Kind::Welcome);
        out.extend_from_slice(&MAGIC);
        wire::put_u16(out, self.protocol);
        out.push(self.codec);
        out.push(self.checksum.to_wire());
        wire::put_u32(out, self.message_max);
        wire::put_u32(out, self.slots);
        wire::put_u64(out, self.session.0);
        out.extend_from_slice(&self.token.0);
        wire::put_u64(out, self.incarnation.0);
        out.extend_from_slice(&self.domain.0);
        wire::put_u32(out, self.lease_ms);
        out.push(u8::from(self.resumed));
        wire::put_str(out, &self.software);
        super::seal(out, start, Checksum::Whole);
    }

    /// Reads the frame.
    ///
    /// # Errors
    /// `Malformed`, with the field.
    pub fn read(header: &Header, body: &[u8]) -> Result<Self, ProtocolError> {
        let mut reader = wire::read_plain(header, body)?;
        hello::magic(&mut reader)?;
        let welcome = Self {
            protocol: reader.u16("protocol")?,
            codec: reader.u8("codec")?,
            checksum: Checksum::read(&mut reader)?,
            message_max: reader.u32("message_max")?,
            slots: hello::slots(&mut reader)?,
            session: SessionId(reader.u64("session")?),
            token: Token(reader.array("token")?),
            incarnation: Incarnation(reader.u64("incarnation")?),
            domain: Domain(reader.array("domain")?),
            lease_ms: reader.u32("lease_ms")?,
            resumed: reader.bool("resumed")?,
            software: reader.str("software")?.to_owned(),
        };
        reader.end()?;
        Ok(welcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::tests::{round_trip, same};

    #[test]
    fn a_welcome_has_these_bytes() {
        let welcome = Welcome {
            protocol: 1,
            codec: 1,
            checksum: Checksum::Whole,
            message_max: 16 << 20,
            slots: 1024,
            session: SessionId(0x1122_3344_5566_7788),
            token: Token(std::array::from_fn(|at| at as u8)),
            incarnation: Incarnation(7),
            domain: Domain(std::array::from_fn(|at| 0x10 + at as u8)),
            lease_ms: 60_000,
            resumed: false,
            software: "carnegie 0.1.0".to_owned(),
        };
        same(
            |out| welcome.write(out),
            "7100000015478b91020000000000000000000000000000004341524e454749450100010000000001\
             000400008877665544332211000102030405060708090a0b0c0d0e0f070000000000000010111213\
             1415161718191a1b1c1d1e1f60ea0000000e006361726e6567696520302e312e30",
        );
        round_trip(|out| welcome.write(out), Welcome::read, &welcome);
    }
}

//! How fields are written and read. Every read is checked and names its field.

use super::{Flags, Header, Kind};
use crate::error::ProtocolError;
use crate::ids::SlotId;
use crate::limits::TEXT_MAX;

/// Reads the fields of a body, one after the other.
pub struct Reader<'a> {
    kind: Kind,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader of the body of a frame of this kind.
    #[inline]
    pub fn new(kind: Kind, body: &'a [u8]) -> Self {
        Self { kind, rest: body }
    }

    /// A field that is not what it must be.
    #[cold]
    pub fn malformed(&self, what: String) -> ProtocolError {
        ProtocolError::Malformed { kind: self.kind.name(), what }
    }

    #[cold]
    fn short(&self, field: &str, wanted: usize) -> ProtocolError {
        self.malformed(format!("{field} takes {wanted} bytes, {} are left", self.rest.len()))
    }

    /// What has not been read.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// As all reads: `Malformed`, naming `field`.
    #[inline]
    pub fn array<const N: usize>(&mut self, field: &str) -> Result<[u8; N], ProtocolError> {
        let Some((array, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(self.short(field, N));
        };
        self.rest = rest;
        Ok(*array)
    }

    /// The next `length` bytes.
    ///
    /// # Errors
    /// Fewer are left.
    #[inline]
    pub fn bytes(&mut self, field: &str, length: usize) -> Result<&'a [u8], ProtocolError> {
        let Some((bytes, rest)) = self.rest.split_at_checked(length) else {
            return Err(self.short(field, length));
        };
        self.rest = rest;
        Ok(bytes)
    }

    /// One byte.
    ///
    /// # Errors
    /// None is left.
    #[inline]
    pub fn u8(&mut self, field: &str) -> Result<u8, ProtocolError> {
        let [byte] = self.array(field)?;
        Ok(byte)
    }

    /// Two bytes.
    ///
    /// # Errors
    /// Fewer are left.
    #[inline]
    pub fn u16(&mut self, field: &str) -> Result<u16, ProtocolError> {
        self.array(field).map(u16::from_le_bytes)
    }

    /// Four bytes.
    ///
    /// # Errors
    /// Fewer are left.
    #[inline]
    pub fn u32(&mut self, field: &str) -> Result<u32, ProtocolError> {
        self.array(field).map(u32::from_le_bytes)
    }

    /// Eight bytes.
    ///
    /// # Errors
    /// Fewer are left.
    #[inline]
    pub fn u64(&mut self, field: &str) -> Result<u64, ProtocolError> {
        self.array(field).map(u64::from_le_bytes)
    }

    /// One byte that is 0 or 1.
    ///
    /// # Errors
    /// Another value.
    pub fn bool(&mut self, field: &str) -> Result<bool, ProtocolError> {
        match self.u8(field)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.malformed(format!("{field} is {other}, not 0 or 1"))),
        }
    }

    /// A text: u16 length and UTF-8.
    ///
    /// # Errors
    /// It is cut off, longer than [`TEXT_MAX`] or not UTF-8.
    pub fn str(&mut self, field: &str) -> Result<&'a str, ProtocolError> {
        self.str_within(field, TEXT_MAX)
    }

    /// A text of at most `most` bytes: u16 length and UTF-8.
    ///
    /// # Errors
    /// It is cut off, longer than `most` or not UTF-8.
    pub fn str_within(&mut self, field: &str, most: usize) -> Result<&'a str, ProtocolError> {
        let length = usize::from(self.u16(field)?);
        if length > most {
            return Err(self.malformed(format!("{field} has {length} bytes, at most {most} are allowed")));
        }
        let bytes = self.bytes(field, length)?;
        std::str::from_utf8(bytes).map_err(|_| self.malformed(format!("{field} is not UTF-8")))
    }

    /// A version: major, minor.
    ///
    /// # Errors
    /// It is cut off.
    pub fn version(&mut self, field: &str) -> Result<(u16, u16), ProtocolError> {
        Ok((self.u16(field)?, self.u16(field)?))
    }

    /// The u16 count of a list whose elements take at least `least` bytes each: so many are there in any case, and
    /// room for them may be reserved.
    ///
    /// # Errors
    /// More than `most`, or more than the bytes that are left can hold.
    pub fn count(&mut self, field: &str, least: usize, most: usize) -> Result<usize, ProtocolError> {
        let count = usize::from(self.u16(field)?);
        if count > most {
            return Err(self.malformed(format!("{field}: {count} are announced, at most {most} are allowed")));
        }
        if count * least > self.rest.len() {
            return Err(self.short(field, count * least));
        }
        Ok(count)
    }

    /// Ends the body.
    ///
    /// # Errors
    /// Bytes are left.
    #[inline]
    pub fn end(self) -> Result<(), ProtocolError> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(self.malformed(format!("{} bytes follow its last field", self.rest.len())))
    }
}

/// The longest start of `text` within `most` bytes that does not cut a character.
pub fn cut(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Writes a text, cut to [`TEXT_MAX`].
pub fn put_str(out: &mut Vec<u8>, text: &str) {
    put_str_within(out, text, TEXT_MAX);
}

/// Writes a text, cut to `most` bytes, which are below 2^16.
pub fn put_str_within(out: &mut Vec<u8>, text: &str, most: usize) {
    let text = cut(text, most.min(usize::from(u16::MAX)));
    out.extend_from_slice(&(text.len() as u16).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// Writes two bytes.
#[inline]
pub fn put_u16(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// Writes four bytes.
#[inline]
pub fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// Writes eight bytes.
#[inline]
pub fn put_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// Writes a version: major, minor.
pub fn put_version(out: &mut Vec<u8>, (major, minor): (u16, u16)) {
    put_u16(out, major);
    put_u16(out, minor);
}

/// Starts a frame whose header says nothing but its kind.
pub(super) fn begin_plain(out: &mut Vec<u8>, kind: Kind) -> usize {
    super::begin(out, kind, Flags::NONE, 0, 0, SlotId::default())
}

/// Reads the body of a frame whose header says nothing but its kind.
pub(super) fn read_plain<'a>(header: &Header, body: &'a [u8]) -> Result<Reader<'a>, ProtocolError> {
    header.no_method()?.no_deadline()?.no_id()?;
    Ok(Reader::new(header.kind, body))
}

/// Reads a number in place of a request id that must fit into 32 bits.
pub(super) fn number(header: &Header) -> Result<u32, ProtocolError> {
    let number = header.id.to_wire();
    u32::try_from(number).map_err(|_| header.malformed(format!("number {number} is beyond 32 bits")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("aé", 2), "a");
        assert_eq!(cut("aé", 3), "aé");
        assert_eq!(cut("é", 0), "");
        let mut out = Vec::new();
        put_str(&mut out, &"é".repeat(TEXT_MAX));
        assert_eq!(out.len(), 2 + TEXT_MAX);
        let text = Reader::new(Kind::Close, &out).str("reason").expect("a text that was written");
        assert_eq!(text.len(), TEXT_MAX);
    }

    #[test]
    fn a_read_beyond_the_end_names_its_field() {
        let error = Reader::new(Kind::Hello, &[1, 2]).u32("slots").expect_err("two bytes are no u32");
        assert_eq!(error.to_string(), "a Hello frame is malformed: slots takes 4 bytes, 2 are left");
    }

    #[test]
    fn a_count_beyond_the_bytes_that_are_left_is_refused_before_room_is_made() {
        let error = Reader::new(Kind::Release, &[0, 16]).count("ids", 8, 8192).expect_err("no bytes follow");
        assert_eq!(error.to_string(), "a Release frame is malformed: ids takes 32768 bytes, 0 are left");
    }

    #[test]
    fn bytes_after_the_last_field_are_refused() {
        let error = Reader::new(Kind::Close, &[0]).end().expect_err("one byte is left");
        assert_eq!(error.to_string(), "a Close frame is malformed: 1 bytes follow its last field");
    }
}

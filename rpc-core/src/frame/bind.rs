//! `Bind`: the client wants to call a service, and says what it takes its methods to be.

use super::wire::{self, Reader};
use super::{Checksum, Flags, Header, Kind};
use crate::error::ProtocolError;
use crate::ids::SlotId;
use crate::limits::{HEADER_LEN, METHOD_TABLE_MAX, METHODS_MAX, TABLE_FRAME_MAX, TEXT_MAX};

const IDEMPOTENT: u8 = 1;

/// One method, as the client was compiled with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindMethod {
    /// Its name.
    pub name: String,
    /// Of its signature.
    pub fingerprint: u64,
    /// Whether it may run more than once.
    pub idempotent: bool,
    /// The version of the service that it came with, if it was not there from the first.
    pub since: Option<(u16, u16)>,
}

/// Asks for a service and appends its methods to the session's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    /// Number of the binding in the session, from 0. The answer bears it too.
    pub number: u32,
    /// The first method's index in the session's table.
    pub base: u16,
    /// The service's name.
    pub service: String,
    /// The version that the client was compiled with: major, minor.
    pub version: (u16, u16),
    /// At most [`METHODS_MAX`].
    pub methods: Vec<BindMethod>,
}

impl Bind {
    /// Whether it can be sent: not too many methods, no name too long, and all of it in one frame.
    pub fn fits(&self) -> bool {
        let names = || self.methods.iter().map(|method| method.name.len());
        let methods: usize = self.methods.iter().map(BindMethod::encoded_len).sum();
        self.methods.len() <= METHODS_MAX
            && usize::from(self.base) + self.methods.len() <= METHOD_TABLE_MAX
            && names().chain([self.service.len()]).all(|length| length <= TEXT_MAX)
            && HEADER_LEN + 2 + 2 + self.service.len() + 4 + 2 + methods <= TABLE_FRAME_MAX
    }

    /// Appends the frame. The caller has asked [`Bind::fits`].
    pub fn write(&self, out: &mut Vec<u8>) {
        let id = SlotId::from_wire(u64::from(self.number));
        let start = super::begin(out, Kind::Bind, Flags::NONE, 0, 0, id);
        wire::put_u16(out, self.base);
        wire::put_str(out, &self.service);
        wire::put_version(out, self.version);
        wire::put_u16(out, self.methods.len() as u16);
        for method in &self.methods {
            method.write(out);
        }
        super::seal(out, start, Checksum::Whole);
    }

    /// Reads the frame.
    ///
    /// # Errors
    /// `Malformed`, with the field. `LimitExceeded`: the session's table would grow beyond [`METHOD_TABLE_MAX`].
    pub fn read(header: &Header, body: &[u8]) -> Result<Self, ProtocolError> {
        header.no_method()?.no_deadline()?;
        let number = wire::number(header)?;
        let mut reader = Reader::new(header.kind, body);
        let base = reader.u16("base")?;
        let service = reader.str("service")?.to_owned();
        let version = reader.version("version")?;
        let count = reader.count("methods", BindMethod::LEAST, METHODS_MAX)?;
        let end = usize::from(base) + count;
        if end > METHOD_TABLE_MAX {
            let what = format!("a method table of {end} entries, at most {METHOD_TABLE_MAX} are allowed");
            return Err(ProtocolError::LimitExceeded { what });
        }
        let mut methods = Vec::with_capacity(count);
        for _ in 0..count {
            methods.push(BindMethod::read(&mut reader)?);
        }
        reader.end()?;
        Ok(Self { number, base, service, version, methods })
    }
}

impl BindMethod {
    /// Bytes of a method without a name.
    const LEAST: usize = 2 + 8 + 1 + 1;

    fn encoded_len(&self) -> usize {
        Self::LEAST + self.name.len() + if self.since.is_some() { 4 } else { 0 }
    }

    fn write(&self, out: &mut Vec<u8>) {
        wire::put_str(out, &self.name);
        wire::put_u64(out, self.fingerprint);
        out.push(if self.idempotent { IDEMPOTENT } else { 0 });
        out.push(u8::from(self.since.is_some()));
        if let Some(since) = self.since {
            wire::put_version(out, since);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, ProtocolError> {
        let name = reader.str("the name of a method")?.to_owned();
        let fingerprint = reader.u64("the fingerprint of a method")?;
        let idempotent = match reader.u8("the flags of a method")? {
            0 => false,
            IDEMPOTENT => true,
            other => return Err(reader.malformed(format!("method {name} has unknown flags {other:#04x}"))),
        };
        let since = if reader.bool("since")? { Some(reader.version("since")?) } else { None };
        Ok(Self { name, fingerprint, idempotent, since })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::tests::{malformed, round_trip, same};

    fn method(name: &str, fingerprint: u64) -> BindMethod {
        BindMethod { name: name.to_owned(), fingerprint, idempotent: false, since: None }
    }

    fn box_office() -> Bind {
        let mut methods = vec![
            method("free_seats", 0x0123_4567_89ab_cdef),
            method("sell", 0xfedc_ba98_7654_3210),
            method("refund", 0x1111_1111_2222_2222),
        ];
        methods[0].idempotent = true;
        methods[2].since = Some((1, 1));
        Bind { number: 0, base: 0, service: "BoxOffice".to_owned(), version: (1, 1), methods }
    }

    #[test]
    fn a_bind_has_these_bytes() {
        let bind = box_office();
        assert!(bind.fits());
        same(
            |out| bind.write(out),
            "6700000007eeb1fc0400000000000000000000000000000000000900426f784f6666696365010001\
             0003000a00667265655f7365617473efcdab89674523010100040073656c6c1032547698badcfe00\
             000600726566756e642222222211111111000101000100",
        );
        round_trip(|out| bind.write(out), Bind::read, &bind);
    }

    #[test]
    fn a_service_of_as_many_methods_as_are_allowed_fits() {
        let name = "a_method_whose_name_is_rather_long_for_a_method";
        let bind = Bind { methods: vec![method(name, 1); METHODS_MAX], ..box_office() };
        assert!(bind.fits());
        round_trip(|out| bind.write(out), Bind::read, &bind);
    }

    #[test]
    fn a_bind_fits_exactly_if_its_frame_does() {
        let mut bind = Bind { methods: vec![method("", 1); METHODS_MAX], ..box_office() };
        let mut out = Vec::new();
        bind.write(&mut out);
        let room = TABLE_FRAME_MAX - out.len();
        for (at, length) in
            [(0, room % TEXT_MAX)].into_iter().chain((1..=room / TEXT_MAX).map(|at| (at, TEXT_MAX)))
        {
            bind.methods[at].name = "x".repeat(length);
        }
        out.clear();
        bind.write(&mut out);
        assert_eq!((out.len(), bind.fits()), (TABLE_FRAME_MAX, true));
        bind.service.push('x');
        assert!(!bind.fits());
    }

    #[test]
    fn a_table_beyond_its_limits_is_refused() {
        let many = Bind { methods: vec![method("m", 1); METHODS_MAX + 1], ..box_office() };
        assert!(!many.fits());
        let what = malformed(|out| many.write(out), Bind::read);
        assert_eq!(what, "methods: 1025 are announced, at most 1024 are allowed");
        let late = Bind { base: METHOD_TABLE_MAX as u16, ..box_office() };
        assert!(!late.fits());
        let mut out = Vec::new();
        late.write(&mut out);
        let (header, body) = crate::frame::tests::only(&out);
        assert!(matches!(Bind::read(&header, body), Err(ProtocolError::LimitExceeded { .. })));
    }
}

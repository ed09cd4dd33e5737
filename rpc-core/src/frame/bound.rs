//! `Bound`: what the server makes of a `Bind`.

use super::wire::{self, Reader};
use super::{Checksum, Flags, Header, Kind};
use crate::error::{Offer, ProtocolError};
use crate::ids::SlotId;
use crate::limits::{METHODS_MAX, TABLE_FRAME_MAX, TEXT_MAX};

/// Bytes of an offer without a name.
const OFFER_LEAST: usize = 2 + 4;

/// What the server makes of one of the client's methods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BoundMethod {
    /// It can be called.
    Usable,
    /// The server does not have it.
    Missing,
    /// Its arguments or its result are others there.
    Differs {
        /// The server's signature in a form that is opaque to frames; empty if the server does not send it.
        structure: Vec<u8>,
    },
}

/// What the server makes of a `Bind`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BoundResult {
    /// The service can be called.
    Accepted {
        /// The server's version of it: major, minor.
        version: (u16, u16),
        /// In the order of the client's table.
        methods: Vec<BoundMethod>,
    },
    /// There is no service of that name.
    NotFound {
        /// What there is.
        offered: Vec<Offer>,
    },
    /// There is none of that major version.
    OtherVersion {
        /// The versions that there are.
        offered: Vec<Offer>,
    },
}

/// The answer to a `Bind`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Number of the binding, as in the `Bind`.
    pub number: u32,
    /// Yes or no.
    pub result: BoundResult,
}

impl Bound {
    /// Appends the frame. Structures and offers that do not fit into it are left out: the client then knows that a
    /// method differs, but not where.
    pub fn write(&self, out: &mut Vec<u8>) {
        let id = SlotId::from_wire(u64::from(self.number));
        let start = super::begin(out, Kind::Bound, Flags::NONE, 0, 0, id);
        match &self.result {
            BoundResult::Accepted { version, methods } => {
                out.push(0);
                wire::put_version(out, *version);
                write_methods(out, start, methods);
            }
            BoundResult::NotFound { offered } => {
                out.push(1);
                write_offers(out, start, offered);
            }
            BoundResult::OtherVersion { offered } => {
                out.push(2);
                write_offers(out, start, offered);
            }
        }
        super::seal(out, start, Checksum::Whole);
    }

    /// Reads the frame.
    ///
    /// # Errors
    /// `Malformed`, with the field.
    pub fn read(header: &Header, body: &[u8]) -> Result<Self, ProtocolError> {
        header.no_method()?.no_deadline()?;
        let number = wire::number(header)?;
        let mut reader = Reader::new(header.kind, body);
        let result = match reader.u8("result")? {
            0 => BoundResult::Accepted {
                version: reader.version("version")?,
                methods: read_methods(&mut reader)?,
            },
            1 => BoundResult::NotFound { offered: read_offers(&mut reader)? },
            2 => BoundResult::OtherVersion { offered: read_offers(&mut reader)? },
            other => return Err(reader.malformed(format!("result is {other}, not 0, 1 or 2"))),
        };
        reader.end()?;
        Ok(Self { number, result })
    }
}

fn write_methods(out: &mut Vec<u8>, start: usize, methods: &[BoundMethod]) {
    let methods = methods.get(..METHODS_MAX).unwrap_or(methods);
    wire::put_u16(out, methods.len() as u16);
    // Room for a status and an empty structure of every method is kept, whatever came before.
    let mut room = TABLE_FRAME_MAX.saturating_sub(out.len() - start + 5 * methods.len());
    for method in methods {
        match method {
            BoundMethod::Usable => out.push(0),
            BoundMethod::Missing => out.push(1),
            BoundMethod::Differs { structure } => {
                let structure = if structure.len() <= room { structure.as_slice() } else { &[] };
                room -= structure.len();
                out.push(2);
                wire::put_u32(out, structure.len() as u32);
                out.extend_from_slice(structure);
            }
        }
    }
}

fn read_methods(reader: &mut Reader<'_>) -> Result<Vec<BoundMethod>, ProtocolError> {
    let count = reader.count("methods", 1, METHODS_MAX)?;
    let mut methods = Vec::with_capacity(count);
    for _ in 0..count {
        methods.push(match reader.u8("the status of a method")? {
            0 => BoundMethod::Usable,
            1 => BoundMethod::Missing,
            2 => {
                let length = reader.u32("the length of a structure")? as usize;
                BoundMethod::Differs { structure: reader.bytes("structure", length)?.to_vec() }
            }
            other => {
                return Err(reader.malformed(format!("the status of a method is {other}, not 0, 1 or 2")));
            }
        });
    }
    Ok(methods)
}

fn write_offers(out: &mut Vec<u8>, start: usize, offers: &[Offer]) {
    let mut room = TABLE_FRAME_MAX - (out.len() - start) - 2;
    let fitting = offers.iter().take_while(|offer| {
        let length = OFFER_LEAST + offer.name.len().min(TEXT_MAX);
        let fits = length <= room;
        room = room.saturating_sub(length);
        fits
    });
    let count = fitting.count().min(usize::from(u16::MAX));
    wire::put_u16(out, count as u16);
    for offer in offers.iter().take(count) {
        wire::put_str(out, &offer.name);
        wire::put_version(out, offer.version);
    }
}

fn read_offers(reader: &mut Reader<'_>) -> Result<Vec<Offer>, ProtocolError> {
    let count = reader.count("offers", OFFER_LEAST, usize::from(u16::MAX))?;
    let mut offers = Vec::with_capacity(count);
    for _ in 0..count {
        let name = reader.str("the name of a service")?.to_owned();
        offers.push(Offer { name, version: reader.version("the version of a service")? });
    }
    Ok(offers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::tests::{only, round_trip, same};
    use crate::limits::FRAME_MAX;

    #[test]
    fn a_bound_has_these_bytes() {
        let differs = BoundMethod::Differs { structure: vec![0xaa, 0xbb, 0xcc] };
        let methods = vec![BoundMethod::Usable, differs, BoundMethod::Missing];
        let bound = Bound { number: 0, result: BoundResult::Accepted { version: (1, 0), methods } };
        same(
            |out| bound.write(out),
            "29000000a7a668780500000000000000000000000000000000010000000300000203000000aabbcc\
             01",
        );
        round_trip(|out| bound.write(out), Bound::read, &bound);
    }

    #[test]
    fn a_refused_bind_lists_what_there_is() {
        let offered = vec![Offer { name: "Bank".to_owned(), version: (1, 2) }];
        let bound = Bound { number: 1, result: BoundResult::NotFound { offered } };
        same(
            |out| bound.write(out),
            "2500000009daecbd05000000000000000100000000000000010100040042616e6b01000200",
        );
        round_trip(|out| bound.write(out), Bound::read, &bound);
    }

    #[test]
    fn structures_that_do_not_fit_are_left_out() {
        let differs = BoundMethod::Differs { structure: vec![1; TABLE_FRAME_MAX / 3] };
        let methods = vec![differs; METHODS_MAX];
        let bound = Bound { number: 0, result: BoundResult::Accepted { version: (1, 0), methods } };
        let mut out = Vec::new();
        bound.write(&mut out);
        assert!(out.len() <= FRAME_MAX);
        let (header, body) = only(&out);
        let Ok(Bound { result: BoundResult::Accepted { methods, .. }, .. }) = Bound::read(&header, body)
        else {
            panic!("a bound that was accepted");
        };
        let lengths = methods.iter().map(|method| match method {
            BoundMethod::Differs { structure } => structure.len(),
            _ => panic!("a method that differs"),
        });
        let lengths: Vec<usize> = lengths.collect();
        assert_eq!(lengths.len(), METHODS_MAX);
        assert_eq!(lengths.iter().filter(|length| **length > 0).count(), 2);
    }

    #[test]
    fn offers_that_do_not_fit_are_left_out() {
        let offered = vec![Offer { name: "x".repeat(1000), version: (1, 0) }; 100];
        let mut out = Vec::new();
        Bound { number: 0, result: BoundResult::OtherVersion { offered } }.write(&mut out);
        assert!(out.len() <= FRAME_MAX);
        let (header, body) = only(&out);
        let Ok(Bound { result: BoundResult::OtherVersion { offered }, .. }) = Bound::read(&header, body)
        else {
            panic!("a bound of another version");
        };
        assert_eq!(offered.len(), 73);
    }
}

//! `Bound`: what the server makes of a `Bind`.

use super::wire::{self, Reader};
use super::{Checksum, Flags, Header, Kind};
use crate::error::{Offer, ProtocolError};
use crate::ids::SlotId;
use crate::limits::{CHUNK_LEN, METHODS_MAX, TABLE_FRAME_MAX, TEXT_MAX};

/// Bytes of an offer without a name.
const OFFER_LEAST: usize = 2 + 4;

/// More types than this go ahead, in frames of their own, so that the structures have the room of the answer itself.
const TYPES_WITHIN: usize = 16 << 10;

/// Types in one of these frames.
const TYPES_PART: usize = CHUNK_LEN;

/// The most bytes of a method besides its structure or the name of another one: status, flag, length.
const METHOD_LEAST: usize = 1 + 1 + 4;

/// A method that the client may mean by one that the server does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// Its name there.
    pub name: String,
    /// Arguments and result are those of the method that is missing, so it is likely the same one renamed. If not, only the
    /// names are alike.
    pub same_types: bool,
}

/// What the server makes of one of the client's methods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BoundMethod {
    /// It can be called.
    Usable,
    /// The server does not have it.
    Missing {
        /// What it has instead.
        suggestion: Option<Suggestion>,
    },
    /// The fingerprint of its arguments and its result is another one there.
    Differs {
        /// Besides, it may run only once there, and the client takes it to be idempotent.
        runs_once: bool,
        /// The server's structure of it, which refers to the types of the answer, in a form that is opaque to frames; empty
        /// if the server does not send it.
        structure: Vec<u8>,
    },
    /// It may run only once there, and the client takes it to be idempotent. Nothing else differs.
    RunsOnce,
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
        /// The types that the structures refer to, in a form that is opaque to frames; empty if there are none. What came
        /// in [`BoundResult::Types`] goes before.
        types: Vec<u8>,
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
    /// The next part of the types of an answer that follows.
    Types {
        /// In a form that is opaque to frames.
        part: Vec<u8>,
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
    /// Appends the frame; before it, if there are many types, as many as these take. Structures, suggestions and offers that do
    /// not fit into it are left out: the client then knows that a method differs, but not where.
    pub fn write(&self, out: &mut Vec<u8>) {
        match &self.result {
            BoundResult::Accepted { version, methods, types } if types.len() > TYPES_WITHIN => {
                for part in types.chunks(TYPES_PART) {
                    self.framed(out, |out, _| write_types(out, part));
                }
                self.framed(out, |out, start| write_accepted(out, start, *version, methods, &[], true));
            }
            BoundResult::Accepted { version, methods, types } => {
                self.framed(out, |out, start| {
                    write_accepted(out, start, *version, methods, types, !types.is_empty());
                });
            }
            BoundResult::NotFound { offered } => self.framed(out, |out, start| {
                out.push(1);
                write_offers(out, start, offered);
            }),
            BoundResult::OtherVersion { offered } => self.framed(out, |out, start| {
                out.push(2);
                write_offers(out, start, offered);
            }),
            BoundResult::Types { part } => self.framed(out, |out, _| write_types(out, part)),
        }
    }

    fn framed(&self, out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>, usize)) {
        let id = SlotId::from_wire(u64::from(self.number));
        let start = super::begin(out, Kind::Bound, Flags::NONE, 0, 0, id);
        body(out, start);
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
                types: read_block(&mut reader, "types")?,
            },
            1 => BoundResult::NotFound { offered: read_offers(&mut reader)? },
            2 => BoundResult::OtherVersion { offered: read_offers(&mut reader)? },
            3 => BoundResult::Types { part: read_block(&mut reader, "types")? },
            other => return Err(reader.malformed(format!("result is {other}, not 0 to 3"))),
        };
        reader.end()?;
        Ok(Self { number, result })
    }
}

fn write_types(out: &mut Vec<u8>, part: &[u8]) {
    out.push(3);
    put_block(out, part);
}

/// `typed`: the structures' types are here or went ahead. Without them a structure says nothing.
fn write_accepted(
    out: &mut Vec<u8>,
    start: usize,
    version: (u16, u16),
    methods: &[BoundMethod],
    types: &[u8],
    typed: bool,
) {
    out.push(0);
    wire::put_version(out, version);
    let methods = methods.get(..METHODS_MAX).unwrap_or(methods);
    wire::put_u16(out, methods.len() as u16);
    // Room for what every method needs at least is kept, whatever came before.
    let kept = out.len() - start + METHOD_LEAST * methods.len() + 4;
    let mut room = TABLE_FRAME_MAX.saturating_sub(kept + types.len());
    let mut fits = |length: usize| {
        let fits = length <= room;
        room -= if fits { length } else { 0 };
        fits
    };
    for method in methods {
        match method {
            BoundMethod::Usable => out.push(0),
            BoundMethod::Missing { suggestion: Some(Suggestion { name, same_types }) }
                if fits(name.len().min(TEXT_MAX)) =>
            {
                out.extend([4, u8::from(*same_types)]);
                wire::put_str(out, name);
            }
            BoundMethod::Missing { .. } => out.push(1),
            BoundMethod::Differs { runs_once, structure } => {
                let structure = if typed && fits(structure.len()) { structure.as_slice() } else { &[] };
                out.extend([2, u8::from(*runs_once)]);
                put_block(out, structure);
            }
            BoundMethod::RunsOnce => out.push(3),
        }
    }
    put_block(out, types);
}

fn read_methods(reader: &mut Reader<'_>) -> Result<Vec<BoundMethod>, ProtocolError> {
    let count = reader.count("methods", 1, METHODS_MAX)?;
    let mut methods = Vec::with_capacity(count);
    for _ in 0..count {
        methods.push(match reader.u8("the status of a method")? {
            0 => BoundMethod::Usable,
            1 => BoundMethod::Missing { suggestion: None },
            2 => BoundMethod::Differs {
                runs_once: reader.bool("whether a method runs once")?,
                structure: read_block(reader, "structure")?,
            },
            3 => BoundMethod::RunsOnce,
            4 => {
                let same_types = reader.bool("whether a method has the same types")?;
                let name = reader.str("the name of another method")?.to_owned();
                BoundMethod::Missing { suggestion: Some(Suggestion { name, same_types }) }
            }
            other => {
                return Err(reader.malformed(format!("the status of a method is {other}, not 0 to 4")));
            }
        });
    }
    Ok(methods)
}

fn put_block(out: &mut Vec<u8>, block: &[u8]) {
    wire::put_u32(out, block.len() as u32);
    out.extend_from_slice(block);
}

fn read_block(reader: &mut Reader<'_>, field: &str) -> Result<Vec<u8>, ProtocolError> {
    let length = reader.u32(field)? as usize;
    Ok(reader.bytes(field, length)?.to_vec())
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

    fn differs(structure: Vec<u8>) -> BoundMethod {
        BoundMethod::Differs { runs_once: false, structure }
    }

    fn accepted(methods: Vec<BoundMethod>, types: Vec<u8>) -> Bound {
        Bound { number: 0, result: BoundResult::Accepted { version: (1, 0), methods, types } }
    }

    fn written(bound: &Bound) -> (Vec<BoundMethod>, Vec<u8>) {
        let mut out = Vec::new();
        bound.write(&mut out);
        assert!(out.len() <= FRAME_MAX);
        let (header, body) = only(&out);
        match Bound::read(&header, body) {
            Ok(Bound { result: BoundResult::Accepted { methods, types, .. }, .. }) => (methods, types),
            other => panic!("a bound that was accepted: {other:?}"),
        }
    }

    #[test]
    fn a_bound_has_these_bytes() {
        let suggestion = Some(Suggestion { name: "sell_seat".to_owned(), same_types: true });
        let methods = vec![
            BoundMethod::Usable,
            differs(vec![0xaa, 0xbb, 0xcc]),
            BoundMethod::Missing { suggestion: None },
            BoundMethod::Missing { suggestion },
            BoundMethod::RunsOnce,
        ];
        let bound = accepted(methods, vec![0xdd]);
        same(
            |out| bound.write(out),
            "3d000000a520fbb8050000000000000000000000000000000001000000050000020003000000aabb\
             cc010401090073656c6c5f736561740301000000dd",
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
        let bound = accepted(vec![differs(vec![1; TABLE_FRAME_MAX / 3]); METHODS_MAX], vec![1]);
        let (methods, types) = written(&bound);
        let lengths = methods.iter().map(|method| match method {
            BoundMethod::Differs { structure, .. } => structure.len(),
            _ => panic!("a method that differs"),
        });
        let lengths: Vec<usize> = lengths.collect();
        assert_eq!((lengths.len(), types.len()), (METHODS_MAX, 1));
        assert_eq!(lengths.iter().filter(|length| **length > 0).count(), 2);
    }

    #[test]
    fn many_types_go_ahead_in_frames_of_their_own() {
        let types: Vec<u8> = (0..=255).cycle().take(3 * TYPES_PART + 5).collect();
        let methods = vec![differs(vec![1; 50]); METHODS_MAX];
        let mut out = Vec::new();
        accepted(methods.clone(), types.clone()).write(&mut out);
        let (mut rest, mut gathered) = (&out[..], Vec::new());
        let last = loop {
            let (header, body) = crate::frame::split(rest, Checksum::Whole).expect("sound").expect("whole");
            rest = &rest[header.length as usize..];
            match Bound::read(&header, body).expect("a bound").result {
                BoundResult::Types { part } => gathered.extend(part),
                last => break last,
            }
        };
        assert!(rest.is_empty() && gathered == types);
        assert_eq!(last, BoundResult::Accepted { version: (1, 0), methods, types: Vec::new() });
    }

    #[test]
    fn suggestions_that_do_not_fit_are_left_out() {
        let suggestion = Some(Suggestion { name: "x".repeat(TEXT_MAX), same_types: false });
        let (methods, _) =
            written(&accepted(vec![BoundMethod::Missing { suggestion }; METHODS_MAX], Vec::new()));
        let with = methods.iter().filter(|m| matches!(m, BoundMethod::Missing { suggestion: Some(_) }));
        assert_eq!((methods.len(), with.count()), (METHODS_MAX, 16));
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

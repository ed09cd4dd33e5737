//! Tables of methods, and what becomes of return types: from the handler's value to the caller's.

use bytes::Bytes;
use rpc_core::codec::{CodecId, Decoder, Encoder, Malformed};
use rpc_core::ids::{RequestId, SessionId, SlotId};
use rpc_core::schema::{NodeId, Schema, Types};
use rpc_core::service::{
    Argument, Descriptor, Failure, Method, Opaque, OpaqueResult, Payload, Plain, Reply, Returns, Verdict,
    Wire,
};
use rpc_core::{CallError, Code, Error, Execution};
use serde::{Deserialize, Serialize};
use std::any::TypeId;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Refused {
    SoldOut,
}
impl Schema for Refused {
    type Kind = Plain;
    fn describe(types: &mut Types) -> NodeId {
        types.enumeration(TypeId::of::<Self>(), "Refused", &[("SoldOut", rpc_core::schema::Variant::Unit)])
    }
}

/// A type of another crate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Foreign(u8);

type Outcome<T> = Result<T, Refused>;

fn id() -> Option<RequestId> {
    Some(RequestId { session: SessionId(7), at: SlotId { slot: 1, sequence: 2 } })
}

fn reply(verdict: Verdict, payload: impl Into<Payload>) -> Reply {
    let payload = payload.into();
    Reply {
        verdict,
        payload,
        coding: CodecId::Bincode.into(),
        method: "BoxOffice.sell",
        request_id: id(),
        evolution: None,
    }
}

fn sent<R: Returns>(returned: &mut R) -> Result<(Verdict, Vec<u8>), Failure> {
    let mut out = Vec::new();
    let verdict = returned.encode(&mut Encoder::new(&mut out, CodecId::Bincode))?;
    Ok((verdict, out))
}

/// From the handler's return value to the caller's.
fn travels<R: Returns>(mut returned: R) -> R::Output {
    let (verdict, payload) = sent(&mut returned).unwrap();
    R::decode(Ok(&reply(verdict, payload)))
}

fn nested() -> Error {
    Error::NotSent { method: "Bank.pay", why: "closed".into(), code: Code::Unavailable }
}

#[test]
fn a_plain_value_comes_as_ok() {
    assert_eq!(travels(7u32), Ok(7));
    assert_eq!(travels(()), Ok(()));
    assert_eq!(travels(vec![1u8, 2]), Ok(vec![1, 2]));
    assert_eq!(travels(Some(Err::<u8, u8>(3))), Ok(Some(Err(3))));
}

#[test]
fn success_and_refusal_travel_alone() {
    let sold: Outcome<u32> = Ok(7);
    assert_eq!(sent(&mut sold.clone()), Ok((Verdict::Ok, vec![7])));
    assert_eq!(travels(sold), Ok(7));
    let refused: Outcome<u32> = Err(Refused::SoldOut);
    assert_eq!(sent(&mut refused.clone()), Ok((Verdict::Application, vec![0])));
    assert_eq!(travels(refused), Err(CallError::Application(Refused::SoldOut)));
}

#[test]
fn a_nested_failure_is_passed_on() {
    assert_eq!(travels::<Result<u8, Error>>(Ok(7)), Ok(7));
    assert_eq!(sent::<Result<u8, Error>>(&mut Err(nested())), Err(Failure::Nested(Box::new(nested()))));
}

#[test]
fn a_nested_failure_is_passed_on_beside_refusals() {
    type Mixed = Result<u8, CallError<Refused>>;
    assert_eq!(travels::<Mixed>(Ok(7)), Ok(7));
    let refused = CallError::Application(Refused::SoldOut);
    assert_eq!(travels::<Mixed>(Err(refused.clone())), Err(refused));
    let failed = CallError::Failed(nested());
    assert_eq!(sent::<Mixed>(&mut Err(failed)), Err(Failure::Nested(Box::new(nested()))));
}

#[test]
fn opaque_values_need_no_schema() {
    assert_eq!(travels(Opaque(Foreign(7))), Ok(Foreign(7)));
    assert_eq!(travels(OpaqueResult::<Foreign, Foreign>(Ok(Foreign(7)))), Ok(Foreign(7)));
    let refused = CallError::Application(Foreign(8));
    assert_eq!(travels(OpaqueResult::<Foreign, Foreign>(Err(Foreign(8)))), Err(refused));
}

#[test]
fn a_failed_call_is_handed_on() {
    assert_eq!(<u8 as Returns>::decode(Err(nested())), Err(nested()));
    assert_eq!(<Outcome<u8> as Returns>::decode(Err(nested())), Err(CallError::Failed(nested())));
    assert_eq!(<Result<u8, Error> as Returns>::decode(Err(nested())), Err(nested()));
    type Mixed = Result<u8, CallError<Refused>>;
    assert_eq!(<Mixed as Returns>::decode(Err(nested())), Err(CallError::Failed(nested())));
}

#[test]
fn a_reply_that_cannot_be_read_names_the_call_and_was_executed() {
    let error = <u8 as Returns>::decode(Ok(&reply(Verdict::Ok, vec![1, 2]))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "BoxOffice.sell: the reply cannot be read: 1 byte too many (executed) (request 7-1-2)"
    );
    assert_eq!((error.request_id(), error.execution()), (id(), Execution::Executed));
    let error = <Outcome<u8> as Returns>::decode(Ok(&reply(Verdict::Application, vec![9]))).unwrap_err();
    assert!(matches!(error, CallError::Failed(Error::Undecodable { .. })), "{error}");
}

#[test]
fn a_refusal_of_a_method_that_has_none_is_undecodable() {
    let error = <u8 as Returns>::decode(Ok(&reply(Verdict::Application, vec![1]))).unwrap_err();
    assert!(error.to_string().contains("a refusal, which this method does not have"), "{error}");
}

#[test]
fn a_result_that_cannot_be_sent_is_the_handlers_failure() {
    let refused = sent(&mut vec![(); 1 << 20]).unwrap_err();
    assert!(matches!(refused, Failure::Reply(_)), "{refused:?}");
}

#[test]
fn a_large_block_is_a_part_of_the_reply() {
    let (verdict, payload) = sent(&mut Bytes::from(vec![7u8; 100_000])).unwrap();
    let payload = Bytes::from(payload);
    let block = <Bytes as Returns>::decode(Ok(&reply(verdict, payload.clone()))).unwrap();
    assert_eq!(block.len(), 100_000);
    assert!(payload.as_ptr_range().contains(&block.as_ptr()), "it was copied");
}

#[test]
fn both_codecs_carry_replies() {
    for codec in CodecId::AVAILABLE {
        let mut out = Vec::new();
        let verdict = Ok::<i32, Refused>(-70_000).encode(&mut Encoder::new(&mut out, *codec)).unwrap();
        let reply = Reply { coding: (*codec).into(), ..reply(verdict, out) };
        assert_eq!(<Outcome<i32> as Returns>::decode(Ok(&reply)), Ok(-70_000));
    }
}

#[test]
fn arguments_are_written_and_read_one_after_the_other() {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, CodecId::Bincode);
    <u64 as Wire>::write(&4711, &mut encoder).unwrap();
    <Vec<u8> as Wire>::write(&vec![1, 2], &mut encoder).unwrap();
    encoder.str("Ada").unwrap();
    let mut from = Decoder::new(&out, CodecId::Bincode);
    assert_eq!(<u64 as Wire>::read(&mut from), Ok(4711));
    assert_eq!(<Vec<u8> as Wire>::read(&mut from), Ok(vec![1, 2]));
    assert_eq!(from.str(), Ok("Ada"));
    assert_eq!(<u8 as Wire>::read(&mut from), Err(Malformed::new("1 byte too few")));
}

const SELL: Method = Method {
    name: "sell",
    path: "BoxOffice.sell",
    idempotent: false,
    blocking: false,
    timeout: Some(Duration::from_secs(2)),
    since: None,
    arguments: &[
        Argument { name: "order", describe: <u64 as Wire>::describe },
        Argument { name: "holder", describe: <String as Wire>::describe },
    ],
    returns: <Outcome<u32> as Returns>::describe,
};

static OFFICE: Descriptor = Descriptor {
    name: "BoxOffice",
    version: (1, 1),
    methods: &[
        SELL,
        Method {
            name: "probe",
            path: "BoxOffice.probe",
            idempotent: true,
            timeout: None,
            since: Some((1, 1)),
            ..SELL
        },
    ],
};

#[test]
fn a_descriptor_is_a_constant_and_only_structure_is_in_the_fingerprint() {
    let [sell, probe] = OFFICE.methods else { panic!("two methods") };
    assert_eq!(sell.fingerprint(), probe.fingerprint());
    assert_eq!(sell.fingerprint(), sell.signature().fingerprint());
    let other = Method { returns: <u32 as Returns>::describe, ..SELL };
    assert_ne!(sell.fingerprint(), other.fingerprint());
    let found = sell.signature().difference(&other.signature(), "sell").unwrap();
    assert_eq!(found.to_string(), "sell: result: Result<u32, Refused> here, u32 there");
}

#[test]
fn what_looks_the_same_to_the_caller_is_described_the_same() {
    let of = |returns| Method { returns, ..SELL }.fingerprint();
    assert_eq!(of(<u8 as Returns>::describe), of(<Result<u8, Error> as Returns>::describe));
    let fallible = of(<Outcome<u8> as Returns>::describe);
    assert_eq!(fallible, of(<Result<u8, CallError<Refused>> as Returns>::describe));
    assert_ne!(fallible, of(<u8 as Returns>::describe));
    assert_ne!(of(<Opaque<Foreign> as Returns>::describe), of(<Opaque<Refused> as Returns>::describe));
    let found = Method { returns: <Opaque<Foreign> as Returns>::describe, ..SELL }.signature().difference(
        &Method { returns: <OpaqueResult<Vec<Foreign>, u8> as Returns>::describe, ..SELL }.signature(),
        "m",
    );
    assert_eq!(
        found.unwrap().to_string(),
        "m: result: opaque Foreign here, opaque Result<Vec<Foreign>, u8> there"
    );
}

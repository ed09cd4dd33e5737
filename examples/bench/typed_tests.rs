//! JSON by a lock file comes to the bytes that a stub would have written.

use crate::typed::{Typed, is_numbered};
use carnegie::__dynamic::{Encoder, Lock, NodeId, Signature};
use carnegie::{Client, CodecId, Schema, service};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

#[derive(Serialize, Deserialize, Schema)]
struct Point {
    x: i64,
    y: Option<f64>,
}

#[derive(Serialize, Deserialize, Schema)]
struct Wrapped(Point);

#[derive(Serialize, Deserialize, Schema)]
struct List {
    head: u8,
    tail: Option<Box<List>>,
}

#[derive(Serialize, Deserialize, Schema)]
enum Shape {
    Nothing,
    Round(u32),
    Straight(Point, Point),
    Named { name: String, tags: Vec<String> },
}

type Names = BTreeMap<String, u16>;
type Numbers = BTreeMap<u16, bool>;
type Pair = ([u8; 3], (char, ()));
type Times = (Duration, IpAddr);

#[service]
trait Everything {
    async fn shapes(&self, all: Vec<Shape>);
    async fn wrapped(&self, wrapped: Wrapped);
    async fn list(&self, list: List);
    async fn names(&self, names: Names);
    async fn numbers(&self, numbers: Numbers);
    async fn pair(&self, pair: Pair);
    async fn times(&self, times: Times);
    async fn bytes(&self, bytes: Vec<u8>);
    async fn outcome(&self, outcome: Result<u64, String>);
    async fn maybe(&self, maybe: Option<i128>);
    async fn text(&self, text: String);
    async fn number(&self, number: u64);
}

/// The first argument's type, through the text of a lock file, as for a user.
fn argument(method: &str) -> (Signature, NodeId) {
    let text = Lock::of(EverythingClient::descriptor()).to_string();
    let lock = Lock::parse(&text).unwrap();
    let signature = lock.signatures().find(|(name, _)| *name == method).unwrap().1;
    let (_, ty) = signature.arguments().next().unwrap();
    (signature, ty)
}

fn encoded(method: &str, json: &Value) -> Result<Vec<u8>, String> {
    let (signature, ty) = argument(method);
    let mut bytes = Vec::new();
    let typed = Typed { signature: &signature, ty, json, number: 7 };
    Encoder::new(&mut bytes, CodecId::Bincode).plain(&typed).map_err(|why| why.to_string())?;
    Ok(bytes)
}

#[track_caller]
fn agrees<T: Serialize + 'static>(method: &str, json: Value, value: &T) {
    let mut bytes = Vec::new();
    Encoder::new(&mut bytes, CodecId::Bincode).value(value).unwrap();
    assert_eq!(encoded(method, &json), Ok(bytes), "{json}");
}

#[track_caller]
fn refuses(method: &str, json: Value, why: &str) {
    assert_eq!(encoded(method, &json), Err(why.to_owned()), "{json}");
}

#[test]
fn structures_and_enums_are_written_as_serde_writes_them() {
    let point = |x, y| Point { x, y };
    agrees("wrapped", json!({"y": 1.5, "x": -300}), &Wrapped(point(-300, Some(1.5))));
    agrees("wrapped", json!({"x": 1}), &Wrapped(point(1, None)));
    let shapes = json!([
        "Nothing",
        {"Round": 70_000},
        {"Straight": [{"x": 1, "y": null}, {"x": 2, "y": 0.0}]},
        {"Named": {"name": "Ada", "tags": ["a", ""]}},
    ]);
    let named = Shape::Named { name: "Ada".into(), tags: vec!["a".into(), String::new()] };
    let straight = Shape::Straight(point(1, None), point(2, Some(0.0)));
    agrees("shapes", shapes, &vec![Shape::Nothing, Shape::Round(70_000), straight, named]);
    let list = List { head: 1, tail: Some(Box::new(List { head: 2, tail: None })) };
    agrees("list", json!({"head": 1, "tail": {"head": 2}}), &list);
    agrees("outcome", json!({"Err": "no"}), &Err::<u64, _>("no".to_owned()));
}

#[test]
fn types_of_the_standard_library_are_written_as_serde_writes_them() {
    agrees("names", json!({"b": 2, "a": 1}), &Names::from([("a".into(), 1), ("b".into(), 2)]));
    agrees("numbers", json!({"300": true}), &Numbers::from([(300, true)]));
    agrees("pair", json!([[1, 2, 255], ["ü", null]]), &([1_u8, 2, 255], ('ü', ())));
    let address = IpAddr::from(Ipv4Addr::LOCALHOST);
    agrees("times", json!([{"secs": 1, "nanos": 5}, "127.0.0.1"]), &(Duration::new(1, 5), address));
    agrees("bytes", json!([0, 255]), &vec![0_u8, 255]);
    agrees("bytes", json!("Ada"), &b"Ada".to_vec());
    agrees("maybe", json!(-5), &Some(-5_i128));
    agrees("maybe", json!(null), &None::<i128>);
}

#[test]
fn the_number_of_the_call_is_a_text_or_a_number() {
    agrees("text", json!("order {n}"), &"order 7".to_owned());
    agrees("text", json!("{n}"), &"7".to_owned());
    agrees("number", json!("{n}"), &7_u64);
    agrees("number", json!("1000{n}"), &10_007_u64);
    agrees("maybe", json!("{n}"), &Some(7_i128));
    assert!(is_numbered(&json!([{"a": "x{n}"}])) && !is_numbered(&json!(["n", 7, {"n": null}])));
}

#[test]
fn what_does_not_fit_is_refused_with_its_place() {
    refuses(
        "shapes",
        json!(["Rund"]),
        "0: there is no variant Rund; the variants are Nothing, Round, Straight, Named",
    );
    refuses("shapes", json!([{"Straight": [{"x": 1}]}]), "0: Straight: an array of 2 is wanted, not of 1");
    refuses("wrapped", json!({"x": 1, "z": 2}), "there is no field z; the fields are x, y");
    refuses("wrapped", json!({}), "x: invalid type: null, expected i64");
    refuses(
        "list",
        json!({"head": 1, "tail": {"head": 256}}),
        "tail: head: invalid value: integer `256`, expected u8",
    );
    refuses("pair", json!([[1, 2], ["u", null]]), "0: an array of 3 is wanted, not of 2");
    refuses("number", json!("x{n}"), "invalid type: string \"x7\", expected u64");
    refuses("names", json!([]), "an object is wanted, not []");
}

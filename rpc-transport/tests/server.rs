//! What the server does, against a client that follows a script.

use rpc_core::Limits;
use rpc_core::SlotId;
use rpc_core::codec::CodecId;
use rpc_core::frame::{self, Bind, BindMethod, Checksum, Hello, Kind, Request};
use rpc_core::service::{Descriptor, Method, Returns};
use rpc_transport::{Handler, Incoming, Server, Service, in_process};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const REPLY_LEN: usize = 32 << 10;

static SERVICE: Descriptor = Descriptor {
    name: "Flood",
    version: (1, 0),
    methods: &[Method {
        name: "fill",
        path: "Flood.fill",
        idempotent: false,
        blocking: false,
        timeout: None,
        since: None,
        arguments: &[],
        returns: <Vec<u8> as Returns>::describe,
    }],
};

/// Answers every request with 32 KiB, and counts them.
struct Flood(Arc<AtomicUsize>);

impl Service for Flood {
    fn descriptor(&self) -> &'static Descriptor {
        &SERVICE
    }

    fn dispatch(&self, _method: u16, call: Incoming) -> Pin<Box<Handler>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move { call.reply(vec![7_u8; REPLY_LEN], <Vec<u8> as Returns>::encode) })
    }
}

/// `Hello`, `Bind`, and a request in each of so many slots, all at once.
fn script(requests: u32) -> Vec<u8> {
    let mut out = Vec::new();
    Hello { codecs: vec![CodecId::Bincode.to_wire()], slots: requests, ..Hello::default() }.write(&mut out);
    let method = BindMethod {
        name: "fill".into(),
        fingerprint: SERVICE.methods[0].fingerprint(),
        idempotent: false,
        since: None,
    };
    Bind { number: 0, base: 0, service: "Flood".into(), version: (1, 0), methods: vec![method] }
        .write(&mut out);
    for slot in 0..requests {
        let id = SlotId { slot, sequence: 1 };
        let request = Request {
            id,
            method: 0,
            deadline: 60_000,
            resent: false,
            idempotent: false,
            metadata: None,
            total: None,
            payload: &[],
        };
        request.write(&mut out, Checksum::Whole);
    }
    out
}

#[tokio::test]
async fn handlers_wait_while_the_client_does_not_take_its_replies() {
    const REQUESTS: usize = 1000;
    let started = Arc::new(AtomicUsize::new(0));
    let limits = Limits::default().outgoing_max(64 << 10);
    let server = Server::new().limits(limits).add(Flood(started.clone())).start().unwrap();
    let (mut near, far) = in_process();
    server.serve_stream(far, "a client that does not read");
    near.write_all(&script(REQUESTS as u32)).await.unwrap();

    // On one thread the server has had its turn each time, and has nothing more to do long before this ends.
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    let count = started.load(Ordering::SeqCst);
    assert!((1..REQUESTS / 4).contains(&count), "{count} handlers were started");

    let (mut bytes, mut replies) = (Vec::new(), 0);
    while replies < REQUESTS {
        let read = near.read_buf(&mut bytes);
        let count = tokio::time::timeout(Duration::from_secs(60), read).await.expect("more replies").unwrap();
        assert!(count > 0, "the server hung up after {replies} replies");
        let mut used = 0;
        while let Some((header, _)) = frame::split(&bytes[used..], Checksum::Whole).unwrap() {
            replies += usize::from(header.kind == Kind::Reply);
            used += header.length as usize;
        }
        bytes.drain(..used);
    }
    assert_eq!(started.load(Ordering::SeqCst), REQUESTS);
}

//! A server that means harm, or is none: what our client says of it, and that it does not hang.

use crate::box_office::OfficeClient;
use crate::support::{said, soon};
use carnegie::{BindError, Client, CodecId, Error, Execution, Limits, connect};
use rpc_core::frame::{
    self, Answer, Bind, Bound, BoundMethod, BoundResult, Checksum, Hello, Kind, Reply, Request, Welcome,
};
use rpc_core::{Domain, Incarnation, SessionId, Token};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A server whose connections are all served by `act`.
pub(crate) async fn server<F, A>(act: A) -> SocketAddr
where
    A: Fn(TcpStream) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(act(stream));
        }
    });
    address
}

/// A server that says this, whatever it is asked, and stays.
pub(crate) async fn says(bytes: impl Into<Vec<u8>>) -> SocketAddr {
    let bytes = bytes.into();
    server(move |mut stream| {
        let bytes = bytes.clone();
        async move {
            let _ = stream.write_all(&bytes).await;
            let mut sink = tokio::io::sink();
            let _ = tokio::io::copy(&mut stream, &mut sink).await;
        }
    })
    .await
}

async fn bind_error(address: SocketAddr) -> BindError {
    soon(connect::<OfficeClient>(address)).await.unwrap_err()
}

/// The same for a server that never says all of it.
async fn late_bind_error(address: SocketAddr) -> BindError {
    let limits = Limits::default().handshake(Duration::from_millis(300));
    soon(connect::<OfficeClient>(address).limits(limits)).await.unwrap_err()
}

#[tokio::test]
async fn half_a_welcome_is_no_welcome() {
    let mut out = Vec::new();
    welcome().write(&mut out);
    out.pop();
    let error = late_bind_error(says(out).await).await;
    assert!(matches!(error, BindError::Interrupted { .. }), "{error}");
}

#[tokio::test]
async fn a_welcome_that_was_not_asked_for_ends_the_handshake() {
    let said = async |change: fn(&mut Welcome)| {
        let (mut welcome, mut out) = (welcome(), Vec::new());
        change(&mut welcome);
        welcome.write(&mut out);
        bind_error(says(out).await).await.to_string()
    };
    assert!(said(|welcome| welcome.codec = 99).await.contains("codec 99 was not offered"));
    assert!(said(|welcome| welcome.protocol = 7).await.contains("protocol 7 was not offered"));
    let checksum = said(|welcome| welcome.checksum = Checksum::HeaderOnly).await;
    assert!(checksum.contains("a checksum without the payload was not offered"), "{checksum}");
}

pub(crate) fn welcome() -> Welcome {
    Welcome {
        protocol: 1,
        codec: CodecId::Bincode.to_wire(),
        checksum: Checksum::Whole,
        message_max: 16 << 20,
        slots: 1024,
        session: SessionId(7),
        token: Token([7; 16]),
        incarnation: Incarnation(1),
        domain: Domain([1; 16]),
        lease_ms: 0,
        resumed: false,
        software: "an impostor".to_owned(),
    }
}

/// Shakes hands as it should, and answers every request with what `reply` makes of it.
async fn answers(reply: fn(&Request<'_>, &mut Vec<u8>)) -> SocketAddr {
    server(move |mut stream| async move {
        let mut bytes = Vec::new();
        while stream.read_buf(&mut bytes).await.unwrap_or(0) > 0 {
            let mut out = Vec::new();
            let mut used = 0;
            while let Ok(Some((header, body))) = frame::split(&bytes[used..], Checksum::Whole) {
                used += header.length as usize;
                match header.kind {
                    Kind::Hello => {
                        Hello::read(&header, body).unwrap();
                        welcome().write(&mut out);
                    }
                    Kind::Bind => {
                        let bind = Bind::read(&header, body).unwrap();
                        let methods = vec![BoundMethod::Usable; bind.methods.len()];
                        let result =
                            BoundResult::Accepted { version: bind.version, methods, types: Vec::new() };
                        Bound { number: bind.number, result }.write(&mut out);
                    }
                    Kind::Request => reply(&Request::read(&header, body).unwrap(), &mut out),
                    _ => {}
                }
            }
            bytes.drain(..used);
            if stream.write_all(&out).await.is_err() {
                return;
            }
        }
    })
    .await
}

fn ok<'a>(request: &Request<'_>, payload: &'a [u8]) -> Reply<'a> {
    Reply { id: request.id, answer: Answer::Ok, payload, ..Reply::default() }
}

#[tokio::test]
async fn a_reply_that_claims_four_gibibytes_fails_its_call_alone() {
    let address = answers(|request, out| {
        let large = request.payload.first() == Some(&0);
        let part = [7; 4096];
        let (total, payload) = if large { (Some(u32::MAX), &part[..]) } else { (None, &b"\x05"[..]) };
        Reply { total, ..ok(request, payload) }.write(out, Checksum::Whole);
    })
    .await;
    let office: OfficeClient = soon(connect(address)).await.unwrap();
    let error = soon(office.fetch(0)).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("the reply has 4294967295 bytes, but the limit here is 16777216"), "{text}");
    assert_eq!(error.execution(), Execution::Executed);
    assert_eq!(soon(office.store(vec![1])).await.unwrap(), 5);
    assert_eq!(office.channel().stats().connections, 1);
}

#[tokio::test]
async fn a_reply_that_is_no_such_value_fails_its_call_alone() {
    let address = answers(|request, out| match request.payload {
        [0] => ok(request, &crate::raw::length(1 << 63)).write(out, Checksum::Whole),
        [1] => ok(request, b"\x01\x07\x07").write(out, Checksum::Whole),
        [2] => Reply { answer: Answer::Application, ..ok(request, b"") }.write(out, Checksum::Whole),
        _ => ok(request, b"\x05").write(out, Checksum::Whole),
    })
    .await;
    let office: OfficeClient = soon(connect(address)).await.unwrap();
    for (len, why) in [
        (0, "a length of 9223372036854775808 bytes is announced, but only 0 bytes are left"),
        (1, "1 byte too many"),
        (2, "a refusal, which this method does not have"),
    ] {
        let error = soon(office.fetch(len)).await.unwrap_err();
        assert_eq!(said(&error), format!("Office.fetch: the reply cannot be read: {why} (executed)"));
    }
    assert_eq!(soon(office.store(vec![1])).await.unwrap(), 5);
    assert_eq!(office.channel().stats().connections, 1);
}

#[tokio::test]
async fn garbage_after_the_handshake_ends_the_connection_and_its_calls_as_unknown() {
    let address = answers(|_, out| out.extend_from_slice(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")).await;
    let office: OfficeClient = soon(connect(address)).await.unwrap();
    let error = soon(office.sell(1, "Ada")).await.unwrap_err();
    assert!(matches!(error, Error::ConnectionLost { .. }), "{error}");
    assert_eq!(error.execution(), Execution::Unknown);
    let text = error.to_string();
    assert!(
        text.contains(&format!("the connection to {address} is lost: a frame of 1347703880 bytes")),
        "{text}"
    );
}

#[tokio::test]
async fn replies_that_nobody_asked_for_are_dropped() {
    let address = answers(|request, out| {
        for (slot, sequence) in [(0, 99), (7, 1), (1 << 23, 1)] {
            let id = rpc_core::SlotId { slot, sequence };
            Reply { id, ..ok(request, b"\x63") }.write(out, Checksum::Whole);
        }
        ok(request, b"\x05").write(out, Checksum::Whole);
        ok(request, b"\x63").write(out, Checksum::Whole);
    })
    .await;
    let office: OfficeClient = soon(connect(address)).await.unwrap();
    for _ in 0..20 {
        assert_eq!(soon(office.store(vec![1])).await.unwrap(), 5);
    }
    assert_eq!(office.channel().stats().connections, 1);
}

#[tokio::test]
async fn an_idempotent_call_is_not_sent_again_without_end_to_a_server_that_hangs_up_on_it() {
    static ASKED: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let address = answers(|_, out| {
        ASKED.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        out.extend_from_slice(&[0xff; 64]);
    })
    .await;
    let office: OfficeClient = soon(connect(address)).await.unwrap();
    let error = soon(office.look()).await.unwrap_err();
    assert_eq!(error.execution(), Execution::Unknown, "{error}");
    assert_eq!(ASKED.load(std::sync::atomic::Ordering::SeqCst), 4);
}

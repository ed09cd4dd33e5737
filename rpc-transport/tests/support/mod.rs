//! A service with its client's stub, written out by hand, and a server that does what a test tells it to: the client is
//! tested against bytes, not against our own server.
#![allow(dead_code)]

use rpc_core::frame::{
    self, Answer, Bind, Bound, BoundMethod, BoundResult, Checksum, Hello, Kind, Ping, Pong, Refusal, Reply,
    Request, Welcome,
};
use rpc_core::service::{Argument, Descriptor, Method, Returns, Wire};
use rpc_core::{Code, Domain, Incarnation, SessionId, SlotId, Token};
use rpc_transport::{Binding, Call, Client, arguments};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

const fn method(name: &'static str, path: &'static str, idempotent: bool) -> Method {
    Method {
        name,
        path,
        idempotent,
        blocking: false,
        timeout: None,
        since: None,
        arguments: &[Argument { name: "data", describe: <Vec<u8> as Wire>::describe }],
        returns: <Vec<u8> as Returns>::describe,
    }
}

static SERVICE: Descriptor = Descriptor {
    name: "Echo",
    version: (1, 0),
    methods: &[method("echo", "Echo.echo", false), method("peek", "Echo.peek", true)],
};

#[derive(Clone, Debug)]
pub(crate) struct EchoClient(Binding);

impl Client for EchoClient {
    fn descriptor() -> &'static Descriptor {
        &SERVICE
    }
    fn from_binding(binding: Binding) -> Self {
        Self(binding)
    }
    fn as_binding(client: &Self) -> &Binding {
        &client.0
    }
}

impl EchoClient {
    pub(crate) fn echo(&self, data: &[u8]) -> Call<'_, Vec<u8>> {
        arguments(&self.0).bytes(data).call(0)
    }
    pub(crate) fn peek(&self, data: &[u8]) -> Call<'_, Vec<u8>> {
        arguments(&self.0).bytes(data).call(1)
    }
}

/// What a scripted server saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Connected,
    Request { id: SlotId, method: u16, payload: Vec<u8>, metadata: Vec<(String, String)> },
    Cancel(SlotId),
    Close,
    Gone,
}

/// What it does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Echo,
    Silence,
    HangUp,
    Garbage,
    /// For now: it is full.
    Refuse,
}

/// Listens, and does the same with every request of every connection. What it sees comes out of the receiver.
pub(crate) async fn server(act: Act) -> (SocketAddr, mpsc::UnboundedReceiver<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (seen, receiver) = mpsc::unbounded_channel();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(stream, act, seen.clone()));
        }
    });
    (address, receiver)
}

/// One connection, to its end.
pub(crate) async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    act: Act,
    seen: mpsc::UnboundedSender<Seen>,
) {
    let _ = seen.send(Seen::Connected);
    let mut bytes = Vec::new();
    loop {
        let mut out = Vec::new();
        let mut used = 0;
        let mut goes_on = true;
        while let Some((header, body)) = frame::split(&bytes[used..], Checksum::Whole).unwrap() {
            goes_on &= answer(&header, body, act, &seen, &mut out);
            used += header.length as usize;
        }
        bytes.drain(..used);
        let written = stream.write_all(&out).await;
        if !goes_on || written.is_err() || stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            let _ = seen.send(Seen::Gone);
            return;
        }
    }
}

fn answer(
    header: &frame::Header,
    body: &[u8],
    act: Act,
    seen: &mpsc::UnboundedSender<Seen>,
    out: &mut Vec<u8>,
) -> bool {
    match header.kind {
        Kind::Hello => welcome(&Hello::read(header, body).unwrap()).write(out),
        Kind::Bind => {
            let bind = Bind::read(header, body).unwrap();
            let methods = vec![BoundMethod::Usable; bind.methods.len()];
            let result = BoundResult::Accepted { version: bind.version, methods, types: Vec::new() };
            Bound { number: bind.number, result }.write(out);
        }
        Kind::Ping => Pong { number: Ping::read(header, body).unwrap().number }.write(out),
        Kind::Cancel => drop(seen.send(Seen::Cancel(header.id))),
        Kind::Close => drop(seen.send(Seen::Close)),
        Kind::Request => {
            let request = Request::read(header, body).unwrap();
            let metadata = request.metadata.iter().flat_map(|m| m.iter());
            let metadata = metadata.map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
            let payload = request.payload.to_vec();
            let _ = seen.send(Seen::Request { id: request.id, method: request.method, payload, metadata });
            match act {
                Act::Echo => reply(&request).write(out, Checksum::Whole),
                Act::Silence => {}
                Act::HangUp => return false,
                Act::Garbage => out.extend_from_slice(&[0xff; 64]),
                Act::Refuse => refuse(&request, out),
            }
        }
        other => panic!("the client sent a {other:?}"),
    }
    true
}

fn welcome(hello: &Hello) -> Welcome {
    Welcome {
        protocol: hello.protocol_max,
        codec: hello.codecs[0],
        checksum: Checksum::Whole,
        message_max: hello.message_max,
        slots: hello.slots,
        session: SessionId(7),
        token: Token([7; 16]),
        incarnation: Incarnation(1),
        domain: Domain([1; 16]),
        lease_ms: 60_000,
        resumed: false,
        software: "a test".to_owned(),
    }
}

fn refuse(request: &Request<'_>, out: &mut Vec<u8>) {
    let mut payload = Vec::new();
    Refusal { code: Code::Unavailable, reason: "full".to_owned() }.write(&mut payload);
    let refused = Reply { id: request.id, answer: Answer::Refused, payload: &payload, ..Reply::default() };
    refused.write(out, Checksum::Whole);
}

fn reply<'a>(request: &Request<'a>) -> Reply<'a> {
    Reply {
        id: request.id,
        answer: Answer::Ok,
        retry_after: 0,
        replayed: false,
        attached: false,
        metadata: None,
        total: request.total,
        payload: request.payload,
    }
}

/// Fails a test that would else hang.
pub(crate) async fn soon<T>(what: impl IntoFuture<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), what.into_future()).await.expect("it does not end")
}

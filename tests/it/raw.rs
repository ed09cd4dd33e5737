//! A client of bytes: it says hello as a good one does, and then whatever a test wants.

use carnegie::{Client, CodecId, Limits};
use rpc_core::SlotId;
use rpc_core::frame::{
    self, Bind, BindMethod, Bound, BoundResult, Checksum, Chunk, Close, Credentials, Header, Hello, Kind,
    PROTOCOL_MAX, PROTOCOL_MIN, Reject, Reply, Request, SessionWish, Welcome,
};
use rpc_core::limits::CHUNK_LEN;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::soon;

pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    bytes: Vec<u8>,
    sequence: u64,
    /// What it was told when it was let in.
    pub(crate) welcome: Option<Welcome>,
}

pub(crate) fn hello() -> Hello {
    Hello {
        protocol_min: PROTOCOL_MIN,
        protocol_max: PROTOCOL_MAX,
        codecs: vec![CodecId::Bincode.to_wire()],
        checksum: Checksum::Whole,
        message_max: Limits::default().message_max as u32,
        slots: 1024,
        connection: 0,
        session: SessionWish::Open,
        credentials: Credentials(Vec::new()),
        software: "a stranger".to_owned(),
    }
}

/// Where a method stands in the table that a client of `C` binds.
pub(crate) fn index<C: Client>(method: &str) -> u16 {
    C::descriptor().methods.iter().position(|m| m.name == method).expect("a method of the service") as u16
}

/// A number as bincode writes it in front of a sequence.
pub(crate) fn length(number: u64) -> Vec<u8> {
    let mut bytes = vec![253];
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes
}

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }

    /// From this address of the machine: it is what a server tells peers apart by.
    #[cfg(target_os = "linux")]
    pub(crate) async fn connect_from(from: std::net::IpAddr, address: SocketAddr) -> Self {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        Self::over(socket.connect(address).await.unwrap())
    }

    fn over(stream: TcpStream) -> Self {
        Self { stream, bytes: Vec::new(), sequence: 0, welcome: None }
    }

    /// A further connection of a session, which is welcome.
    pub(crate) async fn resumed(address: SocketAddr, session: &Welcome, connection: u32) -> Self {
        let mut raw = Self::connect(address).await;
        raw.wish(session, connection).await;
        let (header, body) = raw.frame().await.expect("a welcome");
        assert_eq!(header.kind, Kind::Welcome, "{}", said(&header, &body));
        raw.welcome = Some(Welcome::read(&header, &body).unwrap());
        raw
    }

    /// Asks for a session.
    pub(crate) async fn wish(&mut self, session: &Welcome, connection: u32) {
        let wish = SessionWish::Resume { id: session.session, token: session.token };
        let mut out = Vec::new();
        Hello { connection, session: wish, ..hello() }.write(&mut out);
        self.send(&out).await;
    }

    /// Past the handshake, bound to the service of `C`.
    pub(crate) async fn bound<C: Client>(address: SocketAddr) -> Self {
        Self::connect(address).await.binding::<C>().await.expect("it is let in")
    }

    /// The same of a connection that was made, or why it is not let in.
    pub(crate) async fn binding<C: Client>(self) -> Result<Self, String> {
        let mut raw = self;
        let service = C::descriptor();
        let mut out = Vec::new();
        hello().write(&mut out);
        let method = |method: &rpc_core::service::Method| BindMethod {
            name: method.name.to_owned(),
            fingerprint: method.fingerprint(),
            idempotent: method.idempotent,
            since: method.since,
        };
        let methods = service.methods.iter().map(method).collect();
        let (name, version) = (service.name.to_owned(), service.version);
        Bind { number: 0, base: 0, service: name, version, methods }.write(&mut out);
        raw.send(&out).await;
        let (header, body) = raw.frame().await.expect("a welcome");
        if header.kind != Kind::Welcome {
            return Err(said(&header, &body));
        }
        raw.welcome = Some(Welcome::read(&header, &body).unwrap());
        let (header, body) = raw.frame().await.expect("a bound");
        let Bound { result: BoundResult::Accepted { .. }, .. } = Bound::read(&header, &body).unwrap() else {
            panic!("the service is there")
        };
        Ok(raw)
    }

    /// A server that has closed already may refuse to take more, which the test sees when it reads.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        let _ = soon(self.stream.write_all(bytes)).await;
    }

    /// A request in a slot of its own, in chunks where it is large. Ends a minute after the handshake.
    pub(crate) async fn request<C: Client>(&mut self, method: &str, payload: &[u8]) -> SlotId {
        let method = index::<C>(method);
        self.sequence += 1;
        let id = SlotId { slot: 0, sequence: self.sequence };
        let (first, rest) = payload.split_at(payload.len().min(CHUNK_LEN));
        let mut request = Request { id, method, deadline: 60_000, payload: first, ..Default::default() };
        request.idempotent = C::descriptor().methods[usize::from(method)].idempotent;
        request.total = (!rest.is_empty()).then_some(payload.len() as u32);
        let mut out = Vec::new();
        request.write(&mut out, Checksum::Whole);
        for payload in rest.chunks(CHUNK_LEN) {
            Chunk { id, payload }.write(&mut out, Checksum::Whole);
        }
        self.send(&out).await;
        id
    }

    /// The next frame; none at the end of the stream.
    pub(crate) async fn frame(&mut self) -> Option<(Header, Vec<u8>)> {
        loop {
            if let Some((header, body)) = frame::split(&self.bytes, Checksum::Whole).expect("a whole frame") {
                let body = body.to_vec();
                self.bytes.drain(..header.length as usize);
                return Some((header, body));
            }
            // A reset is an end too: it comes when the server closes before it has read everything.
            if soon(self.stream.read_buf(&mut self.bytes)).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    /// The next reply, as its reader sees it.
    pub(crate) async fn reply<T>(&mut self, read: impl FnOnce(Reply<'_>) -> T) -> T {
        let (header, body) = self.frame().await.expect("the connection lives on");
        assert_eq!(header.kind, Kind::Reply, "{}", said(&header, &body));
        read(Reply::read(&header, &body).unwrap())
    }

    /// Why the server ends the connection; fails unless it does end.
    pub(crate) async fn end(&mut self) -> String {
        let mut why = String::new();
        while let Some((header, body)) = self.frame().await {
            why = said(&header, &body);
        }
        why
    }
}

/// The reason in a frame that ends a connection.
pub(crate) fn said(header: &Header, body: &[u8]) -> String {
    match header.kind {
        Kind::Close => Close::read(header, body).unwrap().reason,
        Kind::Reject => Reject::read(header, body).unwrap().reason,
        other => format!("a {other:?} frame"),
    }
}

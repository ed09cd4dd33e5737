//! Peers that mean harm: they speak the protocol as far as it serves them.

use crate::Failure;
use crate::service::LoadClient;
use carnegie::{Client, CodecId, Limits, SlotId};
use clap::ValueEnum;
use rpc_core::frame::{
    self, Bind, BindMethod, Cancel, Checksum, Close, Credentials, Header, Hello, Kind, PROTOCOL_MAX,
    PROTOCOL_MIN, Reject, Reply, Request, SessionWish,
};
use std::future::pending;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

/// Slots that a server grants by default.
const SLOTS: u32 = 1024;
/// Connections that some of them open.
const SOME: usize = 100;
/// Sessions of the one that acknowledges nothing: what they may keep is more than all sessions together may.
const SESSIONS: usize = 20;
const MANY: usize = 10_000;

/// What a hostile peer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Attack {
    /// Asks for 1,024 replies of 1 MiB, and reads none
    Unread,
    /// 100 connections that send their Hello a byte a second
    SlowHello,
    /// 100 connections that send a request a byte a second
    SlowFrame,
    /// 10,000 connections that say nothing
    Connections,
    /// 10,000 connections, each with a session
    Sessions,
    /// 20 sessions with 1,024 calls each, whose replies of 64 KiB it reads and never acknowledges; pings are not answered either
    Unacknowledged,
    /// As many calls as it can make, from 1,024 slots
    Flood,
    /// Replies of 4 MiB, 64 at a time, one after the other
    Large,
    /// Connection after connection that sends what is no frame, after a good Hello in every second one
    Garbage,
    /// Calls that would run for ever, from 1,024 slots, each cancelled at once
    Cancels,
}

impl Attack {
    pub const ALL: [Attack; 10] = [
        Attack::Unread,
        Attack::SlowHello,
        Attack::SlowFrame,
        Attack::Connections,
        Attack::Sessions,
        Attack::Unacknowledged,
        Attack::Flood,
        Attack::Large,
        Attack::Garbage,
        Attack::Cancels,
    ];

    /// Those beside which another client's p99 is to stay within its bound.
    pub fn is_asked_for(self) -> bool {
        !matches!(self, Attack::Flood | Attack::Large | Attack::Garbage | Attack::Cancels)
    }

    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Does it, from this address, until the process is killed.
    pub async fn run(self, from: IpAddr, server: SocketAddr) -> Result<(), Failure> {
        let at = Target { from, server };
        match self {
            Attack::Unread => unread(at).await,
            Attack::SlowHello => drip(at, false).await,
            Attack::SlowFrame => drip(at, true).await,
            Attack::Connections => crowd(at, Vec::new()).await,
            Attack::Sessions => crowd(at, hello()).await,
            Attack::Unacknowledged => unacknowledged(at).await,
            Attack::Flood => flood(at, SLOTS, request("echo", &[32; 33])).await,
            Attack::Large => flood(at, 64, request("large", &number(4 << 20))).await,
            Attack::Garbage => garbage(at).await,
            Attack::Cancels => cancels(at).await,
        }
    }
}

#[derive(Clone, Copy)]
struct Target {
    from: IpAddr,
    server: SocketAddr,
}

impl Target {
    async fn connect(self) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((self.from, 0).into())?;
        let stream = socket.connect(self.server).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

fn hello() -> Vec<u8> {
    let mut out = Vec::new();
    Hello {
        protocol_min: PROTOCOL_MIN,
        protocol_max: PROTOCOL_MAX,
        codecs: vec![CodecId::Bincode.to_wire()],
        checksum: Checksum::Whole,
        message_max: Limits::default().message_max as u32,
        slots: SLOTS,
        connection: 0,
        session: SessionWish::Open,
        credentials: Credentials(Vec::new()),
        software: "a stranger".to_owned(),
    }
    .write(&mut out);
    out
}

/// A number as bincode writes it.
fn number(number: u32) -> Vec<u8> {
    let mut bytes = vec![252];
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes
}

/// A request that is written for any slot.
#[derive(Clone)]
struct Template {
    method: u16,
    idempotent: bool,
    payload: Vec<u8>,
}

fn request(method: &str, payload: &[u8]) -> Template {
    let methods = LoadClient::descriptor().methods;
    let index = methods.iter().position(|one| one.name == method).unwrap_or_default();
    Template { method: index as u16, idempotent: methods[index].idempotent, payload: payload.to_vec() }
}

impl Template {
    fn write(&self, out: &mut Vec<u8>, id: SlotId) {
        let Template { method, idempotent, payload } = self;
        let (method, idempotent) = (*method, *idempotent);
        Request { id, method, idempotent, deadline: 60_000, payload, ..Request::default() }
            .write(out, Checksum::Whole);
    }
}

/// A connection that was let in and may call.
struct Raw {
    stream: TcpStream,
    bytes: Vec<u8>,
    /// Of `bytes`, what was read already.
    read: usize,
}

impl Raw {
    async fn bound(at: Target) -> Result<Raw, Failure> {
        let mut raw = Raw { stream: at.connect().await?, bytes: Vec::new(), read: 0 };
        let service = LoadClient::descriptor();
        let mut out = hello();
        let methods = service.methods.iter().map(|method| BindMethod {
            name: method.name.to_owned(),
            fingerprint: method.fingerprint(),
            idempotent: method.idempotent,
            since: method.since,
        });
        let (name, version) = (service.name.to_owned(), service.version);
        Bind { number: 0, base: 0, service: name, version, methods: methods.collect() }.write(&mut out);
        raw.stream.write_all(&out).await?;
        for _welcome_and_bound in 0..2 {
            let (header, body) = raw.frame().await?;
            if let Some(told) = farewell(&header, &body) {
                return Err(told.into());
            }
        }
        Ok(raw)
    }

    async fn frame(&mut self) -> Result<(Header, Vec<u8>), Failure> {
        loop {
            if let Some((header, body)) = frame::split(&self.bytes[self.read..], Checksum::Whole)? {
                let body = body.to_vec();
                self.read += header.length as usize;
                return Ok((header, body));
            }
            self.bytes.drain(..self.read);
            self.read = 0;
            if self.stream.read_buf(&mut self.bytes).await? == 0 {
                return Err("the server has closed the connection".into());
            }
        }
    }

    /// The next reply's place; other frames are ignored, and so is what the server asks.
    async fn reply(&mut self) -> Result<SlotId, Failure> {
        loop {
            let (header, body) = self.frame().await?;
            if let Some(told) = farewell(&header, &body) {
                return Err(told.into());
            }
            if header.kind == Kind::Reply {
                return Ok(Reply::read(&header, &body)?.id);
            }
        }
    }
}

/// Why the server ends the connection, if that is what it says.
fn farewell(header: &Header, body: &[u8]) -> Option<String> {
    match header.kind {
        Kind::Close => Close::read(header, body).ok().map(|close| close.reason),
        Kind::Reject => Reject::read(header, body).ok().map(|reject| reject.reason),
        _ => None,
    }
}

async fn unread(at: Target) -> Result<(), Failure> {
    let mut raw = Raw::bound(at).await?;
    let (template, mut out) = (request("large", &number(1 << 20)), Vec::new());
    (0..SLOTS).for_each(|slot| template.write(&mut out, SlotId { slot, sequence: 1 }));
    raw.stream.write_all(&out).await?;
    pending().await
}

async fn drip(at: Target, bound: bool) -> Result<(), Failure> {
    let mut all = Vec::new();
    for _ in 0..SOME {
        all.push(if bound { Raw::bound(at).await?.stream } else { at.connect().await? });
    }
    let mut bytes = hello();
    if bound {
        bytes.clear();
        request("echo", &[32; 33]).write(&mut bytes, SlotId { slot: 0, sequence: 1 });
    }
    for byte in bytes.chunks(1) {
        for stream in &mut all {
            // Those that the server has closed already take no more.
            let _ = stream.write_all(byte).await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    pending().await
}

/// Each connection stays as long as the server lets it.
async fn crowd(at: Target, first: Vec<u8>) -> Result<(), Failure> {
    let mut all = JoinSet::new();
    for _ in 0..MANY {
        let Ok(mut stream) = at.connect().await else { continue };
        let first = first.clone();
        all.spawn(async move {
            stream.write_all(&first).await?;
            tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
        });
    }
    pending().await
}

async fn unacknowledged(at: Target) -> Result<(), Failure> {
    let (template, mut out) = (request("large", &number(64 << 10)), Vec::new());
    (0..SLOTS).for_each(|slot| template.write(&mut out, SlotId { slot, sequence: 1 }));
    let mut all = Vec::new();
    for _ in 0..SESSIONS {
        let mut raw = Raw::bound(at).await?;
        raw.stream.write_all(&out).await?;
        for _ in 0..SLOTS {
            raw.reply().await?;
        }
        all.push(raw);
    }
    match all.first_mut() {
        Some(raw) => raw.reply().await.map(|_| ()),
        None => Ok(()),
    }
}

async fn flood(at: Target, slots: u32, template: Template) -> Result<(), Failure> {
    let (mut raw, mut out) = (Raw::bound(at).await?, Vec::new());
    (0..slots).for_each(|slot| template.write(&mut out, SlotId { slot, sequence: 1 }));
    loop {
        raw.stream.write_all(&out).await?;
        out.clear();
        let SlotId { slot, sequence } = raw.reply().await?;
        template.write(&mut out, SlotId { slot, sequence: sequence + 1 });
        while frame::split(&raw.bytes[raw.read..], Checksum::Whole)?.is_some() {
            let SlotId { slot, sequence } = raw.reply().await?;
            template.write(&mut out, SlotId { slot, sequence: sequence + 1 });
        }
    }
}

async fn garbage(at: Target) -> Result<(), Failure> {
    for turn in 0u64.. {
        let mut stream = at.connect().await?;
        let mut bytes = if turn % 2 == 0 { hello() } else { Vec::new() };
        let mut state = turn | 1;
        bytes.extend((0..256).map(|_| {
            state = state.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17);
            state as u8
        }));
        let _ = stream.write_all(&bytes).await;
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    }
    Ok(())
}

async fn cancels(at: Target) -> Result<(), Failure> {
    let (mut raw, template) = (Raw::bound(at).await?, request("endless", &[]));
    for sequence in 1.. {
        let mut out = Vec::new();
        for slot in 0..SLOTS {
            let id = SlotId { slot, sequence };
            template.write(&mut out, id);
            Cancel { id, want_reply: false }.write(&mut out);
        }
        raw.stream.write_all(&out).await?;
        for _ in 0..SLOTS {
            raw.reply().await?;
        }
    }
    Ok(())
}

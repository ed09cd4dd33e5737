//! Who takes part, and the one piece of code that drives all of them.

pub(crate) mod carnegie;
pub(crate) mod framed;
pub(crate) mod raw;
pub(crate) mod tarpc;
pub(crate) mod tonic;
pub(crate) mod volo;

use crate::Failure;
use crate::cells::{Cell, Load};
use crate::cli::{Call, Serve};
use crate::measured::Measured;
use crate::payload::Order;
use crate::{closed, open, turns};
use ::bytes::Bytes;
use carnegie_bench::host;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

/// One implementation of the same echo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Contender {
    Carnegie,
    /// The same, its method marked idempotent: what at-most-once costs is the difference.
    Idempotent,
    /// The same, both sides with a busy poll of 100 µs.
    Busy,
    Tarpc,
    Tonic,
    /// volo-thrift, multiplexed.
    Volo,
    /// volo-thrift, a connection for each call in flight.
    VoloPool,
    /// A blocking echo without frames: one call in flight.
    Blocking,
    /// The same in tokio tasks.
    Echo,
    /// The blocking echo, but asking again and again instead of sleeping: the floor of a busy poll.
    Spinning,
    /// Frames as long as Carnegie's, with its checksum, pipelined, and no RPC.
    Framed,
    /// The same without the checksum.
    FramedUnchecked,
    /// The same bytes without frames.
    Copy,
}

use Contender::*;

impl Contender {
    pub(crate) const ALL: [Contender; 13] = [
        Carnegie,
        Busy,
        Idempotent,
        Tarpc,
        Tonic,
        Volo,
        VoloPool,
        Blocking,
        Echo,
        Spinning,
        Framed,
        FramedUnchecked,
        Copy,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Carnegie => "carnegie",
            Idempotent => "idempotent",
            Busy => "busy",
            Tarpc => "tarpc",
            Tonic => "tonic",
            Volo => "volo",
            VoloPool => "volo-pool",
            Blocking => "blocking",
            Echo => "echo",
            Spinning => "spinning",
            Framed => "framed",
            FramedUnchecked => "framed-unchecked",
            Copy => "copy",
        }
    }
}

impl FromStr for Contender {
    type Err = String;

    fn from_str(name: &str) -> Result<Contender, String> {
        let names = || Contender::ALL.map(Contender::name).join(", ");
        let found = Contender::ALL.into_iter().find(|contender| contender.name() == name);
        found.ok_or_else(|| format!("one of these is wanted: {}", names()))
    }
}

/// A client that the load can drive: a handle of one task, with at most one call under way in it.
pub(crate) trait Handle: Send + 'static {
    fn echo(&mut self, payload: Bytes) -> impl Future<Output = Result<Bytes, Failure>> + Send;

    fn book(&mut self, order: Order) -> impl Future<Output = Result<Order, Failure>> + Send;

    /// The same as `echo`, with a handler that sleeps.
    fn nap(&mut self, payload: Bytes) -> impl Future<Output = Result<Bytes, Failure>> + Send;

    /// The same as `echo`, with a handler that uses the CPU.
    fn burn(&mut self, payload: Bytes) -> impl Future<Output = Result<Bytes, Failure>> + Send;
}

/// What slow handlers do, in all frameworks.
async fn nap() {
    tokio::time::sleep(Duration::from_millis(5)).await;
}

fn burn() {
    carnegie_bench::service::burn(1_000);
}

/// One thread, or two: on the CPU of its side if there is but one.
fn runtime(side: host::Side, pinned: bool) -> Result<Runtime, Failure> {
    if pinned {
        host::pin(side)?;
        return Ok(Builder::new_current_thread().enable_all().build()?);
    }
    Ok(Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

/// Runs the server until the process is killed; its address is the one line that it prints.
pub(crate) fn serve(serve: &Serve) -> Result<(), Failure> {
    // Not without its director: it would stay for ever.
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
    match serve.contender {
        Blocking => return raw::serve_blocking(),
        Spinning => return raw::serve_spinning(),
        Framed | FramedUnchecked | Copy => return framed::serve(serve),
        _ => {}
    }
    runtime(host::Side::Server, serve.pinned)?.block_on(async {
        match serve.contender {
            Echo => raw::serve().await,
            Tarpc => tarpc::serve().await,
            Tonic => tonic::serve().await,
            Volo => volo::serve(true).await,
            VoloPool => volo::serve(false).await,
            Busy => carnegie::serve(carnegie::BUSY_POLL).await,
            _ => carnegie::serve(Duration::ZERO).await,
        }
    })
}

/// Says on standard output where this server listens; the director waits for that line.
fn announce(address: SocketAddr) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    writeln!(out, "{address} {}", std::process::id())?;
    Ok(out.flush()?)
}

/// Makes one measurement and prints it as one line.
pub(crate) fn call(call: &Call) -> Result<(), Failure> {
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
    println!("{}", measure(call)?);
    Ok(())
}

fn measure(call: &Call) -> Result<Measured, Failure> {
    match call.contender {
        Blocking => return raw::call_blocking(call),
        Spinning => return raw::call_spinning(call),
        Framed | FramedUnchecked | Copy => return framed::call(call),
        _ => {}
    }
    runtime(host::Side::Client, call.cell.pinned)?.block_on(async {
        match call.contender {
            Echo => closed::run(call, vec![raw::connect(call.server).await?]).await,
            Tarpc => load(call, tarpc::connect(call).await?).await,
            Tonic => load(call, tonic::connect(call).await?).await,
            Volo => load(call, volo::connect(call, true)).await,
            VoloPool => load(call, volo::connect(call, false)).await,
            Idempotent => load(call, carnegie::connect_freely(call).await?).await,
            Busy => load(call, carnegie::connect(call, carnegie::BUSY_POLL).await?).await,
            _ => match (call.cell.load, carnegie::connect(call, Duration::ZERO).await?) {
                (Load::Turns(pair), mut clients) => turns::run(call, clients.remove(0), pair).await,
                (_, clients) => load(call, clients).await,
            },
        }
    })
}

/// Puts a framework under the load of the cell, with one client of each connection.
async fn load<H: Handle + Clone>(call: &Call, clients: Vec<H>) -> Result<Measured, Failure> {
    match call.cell.load {
        Load::Closed => closed::run(call, handles(call.cell, &clients)).await,
        Load::Open(_) => open::run(call, clients, 0).await,
        Load::Beside(bulk) => open::run(call, clients, bulk).await,
        Load::Turns(_) => Err("only Carnegie has two kinds of calls".into()),
    }
}

/// One handle for each call in flight, over the connections in turns.
fn handles<H: Clone>(cell: &Cell, clients: &[H]) -> Vec<H> {
    clients.iter().cloned().cycle().take(cell.depth).collect()
}

/// A connection for those who do not make their own, or would make it without `TCP_NODELAY`.
async fn connection(server: SocketAddr) -> Result<TcpStream, Failure> {
    let stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

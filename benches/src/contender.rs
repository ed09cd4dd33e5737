//! Who takes part, and the one piece of code that drives all of them.

use crate::args::Call;
use crate::{Failure, host, load, raw, with_carnegie, with_tarpc};
use std::io::Write;
use std::net::SocketAddr;
use std::str::FromStr;

/// Bytes in a request and in its reply.
pub(crate) const PAYLOAD: usize = 32;

/// One implementation of the same 32-byte echo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contender {
    Raw,
    Tarpc,
    Carnegie,
    /// The same, its method marked idempotent: what at-most-once costs is the difference.
    Idempotent,
}

impl Contender {
    pub(crate) const ALL: [Contender; 4] =
        [Contender::Raw, Contender::Tarpc, Contender::Carnegie, Contender::Idempotent];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Contender::Raw => "raw",
            Contender::Tarpc => "tarpc",
            Contender::Carnegie => "carnegie",
            Contender::Idempotent => "idempotent",
        }
    }

    /// The raw echo has no frames, so it cannot tell calls in flight apart: it takes part at depth 1 only.
    pub(crate) fn takes_part_at(self, in_flight: usize) -> bool {
        self != Contender::Raw || in_flight == 1
    }
}

impl FromStr for Contender {
    type Err = String;

    fn from_str(name: &str) -> Result<Contender, String> {
        let found = Contender::ALL.into_iter().find(|contender| contender.name() == name);
        found.ok_or_else(|| "one of raw, tarpc, carnegie, idempotent is wanted".to_owned())
    }
}

/// A client that the load can drive: a handle of one task, with at most one call under way in it.
pub(crate) trait Echo: Send + 'static {
    fn echo(&mut self, payload: [u8; PAYLOAD]) -> impl Future<Output = Result<Vec<u8>, Failure>> + Send;
}

/// Runs the server of `contender` until the process is killed; its address is the one line that it prints.
pub(crate) fn serve(contender: Contender) -> Result<(), Failure> {
    host::pin(host::Side::Server)?;
    host::runtime()?.block_on(async {
        match contender {
            Contender::Raw => raw::serve().await,
            Contender::Tarpc => with_tarpc::serve().await,
            Contender::Carnegie | Contender::Idempotent => with_carnegie::serve().await,
        }
    })
}

/// Says on standard output where this server listens; the director waits for that line.
pub(crate) fn announce(address: SocketAddr) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    writeln!(out, "{address}")?;
    Ok(out.flush()?)
}

/// Makes one measurement and prints it as one line.
pub(crate) fn call(call: &Call) -> Result<(), Failure> {
    host::pin(host::Side::Client)?;
    let measured = host::runtime()?.block_on(async {
        match call.contender {
            Contender::Raw => load::run(call, vec![raw::connect(call.server).await?]).await,
            Contender::Tarpc => {
                load::run(call, with_tarpc::connect(call.server, call.in_flight).await?).await
            }
            Contender::Carnegie => {
                load::run(call, with_carnegie::connect(call.server, call.in_flight).await?).await
            }
            Contender::Idempotent => {
                load::run(call, with_carnegie::connect_freely(call.server, call.in_flight).await?).await
            }
        }
    })?;
    println!("{measured}");
    Ok(())
}

//! A line between clients and office that keeps breaking, on purpose.

use crate::Result;
use crate::fate::{Dice, Fate, Fault};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How long what the client has sent is gathered, before it is cut off from it.
const GATHER: Duration = Duration::from_millis(5);

/// Listens until it is dropped; all of its connections end with it.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    harm: Arc<Harm>,
    _accepting: JoinSet<()>,
}

/// How often each fault has come.
#[derive(Default)]
struct Harm([AtomicU64; Fault::ALL.len()]);

impl Proxy {
    /// Connects whoever comes with the server, in its own unreliable way.
    pub(crate) async fn start(server: String, seed: u64) -> Result<Proxy> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, harm) = (listener.local_addr()?, Arc::new(Harm::default()));
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, server, seed, harm.clone()));
        Ok(Proxy { address, harm, _accepting: accepting })
    }

    /// How many connections met this fault.
    pub(crate) fn count(&self, fault: Fault) -> u64 {
        self.harm.0[fault as usize].load(Ordering::Relaxed)
    }
}

async fn accept(listener: TcpListener, server: String, seed: u64, harm: Arc<Harm>) {
    let mut lines = JoinSet::new();
    for connection in 0.. {
        // What cannot be accepted now (too many open files) may be later.
        match listener.accept().await {
            Ok((client, _)) => {
                let (server, harm) = (server.clone(), harm.clone());
                lines.spawn(async move { serve(client, &server, Dice::new(seed, connection), &harm).await });
            }
            Err(_) => sleep(GATHER).await,
        }
        while lines.try_join_next().is_some() {}
    }
}

async fn serve(client: TcpStream, server: &str, mut dice: Dice, harm: &Harm) {
    // A server that is not there is a fault too, though not one of ours: the client sees the connection end.
    let Ok(server) = TcpStream::connect(server).await else { return };
    // Small writes are the rule here, and they are late enough as they are.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let mut line = Line {
        requests: Pipe { from: from_client, to: to_server, held: Vec::new() },
        replies: Pipe { from: from_server, to: to_client, held: Vec::new() },
    };
    loop {
        let fate = dice.fate();
        if line.work(&fate).await == Pass::Ended {
            return;
        }
        harm.0[fate.fault as usize].fetch_add(1, Ordering::Relaxed);
        match fate.fault {
            Fault::Cut => return,
            Fault::LateRequests => return line.deliver_late(fate.pause).await,
            Fault::LostReplies => return line.lose_replies(fate.pause).await,
            Fault::BlackHole => sleep(fate.pause).await,
        }
    }
}

/// A connection, both ways.
struct Line {
    requests: Pipe,
    replies: Pipe,
}

impl Line {
    /// Passes bytes both ways until the fault is due.
    async fn work(&mut self, fate: &Fate) -> Pass {
        tokio::select! {
            pass = self.requests.pass(fate.requests) => pass,
            pass = self.replies.pass(fate.replies) => pass,
            () = sleep(fate.time) => Pass::Spent,
        }
    }

    async fn deliver_late(self, pause: Duration) {
        let Line { requests: Pipe { mut from, mut to, mut held }, replies } = self;
        // What was on its way.
        let _ = timeout(GATHER, async { while from.read_buf(&mut held).await.is_ok_and(|n| n > 0) {} }).await;
        let Pipe { from: unheard, to: client, .. } = replies;
        drop((from, client));
        sleep(pause).await;
        let _ = to.write_all(&held).await;
        // Closed with the server's answers unread, the connection would be reset, and the late requests with it.
        let _ = to.shutdown().await;
        drain(unheard, pause).await;
    }

    async fn lose_replies(self, pause: Duration) {
        let Line { mut requests, replies: Pipe { from: unheard, to: _client, .. } } = self;
        let _ =
            timeout(pause, async { tokio::join!(requests.pass(usize::MAX), drain(unheard, pause)) }).await;
    }
}

/// Reads what nobody will get.
async fn drain(mut from: OwnedReadHalf, time: Duration) {
    let mut nobody = [0; 4096];
    let _ = timeout(time, async { while from.read(&mut nobody).await.is_ok_and(|n| n > 0) {} }).await;
}

/// Why a pipe passes nothing any more.
#[derive(Debug, PartialEq, Eq)]
enum Pass {
    /// So many bytes have passed.
    Spent,
    /// One of its ends was closed.
    Ended,
}

/// One direction. Whatever it has read and not written is held, so it may be left at any await without a byte being lost.
struct Pipe {
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
    held: Vec<u8>,
}

impl Pipe {
    async fn pass(&mut self, mut bytes: usize) -> Pass {
        let mut read = [0; 4096];
        loop {
            while !self.held.is_empty() {
                match self.to.write(&self.held).await {
                    Ok(written @ 1..) => drop(self.held.drain(..written)),
                    _ => return Pass::Ended,
                }
            }
            if bytes == 0 {
                return Pass::Spent;
            }
            let most = bytes.min(read.len());
            match self.from.read(&mut read[..most]).await {
                Ok(n @ 1..) => {
                    self.held.extend_from_slice(&read[..n]);
                    bytes -= n;
                }
                _ => return Pass::Ended,
            }
        }
    }
}

//! The first and the last that a connection hears: who may come in, what the others are told, and the parting.

use crate::clock::Clock;
use crate::pipe::Pipe;
use crate::server::host::{Admitted, Attached, Host, Phase};
use crate::server::peer::host_of;
use rpc_core::Transmit;
use rpc_core::frame::Hello;
use rpc_core::server::{Arrival, Handshake};
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

/// How long the last bytes to a peer may take.
pub(super) const FLUSH_MAX: Duration = Duration::from_secs(5);

/// How long a peer that was told of the end may take to leave.
const LINGER: Duration = Duration::from_secs(1);

/// Lets a new connection in, or tells it why not. It counts as a connection until it is gone.
pub(super) async fn admit(host: &Arc<Host>, mut pipe: Pipe, peer: &Arc<str>) -> Option<(Pipe, Attached)> {
    let peer_host = host_of(peer);
    let greeted = match host.arrive(&peer_host) {
        Arrival::Handshake(handshake) => greet(host, &mut pipe, handshake, peer, &peer_host).await,
        Arrival::Refuse(last) => {
            Err(Parting { last, ..Parting::of_stranger("there are too many connections") })
        }
        Arrival::Drop => return None,
    };
    match greeted {
        Ok(attached) => Some((pipe, attached)),
        Err(Parting { last, why }) => {
            if let Some(why) = why {
                warn_of_stranger(host, peer, &why);
            }
            if !last.is_empty() {
                pipe.outgoing().bytes().extend_from_slice(&last);
                part(pipe).await;
            }
            host.depart(&peer_host);
            None
        }
    }
}

fn warn_of_stranger(host: &Host, peer: &str, why: &str) {
    if let Some(more) = host.strangers.seen(Clock::now(), peer) {
        tracing::warn!(target: "carnegie::server", %peer, why, more, "a connection ended in its handshake");
    }
}

/// A connection that ends in its handshake.
#[derive(Default)]
struct Parting {
    /// What it is told.
    last: Vec<u8>,
    /// What is wrong with it, for the log: not of clients that come at a bad time.
    why: Option<String>,
}

impl Parting {
    fn of_stranger(why: impl ToString) -> Self {
        Self { last: Vec::new(), why: Some(why.to_string()) }
    }
}

/// Reads the first frame, within the time that the handshake may take.
async fn greet(
    host: &Arc<Host>,
    pipe: &mut Pipe,
    mut handshake: Handshake,
    peer: &Arc<str>,
    peer_host: &str,
) -> Result<Attached, Parting> {
    let late = tokio::time::sleep_until(Clock::to_std(handshake.deadline()).into());
    let mut phase = host.phase();
    let hello = tokio::select! {
        hello = read_hello(pipe, &mut handshake) => hello?,
        () = late => {
            return Err(Parting { last: Handshake::timed_out(), ..Parting::of_stranger("no Hello came in time") });
        }
        // Not before: it may be a client that comes back for its replies.
        _ = phase.wait_for(|now| *now == Phase::Closed) => return Err(Parting::default()),
    };
    match host.admit(&hello, peer.clone(), peer_host) {
        Ok(Some(Admitted::Attached(attached))) => Ok(attached),
        Ok(Some(Admitted::Refused(last))) => Err(Parting { last, why: None }),
        Ok(None) => Err(Parting::default()),
        Err(error) => Err(Parting::of_stranger(error)),
    }
}

/// The peer's `Hello`, or what to answer to a peer that has sent something else.
async fn read_hello(pipe: &mut Pipe, handshake: &mut Handshake) -> Result<Hello, Parting> {
    loop {
        let read = poll_fn(|cx| {
            let polled = pipe.poll_read_some(cx);
            if polled.is_pending() {
                // Anybody can say a little and wait: that must not cost more than it did.
                pipe.shrink();
            }
            polled
        });
        match read.await {
            Ok(0) => return Err(Parting::of_stranger(handshake.ended(pipe.unread()))),
            Ok(_) => {}
            Err(error) => return Err(Parting::of_stranger(error)),
        }
        match handshake.handle_bytes(pipe.unread()) {
            Ok(None) => {}
            Ok(Some((hello, used))) => {
                pipe.consume(used);
                return Ok(hello);
            }
            Err(error) => {
                return Err(Parting { last: Handshake::refusal(&error), ..Parting::of_stranger(error) });
            }
        }
    }
}

/// Writes what is left and waits for the peer to leave: a socket that is closed with unread bytes in it is reset, and
/// the peer might lose what was written last.
pub(super) async fn part(mut pipe: Pipe) {
    let farewell = async {
        poll_fn(|cx| pipe.poll_flush(cx)).await?;
        poll_fn(|cx| pipe.poll_close(cx)).await
    };
    if !matches!(tokio::time::timeout(FLUSH_MAX, farewell).await, Ok(Ok(()))) {
        return;
    }
    let _ = tokio::time::timeout(LINGER, async {
        // What is not read any more needs no buffer while it waits.
        pipe.consume(usize::MAX);
        while matches!(poll_fn(|cx| pipe.poll_read_some(cx)).await, Ok(count) if count > 0) {
            pipe.consume(usize::MAX);
        }
    })
    .await;
}

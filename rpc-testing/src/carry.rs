//! The task of one connection: both directions, and how it ends.

use crate::chaos;
use crate::connection::Connection;
use crate::direction::Way;
use crate::orders::Ending;
use crate::pump::{Outcome, Pump};
use crate::queue::Queue;
use crate::shared::Registered;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, split};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long what an end still sends is read and thrown away after the stream to it has ended. A socket that is closed with
/// bytes unread is reset, and the end would see that in place of the end of the stream.
const LINGER: Duration = Duration::from_secs(1);

/// What a connection is made of.
pub(crate) trait Link: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Makes its drop a reset, where there is such a thing.
    fn reset(&self);
}

impl Link for TcpStream {
    fn reset(&self) {
        // It fails only on a socket that is dead already.
        let _ = self.set_zero_linger();
    }
}

impl Link for DuplexStream {
    fn reset(&self) {}
}

/// A connection until its end, with whatever is drawn for it.
pub(crate) async fn serve(registered: Registered, near: impl Link, far: impl Link) {
    let connection = &registered.0;
    tokio::select! {
        () = carry(connection.clone(), near, far) => {}
        () = chaos::work(connection) => {}
    }
}

/// Carries bytes between a client's end and a server's, until both directions have ended or it is cut.
async fn carry<N: Link, F: Link>(connection: Arc<Connection>, mut near: N, mut far: F) {
    let (outcome, late) = {
        let ((from_client, to_client), (from_server, to_server)) = (split(&mut near), split(&mut far));
        let mut up = Pump::new(Way::ToServer, from_client, to_server, connection.clone());
        let mut down = Pump::new(Way::ToClient, from_server, to_client, connection.clone());
        let outcome = both(&mut up, &mut down).await;
        let (mut to_server, mut to_client) = (None, None);
        if outcome == Outcome::Cut {
            if connection.is_held(Way::ToServer) {
                up.gather().await;
                to_server = Some(up.into_queue());
            }
            if connection.is_held(Way::ToClient) {
                down.gather().await;
                to_client = Some(down.into_queue());
            }
        }
        connection.carried();
        (outcome, [to_server, to_client])
    };
    let ending = connection.lock().cut.unwrap_or(Ending::Fin);
    let [to_server, to_client] = late;
    match outcome {
        Outcome::Reset => {
            near.reset();
            far.reset();
        }
        Outcome::Ended => {}
        Outcome::Broken | Outcome::Cut => {
            tokio::join!(
                end(near, to_client, ending, &connection, Way::ToClient),
                end(far, to_server, ending, &connection, Way::ToServer),
            );
        }
    }
}

/// Runs both directions until both have ended, or the whole connection has.
async fn both(
    up: &mut Pump<impl AsyncRead + Unpin, impl AsyncWrite + Unpin>,
    down: &mut Pump<impl AsyncRead + Unpin, impl AsyncWrite + Unpin>,
) -> Outcome {
    let (mut up, mut down) = (pin!(up.run()), pin!(down.run()));
    let (first, second) = tokio::select! {
        first = &mut up => match first {
            Outcome::Cut | Outcome::Reset => return first,
            Outcome::Ended | Outcome::Broken => (first, down.await),
        },
        first = &mut down => match first {
            Outcome::Cut | Outcome::Reset => return first,
            Outcome::Ended | Outcome::Broken => (first, up.await),
        },
    };
    if second == Outcome::Ended { first } else { second }
}

/// Ends the stream to one of the ends, once what is held for it was released and delivered.
async fn end(stream: impl Link, late: Option<Queue>, ending: Ending, connection: &Connection, way: Way) {
    let mut stream = stream;
    if late.is_none() && ending == Ending::Reset {
        return stream.reset();
    }
    let (mut from, mut to) = split(&mut stream);
    let mut delivered = pin!(async {
        if let Some(queue) = late {
            connection.released(way).await;
            // Who is gone gets nothing more.
            let _ = to.write_all(&queue.into_bytes()).await;
        }
        let _ = to.shutdown().await;
    });
    let mut rest = pin!(throw_away(&mut from));
    tokio::select! {
        () = &mut delivered => {
            let _ = timeout(LINGER, rest).await;
        }
        // It sends nothing more, and may still want what is held.
        () = &mut rest => delivered.await,
    }
}

/// Reads what nobody gets, until there is no more.
pub(crate) async fn throw_away(from: &mut (impl AsyncRead + Unpin)) {
    let mut nobody = [0; 4096];
    while from.read(&mut nobody).await.is_ok_and(|count| count > 0) {}
}

//! What a connection has sent, sent once more.

use crate::carry::throw_away;
use crate::counts::Fault;
use crate::shared::{Shared, lock};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long the server may answer.
const LISTEN: Duration = Duration::from_secs(1);

/// Replays the latest connection that can be. Returns at once, how many bytes that will be.
pub(crate) fn latest(shared: &Arc<Shared>) -> usize {
    let Some((connection, bytes)) = lock(&shared.captures).latest() else { return 0 };
    let Some(target) = lock(&shared.target).clone() else { return 0 };
    let count = bytes.len();
    let of = shared.clone();
    shared.spawn(async move {
        // Where there is no server, nothing is replayed.
        let Ok(mut server) = TcpStream::connect(target).await else { return };
        let _ = server.set_nodelay(true);
        if server.write_all(&bytes).await.is_ok() {
            of.count(Fault::Replay, connection);
        }
        let _ = timeout(LISTEN, throw_away(&mut server)).await;
    });
    count
}

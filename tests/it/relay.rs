//! A line between a client and its server that a test holds up and cuts.

use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, watch};

/// Carries every connection to one server, as long as it lives.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    held: watch::Sender<bool>,
    cut: broadcast::Sender<()>,
}

impl Relay {
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let ((held, _), (cut, _)) = (watch::channel(false), broadcast::channel(1));
        let relay = Self { address, held: held.clone(), cut: cut.clone() };
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let (held, mut cut) = (held.subscribe(), cut.subscribe());
                tokio::spawn(async move {
                    let far = TcpStream::connect(server).await.unwrap();
                    let ((from_client, to_client), (from_server, to_server)) =
                        (near.into_split(), far.into_split());
                    tokio::select! {
                        () = carry(from_client, to_server, held) => {}
                        () = carry(from_server, to_client, watch::channel(false).1) => {}
                        _ = cut.recv() => {}
                    }
                });
            }
        });
        relay
    }

    /// From now on nothing that clients send gets through; it is taken, and waits.
    pub(crate) fn hold(&self) {
        self.held.send_replace(true);
    }

    /// What was held up goes on.
    pub(crate) fn let_go(&self) {
        self.held.send_replace(false);
    }

    /// Ends all connections. What was held up on them is lost.
    pub(crate) fn cut(&self) {
        // Without a connection there is nobody to hear it.
        let _ = self.cut.send(());
    }
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    held: watch::Receiver<bool>,
) {
    let (mut bytes, mut held) = (vec![0; 1 << 16], held);
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        // The test has ended when nobody can let go any more.
        let _ = held.wait_for(|held| !held).await;
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

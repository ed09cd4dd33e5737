//! Where connections come from: TCP and Unix sockets.

use crate::address::{Addresses, Endpoint};
use crate::clock::Clock;
use crate::server::host::{Host, Phase};
use crate::stream::Stream;
use rpc_core::BindError;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};

/// After a failed `accept` the next one waits this long at first, and this long at most. Without a pause a process that
/// has no file descriptors left would spin.
const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// So many connections are accepted in a row, and then no more for so long: up to 8,000 a second on each address. A client that opens
/// connections as fast as it can would else leave little time to those that are connected.
const ACCEPTED_AT_ONCE: usize = 8;
const ACCEPT_PAUSE: Duration = Duration::from_millis(1);

/// A socket that listens.
pub(crate) struct Listener {
    socket: Socket,
    address: String,
}

enum Socket {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener, PathBuf),
}

impl Drop for Socket {
    fn drop(&mut self) {
        match self {
            Socket::Tcp(_) => {}
            // The file would outlive the socket. If it is gone already, so much the better.
            #[cfg(unix)]
            Socket::Unix(_, path) => drop(std::fs::remove_file(path)),
        }
    }
}

/// Listens on all of the addresses. A name stands for all addresses that it resolves to.
pub(crate) async fn bind(addresses: Addresses) -> Result<Vec<Listener>, BindError> {
    let mut listeners = Vec::new();
    for endpoint in addresses.endpoints()? {
        let failed =
            |error: io::Error| BindError::Listen { address: endpoint.to_string(), error: error.to_string() };
        match &endpoint {
            Endpoint::Ip(address) => listeners.push(tcp(*address).await.map_err(failed)?),
            Endpoint::Name { host, port } => {
                let mut found: Vec<SocketAddr> =
                    tokio::net::lookup_host((host.as_str(), *port)).await.map_err(failed)?.collect();
                found.dedup();
                if found.is_empty() {
                    return Err(failed(io::Error::other("the name has no address")));
                }
                for address in found {
                    listeners.push(tcp(address).await.map_err(failed)?);
                }
            }
            #[cfg(unix)]
            Endpoint::Unix(path) => listeners.push(unix(path.clone()).await.map_err(failed)?),
            #[cfg(not(unix))]
            Endpoint::Unix(_) => return Err(failed(io::ErrorKind::Unsupported.into())),
        }
    }
    Ok(listeners)
}

async fn tcp(address: SocketAddr) -> io::Result<Listener> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?.to_string();
    Ok(Listener { socket: Socket::Tcp(listener), address })
}

#[cfg(unix)]
async fn unix(path: PathBuf) -> io::Result<Listener> {
    let address = format!("unix:{}", path.display());
    let listener = match UnixListener::bind(&path) {
        // A process that was killed leaves its file behind. Nobody listens there if nobody answers there.
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            match UnixStream::connect(&path).await {
                Err(refused) if refused.kind() == io::ErrorKind::ConnectionRefused => {
                    std::fs::remove_file(&path)?;
                }
                _ => return Err(error),
            }
            UnixListener::bind(&path)?
        }
        bound => bound?,
    };
    Ok(Listener { socket: Socket::Unix(listener, path), address })
}

impl Listener {
    /// As clients may write it.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn tcp_address(&self) -> Option<SocketAddr> {
        match &self.socket {
            Socket::Tcp(listener) => listener.local_addr().ok(),
            #[cfg(unix)]
            Socket::Unix(..) => None,
        }
    }

    async fn accept(&self) -> io::Result<(Stream, Arc<str>)> {
        match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((Stream::tcp(stream), peer.to_string().into()))
            }
            #[cfg(unix)]
            Socket::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                // The peer's end has no name of its own.
                Ok((Stream::Unix(stream), self.address.as_str().into()))
            }
        }
    }

    /// Accepts connections and serves each in a task of its own, until the server is closed. No error of `accept` ends a server.
    pub(crate) async fn run(self, host: Arc<Host>) {
        let _counted = host.task();
        let mut phase = host.phase();
        // Whoever waits for the server's end finds it closed: of what stands here, this goes before the count.
        let listener = self;
        tokio::select! {
            () = listener.accept_all(&host) => {}
            // It fails only if the sender is gone, and with it the server.
            _ = phase.wait_for(|now| *now == Phase::Closed) => {}
        }
    }

    async fn accept_all(&self, host: &Arc<Host>) {
        let mut pause = PAUSE_MIN;
        let (mut accepted, mut since) = (0, Clock::now());
        loop {
            match self.accept().await {
                Ok((stream, peer)) => {
                    pause = PAUSE_MIN;
                    tokio::spawn(crate::server::connection::serve(host.clone(), stream, peer));
                    // Ten thousand may wait to be accepted: those that are connected have their turn in between.
                    accepted += 1;
                    if accepted < ACCEPTED_AT_ONCE || Clock::now() - since >= ACCEPT_PAUSE {
                        tokio::task::yield_now().await;
                    } else {
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                    if accepted >= ACCEPTED_AT_ONCE {
                        (accepted, since) = (0, Clock::now());
                    }
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(target: "carnegie::server", address = %self.address, %error, ?pause, "cannot accept");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }
}

/// Whether `accept` failed because of the connection that it was about to give.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

//! The server: services are added, addresses are bound, connections are served until it is stopped.

pub(crate) mod connection;
mod detached;
mod greeting;
mod handler;
pub(crate) mod host;
mod peer;
#[cfg(shuttle)]
mod probe;
mod running;
pub(crate) mod sessions;
mod stopping;
mod strangers;
mod waiting;

use crate::address::Addresses;
use crate::incoming::Service;
use crate::listener::{self, Listener};
use crate::memory;
use crate::signals::stop_signal;
use crate::stream::{ByteStream, Stream};
use host::Host;
use rpc_core::codec::CodecId;
use rpc_core::server::{Config, Endpoint};
use rpc_core::{BindError, Limits, Stats};
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// How long a stopping server waits for its clients, if nothing else is said.
const GRACE: Duration = Duration::from_secs(30);

/// A server that is being put together: [`add`](Server::add) services, then [`bind`](Server::bind) it to addresses.
///
/// ```text
/// Server::new().add(BoxOfficeServer::new(hall)).bind("0.0.0.0:7000").await?.run_until(stop_signal()).await?;
/// ```
#[must_use = "a server does nothing before it is bound and run"]
pub struct Server {
    services: Vec<Arc<dyn Service>>,
    config: Config,
    grace: Duration,
    busy_poll: Duration,
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

impl Server {
    /// A server without services.
    pub fn new() -> Self {
        Self {
            services: Vec::new(),
            config: Config { memory: memory::take, ..Config::default() },
            grace: GRACE,
            busy_poll: Duration::ZERO,
        }
    }

    /// Adds a service: `BoxOfficeServer::new(hall)`. Several services share each connection.
    #[allow(clippy::should_implement_trait)]
    pub fn add(mut self, service: impl Service) -> Self {
        self.services.push(Arc::new(service));
        self
    }

    /// What peers may make this server hold, read and wait for. Default: [`Limits::default`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.config.limits = limits;
        self
    }

    /// The codecs that clients may choose. Default: all that are compiled in.
    pub fn codecs(mut self, codecs: impl IntoIterator<Item = CodecId>) -> Self {
        self.config.codecs = codecs.into_iter().collect();
        self
    }

    /// How long a server that is stopped waits for its clients to leave, at most: for handlers to end, for replies to be fetched, also
    /// by clients whose connections are away. Default: 30 s. What is left then ends as `Unknown`. Whoever ends the process from outside
    /// has to give it this long: Kubernetes by `terminationGracePeriodSeconds`, which is 30 s by default and had better be
    /// more than this, systemd by `TimeoutStopSec`.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// For how long the task of a connection does not sleep after bytes have come or gone, but asks for more again and again: a
    /// request that comes within that time is spared the time that it takes to wake a processor. Default: zero, it sleeps at once.
    ///
    /// The price is processor time: as long as any client makes a call within every such time, a whole processor for each thread of
    /// the runtime that has such a connection. So it is for a server that has its processors to itself and few, busy clients; see
    /// [`Connect::busy_poll`](crate::Connect::busy_poll), which does the same at the other end.
    pub fn busy_poll(mut self, window: Duration) -> Self {
        self.busy_poll = window;
        self
    }

    /// Listens on `host:port`, `[::1]:7000`, `unix:/path`, or several of them with commas between. Port 0 takes a free one:
    /// see [`Bound::local_addr`]. Connections wait until the server is run.
    ///
    /// # Errors
    /// [`BindError::Address`] if the text is no address; [`BindError::Listen`] if the operating system refuses, or if one
    /// service was added twice in the same major version.
    pub async fn bind(self, addresses: impl Into<Addresses>) -> Result<Bound, BindError> {
        let addresses = addresses.into();
        let handle = self.start()?;
        let listeners = listener::bind(addresses).await?;
        let addresses = listeners.iter().map(|listener| listener.address().to_owned()).collect();
        Ok(Bound { closing: CloseOnDrop(handle), listeners, addresses })
    }

    /// A server without addresses, for streams of your own: see [`ServerHandle::serve_stream`].
    ///
    /// # Errors
    /// [`BindError::Listen`] if one service was added twice in the same major version.
    pub fn start(self) -> Result<ServerHandle, BindError> {
        let refuse = |error: String| BindError::Listen { address: "any address".to_owned(), error };
        let descriptors = self.services.iter().map(|service| service.descriptor()).collect::<Vec<_>>();
        if let Some(twice) = Endpoint::duplicate(&descriptors) {
            return Err(refuse(format!("{} {}.x was added twice", twice.name, twice.version.0)));
        }
        let incarnation = host::incarnation().map_err(|error| refuse(error.to_string()))?;
        let endpoint = Endpoint::new(self.config, incarnation, descriptors);
        Ok(ServerHandle { host: Arc::new(Host::new(self.services, endpoint, self.grace, self.busy_poll)) })
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.services.iter().map(|service| service.descriptor().name).collect();
        f.debug_struct("Server").field("services", &names).field("grace", &self.grace).finish_non_exhaustive()
    }
}

/// A server that has its addresses. It serves while it is run; when it is dropped, run or not, all of its connections end.
#[must_use = "a bound server serves nobody before it is run"]
pub struct Bound {
    closing: CloseOnDrop,
    listeners: Vec<Listener>,
    addresses: Vec<String>,
}

/// Closes the server when it is dropped, alone or with the future that runs it.
struct CloseOnDrop(ServerHandle);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.host.close();
    }
}

impl Bound {
    /// The first TCP address that the server listens on, with the port that it got. A server that listens on Unix sockets
    /// alone has none and gives `0.0.0.0:0`; see [`local_addresses`](Bound::local_addresses).
    pub fn local_addr(&self) -> SocketAddr {
        let first = self.listeners.iter().find_map(Listener::tcp_address);
        first.unwrap_or_else(|| (Ipv4Addr::UNSPECIFIED, 0).into())
    }

    /// All addresses that the server listens on, as a client may write them.
    pub fn local_addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Lets others stop the server and see its statistics while it runs.
    pub fn handle(&self) -> ServerHandle {
        self.closing.0.clone()
    }

    /// Serves until [`ServerHandle::stop`] is called. Errors of single connections do not end it.
    ///
    /// # Errors
    /// None now; a listener that fails for good may become one.
    pub async fn run(self) -> io::Result<()> {
        self.run_until(std::future::pending::<()>()).await
    }

    /// Serves until `stop` is ready, then *drains*: clients are told to go, and take their next calls elsewhere by themselves; no new
    /// one is let in; what was sent here is executed and answered, each call by its own answer. A client leaves when it has all of its
    /// answers. One whose connection breaks meanwhile is let in again, and is waited for while a call of its runs, while a reply may
    /// still be wanted (until its deadline and 5 s more), and for 2 s in any case. The server returns when all have left, at the end
    /// of the [grace](Server::grace) at the latest: then all connections are closed, and what has no answer ends as `Unknown`.
    ///
    /// The log says what is waited for, when it begins, every 5 s, and in the end.
    ///
    /// **A second signal stops at once.** While it drains after `stop` was ready, it listens for SIGINT and SIGTERM itself, and the
    /// first one that comes ends the drain as [`ServerHandle::close`] does. Without that such a signal would be lost: `ctrl_c` of tokio
    /// keeps the first one from ending the process, and with it all that follow, which holds here too, for both of them and after this
    /// has returned. [`stop_signal`](crate::stop_signal) hears the first of either kind. A server that is stopped by
    /// [`ServerHandle::stop`] listens for none.
    ///
    /// # Errors
    /// As for [`run`](Bound::run).
    pub async fn run_until(self, stop: impl Future) -> io::Result<()> {
        // Held to the end: if this future is dropped, everything is closed.
        let Bound { closing, listeners, .. } = self;
        let handle = &closing.0;
        let mut accepting = JoinSet::new();
        for listener in listeners {
            accepting.spawn(listener.run(handle.host.clone()));
        }
        let told = tokio::select! {
            _ = stop => true,
            () = handle.host.stopping() => false,
        };
        // Its listeners go last: a client whose connection breaks comes back for its replies.
        let mut stopped = pin!(handle.stop());
        tokio::select! {
            () = &mut stopped => return Ok(()),
            () = stop_signal(), if told => handle.host.close_at_once("a second signal"),
        }
        stopped.await;
        Ok(())
    }
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bound").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

/// A running server, seen from elsewhere: stops it, counts, takes streams. Cheap to clone.
#[derive(Clone)]
pub struct ServerHandle {
    host: Arc<Host>,
}

#[cfg(test)]
impl ServerHandle {
    /// Holds every lock that the clients of this server have in common, and those of the sessions that there are now.
    pub(crate) fn hold_locks(&self) -> impl FnOnce(&mut dyn FnMut()) + '_ {
        let sessions = self.host.sessions();
        move |act| {
            let _common = self.host.locked();
            let _own: Vec<_> = sessions.iter().map(|session| session.lock()).collect();
            act();
        }
    }
}

impl ServerHandle {
    /// What the server has done since it was started.
    pub fn stats(&self) -> Stats {
        self.host.stats()
    }

    /// Drains the server and stops it as [`Bound::run_until`] does, and returns once that is done. It goes on if the future is
    /// dropped while [`Bound::run`] runs.
    pub async fn stop(&self) {
        self.host.stop().await;
    }

    /// Stops the server now, whether it drains or not: all connections are closed, no handler is started any more, those of idempotent
    /// methods are dropped, and whatever has no answer ends as `Unknown` for its caller. Handlers of at-most-once methods run on
    /// as long as their runtime does, unheard; those that block keep a runtime from ending. [`Bound::run`] returns soon.
    pub fn close(&self) {
        self.host.close_at_once("the server was closed");
    }

    /// Serves one connection over a stream of your own, for instance a TLS stream, in a task of its own. `peer` is what
    /// handlers and logs call the other side. To be called within a tokio runtime.
    pub fn serve_stream(&self, stream: impl ByteStream, peer: impl fmt::Display) {
        let peer = peer.to_string().into();
        tokio::spawn(connection::serve(self.host.clone(), Stream::other(stream), peer));
    }
}

impl fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerHandle").field("stats", &self.stats()).finish()
    }
}

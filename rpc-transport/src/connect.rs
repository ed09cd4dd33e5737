//! Making a channel and binding it to a first service.

use crate::address::Addresses;
use crate::binding::Client;
use crate::channel::Channel;
use crate::client::Shared;
use crate::client::driver::{Dialling, Driver};
use crate::dial::{Dialer, Source};
use crate::memory;
use crate::stream::{ByteStream, Stream};
use rpc_core::client::{Client as Engine, Config, Retry};
use rpc_core::codec::CodecId;
use rpc_core::limits::CREDENTIALS_MAX;
use rpc_core::{BindError, Limits};
use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Finds a server, connects, and agrees on a service: `let office: BoxOfficeClient = connect("hall-a:7000, hall-b:7000").await?`.
///
/// The addresses are tried in order, until one leads to a server that has the service in this major version. A name's
/// addresses are raced, as RFC 8305 says. When the connection is lost later, it is made again, to whichever of the addresses
/// serves. If none does, the error lists all of them, with what happened and how long it took.
///
/// The channel lives on the tokio runtime that this is awaited on: calls may be made from anywhere, but their bytes move and
/// their deadlines pass only while that runtime is driven. When it ends, calls that were written end as `Unknown`, all
/// others and all later ones as `NotExecuted`.
pub fn connect<C: Client>(addresses: impl Into<Addresses>) -> Connect<C> {
    Connect::new(addresses.into().targets().map(Source::Endpoints), "no address")
}

/// Agrees on a service over a stream of the caller's own, a TLS stream or one end of [`in_process`](crate::in_process). It
/// cannot be made again: after its end calls fail with `Unavailable`.
pub fn connect_over<C: Client>(stream: impl ByteStream) -> Connect<C> {
    Connect::new(Ok(Source::Once(Mutex::new(Some(Stream::other(stream))))), "the given stream")
}

/// Agrees on a service over streams that `dialer` opens, now and after each loss: TLS, tunnels, sockets with options of
/// their own.
pub fn connect_with<C: Client>(dialer: impl Dialer) -> Connect<C> {
    Connect::new(Ok(Source::Dialer(Box::new(dialer))), "the given dialer")
}

/// A connection about to be made. Awaiting it does the work; until then it takes options.
#[must_use = "a connection is made when this is awaited"]
pub struct Connect<C> {
    source: Result<Source, BindError>,
    name: String,
    call_timeout: Option<Duration>,
    busy_poll: Duration,
    config: Config,
    client: PhantomData<fn() -> C>,
}

impl<C> Connect<C> {
    fn new(source: Result<Source, BindError>, name: &str) -> Self {
        Self {
            source,
            name: name.to_owned(),
            call_timeout: None,
            busy_poll: Duration::ZERO,
            config: Config { memory: memory::take, ..Config::default() },
            client: PhantomData,
        }
    }

    /// Keeps trying for this long if no server answers yet, after 50 ms at first, then ever more rarely; the last attempt begins
    /// when the time is over, and no attempt is cut short: a server that stays silent may keep it waiting for another
    /// [connect window](Connect::connect_window), 5 s unless that was set. Default: not at all, each address is tried once.
    /// The error lists the attempts, of many the first and the last ones.
    pub fn wait_for_server(mut self, window: Duration) -> Self {
        self.config.wait_for_server = window;
        self
    }

    /// The longest that trying each of the addresses once may take: opening a stream, the handshake, agreeing on the
    /// service. Default 5 s. Each address gets an even share of what is left of it, but a quarter at least, so that a silent
    /// server does not keep the others from being tried. The handshake alone is bounded by [`Limits::handshake`] too.
    pub fn connect_window(mut self, window: Duration) -> Self {
        self.config.connect_window = window;
        self
    }

    /// Bounds of memory and time. Default: [`Limits::default`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.config.limits = limits;
        self
    }

    /// How often calls are attempted again by the channel itself, and how many of them. Default: [`Retry::default`];
    /// `Retry::default().attempts(1)` for never.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.config.retry = retry;
        self
    }

    /// The one codec to offer. Default: bincode.
    pub fn codec(mut self, codec: CodecId) -> Self {
        self.config.codecs = vec![codec];
        self
    }

    /// Shown to the server in the handshake, never logged; 16 KiB at most. Default: none.
    pub fn credentials(mut self, credentials: impl Into<Vec<u8>>) -> Self {
        self.config.credentials = credentials.into();
        self
    }

    /// How long calls may take that do not say otherwise, and whose methods do not. Default 10 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = Some(timeout);
        self
    }

    /// Whether calls end at once, instead of waiting inside their deadlines, while there is no connection: all of this channel's,
    /// as [`Call::fail_fast`](crate::Call::fail_fast) says of one. Such a channel makes a lost connection again at once, whether a
    /// call wants it or not. Default: no.
    pub fn fail_fast(mut self, fail_fast: bool) -> Self {
        self.config.fail_fast = fail_fast;
        self
    }

    /// For how long the channel does not sleep after bytes have come or gone, but asks for more again and again: a call that ends
    /// within that time is spared the time that it takes to put a processor to sleep and to wake it, which is most of a small call's.
    /// Default: zero, it sleeps at once. 50 to 100 µs suits calls that take less.
    ///
    /// The price is processor time: up to this much after each call, with one call at a time a whole processor. So it is for a
    /// client that has a processor to itself and whose calls are answered in that time; not for many channels, for processors that
    /// others need (the server's on the same machine, above all), or where power matters. Other tasks of the thread have their turn
    /// as ever. It does most with a `current_thread` runtime, and with [`Server::busy_poll`](crate::Server::busy_poll) at the other
    /// end.
    pub fn busy_poll(mut self, window: Duration) -> Self {
        self.busy_poll = window;
        self
    }

    /// What errors and logs call a server that is reached by a stream of the caller's own. Without effect for addresses.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    fn open(self) -> Result<Channel, BindError> {
        let mut config = self.config;
        if config.credentials.len() > CREDENTIALS_MAX {
            let why =
                format!("credentials of {} bytes; {CREDENTIALS_MAX} are allowed", config.credentials.len());
            return Err(BindError::Rejected { address: self.name, why, retry_after: None });
        }
        config.limits.call_timeout = self.call_timeout.unwrap_or(config.limits.call_timeout);
        let dialling = Dialling { source: self.source?, name: self.name };
        config.addresses = dialling.source.len();
        // The seed only spreads the redials of many clients. Where the system has no randomness, they are not spread.
        let engine = Engine::new(config, getrandom::u64().unwrap_or(1));
        let shared = Arc::new(Shared::new(engine));
        tokio::spawn(Driver::new(shared.clone(), dialling, self.busy_poll));
        Ok(Channel::new(shared))
    }
}

impl<C: Client> IntoFuture for Connect<C> {
    type Output = Result<C, BindError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// # Panics
    /// The future panics when it is polled outside of a tokio runtime with I/O and time.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.open()?.bind().await })
    }
}

impl<C> fmt::Debug for Connect<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect")
            .field("name", &self.name)
            .field("connect_window", &self.config.connect_window)
            .finish_non_exhaustive()
    }
}

//! The line over TCP.

use crate::captures::{Captures, Filter};
use crate::carry::{Link, serve};
use crate::chaos::Chaos;
use crate::counts::Fault;
use crate::line::Line;
use crate::replay;
use crate::shared::{Happened, Observer, Shared, lock};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// Between two attempts to accept, where the system has no descriptor left for a connection.
const ACCEPT_AGAIN: Duration = Duration::from_millis(10);

/// A TCP proxy between clients and a server whose line breaks on demand. Without orders it is a good one.
///
/// It listens until it is dropped, with whatever clones of its [line](Proxy::line) there are; then all of its connections end. What
/// [`Line`] can do can be ordered of it. A connection is there for orders once the server was reached, and an end of the stream or a
/// reset of one side is passed on to the other. If there is no server, the client's connection is reset.
///
/// ```
/// # use rpc_testing::{Fault, Proxy};
/// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// # use tokio::net::{TcpListener, TcpStream};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let server = TcpListener::bind("127.0.0.1:0").await?;
/// let proxy = Proxy::start(server.local_addr()?.to_string()).await?;
///
/// let mut client = TcpStream::connect(proxy.address()).await?;
/// let (mut served, _) = server.accept().await?;
/// client.write_all(b"seat 7").await?;
/// let mut read = [0; 6];
/// served.read_exact(&mut read).await?;
///
/// proxy.cut();
/// assert_eq!(client.read(&mut read).await?, 0, "the end of the stream");
/// assert_eq!(proxy.counts().of(Fault::Cut), 1);
/// # Ok(())
/// # }
/// ```
pub struct Proxy {
    line: Line,
    address: SocketAddr,
}

impl Proxy {
    /// Listens at a free port of the loopback address, and connects whoever comes with `target`, an address or a name with a port.
    ///
    /// # Errors
    /// The system's, if there is no port.
    pub async fn start(target: impl Into<String>) -> io::Result<Proxy> {
        Proxy::builder(target).start().await
    }

    /// The same, with options.
    ///
    /// ```
    /// # use rpc_testing::{Chaos, Proxy};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let proxy = Proxy::builder("127.0.0.1:7000").chaos(Chaos::seeded(7)).start().await?;
    /// assert_eq!(proxy.seed(), 7);
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(target: impl Into<String>) -> ProxyBuilder {
        ProxyBuilder {
            target: target.into(),
            listen: "127.0.0.1:0".to_owned(),
            chaos: None,
            seed: None,
            capture: 64 << 10,
            filter: None,
            observer: None,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Leads connections to come to another server. Present ones stay where they are.
    ///
    /// ```
    /// # use rpc_testing::Proxy;
    /// # use tokio::net::{TcpListener, TcpStream};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let (old, new) = (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
    /// let proxy = Proxy::start(old.local_addr()?.to_string()).await?;
    /// proxy.retarget(new.local_addr()?.to_string());
    /// let _client = TcpStream::connect(proxy.address()).await?;
    /// new.accept().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn retarget(&self, target: impl Into<String>) {
        *lock(&self.line.shared.target) = Some(target.into());
    }

    /// Refuses connections to come, until told otherwise or [healed](Line::heal). The system has accepted them, so the client is
    /// connected, and then reset before it has read a byte. Present ones stay.
    ///
    /// ```
    /// # use rpc_testing::Proxy;
    /// # use std::io::ErrorKind;
    /// # use tokio::io::AsyncReadExt;
    /// # use tokio::net::{TcpListener, TcpStream};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let server = TcpListener::bind("127.0.0.1:0").await?;
    /// let proxy = Proxy::start(server.local_addr()?.to_string()).await?;
    /// proxy.refuse(true);
    /// let mut client = TcpStream::connect(proxy.address()).await?;
    /// assert_eq!(client.read(&mut [0; 9]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    /// # Ok(())
    /// # }
    /// ```
    pub fn refuse(&self, refuse: bool) {
        self.line.shared.refuse.store(refuse, Ordering::Relaxed);
    }

    /// Sends the server once more what the client of an earlier connection has sent, from the first byte on, over a connection of the
    /// proxy's own; and reads the answers for a second, for nobody. Of the last 16 connections the latest is taken that has sent
    /// something and whose bytes [may be replayed](ProxyBuilder::replayable). Returns at once, how many bytes that will be: 0 if
    /// there is nothing to replay. Counted when they are sent.
    ///
    /// ```
    /// # use rpc_testing::Proxy;
    /// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
    /// # use tokio::net::{TcpListener, TcpStream};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let server = TcpListener::bind("127.0.0.1:0").await?;
    /// let proxy = Proxy::start(server.local_addr()?.to_string()).await?;
    /// let mut client = TcpStream::connect(proxy.address()).await?;
    /// client.write_all(b"sell seat 7").await?;
    /// let (mut served, mut read) = (server.accept().await?.0, [0; 11]);
    /// served.read_exact(&mut read).await?;
    ///
    /// assert_eq!(proxy.replay(), 11);
    /// let (mut served, _) = server.accept().await?;
    /// served.read_exact(&mut read).await?;
    /// assert_eq!(&read, b"sell seat 7", "once more");
    /// # Ok(())
    /// # }
    /// ```
    pub fn replay(&self) -> usize {
        replay::latest(&self.line.shared)
    }

    /// What its faults are ordered by: to be cloned, and given to others.
    ///
    /// ```
    /// # use rpc_testing::Proxy;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let proxy = Proxy::start("127.0.0.1:7000").await?;
    /// let line = proxy.line().clone();
    /// tokio::spawn(async move { line.cut() });
    /// # Ok(())
    /// # }
    /// ```
    pub fn line(&self) -> &Line {
        &self.line
    }
}

impl Deref for Proxy {
    type Target = Line;

    fn deref(&self) -> &Line {
        &self.line
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("address", &self.address).field("line", &self.line).finish()
    }
}

/// A [`Proxy`] about to start.
///
/// ```
/// # use rpc_testing::{Chaos, Fault, Proxy};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let chaos = Chaos::seeded(7).weight(Fault::Refusal, 0);
/// let proxy = Proxy::builder("127.0.0.1:7000")
///     .chaos(chaos)
///     .on_fault(|happened| eprintln!("connection {}: {}", happened.connection, happened.fault))
///     .start()
///     .await?;
/// println!("{} with seed {}", proxy.address(), proxy.seed());
/// # Ok(())
/// # }
/// ```
#[must_use = "it does nothing before it is started"]
pub struct ProxyBuilder {
    target: String,
    listen: String,
    chaos: Option<Chaos>,
    seed: Option<u64>,
    capture: usize,
    filter: Option<Filter>,
    observer: Option<Observer>,
}

impl ProxyBuilder {
    /// Where to listen. Default: `127.0.0.1:0`, a free port.
    pub fn listen(mut self, address: impl Into<String>) -> ProxyBuilder {
        self.listen = address.into();
        self
    }

    /// Faults to be drawn from the first connection on. Default: none.
    pub fn chaos(mut self, chaos: Chaos) -> ProxyBuilder {
        self.chaos = Some(chaos);
        self
    }

    /// What [`jitter`](Line::jitter) is drawn from. Default: that of the [chaos](ProxyBuilder::chaos), or another one each time.
    pub fn seed(mut self, seed: u64) -> ProxyBuilder {
        self.seed = Some(seed);
        self
    }

    /// Bytes of each of the last 16 connections that are kept for a [replay](Proxy::replay). Default 64 KiB; 0 is no replay.
    pub fn capture(mut self, bytes: usize) -> ProxyBuilder {
        self.capture = bytes;
        self
    }

    /// Which connections may be replayed, by what their clients have sent so far. Default: all.
    pub fn replayable(mut self, filter: impl Fn(&[u8]) -> bool + Send + Sync + 'static) -> ProxyBuilder {
        self.filter = Some(Box::new(filter));
        self
    }

    /// Is told of every fault that comes over a connection, when it does, on whichever task that is. It must not wait.
    pub fn on_fault(mut self, observer: impl Fn(Happened) + Send + Sync + 'static) -> ProxyBuilder {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Begins to listen.
    ///
    /// # Errors
    /// The system's, if it cannot listen there.
    pub async fn start(self) -> io::Result<Proxy> {
        let listener = TcpListener::bind(&self.listen).await?;
        let address = listener.local_addr()?;
        let seed = self.seed.or(self.chaos.as_ref().map(Chaos::seed));
        let line = Line::with(seed, Captures::new(self.capture, self.filter), self.observer);
        *lock(&line.shared.target) = Some(self.target);
        line.shared.chaos.send_replace(self.chaos.map(Arc::new));
        line.shared.spawn(accept(listener, line.shared.clone()));
        Ok(Proxy { line, address })
    }
}

impl fmt::Debug for ProxyBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyBuilder")
            .field("target", &self.target)
            .field("listen", &self.listen)
            .field("chaos", &self.chaos)
            .finish_non_exhaustive()
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                let number = shared.number();
                let refuses = shared.chaos.borrow().as_ref().is_some_and(|chaos| chaos.refuses(number));
                if refuses || shared.refuse.load(Ordering::Relaxed) {
                    client.reset();
                    shared.count(Fault::Refusal, number);
                } else {
                    shared.spawn(lead(client, number, shared.clone()));
                }
            }
            Err(_) => sleep(ACCEPT_AGAIN).await,
        }
    }
}

/// Connects a client with the server.
async fn lead(client: TcpStream, number: u64, shared: Arc<Shared>) {
    let target = lock(&shared.target).clone().unwrap_or_default();
    match TcpStream::connect(target).await {
        Ok(server) => {
            // Small writes are the rule here, and bytes are late enough as they are.
            let _ = (client.set_nodelay(true), server.set_nodelay(true));
            serve(shared.register(number), client, server).await;
        }
        // A server that is not there is a fault too, though not one of ours.
        Err(_) => client.reset(),
    }
}

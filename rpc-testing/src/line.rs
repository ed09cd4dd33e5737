//! The handle that orders faults.

use crate::captures::Captures;
use crate::carry::{Link, serve};
use crate::chaos::Chaos;
use crate::connection::Connection;
use crate::counts::Fault;
use crate::direction::Direction;
use crate::orders::{Ending, Gate, Orders};
use crate::shared::{Observer, Shared, Tasks};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The line between clients and a server: what its faults are ordered by, and counted. A [`Proxy`](crate::Proxy) has one, and so
/// has a [`pair`](crate::pair).
///
/// Faults are ordered for **the connections that there are**, and end with them. [`delay`](Line::delay), [`jitter`](Line::jitter),
/// [`bandwidth`](Line::bandwidth) and [`unplug`](Line::unplug) are about the line: connections that are made later have them too.
/// [`heal`](Line::heal) takes away whatever can be taken away. Orders take effect at once, and return at once; what was ordered for
/// a later byte waits for it. A line holds 256 KiB a connection and direction; then it reads nothing more, and the sender has to wait
/// as it would on any slow line.
///
/// All clones are one line. When the last one is dropped, its connections end.
#[derive(Clone)]
pub struct Line {
    pub(crate) shared: Arc<Shared>,
    /// Held for its drop, and by none of them.
    _tasks: Arc<Tasks>,
}

impl Line {
    pub(crate) fn with(seed: Option<u64>, captures: Captures, observer: Option<Observer>) -> Line {
        let tasks = Arc::new(Tasks::default());
        // Short enough to be typed.
        let seed = seed.unwrap_or_else(|| RandomState::new().hash_one(()) % 1_000_000);
        Line { shared: Shared::new(seed, captures, observer, &tasks), _tasks: tasks }
    }

    /// Makes these the two ends of one more connection.
    pub(crate) fn connect(&self, near: impl Link, far: impl Link) {
        // Here and not in its task, so that it hears what is ordered next.
        let registered = self.shared.register(self.shared.number());
        self.shared.spawn(serve(registered, near, far));
    }

    /// Every byte arrives so much later than it was sent, on connections to come too. Bytes keep their order and their distances.
    /// What is on its way already is late by so much in all. At most 256 KiB are on their way at a time, so a long delay limits the
    /// bandwidth too. Zero, the default, is no delay.
    ///
    /// ```
    /// # use rpc_testing::{Direction, pair};
    /// # use std::time::{Duration, Instant};
    /// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let (mut client, mut server, line) = pair();
    /// line.delay(Direction::ToServer, Duration::from_millis(50));
    /// let begin = Instant::now();
    /// client.write_all(b"seat 7").await?;
    /// server.read_exact(&mut [0; 6]).await?;
    /// assert!(begin.elapsed() >= Duration::from_millis(50));
    /// # Ok(())
    /// # }
    /// ```
    pub fn delay(&self, direction: Direction, delay: Duration) {
        self.stand(direction, Fault::Delay, |orders| {
            let was = orders.scripted.delays();
            orders.scripted.delay = delay;
            !was && orders.scripted.delays()
        });
    }

    /// On top of the delay, every byte is late by a time between zero and this, drawn from the [seed](Line::seed) anew for those that
    /// came together, on connections to come too. Bytes keep their order: one that is early waits for those before it.
    ///
    /// ```
    /// # use rpc_testing::{Direction, pair};
    /// # use std::time::Duration;
    /// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let (mut client, mut server, line) = pair();
    /// line.jitter(Direction::Both, Duration::from_millis(20));
    /// println!("seed {}", line.seed());
    /// client.write_all(b"seat 7").await?;
    /// server.read_exact(&mut [0; 6]).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn jitter(&self, direction: Direction, jitter: Duration) {
        self.stand(direction, Fault::Delay, |orders| {
            let was = orders.scripted.delays();
            orders.scripted.jitter = jitter;
            !was && orders.scripted.delays()
        });
    }

    /// So many bytes a second pass on each connection, those to come too; `None`, the default, is as many as can. At least 1. What the
    /// sender gives beyond it waits, at first on the line, then in the system's buffers, then at the sender.
    ///
    /// ```
    /// # use rpc_testing::{Direction, pair};
    /// # use std::time::{Duration, Instant};
    /// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let (mut client, mut server, line) = pair();
    /// line.bandwidth(Direction::ToServer, 10_000);
    /// let begin = Instant::now();
    /// client.write_all(&[7; 1_000]).await?;
    /// server.read_exact(&mut [0; 1_000]).await?;
    /// assert!(begin.elapsed() >= Duration::from_millis(80), "a tenth of a second, but for the first piece");
    /// # Ok(())
    /// # }
    /// ```
    pub fn bandwidth(&self, direction: Direction, bytes_a_second: impl Into<Option<u64>>) {
        let rate = bytes_a_second.into().map(|rate| rate.max(1));
        self.stand(direction, Fault::Bandwidth, |orders| {
            let was = std::mem::replace(&mut orders.scripted.rate, rate);
            was.is_none() && rate.is_some()
        });
    }

    /// Ends all connections in order: both ends read the end of the stream, wherever in a frame that is. What was on its way is
    /// lost, and what an end still sends is taken and thrown away. An end for which bytes are [held](Line::hold) gets
    /// these and then its end, once they are released.
    ///
    /// ```
    /// # use rpc_testing::{Fault, pair};
    /// # use tokio::io::AsyncReadExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let (mut client, mut server, line) = pair();
    /// line.cut();
    /// assert_eq!(client.read(&mut [0; 9]).await?, 0, "the end of the stream");
    /// assert_eq!(server.read(&mut [0; 9]).await?, 0);
    /// assert_eq!(line.counts().of(Fault::Cut), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn cut(&self) {
        self.each(|connection| connection.cut(Ending::Fin, Some(Fault::Cut)));
    }

    /// Ends all connections by a reset: both ends get an error, and bytes that they have not read yet may be lost. An end for which
    /// bytes are [held](Line::hold) gets these and the end of the stream instead. Between the ends of a
    /// [`pair`](crate::pair) there are no resets: they read the end of the stream.
    ///
    /// ```
    /// # use rpc_testing::Proxy;
    /// # use std::io::ErrorKind;
    /// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
    /// # use tokio::net::{TcpListener, TcpStream};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let server = TcpListener::bind("127.0.0.1:0").await?;
    /// let proxy = Proxy::start(server.local_addr()?.to_string()).await?;
    /// let mut client = TcpStream::connect(proxy.address()).await?;
    /// let (mut served, _) = server.accept().await?;
    /// served.write_all(b"seat 7").await?;
    /// client.read_exact(&mut [0; 6]).await?;
    /// proxy.reset();
    /// assert_eq!(client.read(&mut [0; 9]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    /// # Ok(())
    /// # }
    /// ```
    pub fn reset(&self) {
        self.each(|connection| connection.cut(Ending::Reset, Some(Fault::Reset)));
    }

    /// [Cuts](Line::cut) each of the connections when exactly so many more bytes have arrived in this direction (with `Both`: in
    /// either): in the middle of a frame, where the number says so. Takes the place of an order of this kind that still waits.
    ///
    /// ```
    /// # use rpc_testing::{Direction, pair};
    /// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let (mut client, mut server, line) = pair();
    /// line.cut_after(Direction::ToServer, 4);
    /// client.write_all(b"seat 7").await?;
    /// let mut read = Vec::new();
    /// server.read_to_end(&mut read).await?;
    /// assert_eq!(read, b"seat");
    /// # Ok(())
    /// # }
    /// ```
    pub fn cut_after(&self, direction: Direction, bytes: u64) {
        self.end_after(direction, bytes, Ending::Fin);
    }

    /// [Resets](Line::reset) each of the connections when exactly so many more bytes have arrived in this direction. Takes the place of
    /// an order of this kind that still waits.
    ///
    /// ```
    /// # use rpc_testing::{Direction, Fault, pair};
    /// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let (mut client, mut server, line) = pair();
    /// line.reset_after(Direction::ToServer, 4);
    /// client.write_all(b"seat 7").await?;
    /// while server.read(&mut [0; 9]).await.is_ok_and(|count| count > 0) {}
    /// assert_eq!(line.counts().of(Fault::Reset), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn reset_after(&self, direction: Direction, bytes: u64) {
        self.end_after(direction, bytes, Ending::Reset);
    }

    fn end_after(&self, direction: Direction, bytes: u64, ending: Ending) {
        // Counted when it happens.
        self.order(direction, None, |orders| {
            orders.cut_at = Some((orders.delivered.saturating_add(bytes), ending));
            true
        });
    }

    /// Ends one direction: its receiver gets what is on its way, then reads the end of the stream, as if the sender had shut its
    /// writing side down. The sender learns nothing: what it sends from now on is taken and thrown away. The other direction goes
    /// on. It cannot be healed.
    ///
    /// ```
    /// # use rpc_testing::{Direction, pair};
    /// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let (mut client, mut server, line) = pair();
    /// line.half_close(Direction::ToServer);
    /// assert_eq!(server.read(&mut [0; 9]).await?, 0, "the end of the stream");
    /// server.write_all(b"seat 7").await?;
    /// client.read_exact(&mut [0; 6]).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn half_close(&self, direction: Direction) {
        self.order(direction, Some(Fault::HalfClose), |orders| {
            !std::mem::replace(&mut orders.half_close, true)
        });
    }

    /// Lets nothing pass, as when a box on the way has forgotten a connection: bytes are neither delivered nor refused, neither end is
    /// told, and if one of them closes the connection, the other does not learn that either. The sender can write until the
    /// buffers on the way are full. New connections pass. After [`heal`](Line::heal) what was sent arrives after all, as TCP would
    /// send it again. Of black hole and [hold](Line::hold) the one that was ordered last is in force.
    ///
    /// ```
    /// # use rpc_testing::{Direction, pair};
    /// # use std::time::Duration;
    /// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
    /// # use tokio::time::timeout;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let (mut client, mut server, line) = pair();
    /// line.black_hole(Direction::ToServer);
    /// client.write_all(b"seat 7").await?;
    /// let mut read = [0; 6];
    /// assert!(timeout(Duration::from_millis(20), server.read(&mut read)).await.is_err(), "silence");
    /// line.heal();
    /// server.read_exact(&mut read).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn black_hole(&self, direction: Direction) {
        self.gate(direction, Gate::BlackHole, Fault::BlackHole);
    }

    /// Pulls the cable: a [black hole](Line::black_hole) both ways for connections to come too, until the line is
    /// [healed](Line::heal).
    ///
    /// ```
    /// # use rpc_testing::pair;
    /// # use std::time::Duration;
    /// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
    /// # use tokio::time::timeout;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let (_client, _server, line) = pair();
    /// line.unplug();
    /// let (mut client, mut server) = line.pair();
    /// client.write_all(b"seat 7").await?;
    /// let mut read = [0; 6];
    /// assert!(timeout(Duration::from_millis(20), server.read(&mut read)).await.is_err(), "silence");
    /// line.heal();
    /// server.read_exact(&mut read).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn unplug(&self) {
        self.stand(Direction::Both, Fault::BlackHole, |orders| {
            std::mem::replace(&mut orders.scripted.gate, Gate::BlackHole) != Gate::BlackHole
        });
    }

    /// Flips one bit of a byte: of the next one in this direction, after so many others have arrived. Everything else arrives as it
    /// was sent. Takes the place of an order of this kind that still waits.
    ///
    /// ```
    /// # use rpc_testing::{Direction, pair};
    /// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let (mut client, mut server, line) = pair();
    /// line.corrupt(Direction::ToServer, 5);
    /// client.write_all(b"seat 7").await?;
    /// let mut read = [0; 6];
    /// server.read_exact(&mut read).await?;
    /// assert!(read.starts_with(b"seat ") && read[5] != b'7');
    /// # Ok(())
    /// # }
    /// ```
    pub fn corrupt(&self, direction: Direction, after_bytes: u64) {
        // Counted when it happens.
        self.order(direction, None, |orders| {
            orders.corrupt_at = Some(orders.delivered.saturating_add(after_bytes));
            true
        });
    }

    /// Takes bytes, and delivers none before [`release`](Line::release): 256 KiB at most, then the sender has to wait. Held bytes
    /// outlive a [`cut`](Line::cut) and their sender's close, so they can be made to arrive after those of a later connection:
    /// hold, cut, let the client come again, release.
    ///
    /// ```
    /// # use rpc_testing::{Direction, pair};
    /// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let (mut client, mut server, line) = pair();
    /// line.hold(Direction::ToServer);
    /// client.write_all(b"first").await?;
    /// line.cut();
    /// assert_eq!(client.read(&mut [0; 9]).await?, 0, "so it comes again");
    ///
    /// let (mut client, mut later) = line.pair();
    /// client.write_all(b"second").await?;
    /// later.read_exact(&mut [0; 6]).await?;
    ///
    /// line.release(Direction::ToServer);
    /// let mut read = Vec::new();
    /// server.read_to_end(&mut read).await?;
    /// assert_eq!(read, b"first", "after the second");
    /// # Ok(())
    /// # }
    /// ```
    pub fn hold(&self, direction: Direction) {
        self.gate(direction, Gate::Hold, Fault::Reorder);
    }

    /// Delivers what is [held](Line::hold), and whatever comes.
    pub fn release(&self, direction: Direction) {
        self.order(direction, None, |orders| {
            if orders.scripted.gate == Gate::Hold {
                orders.scripted.gate = Gate::Open;
            }
            false
        });
    }

    /// Ends all faults, those that wait for their byte included, and stops [`Chaos`]: what is on its way or held arrives, and what
    /// comes arrives at once. Connections that are cut stay cut, and closed directions closed.
    ///
    /// ```
    /// # use rpc_testing::{Direction, pair};
    /// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let (mut client, mut server, line) = pair();
    /// line.black_hole(Direction::Both);
    /// line.bandwidth(Direction::Both, 1);
    /// line.heal();
    /// client.write_all(b"seat 7").await?;
    /// server.read_exact(&mut [0; 6]).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn heal(&self) {
        self.shared.chaos.send_replace(None);
        self.shared.refuse.store(false, Ordering::Relaxed);
        let present = self.shared.standing(|standing| *standing = Default::default());
        present.iter().for_each(|connection| connection.heal());
    }

    /// From now on faults are drawn, for present connections and for those to come, until [`heal`](Line::heal). Takes the place of what
    /// was drawn from so far. What is scripted goes on beside it.
    ///
    /// ```
    /// # use rpc_testing::{Chaos, Fault, pair};
    /// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let (mut client, mut server, line) = pair();
    /// line.unleash(Chaos::quiet(7).weight(Fault::Cut, 1));
    /// while client.write_all(b"seat 7").await.is_ok() && server.read(&mut [0; 6]).await? > 0 {}
    /// assert_eq!(line.counts().of(Fault::Cut), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn unleash(&self, chaos: Chaos) {
        self.shared.chaos.send_replace(Some(Arc::new(chaos)));
    }

    fn each(&self, order: impl Fn(&Connection)) {
        self.shared.connections().iter().for_each(|connection| order(connection));
    }

    fn order(&self, direction: Direction, fault: Option<Fault>, order: impl Fn(&mut Orders) -> bool) {
        self.each(|connection| connection.order(direction.ways(), fault, &order));
    }

    fn gate(&self, direction: Direction, gate: Gate, fault: Fault) {
        self.order(direction, Some(fault), |orders| {
            std::mem::replace(&mut orders.scripted.gate, gate) != gate
        });
    }

    /// An order for connections to come too. Says whether a direction had no such fault before.
    fn stand(&self, direction: Direction, fault: Fault, order: impl Fn(&mut Orders) -> bool) {
        let present = self.shared.standing(|standing| {
            for way in direction.ways() {
                order(&mut standing[*way as usize]);
            }
        });
        present.iter().for_each(|connection| connection.order(direction.ways(), Some(fault), &order));
    }
}

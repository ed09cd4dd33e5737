//! The task of a channel: reads, lets the engine decide, wakes callers, writes, dials, and watches one timer.
//!
//! It runs in turns. A turn reads once, takes the lock once, and writes once, so that everything that gathered meanwhile
//! (replies in the socket, calls behind the lock) shares the system calls.

use super::{Order, Shared, State};
use crate::busy_poll::BusyPoll;
use crate::clock::Clock;
use crate::dial::{Dialled, Source};
use crate::pipe::Pipe;
use crate::sync::mutant;
use crate::turn::{MOVED_MAX, give_way};
use rpc_core::Instant;
use rpc_core::client::{Client, ConnectionId};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::Sleep;

/// Turns in a row before other tasks get to run, unless one of them moves more than [`MOVED_MAX`] bytes.
const TURNS: usize = 8;

/// How long a closed stream is drained, so that what was written last is not lost to a reset.
const LINGER: Duration = Duration::from_secs(1);

/// What a channel dials with.
pub(crate) struct Dialling {
    pub(crate) source: Source,
    /// What streams without an address of their own are called.
    pub(crate) name: String,
}

pub(crate) struct Driver {
    shared: Arc<Shared>,
    dialling: Arc<Dialling>,
    dials: Vec<Dial>,
    dialled: Vec<(ConnectionId, Dialled)>,
    links: Vec<Link>,
    timer: Timer,
    /// The channel is closed: the driver ends with the last stream.
    closed: bool,
    busy: BusyPoll,
    wakers: Vec<Waker>,
    orders: Vec<Order>,
}

struct Dial {
    connection: ConnectionId,
    opening: Pin<Box<dyn Future<Output = Dialled> + Send>>,
}

/// One open connection.
struct Link {
    connection: ConnectionId,
    address: String,
    pipe: Pipe,
    news: News,
    /// This turn has moved bytes, or has some to write that it did not have before.
    active: bool,
    /// The engine has more to write than was taken.
    more: bool,
    /// Why nothing can be written any more. What the peer sent before it went is read first.
    broken: Option<String>,
}

/// What this turn's read brought.
enum News {
    None,
    Bytes,
    Lost(String),
}

impl Driver {
    pub(crate) fn new(shared: Arc<Shared>, dialling: Dialling, busy_poll: Duration) -> Self {
        Self {
            shared,
            dialling: Arc::new(dialling),
            dials: Vec::new(),
            dialled: Vec::new(),
            links: Vec::new(),
            timer: Timer::default(),
            closed: false,
            busy: BusyPoll::new(busy_poll),
            wakers: Vec::new(),
            orders: Vec::new(),
        }
    }

    /// Without the lock: what the world has to say. `true` if it said something.
    fn listen(&mut self, cx: &mut Context<'_>) -> bool {
        for index in (0..self.dials.len()).rev() {
            if let Poll::Ready(dialled) = self.dials[index].opening.as_mut().poll(cx) {
                match &dialled {
                    Ok((_, address)) => tracing::info!(address, "connected"),
                    Err(error) => tracing::warn!(%error, "cannot connect"),
                }
                self.dialled.push((self.dials.swap_remove(index).connection, dialled));
            }
        }
        let mut news = !self.dialled.is_empty();
        for link in &mut self.links {
            link.write(cx);
            link.read(cx);
            news |= !matches!(link.news, News::None);
        }
        news
    }

    /// Under the lock: tells the engine, takes what is to be written, and hears what else is to be done.
    fn exchange(&mut self, cx: &mut Context<'_>) {
        let now = Clock::now();
        let mut state = self.shared.lock();
        let State { engine, driver, .. } = &mut *state;
        // From here on callers wake this task: what they add to the engine later is not in this turn.
        match driver {
            _ if mutant("the driver is called only after it has looked") => {}
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        for (connection, dialled) in self.dialled.drain(..) {
            match dialled {
                Ok((stream, address)) => {
                    engine.handle_dialled(now, connection, &address);
                    self.links.push(Link::new(connection, address, Pipe::new(stream)));
                }
                Err(error) => engine.handle_dial_failed(now, connection, error),
            }
        }
        self.links.retain_mut(|link| link.tell(now, engine));
        if self.timer.is_due(now) {
            engine.handle_timeout(now);
        }
        for link in &mut self.links {
            link.take(now, engine);
        }
        if self.links.iter().any(|link| link.active) {
            self.busy.active(now);
        }
        let until = state.drain(&mut self.wakers, &mut self.orders);
        self.closed = state.closed;
        drop(state);
        if mutant("the driver is called only after it has looked") {
            self.shared.lock().driver = Some(cx.waker().clone());
        }
        self.timer.arm(until, cx);
    }

    /// Does what the engine wants done with streams.
    fn obey(&mut self) {
        for order in std::mem::take(&mut self.orders) {
            match order {
                Order::Dial { connection, address, within } => self.dial(connection, address, within),
                Order::Close(connection) => self.close(connection),
            }
        }
    }

    fn dial(&mut self, connection: ConnectionId, address: usize, within: Duration) {
        let dialling = self.dialling.clone();
        let opening = async move { dialling.source.open(&dialling.name, address, within).await };
        self.dials.push(Dial { connection, opening: Box::pin(opening) });
    }

    fn close(&mut self, connection: ConnectionId) {
        self.dials.retain(|dial| dial.connection != connection);
        let Some(index) = self.links.iter().position(|link| link.connection == connection) else { return };
        let mut pipe = self.links.swap_remove(index).pipe;
        let now = Clock::now();
        while self.shared.lock().engine.poll_transmit(now, connection, pipe.outgoing()) {}
        tokio::spawn(linger(pipe));
    }

    /// Whether there is something to write to a stream that takes it.
    fn can_write(&self) -> bool {
        self.links.iter().any(|link| link.more && link.pipe.is_flushed())
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        for turn in 0..TURNS {
            let news = this.listen(cx);
            if turn > 0 && !news && !this.can_write() {
                this.busy.rest(cx);
                return Poll::Pending;
            }
            this.exchange(cx);
            this.wakers.drain(..).for_each(Waker::wake);
            this.obey();
            if this.closed && this.links.is_empty() && this.dials.is_empty() {
                return Poll::Ready(());
            }
            this.links.iter_mut().for_each(|link| link.write(cx));
            if this.links.iter_mut().map(|link| link.pipe.take_moved()).sum::<usize>() > MOVED_MAX {
                break;
            }
        }
        give_way(cx);
        Poll::Pending
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.shared.orphan();
    }
}

impl Link {
    fn new(connection: ConnectionId, address: String, pipe: Pipe) -> Self {
        Self { connection, address, pipe, news: News::None, active: false, more: false, broken: None }
    }

    fn read(&mut self, cx: &mut Context<'_>) {
        self.news = match self.pipe.poll_read_some(cx) {
            Poll::Ready(Ok(0)) => News::Lost(self.broken.take().unwrap_or_else(|| self.end())),
            Poll::Ready(Ok(_)) => News::Bytes,
            Poll::Ready(Err(error)) => News::Lost(error.to_string()),
            Poll::Pending => self.broken.take().map_or(News::None, News::Lost),
        };
        if let News::Lost(why) = &self.news {
            tracing::warn!(address = self.address, why, "connection lost");
        }
    }

    /// How an orderly end is told in errors.
    fn end(&self) -> String {
        let whole = self.pipe.unread().is_empty();
        if whole { "closed by the peer" } else { "closed by the peer in the middle of a frame" }.to_owned()
    }

    fn write(&mut self, cx: &mut Context<'_>) {
        if self.broken.is_none()
            && let Poll::Ready(Err(error)) = self.pipe.poll_flush(cx)
        {
            self.broken = Some(error.to_string());
        }
    }

    /// Tells the engine this turn's news. `false` if the connection is gone.
    fn tell(&mut self, now: Instant, engine: &mut Client) -> bool {
        let progress = self.pipe.take_progress();
        self.active = progress || matches!(self.news, News::Bytes);
        if progress {
            engine.handle_progress(now, self.connection);
        }
        match &self.news {
            News::None => {}
            News::Bytes => {
                let used = engine.handle_bytes(now, self.connection, self.pipe.unread());
                self.pipe.consume(used);
            }
            News::Lost(why) => {
                engine.handle_disconnected(now, self.connection, why);
                return false;
            }
        }
        true
    }

    /// Takes what is to be written, unless there is something left of the last time.
    fn take(&mut self, now: Instant, engine: &mut Client) {
        if self.pipe.is_flushed() && engine.has_outgoing(self.connection) {
            self.active |= engine.poll_transmit(now, self.connection, self.pipe.outgoing());
        }
        self.more = engine.has_outgoing(self.connection);
    }
}

/// Writes what is left, says that nothing follows, and waits for the peer to say so too: a stream that is dropped with
/// unread bytes is reset, and a reset destroys what was written last.
async fn linger(mut pipe: Pipe) {
    let farewell = async {
        poll_fn(|cx| pipe.poll_flush(cx)).await?;
        poll_fn(|cx| pipe.poll_close(cx)).await?;
        while poll_fn(|cx| pipe.poll_read_some(cx)).await? > 0 {
            pipe.consume(usize::MAX);
        }
        std::io::Result::Ok(())
    };
    // Whatever goes wrong now, the stream is of no use to anybody.
    let _ = tokio::time::timeout(LINGER, farewell).await;
}

/// One timer for all deadlines. It is never put off: when it fires too early, it is armed again, which costs one wake-up
/// in a timeout's time instead of one change for each call.
struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    /// When it fires; never, if it does not run.
    armed: Instant,
}

impl Default for Timer {
    fn default() -> Self {
        Self { sleep: None, armed: Instant::NEVER }
    }
}

impl Timer {
    /// Whether its time has come. If so, it does not run any more.
    fn is_due(&mut self, now: Instant) -> bool {
        let due = self.armed <= now;
        if due || self.sleep.as_ref().is_some_and(|sleep| sleep.is_elapsed()) {
            self.armed = Instant::NEVER;
        }
        due
    }

    /// Sees to it that the task is woken at `until` at the latest.
    fn arm(&mut self, until: Instant, cx: &mut Context<'_>) {
        if until >= self.armed {
            return;
        }
        self.armed = until;
        let at = Clock::to_std(until).into();
        let sleep = match &mut self.sleep {
            Some(sleep) => {
                sleep.as_mut().reset(at);
                sleep
            }
            none => none.insert(Box::pin(tokio::time::sleep_until(at))),
        };
        if sleep.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
    }
}

//! The task of one connection: the handshake, then read, serve, write, until the end.
//!
//! ```text
//!   handshake --Hello--> attached --engine closes--> flush --> linger --> gone
//!      |  refused, late     |  the peer is gone                  ^         ^
//!      '--------------------+------------------------------------|---------'
//!      '----- bytes that say why --------------------------------'
//! ```

use crate::busy_poll::BusyPoll;
use crate::clock::Clock;
use crate::pipe::Pipe;
use crate::server::greeting::{self, FLUSH_MAX, part};
use crate::server::handler::{self, Ended, Handling};
use crate::server::host::{Attached, Host};
use crate::server::sessions::{Closing, Todo, View};
use crate::server::waiting;
use crate::stream::Stream;
use crate::sync::mutant;
use crate::turn::{MOVED_MAX, give_way};
use rpc_core::limits::CHUNK_LEN;
use rpc_core::server::Begin;
use rpc_core::{Instant, Transmit};
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::task::coop::unconstrained;
use tokio::time::Sleep;

/// The replies of one read are written in pieces, and each piece may be twice as large as the one before. If all were written at
/// the end, the client would sleep while the server works and the other way round; the sooner it has the first ones, the sooner
/// both work. The fewer pieces, the fewer system calls. docs/decisions/0024 has the figures of this and of other sizes.
#[derive(Clone, Copy)]
struct Piece {
    /// Handlers polled before their replies are written.
    handlers: usize,
    /// Bytes of replies after which the same is done. Not exceeded by more than one reply.
    bytes: usize,
}

/// The first piece of a server that sleeps when it has nothing to do.
const FIRST_PIECE: Piece = Piece { handlers: 12, bytes: 8 << 10 };

/// Of one that polls busily: its client need not be woken, so that only the number of writes counts.
const FIRST_PIECE_BUSY: Piece = Piece { handlers: 32, bytes: 32 << 10 };

/// The first piece has this part of a read's handlers at least.
const FIRST_PART: usize = 6;

/// No piece has more bytes: only what the engine has counts as backlog.
const BYTES_MAX: usize = 256 << 10;

/// From this length on one reply keeps the client busy while the next is made: a piece of such ones is as large as it may be.
const LARGE: usize = 16 << 10;

impl Piece {
    fn first(busy: bool, handlers: usize) -> Self {
        let first = if busy { FIRST_PIECE_BUSY } else { FIRST_PIECE };
        Self { handlers: first.handlers.max(handlers / FIRST_PART), ..first }
    }

    fn next(self) -> Self {
        Self { handlers: 2 * self.handlers, bytes: BYTES_MAX.min(2 * self.bytes) }
    }
}

/// Handlers polled between two looks at the clock, unless one's deadline is as near as this.
const HANDLERS_A_CLOCK: usize = 8;
const DEADLINE_NEAR: Duration = Duration::from_secs(1);

/// Replies that are ready, and cancels that have come, wait at most about this long for handlers that are polled before.
const HANDLERS_FOR: Duration = Duration::from_micros(200);

/// Reads in one turn of the task, so that the others of its thread get theirs.
const READS_AT_ONCE: usize = 32;

/// Serves one connection until its end. The handshake and the parting have memory of their own while they last: most of its
/// life a connection waits, and then it holds little more than [`Connection`].
pub(crate) fn serve(host: Arc<Host>, stream: Stream, peer: Arc<str>) -> impl Future<Output = ()> + Send {
    let counted = host.task();
    let beginning = Box::pin(begin(host, stream, peer));
    async move {
        let Some(mut connection) = beginning.await else { return drop(counted) };
        let end = poll_fn(|cx| connection.poll(cx)).await;
        let Some(parting) = connection.end(end) else { return drop(counted) };
        parting.await;
        drop(counted);
    }
}

async fn begin(host: Arc<Host>, stream: Stream, peer: Arc<str>) -> Option<Connection> {
    let (pipe, attached) = greeting::admit(&host, Pipe::new(stream), &peer).await?;
    tracing::debug!(target: "carnegie::server", %peer, session = %attached.link.session().id(), "connected");
    Some(Connection::new(pipe, attached))
}

/// Why a connection is served no longer.
enum End {
    /// The engine says so.
    Closing(Closing),
    /// The peer has closed it.
    Gone,
    Broken(io::Error),
}

/// What one read has brought. It can grow to some hundred kilobytes, so a thread keeps one for all of its connections.
#[derive(Default)]
struct Batch {
    todo: Todo,
    ended: Vec<Ended>,
    waiting: Vec<Handling>,
}

thread_local! { static BATCH: Cell<Option<Batch>> = const { Cell::new(None) } }

/// A connection that belongs to a session.
struct Connection {
    pipe: Pipe,
    attached: Attached,
    /// Empty between turns, unless handlers wait for the peer to take replies.
    batch: Batch,
    timer: Pin<Box<Sleep>>,
    /// When the timer fires; `NEVER` if it is not armed.
    armed: Instant,
    /// What the engine wanted when it was last asked.
    view: View,
    /// The engine has not seen the end of what was read.
    unseen: bool,
    /// The session knows that the stream takes no more.
    full: bool,
    busy: BusyPoll,
}

impl Connection {
    fn new(pipe: Pipe, attached: Attached) -> Self {
        let busy = BusyPoll::new(attached.link.server().busy_poll);
        Self {
            pipe,
            attached,
            batch: Batch::default(),
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
            armed: Instant::NEVER,
            view: View::default(),
            // Often something follows the `Hello` in the same read.
            unseen: true,
            full: false,
            busy,
        }
    }

    /// Nothing more is served. What is left to do, if the peer still listens.
    fn end(mut self, end: End) -> Option<Pin<Box<impl Future<Output = ()> + Send>>> {
        let peer = self.attached.link.peer();
        match end {
            End::Closing(Closing(error)) => {
                match error {
                    Some(error) => {
                        tracing::warn!(target: "carnegie::server", %peer, %error, "closing a connection")
                    }
                    None => tracing::debug!(target: "carnegie::server", %peer, "closing a connection"),
                }
                // The session may go on: what waits here is not lost with this connection.
                self.attached.link.carry_out(&mut self.batch.todo);
                return Some(Box::pin(self.part()));
            }
            End::Gone => {
                tracing::debug!(target: "carnegie::server", %peer, "the peer closed its connection");
            }
            End::Broken(error) => {
                tracing::debug!(target: "carnegie::server", %peer, %error, "a connection broke");
            }
        }
        self.leave();
        None
    }

    /// Says the last words.
    async fn part(mut self) {
        let rest = poll_fn(|cx| self.poll_rest(cx));
        if matches!(tokio::time::timeout(FLUSH_MAX, rest).await, Ok(Ok(()))) {
            let Connection { pipe, attached, .. } = self;
            drop(attached);
            part(pipe).await;
        }
    }

    /// The peer is gone. What still waits for its turn goes on without it: the client may come again for the replies.
    fn leave(self) {
        let Self { attached, mut batch, .. } = self;
        let link = attached.link.clone();
        drop(attached);
        link.carry_out(&mut batch.todo);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        if self.batch.todo.is_empty() {
            self.batch = BATCH.take().unwrap_or_default();
        }
        let polled = self.turn(cx);
        if mutant("a connection is called only after its turn") {
            self.attached.link.session().lock().register(self.attached.lane, cx.waker());
        }
        if self.batch.todo.is_empty() {
            BATCH.set(Some(std::mem::take(&mut self.batch)));
        }
        polled
    }

    /// One turn of the task.
    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        self.begin_turn(cx);
        // Handlers wait since the last turn: a cancel of one of them may have come since. What was read already comes first: nothing
        // is read behind it before it is used, or the buffer would end up full, and a read without room looks like the stream's end.
        let mut listen = self.view.reads && !self.batch.todo.executes.is_empty() && !self.unseen;
        for _ in 0..READS_AT_ONCE {
            let listening = std::mem::take(&mut listen);
            if !listening {
                if std::mem::take(&mut self.unseen) {
                    self.receive();
                }
                if let Err(error) = self.work(cx) {
                    return Poll::Ready(End::Broken(error));
                }
                if let Some(closing) = self.view.closing.take() {
                    return Poll::Ready(End::Closing(closing));
                }
                if !self.view.reads {
                    return self.rest(cx);
                }
            }
            match self.pipe.poll_read_some(cx) {
                Poll::Ready(Ok(0)) => return Poll::Ready(End::Gone),
                Poll::Ready(Ok(_)) => self.unseen = true,
                Poll::Ready(Err(error)) => return Poll::Ready(End::Broken(error)),
                Poll::Pending if self.batch.todo.executes.is_empty() => {
                    self.busy.rest(cx);
                    return self.rest(cx);
                }
                Poll::Pending if listening => {}
                // The runtime looks for what has come only between two polls of a task, so let it.
                Poll::Pending => break,
            }
            if self.pipe.take_moved() > MOVED_MAX {
                break;
            }
        }
        give_way(cx);
        Poll::Pending
    }

    /// Waits for what comes, unless there is something left to be written that the stream would take.
    fn rest(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        if self.view.writes && self.pipe.is_flushed() {
            give_way(cx);
            return Poll::Pending;
        }
        self.arm(cx)
    }

    /// Sees what has happened since the last turn: time has passed, handlers have ended, other connections wrote.
    fn begin_turn(&mut self, cx: &mut Context<'_>) {
        let Attached { link, lane, number } = &self.attached;
        let mut engine = link.session().lock();
        if !engine.look(*lane, *number) {
            // The engine has given the lane to a newer connection.
            self.view.closing = Some(Closing(None));
            return;
        }
        if !mutant("a connection is called only after its turn") {
            engine.register(*lane, cx.waker());
        }
        if self.armed != Instant::NEVER && self.timer.is_elapsed() {
            self.armed = Instant::NEVER;
            engine.arm(*lane, *number, Instant::NEVER);
        }
        let now = Clock::now();
        if now >= engine.wait {
            engine.session.handle_timeout(now);
        }
        engine.drain(&mut self.batch.todo);
        engine.wake_lanes(Some(*number), &mut self.batch.todo);
        self.view = engine.view(*lane, *number);
        drop(engine);
        self.batch.todo.signal();
        link.server().start_waiting(link.session());
    }

    /// Gives the engine what was read.
    fn receive(&mut self) {
        let Attached { link, lane, number } = &self.attached;
        let mut engine = link.session().lock();
        if !engine.look(*lane, *number) {
            self.view.closing = Some(Closing(None));
            return;
        }
        let now = Clock::now();
        self.busy.active(now);
        let used = engine.session.handle_bytes(now, *lane, self.pipe.unread());
        engine.drain(&mut self.batch.todo);
        engine.wake_lanes(Some(*number), &mut self.batch.todo);
        self.view = engine.view(*lane, *number);
        if self.view.reads {
            engine.begin_first(now, &mut self.batch.todo);
        }
        drop(engine);
        self.batch.todo.signal();
        link.server().start_waiting(link.session());
        self.pipe.consume(used);
    }

    /// Runs the handlers that the engine wants to be run, tells it what they have come to, and writes. While the peer does not
    /// take its replies they wait: one read can ask for a thousand times its own size. Some are left where they take their time.
    fn work(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.batch.todo.executes.is_empty() || !self.view.reads {
            return self.write(cx);
        }
        let mut piece = Piece::first(self.busy.is_on(), self.batch.todo.executes.len());
        let mut now = Clock::now();
        let until = now + HANDLERS_FOR;
        loop {
            self.poll_handlers(cx, now, until, piece);
            self.settle(now);
            self.write(cx)?;
            if self.batch.todo.executes.is_empty() || !self.view.reads {
                return Ok(());
            }
            now = Clock::now();
            if now > until {
                return Ok(());
            }
            piece = piece.next();
        }
    }

    /// Polls the handlers of a piece once. Outside of the task's budget: what is ready would look as if it were not once a batch
    /// has used the budget up.
    fn poll_handlers(&mut self, cx: &mut Context<'_>, mut now: Instant, until: Instant, piece: Piece) {
        let Self { batch: Batch { todo, ended, waiting }, attached, .. } = self;
        let batch = unconstrained(poll_fn(|cx| {
            let (mut replies, mut most) = (0, piece.bytes);
            for turn in 1..=piece.handlers {
                if replies > most {
                    break;
                }
                let Some((next, _)) = todo.executes.front() else { break };
                // Those before it may have taken their time. The clock is read where that could matter, and now and then.
                let near = next.deadline.since(now) < DEADLINE_NEAR;
                if turn > 1 && (near || turn % HANDLERS_A_CLOCK == 0 || turn.is_power_of_two()) {
                    now = Clock::now();
                    if now > until {
                        break;
                    }
                }
                let Some((execute, buffer)) = todo.executes.pop_front() else { break };
                if execute.blocking {
                    waiting.push(Handling::Queued(execute, buffer));
                    continue;
                }
                let session = attached.link.session();
                match todo.first.take().unwrap_or_else(|| session.begin(now, execute.at)) {
                    Begin::Now => {}
                    Begin::Never => continue,
                    Begin::Later { .. } => {
                        let link = attached.link.clone();
                        link.server().wait(waiting::Waiting { link: link.clone(), execute, buffer });
                        continue;
                    }
                }
                match handler::begin(&attached.link, execute, buffer, cx, ended) {
                    Some(handler) => waiting.push(Handling::Waiting(handler)),
                    None => {
                        let reply = ended.last().map_or(0, Ended::reply_len);
                        replies += reply;
                        most = if reply < LARGE { most } else { BYTES_MAX };
                    }
                }
            }
            Poll::Ready(())
        }));
        let _ = pin!(batch).poll(cx);
    }

    fn settle(&mut self, now: Instant) {
        let Attached { link, lane, number } = &self.attached;
        let mut engine = link.session().lock();
        let Batch { todo, ended, waiting } = &mut self.batch;
        engine.settle(now, link, ended, waiting, todo);
        engine.wake_lanes(Some(*number), &mut self.batch.todo);
        self.view = engine.view(*lane, *number);
        drop(engine);
        self.batch.todo.signal();
        link.server().start_waiting(link.session());
    }

    /// Writes until nothing is left or the stream takes no more. Of large messages only what is handed out at a time: the stream of
    /// a client that reads while this writes is never full, and what it asks for meanwhile would wait for the end of them.
    fn write(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        loop {
            let more = self.pipe.is_flushed() && self.collect();
            if !more && self.pipe.is_flushed() {
                return Ok(());
            }
            let large = self.pipe.outgoing().held() >= CHUNK_LEN;
            let polled = self.pipe.poll_flush(cx);
            self.tell_progress(polled.is_pending());
            match polled {
                Poll::Ready(done) => done?,
                Poll::Pending => return Ok(()),
            }
            if large || !self.view.writes {
                return Ok(());
            }
        }
    }

    /// Tells the session that the stream has taken something, has become full, or is so no longer.
    fn tell_progress(&mut self, full: bool) {
        let (progress, changed) = (self.pipe.take_progress(), self.full != full);
        if !progress && !changed {
            return;
        }
        self.full = full;
        let Attached { link, lane, number } = &self.attached;
        let mut engine = link.session().lock();
        if progress && engine.look(*lane, *number) {
            engine.session.handle_progress(Clock::now(), *lane);
        }
        if changed {
            engine.set_full(*lane, *number, full);
            // Nobody has called this task for what came while the stream was full.
            self.view = engine.view(*lane, *number);
        }
    }

    /// Takes what the engine has for this connection to write; false if that is nothing.
    fn collect(&mut self) -> bool {
        let Attached { link, lane, number } = &self.attached;
        let mut engine = link.session().lock();
        if !engine.look(*lane, *number) {
            return false;
        }
        let some = engine.session.has_outgoing(*lane) && {
            let now = Clock::now();
            self.busy.active(now);
            engine.session.poll_transmit(now, *lane, self.pipe.outgoing())
        };
        // Writing may have changed when the engine wants to be called, and whether it can take more.
        engine.drain(&mut self.batch.todo);
        self.view = engine.view(*lane, *number);
        drop(engine);
        self.batch.todo.signal();
        some
    }

    /// Sets the timer, unless it fires in time anyway: one that fires too early is set anew then.
    fn arm(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        if self.view.wait >= self.armed {
            return Poll::Pending;
        }
        self.armed = self.view.wait;
        let Attached { link, lane, number } = &self.attached;
        link.session().lock().arm(*lane, *number, self.armed);
        self.timer.as_mut().reset(Clock::to_std(self.armed).into());
        if self.timer.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Writes what the engine still has for this connection.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.pipe.poll_flush(cx))?;
            if !self.collect() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

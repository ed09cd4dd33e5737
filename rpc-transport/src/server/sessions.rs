//! One session as the driver holds it: its engine behind a lock, the tasks of its connections, its running handlers.
//!
//! Whoever takes the lock feeds the engine, drains its outputs into a [`Todo`], and acts on that after it has unlocked:
//! no waker is called, no handler polled and no task aborted under the lock.

use crate::clock::Clock;
use crate::server::handler::{Ended, Handling};
use crate::server::host::Host;
use crate::server::running::Running;
use crate::sync::{Mutex, MutexGuard, mutant};
use rpc_core::codec::Coding;
use rpc_core::frame::Hello;
use rpc_core::server::{Begin, Execute, Lane, Output, Refusal, Session};
use rpc_core::{Instant, ProtocolError, SessionId, SlotId};
use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::task::Waker;
use tokio::task::AbortHandle;

/// A session, shared by the tasks of its connections and of its handlers.
pub(crate) struct Served {
    id: SessionId,
    /// Who has opened it, whatever his port: its calls are his part of the server.
    peer_host: Arc<str>,
    coding: Coding,
    engine: Mutex<Engine>,
}

/// What the lock guards.
pub(crate) struct Engine {
    pub(crate) session: Box<Session>,
    pub(crate) running: Running,
    /// When the engine wants to be called next.
    pub(crate) wait: Instant,
    /// It is among those whose time the host lets run, because no connection does.
    pub(crate) swept: bool,
    lanes: Vec<Option<LaneTask>>,
    lanes_made: u64,
}

/// The task of one connection, as others see it.
struct LaneTask {
    /// Lanes are used again: this tells a connection from its successor.
    number: u64,
    /// None before the task's first turn, which looks at everything anyway.
    waker: Option<Waker>,
    /// It was woken and has not looked yet: need not be woken again.
    scheduled: bool,
    /// Its stream takes no more: what is to be written makes no difference to it until it does.
    full: bool,
    /// When its timer fires.
    armed: Instant,
    closing: Option<Closing>,
}

/// The engine wants a connection closed; the error is the peer's, if there is one.
#[derive(Clone, Debug)]
pub(crate) struct Closing(pub(crate) Option<Box<ProtocolError>>);

/// What the engine wants of one connection.
pub(crate) struct View {
    /// When it is to be called next.
    pub(crate) wait: Instant,
    /// False while too much waits to be written.
    pub(crate) reads: bool,
    /// Something is to be written.
    pub(crate) writes: bool,
    pub(crate) closing: Option<Closing>,
}

impl Default for View {
    fn default() -> Self {
        Self { wait: Instant::NEVER, reads: true, writes: false, closing: None }
    }
}

/// Handlers that are put into tasks of their own before the others of the thread have their turn.
const STARTED_AT_ONCE: usize = 4;

/// What is to be done once the lock is released.
#[derive(Default)]
pub(crate) struct Todo {
    /// Handlers to be started, each with a buffer for its reply.
    pub(crate) executes: VecDeque<(Execute, Vec<u8>)>,
    /// Whether the first of them may start, if the engine was asked already.
    pub(crate) first: Option<Begin>,
    /// The session counts these handlers as a batch that is under way.
    batch: bool,
    wakers: Vec<Waker>,
    aborts: Vec<AbortHandle>,
}

impl Todo {
    /// Whether nothing is to be done.
    pub(crate) fn is_empty(&self) -> bool {
        self.executes.is_empty() && self.wakers.is_empty() && self.aborts.is_empty()
    }

    /// Wakes tasks and drops handlers. Starting handlers is the caller's part.
    pub(crate) fn signal(&mut self) {
        self.wakers.drain(..).for_each(Waker::wake);
        self.aborts.drain(..).for_each(|task| task.abort());
    }
}

impl Served {
    pub(crate) fn new(session: Box<Session>, peer_host: Arc<str>) -> Self {
        let (id, coding) = (session.id(), session.coding());
        let engine = Engine {
            session,
            running: Running::default(),
            wait: Instant::NEVER,
            swept: false,
            lanes: Vec::new(),
            lanes_made: 0,
        };
        Self { id, peer_host, coding, engine: Mutex::new(engine) }
    }

    pub(crate) fn id(&self) -> SessionId {
        self.id
    }

    pub(crate) fn peer_host(&self) -> &Arc<str> {
        &self.peer_host
    }

    pub(crate) fn coding(&self) -> Coding {
        self.coding
    }

    /// Gives the session a connection.
    pub(crate) fn attach(&self, hello: &Hello, todo: &mut Todo) -> Result<(Lane, u64), Refusal> {
        let mut engine = self.lock();
        let lane = engine.session.handle_connected(Clock::now(), hello)?;
        engine.drain(todo);
        let number = engine.attach(lane);
        engine.wake_lanes(Some(number), todo);
        Ok((lane, number))
    }

    // A panic under this lock could only come from the engine, which has none; the other connections go on.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Engine> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a handler may start now.
    #[inline]
    pub(crate) fn begin(&self, now: Instant, at: SlotId) -> Begin {
        self.lock().session.begin(now, at)
    }

    pub(crate) fn is_cancelled(&self, at: SlotId) -> bool {
        self.lock().running.is_cancelled(at)
    }

    pub(crate) fn poll_cancelled(&self, at: SlotId, waker: &Waker) -> bool {
        self.lock().running.poll_cancelled(at, waker)
    }
}

impl Engine {
    /// Takes the engine's outputs.
    pub(crate) fn drain(&mut self, todo: &mut Todo) {
        loop {
            match self.session.poll_output() {
                Output::Execute(execute) => {
                    if !todo.batch {
                        todo.batch = true;
                        self.running.begin_batch();
                    }
                    let buffer = self.session.spare();
                    todo.executes.push_back((execute, buffer));
                }
                Output::Stop { at, drop: true } => todo.aborts.extend(self.running.stop(at)),
                Output::Stop { at, drop: false } => self.running.cancel(at, &mut todo.wakers),
                Output::Close(lane, error) => {
                    if let Some(task) = self.lane(lane) {
                        task.closing.get_or_insert(Closing(error.map(Box::new)));
                    }
                }
                Output::Wait(until) => {
                    self.wait = until;
                    return;
                }
            }
        }
    }

    /// Asks for the first handler while the lock is held anyway: most batches have no other. To be polled at once.
    pub(crate) fn begin_first(&mut self, now: Instant, todo: &mut Todo) {
        if let Some((execute, _)) = todo.executes.front()
            && !execute.blocking
        {
            todo.first = Some(self.session.begin(now, execute.at));
        }
    }

    /// Wakes the tasks of all connections that have something to do, each at most once until it has looked. Not that of the
    /// caller, which is named by its number: its lane may have gone to another.
    pub(crate) fn wake_lanes(&mut self, except: Option<u64>, todo: &mut Todo) {
        for (index, task) in self.lanes.iter_mut().enumerate() {
            let Some(task) = task else { continue };
            let lane = Lane(index as u8);
            // Two full ones would call each other without end.
            let writes = !task.full && self.session.has_outgoing(lane);
            let called = task.closing.is_some() || writes || self.wait < task.armed;
            if Some(task.number) != except && called && !task.scheduled {
                task.scheduled = true;
                todo.wakers.extend(task.waker.clone());
            }
        }
    }

    /// Tells the engine what handlers have come to, and lets those that are not ready go on in tasks of their own.
    pub(crate) fn settle(
        &mut self,
        now: Instant,
        link: &Arc<Link>,
        ended: &mut Vec<Ended>,
        waiting: &mut Vec<Handling>,
        todo: &mut Todo,
    ) {
        for one in ended.iter_mut() {
            self.session.complete(now, one.at, one.completion());
            self.session.recycle(std::mem::take(&mut one.payload));
        }
        ended.clear();
        // Spawned under the lock: a handler that ends at once waits here until the table knows it.
        for handling in waiting.drain(..) {
            let (at, begun, blocking) = (handling.at(), handling.has_begun(), handling.blocks());
            let task = handling.spawn(link);
            todo.aborts.extend(self.running.insert(at, task, begun, blocking));
        }
        self.drain(todo);
        if todo.batch && todo.executes.is_empty() {
            todo.batch = false;
            self.running.end_batch();
        }
    }

    /// Adds the task of a connection; gives the number that names it. One that had the lane before has lost it, and closes.
    fn attach(&mut self, lane: Lane) -> u64 {
        let index = usize::from(lane.0);
        if self.lanes.len() <= index {
            // Few clients ever have a second one, so there is room for no more than there are.
            self.lanes.reserve_exact(index + 1 - self.lanes.len());
            self.lanes.resize_with(index + 1, || None);
        }
        self.lanes_made += 1;
        let number = self.lanes_made;
        let former = self.lanes[index].replace(LaneTask {
            number,
            waker: None,
            scheduled: true,
            full: false,
            armed: Instant::NEVER,
            closing: None,
        });
        if let Some(waker) = former.and_then(|task| task.waker) {
            waker.wake();
        }
        number
    }

    /// The task of a connection goes, and tells the session so, if it still has its lane.
    pub(crate) fn detach(&mut self, lane: Lane, number: u64, todo: &mut Todo) {
        if self.lane(lane).is_none_or(|task| task.number != number) {
            return;
        }
        self.lanes[usize::from(lane.0)] = None;
        self.session.handle_disconnected(Clock::now(), lane);
        self.drain(todo);
        self.wake_lanes(None, todo);
        if !self.has_lanes() {
            self.shrink();
        }
    }

    /// The task looks at everything now: whoever changes something from here on wakes it again. False if its lane has
    /// gone to another connection.
    pub(crate) fn look(&mut self, lane: Lane, number: u64) -> bool {
        match self.lane(lane) {
            Some(task) if task.number == number => {
                task.scheduled &= mutant("a connection is called only after its turn");
                true
            }
            _ => false,
        }
    }

    /// Leaves the waker by which the task of a connection is called.
    pub(crate) fn register(&mut self, lane: Lane, waker: &Waker) {
        let Some(task) = self.lane(lane) else { return };
        task.scheduled &= !mutant("a connection is called only after its turn");
        if !task.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            task.waker = Some(waker.clone());
        }
    }

    /// Leaves word when the task's timer fires, so that nobody wakes it for a later time.
    pub(crate) fn arm(&mut self, lane: Lane, number: u64, until: Instant) {
        if let Some(task) = self.lane(lane).filter(|task| task.number == number) {
            task.armed = until;
        }
    }

    /// Leaves word whether the stream takes more. What there is to be written after that, the task has to look at itself: it was not
    /// called for it.
    pub(crate) fn set_full(&mut self, lane: Lane, number: u64, full: bool) {
        if let Some(task) = self.lane(lane).filter(|task| task.number == number) {
            task.full = full;
        }
    }

    /// What the task of a connection has to know before it sleeps. To be closed, if its lane has gone to another.
    pub(crate) fn view(&mut self, lane: Lane, number: u64) -> View {
        let closing = match self.lane(lane).filter(|task| task.number == number) {
            Some(task) => task.closing.clone(),
            None => Some(Closing(None)),
        };
        let (reads, writes) = (self.session.reads(lane), self.session.has_outgoing(lane));
        View { wait: self.wait, reads, writes, closing }
    }

    pub(crate) fn has_lanes(&self) -> bool {
        self.lanes.iter().any(Option::is_some)
    }

    /// Nobody is connected: what only helps a busy session takes no memory.
    fn shrink(&mut self) {
        self.lanes = Vec::new();
        self.running.shrink();
    }

    fn lane(&mut self, lane: Lane) -> Option<&mut LaneTask> {
        self.lanes.get_mut(usize::from(lane.0))?.as_mut()
    }
}

/// One connection of a session: what its requests know of where they came from.
pub(crate) struct Link {
    host: Arc<Host>,
    session: Arc<Served>,
    peer: Arc<str>,
}

impl Link {
    pub(crate) fn new(host: Arc<Host>, session: Arc<Served>, peer: Arc<str>) -> Self {
        Self { host, session, peer }
    }

    /// For what concerns a session, and none of its connections.
    pub(crate) fn of_session(host: Arc<Host>, session: Arc<Served>) -> Self {
        Self::new(host, session, "".into())
    }

    pub(crate) fn server(&self) -> &Arc<Host> {
        &self.host
    }

    pub(crate) fn session(&self) -> &Arc<Served> {
        &self.session
    }

    pub(crate) fn peer(&self) -> &str {
        &self.peer
    }

    /// Whether a handler in a task of its own may start now. If not, that was the task's end.
    pub(crate) fn begin(self: &Arc<Self>, at: SlotId) -> Begin {
        let mut begin = Begin::Never;
        self.with_engine(|engine, _| {
            begin = engine.session.begin(Clock::now(), at);
            match begin {
                Begin::Now => engine.running.begin(at),
                Begin::Later { .. } | Begin::Never => engine.running.finish(at),
            }
        });
        // It may have taken more places than it needed, for a moment.
        self.host.start_waiting(&self.session);
        begin
    }

    /// Handlers in tasks of their own have ended.
    pub(crate) fn complete(self: &Arc<Self>, ended: &mut Vec<Ended>) {
        self.with_engine(|engine, todo| {
            ended.iter().for_each(|ended| engine.running.finish(ended.at));
            engine.settle(Clock::now(), self, ended, &mut Vec::new(), todo);
        });
        self.host.start_waiting(&self.session);
    }

    /// Something happens to a handler, and no connection's task is at hand.
    pub(crate) fn with_engine(self: &Arc<Self>, act: impl FnOnce(&mut Engine, &mut Todo)) {
        let mut todo = Todo::default();
        let orphaned = {
            let mut engine = self.session.lock();
            act(&mut engine, &mut todo);
            engine.drain(&mut todo);
            engine.wake_lanes(None, &mut todo);
            !engine.has_lanes()
        };
        self.carry_out(&mut todo);
        if orphaned {
            self.host.release(&self.session);
        }
    }

    /// Does what the engine asked for where no connection's task is at hand to do it. Of many handlers, which a connection may
    /// have left behind, only some start at a time: others whose tasks are ready on this thread have their turn in between.
    pub(crate) fn carry_out(self: &Arc<Self>, todo: &mut Todo) {
        todo.signal();
        while !todo.executes.is_empty() {
            if todo.executes.len() > STARTED_AT_ONCE {
                let (link, mut left) = (self.clone(), std::mem::take(todo));
                tokio::spawn(async move {
                    while !left.executes.is_empty() {
                        link.start_some(&mut left);
                        tokio::task::yield_now().await;
                    }
                });
                return;
            }
            self.start_some(todo);
        }
    }

    fn start_some(self: &Arc<Self>, todo: &mut Todo) {
        let some = todo.executes.len().min(STARTED_AT_ONCE);
        let queued = todo.executes.drain(..some).map(|(execute, buffer)| Handling::Queued(execute, buffer));
        let mut queued: Vec<_> = queued.collect();
        let mut engine = self.session.lock();
        engine.settle(Clock::now(), self, &mut Vec::new(), &mut queued, todo);
        engine.wake_lanes(None, todo);
        drop(engine);
        todo.signal();
    }
}

//! What a channel's handles and its driver share: the engine, and who waits for what it will say.

mod bindings;
pub(crate) mod driver;
#[cfg(shuttle)]
mod probe;
mod resolving;
mod waiters;

use crate::clock::Clock;
use crate::context::inherited_deadline;
use crate::sync::{Mutex, MutexGuard, mutant};
use bindings::Bindings;
use bytes::Bytes;
use resolving::Resolving;
pub(crate) use resolving::Waiter;
use rpc_core::client::{BindingId, CallKey, Client, ConnectionId, NewCall, Outcome, Output};
use rpc_core::service::{Descriptor, Reply};
use rpc_core::{BindError, Error, Instant, RequestId};
use std::sync::PoisonError;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use waiters::Waiters;

/// One channel. The lock is held for short and bounded work only; nothing that is not ours runs under it, so wakers and
/// futures are woken and dropped after it is given back.
pub(crate) struct Shared {
    state: Mutex<State>,
    /// What a call without a timeout of its own or of its method gets.
    pub(crate) call_timeout: Duration,
}

pub(crate) struct State {
    pub(crate) engine: Client,
    waiters: Waiters,
    bindings: Bindings,
    resolving: Resolving,
    /// Wakes the driver. It is taken out by whoever uses it and put back by the driver's next turn, so that many callers
    /// wake the driver once. `None` therefore means: the driver is about to run anyway.
    driver: Option<Waker>,
    /// The channel was closed, by its user or with its last handle.
    closed: bool,
    /// The driver is gone (closed, or its runtime has ended): whoever gives the engine a command settles it too.
    orphaned: bool,
}

/// What the engine wants done with byte streams.
pub(crate) enum Order {
    Dial { connection: ConnectionId, address: usize, within: Duration },
    Close(ConnectionId),
}

impl Shared {
    pub(crate) fn new(engine: Client) -> Self {
        let call_timeout = engine.limits().call_timeout;
        let (waiters, bindings, resolving) = (Waiters::default(), Bindings::default(), Resolving::default());
        let state =
            State { engine, waiters, bindings, resolving, driver: None, closed: false, orphaned: false };
        Self { state: Mutex::new(state), call_timeout }
    }

    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a call whose end will wake the task of `cx`. Its deadline follows from its timeout; inside a handler it ends by the
    /// handler's deadline.
    #[inline]
    pub(crate) fn start(&self, mut call: NewCall, block: Option<Box<Bytes>>, cx: &Context<'_>) -> CallKey {
        let waker = cx.waker().clone();
        let now = Clock::now();
        call.deadline = (now + call.timeout).min(inherited_deadline());
        call.timeout = call.deadline - now;
        let mut state = self.lock();
        let key = state.engine.start_with(now, call, block);
        state.waiters.insert(key, waker);
        Self::commanded(state);
        key
    }

    /// The end of a call, once. After `Ready` the key is used up.
    #[inline]
    pub(crate) fn poll_ended(&self, key: CallKey, cx: &Context<'_>) -> Poll<Result<Reply, Box<Error>>> {
        // Dropped after the lock is given back.
        let mut replaced = None;
        let mut state = self.lock();
        let ended = state.engine.take(key);
        match state.waiters.get_mut(key) {
            Some(_) if ended.is_some() => replaced = state.waiters.take(key),
            Some(waker)
                if !waker.will_wake(cx.waker()) && !mutant("a call that has moved wakes its former task") =>
            {
                replaced = Some(std::mem::replace(waker, cx.waker().clone()));
            }
            _ => {}
        }
        drop(state);
        drop(replaced);
        ended.map_or(Poll::Pending, Poll::Ready)
    }

    /// The number of a call that was started and has not ended, once it has one.
    #[cold]
    pub(crate) fn request_id(&self, key: CallKey) -> Option<RequestId> {
        self.lock().engine.request_id_of(key)
    }

    /// Nobody waits for this call any more.
    pub(crate) fn give_up(&self, key: CallKey) {
        let now = Clock::now();
        let mut state = self.lock();
        let waker = state.waiters.take(key);
        state.engine.give_up(now, key);
        Self::commanded(state);
        drop(waker);
    }

    /// One more user of a service, who waits for it by [`Shared::poll_bound`] and leaves it by [`Shared::end_bind`].
    pub(crate) fn begin_bind(&self, service: &'static Descriptor) -> BindingId {
        let now = Clock::now();
        let mut state = self.lock();
        let State { engine, bindings, .. } = &mut *state;
        if let Some(id) = bindings.find(service).filter(|id| engine.is_bound(*id)) {
            bindings.hold(id);
            engine.hold(id);
            return id;
        }
        let id = engine.bind(now, service);
        bindings.ask(id, service);
        Self::commanded(state);
        id
    }

    /// One user of a service less.
    pub(crate) fn end_bind(&self, id: BindingId) {
        let mut state = self.lock();
        let last = state.bindings.let_go(id);
        if last.is_some() {
            state.engine.unbind(id);
        }
        drop(state);
        drop(last);
    }

    pub(crate) fn poll_bound(&self, id: BindingId, cx: &Context<'_>) -> Poll<Result<(), BindError>> {
        self.lock().bindings.poll(id, cx)
    }

    /// Somebody wants to know what became of a call: asked by [`Shared::poll_outcome`], left by [`Shared::end_resolve`].
    pub(crate) fn begin_resolve(&self, call: RequestId) -> Waiter {
        self.lock().resolving.begin(call)
    }

    /// What became of the call, once that is certain or can never be.
    pub(crate) fn poll_outcome(&self, waiter: Waiter, cx: &Context<'_>) -> Poll<Outcome> {
        let now = Clock::now();
        let mut state = self.lock();
        let outcome = state.engine.outcome(now, waiter.call);
        if !matches!(outcome, Outcome::Pending) {
            return Poll::Ready(outcome);
        }
        let replaced = state.resolving.wait(waiter, cx.waker());
        drop(state);
        drop(replaced);
        Poll::Pending
    }

    pub(crate) fn end_resolve(&self, waiter: Waiter) {
        let mut state = self.lock();
        let left = state.resolving.end(waiter);
        drop(state);
        drop(left);
    }

    /// The services that were bound on this channel.
    pub(crate) fn services(&self) -> Vec<&'static Descriptor> {
        self.lock().bindings.services().collect()
    }

    /// Ends all calls and the connection.
    pub(crate) fn close(&self) {
        let now = Clock::now();
        let mut state = self.lock();
        state.closed = true;
        state.engine.close(now);
        Self::commanded(state);
    }

    /// After a command: the driver shall look at what it has led to.
    fn commanded(mut state: MutexGuard<'_, State>) {
        if state.orphaned {
            return Self::settle(state);
        }
        let driver = state.driver.take();
        drop(state);
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    /// Ends what can be ended without byte streams.
    fn settle(mut state: MutexGuard<'_, State>) {
        let (mut wakers, mut orders) = (Vec::new(), Vec::new());
        state.drain(&mut wakers, &mut orders);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// The driver leaves: nothing will ever answer, so nobody may wait.
    fn orphan(&self) {
        let now = Clock::now();
        let mut state = self.lock();
        state.closed = true;
        state.orphaned = true;
        state.engine.close(now);
        Self::settle(state);
    }
}

impl State {
    /// Takes all that the engine has to say. Returns when it wants to be called next.
    fn drain(&mut self, wakers: &mut Vec<Waker>, orders: &mut Vec<Order>) -> Instant {
        loop {
            match self.engine.poll_output() {
                Output::Ended(key) => wakers.extend(self.waiters.take(key)),
                Output::Bound(id, result) => self.bindings.bound(id, result.map_err(|error| *error), wakers),
                Output::Dial { connection, address, within } => {
                    orders.push(Order::Dial { connection, address, within });
                }
                Output::Close(connection) => orders.push(Order::Close(connection)),
                Output::Settled(call) => self.resolving.settled(call, wakers),
                Output::Wait(until) => return until,
            }
        }
    }
}

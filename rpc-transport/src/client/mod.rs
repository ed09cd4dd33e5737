//! What a channel's handles and its driver share: the engine, and who waits for what it will say.

mod bindings;
mod calls;
pub(crate) mod driver;
#[cfg(shuttle)]
mod probe;
mod resolving;

use crate::clock::Clock;
use crate::context::inherited_deadline;
use crate::sync::{Mutex, MutexGuard};
use bindings::Bindings;
use bytes::Bytes;
pub(crate) use calls::Ticket;
use calls::{Calls, Left};
use resolving::Resolving;
pub(crate) use resolving::Waiter;
use rpc_core::client::{BindingId, Client, ConnectionId, NewCall, Outcome, Output};
use rpc_core::service::{Descriptor, Reply};
use rpc_core::{BindError, Error, Instant, Metadata, RequestId};
use std::sync::PoisonError;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// One channel. The lock is held for short and bounded work only; nothing that is not ours runs under it, so wakers and
/// futures are woken and dropped after it is given back.
pub(crate) struct Shared {
    state: Mutex<State>,
    /// What a call without a timeout of its own or of its method gets.
    pub(crate) call_timeout: Duration,
}

pub(crate) struct State {
    pub(crate) engine: Client,
    calls: Calls,
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

/// What an encoded call is started with.
pub(crate) struct Request {
    pub(crate) binding: BindingId,
    pub(crate) method: u16,
    pub(crate) timeout: Duration,
    pub(crate) metadata: Option<Box<Metadata>>,
    pub(crate) payload: Vec<u8>,
    /// What follows the payload.
    pub(crate) block: Option<Box<Bytes>>,
    pub(crate) fail_fast: bool,
}

impl Shared {
    pub(crate) fn new(engine: Client) -> Self {
        let call_timeout = engine.limits().call_timeout;
        let (calls, bindings, resolving) = (Calls::default(), Bindings::default(), Resolving::default());
        let state =
            State { engine, calls, bindings, resolving, driver: None, closed: false, orphaned: false };
        Self { state: Mutex::new(state), call_timeout }
    }

    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a call whose end will wake the task of `cx`. Inside a handler it ends by the handler's deadline.
    pub(crate) fn start(&self, request: Request, cx: &Context<'_>) -> Ticket {
        let waker = cx.waker().clone();
        let Request { binding, method, timeout, metadata, payload, block, fail_fast } = request;
        let now = Clock::now();
        let deadline = (now + timeout).min(inherited_deadline());
        let timeout = deadline - now;
        let call = NewCall { binding, method, deadline, timeout, metadata, payload, fail_fast };
        let mut state = self.lock();
        let key = state.engine.start_with(now, call, block);
        let ticket = state.calls.insert(key, waker);
        Self::commanded(state);
        ticket
    }

    /// The end of a call, once. After `Ready` the ticket is used up.
    pub(crate) fn poll_ended(&self, ticket: Ticket, cx: &Context<'_>) -> Poll<Result<Reply, Error>> {
        let mut state = self.lock();
        let (polled, replaced) = state.calls.poll(ticket, cx);
        drop(state);
        drop(replaced);
        polled
    }

    /// The number of a call that was started and whose end was not taken yet, once it has one.
    #[cold]
    pub(crate) fn request_id(&self, ticket: Ticket) -> Option<RequestId> {
        let mut state = self.lock();
        let key = state.calls.running(ticket)?;
        state.engine.request_id_of(key)
    }

    /// Nobody waits for this call any more.
    pub(crate) fn give_up(&self, ticket: Ticket) {
        let now = Clock::now();
        let mut state = self.lock();
        let left = state.calls.remove(ticket);
        match &left {
            Left::Running(key, _) => state.engine.give_up(now, *key),
            Left::Ended(_) => return drop(state),
        }
        Self::commanded(state);
        drop(left);
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
                Output::Ended(key, result) => wakers.extend(self.calls.ended(key, result)),
                Output::Bound(id, result) => self.bindings.bound(id, result, wakers),
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

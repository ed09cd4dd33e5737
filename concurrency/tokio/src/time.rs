//! Virtual time. It goes on when nothing else can, straight to the next timer: so whoever had to wait for a time to pass can tell,
//! and a wake-up that was lost costs time and does not stay hidden behind some later timer.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::ops::{Add, Sub};
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};
use std::time::Instant as Moment;

pub use std::time::Duration;

/// What a look at the clock costs: of code that never waits the time must go on, too.
const TICK: Duration = Duration::from_micros(1);

/// What a run's timers share. A run has its thread to itself.
#[derive(Default)]
struct Clock {
    now: Duration,
    /// How often time went on to the next timer.
    jumps: u64,
    next: u64,
    timers: BTreeMap<(Duration, u64), Waker>,
}

thread_local! { static CLOCK: RefCell<Clock> = RefCell::default() }

/// When all runs of the process begin.
pub fn origin() -> Moment {
    static ORIGIN: OnceLock<Moment> = OnceLock::new();
    *ORIGIN.get_or_init(Moment::now)
}

/// The time, as the standard library writes it.
pub fn moment() -> Moment {
    Instant::now().into()
}

/// A run begins, and with it its runtime and its time. Returns the task that lets time go on, which is to be scheduled when no
/// other can be.
pub fn begin() -> impl Future<Output = ()> {
    crate::runtime::begin();
    crate::mutants::begin();
    let past = CLOCK.take();
    // Their tasks are gone.
    drop(past);
    async {
        loop {
            shuttle::future::yield_now().await;
            go_on();
        }
    }
}

/// How long the run has lasted, and how often it has waited for a timer.
pub fn elapsed() -> (Duration, u64) {
    CLOCK.with_borrow(|clock| (clock.now, clock.jumps))
}

/// Whether any timer runs.
pub fn has_timers() -> bool {
    CLOCK.with_borrow(|clock| !clock.timers.is_empty())
}

/// Something takes its time, without giving way.
pub fn take(time: Duration) {
    CLOCK.with_borrow_mut(|clock| clock.now += time);
}

fn go_on() {
    let wakers = CLOCK.with_borrow_mut(|clock| {
        let ((next, _), _) = clock.timers.first_key_value()?;
        clock.now = clock.now.max(*next);
        clock.jumps += 1;
        let later = clock.timers.split_off(&(clock.now, u64::MAX));
        Some(std::mem::replace(&mut clock.timers, later))
    });
    let wakers = wakers.expect("everybody waits, and no timer runs: nobody will ever be woken");
    wakers.into_values().for_each(Waker::wake);
}

/// A point in virtual time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(Duration);

impl Instant {
    /// The time.
    pub fn now() -> Self {
        CLOCK.with_borrow_mut(|clock| {
            clock.now += TICK;
            Self(clock.now)
        })
    }
}

impl From<Moment> for Instant {
    fn from(moment: Moment) -> Self {
        Self(moment.saturating_duration_since(origin()))
    }
}

impl From<Instant> for Moment {
    fn from(at: Instant) -> Self {
        origin() + at.0
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0 + time)
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// Ready at its time.
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct Sleep {
    until: Duration,
    /// Its key among the timers, once it was polled.
    armed: Option<u64>,
    elapsed: bool,
}

/// Waits so long.
pub fn sleep(time: Duration) -> Sleep {
    sleep_until(Instant::now() + time)
}

/// Waits until then.
pub fn sleep_until(until: Instant) -> Sleep {
    Sleep { until: until.0, armed: None, elapsed: false }
}

impl Sleep {
    /// Whether it has fired.
    pub fn is_elapsed(&self) -> bool {
        let fired = |number| CLOCK.with_borrow(|clock| !clock.timers.contains_key(&(self.until, number)));
        self.elapsed || self.armed.is_some_and(fired)
    }

    /// Fires at another time instead.
    pub fn reset(mut self: Pin<&mut Self>, until: Instant) {
        self.disarm();
        (self.until, self.elapsed) = (until.0, false);
    }

    fn disarm(&mut self) {
        if let Some(number) = self.armed.take() {
            let waker = CLOCK.with_borrow_mut(|clock| clock.timers.remove(&(self.until, number)));
            drop(waker);
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_elapsed() || CLOCK.with_borrow(|clock| clock.now >= self.until) {
            self.disarm();
            self.elapsed = true;
            return Poll::Ready(());
        }
        let until = self.until;
        let number = CLOCK.with_borrow_mut(|clock| {
            clock.next += 1;
            let number = self.armed.unwrap_or(clock.next);
            (number, clock.timers.insert((until, number), cx.waker().clone())).0
        });
        self.armed = Some(number);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.disarm();
    }
}

/// A future that is given up after a time.
pub struct Timeout<F> {
    future: Pin<Box<F>>,
    sleep: Sleep,
}

/// Gives a future up after a time.
pub fn timeout<F: Future>(time: Duration, future: F) -> Timeout<F> {
    Timeout { future: Box::pin(future), sleep: sleep(time) }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(output) = self.future.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        Pin::new(&mut self.sleep).poll(cx).map(|()| Err(Elapsed(())))
    }
}

/// The time was over.
#[derive(Debug)]
pub struct Elapsed(());

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time was over")
    }
}

impl Error for Elapsed {}

//! The open loop: calls are sent when their time has come, whatever became of those before, and a latency counts from when its
//! call was due.
//!
//! Calls are due at ticks of a timer of the kernel's (a timerfd), which the client's runtime waits for as for a socket: exact to
//! some microseconds, without a thread of its own and without spinning. Ticks are [`TICK`] apart, or as far apart as the
//! calls are. Tasks that wait for work take the calls that are due, so that no task has to be made for each. A tick costs the
//! client some 30 µs of its CPU here, whatever is called: the timer's interrupt, waking up, a write that wakes the server.

use crate::Failure;
use crate::cells::Work;
use crate::cli::Call;
use crate::closed::exchange;
use crate::contenders::Handle;
use crate::measured::{MEASURING, Measured, OVER, Seen, Watch};
use crate::payload::Source;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};
use tokio::io::unix::AsyncFd;

/// Calls are due in bunches, at least so far apart: 50 µs take two thirds of the client's CPU for the ticks alone.
const TICK: Duration = Duration::from_micros(200);

/// Tasks at most: calls beyond so many in flight are sent when others have ended, which their latency tells.
const TASKS: usize = 1024;

/// Sends `call.rate` calls a second, over the clients in turns, with `bulk` calls of 1 MiB in flight beside them.
pub(crate) async fn run<H: Handle + Clone>(
    call: &Call,
    clients: Vec<H>,
    bulk: usize,
) -> Result<Measured, Failure> {
    let watch = Watch::start(call)?;
    let streams: Vec<_> = (0..bulk)
        .map(|stream| tokio::spawn(stream_of_bulk(clients[0].clone(), stream as u64, watch.clone())))
        .collect();
    let desk = Arc::new(Desk::default());
    let mut tasks = Vec::new();
    let mut timer = Timer::start(call.rate)?;
    while watch.phase() != OVER {
        let (bunches, measuring) = (timer.wait().await?, watch.phase() == MEASURING);
        for (due, calls) in bunches {
            // After a stall some of them were due before the window.
            let counts = measuring && due >= watch.opens();
            for _ in 0..calls {
                if !desk.put(Due { at: due, counts }) && tasks.len() < TASKS {
                    let task = tasks.len();
                    let source = Source::new(call.cell.work, task as u64);
                    tasks.push(tokio::spawn(calls_due(
                        clients[task % clients.len()].clone(),
                        source,
                        desk.clone(),
                    )));
                }
            }
        }
        watch.look(Instant::now());
    }
    desk.close();
    let (mut seen, mut others) = (Seen::new(), Seen::new());
    for task in tasks {
        seen.add(task.await??);
    }
    for stream in streams {
        others.add(stream.await??);
    }
    let times = watch.times()?;
    let other = others.calls as f64 / times.elapsed.as_secs_f64();
    Ok(Measured { other, ..seen.measured(&times) })
}

async fn calls_due<H: Handle>(mut handle: H, mut source: Source, desk: Arc<Desk>) -> Result<Seen, Failure> {
    let mut seen = Seen::new();
    while let Some(due) = desk.take().await {
        exchange(&mut handle, &mut source).await?;
        seen.made += 1;
        if due.counts {
            seen.calls += 1;
            seen.time(due.at.elapsed());
        }
    }
    Ok(seen)
}

/// One call of 1 MiB after the other.
async fn stream_of_bulk<H: Handle>(mut handle: H, stream: u64, watch: Arc<Watch>) -> Result<Seen, Failure> {
    let mut source = Source::new(Work::Bytes(1 << 20), stream);
    let mut seen = Seen::new();
    while seen.one(&watch, None, false) {
        exchange(&mut handle, &mut source).await?;
    }
    Ok(seen)
}

/// A call that is due.
struct Due {
    at: Instant,
    /// Whether it was due while the window was open.
    counts: bool,
}

/// Where calls lie that are due, and tasks wait for them.
#[derive(Default)]
struct Desk(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    due: VecDeque<Due>,
    idle: Vec<Waker>,
    closed: bool,
}

impl Desk {
    /// False if no task waits for it.
    fn put(&self, due: Due) -> bool {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.due.push_back(due);
        waiting.idle.pop().map(Waker::wake).is_some()
    }

    /// The next call that is due; `None` once there will be no more.
    async fn take(&self) -> Option<Due> {
        std::future::poll_fn(|context| {
            let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match waiting.due.pop_front() {
                Some(due) => Poll::Ready(Some(due)),
                None if waiting.closed => Poll::Ready(None),
                None => {
                    waiting.idle.push(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    fn close(&self) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.closed = true;
        waiting.idle.drain(..).for_each(Waker::wake);
    }
}

/// The kernel's timer, and what is due when it has gone off.
struct Timer {
    fd: AsyncFd<OwnedFd>,
    schedule: Schedule,
}

impl Timer {
    fn start(rate: f64) -> Result<Timer, Failure> {
        let timer =
            TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)?;
        let schedule = Schedule::new(rate);
        let period = TimeSpec::from(schedule.period);
        timer.set(Expiration::IntervalDelayed(period, period), TimerSetTimeFlags::empty())?;
        #[allow(deprecated, reason = "what takes its place is unsafe, and an owned descriptor is sound")]
        let fd = AsyncFd::new(OwnedFd::from(timer))?;
        Ok(Timer { fd, schedule })
    }

    /// Waits for the next tick; gives all bunches that are due by then.
    async fn wait(&mut self) -> Result<Vec<(Instant, u64)>, Failure> {
        let mut ticks = [0; 8];
        loop {
            let mut ready = self.fd.readable().await?;
            let read = ready.try_io(|fd| Ok(nix::unistd::read(fd.get_ref(), &mut ticks)?));
            if let Ok(read) = read {
                read?;
                return Ok((0..u64::from_ne_bytes(ticks)).map(|_| self.schedule.tick()).collect());
            }
        }
    }
}

/// How many calls are due at which tick.
struct Schedule {
    begun: Instant,
    period: Duration,
    rate: f64,
    ticks: u64,
    given: u64,
}

impl Schedule {
    fn new(rate: f64) -> Schedule {
        let period = TICK.max(Duration::from_secs_f64(1.0 / rate));
        Schedule { begun: Instant::now(), period, rate, ticks: 0, given: 0 }
    }

    fn tick(&mut self) -> (Instant, u64) {
        self.ticks += 1;
        let after = Duration::from_nanos(self.period.as_nanos() as u64 * self.ticks);
        // A nanosecond that was rounded away must not cost a call.
        let by_now = (after.as_secs_f64() * self.rate + 1e-3) as u64;
        let calls = by_now - self.given;
        self.given = by_now;
        (self.begun + after, calls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_gives_all_calls_and_spreads_them_evenly() {
        for (rate, seconds) in [(1_000.0, 2), (30_000.0, 1), (777_777.0, 1)] {
            let mut schedule = Schedule::new(rate);
            let ticks = (f64::from(seconds) / schedule.period.as_secs_f64()).round() as usize;
            let bunches: Vec<_> = (0..ticks).map(|_| schedule.tick().1).collect();
            let calls = bunches.iter().sum::<u64>() as f64;
            assert!((calls - rate * f64::from(seconds)).abs() <= 1.0, "{calls} at {rate}");
            assert!(bunches.iter().max().unwrap() - bunches.iter().min().unwrap() <= 1, "at {rate}");
        }
    }

    #[test]
    fn ticks_are_as_far_apart_as_the_calls_or_as_the_least() {
        assert_eq!(Schedule::new(1_000.0).period, Duration::from_millis(1));
        assert_eq!(Schedule::new(1e6).period, TICK);
    }
}

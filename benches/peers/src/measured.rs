//! What a client process measures, and the clock that opens and closes its window.

use crate::Failure;
use crate::cells::{Cell, Work};
use crate::cli::Call;
use carnegie_bench::host::CpuClock;
use carnegie_bench::stats::percentile;
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What one client process measured; on its standard output, one line of numbers in this order.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Measured {
    /// Calls a second.
    pub(crate) rate: f64,
    /// Latencies in microseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// CPU time a call in microseconds.
    pub(crate) client_cpu: f64,
    pub(crate) server_cpu: f64,
    /// Of a cell with two kinds of calls: the second kind's rate.
    pub(crate) other: f64,
    /// And CPU time a call of both processes, where the kinds take turns.
    pub(crate) other_cpu: f64,
    /// Calls from the first to the last, outside the window too.
    pub(crate) made: f64,
}

impl Measured {
    /// CPU time a call of both processes in microseconds.
    pub(crate) fn cpu(&self) -> f64 {
        self.client_cpu + self.server_cpu
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Measured { rate, p50, p99, client_cpu, server_cpu, other, other_cpu, made } = self;
        write!(f, "{rate} {p50} {p99} {client_cpu} {server_cpu} {other} {other_cpu} {made}")
    }
}

impl FromStr for Measured {
    type Err = Failure;

    fn from_str(line: &str) -> Result<Measured, Failure> {
        let numbers = line.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
        let [rate, p50, p99, client_cpu, server_cpu, other, other_cpu, made] = numbers[..] else {
            return Err(format!("eight numbers were expected of the client, not {line:?}").into());
        };
        Ok(Measured { rate, p50, p99, client_cpu, server_cpu, other, other_cpu, made })
    }
}

/// One call in so many is timed where calls are short and many, so that reading the clock is not what is measured.
const SAMPLED: u64 = 16;

/// Whether a call is timed: all of a lone one and all large ones, else one in 16, at different calls in different tasks, or
/// every 16th batch would be slower than the others.
pub(crate) fn timed(cell: &Cell, task: u64, number: u64) -> bool {
    let few = cell.depth == 1 || matches!(cell.work, Work::Bytes(LARGE..));
    few || (number + task).is_multiple_of(SAMPLED)
}

/// Bytes of a payload of which there are few a second.
const LARGE: usize = 64 << 10;

/// What one task or thread saw while the window was open.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) calls: u64,
    pub(crate) made: u64,
    pub(crate) nanos: Vec<u32>,
}

impl Seen {
    pub(crate) fn new() -> Seen {
        Seen { nanos: Vec::with_capacity(1 << 12), ..Seen::default() }
    }

    /// One call has ended. `begun` is given if it was to be timed, `counts` says whether its latency is one that is asked for.
    /// False once the window is over.
    pub(crate) fn one(&mut self, watch: &Watch, begun: Option<Instant>, counts: bool) -> bool {
        self.made += 1;
        let phase = watch.phase();
        self.calls += u64::from(phase == MEASURING);
        if let Some(begun) = begun {
            let now = Instant::now();
            if phase == MEASURING && counts {
                self.time(now - begun);
            }
            watch.look(now);
        }
        phase != OVER
    }

    pub(crate) fn time(&mut self, took: Duration) {
        self.nanos.push(u32::try_from(took.as_nanos()).unwrap_or(u32::MAX));
    }

    pub(crate) fn add(&mut self, mut other: Seen) {
        self.calls += other.calls;
        self.made += other.made;
        self.nanos.append(&mut other.nanos);
    }

    pub(crate) fn measured(mut self, times: &Times) -> Measured {
        self.nanos.sort_unstable();
        let a_call = |cpu: Duration| cpu.as_secs_f64() * 1e6 / self.calls.max(1) as f64;
        Measured {
            rate: self.calls as f64 / times.elapsed.as_secs_f64(),
            p50: f64::from(percentile(&self.nanos, 0.50)) / 1e3,
            p99: f64::from(percentile(&self.nanos, 0.99)) / 1e3,
            client_cpu: a_call(times.client),
            server_cpu: a_call(times.server),
            other: 0.0,
            other_cpu: 0.0,
            made: self.made as f64,
        }
    }
}

pub(crate) const WARMING: u8 = 0;
pub(crate) const MEASURING: u8 = 1;
pub(crate) const OVER: u8 = 2;

/// Opens the window after warming up, and closes it. Whoever reads the clock looks at it: a thread that slept meanwhile would
/// not get the CPU from one that spins, and a timer would be one that the measured runtime does not have otherwise.
pub(crate) struct Watch {
    phase: AtomicU8,
    opens: Instant,
    window: Duration,
    client: CpuClock,
    server: CpuClock,
    readings: Mutex<Vec<(Instant, Duration, Duration)>>,
}

impl Watch {
    /// Warming up begins now.
    pub(crate) fn start(call: &Call) -> Result<Arc<Watch>, Failure> {
        Ok(Arc::new(Watch {
            phase: AtomicU8::new(WARMING),
            opens: Instant::now() + call.warmup(),
            window: call.window(),
            client: CpuClock::own(),
            server: CpuClock::of(call.server_pid)?,
            readings: Mutex::new(Vec::new()),
        }))
    }

    pub(crate) fn phase(&self) -> u8 {
        self.phase.load(Ordering::Relaxed)
    }

    /// When the window is to open.
    pub(crate) fn opens(&self) -> Instant {
        self.opens
    }

    /// Moves on if it is time.
    pub(crate) fn look(&self, now: Instant) {
        let due = match self.phase() {
            WARMING => self.opens,
            MEASURING => self.opens + self.window,
            _ => return,
        };
        // Another thread that holds the lock is doing the same.
        let Some(mut readings) = self.readings.try_lock().ok().filter(|_| now >= due) else { return };
        let (Ok(client), Ok(server)) = (self.client.read(), self.server.read()) else { return };
        readings.push((Instant::now(), client, server));
        self.phase.store(if readings.len() == 1 { MEASURING } else { OVER }, Ordering::Relaxed);
    }

    /// What the window came to, once it is over.
    pub(crate) fn times(&self) -> Result<Times, Failure> {
        let readings = self.readings.lock().map_err(|_| "a thread panicked")?;
        let [opened, closed, ..] = readings[..] else { return Err("the window was never closed".into()) };
        Ok(Times { elapsed: closed.0 - opened.0, client: closed.1 - opened.1, server: closed.2 - opened.2 })
    }
}

/// The length of the window, and the CPU time that the two processes used in it.
pub(crate) struct Times {
    pub(crate) elapsed: Duration,
    pub(crate) client: Duration,
    pub(crate) server: Duration,
}

/// What a thread returned.
pub(crate) fn join<T>(thread: JoinHandle<Result<T, Failure>>) -> Result<T, Failure> {
    thread.join().map_err(|_| "a thread panicked")?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measurement_survives_the_way_from_the_client_to_the_director() {
        let measured = Measured {
            rate: 1.5,
            p50: 2.25,
            p99: 3.125,
            client_cpu: 0.1,
            server_cpu: 0.2,
            other: 7.0,
            other_cpu: 8.0,
            made: 12.0,
        };
        assert_eq!(measured.to_string().parse::<Measured>().unwrap(), measured);
    }

    fn watch(warmup: Duration, window: Duration) -> Watch {
        Watch {
            phase: AtomicU8::new(WARMING),
            opens: Instant::now() + warmup,
            window,
            client: CpuClock::own(),
            server: CpuClock::own(),
            readings: Mutex::new(Vec::new()),
        }
    }

    #[test]
    fn only_calls_within_the_window_count_but_all_are_made() {
        let hour = Duration::from_secs(3_600);
        let (watch, mut seen) = (watch(hour, hour), Seen::new());
        for phase in [WARMING, MEASURING, MEASURING, OVER] {
            watch.phase.store(phase, Ordering::Relaxed);
            assert_eq!(seen.one(&watch, None, true), phase != OVER);
        }
        let times = Times {
            elapsed: Duration::from_millis(500),
            client: Duration::from_micros(10),
            server: Duration::from_micros(20),
        };
        let measured = seen.measured(&times);
        assert_eq!((measured.rate, measured.made), (4.0, 4.0));
        assert_eq!((measured.client_cpu, measured.server_cpu), (5.0, 10.0));
    }

    #[test]
    fn the_window_opens_after_warming_up_and_closes_at_its_end() {
        let second = Duration::from_secs(1);
        let watch = watch(second, second);
        for (after, phase) in [(0.5, WARMING), (1.5, MEASURING), (1.9, MEASURING), (2.1, OVER), (3.0, OVER)] {
            watch.look(watch.opens - second + second.mul_f64(after));
            assert_eq!(watch.phase(), phase, "after {after} s");
            assert_eq!(watch.times().is_ok(), phase == OVER);
        }
    }
}

//! Runs a piece of a program under many interleavings of its tasks and threads, each told by one number.
//!
//! ```text
//! cargo test --manifest-path concurrency/Cargo.toml                     some of each test's schedules
//! SCHEDULES=100000 cargo test --manifest-path concurrency/Cargo.toml    so many of each
//! SEED=4711 cargo test --manifest-path concurrency/Cargo.toml a_test    one schedule of one test, again
//! ```

mod line;
mod schedule;

pub use line::{End, Line, line};
use schedule::Explorer;
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

/// Schedules of a test, unless the environment says otherwise.
const SCHEDULES: u64 = 1_000;

/// Of a run that does not come to its end.
const STEPS_MAX: usize = 200_000;

/// A handler, its codec and shuttle's own frames, unoptimised.
const STACK: usize = 512 << 10;

fn number(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text:?}")))
}

/// Runs `body` under one schedule after the other, each in a world of its own. A panic, a deadlock and a run without end fail
/// the test, and the seed is printed.
pub fn explore(name: &str, body: fn()) {
    let (first, count) = match number("SEED") {
        Some(seed) => (seed, 1),
        None => (number("FIRST").unwrap_or(0), number("SCHEDULES").unwrap_or(SCHEDULES)),
    };
    let since = Instant::now();
    let steps = run(name, first, count, body).0;
    let took = since.elapsed();
    println!("{name}: {count} schedules, {} steps each, {took:.1?}", steps / count.max(1));
}

/// Whether some schedule of those that a test goes through fails: for code that is wrong. Returns how many it took.
pub fn finds(name: &str, body: fn()) -> Option<u64> {
    let most = number("SCHEDULES").unwrap_or(SCHEDULES);
    let found = Arc::new(AtomicU64::new(0));
    let tried = found.clone();
    mute();
    let failed = std::panic::catch_unwind(move || {
        for seed in 0..most {
            tried.store(seed + 1, Ordering::Relaxed);
            run(name, seed, 1, body);
        }
    });
    MUTED.set(false);
    failed.is_err().then(|| found.load(Ordering::Relaxed))
}

thread_local! { static MUTED: Cell<bool> = const { Cell::new(false) } }

/// What panics on this thread from here on does so on purpose.
fn mute() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !MUTED.get() {
                hook(panic);
            }
        }));
    });
    MUTED.set(true);
}

/// Names the schedule that a panic ends.
struct Failing<'a> {
    name: &'a str,
    seed: Arc<AtomicU64>,
}

impl Drop for Failing<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() && !MUTED.get() {
            let seed = self.seed.load(Ordering::Relaxed);
            eprintln!(
                "{} fails. Again: SEED={seed} cargo test --manifest-path concurrency/Cargo.toml {}",
                self.name, self.name
            );
        }
    }
}

/// How many steps were taken in all, and a hash of them.
pub fn run(name: &str, first: u64, count: u64, body: fn()) -> (u64, u64) {
    let (seed, traced) = (Arc::new(AtomicU64::new(first)), Arc::new((AtomicU64::new(0), AtomicU64::new(0))));
    let _failing = Failing { name, seed: seed.clone() };
    let mut config = Config::new();
    config.stack_size = STACK;
    config.max_steps = MaxSteps::FailAfter(STEPS_MAX);
    config.failure_persistence = FailurePersistence::None;
    config.silence_warnings = true;
    let explorer = Explorer::new(first, count, seed, traced.clone());
    Runner::new(explorer, config).run(move || {
        let clock = tokio::time::begin();
        // The first that is started: the scheduler knows it by its number.
        drop(shuttle::future::spawn(clock));
        body();
        tokio::runtime::end();
    });
    (traced.0.load(Ordering::Relaxed), traced.1.load(Ordering::Relaxed))
}

/// Of a machine that is fast enough.
const NEVER_EARLY: u32 = u32::MAX;

thread_local! { static EARLY: Cell<u32> = const { Cell::new(NEVER_EARLY) } }

/// From now on time goes on about once in so many steps, too, although something else could be done: a machine that is slow.
pub fn slow(once_in: u32) {
    EARLY.set(once_in);
}

/// What a run costs in virtual time in which nobody waits for a timer.
const PROMPT: Duration = Duration::from_millis(20);

/// From now on time goes on only when nothing else can.
pub fn fast() {
    EARLY.set(NEVER_EARLY);
}

/// Asserts that nobody had to wait for a timer since then.
#[track_caller]
pub fn prompt(since: Duration) {
    within(PROMPT, since);
}

/// Asserts that no more time than this has passed since then.
#[track_caller]
pub fn within(time: Duration, since: Duration) {
    let (now, jumps) = tokio::time::elapsed();
    assert!(now - since < time, "{:?} have passed, in {jumps} jumps: somebody was not woken", now - since);
}

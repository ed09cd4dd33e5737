//! Two kinds of calls whose difference is smaller than that of two runs of the same program: the same tasks make them over the
//! same connection, in slices of [`SLICE`] in the order A B B A.

use crate::Failure;
use crate::cells::{Cell, Pair};
use crate::cli::Call;
use crate::contenders::carnegie::PeersClient;
use crate::measured::{Measured, timed};
use crate::payload::Source;
use carnegie_bench::host::CpuClock;
use carnegie_bench::stats::percentile;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const SLICE: Duration = Duration::from_millis(20);
const ORDER: [usize; 4] = [0, 1, 1, 0];
const OVER: u8 = 2;

pub(crate) async fn run(call: &Call, client: PeersClient, pair: Pair) -> Result<Measured, Failure> {
    let slices = Arc::new(Slices::start(call)?);
    let tasks: Vec<_> = (0..call.cell.depth as u64)
        .map(|task| tokio::spawn(calls(client.clone(), call.cell, pair, task, slices.clone())))
        .collect();
    let (mut calls, mut nanos, mut made) = ([0; 2], Vec::new(), 0);
    for task in tasks {
        let mut seen = task.await??;
        calls = [calls[0] + seen.calls[0], calls[1] + seen.calls[1]];
        made += seen.made;
        nanos.append(&mut seen.nanos);
    }
    nanos.sort_unstable();
    let [first, second] = slices.kinds()?;
    let a_call = |cpu: Duration, calls: u64| cpu.as_secs_f64() * 1e6 / calls.max(1) as f64;
    Ok(Measured {
        rate: calls[0] as f64 / first.elapsed.as_secs_f64(),
        p50: f64::from(percentile(&nanos, 0.50)) / 1e3,
        p99: f64::from(percentile(&nanos, 0.99)) / 1e3,
        client_cpu: a_call(first.client, calls[0]),
        server_cpu: a_call(first.server, calls[0]),
        other: calls[1] as f64 / second.elapsed.as_secs_f64(),
        other_cpu: a_call(second.client + second.server, calls[1]),
        made: made as f64,
    })
}

#[derive(Default)]
struct Seen {
    calls: [u64; 2],
    made: u64,
    nanos: Vec<u32>,
}

async fn calls(
    client: PeersClient,
    cell: &'static Cell,
    pair: Pair,
    task: u64,
    slices: Arc<Slices>,
) -> Result<Seen, Failure> {
    let (mut seen, mut source) = (Seen::default(), Source::new(cell.work, task));
    for number in 0u64.. {
        let kind = slices.kind.load(Ordering::Relaxed);
        if kind == OVER {
            break;
        }
        let begun = timed(cell, task, number).then(Instant::now);
        source.next();
        let payload = source.expected().clone();
        let reply = match (pair, kind) {
            (Pair::OnceOrIdempotent, 0) => client.echo(payload).await?,
            (Pair::OnceOrIdempotent, _) => client.echo_freely(payload).await?,
            (Pair::SecondsOrHour, 0) => client.echo(payload).timeout(Duration::from_secs(10)).await?,
            (Pair::SecondsOrHour, _) => client.echo(payload).timeout(Duration::from_secs(3_600)).await?,
        };
        source.check(&reply)?;
        seen.made += 1;
        let measuring = slices.measuring.load(Ordering::Relaxed) == 1;
        seen.calls[usize::from(kind)] += u64::from(measuring);
        if let Some(begun) = begun {
            let now = Instant::now();
            if measuring && kind == 0 {
                seen.nanos.push(u32::try_from((now - begun).as_nanos()).unwrap_or(u32::MAX));
            }
            slices.look(now)?;
        }
    }
    Ok(seen)
}

/// Time and CPU time that one kind had.
#[derive(Clone, Copy, Default)]
struct Spent {
    elapsed: Duration,
    client: Duration,
    server: Duration,
}

/// Whose turn it is. Whoever reads the clock looks at it.
struct Slices {
    kind: AtomicU8,
    measuring: AtomicU8,
    client: CpuClock,
    server: CpuClock,
    state: Mutex<State>,
}

struct State {
    next: Instant,
    ends: Instant,
    turn: usize,
    /// When the present slice began, and the clocks then; none while warming up.
    since: Option<(Instant, Duration, Duration)>,
    spent: [Spent; 2],
}

impl Slices {
    fn start(call: &Call) -> Result<Slices, Failure> {
        let opens = Instant::now() + call.warmup();
        let state = State {
            next: opens,
            ends: opens + call.window(),
            turn: 0,
            since: None,
            spent: [Spent::default(); 2],
        };
        Ok(Slices {
            kind: AtomicU8::new(0),
            measuring: AtomicU8::new(0),
            client: CpuClock::own(),
            server: CpuClock::of(call.server_pid)?,
            state: Mutex::new(state),
        })
    }

    /// Moves on if it is time.
    fn look(&self, now: Instant) -> Result<(), Failure> {
        let Some(mut state) = self.state.try_lock().ok().filter(|state| now >= state.next) else {
            return Ok(());
        };
        let clocks = (Instant::now(), self.client.read()?, self.server.read()?);
        if let Some(before) = state.since.replace(clocks) {
            let kind = ORDER[(state.turn - 1) % ORDER.len()];
            let spent = &mut state.spent[kind];
            spent.elapsed += clocks.0 - before.0;
            spent.client += clocks.1 - before.1;
            spent.server += clocks.2 - before.2;
        }
        self.measuring.store(1, Ordering::Relaxed);
        // Only whole rounds of slices, or one kind would have more of the beginning or of the end.
        if state.turn.is_multiple_of(ORDER.len()) && now >= state.ends {
            self.kind.store(OVER, Ordering::Relaxed);
            state.next = now + Duration::from_secs(3_600);
            return Ok(());
        }
        self.kind.store(ORDER[state.turn % ORDER.len()] as u8, Ordering::Relaxed);
        state.turn += 1;
        state.next = now + SLICE;
        Ok(())
    }

    fn kinds(&self) -> Result<[Spent; 2], Failure> {
        Ok(self.state.lock().map_err(|_| "a task panicked")?.spent)
    }
}

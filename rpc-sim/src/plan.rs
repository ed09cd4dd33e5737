//! What a run is like: drawn once, at its start. A run meets some kinds of fault only, for a mixture of all of them hides
//! what few do (a model of the rules missed bugs until each of its runs drew its kinds).

use crate::coverage::Fault;
use crate::decisions::{Decisions, For};
use rpc_core::client::Retry;
use rpc_core::{Limits, client, server};
use std::time::Duration;

const MICROS: fn(u64) -> Duration = Duration::from_micros;
const MS: fn(u64) -> Duration = Duration::from_millis;

/// The shape of one run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) clients: usize,
    pub(crate) servers: usize,
    pub(crate) faults: Vec<Fault>,
    /// Two faults are so far apart on average.
    pub(crate) fault_every: Duration,
    pub(crate) network: NetworkPlan,
    pub(crate) load: LoadPlan,
    pub(crate) handlers: HandlerPlan,
    pub(crate) client: client::Config,
    pub(crate) server: server::Config,
    /// How long a server keeps a session that has no connection.
    pub(crate) lease: Duration,
    /// A timer fires late by so much at most.
    pub(crate) timer_slack: Duration,
    /// A driver writes what its engine has so long after it was told something.
    pub(crate) turn_after: Duration,
}

#[derive(Clone, Debug)]
pub(crate) struct NetworkPlan {
    pub(crate) latency: Duration,
    pub(crate) jitter: Duration,
    /// A piece of a write is cut again so many times in a million.
    pub(crate) pieces: u64,
    /// Bytes that may be on their way before a writer has to wait.
    pub(crate) room: usize,
    /// A closed end answers what still arrives with a reset so many times in a million; otherwise a wall swallows it.
    pub(crate) resets: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct LoadPlan {
    /// Two calls are so far apart on average.
    pub(crate) every: Duration,
    /// After so many calls there are none for a while.
    pub(crate) rest_every: u32,
    /// How many start at once.
    pub(crate) burst: u64,
    /// Of a million calls, so many are idempotent.
    pub(crate) idempotent: u64,
    /// Of a million calls, so many carry a large payload.
    pub(crate) large: u64,
    pub(crate) timeout: (Duration, Duration),
    /// Of a million calls, so many are dropped by their callers.
    pub(crate) dropped: u64,
    /// Of a million calls, so many do not wait for a connection.
    pub(crate) hurried: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct HandlerPlan {
    /// How long they take as a rule.
    pub(crate) takes: (Duration, Duration),
    /// Of a million, so many take ten times the longest time.
    pub(crate) slow: u64,
    pub(crate) panics: u64,
    pub(crate) not_started: u64,
    /// Of a million requests, so many wait for their turn, at most so long.
    pub(crate) queued: (u64, Duration),
    /// Bytes that a reply is filled up with at most.
    pub(crate) reply: u64,
}

impl Plan {
    pub(crate) fn draw(decisions: &mut Decisions) -> Self {
        let d = decisions;
        let faults = draw_faults(d);
        let has = |fault| faults.contains(&fault);
        let clients = 1 + d.below(For::Plan, 4) as usize;
        let servers = 1 + d.below(For::Plan, 3) as usize;
        let lease = MS(d.pick(For::Plan, &[2000, 5000, 1000, 500, 200]));
        let network = draw_network(d);
        let mut load = draw_load(d, &faults);
        let mut handlers = draw_handlers(d, &faults);
        let probes = draw_probes(d);
        let mut slots = d.pick(For::Plan, &[64, 1, 2, 3, 4, 8, 16, 32]) as u32;
        if has(Fault::Queue) && d.chance(For::Plan, 400_000) {
            // Callers give up long before their requests have their turn.
            handlers.queued = (1_000_000, MS(2000));
            (load.timeout, load.idempotent) = ((MS(50), MS(250)), 800_000);
            slots = slots.max(8);
        }
        // No more than can be carried: or most calls would only wait for a slot, and end so.
        let a_call = (handlers.takes.0 + handlers.takes.1) / 2 + network.latency * 2 + network.jitter;
        load.every = load.every.max(a_call * 2 / (clients as u32 * slots.min(16))).min(MS(100));
        let mut client = client::Config { addresses: servers, ..client::Config::default() };
        client.limits = probes.clone().outgoing_max(64 << 10);
        // Long enough for a dial and a handshake at each address.
        let least = (network.latency + network.jitter) * 10 * servers as u32;
        client.connect_window = MS(d.pick(For::Plan, &[5000, 1000, 300])).max(least);
        client.wait_for_server = Duration::from_secs(60);
        client.retry = draw_retry(d);
        client.fail_fast = d.chance(For::Hurry, 100_000);
        let mut limits = probes.slots(slots).lease(lease);
        if has(Fault::Forgetful) {
            limits = limits
                .replies_max(d.pick(For::Plan, &[300, 0, 1000, 3000, 100_000]))
                .replies_all_max(d.pick(For::Plan, &[100_000, 0, 2000, 10_000]));
        }
        if has(Fault::Crowded) {
            limits = limits.sessions_max(d.pick(For::Plan, &[2, 1, 3]));
        }
        if has(Fault::NoPlace) {
            let executing = d.pick(For::Plan, &[2, 1, 4, 16]);
            limits = limits
                .executing_max(executing)
                .executing_per_peer(d.pick(For::Plan, &[executing, 1, 2]))
                .queued_max(d.pick(For::Plan, &[8, 1, 3, 100]))
                .queued_per_peer(d.pick(For::Plan, &[8, 1, 2, 100]));
        }
        let server = server::Config { limits, ..server::Config::default() };
        Self {
            clients,
            servers,
            fault_every: MS(d.pick(For::Plan, &[400, 100, 200, 1000, 2000])),
            timer_slack: MICROS(d.pick(For::Plan, &[0, 100, 1000])),
            turn_after: MICROS(d.pick(For::Plan, &[0, 0, 50, 500, 5000])),
            faults,
            network,
            load,
            handlers,
            client,
            server,
            lease,
        }
    }

    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }
}

/// None, exactly one, exactly two, or each with one half.
fn draw_faults(d: &mut Decisions) -> Vec<Fault> {
    let all = Fault::ALL;
    match d.below(For::Plan, 10) {
        0 => Vec::new(),
        1 | 2 => vec![d.pick(For::Plan, all)],
        3..=5 => vec![d.pick(For::Plan, all), d.pick(For::Plan, all)],
        6 | 7 => all.iter().copied().filter(|_| d.chance(For::Plan, 250_000)).collect(),
        _ => all.iter().copied().filter(|_| d.chance(For::Plan, 500_000)).collect(),
    }
}

fn draw_network(d: &mut Decisions) -> NetworkPlan {
    let latency = MICROS(d.pick(For::Plan, &[200, 50, 1000, 5000, 20_000, 50_000]));
    NetworkPlan {
        latency,
        jitter: latency * d.below(For::Plan, 3) as u32,
        pieces: d.pick(For::Plan, &[0, 50_000, 300_000]),
        room: d.pick(For::Plan, &[1 << 20, 64 << 10, 300 << 10]) as usize,
        resets: d.pick(For::Plan, &[1_000_000, 500_000, 0]),
    }
}

fn draw_load(d: &mut Decisions, faults: &[Fault]) -> LoadPlan {
    let least = MS(d.pick(For::Plan, &[8000, 5, 50, 300, 2000, 8000]));
    let most = least + MS(d.pick(For::Plan, &[8000, 20, 200, 1000]));
    LoadPlan {
        every: MICROS(d.pick(For::Plan, &[4000, 2000, 8000, 15_000])),
        rest_every: d.pick(For::Plan, &[u64::from(u32::MAX), 50, 200]) as u32,
        burst: d.pick(For::Plan, &[1, 1, 4, 20]),
        idempotent: d.pick(For::Plan, &[200_000, 0, 500_000]),
        large: d.pick(For::Plan, &[0, 2_000, 10_000]),
        timeout: (least, most),
        dropped: if faults.contains(&Fault::Dropped) { 80_000 } else { 0 },
        hurried: d.pick(For::Hurry, &[0, 0, 200_000]),
    }
}

fn draw_handlers(d: &mut Decisions, faults: &[Fault]) -> HandlerPlan {
    let has = |fault| faults.contains(&fault);
    let most = d.pick(For::Plan, &[0, 500, 5000, 30_000, 100_000]);
    HandlerPlan {
        takes: (MICROS(most / 8), MICROS(most)),
        slow: if has(Fault::SlowHandler) { 30_000 } else { 0 },
        panics: if has(Fault::Panic) { 50_000 } else { 0 },
        not_started: if has(Fault::NotStarted) { d.pick(For::Plan, &[30_000, 200_000]) } else { 0 },
        queued: (
            if has(Fault::Queue) { d.pick(For::Plan, &[200_000, 1_000_000]) } else { 0 },
            MS(d.pick(For::Plan, &[20, 100, 400, 2000])),
        ),
        reply: d.pick(For::Plan, &[16, 200, 1000]),
    }
}

/// Some budgets are small enough to be spent, and some channels never try again.
fn draw_retry(d: &mut Decisions) -> Retry {
    Retry::default()
        .attempts(d.pick(For::Plan, &[4, 1, 2, 8]))
        .percent(d.pick(For::Plan, &[20, 0, 5, 50]))
        .a_second(d.pick(For::Plan, &[10, 0, 1]))
        .first(MS(d.pick(For::Plan, &[25, 5, 100])))
        .most(MS(d.pick(For::Plan, &[1000, 100])))
}

/// Probes, keep-alives and handshakes, shorter than anybody would set them. Both sides have the same.
fn draw_probes(d: &mut Decisions) -> Limits {
    Limits::default()
        .keep_alive(MS(d.pick(For::Plan, &[2000, 500, 5000, 30_000])))
        .probe_after(MS(d.pick(For::Plan, &[300, 100, 1000])))
        .pong_wait_min(MS(d.pick(For::Plan, &[400, 200, 1000])))
        .handshake(MS(d.pick(For::Plan, &[2000, 500, 5000])))
        .message_max(1 << 20)
}

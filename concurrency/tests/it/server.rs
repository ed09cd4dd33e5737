//! The tasks of connections against those of handlers, and against the server's end.

use crate::client::{callers, join};
use crate::hall::HallClient;
use crate::world::{World, briefly, quiet, some};
use carnegie::{Client, Execution, Limits};
use carnegie_concurrency::{explore, fast, prompt, slow, within};
use shuttle::thread;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::runtime::block_on;

pub(crate) fn handlers_end_elsewhere() {
    let world = World::new();
    let (hall, _) = world.client();
    join(callers(3, &hall, |caller, hall| {
        assert_eq!(block_on(hall.slow(caller)).unwrap(), caller);
        match caller {
            0 => assert_eq!(block_on(hall.print(7)).unwrap(), 8),
            1 => assert_eq!(block_on(hall.free(7)).unwrap(), 8),
            _ => assert_eq!(block_on(hall.sell(7)).unwrap(), 8),
        }
    }));
    prompt(Duration::ZERO);
    world.is_quiet(&hall, 1);
}

#[test]
fn handlers_that_end_in_tasks_of_their_own_are_answered() {
    explore("handlers_that_end_in_tasks_of_their_own_are_answered", handlers_end_elsewhere);
}

pub(crate) fn handlers_end_together() {
    let world = World::new();
    let (hall, _) = world.client();
    let mut threads = callers(3, &hall, |caller, hall| match caller {
        0 => assert_eq!(block_on(hall.print(7)).unwrap(), 8),
        _ => assert_eq!(block_on(hall.wait(caller)).unwrap(), caller),
    });
    let house = world.house.clone();
    threads.push(thread::spawn(move || {
        (0..some(60)).for_each(|_| thread::yield_now());
        (1..3).for_each(|number| house.0.call(number));
    }));
    join(threads);
    prompt(Duration::ZERO);
    world.is_quiet(&hall, 1);
}

#[test]
fn handlers_that_end_at_the_same_time_are_answered() {
    explore("handlers_that_end_at_the_same_time_are_answered", handlers_end_together);
}

#[test]
fn handlers_are_told_of_cancels_at_any_moment() {
    explore("handlers_are_told_of_cancels_at_any_moment", || {
        let world = World::new();
        let (hall, _) = world.client();
        let threads = callers(3, &hall, |caller, hall| match caller {
            0 => drop(briefly(some(10), hall.until_cancelled())),
            1 => drop(briefly(some(10), hall.forever())),
            _ => {
                drop(briefly(some(10), hall.print(1)));
                assert_eq!(block_on(hall.slow(1)).unwrap(), 1);
            }
        });
        join(threads);
        prompt(Duration::ZERO);
        world.is_quiet(&hall, 1);
        prompt(Duration::ZERO);
    });
}

pub(crate) fn connections_break() {
    let world = World::new();
    let (hall, lines) = world.redialling();
    let mut threads = callers(2, &hall, |caller, hall| {
        for _ in 0..2 {
            assert_eq!(block_on(hall.slow(caller)).unwrap(), caller);
        }
        assert_eq!(block_on(hall.sell(caller)).unwrap(), caller + 1);
    });
    threads.push(thread::spawn(move || {
        for _ in 0..2 {
            (0..some(40)).for_each(|_| thread::yield_now());
            lines.cut();
        }
    }));
    join(threads);
    // Connections that break at once are made again more slowly.
    within(Duration::from_millis(400), Duration::ZERO);
    world.is_quiet(&hall, 1);
    assert_eq!(world.house.0.counts(), (6, 6));
    assert_eq!(world.server.sessions().0, 1);
    hall.channel().close();
    quiet();
    assert_eq!(world.server.stats().connections, 0);
}

#[test]
fn calls_survive_connections_that_break_and_run_once() {
    explore("calls_survive_connections_that_break_and_run_once", connections_break);
}

pub(crate) fn calls_are_dropped() {
    let world = World::new();
    let (hall, lines) = world.redialling();
    let mut threads = callers(2, &hall, |caller, hall| {
        for _ in 0..2 {
            match some(3) {
                0 => drop(briefly(some(12), hall.until_cancelled())),
                1 => drop(briefly(some(12), hall.forever())),
                _ => drop(briefly(some(12), hall.slow(caller))),
            }
        }
    });
    threads.push(thread::spawn(move || {
        (0..some(40)).for_each(|_| thread::yield_now());
        lines.cut();
    }));
    join(threads);
    // A cancel that was lost with its connection is written again on the next one; of an idempotent call, which stops nothing
    // but itself, it is not, and its deadline comes.
    block_on(tokio::time::sleep(Duration::from_secs(12)));
    world.is_quiet(&hall, 1);
    assert_eq!(world.server.sessions().0, 1);
}

#[test]
fn calls_that_are_dropped_while_the_connection_breaks_leave_nothing_behind() {
    explore("calls_that_are_dropped_while_the_connection_breaks_leave_nothing_behind", calls_are_dropped);
}

/// What a call may come to that its server ends: that it ran is known from its reply alone. With a grace it is always known.
fn a_server_stops(grace: Duration, may_end: fn(Execution) -> bool) {
    let world = World::with(|server| server.grace(grace));
    let (hall, _) = world.redialling();
    let answered = Arc::new(AtomicU32::new(0));
    let counted = answered.clone();
    let callers: Vec<_> = (0..2)
        .map(|caller| {
            let (hall, counted) = (hall.clone(), counted.clone());
            thread::spawn(move || {
                for _ in 0..2 {
                    match block_on(hall.slow(caller).timeout(Duration::from_secs(5))) {
                        Ok(turns) => {
                            assert_eq!(turns, caller);
                            counted.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(error) => assert!(may_end(error.execution()), "{error}"),
                    }
                }
            })
        })
        .collect();
    let server = world.server.clone();
    let stopping = thread::spawn(move || {
        (0..some(40)).for_each(|_| thread::yield_now());
        let since = tokio::time::elapsed().0;
        block_on(server.stop());
        tokio::time::elapsed().0 - since
    });
    let took = stopping.join().unwrap();
    assert!(took < grace + Duration::from_secs(3), "{took:?}");
    join(callers);
    drop(hall);
    quiet();
    let (started, ended) = world.house.0.counts();
    assert_eq!(started, ended, "handlers are left");
    assert!(started >= answered.load(Ordering::Relaxed));
    assert!(
        grace.is_zero() || started == answered.load(Ordering::Relaxed),
        "a handler ran, and its caller was not told"
    );
    assert_eq!((world.server.sessions(), world.server.stats().connections), ((0, 0), 0));
}

#[test]
fn a_server_that_stops_ends_and_so_does_every_call() {
    explore("a_server_that_stops_ends_and_so_does_every_call", || {
        a_server_stops(Duration::from_secs(30), |execution| execution == Execution::NotExecuted);
    });
}

#[test]
fn a_server_that_is_closed_ends_and_so_does_every_call() {
    explore("a_server_that_is_closed_ends_and_so_does_every_call", || {
        a_server_stops(Duration::ZERO, |execution| execution != Execution::Executed);
    });
}

pub(crate) fn a_server_closes_under_a_handler() {
    let world = World::with(|server| server.grace(Duration::ZERO));
    let (hall, _) = world.redialling();
    let callers = callers(2, &hall, |_, hall| {
        let ended = block_on(hall.until_cancelled().timeout(Duration::from_secs(5)));
        assert_ne!(ended.unwrap_err().execution(), Execution::Executed);
    });
    let server = world.server.clone();
    (0..some(40)).for_each(|_| thread::yield_now());
    block_on(server.stop());
    quiet();
    // Not at their deadline, but at the server's end.
    let (started, ended) = world.house.0.counts();
    assert_eq!(started, ended, "handlers were not told");
    drop(hall);
    join(callers);
    quiet();
    assert_eq!(world.server.sessions(), (0, 0));
}

#[test]
fn handlers_are_told_that_their_server_is_closed() {
    explore("handlers_are_told_that_their_server_is_closed", a_server_closes_under_a_handler);
}

#[test]
fn a_session_whose_client_is_gone_ends_with_its_lease() {
    explore("a_session_whose_client_is_gone_ends_with_its_lease", || {
        let world = World::new();
        let (hall, line) = world.client();
        let callers = callers(2, &hall, |caller, hall| match caller {
            0 => drop(block_on(hall.slow(3))),
            _ => drop(block_on(hall.wait(1))),
        });
        drop(hall);
        (0..some(40)).for_each(|_| thread::yield_now());
        line.cut();
        join(callers);
        quiet();
        // The handler outlives even the session.
        let late = some(2) == 0;
        if !late {
            world.house.0.call(1);
        }
        block_on(tokio::time::sleep(Duration::from_secs(700)));
        if late {
            world.house.0.call(1);
        }
        quiet();
        let (started, ended) = world.house.0.counts();
        assert_eq!(started, ended);
        assert_eq!((world.server.sessions(), world.server.stats().connections), ((0, 0), 0));
    });
}

#[test]
fn on_a_slow_machine_calls_end_by_their_deadlines() {
    explore("on_a_slow_machine_calls_end_by_their_deadlines", || {
        let world = World::new();
        let (hall, lines) = world.redialling();
        slow(50);
        let mut threads = callers(2, &hall, |caller, hall| {
            for _ in 0..2 {
                let call = hall.slow(caller).timeout(Duration::from_millis(20 * u64::from(some(4) + 1)));
                match block_on(call) {
                    Ok(turns) => assert_eq!(turns, caller),
                    Err(error) => assert_ne!(error.execution(), Execution::Executed, "{error}"),
                }
            }
        });
        threads.push(thread::spawn(move || {
            (0..some(40)).for_each(|_| thread::yield_now());
            lines.cut();
        }));
        join(threads);
        fast();
        // After many handshakes that took too long (seed 12245) the next dial comes two minutes later.
        block_on(tokio::time::sleep(Duration::from_secs(200)));
        world.is_quiet(&hall, 1);
    });
}

pub(crate) fn leases_end() {
    let lease = Duration::from_millis(u64::from(some(4) * 25));
    let world = World::with(|server| server.limits(Limits::default().lease(lease)));
    let (hall, lines) = world.redialling();
    slow(200);
    let mut threads = callers(2, &hall, |caller, hall| {
        for _ in 0..2 {
            match block_on(hall.slow(caller)) {
                Ok(turns) => assert_eq!(turns, caller),
                Err(error) => assert_ne!(error.execution(), Execution::Executed, "{error}"),
            }
        }
    });
    threads.push(thread::spawn(move || {
        for _ in 0..2 {
            (0..some(40)).for_each(|_| thread::yield_now());
            lines.cut();
        }
    }));
    join(threads);
    fast();
    // If the client stood still between its connection and the server's answer (seed 7506), the server counts deadlines from before
    // that until its next ping. It refuses what is over by its count, so this one has time.
    assert_eq!(block_on(hall.sell(1).timeout(Duration::from_secs(3600))).unwrap(), 2);
    hall.channel().close();
    block_on(tokio::time::sleep(Duration::from_secs(2)));
    let (started, ended) = world.house.0.counts();
    assert_eq!(started, ended);
    assert_eq!((world.server.sessions(), world.server.stats().connections), ((0, 0), 0));
}

#[test]
fn a_lease_that_ends_while_its_client_comes_back_ends_each_call_once() {
    explore("a_lease_that_ends_while_its_client_comes_back_ends_each_call_once", leases_end);
}

#[test]
fn clients_that_come_and_go_find_room_again() {
    explore("clients_that_come_and_go_find_room_again", || {
        let world = World::with(|server| server.limits(Limits::default().sessions_max(2).connections_max(4)));
        let world = Arc::new(world);
        let clients: Vec<_> = (0..2)
            .map(|client| {
                let world = world.clone();
                thread::spawn(move || {
                    for _ in 0..2 {
                        let (hall, lines) = world.redialling();
                        assert_eq!(block_on(hall.slow(client)).unwrap(), client);
                        if some(2) == 0 {
                            lines.cut();
                            assert_eq!(block_on(hall.sell(client)).unwrap(), client + 1);
                        }
                        hall.channel().close();
                        // Its session is over when the server has heard of it.
                        quiet();
                    }
                })
            })
            .collect();
        join(clients);
        assert_eq!((world.server.sessions(), world.server.stats().connections), ((0, 0), 0));
    });
}

/// Several peers, and a place for one or two handlers.
fn peers_and_places(call: impl Fn(u32, HallClient) + Copy + Send + 'static) {
    let limits = Limits::default().executing_max(1 + some(2) as usize).executing_per_peer(1);
    let world = World::with(|server| server.limits(limits));
    let clients = ["one", "one", "other"].map(|peer| world.client_of(peer).0);
    let threads: Vec<_> = (0..)
        .zip(&clients)
        .map(|(caller, hall)| {
            let hall = hall.clone();
            thread::spawn(move || call(caller, hall))
        })
        .collect();
    join(threads);
    prompt(Duration::ZERO);
    clients.iter().for_each(|hall| world.is_quiet(hall, 1));
    // Every place has come back.
    for hall in &clients {
        assert_eq!(block_on(hall.slow(1)).unwrap(), 1);
    }
    within(Duration::from_millis(60), Duration::ZERO);
}

fn handlers_wait_for_places() {
    peers_and_places(|caller, hall| {
        assert_eq!(block_on(hall.slow(caller)).unwrap(), caller);
        match caller {
            0 => assert_eq!(block_on(hall.print(caller)).unwrap(), caller + 1),
            _ => assert_eq!(block_on(hall.free(caller)).unwrap(), caller + 1),
        }
    });
}

#[test]
fn handlers_that_wait_for_a_place_get_one_that_is_given_back() {
    explore("handlers_that_wait_for_a_place_get_one_that_is_given_back", handlers_wait_for_places);
}

/// Nobody comes after the last of them who would look for it.
fn two_handlers_share_a_place() {
    let world = World::with(|server| server.limits(Limits::default().executing_max(1)));
    let threads: Vec<_> = ["one", "other"]
        .map(|peer| {
            let (hall, _) = world.client_of(peer);
            thread::spawn(move || assert_eq!(block_on(hall.print(1)).unwrap(), 2))
        })
        .into();
    join(threads);
    prompt(Duration::ZERO);
}

#[test]
fn a_handler_gets_the_only_place_when_the_other_has_ended() {
    explore("a_handler_gets_the_only_place_when_the_other_has_ended", two_handlers_share_a_place);
}

#[test]
fn places_of_calls_that_are_dropped_while_others_wait_come_back() {
    explore("places_of_calls_that_are_dropped_while_others_wait_come_back", || {
        peers_and_places(|caller, hall| {
            for _ in 0..2 {
                match some(5) {
                    0 => drop(briefly(some(10), hall.until_cancelled())),
                    1 => drop(briefly(some(10), hall.forever())),
                    2 => drop(briefly(some(10), hall.print(caller))),
                    _ => assert_eq!(block_on(hall.slow(caller)).unwrap(), caller),
                }
            }
        });
    });
}

//! Callers, who start, await and drop calls, against the driver's task.

use crate::hall::{BarClient, HallClient};
use crate::world::{World, briefly, quiet, some};
use carnegie::{Client, Execution, Resolution};
use carnegie_concurrency::{explore, prompt};
use shuttle::thread;
use std::time::Duration;
use tokio::runtime::block_on;

/// So many threads, each with a stub of its own.
pub(crate) fn callers(
    count: u32,
    hall: &HallClient,
    call: impl Fn(u32, HallClient) + Copy + Send + 'static,
) -> Vec<thread::JoinHandle<()>> {
    (0..count)
        .map(|caller| {
            let hall = hall.clone();
            thread::spawn(move || call(caller, hall))
        })
        .collect()
}

pub(crate) fn join(threads: Vec<thread::JoinHandle<()>>) {
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

pub(crate) fn several_threads_call() {
    let world = World::new();
    let (hall, _) = world.client();
    join(callers(3, &hall, |caller, hall| {
        for turn in 0..2 {
            let seat = caller * 10 + turn;
            assert_eq!(block_on(hall.sell(seat)).unwrap(), seat + 1);
        }
    }));
    assert_eq!(world.house.0.counts(), (6, 6));
    prompt(Duration::ZERO);
    world.is_quiet(&hall, 1);
}

#[test]
fn each_call_of_several_threads_ends_once_and_is_awakened() {
    explore("each_call_of_several_threads_ends_once_and_is_awakened", several_threads_call);
}

pub(crate) fn a_call_moves() {
    let world = World::new();
    let (hall, _) = world.client();
    let movers = callers(2, &hall, |seat, hall| {
        let mut call = Box::pin(hall.slow(seat).into_owned());
        for _ in 0..some(3) {
            if let Some(ended) = briefly(1, call.as_mut()) {
                return assert_eq!(ended.unwrap(), seat);
            }
        }
        let taken = thread::spawn(move || assert_eq!(block_on(call).unwrap(), seat));
        taken.join().unwrap();
    });
    join(movers);
    prompt(Duration::ZERO);
    world.is_quiet(&hall, 1);
}

#[test]
fn a_call_that_goes_to_another_thread_wakes_that_one() {
    explore("a_call_that_goes_to_another_thread_wakes_that_one", a_call_moves);
}

#[test]
fn calls_that_are_dropped_at_any_moment_leave_nothing_behind() {
    explore("calls_that_are_dropped_at_any_moment_leave_nothing_behind", || {
        let world = World::new();
        let (hall, _) = world.client();
        let mut callers = callers(2, &hall, |seat, hall| {
            for _ in 0..2 {
                match some(4) {
                    0 => drop(briefly(some(8), hall.sell(seat))),
                    1 => drop(briefly(some(8), hall.slow(2))),
                    2 => drop(briefly(some(8), hall.until_cancelled())),
                    _ => drop(briefly(some(8), hall.forever())),
                }
            }
        });
        let other = hall.clone();
        callers.push(thread::spawn(move || assert_eq!(block_on(other.sell(5)).unwrap(), 6)));
        join(callers);
        prompt(Duration::ZERO);
        world.is_quiet(&hall, 1);
        // Handlers that wait for their cancellation have heard of it before their deadline.
        prompt(Duration::ZERO);
    });
}

#[test]
fn no_call_hangs_when_the_channel_is_closed() {
    explore("no_call_hangs_when_the_channel_is_closed", || {
        let world = World::new();
        let (hall, _) = world.client();
        let mut threads = callers(2, &hall, |seat, hall| {
            for _ in 0..2 {
                match block_on(hall.slow(seat)) {
                    Ok(turns) => assert_eq!(turns, seat),
                    Err(error) => assert_ne!(error.execution(), Execution::Executed, "{error}"),
                }
            }
        });
        let closing = hall.clone();
        threads.push(thread::spawn(move || closing.channel().close()));
        join(threads);
        assert_eq!(block_on(hall.sell(1)).unwrap_err().execution(), Execution::NotExecuted);
        assert!(block_on(hall.channel().bind::<BarClient>()).is_err());
        prompt(Duration::ZERO);
        world.is_quiet(&hall, 1);
        assert_eq!((world.server.sessions().0, world.server.stats().connections), (0, 0));
    });
}

#[test]
fn a_channel_ends_with_its_last_handle() {
    explore("a_channel_ends_with_its_last_handle", || {
        let world = World::new();
        let (hall, _) = world.client();
        let users = callers(3, &hall, |seat, hall| {
            match seat {
                0 => assert_eq!(block_on(hall.sell(seat)).unwrap(), seat + 1),
                1 => drop(briefly(some(6), hall.into_owned_slow())),
                _ => drop(hall),
            };
        });
        drop(hall);
        join(users);
        quiet();
        assert_eq!((world.server.sessions().0, world.server.stats().connections), (0, 0));
        let (started, ended) = world.house.0.counts();
        assert_eq!(started, ended);
        prompt(Duration::ZERO);
    });
}

impl HallClient {
    fn into_owned_slow(self) -> carnegie::Call<'static, u32> {
        self.slow(2).into_owned()
    }
}

#[test]
fn no_call_hangs_when_the_runtime_ends() {
    explore("no_call_hangs_when_the_runtime_ends", || {
        let world = World::new();
        let (hall, _) = world.client();
        let mut threads = callers(2, &hall, |seat, hall| {
            for _ in 0..2 {
                match block_on(hall.slow(seat)) {
                    Ok(turns) => assert_eq!(turns, seat),
                    Err(error) => assert_ne!(error.execution(), Execution::Executed, "{error}"),
                }
                drop(briefly(some(3), hall.slow(seat)));
            }
        });
        threads.push(thread::spawn(tokio::runtime::end));
        join(threads);
        assert_eq!(block_on(hall.sell(1)).unwrap_err().execution(), Execution::NotExecuted);
        prompt(Duration::ZERO);
        let held = hall.channel().held();
        assert_eq!((held.calls, held.slots), (0, 0), "{held:?}");
    });
}

#[test]
fn services_are_bound_and_left_while_they_are_used() {
    explore("services_are_bound_and_left_while_they_are_used", || {
        let world = World::new();
        let (hall, _) = world.client();
        let binders = callers(3, &hall, |caller, hall| {
            for _ in 0..2 {
                if let Some(bar) = briefly(some(6) + 1, hall.channel().bind::<BarClient>()) {
                    assert_eq!(block_on(bar.unwrap().order(caller)).unwrap(), caller);
                }
            }
            let bar: BarClient = block_on(hall.channel().bind()).unwrap();
            assert_eq!(block_on(bar.order(7)).unwrap(), 7);
        });
        join(binders);
        prompt(Duration::ZERO);
        world.is_quiet(&hall, 1);
    });
}

#[test]
fn whoever_asks_what_became_of_a_call_hears_it() {
    explore("whoever_asks_what_became_of_a_call_hears_it", || {
        let world = World::new();
        let (hall, _) = world.client();
        let left = block_on(hall.wait(1).timeout(Duration::from_millis(50))).unwrap_err();
        if left.execution() != Execution::Unknown {
            return;
        }
        let call = left.request_id().expect("it was written");
        let since = tokio::time::elapsed().0;
        let mut threads: Vec<_> = (0..3)
            .map(|asker| {
                let hall = hall.clone();
                thread::spawn(move || match asker {
                    0 => drop(briefly(some(4), hall.resolve::<u32>(call))),
                    _ => match block_on(hall.resolve::<u32>(call)) {
                        Resolution::Executed(Some(Ok(1))) => {}
                        other => panic!("{other:?}"),
                    },
                })
            })
            .collect();
        let house = world.house.clone();
        threads.push(thread::spawn(move || house.0.call(1)));
        join(threads);
        prompt(since);
        world.is_quiet(&hall, 1);
    });
}

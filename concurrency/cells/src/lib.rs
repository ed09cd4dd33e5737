//! Counters of rpc-core that tasks share without a lock, in all orders that the memory model has:
//! `cargo test --manifest-path concurrency/Cargo.toml -p carnegie-cells`.

#![forbid(unsafe_code)]
#![cfg(test)]

/// What rpc-core's module of this name has.
mod sync {
    pub(crate) use loom::sync::Arc;
    pub(crate) use loom::sync::atomic::{AtomicUsize, Ordering};
}

/// No bug is switched on.
macro_rules! mutant {
    ($name:ident) => {
        std::convert::identity(false)
    };
}

/// What the modules below ask of the rest of rpc-core.
mod limits {
    pub(crate) use rpc_core::Limits;
}

#[path = "../../../rpc-core/src/server/pool.rs"]
#[allow(dead_code)]
mod pool;
#[path = "../../../rpc-core/src/server/room.rs"]
#[allow(dead_code)]
mod room;
#[path = "../../../rpc-core/src/server/share.rs"]
#[allow(dead_code)]
mod share;

use limits::Limits;
use loom::sync::atomic::{AtomicUsize, Ordering, fence};
use loom::thread;
use pool::Pool;
use room::Room;
use share::{Load, Share, Shared};
use sync::Arc;

/// Goes through all orders, but for those with more switches in one run than these: with more it would take minutes, and the
/// errors that such counters have need one or two.
fn explore(switches: usize, run: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(switches);
    model.check(run);
}

/// A session on each of so many threads, and the pool afterwards has all back.
fn sessions(most: usize, count: usize, run: impl Fn(Room, &Pool) + Send + Sync + Copy + 'static) {
    explore(3, move || {
        let pool = Arc::new(Pool::new(most));
        let others: Vec<_> = (1..count)
            .map(|_| {
                let pool = pool.clone();
                thread::spawn(move || run(Room::new(pool.clone(), most), &pool))
            })
            .collect();
        run(Room::new(pool.clone(), most), &pool);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(pool.taken(), 0, "not all has come back");
    });
}

#[test]
fn never_more_is_handed_out_than_there_is_and_all_comes_back() {
    sessions(10_000, 3, |mut room, pool| {
        if room.grow(6_000) {
            room.keep(0, 6_000);
            assert!((6_000..=10_000).contains(&pool.taken()));
            room.forget(0, 6_000);
        }
    });
}

#[test]
fn of_two_that_want_more_than_half_one_gets_it_at_a_time() {
    explore(3, || {
        let pool = Arc::new(Pool::new(10_000));
        let wants = |pool: Arc<Pool>| {
            let mut room = Room::new(pool, 10_000);
            let got = room.grow(6_000);
            (room, got)
        };
        let other = thread::spawn({
            let pool = pool.clone();
            move || wants(pool)
        });
        let (mine, got) = wants(pool.clone());
        let (theirs, they_got) = other.join().unwrap();
        assert!(got != they_got, "one of them must have got it, and not both");
        drop((mine, theirs));
        assert_eq!(pool.taken(), 0);
    });
}

#[test]
fn what_one_gives_back_another_can_have() {
    sessions(8_192, 2, |mut room, pool| {
        for _ in 0..2 {
            if room.grow(8_192) {
                room.keep(0, 8_192);
                room.forget_all();
            }
        }
        assert!(pool.taken() <= 8_192);
    });
}

#[test]
fn places_of_the_server_and_of_a_peer_are_never_more_than_there_are_and_all_come_back() {
    explore(2, || {
        let limits = Limits::default().executing_max(2).executing_per_peer(1);
        let (server, one) = (Arc::new(Load::of_server(&limits)), Arc::new(Load::of_peer(&limits)));
        let other = Arc::new(Load::of_peer(&limits));
        let threads: Vec<_> = [&one, &one, &other]
            .map(|peer| {
                let (server, peer) = (server.clone(), peer.clone());
                thread::spawn(move || {
                    let mut share = Share::new(server.clone(), peer.clone());
                    if share.enter(Shared::Executing).is_ok() {
                        assert!(server.taken(Shared::Executing) <= 2);
                        share.leave(Shared::Executing);
                        share.settle();
                    }
                })
            })
            .into();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let taken = [&server, &one, &other].map(|load| load.taken(Shared::Executing));
        assert_eq!(taken, [0; 3], "not all has come back");
    });
}

#[test]
fn a_request_that_finds_no_place_is_seen_by_whoever_gives_one_back() {
    explore(3, || {
        let limits = Limits::default().executing_max(1).executing_per_peer(1);
        let (server, peer) = (Arc::new(Load::of_server(&limits)), Arc::new(Load::of_peer(&limits)));
        // As the driver's waiting room counts: what waits is counted before the places are looked at again. The two accesses of each
        // side are in one order for all because they are `SeqCst`, which loom takes for `AcqRel`: so it is told by fences.
        let waiting = Arc::new(AtomicUsize::new(0));
        let mut runs = Share::new(server.clone(), peer.clone());
        runs.enter(Shared::Executing).unwrap();
        let other = thread::spawn({
            let (server, peer, waiting) = (server.clone(), peer.clone(), waiting.clone());
            move || {
                let mut share = Share::new(server, peer);
                if share.enter(Shared::Executing).is_ok() {
                    return true;
                }
                waiting.fetch_add(1, Ordering::SeqCst);
                fence(Ordering::SeqCst);
                share.may_enter(Shared::Executing)
            }
        });
        runs.leave(Shared::Executing);
        runs.settle();
        fence(Ordering::SeqCst);
        let seen = waiting.load(Ordering::SeqCst) > 0;
        assert!(other.join().unwrap() || seen, "nobody starts it");
    });
}

//! Counters of rpc-core that tasks share without a lock, in all orders that the memory model has:
//! `cargo test --release --manifest-path concurrency/Cargo.toml -p carnegie-cells`.

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

#[path = "../../../rpc-core/src/server/room.rs"]
#[allow(dead_code)]
mod room;

use loom::thread;
use room::{Pool, Room};
use sync::Arc;

/// In each order in which these go on, one session each, and the pool afterwards has all back.
fn sessions(most: usize, count: usize, run: impl Fn(usize, Room, &Pool) + Send + Sync + Copy + 'static) {
    let mut model = loom::model::Builder::new();
    // With more switches in one run than these it would take minutes, and the errors that such counters have need one or two.
    model.preemption_bound = Some(3);
    model.check(move || {
        let pool = Arc::new(Pool::new(most));
        let others: Vec<_> = (1..count)
            .map(|number| {
                let pool = pool.clone();
                thread::spawn(move || run(number, Room::new(pool.clone(), most), &pool))
            })
            .collect();
        run(0, Room::new(pool.clone(), most), &pool);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(pool.taken(), 0, "not all has come back");
    });
}

#[test]
fn never_more_is_handed_out_than_there_is_and_all_comes_back() {
    sessions(10_000, 3, |_, mut room, pool| {
        if room.grow(6_000) {
            room.keep(0, 6_000);
            assert!((6_000..=10_000).contains(&pool.taken()));
            room.forget(0, 6_000);
        }
    });
}

#[test]
fn of_two_that_want_more_than_half_one_gets_it_at_a_time() {
    loom::model(|| {
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
    sessions(8_192, 2, |_, mut room, pool| {
        for _ in 0..2 {
            if room.grow(8_192) {
                room.keep(0, 8_192);
                room.forget_all();
            }
        }
        assert!(pool.taken() <= 8_192);
    });
}

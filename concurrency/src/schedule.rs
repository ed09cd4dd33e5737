//! Which task goes on: at random, or by priorities that change a few times in a run (PCT, Burckhardt et al., ASPLOS 2010).

use crate::EARLY;
use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The task that lets time go on.
const CLOCK: usize = 1;

/// Goes through schedules, each made of its seed alone: even ones at random, odd ones by priorities.
pub(crate) struct Explorer {
    next: u64,
    left: u64,
    /// For whoever reports a failure.
    seed: Arc<AtomicU64>,
    /// Steps, and a hash of what was chosen.
    traced: Arc<(AtomicU64, AtomicU64)>,
    draws: Draws,
    priorities: Option<Priorities>,
}

/// SplitMix64.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }
}

struct Priorities {
    /// Of each task by its number; higher goes first.
    of: Vec<i64>,
    /// The steps at which the running task becomes the least.
    changes: Vec<u64>,
    least: i64,
    step: u64,
}

impl Priorities {
    /// A run's length is not known before, so the changes are drawn for one of some length.
    fn draw(draws: &mut Draws) -> Self {
        let length = 32 << draws.below(8);
        let changes = (0..draws.below(5)).map(|_| draws.below(length)).collect();
        Self { of: Vec::new(), changes, least: 0, step: 0 }
    }

    fn choose(
        &mut self,
        runnable: &[TaskId],
        current: Option<TaskId>,
        yields: bool,
        draws: &mut Draws,
    ) -> TaskId {
        self.step += 1;
        let most = runnable.iter().map(|task| usize::from(*task)).max().unwrap_or(0);
        while self.of.len() <= most {
            self.of.push((draws.next() >> 2) as i64);
        }
        if let Some(current) = current.map(usize::from)
            && current < self.of.len()
            && (yields || self.changes.contains(&self.step))
        {
            self.least -= 1;
            self.of[current] = self.least;
        }
        *runnable.iter().max_by_key(|task| self.of[usize::from(**task)]).expect("somebody is runnable")
    }
}

impl Explorer {
    pub(crate) fn new(
        first: u64,
        count: u64,
        seed: Arc<AtomicU64>,
        traced: Arc<(AtomicU64, AtomicU64)>,
    ) -> Self {
        Self { next: first, left: count, seed, traced, draws: Draws(0), priorities: None }
    }

    fn trace(&self, chosen: u64) {
        let (steps, hash) = &*self.traced;
        steps.fetch_add(1, Ordering::Relaxed);
        let mixed = (hash.load(Ordering::Relaxed).rotate_left(5) ^ chosen).wrapping_mul(0x0100_0000_01b3);
        hash.store(mixed, Ordering::Relaxed);
    }
}

impl Scheduler for Explorer {
    fn new_execution(&mut self) -> Option<Schedule> {
        self.left = self.left.checked_sub(1)?;
        let seed = self.next;
        self.next += 1;
        self.seed.store(seed, Ordering::Relaxed);
        self.draws = Draws(seed);
        crate::fast();
        self.priorities = (seed % 2 == 1).then(|| Priorities::draw(&mut self.draws));
        Some(Schedule::new(seed))
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, yields: bool) -> Option<TaskId> {
        let clock = TaskId::from(CLOCK);
        let mut others: Vec<TaskId> =
            runnable.iter().map(|task| task.id()).filter(|task| *task != clock).collect();
        let early = self.draws.below(EARLY.get().into()) == 0;
        let chosen =
            if others.is_empty() || early && runnable.len() > others.len() && tokio::time::has_timers() {
                clock
            } else if let Some(priorities) = &mut self.priorities {
                priorities.choose(&others, current, yields, &mut self.draws)
            } else {
                if yields && others.len() > 1 {
                    others.retain(|task| Some(*task) != current);
                }
                others[self.draws.below(others.len() as u64) as usize]
            };
        self.trace(usize::from(chosen) as u64);
        Some(chosen)
    }

    fn next_u64(&mut self) -> u64 {
        let drawn = self.draws.next();
        self.trace(drawn);
        drawn
    }
}

//! A server that is tortured: a process of its own behind a line that breaks, killed, stopped and drained, and each time started again.

use crate::Result;
use crate::dice::Dice;
use crate::process::{Output, Process};
use crate::servers::GRACE;
use carnegie::testing::{Chaos, Fault, Proxy, is_resumption};
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsString;
use std::fmt;
use std::ops::Range;
use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

const fn millis(from: u64, to: u64) -> Range<Duration> {
    Duration::from_millis(from)..Duration::from_millis(to)
}

/// How long a server is left alone, stopped, absent.
const CALM: Range<Duration> = millis(500, 3_000);
const STOPPED: Range<Duration> = millis(100, 2_500);
const ABSENT: Range<Duration> = millis(0, 500);

/// Into the end of a server that drains, where it is killed before it has ended.
const DRAINING: Range<Duration> = millis(0, 40);

/// Above its grace a server that drains may take so long to end: the machine is busy.
const SLACK: Duration = Duration::from_secs(20);

/// What was done to the servers.
#[derive(Debug, Default)]
pub(crate) struct Troubles {
    pub(crate) kills: AtomicU64,
    /// Of these, those of a server that was stopped, or about to end in order.
    pub(crate) kills_stopped: AtomicU64,
    pub(crate) kills_draining: AtomicU64,
    pub(crate) stops: AtomicU64,
    pub(crate) drains: AtomicU64,
    /// Of these, those that a second signal ended.
    pub(crate) hurried: AtomicU64,
    /// The longest that a server took from being told to end to its end.
    pub(crate) longest_drain_micros: AtomicU64,
}

impl fmt::Display for Troubles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counters = [
            &self.kills,
            &self.kills_stopped,
            &self.kills_draining,
            &self.stops,
            &self.drains,
            &self.hurried,
        ];
        let [kills, stopped, draining, stops, drains, hurried] =
            counters.map(|counter| counter.load(Ordering::Relaxed));
        let longest = Duration::from_micros(self.longest_drain_micros.load(Ordering::Relaxed));
        write!(
            f,
            "{kills} kills ({stopped} while stopped, {draining} while draining), {stops} stops, {drains} drains \
             ({hurried} hurried by a second signal; the longest {:.1} s)",
            longest.as_secs_f64(),
        )
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Breaks in every way there is; what is replayed is the bytes of clients that have come back, as anybody on the way may do.
async fn faulty_line(server: String, seed: u64) -> Result<Proxy> {
    let chaos = Chaos::seeded(seed).weight(Fault::Replay, 1).calm(millis(20, 1_000)).bytes(0..40_000);
    Ok(Proxy::builder(server).chaos(chaos).replayable(is_resumption).start().await?)
}

pub(crate) struct Server {
    name: &'static str,
    arguments: Vec<OsString>,
    process: Process,
    output: Output,
    pub(crate) proxy: Proxy,
}

impl Server {
    pub(crate) async fn start(name: &'static str, arguments: Vec<OsString>, seed: u64) -> Result<Server> {
        let (mut process, mut output) = Process::start(name.into(), &arguments)?;
        let address = process.first_line(&mut output).await?;
        let proxy = faulty_line(address, seed).await?;
        Ok(Server { name, arguments, process, output, proxy })
    }

    async fn start_again(&mut self) -> Result<()> {
        let (process, output) = Process::start(self.name.into(), &self.arguments)?;
        (self.process, self.output) = (process, output);
        let address = self.process.first_line(&mut self.output).await?;
        self.proxy.retarget(address);
        Ok(())
    }

    /// Until it is told to stop; then the server runs.
    pub(crate) async fn torment(
        mut self,
        mut dice: Dice,
        troubles: &Troubles,
        mut end: watch::Receiver<bool>,
    ) -> Result<Server> {
        loop {
            tokio::select! {
                () = sleep(dice.time(CALM)) => {}
                _ = end.changed() => return Ok(self),
                died = self.process.died() => return Err(format!("{died} of its own accord").into()),
            }
            match dice.below(4) {
                0 => self.stop(&mut dice, troubles).await?,
                1 => self.drain(&mut dice, troubles).await?,
                _ => self.kill(&mut dice, troubles).await?,
            }
        }
    }

    async fn kill(&mut self, dice: &mut Dice, troubles: &Troubles) -> Result<()> {
        self.signal(Signal::KILL)?;
        self.process.ended().await?;
        count(&troubles.kills);
        sleep(dice.time(ABSENT)).await;
        self.start_again().await
    }

    async fn stop(&mut self, dice: &mut Dice, troubles: &Troubles) -> Result<()> {
        self.signal(Signal::STOP)?;
        count(&troubles.stops);
        sleep(dice.time(STOPPED)).await;
        if dice.below(4) == 0 {
            count(&troubles.kills_stopped);
            return self.kill(dice, troubles).await;
        }
        self.signal(Signal::CONT)
    }

    async fn drain(&mut self, dice: &mut Dice, troubles: &Troubles) -> Result<()> {
        self.signal(Signal::TERM)?;
        count(&troubles.drains);
        let told = Instant::now();
        let interrupted = dice.below(4);
        if interrupted < 2 {
            sleep(dice.time(DRAINING)).await;
        }
        match interrupted {
            0 => {
                self.signal(Signal::KILL)?;
                // It may have ended by itself by now.
                if self.process.ended().await?.signal() == Some(Signal::KILL.as_raw()) {
                    count(&troubles.kills);
                    count(&troubles.kills_draining);
                }
            }
            interrupted => {
                if interrupted == 1 {
                    self.signal(Signal::TERM)?;
                    count(&troubles.hurried);
                }
                let ended = timeout(GRACE + SLACK, self.process.child.wait()).await;
                let ended =
                    ended.map_err(|_| format!("{} was told to end, and is still there", self.name))??;
                if !ended.success() {
                    return Err(format!("{} was told to end, and failed ({ended})", self.name).into());
                }
                troubles.longest_drain_micros.fetch_max(told.elapsed().as_micros() as u64, Ordering::Relaxed);
            }
        }
        sleep(dice.time(ABSENT)).await;
        self.start_again().await
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        // A process that has ended keeps its number until it was waited for, which only this one does.
        let id = self.process.child.id().and_then(|id| Pid::from_raw(id as i32));
        let id = id.ok_or_else(|| format!("{} has ended", self.name))?;
        Ok(kill_process(id, signal)?)
    }

    /// Lets it end in order.
    pub(crate) async fn end(self) -> Result<Proxy> {
        self.process.stop().await?;
        Ok(self.proxy)
    }
}

//! The machine: which CPU a process runs on, what it used of it, and what the hypervisor took away.

use crate::Failure;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use std::time::Duration;

/// Which of the two processes of a measurement.
#[derive(Clone, Copy)]
pub enum Side {
    Client,
    Server,
}

/// The CPUs that this process may use, lowest first.
pub fn cpus() -> Result<Vec<usize>, Failure> {
    let allowed = sched_getaffinity(Pid::from_raw(0))?;
    Ok((0..CpuSet::count()).filter(|&cpu| allowed.is_set(cpu).unwrap_or(false)).collect())
}

/// Binds this process to its side's CPU: the client to the first one allowed, the server to the second, or both to the
/// only one.
pub fn pin(side: Side) -> Result<(), Failure> {
    let cpus = cpus()?;
    let wanted = match side {
        Side::Client => cpus.first(),
        Side::Server => cpus.get(1).or(cpus.first()),
    };
    let mut set = CpuSet::new();
    set.set(*wanted.ok_or("no CPU may be used")?)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

/// The runtime that both sides of every contender use: one thread, all defaults.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// The CPU time, user and system, that a process has used so far.
pub struct CpuClock(ClockId);

impl CpuClock {
    pub fn own() -> CpuClock {
        CpuClock(ClockId::CLOCK_PROCESS_CPUTIME_ID)
    }

    pub fn of(pid: i32) -> Result<CpuClock, Failure> {
        Ok(CpuClock(clock_getcpuclockid(Pid::from_raw(pid))?))
    }

    pub fn read(&self) -> Result<Duration, Failure> {
        Ok(Duration::from(clock_gettime(self.0)?))
    }
}

/// The machine's CPU time so far, in the kernel's ticks, and how much of it the hypervisor took away (`steal`).
pub struct Ticks {
    total: u64,
    stolen: u64,
}

impl Ticks {
    pub fn read() -> Result<Ticks, Failure> {
        let stat = std::fs::read_to_string("/proc/stat")?;
        let line = stat.lines().next().unwrap_or_default();
        // cpu user nice system idle iowait irq softirq steal; guest times are part of user already.
        let ticks: Vec<u64> = line.split_whitespace().skip(1).take(8).flat_map(str::parse).collect();
        Ok(Ticks { total: ticks.iter().sum(), stolen: ticks.get(7).copied().unwrap_or(0) })
    }

    /// Percent of all CPU time since `earlier` that was stolen.
    pub fn stolen_since(&self, earlier: &Ticks) -> f64 {
        let total = self.total.saturating_sub(earlier.total);
        100.0 * self.stolen.saturating_sub(earlier.stolen) as f64 / total.max(1) as f64
    }
}

/// One line about the machine, for the head of the report.
pub fn describe() -> String {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    format!("{}, Linux {}, load {load}", model.trim_start_matches([' ', '\t', ':']), kernel.trim())
}

/// A field of a process's status in KiB: `VmRSS:`.
pub fn memory(pid: i32, field: &str) -> Result<u64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)).ok_or("no such field")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

/// As many open files as this process may have without anybody's leave; returns how many that are.
pub fn raise_open_files() -> Result<u64, Failure> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    Ok(hard)
}

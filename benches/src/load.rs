//! The closed loop: one task for each call in flight, awaiting one call after the other, every reply compared with
//! what was sent.

use crate::Failure;
use crate::args::Call;
use crate::contender::{Echo, PAYLOAD};
use crate::host::CpuClock;
use crate::stats::percentile;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

const WARMING: u8 = 0;
const MEASURING: u8 = 1;
const OVER: u8 = 2;

/// Above depth 1 each task times only one call in so many, so that reading the clock is not what is measured.
const SAMPLED: u64 = 16;

/// What one client process measured; on its standard output, one line of numbers in this order.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Measured {
    /// Calls a second.
    pub(crate) rate: f64,
    /// Latencies in microseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// CPU time a call in microseconds.
    pub(crate) client_cpu: f64,
    pub(crate) server_cpu: f64,
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Measured { rate, p50, p99, client_cpu, server_cpu } = self;
        write!(f, "{rate} {p50} {p99} {client_cpu} {server_cpu}")
    }
}

impl FromStr for Measured {
    type Err = Failure;

    fn from_str(line: &str) -> Result<Measured, Failure> {
        let numbers = line.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
        let [rate, p50, p99, client_cpu, server_cpu] = numbers[..] else {
            return Err(format!("five numbers were expected of the client, not {line:?}").into());
        };
        Ok(Measured { rate, p50, p99, client_cpu, server_cpu })
    }
}

/// What one task saw while the window was open.
#[derive(Default)]
struct Seen {
    calls: u64,
    nanos: Vec<u32>,
}

/// Drives one task for each of `handles`, which all share one connection.
pub(crate) async fn run<E: Echo>(call: &Call, handles: Vec<E>) -> Result<Measured, Failure> {
    let phase = Arc::new(AtomicU8::new(WARMING));
    let sampled = if handles.len() == 1 { 1 } else { SAMPLED };
    let tasks: Vec<_> = handles
        .into_iter()
        .zip(0u64..)
        .map(|(handle, task)| tokio::spawn(calls(handle, task, sampled, phase.clone())))
        .collect();

    let (client, server) = (CpuClock::own(), CpuClock::of(call.server_pid)?);
    tokio::time::sleep(call.warmup).await;
    let before = (Instant::now(), client.read()?, server.read()?);
    phase.store(MEASURING, Ordering::Relaxed);
    tokio::time::sleep(call.window).await;
    phase.store(OVER, Ordering::Relaxed);
    let (elapsed, client, server) =
        (before.0.elapsed(), client.read()? - before.1, server.read()? - before.2);

    let mut seen = Seen::default();
    for task in tasks {
        let mut one = task.await??;
        seen.calls += one.calls;
        seen.nanos.append(&mut one.nanos);
    }
    seen.nanos.sort_unstable();
    let a_call = |cpu: Duration| cpu.as_secs_f64() * 1e6 / seen.calls.max(1) as f64;
    Ok(Measured {
        rate: seen.calls as f64 / elapsed.as_secs_f64(),
        p50: f64::from(percentile(&seen.nanos, 0.50)) / 1e3,
        p99: f64::from(percentile(&seen.nanos, 0.99)) / 1e3,
        client_cpu: a_call(client),
        server_cpu: a_call(server),
    })
}

async fn calls<E: Echo>(
    mut handle: E,
    task: u64,
    sampled: u64,
    phase: Arc<AtomicU8>,
) -> Result<Seen, Failure> {
    let mut seen = Seen { calls: 0, nanos: Vec::with_capacity(1 << 12) };
    for number in 0u64.. {
        let payload = payload(task, number);
        // Tasks take their samples at different calls, or every 16th batch would be slower than the others.
        let begun = (number + task).is_multiple_of(sampled).then(Instant::now);
        let reply = handle.echo(payload).await?;
        if reply != payload {
            return Err(format!("call {number} of task {task} got another call's reply: {reply:02x?}").into());
        }
        match phase.load(Ordering::Relaxed) {
            WARMING => {}
            MEASURING => {
                seen.calls += 1;
                if let Some(begun) = begun {
                    seen.nanos.push(u32::try_from(begun.elapsed().as_nanos()).unwrap_or(u32::MAX));
                }
            }
            _ => break,
        }
    }
    Ok(seen)
}

/// Different for every call of a run, in all of its bytes.
fn payload(task: u64, number: u64) -> [u8; PAYLOAD] {
    let mut payload = [0; PAYLOAD];
    let words = [task, number, !task, number.wrapping_mul(0x9E37_79B9_7F4A_7C15)];
    for (bytes, word) in payload.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    payload
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measurement_survives_the_way_from_the_client_to_the_director() {
        let measured = Measured { rate: 1.5, p50: 2.25, p99: 3.125, client_cpu: 0.1, server_cpu: 0.2 };
        assert_eq!(measured.to_string().parse::<Measured>().unwrap(), measured);
    }

    #[test]
    fn payloads_of_different_calls_differ() {
        assert_ne!(payload(1, 2), payload(2, 1));
        assert_ne!(payload(1, 2), payload(1, 3));
    }
}

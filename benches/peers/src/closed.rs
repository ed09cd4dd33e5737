//! The closed loop: one task for each call in flight, awaiting one call after the other, every reply compared with what was
//! sent.

use crate::Failure;
use crate::cells::Cell;
use crate::cli::Call;
use crate::contenders::Handle;
use crate::measured::{Measured, Seen, Watch, timed};
use crate::payload::{Request, Source};
use std::sync::Arc;
use std::time::Instant;

/// Drives one task for each of `handles`.
pub(crate) async fn run<H: Handle>(call: &Call, handles: Vec<H>) -> Result<Measured, Failure> {
    let watch = Watch::start(call)?;
    let tasks: Vec<_> = handles
        .into_iter()
        .zip(0u64..)
        .map(|(handle, task)| {
            let source = Source::new(call.cell.work, task);
            tokio::spawn(calls(handle, source, call.cell, task, watch.clone()))
        })
        .collect();
    let mut seen = Seen::new();
    for task in tasks {
        seen.add(task.await??);
    }
    Ok(seen.measured(&watch.times()?))
}

async fn calls<H: Handle>(
    mut handle: H,
    mut source: Source,
    cell: &'static Cell,
    task: u64,
    watch: Arc<Watch>,
) -> Result<Seen, Failure> {
    let mut seen = Seen::new();
    for number in 0u64.. {
        let begun = timed(cell, task, number).then(Instant::now);
        let counts = exchange(&mut handle, &mut source).await?;
        if !seen.one(&watch, begun, counts) {
            break;
        }
    }
    Ok(seen)
}

/// One call, its reply verified. True if its latency counts.
pub(crate) async fn exchange<H: Handle>(handle: &mut H, source: &mut Source) -> Result<bool, Failure> {
    let (request, counts) = source.next();
    match request {
        Request::Echo(payload) => source.check(&handle.echo(payload).await?)?,
        Request::Book(order) => source.check_order(&handle.book(order).await?)?,
        Request::Nap(payload) => source.check(&handle.nap(payload).await?)?,
        Request::Burn(payload) => source.check(&handle.burn(payload).await?)?,
    }
    Ok(counts)
}

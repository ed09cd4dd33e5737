//! How it goes: bars that are redrawn on a terminal, a line every second elsewhere.

use crate::latencies::Latencies;
use crate::load::{Failed, Load};
use crate::picture;
use crate::words::number;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, stderr};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Between two pictures, and between two lines.
const PICTURES: Duration = Duration::from_millis(250);
const LINES: Duration = Duration::from_secs(1);

/// Letters of an error that are shown.
const ERROR_MAX: usize = 76;

/// A thread of its own, which takes nothing from those that call but a processor's time.
pub(crate) struct Live {
    /// Dropped to end it.
    running: Sender<()>,
    thread: JoinHandle<()>,
}

impl Live {
    pub(crate) fn start(load: Arc<Load>, lasts: Duration) -> Live {
        let (running, ended) = channel();
        let thread = std::thread::spawn(move || {
            let bar = stderr().is_terminal().then(|| bar(lasts));
            let every = if bar.is_some() { PICTURES } else { LINES };
            let mut last = (load.start, 0);
            while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(every) {
                show(&load, bar.as_ref(), &mut last);
            }
            if let Some(bar) = bar {
                bar.finish_and_clear();
            }
        });
        Live { running, thread }
    }

    pub(crate) fn end(self) {
        drop(self.running);
        // It panics in no way that is known; if it did, the run is worth its summary all the same.
        let _ = self.thread.join();
    }
}

fn bar(lasts: Duration) -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {elapsed} of {prefix}\n{msg}");
    ProgressBar::with_draw_target(Some(lasts.as_millis() as u64), ProgressDrawTarget::stderr())
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_prefix(format!("{lasts:?}"))
}

/// `last`: when it was shown last, and how many calls had been answered by then.
fn show(load: &Load, bar: Option<&ProgressBar>, last: &mut (Instant, u64)) {
    let (now, counted) =
        (Instant::now(), Latencies::count(load.counts.iter().map(|counts| &counts.latencies)));
    let passed = now.duration_since(last.0).as_secs_f64();
    let rate = ((counted.total() - last.1) as f64 / passed) as u64;
    *last = (now, counted.total());
    let failed = load.failed();
    let failures: u64 = failed.iter().map(|failed| failed.count).sum();
    let rates = format!("{} calls/s, {} failed", number(rate), number(failures));
    let percentiles = picture::percentiles(&counted);
    let Some(bar) = bar else {
        eprintln!("{:>4.0} s: {rates}, {percentiles}", load.start.elapsed().as_secs_f64());
        return;
    };
    let mut lines = vec![rates, percentiles];
    lines.extend(picture::histogram(&counted));
    lines.extend(failed.first().map(shortened));
    bar.set_position(load.start.elapsed().as_millis() as u64);
    bar.set_message(lines.join("\n"));
}

fn shortened(failed: &Failed) -> String {
    let mut text: String = failed.first.chars().take(ERROR_MAX).collect();
    if text.len() < failed.first.len() {
        text.push_str("..");
    }
    text
}

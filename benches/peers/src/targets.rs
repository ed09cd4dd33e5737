//! What is to be reached: each target a ratio within one round, or a count.

use crate::contenders::Contender::{self, *};
use crate::results::{Figure, Place, Results};
use carnegie_bench::stats::Spread;

/// One row of the table of targets.
pub(crate) struct Target {
    pub(crate) what: &'static str,
    better: Better,
    /// What has to be reached; nothing if it is only aimed at.
    pub(crate) must: Option<f64>,
    pub(crate) aim: f64,
    figure: fn(&Results) -> Option<Spread>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Better {
    Less,
    More,
}

use Better::{Less, More};

/// What a target came to, by its median.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Aim,
    Must,
    /// Not what was aimed at; nothing had to be reached.
    BelowAim,
    Missed,
    Unmeasured,
}

impl Verdict {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Verdict::Aim => "aim reached",
            Verdict::Must => "must reached",
            Verdict::BelowAim => "aim missed",
            Verdict::Missed => "MISSED",
            Verdict::Unmeasured => "not measured",
        }
    }
}

impl Target {
    pub(crate) fn measured(&self, results: &Results) -> Option<Spread> {
        (self.figure)(results)
    }

    pub(crate) fn verdict(&self, results: &Results) -> Verdict {
        let Some(measured) = self.measured(results) else { return Verdict::Unmeasured };
        let reached = |wanted: f64| match self.better {
            Less => measured.median <= wanted,
            More => measured.median >= wanted,
        };
        match self.must {
            _ if reached(self.aim) => Verdict::Aim,
            None => Verdict::BelowAim,
            Some(must) if reached(must) => Verdict::Must,
            Some(_) => Verdict::Missed,
        }
    }

    /// As a table shows it.
    pub(crate) fn wanted(&self, value: f64) -> String {
        match self.better {
            Less => format!("≤ {value}"),
            More => format!("≥ {value}"),
        }
    }
}

const fn target(
    what: &'static str,
    better: Better,
    must: f64,
    aim: f64,
    figure: fn(&Results) -> Option<Spread>,
) -> Target {
    Target { what, better, must: Some(must), aim, figure }
}

const fn hope(
    what: &'static str,
    better: Better,
    aim: f64,
    figure: fn(&Results) -> Option<Spread>,
) -> Target {
    Target { what, better, must: None, aim, figure }
}

const RATE: Figure = |measured| measured.rate;
const P50: Figure = |measured| measured.p50;
const P99: Figure = |measured| measured.p99;
const CPU: Figure = |measured| measured.cpu();
const OTHER: Figure = |measured| measured.other;

/// The ratio of two contenders' figures in one cell.
fn over(results: &Results, cell: &'static str, who: [Contender; 2], figure: Figure) -> Option<Spread> {
    results.ratio((cell, who[0]), (cell, who[1]), figure)
}

/// The ratio of two figures of one measurement.
fn within(results: &Results, place: Place, figures: [Figure; 2]) -> Option<Spread> {
    results.ratio_of((place, figures[0]), (place, figures[1]))
}

pub(crate) static TARGETS: &[Target] = &[
    target("1 in flight: p50 over the raw tokio echo's", Less, 1.05, 1.03, |all| {
        over(all, "depth-1", [Carnegie, Echo], P50)
    }),
    hope("1 in flight: p99 over the raw tokio echo's", Less, 1.1, |all| {
        over(all, "depth-1", [Carnegie, Echo], P99)
    }),
    target("1 in flight, busy poll: p50 over the raw tokio echo's", Less, 0.25, 0.2, |all| {
        over(all, "depth-1", [Busy, Echo], P50)
    }),
    target("64 in flight: rate over tarpc's", More, 2.5, 3.0, |all| {
        over(all, "base", [Carnegie, Tarpc], RATE)
    }),
    target("64 in flight, busy poll: rate over tarpc's", More, 7.0, 8.0, |all| {
        over(all, "base", [Busy, Tarpc], RATE)
    }),
    target("512 in flight: rate over tarpc's", More, 2.7, 3.0, |all| {
        over(all, "depth-512", [Carnegie, Tarpc], RATE)
    }),
    target("512 in flight: CPU a call over tarpc's", Less, 0.25, 0.2, |all| {
        over(all, "depth-512", [Carnegie, Tarpc], CPU)
    }),
    target("512 in flight: CPU a call over tonic's", Less, 0.05, 0.04, |all| {
        over(all, "depth-512", [Carnegie, Tonic], CPU)
    }),
    target("two workers a side, 1 x 64: rate over tarpc's", More, 2.0, 2.5, |all| {
        over(all, "unpinned-1", [Carnegie, Tarpc], RATE)
    }),
    target("two workers a side, 8 x 64: rate over tarpc's", More, 2.0, 2.5, |all| {
        over(all, "unpinned-8", [Carnegie, Tarpc], RATE)
    }),
    target("4 KiB x 16: rate over tarpc's", More, 1.2, 1.5, |all| over(all, "4k", [Carnegie, Tarpc], RATE)),
    target("4 KiB x 16, busy poll: rate over tarpc's", More, 1.7, 2.0, |all| {
        over(all, "4k", [Busy, Tarpc], RATE)
    }),
    target("64 KiB x 16: rate over the framed loop's", More, 0.95, 1.0, |all| {
        over(all, "64k", [Carnegie, Framed], RATE)
    }),
    target("64 KiB x 16: rate over the framed loop's without CRC", More, 0.75, 0.9, |all| {
        over(all, "64k", [Carnegie, FramedUnchecked], RATE)
    }),
    target("1 MiB x 4: rate over the framed loop's", More, 0.95, 1.0, |all| {
        over(all, "1m", [Carnegie, Framed], RATE)
    }),
    target("1 MiB x 4: rate over the framed loop's without CRC", More, 0.75, 0.9, |all| {
        over(all, "1m", [Carnegie, FramedUnchecked], RATE)
    }),
    target("64 KiB x 16: the framed loop without CRC over a plain copy", More, 0.9, 1.0, |all| {
        over(all, "64k", [FramedUnchecked, Copy], RATE)
    }),
    target("1 MiB x 4: the framed loop without CRC over a plain copy", More, 0.9, 1.0, |all| {
        over(all, "1m", [FramedUnchecked, Copy], RATE)
    }),
    target("p99 of 32 B calls beside 1 MiB calls, over alone", Less, 4.0, 3.0, |all| {
        all.ratio(("beside", Carnegie), ("alone", Carnegie), P99)
    }),
    hope("the 1 MiB calls' rate beside them, over alone", More, 0.9, |all| {
        all.ratio_of((("beside", Carnegie), OTHER), (("1m", Carnegie), RATE))
    }),
    target("open loop at 50 % of capacity: p99 over p50", Less, 4.0, 3.0, |all| {
        within(all, ("open-50", Carnegie), [P99, P50])
    }),
    target("at most once over idempotent: rate", More, 0.97, 0.98, |all| {
        within(all, ("once", Carnegie), [RATE, OTHER])
    }),
    target("a deadline of 10 s over one of an hour: rate", More, 0.99, 0.995, |all| {
        within(all, ("deadline", Carnegie), [RATE, OTHER])
    }),
    target("system calls a call, both sides, 1 in flight", Less, 7.0, 6.2, |all| {
        all.system_calls(1, Carnegie)
    }),
    target("system calls a call, both sides, 64 in flight", Less, 0.25, 0.2, |all| {
        all.system_calls(64, Carnegie)
    }),
    target("system calls a call, both sides, 512 in flight", Less, 0.06, 0.05, |all| {
        all.system_calls(512, Carnegie)
    }),
];

/// Whether nothing that had to be reached was missed. What was not measured counts as missed, unless only a part was asked for.
pub(crate) fn hold(results: &Results, in_part: bool) -> bool {
    TARGETS.iter().all(|target| match target.verdict(results) {
        Verdict::Missed => false,
        Verdict::Unmeasured => in_part,
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measured::Measured;
    use crate::results::{Row, SystemCalls};

    fn base(contender: Contender, rate: f64) -> Row {
        let measured = Measured { rate, ..Measured::default() };
        Row { round: 0, cell: "base".parse().unwrap(), contender, rate: 0.0, measured, stolen: 0.0 }
    }

    fn results(rate: f64) -> Results {
        Results { rows: vec![base(Tarpc, 1.0), base(Carnegie, rate)], ..Results::default() }
    }

    fn verdict(what: &str, results: &Results) -> Verdict {
        TARGETS.iter().find(|target| target.what == what).unwrap().verdict(results)
    }

    #[test]
    fn a_rate_is_judged_by_must_and_aim() {
        let verdict = |rate: f64| verdict("64 in flight: rate over tarpc's", &results(rate));
        assert_eq!(
            [3.0, 2.9, 2.5, 2.4].map(verdict),
            [Verdict::Aim, Verdict::Must, Verdict::Must, Verdict::Missed]
        );
    }

    #[test]
    fn a_count_is_judged_the_other_way_round() {
        let verdict = |client: f64| {
            let counted = SystemCalls { round: 0, in_flight: 1, contender: Carnegie, client, server: 3.0 };
            let results = Results { system_calls: vec![counted], ..Results::default() };
            verdict("system calls a call, both sides, 1 in flight", &results)
        };
        assert_eq!([3.1, 3.9, 4.1].map(verdict), [Verdict::Aim, Verdict::Must, Verdict::Missed]);
    }

    #[test]
    fn what_was_not_measured_is_missed_unless_only_a_part_was_asked_for() {
        assert!(hold(&results(3.0), true));
        assert!(!hold(&results(3.0), false));
        assert!(!hold(&results(2.0), true));
    }
}

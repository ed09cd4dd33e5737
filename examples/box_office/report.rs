//! The summary, for people.

use crate::Plan;
use crate::answer::{Answer, Execution, Outcome};
use crate::counts::Counts;
use crate::judge::Verdict;
use crate::orders::Orders;
use crate::run::Sale;
use carnegie::testing::{self, Fault};
use std::collections::BTreeMap;
use std::time::Duration;

/// Of more faults than this, the rest is counted.
const FAULTS_SHOWN: usize = 20;

/// Kinds of faults of the line on one line of text.
const FAULTS_A_LINE: usize = 5;

/// The same where they are expected.
const EXPECTED_SHOWN: usize = 4;

pub(crate) struct Summary<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) orders: &'a Orders,
    pub(crate) sale: &'a Sale,
    pub(crate) verdict: &'a Verdict,
}

impl Summary<'_> {
    /// The judge found no fault, and on a line with faults every order was served too.
    pub(crate) fn is_good(&self) -> bool {
        self.verdict.faults.is_empty() && (!self.plan.faulty() || self.unserved() == 0)
    }

    fn unserved(&self) -> usize {
        let failed = |answer: &&Answer| matches!(answer.outcome, Outcome::Failed { .. });
        self.sale.answers.iter().filter(failed).count()
    }
}

pub(crate) fn print(summary: &Summary<'_>) {
    malformed(summary);
    seats(summary);
    speed(summary);
    failures(&summary.sale.answers);
    if let Some(of_line) = &summary.sale.faults {
        faults(summary, of_line);
    }
    match summary.plan.without_dedup {
        false => verdict(summary.verdict, FAULTS_SHOWN),
        true => {
            verdict(summary.verdict, EXPECTED_SHOWN);
            explanation(summary.verdict);
        }
    }
}

fn malformed(Summary { orders, plan, .. }: &Summary<'_>) {
    let (good, malformed) = (orders.good.len(), &orders.malformed);
    println!("{}: {good} orders, {} malformed lines", plan.orders.display(), malformed.len());
    for line in malformed {
        println!("  line {}: {}", line.line, line.reason);
    }
}

fn seats(Summary { sale, verdict, .. }: &Summary<'_>) {
    println!("\n{:<14}{:>7}{:>7}{:>7}{:>10}", "section", "seats", "sold", "free", "sold out");
    let mut total = [0; 4];
    for (section, free) in &sale.free {
        let of = |counts: &BTreeMap<String, u32>| counts.get(section.name()).copied().unwrap_or_default();
        let row = [section.seats(), of(&verdict.sold), *free, of(&verdict.sold_out)];
        println!("{section:<14}{:>7}{:>7}{:>7}{:>10}", row[0], row[1], row[2], row[3]);
        total.iter_mut().zip(row).for_each(|(total, count)| *total += count);
    }
    println!("{:<14}{:>7}{:>7}{:>7}{:>10}\n", "total", total[0], total[1], total[2], total[3]);
}

fn speed(Summary { sale: Sale { answers, took, .. }, plan, .. }: &Summary<'_>) {
    let mut micros: Vec<u64> = answers.iter().map(|answer| answer.micros).collect();
    micros.sort_unstable();
    println!(
        "{} orders in {:.2} s: {:.0} a second, p50 {}, p99 {} ({} clients with {} calls in flight each)",
        answers.len(),
        took.as_secs_f64(),
        answers.len() as f64 / took.as_secs_f64(),
        percentile(&micros, 50),
        percentile(&micros, 99),
        plan.clients,
        plan.in_flight,
    );
}

/// The least duration that so many in a hundred calls do not exceed.
fn percentile(sorted: &[u64], percent: usize) -> String {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    let micros = sorted.get(rank - 1).copied().unwrap_or_default();
    format!("{:.1?}", Duration::from_micros(micros))
}

fn failures(answers: &[Answer]) {
    let mut kinds: BTreeMap<(&str, Execution), (usize, &str)> = BTreeMap::new();
    for answer in answers {
        if let Outcome::Failed { execution, kind, message } = &answer.outcome {
            kinds.entry((kind, *execution)).or_insert((0, message)).0 += 1;
        }
    }
    if kinds.is_empty() {
        println!("no order failed");
    }
    for ((kind, execution), (count, example)) in kinds {
        println!("{count} orders failed: {kind}, {execution}; the first: {example}");
    }
}

/// What was done to the connections, and what the framework did about it.
fn faults(Summary { sale, plan, .. }: &Summary<'_>, of_line: &testing::Counts) {
    println!("\n{} faults on {} connections (seed {}):", of_line.faults(), of_line.connections(), plan.seed);
    let kinds: Vec<String> =
        Fault::ALL.iter().map(|fault| format!("{} {fault}", of_line.of(*fault))).collect();
    for line in kinds.chunks(FAULTS_A_LINE) {
        println!("  {}", line.join(", "));
    }
    let Counts { calls, resumed, retried, replayed, attached, unknown, resolved, asked_again } = sale.clients;
    let office = &sale.office;
    println!("{:<10}{:>10}{:>10}", "", "clients", "office");
    for (what, clients, office) in [
        ("calls", calls, Some(office.calls)),
        ("resumed", resumed, Some(office.resumed)),
        ("replayed", replayed, Some(office.replayed)),
        ("attached", attached, Some(office.attached)),
        ("retried", retried, None),
        ("unknown", unknown, None),
        ("resolved", resolved, None),
    ] {
        let office = office.map_or(String::new(), |count| format!("{count:>10}"));
        println!("{what:<10}{clients:>10}{office}");
    }
    let why = match plan.without_dedup {
        false => "that were certainly not executed were made again, which is safe",
        true => "that had failed were made again, since the trait says that this does no harm",
    };
    println!("{asked_again} calls {why}\n");
}

fn verdict(verdict: &Verdict, shown: usize) {
    let sold: u32 = verdict.sold.values().sum();
    if verdict.faults.is_empty() {
        println!(
            "the judge: {} executions and {sold} seats in the journal, no order twice, no seat twice, \
             every answer true",
            verdict.executions
        );
        return;
    }
    println!("the judge: CONDEMNED for {} faults", verdict.faults.len());
    for fault in verdict.faults.iter().take(shown) {
        println!("  {fault}");
    }
    if verdict.faults.len() > shown {
        println!("  and {} more", verdict.faults.len() - shown);
    }
}

/// Why a run without deduplication is condemned.
fn explanation(verdict: &Verdict) {
    if verdict.faults.is_empty() {
        return println!("--without-dedup: by chance no sale ran twice; another seed will show it");
    }
    println!(
        "--without-dedup: as it must be. This run's trait calls `sell` idempotent, so a sale whose answer was lost was sent\n\
         again and run again. `--faults` is the same at most once, the default: there the office answers it from its cache."
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_call_that_was_measured() {
        let hundred: Vec<u64> = (1..=100).map(|n| n * 10).collect();
        assert_eq!(percentile(&hundred, 50), "500.0µs");
        assert_eq!(percentile(&hundred, 99), "990.0µs");
        assert_eq!(percentile(&[7], 99), "7.0µs");
        assert_eq!(percentile(&[], 50), "0.0ns");
    }
}

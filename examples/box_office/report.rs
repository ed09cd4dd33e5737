//! The summary, for people.

use crate::Plan;
use crate::answer::{Answer, Execution, Outcome};
use crate::judge::Verdict;
use crate::orders::Orders;
use crate::service::Section;
use std::collections::BTreeMap;
use std::time::Duration;

/// Of more faults than this, the rest is counted.
const FAULTS_SHOWN: usize = 20;

pub(crate) struct Summary<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) orders: &'a Orders,
    pub(crate) answers: &'a [Answer],
    pub(crate) took: Duration,
    pub(crate) free: Vec<(Section, u32)>,
    pub(crate) verdict: &'a Verdict,
}

pub(crate) fn print(summary: &Summary<'_>) {
    malformed(summary);
    seats(summary);
    speed(summary);
    failures(summary.answers);
    verdict(summary.verdict);
}

fn malformed(Summary { orders, plan, .. }: &Summary<'_>) {
    let (good, malformed) = (orders.good.len(), &orders.malformed);
    println!("{}: {good} orders, {} malformed lines", plan.orders.display(), malformed.len());
    for line in malformed {
        println!("  line {}: {}", line.line, line.reason);
    }
}

fn seats(Summary { free, verdict, .. }: &Summary<'_>) {
    println!("\n{:<14}{:>7}{:>7}{:>7}{:>10}", "section", "seats", "sold", "free", "sold out");
    let mut total = [0; 4];
    for (section, free) in free {
        let of = |counts: &BTreeMap<String, u32>| counts.get(section.name()).copied().unwrap_or_default();
        let row = [section.seats(), of(&verdict.sold), *free, of(&verdict.sold_out)];
        println!("{section:<14}{:>7}{:>7}{:>7}{:>10}", row[0], row[1], row[2], row[3]);
        total.iter_mut().zip(row).for_each(|(total, count)| *total += count);
    }
    println!("{:<14}{:>7}{:>7}{:>7}{:>10}\n", "total", total[0], total[1], total[2], total[3]);
}

fn speed(Summary { answers, took, plan, .. }: &Summary<'_>) {
    let mut micros: Vec<u64> = answers.iter().map(|answer| answer.micros).collect();
    micros.sort_unstable();
    println!(
        "{} calls in {:.2} s: {:.0} a second, p50 {}, p99 {} ({} clients with {} calls in flight each)",
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
        println!("no call failed");
    }
    for ((kind, execution), (count, example)) in kinds {
        println!("{count} calls failed: {kind}, {execution}; the first: {example}");
    }
}

fn verdict(verdict: &Verdict) {
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
    for fault in verdict.faults.iter().take(FAULTS_SHOWN) {
        println!("  {fault}");
    }
    if verdict.faults.len() > FAULTS_SHOWN {
        println!("  and {} more", verdict.faults.len() - FAULTS_SHOWN);
    }
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

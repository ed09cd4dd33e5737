//! The report, for people.

use crate::Plan;
use crate::gathering::{Gathered, Kind};
use crate::judge::{Fault, Verdict};
use crate::linearizable::Findings;
use crate::tally::Tally;
use crate::trouble::Troubles;
use carnegie::testing::Counts;
use std::sync::Arc;
use std::time::Duration;

/// Of more faults than this, the rest is counted; and of a history that no store gives, the end is shown.
const FAULTS_SHOWN: usize = 10;
const OPERATIONS_SHOWN: usize = 12;

pub(crate) struct Report<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) took: Duration,
    pub(crate) troubles: Arc<Troubles>,
    pub(crate) faults: Counts,
    pub(crate) gathered: Gathered,
    pub(crate) verdict: Verdict,
    pub(crate) findings: Findings,
}

impl Report<'_> {
    /// Nothing was lost, nothing done twice, nothing said that is not true.
    pub(crate) fn is_good(&self) -> bool {
        self.verdict.faults.is_empty() && self.findings.condemned.is_empty()
    }

    pub(crate) fn print(&self) {
        let Report { plan, took, troubles, faults, gathered, .. } = self;
        println!("{:.0} s, seed {}\n", took.as_secs_f64(), plan.seed);
        println!("servers   {troubles}");
        println!("lines     {faults}\n");
        let (buyers, keepers) = (gathered.tally(Kind::Buyer), gathered.tally(Kind::Keeper));
        println!("{:<34}{:>12}{:>12}", "", "offices", "store");
        let row = |what: &str, of: &dyn Fn(&Tally) -> u64| {
            println!("{what:<34}{:>12}{:>12}", of(&buyers), of(&keepers));
        };
        row("orders, operations", &|tally| tally.wanted);
        row("calls", &|tally| tally.calls);
        row("  acknowledged", &|tally| tally.acknowledged);
        row("  not executed, said at once", &|tally| tally.not_executed);
        row("  unknown", &|tally| tally.unknown);
        row("    resolved: executed", &|tally| tally.resolved_executed);
        row("    resolved: not executed", &|tally| tally.resolved_not_executed);
        row("    unknown for good", &|tally| tally.unknown_for_good);
        let rate = |tally: &Tally| tally.acknowledged as f64 / took.as_secs_f64();
        println!("{:<34}{:>12.0}{:>12.0}", "acknowledged a second", rate(&buyers), rate(&keepers));
        let wait =
            |tally: &Tally| format!("{:.1} s", Duration::from_micros(tally.longest_micros).as_secs_f64());
        println!("{:<34}{:>12}{:>12}\n", "longest wait", wait(&buyers), wait(&keepers));
        self.judge();
        self.checker();
    }

    fn judge(&self) {
        let faults = &self.verdict.faults;
        let lost = |fault: &&Fault| matches!(fault, Fault::Absent { .. });
        let doubled = |fault: &&Fault| {
            matches!(fault, Fault::OrderTwice { .. } | Fault::SeatTwice { .. } | Fault::RequestTwice { .. })
        };
        let (lost, doubled) = (faults.iter().filter(lost).count(), faults.iter().filter(doubled).count());
        println!(
            "the judge: {} executions in the journals, {lost} acknowledged ones lost, {doubled} doubled, {} other faults",
            self.verdict.executions,
            faults.len() - lost - doubled,
        );
        if faults.is_empty() {
            return;
        }
        println!("CONDEMNED for {} faults", faults.len());
        faults.iter().take(FAULTS_SHOWN).for_each(|fault| println!("  {fault}"));
        if faults.len() > FAULTS_SHOWN {
            println!("  and {} more", faults.len() - FAULTS_SHOWN);
        }
    }

    fn checker(&self) {
        let Findings { keys, operations, open, condemned, .. } = &self.findings;
        println!(
            "the checker: {operations} operations of the store, {open} of them without a known end, in {keys} histories, \
             {} of which are not linearizable",
            condemned.len(),
        );
        let Some(history) = condemned.first() else { return };
        println!(
            "CONDEMNED: no order of these calls gives the last answer, here the end of {} calls:",
            history.len()
        );
        let mut end: Vec<_> = history.iter().collect();
        end.sort_by_key(|operation| (operation.ended.is_some(), operation.ended, operation.called));
        let shown = end.len().saturating_sub(OPERATIONS_SHOWN);
        end[shown..].iter().for_each(|operation| println!("  {operation}"));
    }
}

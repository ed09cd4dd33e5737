//! Calls whose caller was told that they were not executed and never will be, against the journals.

use crate::judge::Fault;
use std::collections::BTreeMap;

/// `request` is what the journal calls the call that was made for `order`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Never {
    pub(crate) order: u64,
    pub(crate) request: String,
}

/// Those that were executed all the same. The judge looks at orders, which are asked for again; this looks at each call.
pub(crate) fn executed(never: &[Never], journal: &[u8]) -> Vec<Fault> {
    let never: BTreeMap<&str, u64> =
        never.iter().map(|never| (never.request.as_str(), never.order)).collect();
    let lines = String::from_utf8_lossy(journal);
    let faults = (1..).zip(lines.lines()).filter_map(|(line, text)| {
        let order = *never.get(text.split(',').nth(1)?)?;
        Some(Fault::ExecutedAfterAll { order, line })
    });
    faults.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_was_said_to_be_not_executed_and_is_in_the_journal_is_condemned() {
        let journal = b"a,s-0-1,7,Parquet,1\na,s-0-2,7,Parquet,2\n";
        let never = |request: &str| [Never { order: 7, request: request.into() }];
        assert_eq!(executed(&never("s-0-3"), journal), []);
        assert_eq!(executed(&never("s-0-2"), journal), [Fault::ExecutedAfterAll { order: 7, line: 2 }]);
    }
}

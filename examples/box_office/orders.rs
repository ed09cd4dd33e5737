//! The list of orders: `order,section,holder`, one a line, names with commas or quotes in them quoted.

use crate::service::Section;
use std::collections::BTreeMap;
use std::path::Path;

/// The first line of the file.
const HEADER: &str = "order,section,holder";

/// One person wants one seat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) number: u64,
    pub(crate) section: Section,
    pub(crate) holder: String,
}

/// A line that is no order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    pub(crate) line: usize,
    pub(crate) reason: String,
}

/// What the file holds.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    pub(crate) good: Vec<Order>,
    pub(crate) malformed: Vec<Malformed>,
}

/// Reads all of the file; a malformed line is noted and skipped.
pub(crate) fn read(path: &Path) -> Result<Orders, String> {
    let shown = path.display();
    let bytes = std::fs::read(path).map_err(|e| {
        format!(
            "cannot read the orders from {shown}: {e} (run from the repository, or name a file by --orders)"
        )
    })?;
    parse(&bytes).map_err(|e| format!("{shown}: {e}"))
}

fn parse(bytes: &[u8]) -> Result<Orders, String> {
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let mut lines = text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let header = lines.next().unwrap_or_default();
    if header != HEADER.as_bytes() {
        let found = String::from_utf8_lossy(header);
        return Err(format!("the first line is to be `{HEADER}`, but is `{}`", found.escape_debug()));
    }
    let mut orders = Orders::default();
    let mut first = BTreeMap::new();
    for (line, text) in (2..).zip(lines) {
        let order = order(text).and_then(|order| match first.get(&order.number) {
            Some(earlier) => Err(format!("order {} was on line {earlier} already", order.number)),
            None => Ok(order),
        });
        match order {
            Ok(order) => {
                first.insert(order.number, line);
                orders.good.push(order);
            }
            Err(reason) => orders.malformed.push(Malformed { line, reason }),
        }
    }
    Ok(orders)
}

fn order(line: &[u8]) -> Result<Order, String> {
    let line = std::str::from_utf8(line)
        .map_err(|e| format!("byte {} is not UTF-8: {:#04x}", e.valid_up_to() + 1, line[e.valid_up_to()]))?;
    if line.trim().is_empty() {
        return Err("the line is empty".into());
    }
    let fields = fields(line)?;
    let [number, section, holder] = fields.as_slice() else {
        let plural = if fields.len() == 1 { "" } else { "s" };
        return Err(format!("{} field{plural} instead of 3 ({HEADER})", fields.len()));
    };
    let number = number.parse().map_err(|e| format!("the order number `{number}` is none: {e}"))?;
    let section = Section::ALL.into_iter().find(|known| known.name() == section).ok_or_else(|| {
        format!("no section `{section}` in this hall ({})", Section::ALL.map(Section::name).join(", "))
    })?;
    let holder = holder.trim();
    if holder.is_empty() {
        return Err("the holder's name is empty".into());
    }
    Ok(Order { number, section, holder: holder.to_owned() })
}

/// Splits a line at its commas; between quotes a comma is a comma, and two quotes are one.
///
/// A line at a time, so that a quote that is never closed spoils its own line and no other.
fn fields(line: &str) -> Result<Vec<String>, String> {
    let mut fields = vec![String::new()];
    let mut rest = line.chars().peekable();
    let mut quoted = false;
    while let Some(c) = rest.next() {
        let field = fields.last_mut().expect("it begins with one field");
        match c {
            '"' if quoted && rest.next_if_eq(&'"').is_some() => field.push('"'),
            '"' if quoted => {
                quoted = false;
                if rest.peek().is_some_and(|c| *c != ',') {
                    return Err("text follows a closing quote".into());
                }
            }
            '"' if field.is_empty() => quoted = true,
            ',' if !quoted => fields.push(String::new()),
            _ => field.push(c),
        }
    }
    if quoted { Err("a quote is not closed".into()) } else { Ok(fields) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons(lines: &str) -> Vec<(usize, String)> {
        let orders = parse(format!("{HEADER}\n{lines}").as_bytes()).unwrap();
        orders.malformed.into_iter().map(|m| (m.line, m.reason)).collect()
    }

    #[test]
    fn an_order_is_read_with_its_quotes_and_accents() {
        let orders =
            parse(b"order,section,holder\r\n7,First Tier,\"Nn \xC3\x85 \"\"Duke\"\", Jr.\"\r\n").unwrap();
        let holder = "Nn Å \"Duke\", Jr.".to_owned();
        assert_eq!(orders.good, [Order { number: 7, section: Section::FirstTier, holder }]);
        assert_eq!(orders.malformed, []);
    }

    #[test]
    fn every_malformed_line_is_named_with_its_reason_and_the_others_are_read() {
        let all = "1,Balcony\n\n2,Orchestra,Ada\n3,Balcony, \nx,Balcony,Ada\n4,Balcony,\"Ada\n5,Balcony,\"A\"da\n\
                   6,Balcony,Ada\n6,Parquet,Bob";
        let expected = [
            (2, "2 fields instead of 3 (order,section,holder)"),
            (3, "the line is empty"),
            (
                4,
                "no section `Orchestra` in this hall (Parquet, First Tier, Second Tier, Dress Circle, Balcony)",
            ),
            (5, "the holder's name is empty"),
            (6, "the order number `x` is none: invalid digit found in string"),
            (7, "a quote is not closed"),
            (8, "text follows a closing quote"),
            (10, "order 6 was on line 9 already"),
        ];
        assert_eq!(reasons(all), expected.map(|(line, reason)| (line, reason.to_owned())));
    }

    #[test]
    fn a_line_that_is_not_utf8_is_malformed_alone() {
        let orders = parse(b"order,section,holder\n1,Balcony,J\xF6rg\n2,Balcony,Ada\n").unwrap();
        assert_eq!(orders.malformed, [Malformed { line: 2, reason: "byte 12 is not UTF-8: 0xf6".into() }]);
        assert_eq!(orders.good.len(), 1);
    }

    #[test]
    fn another_file_is_refused_by_its_first_line() {
        assert!(parse(b"").unwrap_err().contains("is to be `order,section,holder`, but is ``"));
        assert!(parse(b"name\n").unwrap_err().ends_with("but is `name`"));
    }

    #[test]
    fn the_list_that_comes_with_the_example_asks_for_more_seats_than_there_are() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/orders.csv");
        let orders = read(&path).unwrap();
        assert_eq!((orders.good.len(), orders.malformed.len()), (9980, 25));
        assert_eq!(Section::ALL.map(Section::seats).iter().sum::<u32>(), 2790);
    }
}

//! Numbers and times, in words for people.

use std::time::Duration;

/// `1,234,567`
pub(crate) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `62.9 µs`
pub(crate) fn time(time: Duration) -> String {
    let nanos = time.as_nanos() as f64;
    let (value, unit) = match nanos {
        ..1e3 => (nanos, "ns"),
        ..1e6 => (nanos / 1e3, "µs"),
        ..1e9 => (nanos / 1e6, "ms"),
        _ => (nanos / 1e9, "s"),
    };
    let digits = match value {
        _ if value.fract() == 0.0 => 0,
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {unit}")
}

/// `one call`, `2 calls`
pub(crate) fn counted(count: u64, word: &str) -> String {
    match count {
        1 => format!("one {word}"),
        _ => format!("{} {word}s", number(count)),
    }
}

/// Reads `10s`, `1.5s`, `500ms`, `100us`, `2m`, or seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (value, unit) = text.split_at(digits);
    let unit = match unit.trim() {
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "s" | "" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        other => return Err(format!("the unit `{other}` is none of us, ms, s, m, h")),
    };
    let value: f64 = value.parse().map_err(|_| "a time is written as in 10s, 500ms or 100us".to_owned())?;
    Duration::try_from_secs_f64(value * unit).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_unit() {
        for (text, micros) in
            [("10s", 10_000_000), ("1.5", 1_500_000), ("500ms", 500_000), ("100us", 100), ("2m", 120_000_000)]
        {
            assert_eq!(duration(text), Ok(Duration::from_micros(micros)), "{text}");
        }
        assert!(
            ["", "s", "1x", "1.2.3s", "-1s", "9999999999999999999999s"]
                .iter()
                .all(|text| duration(text).is_err())
        );
    }

    #[test]
    fn times_and_numbers_are_shown_short() {
        assert_eq!(
            [0, 999, 62_940, 1_234_567, 2_000_000_000].map(|nanos| time(Duration::from_nanos(nanos))),
            ["0 ns", "999 ns", "62.9 µs", "1.23 ms", "2 s"]
        );
        assert_eq!([7, 1000, 1_234_567].map(number), ["7", "1,000", "1,234,567"]);
    }
}

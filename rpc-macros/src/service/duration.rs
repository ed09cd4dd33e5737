//! `"250ms"`: durations in attributes.

use std::time::Duration;

/// A timer cannot be trusted below this.
const MIN: Duration = Duration::from_micros(1);
/// A call that may take longer than a day is not a call.
const MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Reads a whole number and a unit, from `"1us"` to `"24h"`; otherwise says what is wrong.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let micros_per_unit = match unit {
        "us" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        _ => 0_u64,
    };
    if number.is_empty() || micros_per_unit == 0 {
        return Err(format!(
            "`{text}` is not a duration; write a whole number and a unit, such as \"100us\", \"250ms\", \"2s\", \"1m\" or \"1h\""
        ));
    }
    // A number that does not fit is a number that is too large, which is what the limit says.
    let micros = number.parse::<u64>().unwrap_or(u64::MAX).saturating_mul(micros_per_unit);
    let duration = Duration::from_micros(micros);
    if duration < MIN {
        return Err(
            "a timeout of zero would fail every call before it starts; the least is \"1us\"".to_owned()
        );
    }
    if duration > MAX {
        return Err(format!("`{text}` is too long for a call; the most is \"24h\""));
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read() {
        assert_eq!(parse("100us"), Ok(Duration::from_micros(100)));
        assert_eq!(parse("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse("2s"), Ok(Duration::from_secs(2)));
        assert_eq!(parse("1m"), Ok(Duration::from_secs(60)));
        assert_eq!(parse("24h"), Ok(MAX));
    }

    #[test]
    fn what_is_no_whole_number_and_unit_is_refused() {
        for text in ["", "2", "s", "2 s", "-2s", "1.5s", "2sec", "1h30m", "٢s"] {
            let said = parse(text).expect_err(text);
            assert!(said.contains("is not a duration"), "{text}: {said}");
        }
    }

    #[test]
    fn zero_and_more_than_a_day_are_refused() {
        assert!(parse("0s").is_err_and(|said| said.contains("zero")));
        for text in ["25h", "86401s", "99999999999999999999999h"] {
            assert!(parse(text).is_err_and(|said| said.contains("the most")), "{text}");
        }
    }
}

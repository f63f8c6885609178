//! Spans of time as people type them: `90`, `90s`, `500ms`, `5m`, `1h30m`, `2d`.

use std::time::Duration;

/// Longest: ten years, so that nothing overflows that is added to a clock.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 86_400);

/// Parses a span; a number alone counts seconds. Fits `#[arg(value_parser = host_sdk::duration::parse)]`.
pub fn parse(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let wrong = || format!("`{text}` is no span of time; write 90, 90s, 500ms, 5m, 1h30m or 2d");
    let mut rest = text;
    let mut total = Duration::ZERO;
    loop {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let unit_end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, following) = after.split_at(unit_end);
        let milliseconds = match unit {
            // A number alone, not one that follows a unit: `1h30` could be minutes.
            "" if rest.len() == text.len() => 1_000,
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong()),
        };
        let span = number.checked_mul(milliseconds).map(Duration::from_millis).filter(|span| *span <= LONGEST);
        total = span
            .and_then(|span| total.checked_add(span))
            .filter(|total| *total <= LONGEST)
            .ok_or_else(|| format!("`{text}` is too long"))?;
        if following.is_empty() {
            return Ok(total);
        }
        rest = following;
    }
}

/// As [`parse`] reads it, and as messages say it: `1h 30m`, `90ms`, `0s`.
pub fn words(span: Duration) -> String {
    let milliseconds = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let parts = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];
    let mut rest = milliseconds;
    let mut said: Vec<String> = Vec::new();
    for (size, unit) in parts {
        if rest >= size {
            said.push(format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    if said.is_empty() { "0s".to_owned() } else { said.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_with_and_without_units() {
        let table =
            [("90", 90_000), ("90s", 90_000), ("500ms", 500), ("5m", 300_000), ("1h30m", 5_400_000), ("2d", 172_800_000), (" 0 ", 0)];
        for (text, milliseconds) in table {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "s", "-1", "1.5s", "1h30", "5 m", "9x", "99999999999999999999", "5000d", "٣s"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn spans_are_said_in_their_units() {
        let table = [(0, "0s"), (90, "90ms"), (90_000, "1m 30s"), (5_400_000, "1h 30m")];
        for (milliseconds, text) in table {
            assert_eq!(words(Duration::from_millis(milliseconds)), text);
        }
    }
}

//! Sizes and durations, and how Go prints the latter.

/// `512`, `512m`, `1.5gb`, `64MiB`: bytes, of 1024 each step.
pub(crate) fn bytes(text: &str) -> Option<i64> {
    if let Ok(plain) = text.parse::<i64>() {
        return Some(plain);
    }
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
    let (number, unit) = text.split_at(end);
    let unit = unit.trim_start().to_ascii_lowercase();
    let letter = unit.chars().next()?;
    let power = match (letter, unit.get(1..)?) {
        ('b', "") => 0,
        (letter @ ('k' | 'm' | 'g' | 't' | 'p'), "" | "b" | "ib") => 1 + i32::try_from("kmgtp".find(letter)?).ok()?,
        _ => return None,
    };
    let value = number.parse::<f64>().ok()? * 1024_f64.powi(power);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "checked against what fits; a fraction of a byte is cut off, as Compose does"
    )]
    (value.is_finite() && value < i64::MAX as f64).then_some(value as i64)
}

/// Nanoseconds of each unit; the longer names first, so that `ms` is not taken for `m`.
const UNITS: [(&str, i64); 9] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60 * 1_000_000_000),
    ("h", 3_600 * 1_000_000_000),
    ("d", 86_400 * 1_000_000_000),
    ("w", 604_800 * 1_000_000_000),
];

/// `1h30m`, `1.5s`, `2w3d`: nanoseconds. A number needs a unit, but for 0.
pub(crate) fn duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (number, after) = rest.split_at(end);
        let (unit, nanoseconds) = UNITS.iter().find(|(unit, _)| after.starts_with(unit))?;
        rest = after.get(unit.len()..)?;
        total = total.checked_add(part(number, *nanoseconds)?)?;
    }
    Some(if negative { -total } else { total })
}

fn part(number: &str, unit: i64) -> Option<i64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole = if whole.is_empty() { 0 } else { whole.parse::<i64>().ok()? };
    let mut value = whole.checked_mul(unit)?;
    let mut step = unit;
    for digit in fraction.chars() {
        step /= 10;
        value = value.checked_add(i64::from(digit.to_digit(10)?).checked_mul(step)?)?;
    }
    Some(value)
}

/// As Go prints a duration: `1m30s`, `1.5s`, `200ms`, `0s`.
pub(crate) fn printed(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let size = nanoseconds.unsigned_abs();
    let small = |unit: u64, name: &str| format!("{sign}{}{name}", fraction(size, unit));
    match size {
        0 => "0s".to_owned(),
        1..1_000 => format!("{sign}{size}ns"),
        1_000..1_000_000 => small(1_000, "µs"),
        1_000_000..1_000_000_000 => small(1_000_000, "ms"),
        _ => {
            let minutes = size / 60_000_000_000;
            let seconds = fraction(size % 60_000_000_000, 1_000_000_000);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{sign}{seconds}s"),
                (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
                (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
            }
        }
    }
}

/// `value / unit` with the digits it needs.
fn fraction(value: u64, unit: u64) -> String {
    let whole = value / unit;
    let digits = unit.ilog10() as usize;
    let rest = format!("{:0digits$}", value % unit);
    let rest = rest.trim_end_matches('0');
    if rest.is_empty() { whole.to_string() } else { format!("{whole}.{rest}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_count_in_1024() {
        for (text, expected) in [
            ("64", 64),
            ("64b", 64),
            ("64k", 65_536),
            ("2g", 2 << 30),
            ("1.5GB", 3 << 29),
            ("64MiB", 64 << 20),
            ("-1", -1),
            ("1 g", 1 << 30),
        ] {
            assert_eq!(bytes(text), Some(expected), "{text}");
        }
        for text in ["", "g", "64x", "64mx", "1.2.3g", "99999999p"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }

    #[test]
    fn durations_are_read_and_printed_as_go_does() {
        for (text, nanoseconds, shown) in [
            ("30s", 30_000_000_000, "30s"),
            ("1m30s", 90_000_000_000, "1m30s"),
            ("1.5s", 1_500_000_000, "1.5s"),
            ("1h", 3_600_000_000_000, "1h0m0s"),
            ("1d", 86_400_000_000_000, "24h0m0s"),
            ("200ms", 200_000_000, "200ms"),
            ("1500us", 1_500_000, "1.5ms"),
            ("0", 0, "0s"),
            ("-1s", -1_000_000_000, "-1s"),
        ] {
            assert_eq!(duration(text), Some(nanoseconds), "{text}");
            assert_eq!(printed(nanoseconds), shown, "{text}");
        }
        for text in ["", "30", "s", "1x", "1s2", "-", "99999999999h"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}

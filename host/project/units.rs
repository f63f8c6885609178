//! Durations and sizes as people write them: `1h30m`, `500ms`, `256MiB`.

use std::time::Duration;

/// A year: whatever is longer is a typing error.
const DURATION_BOUND: Duration = Duration::from_secs(366 * 24 * 3600);

const DURATION_UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

const SIZE_UNITS: [(&str, u64); 7] =
    [("B", 1), ("kB", 1_000), ("KiB", 1 << 10), ("MB", 1_000_000), ("MiB", 1 << 20), ("GB", 1_000_000_000), ("GiB", 1 << 30)];

/// One or more whole numbers, each with a unit: `90s`, `1h30m`; a number alone is seconds. The error completes "must be ...".
pub fn duration(text: &str) -> Result<Duration, String> {
    let malformed = || format!("a duration such as `30s`, `5m` or `1h30m`, not `{text}`");
    let mut milliseconds = 0_u64;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(malformed());
    }
    if let Ok(seconds) = rest.parse::<u64>() {
        milliseconds = seconds.checked_mul(1_000).ok_or_else(malformed)?;
        rest = "";
    }
    while !rest.is_empty() {
        let (number, unit, after) = number_and_unit(rest).ok_or_else(malformed)?;
        let (_, factor) = DURATION_UNITS.into_iter().find(|(name, _)| *name == unit).ok_or_else(malformed)?;
        milliseconds = number.checked_mul(factor).and_then(|part| milliseconds.checked_add(part)).ok_or_else(malformed)?;
        rest = after;
    }
    let duration = Duration::from_millis(milliseconds);
    if duration.is_zero() || duration > DURATION_BOUND {
        return Err(format!("a duration between `1ms` and `366d`, not `{text}`"));
    }
    Ok(duration)
}

/// A whole number and a unit: `256MiB`, `10MB`. The error completes "must be ...".
pub fn size(text: &str) -> Result<u64, String> {
    let malformed = || format!("a size such as `64KiB`, `256MiB` or `1GiB`, not `{text}`");
    let (number, unit, after) = number_and_unit(text.trim()).ok_or_else(malformed)?;
    let (_, factor) = SIZE_UNITS.into_iter().find(|(name, _)| *name == unit).ok_or_else(malformed)?;
    match number.checked_mul(factor) {
        Some(0) => Err(format!("more than nothing, not `{text}`")),
        Some(bytes) if after.is_empty() => Ok(bytes),
        _ => Err(malformed()),
    }
}

/// `90s` is (90, "s", ""); spaces between number and unit are fine.
fn number_and_unit(text: &str) -> Option<(u64, &str, &str)> {
    let (digits, rest) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let rest = rest.trim_start();
    let (unit, rest) = rest.split_at(rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len()));
    Some((digits.parse().ok()?, unit, rest.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_units() {
        for (text, milliseconds) in [
            ("500ms", 500),
            ("90", 90_000),
            ("30s", 30_000),
            ("1h", 3_600_000),
            ("1h30m", 5_400_000),
            ("1h 30m", 5_400_000),
            ("2 d", 172_800_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in
            ["", "h", "1x", "0", "-1s", "1.5h", "0s", "99999999999999999999s", "400d", "1h30", "1H", "18446744073709551615h", "1s\0"]
        {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_read_with_their_units() {
        for (text, bytes) in [("1B", 1), ("64KiB", 65_536), ("10MB", 10_000_000), ("256MiB", 268_435_456), ("1 GiB", 1_073_741_824)] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "5", "MiB", "0MiB", "1mib", "-1MiB", "1MiB2", "99999999999GiB", "1.5GiB", "1TiB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}

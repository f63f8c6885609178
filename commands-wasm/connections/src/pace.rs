//! How fast: what is typed, what the host is told, how long it takes.

use std::time::Duration;

use host_sdk::broadcast::Pace;
use host_sdk::{Error, Result};

use crate::arguments::Send;

/// `500`, `500/s`, `30/m`, `5/h`: a second, unless it is said otherwise.
pub(crate) fn rate(text: &str) -> Result<f64, String> {
    let wrong = || format!("`{text}` is no rate; write 500, 500/s, 30/m or 5/h");
    let (number, unit) = text.split_once('/').unwrap_or((text, "s"));
    let seconds = match unit {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        _ => return Err(wrong()),
    };
    let number: f64 = number.trim().parse().map_err(|_| wrong())?;
    let rate = number / seconds;
    // The slowest is what the host takes; infinity and NaN are numbers for `parse`.
    if (0.001..=1_000_000.0).contains(&rate) { Ok(rate) } else { Err(wrong()) }
}

/// `30%` or `30`.
pub(crate) fn percent(text: &str) -> Result<u8, String> {
    let number = text.strip_suffix('%').unwrap_or(text).parse::<u8>().ok().filter(|percent| *percent <= 100);
    number.ok_or_else(|| format!("`{text}` is no share of a pause; write 0% to 100%"))
}

pub(crate) fn of(args: &Send) -> Result<Pace> {
    let paced = args.interval.is_some() || args.rate.is_some() || args.over.is_some();
    if args.jitter.is_some() && !paced && args.resume.is_none() {
        return Err(
            Error::usage("`--jitter` changes pauses, and there are none").hint("add `--interval MS`, `--rate N/s` or `--over TIME`")
        );
    }
    if args.jitter.is_some() && !paced {
        return Err(Error::usage("`--jitter` goes with a pace of its own when a run is resumed")
            .hint("add `--interval MS`, `--rate N/s` or `--over TIME`"));
    }
    Ok(Pace {
        interval_ms: args.interval.unwrap_or(0),
        rate: args.rate.unwrap_or(0.0),
        over_ms: args.over.map_or(0, |over| u64::try_from(over.as_millis()).unwrap_or(u64::MAX)),
        jitter_percent: args.jitter.unwrap_or(0),
    })
}

/// How long so many connections take; none without a pace.
pub(crate) fn time_for(connections: u64, pace: &Pace) -> Option<Duration> {
    let count = u32::try_from(connections).unwrap_or(u32::MAX);
    if pace.interval_ms > 0 {
        Some(Duration::from_millis(u64::from(pace.interval_ms)).saturating_mul(count))
    } else if pace.rate > 0.0 {
        Duration::try_from_secs_f64(f64::from(count) / pace.rate).ok()
    } else {
        (pace.over_ms > 0).then(|| Duration::from_millis(pace.over_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_with_and_without_units() {
        for (text, per_second) in [("500", 500.0), ("500/s", 500.0), ("30/m", 0.5), ("36/h", 0.01), ("0.5", 0.5)] {
            assert!((rate(text).unwrap() - per_second).abs() < 1e-9, "{text}");
        }
        for text in ["", "x", "0", "-1", "1/d", "inf", "NaN", "1e9", "1/h/s", "0.0001"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn shares_are_read_with_and_without_their_sign() {
        assert_eq!((percent("30%"), percent("0"), percent("100%")), (Ok(30), Ok(0), Ok(100)));
        for text in ["", "%", "101%", "-1", "3.5%", "30%%"] {
            assert!(percent(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_time_a_pace_takes_is_known_before() {
        let pace = Pace { interval_ms: 0, rate: 0.0, over_ms: 0, jitter_percent: 0 };
        assert_eq!(time_for(10, &pace), None);
        assert_eq!(time_for(10, &Pace { interval_ms: 50, ..pace }), Some(Duration::from_millis(500)));
        assert_eq!(time_for(1_000, &Pace { rate: 500.0, ..pace }), Some(Duration::from_secs(2)));
        assert_eq!(time_for(0, &Pace { over_ms: 600_000, ..pace }), Some(Duration::from_secs(600)));
    }
}

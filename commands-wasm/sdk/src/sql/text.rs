//! Values as text; dates and times: `2024-02-29`, `12:00:01.5`, `2024-02-29 12:00:01+02:00`.

use std::fmt;

use crate::sql::{Cell, Date, Time, TimeWithZone, Timestamp, TimestampWithZone};

impl fmt::Display for Date {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:02}:{:02}:{:02}", self.hour, self.minute, self.second)?;
        if self.nanosecond == 0 {
            return Ok(());
        }
        let digits = format!("{:09}", self.nanosecond);
        write!(out, ".{}", digits.trim_end_matches('0'))
    }
}

impl fmt::Display for TimeWithZone {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", self.time, Zone(self.offset_seconds))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.date, self.time)
    }
}

impl fmt::Display for TimestampWithZone {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}{}", self.date, self.time, Zone(self.offset_seconds))
    }
}

/// As a table shows it: null as `NULL`, bytes as Postgres writes them.
impl fmt::Display for Cell<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => out.write_str("NULL"),
            Self::Boolean(value) => write!(out, "{value}"),
            Self::Integer(value) => write!(out, "{value}"),
            Self::Float(value) => write!(out, "{value}"),
            Self::Bytes(bytes) => {
                out.write_str("\\x")?;
                bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
            }
            Self::Date(value) => write!(out, "{value}"),
            Self::Time(value) => write!(out, "{value}"),
            Self::TimeWithZone(value) => write!(out, "{value}"),
            Self::Timestamp(value) => write!(out, "{value}"),
            Self::TimestampWithZone(value) => write!(out, "{value}"),
            Self::Text(text) | Self::Decimal(text) | Self::Uuid(text) | Self::Json(text) | Self::Other { text, .. } => out.write_str(text),
        }
    }
}

/// Seconds east of UTC.
struct Zone(i32);

impl fmt::Display for Zone {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { '-' } else { '+' };
        let seconds = self.0.unsigned_abs();
        write!(out, "{sign}{:02}:{:02}", seconds / 3600, seconds / 60 % 60)?;
        if seconds.is_multiple_of(60) { Ok(()) } else { write!(out, ":{:02}", seconds % 60) }
    }
}

/// `2024-02-29`.
pub(super) fn parse_date(text: &str) -> Option<Date> {
    let mut parts = text.splitn(3, '-');
    let date = Date { year: parts.next()?.parse().ok()?, month: parts.next()?.parse().ok()?, day: parts.next()?.parse().ok()? };
    ((1..=12).contains(&date.month) && (1..=31).contains(&date.day)).then_some(date)
}

/// `2024-02-29 12:00:01.5`, with `T` between, with `Z` behind.
pub(super) fn parse_timestamp(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once([' ', 'T'])?;
    Some(Timestamp { date: parse_date(date)?, time: parse_time(time.trim_end_matches('Z'))? })
}

fn parse_time(text: &str) -> Option<Time> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = whole.split(':');
    let (hour, minute) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let second = parts.next().unwrap_or("0").parse().ok()?;
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 || fraction.len() > 9 {
        return None;
    }
    let nanosecond = if fraction.is_empty() { 0 } else { format!("{fraction:0<9}").parse().ok()? };
    Some(Time { hour, minute, second, nanosecond })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: Date = Date { year: 2024, month: 2, day: 29 };

    #[test]
    fn dates_and_times_are_written_as_the_databases_write_them() {
        let time = Time { hour: 7, minute: 5, second: 9, nanosecond: 120_000_000 };
        assert_eq!(Timestamp { date: DATE, time }.to_string(), "2024-02-29 07:05:09.12");
        assert_eq!(TimestampWithZone { date: DATE, time, offset_seconds: -19_800 }.to_string(), "2024-02-29 07:05:09.12-05:30");
        assert_eq!(TimeWithZone { time, offset_seconds: 0 }.to_string(), "07:05:09.12+00:00");
    }

    #[test]
    fn null_and_bytes_have_a_text_of_their_own() {
        assert_eq!(Cell::Null.to_string(), "NULL");
        assert_eq!(Cell::Bytes(&[0, 255]).to_string(), "\\x00ff");
        assert_eq!(Cell::Json("{}").to_string(), "{}");
    }

    #[test]
    fn timestamps_are_read_in_the_forms_sqlite_keeps() {
        for (text, nanosecond) in
            [("2024-02-29 07:05:09", 0), ("2024-02-29T07:05:09.5Z", 500_000_000), ("2024-02-29 07:05:09.000000001", 1)]
        {
            let time = Time { hour: 7, minute: 5, second: 9, nanosecond };
            assert_eq!(parse_timestamp(text), Some(Timestamp { date: DATE, time }), "{text}");
        }
        for text in ["", "2024-02-29", "2024-13-01 00:00:00", "2024-02-29 25:00:00", "2024-02-29 07:05:09.0000000001", "now"] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
    }
}

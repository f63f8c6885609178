//! Values of SQLite: storage classes, and what a column's declared type adds to them.

use rusqlite::types::{ToSqlOutput, Value as Lite, ValueRef};

use crate::capabilities::sql::batch::ColumnBuilder;
use crate::capabilities::sql::client::Result;
use crate::capabilities::sql::types::{Date, Kind, Time, Timestamp, TimestampWithZone, Value};

/// What a column holds: by its declared type, else by its first value.
pub(super) fn kind(declared: &str, first: Option<ValueRef<'_>>) -> Kind {
    let upper = declared.split('(').next().unwrap_or_default().trim().to_ascii_uppercase();
    match upper.as_str() {
        "BOOL" | "BOOLEAN" => return Kind::Boolean,
        "DATE" => return Kind::Date,
        "TIME" => return Kind::Time,
        "DATETIME" | "TIMESTAMP" => return Kind::Timestamp,
        "JSON" | "JSONB" => return Kind::Json,
        "UUID" => return Kind::Uuid,
        "" => {}
        // SQLite's own rules of affinity, in its order.
        name if name.contains("INT") => return Kind::Integer,
        name if name.contains("CHAR") || name.contains("CLOB") || name.contains("TEXT") => return Kind::Text,
        name if name.contains("BLOB") => return Kind::Bytes,
        name if name.contains("REAL") || name.contains("FLOA") || name.contains("DOUB") => return Kind::Float,
        _ => {}
    }
    match first {
        Some(ValueRef::Integer(_)) => Kind::Integer,
        Some(ValueRef::Real(_)) => Kind::Float,
        Some(ValueRef::Blob(_)) => Kind::Bytes,
        _ => Kind::Text,
    }
}

/// Puts one value into its column; what does not fit the column's kind goes as what it is stored as.
pub(super) fn put(value: ValueRef<'_>, kind: Kind, column: &mut ColumnBuilder) -> Result<()> {
    match value {
        ValueRef::Null => column.push_null(),
        ValueRef::Integer(number) => match kind {
            Kind::Boolean if number == 0 || number == 1 => column.push_boolean(number == 1),
            _ => column.push_integer(number),
        },
        ValueRef::Real(number) => column.push_float(number),
        ValueRef::Blob(bytes) => column.push_bytes(bytes)?,
        // Text that is no UTF-8 cannot be told from bytes.
        ValueRef::Text(raw) => match std::str::from_utf8(raw) {
            Ok(text) => put_text(text, kind, column)?,
            Err(_) => column.push_bytes(raw)?,
        },
    }
    Ok(())
}

fn put_text(text: &str, kind: Kind, column: &mut ColumnBuilder) -> Result<()> {
    match kind {
        Kind::Date => match date(text) {
            Some(date) => column.push_date(date),
            None => column.push_mixed(Value::Text(text.to_owned())),
        },
        Kind::Time => match time(text) {
            Some(time) => column.push_time(time),
            None => column.push_mixed(Value::Text(text.to_owned())),
        },
        Kind::Timestamp => column_timestamp(text, column),
        Kind::Text | Kind::Json | Kind::Uuid => column.push_text(text)?,
        _ => column.push_mixed(Value::Text(text.to_owned())),
    }
    Ok(())
}

fn column_timestamp(text: &str, column: &mut ColumnBuilder) {
    match timestamp(text) {
        Some((date, time, None)) => column.push_timestamp(Timestamp { date, time }),
        Some((date, time, Some(offset_seconds))) => {
            column.push_mixed(Value::TimestampWithZone(TimestampWithZone { date, time, offset_seconds }))
        }
        None => column.push_mixed(Value::Text(text.to_owned())),
    }
}

fn digits<T: std::str::FromStr>(text: &str, count: usize) -> Option<T> {
    (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// `2024-02-29`
fn date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let date = Date { year: digits(parts.next()?, 4)?, month: digits(parts.next()?, 2)?, day: digits(parts.next()?, 2)? };
    (parts.next().is_none() && (1..=12).contains(&date.month) && (1..=31).contains(&date.day)).then_some(date)
}

/// `13:37`, `13:37:00`, `13:37:00.123456`
fn time(text: &str) -> Option<Time> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let mut parts = clock.split(':');
    let (hour, minute) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let second = parts.next().map_or(Some(0), |second| digits(second, 2))?;
    if parts.next().is_some() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) || !(1..=9).contains(&fraction.len()) {
        return None;
    }
    let nanosecond = format!("{fraction:0<9}").parse().ok()?;
    (hour < 24 && minute < 60 && second < 60).then_some(Time { hour, minute, second, nanosecond })
}

/// Date and time with a space or `T` between them, and an offset (`Z`, `+01:00`) if there is one.
fn timestamp(text: &str) -> Option<(Date, Time, Option<i32>)> {
    let (day, rest) = text.split_at_checked(10)?;
    let rest = rest.strip_prefix([' ', 'T'])?;
    if let Some(clock) = rest.strip_suffix('Z') {
        return Some((date(day)?, time(clock)?, Some(0)));
    }
    let Some(at) = rest.find(['+', '-']) else { return Some((date(day)?, time(rest)?, None)) };
    let (clock, offset) = rest.split_at_checked(at)?;
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = offset.get(1..)?.split_once(':').unwrap_or((offset.get(1..)?, "00"));
    let seconds = digits::<i32>(hours, 2)? * 3600 + digits::<i32>(minutes, 2)? * 60;
    Some((date(day)?, time(clock.trim_end())?, Some(sign * seconds)))
}

/// A parameter; text forms are those that SQLite's date functions read.
pub(super) fn parameter(value: Value) -> ToSqlOutput<'static> {
    let lite = match value {
        Value::Null => Lite::Null,
        Value::Boolean(value) => Lite::Integer(i64::from(value)),
        Value::Integer(value) => Lite::Integer(value),
        Value::Float(value) => Lite::Real(value),
        Value::Text(text) | Value::Decimal(text) | Value::Uuid(text) | Value::Json(text) => Lite::Text(text),
        Value::Bytes(bytes) => Lite::Blob(bytes),
        Value::Date(date) => Lite::Text(date_text(date)),
        Value::Time(time) => Lite::Text(time_text(time)),
        Value::TimeWithZone(value) => Lite::Text(format!("{}{}", time_text(value.time), offset_text(value.offset_seconds))),
        Value::Timestamp(value) => Lite::Text(format!("{} {}", date_text(value.date), time_text(value.time))),
        Value::TimestampWithZone(value) => {
            Lite::Text(format!("{} {}{}", date_text(value.date), time_text(value.time), offset_text(value.offset_seconds)))
        }
        Value::Other(other) => Lite::Text(other.text),
    };
    ToSqlOutput::Owned(lite)
}

fn date_text(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year, date.month, date.day)
}

fn time_text(time: Time) -> String {
    let clock = format!("{:02}:{:02}:{:02}", time.hour, time.minute, time.second);
    match time.nanosecond / 1000 {
        0 => clock,
        micros => format!("{clock}.{micros:06}"),
    }
}

fn offset_text(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.unsigned_abs() / 60;
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_types_say_what_a_column_holds() {
        for (declared, expected) in [
            ("BOOLEAN", Kind::Boolean),
            ("bigint", Kind::Integer),
            ("VARCHAR(20)", Kind::Text),
            ("TIMESTAMP", Kind::Timestamp),
            ("DOUBLE PRECISION", Kind::Float),
            ("BLOB", Kind::Bytes),
            ("DECIMAL(10,2)", Kind::Float),
            ("", Kind::Float),
        ] {
            assert_eq!(kind(declared, Some(ValueRef::Real(1.0))), expected, "{declared}");
        }
    }

    #[test]
    fn dates_and_times_are_read_in_the_forms_that_sqlite_writes() {
        let day = Date { year: 2024, month: 2, day: 29 };
        let clock = Time { hour: 13, minute: 37, second: 5, nanosecond: 120_000_000 };
        assert_eq!(timestamp("2024-02-29 13:37:05.12"), Some((day, clock, None)));
        assert_eq!(timestamp("2024-02-29T13:37:05.120Z"), Some((day, clock, Some(0))));
        assert_eq!(timestamp("2024-02-29T13:37:05.120000-01:30"), Some((day, clock, Some(-5400))));
        for text in ["2024-02-29", "2024-2-29 1:00", "now", "2024-02-29 25:00:00", "2024-02-29 13:37:05+x"] {
            assert_eq!(timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn parameters_come_back_as_what_they_were() {
        let day = Date { year: 2024, month: 2, day: 29 };
        let clock = Time { hour: 1, minute: 2, second: 3, nanosecond: 4_000 };
        let given = Value::TimestampWithZone(TimestampWithZone { date: day, time: clock, offset_seconds: -5400 });
        let ToSqlOutput::Owned(Lite::Text(text)) = parameter(given) else { panic!("no text") };
        assert_eq!(text, "2024-02-29 01:02:03.000004-01:30");
        assert_eq!(timestamp(&text), Some((day, clock, Some(-5400))));
    }
}

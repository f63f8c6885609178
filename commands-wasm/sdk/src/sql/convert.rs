//! Which Rust type a value becomes, and which value a Rust type.

use crate::sql::text::{parse_date, parse_timestamp};
use crate::sql::{Cell, Date, FromCell, Time, TimeWithZone, Timestamp, TimestampWithZone, TypedText, Value};

impl<'r> FromCell<'r> for Cell<'r> {
    const WANTS: &'static str = "a value";

    #[inline]
    fn from_cell(cell: Cell<'r>) -> Option<Self> {
        Some(cell)
    }
}

impl FromCell<'_> for Value {
    const WANTS: &'static str = "a value";

    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        Some(match cell {
            Cell::Null => Self::Null,
            Cell::Boolean(value) => Self::Boolean(value),
            Cell::Integer(value) => Self::Integer(value),
            Cell::Float(value) => Self::Float(value),
            Cell::Text(value) => Self::Text(value.to_owned()),
            Cell::Bytes(value) => Self::Bytes(value.to_vec()),
            Cell::Decimal(value) => Self::Decimal(value.to_owned()),
            Cell::Date(value) => Self::Date(value),
            Cell::Time(value) => Self::Time(value),
            Cell::TimeWithZone(value) => Self::TimeWithZone(value),
            Cell::Timestamp(value) => Self::Timestamp(value),
            Cell::TimestampWithZone(value) => Self::TimestampWithZone(value),
            Cell::Uuid(value) => Self::Uuid(value.to_owned()),
            Cell::Json(value) => Self::Json(value.to_owned()),
            Cell::Other { type_name, text } => Self::Other(TypedText { type_name: type_name.to_owned(), text: text.to_owned() }),
        })
    }
}

impl<'r, T: FromCell<'r>> FromCell<'r> for Option<T> {
    const WANTS: &'static str = T::WANTS;

    #[inline]
    fn from_cell(cell: Cell<'r>) -> Option<Self> {
        if cell == Cell::Null { Some(None) } else { T::from_cell(cell).map(Some) }
    }
}

impl FromCell<'_> for i64 {
    const WANTS: &'static str = "an integer";

    /// Sums of integers are decimals on Postgres: those without a fraction are integers here.
    #[inline]
    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Integer(number) => Some(number),
            Cell::Decimal(digits) => digits.parse().ok(),
            _ => None,
        }
    }
}

macro_rules! narrower_integers {
    ($($integer:ty),*) => {$(
        impl FromCell<'_> for $integer {
            const WANTS: &'static str = concat!("an integer that fits ", stringify!($integer));

            fn from_cell(cell: Cell<'_>) -> Option<Self> {
                i64::from_cell(cell).and_then(|number| number.try_into().ok())
            }
        }
    )*};
}
narrower_integers!(i16, i32, u8, u16, u32, u64, usize);

impl FromCell<'_> for bool {
    const WANTS: &'static str = "a boolean";

    /// SQLite has no booleans: 0 and 1 are.
    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Boolean(value) => Some(value),
            Cell::Integer(number @ (0 | 1)) => Some(number == 1),
            _ => None,
        }
    }
}

impl FromCell<'_> for f64 {
    const WANTS: &'static str = "a number";

    #[inline]
    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Float(number) => Some(number),
            #[expect(clippy::cast_precision_loss, reason = "whoever asks for a float takes its precision")]
            Cell::Integer(number) => Some(number as Self),
            Cell::Decimal(digits) => digits.parse().ok(),
            _ => None,
        }
    }
}

impl<'r> FromCell<'r> for &'r str {
    const WANTS: &'static str = "text";

    #[inline]
    fn from_cell(cell: Cell<'r>) -> Option<Self> {
        match cell {
            Cell::Text(text) | Cell::Decimal(text) | Cell::Uuid(text) | Cell::Json(text) | Cell::Other { text, .. } => Some(text),
            _ => None,
        }
    }
}

impl FromCell<'_> for String {
    const WANTS: &'static str = "text";

    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        <&str>::from_cell(cell).map(str::to_owned)
    }
}

impl<'r> FromCell<'r> for &'r [u8] {
    const WANTS: &'static str = "bytes";

    fn from_cell(cell: Cell<'r>) -> Option<Self> {
        match cell {
            Cell::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

impl FromCell<'_> for Vec<u8> {
    const WANTS: &'static str = "bytes";

    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        <&[u8]>::from_cell(cell).map(<[u8]>::to_vec)
    }
}

impl FromCell<'_> for Date {
    const WANTS: &'static str = "a date";

    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Date(date) => Some(date),
            Cell::Text(text) => parse_date(text),
            _ => None,
        }
    }
}

impl FromCell<'_> for Time {
    const WANTS: &'static str = "a time";

    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Time(time) => Some(time),
            _ => None,
        }
    }
}

impl FromCell<'_> for TimeWithZone {
    const WANTS: &'static str = "a time with a zone";

    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::TimeWithZone(time) => Some(time),
            _ => None,
        }
    }
}

impl FromCell<'_> for Timestamp {
    const WANTS: &'static str = "a timestamp";

    /// SQLite keeps timestamps as text; the zone of one that has it is left out.
    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Timestamp(timestamp) => Some(timestamp),
            Cell::TimestampWithZone(TimestampWithZone { date, time, .. }) => Some(Self { date, time }),
            Cell::Text(text) => parse_timestamp(text),
            _ => None,
        }
    }
}

impl FromCell<'_> for TimestampWithZone {
    const WANTS: &'static str = "a timestamp with a zone";

    fn from_cell(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::TimestampWithZone(timestamp) => Some(timestamp),
            _ => None,
        }
    }
}

macro_rules! values_from {
    ($($from:ty => $case:ident),* $(,)?) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$case(value.into())
            }
        }
    )*};
}
values_from!(
    bool => Boolean, i64 => Integer, i32 => Integer, i16 => Integer, u32 => Integer, u16 => Integer, u8 => Integer,
    f64 => Float, f32 => Float, String => Text, &str => Text, &String => Text, Vec<u8> => Bytes, &[u8] => Bytes,
    Date => Date, Time => Time, TimeWithZone => TimeWithZone, Timestamp => Timestamp, TimestampWithZone => TimestampWithZone,
);

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params;

    #[test]
    fn parameters_are_made_of_rust_values() {
        let values: &[Value] = params![1, 2_i64, "three", None::<i64>, Some(true), vec![4_u8], 5.5];
        let expected = [
            Value::Integer(1),
            Value::Integer(2),
            Value::Text("three".to_owned()),
            Value::Null,
            Value::Boolean(true),
            Value::Bytes(vec![4]),
            Value::Float(5.5),
        ];
        assert_eq!(values, expected);
    }

    #[test]
    fn an_integer_that_does_not_fit_is_refused() {
        assert_eq!(i16::from_cell(Cell::Integer(32_767)), Some(32_767));
        assert_eq!(i16::from_cell(Cell::Integer(32_768)), None);
        assert_eq!(u64::from_cell(Cell::Integer(-1)), None);
    }

    #[test]
    fn sqlites_zero_and_one_are_booleans() {
        assert_eq!(bool::from_cell(Cell::Integer(1)), Some(true));
        assert_eq!(bool::from_cell(Cell::Integer(0)), Some(false));
        assert_eq!(bool::from_cell(Cell::Integer(2)), None);
    }

    #[test]
    fn timestamps_are_read_from_text_too() {
        let expected =
            Timestamp { date: Date { year: 2024, month: 2, day: 29 }, time: Time { hour: 12, minute: 0, second: 1, nanosecond: 0 } };
        assert_eq!(Timestamp::from_cell(Cell::Text("2024-02-29 12:00:01")), Some(expected));
    }
}

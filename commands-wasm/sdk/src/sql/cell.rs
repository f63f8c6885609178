//! One value of a row, borrowed from its batch.

use crate::sql::{Column, ColumnBatch, ColumnData, Date, Kind, Time, TimeWithZone, Timestamp, TimestampWithZone, Value};

/// A value as the database gave it. Texts and bytes are borrowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'r> {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(&'r str),
    Bytes(&'r [u8]),
    Decimal(&'r str),
    Date(Date),
    Time(Time),
    TimeWithZone(TimeWithZone),
    Timestamp(Timestamp),
    TimestampWithZone(TimestampWithZone),
    Uuid(&'r str),
    Json(&'r str),
    /// A value of another type in the database's own text form.
    Other {
        type_name: &'r str,
        text: &'r str,
    },
}

/// What a value of a row can become.
pub trait FromCell<'r>: Sized {
    /// For messages: `an integer`.
    const WANTS: &'static str;

    /// None when the value is of another type, or does not fit.
    fn from_cell(cell: Cell<'r>) -> Option<Self>;
}

impl Cell<'_> {
    /// For messages; no text of the database's is repeated.
    pub(crate) fn in_words(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Boolean(_) => "a boolean".to_owned(),
            Self::Integer(number) => format!("the integer {number}"),
            Self::Float(_) => "a float".to_owned(),
            Self::Text(_) => "text".to_owned(),
            Self::Bytes(_) => "bytes".to_owned(),
            Self::Decimal(digits) => format!("the decimal {digits}"),
            Self::Date(_) => "a date".to_owned(),
            Self::Time(_) | Self::TimeWithZone(_) => "a time".to_owned(),
            Self::Timestamp(_) | Self::TimestampWithZone(_) => "a timestamp".to_owned(),
            Self::Uuid(_) => "a uuid".to_owned(),
            Self::Json(_) => "json".to_owned(),
            Self::Other { type_name, .. } => format!("a value of type {type_name}"),
        }
    }
}

/// The value of row `index`; none when the batch is shorter than it says.
#[inline]
pub(super) fn cell<'r>(column: &'r ColumnBatch, header: &'r Column, index: usize) -> Option<Cell<'r>> {
    if !column.nulls.is_empty() && column.nulls.get(index / 8)? & (1 << (index % 8)) != 0 {
        return Some(Cell::Null);
    }
    Some(match &column.data {
        ColumnData::Integers(values) => Cell::Integer(*values.get(index)?),
        ColumnData::Floats(values) => Cell::Float(*values.get(index)?),
        ColumnData::Texts(run) => text(header, run.data.get(part(&run.offsets, index)?)?),
        ColumnData::Booleans(values) => Cell::Boolean(*values.get(index)? != 0),
        ColumnData::Bytes(run) => Cell::Bytes(run.data.get(part(&run.offsets, index)?)?),
        ColumnData::Dates(values) => Cell::Date(*values.get(index)?),
        ColumnData::Times(values) => Cell::Time(*values.get(index)?),
        ColumnData::Timestamps(values) => Cell::Timestamp(*values.get(index)?),
        ColumnData::TimestampsWithZone(values) => Cell::TimestampWithZone(*values.get(index)?),
        ColumnData::Mixed(values) => borrowed(values.get(index)?),
    })
}

#[inline]
fn part(offsets: &[u32], index: usize) -> Option<std::ops::Range<usize>> {
    // On the guests' 32 bits nothing is cut off.
    Some(*offsets.get(index)? as usize..*offsets.get(index + 1)? as usize)
}

#[inline]
fn text<'r>(header: &'r Column, text: &'r str) -> Cell<'r> {
    match header.kind {
        Kind::Decimal => Cell::Decimal(text),
        Kind::Uuid => Cell::Uuid(text),
        Kind::Json => Cell::Json(text),
        Kind::Other => Cell::Other { type_name: &header.type_name, text },
        _ => Cell::Text(text),
    }
}

fn borrowed(value: &Value) -> Cell<'_> {
    match value {
        Value::Null => Cell::Null,
        Value::Boolean(value) => Cell::Boolean(*value),
        Value::Integer(value) => Cell::Integer(*value),
        Value::Float(value) => Cell::Float(*value),
        Value::Text(value) => Cell::Text(value),
        Value::Bytes(value) => Cell::Bytes(value),
        Value::Decimal(value) => Cell::Decimal(value),
        Value::Date(value) => Cell::Date(*value),
        Value::Time(value) => Cell::Time(*value),
        Value::TimeWithZone(value) => Cell::TimeWithZone(*value),
        Value::Timestamp(value) => Cell::Timestamp(*value),
        Value::TimestampWithZone(value) => Cell::TimestampWithZone(*value),
        Value::Uuid(value) => Cell::Uuid(value),
        Value::Json(value) => Cell::Json(value),
        Value::Other(value) => Cell::Other { type_name: &value.type_name, text: &value.text },
    }
}

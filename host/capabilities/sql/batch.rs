//! Rows become batches laid out by column: one builder per column, filled row by row.
//!
//! A column keeps its plain layout as long as its values fit it; the first value that does not (an infinite
//! date, SQLite's text in an integer column) turns this batch of that column into `mixed`.

use super::limits::{BATCH_BYTES, BATCH_ROWS, VALUE_BYTES};
use super::types::{
    Batch, BytesRun, Column, ColumnBatch, ColumnData, Date, Error, Kind, TextRun, Time, Timestamp, TimestampWithZone, TypedText, Value,
};

/// Collects rows until a batch is full.
pub(super) struct BatchBuilder {
    columns: Vec<ColumnBuilder>,
    rows: u32,
}

impl BatchBuilder {
    pub(super) fn new(columns: &[Column]) -> Self {
        Self { columns: columns.iter().map(ColumnBuilder::new).collect(), rows: 0 }
    }

    /// The builders, each of which takes exactly one value before [`Self::end_row`].
    pub(super) fn columns(&mut self) -> &mut [ColumnBuilder] {
        &mut self.columns
    }

    /// Ends a row; true when the batch is full.
    pub(super) fn end_row(&mut self) -> bool {
        self.rows += 1;
        self.rows >= BATCH_ROWS || self.bytes() >= BATCH_BYTES
    }

    pub(super) fn bytes(&self) -> usize {
        self.columns.iter().map(|column| column.bytes).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Hands the batch over and starts the next one.
    pub(super) fn take(&mut self) -> Batch {
        let columns = self.columns.iter_mut().map(ColumnBuilder::take).collect();
        Batch { rows: std::mem::take(&mut self.rows), columns }
    }
}

/// One column of the batch in the making.
pub(super) struct ColumnBuilder {
    kind: Kind,
    type_name: String,
    data: Data,
    /// Empty as long as no row is null.
    nulls: Vec<u8>,
    rows: usize,
    bytes: usize,
}

enum Data {
    Booleans(Vec<u8>),
    Integers(Vec<i64>),
    Floats(Vec<f64>),
    Texts(Vec<u32>, String),
    Bytes(Vec<u32>, Vec<u8>),
    Dates(Vec<Date>),
    Times(Vec<Time>),
    Timestamps(Vec<Timestamp>),
    TimestampsWithZone(Vec<TimestampWithZone>),
    Mixed(Vec<Value>),
}

const NO_DATE: Date = Date { year: 0, month: 0, day: 0 };
const NO_TIME: Time = Time { hour: 0, minute: 0, second: 0, nanosecond: 0 };
const NO_TIMESTAMP: Timestamp = Timestamp { date: NO_DATE, time: NO_TIME };
const NO_ZONED: TimestampWithZone = TimestampWithZone { date: NO_DATE, time: NO_TIME, offset_seconds: 0 };

impl Data {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Boolean => Self::Booleans(Vec::new()),
            Kind::Integer => Self::Integers(Vec::new()),
            Kind::Float => Self::Floats(Vec::new()),
            Kind::Text | Kind::Decimal | Kind::Uuid | Kind::Json | Kind::Other => Self::Texts(vec![0], String::new()),
            Kind::Bytes => Self::Bytes(vec![0], Vec::new()),
            Kind::Date => Self::Dates(Vec::new()),
            Kind::Time => Self::Times(Vec::new()),
            Kind::Timestamp => Self::Timestamps(Vec::new()),
            Kind::TimestampWithZone => Self::TimestampsWithZone(Vec::new()),
            // No plain layout: rare enough to cross as values.
            Kind::TimeWithZone => Self::Mixed(Vec::new()),
        }
    }

    fn push_null(&mut self) {
        match self {
            Self::Booleans(rows) => rows.push(0),
            Self::Integers(rows) => rows.push(0),
            Self::Floats(rows) => rows.push(0.0),
            Self::Texts(offsets, data) => offsets.push(offset(data.len())),
            Self::Bytes(offsets, data) => offsets.push(offset(data.len())),
            Self::Dates(rows) => rows.push(NO_DATE),
            Self::Times(rows) => rows.push(NO_TIME),
            Self::Timestamps(rows) => rows.push(NO_TIMESTAMP),
            Self::TimestampsWithZone(rows) => rows.push(NO_ZONED),
            Self::Mixed(rows) => rows.push(Value::Null),
        }
    }
}

/// A batch's text is bounded far below 4 GiB ([`BATCH_BYTES`] and one value of [`VALUE_BYTES`]).
fn offset(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// One `push_...` for a layout of plain numbers or records.
macro_rules! push_plain {
    ($name:ident, $layout:ident, $case:ident, $of:ty) => {
        pub(super) fn $name(&mut self, value: $of) {
            match &mut self.data {
                Data::$layout(rows) => {
                    rows.push(value.into());
                    self.bytes += size_of::<$of>();
                    self.rows += 1;
                }
                _ => self.push_mixed(Value::$case(value)),
            }
        }
    };
}

impl ColumnBuilder {
    fn new(column: &Column) -> Self {
        let data = Data::new(column.kind);
        Self { kind: column.kind, type_name: column.type_name.clone(), data, nulls: Vec::new(), rows: 0, bytes: 0 }
    }

    pub(super) fn push_null(&mut self) {
        if !matches!(self.data, Data::Mixed(_)) {
            let byte = self.rows / 8;
            if self.nulls.len() <= byte {
                self.nulls.resize(byte + 1, 0);
            }
            if let Some(bits) = self.nulls.get_mut(byte) {
                *bits |= 1 << (self.rows % 8);
            }
        }
        self.data.push_null();
        self.bytes += 1;
        self.rows += 1;
    }

    push_plain!(push_boolean, Booleans, Boolean, bool);
    push_plain!(push_integer, Integers, Integer, i64);
    push_plain!(push_float, Floats, Float, f64);
    push_plain!(push_date, Dates, Date, Date);
    push_plain!(push_time, Times, Time, Time);
    push_plain!(push_timestamp, Timestamps, Timestamp, Timestamp);
    push_plain!(push_timestamp_with_zone, TimestampsWithZone, TimestampWithZone, TimestampWithZone);

    /// Text of the column's own kind: text, decimal, uuid, json or other.
    pub(super) fn push_text(&mut self, value: &str) -> Result<(), Error> {
        bounded(value.len())?;
        match &mut self.data {
            Data::Texts(offsets, data) => {
                data.push_str(value);
                offsets.push(offset(data.len()));
                self.bytes += value.len() + size_of::<u32>();
                self.rows += 1;
            }
            _ => {
                let value = self.text_value(value.to_owned());
                self.push_mixed(value);
            }
        }
        Ok(())
    }

    pub(super) fn push_bytes(&mut self, value: &[u8]) -> Result<(), Error> {
        bounded(value.len())?;
        match &mut self.data {
            Data::Bytes(offsets, data) => {
                data.extend_from_slice(value);
                offsets.push(offset(data.len()));
                self.bytes += value.len() + size_of::<u32>();
                self.rows += 1;
            }
            _ => self.push_mixed(Value::Bytes(value.to_vec())),
        }
        Ok(())
    }

    /// A value in the database's own text form, in a column whose layout cannot hold it.
    pub(super) fn push_other(&mut self, text: &str) -> Result<(), Error> {
        bounded(text.len())?;
        let type_name = self.type_name.clone();
        self.push_mixed(Value::Other(TypedText { type_name, text: text.to_owned() }));
        Ok(())
    }

    /// A value that does not fit the column's layout: the batch of this column becomes `mixed`.
    pub(super) fn push_mixed(&mut self, value: Value) {
        if !matches!(self.data, Data::Mixed(_)) {
            self.make_mixed();
        }
        if let Data::Mixed(rows) = &mut self.data {
            self.bytes += size_of::<Value>() + value_bytes(&value);
            rows.push(value);
            self.rows += 1;
        }
    }

    /// Text as the value its column's kind says.
    fn text_value(&self, text: String) -> Value {
        match self.kind {
            Kind::Decimal => Value::Decimal(text),
            Kind::Uuid => Value::Uuid(text),
            Kind::Json => Value::Json(text),
            Kind::Other => Value::Other(TypedText { type_name: self.type_name.clone(), text }),
            _ => Value::Text(text),
        }
    }

    fn make_mixed(&mut self) {
        let data = std::mem::replace(&mut self.data, Data::Mixed(Vec::new()));
        let nulls = std::mem::take(&mut self.nulls);
        let mut values: Vec<Value> = match data {
            Data::Booleans(rows) => rows.into_iter().map(|row| Value::Boolean(row != 0)).collect(),
            Data::Integers(rows) => rows.into_iter().map(Value::Integer).collect(),
            Data::Floats(rows) => rows.into_iter().map(Value::Float).collect(),
            Data::Texts(offsets, data) => {
                let pieces = runs(&offsets).map(|range| data.get(range).unwrap_or_default().to_owned());
                pieces.map(|text| self.text_value(text)).collect()
            }
            Data::Bytes(offsets, data) => runs(&offsets).map(|range| Value::Bytes(data.get(range).unwrap_or_default().to_vec())).collect(),
            Data::Dates(rows) => rows.into_iter().map(Value::Date).collect(),
            Data::Times(rows) => rows.into_iter().map(Value::Time).collect(),
            Data::Timestamps(rows) => rows.into_iter().map(Value::Timestamp).collect(),
            Data::TimestampsWithZone(rows) => rows.into_iter().map(Value::TimestampWithZone).collect(),
            Data::Mixed(rows) => rows,
        };
        for (row, value) in values.iter_mut().enumerate() {
            if nulls.get(row / 8).is_some_and(|bits| bits & (1 << (row % 8)) != 0) {
                *value = Value::Null;
            }
        }
        self.data = Data::Mixed(values);
    }

    fn take(&mut self) -> ColumnBatch {
        let data = match std::mem::replace(&mut self.data, Data::new(self.kind)) {
            Data::Booleans(rows) => ColumnData::Booleans(rows),
            Data::Integers(rows) => ColumnData::Integers(rows),
            Data::Floats(rows) => ColumnData::Floats(rows),
            Data::Texts(offsets, data) => ColumnData::Texts(TextRun { offsets, data }),
            Data::Bytes(offsets, data) => ColumnData::Bytes(BytesRun { offsets, data }),
            Data::Dates(rows) => ColumnData::Dates(rows),
            Data::Times(rows) => ColumnData::Times(rows),
            Data::Timestamps(rows) => ColumnData::Timestamps(rows),
            Data::TimestampsWithZone(rows) => ColumnData::TimestampsWithZone(rows),
            Data::Mixed(rows) => ColumnData::Mixed(rows),
        };
        let mut nulls = std::mem::take(&mut self.nulls);
        if !nulls.is_empty() {
            nulls.resize(self.rows.div_ceil(8), 0);
        }
        self.rows = 0;
        self.bytes = 0;
        ColumnBatch { nulls, data }
    }
}

fn runs(offsets: &[u32]) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
    offsets.windows(2).filter_map(|pair| match pair {
        [start, end] => Some(usize::try_from(*start).ok()?..usize::try_from(*end).ok()?),
        _ => None,
    })
}

fn bounded(bytes: usize) -> Result<(), Error> {
    match bytes > VALUE_BYTES {
        true => Err(Error::LimitExceeded(format!("a value of {bytes} bytes; at most {VALUE_BYTES} bytes can be handed over"))),
        false => Ok(()),
    }
}

fn value_bytes(value: &Value) -> usize {
    match value {
        Value::Text(text) | Value::Decimal(text) | Value::Uuid(text) | Value::Json(text) => text.len(),
        Value::Other(other) => other.text.len() + other.type_name.len(),
        Value::Bytes(bytes) => bytes.len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(kind: Kind) -> Column {
        Column { name: "c".to_owned(), type_name: "t".to_owned(), kind }
    }

    #[test]
    fn a_batch_is_full_at_its_row_bound() {
        let mut builder = BatchBuilder::new(&[column(Kind::Integer)]);
        for row in 1..=BATCH_ROWS {
            builder.columns()[0].push_integer(1);
            assert_eq!(builder.end_row(), row == BATCH_ROWS, "{row}");
        }
        assert_eq!(builder.take().rows, BATCH_ROWS);
        assert!(builder.is_empty());
    }

    #[test]
    fn a_batch_is_full_at_its_byte_bound_and_one_large_row_comes_alone() {
        let mut builder = BatchBuilder::new(&[column(Kind::Text)]);
        builder.columns()[0].push_text(&"x".repeat(BATCH_BYTES - 5)).unwrap();
        assert!(!builder.end_row());
        builder.columns()[0].push_text("").unwrap();
        assert!(builder.end_row());
        builder.take();
        builder.columns()[0].push_text(&"x".repeat(BATCH_BYTES)).unwrap();
        assert!(builder.end_row());
    }

    #[test]
    fn a_value_at_the_bound_passes_and_past_it_fails() {
        assert!(bounded(VALUE_BYTES).is_ok());
        assert!(matches!(bounded(VALUE_BYTES + 1), Err(Error::LimitExceeded(_))));
    }

    #[test]
    fn nulls_are_a_bitmap_that_is_empty_when_no_row_is_null() {
        let mut builder = BatchBuilder::new(&[column(Kind::Text), column(Kind::Integer)]);
        for row in 0..10 {
            if row == 9 {
                builder.columns()[0].push_null()
            } else {
                builder.columns()[0].push_text("a").unwrap()
            }
            builder.columns()[1].push_integer(row);
            builder.end_row();
        }
        let batch = builder.take();
        assert_eq!(batch.columns[0].nulls, [0, 2]);
        assert!(batch.columns[1].nulls.is_empty());
        let ColumnData::Texts(texts) = &batch.columns[0].data else { panic!("no texts") };
        assert_eq!((texts.offsets.len(), texts.data.as_str()), (11, "aaaaaaaaa"));
    }

    #[test]
    fn a_value_that_does_not_fit_makes_its_column_mixed_for_this_batch_only() {
        let mut builder = BatchBuilder::new(&[column(Kind::Date)]);
        let date = Date { year: 2024, month: 2, day: 29 };
        builder.columns()[0].push_date(date);
        builder.end_row();
        builder.columns()[0].push_null();
        builder.end_row();
        builder.columns()[0].push_other("infinity").unwrap();
        builder.end_row();
        builder.columns()[0].push_date(date);
        builder.end_row();
        let infinity = Value::Other(TypedText { type_name: "t".to_owned(), text: "infinity".to_owned() });
        assert_eq!(builder.take().columns[0].data, ColumnData::Mixed(vec![Value::Date(date), Value::Null, infinity, Value::Date(date)]));
        builder.columns()[0].push_date(date);
        builder.end_row();
        assert_eq!(builder.take().columns[0].data, ColumnData::Dates(vec![date]));
    }
}

//! Single values out of batches that are laid out by column.

use host_sdk::host::sql::types::{ColumnBatch, ColumnData, Value};

pub(crate) fn is_null(column: &ColumnBatch, row: usize) -> bool {
    let mixed = matches!(&column.data, ColumnData::Mixed(values) if matches!(values.get(row), None | Some(Value::Null)));
    mixed || column.nulls.get(row / 8).is_some_and(|byte| byte >> (row % 8) & 1 == 1)
}

pub(crate) fn integer(column: &ColumnBatch, row: usize) -> Option<i64> {
    match &column.data {
        ColumnData::Integers(values) => values.get(row).copied(),
        ColumnData::Booleans(values) => values.get(row).copied().map(i64::from),
        ColumnData::Mixed(values) => match values.get(row)? {
            Value::Integer(value) => Some(*value),
            Value::Boolean(value) => Some(i64::from(*value)),
            _ => None,
        },
        _ => None,
    }
}

pub(crate) fn text(column: &ColumnBatch, row: usize) -> Option<String> {
    if is_null(column, row) {
        return None;
    }
    match &column.data {
        ColumnData::Texts(run) => run.data.get(bounds(&run.offsets, row)?).map(str::to_owned),
        ColumnData::Mixed(values) => match values.get(row)? {
            Value::Text(value) => Some(value.clone()),
            _ => None,
        },
        _ => None,
    }
}

pub(crate) fn bytes(column: &ColumnBatch, row: usize) -> Option<Vec<u8>> {
    match &column.data {
        ColumnData::Bytes(run) => run.data.get(bounds(&run.offsets, row)?).map(<[u8]>::to_vec),
        ColumnData::Mixed(values) => match values.get(row)? {
            Value::Bytes(value) => Some(value.clone()),
            _ => None,
        },
        _ => None,
    }
}

fn bounds(offsets: &[u32], row: usize) -> Option<std::ops::Range<usize>> {
    Some(*offsets.get(row)? as usize..*offsets.get(row + 1)? as usize)
}

//! Parameters into Postgres' binary form, by the type that the prepared statement reports.

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo};
use sqlx::{Encode, Postgres, Type};

use crate::capabilities::sql::error::invalid;
use crate::capabilities::sql::types::{Error, Value};

use super::datetime::{days_of, micros_of, timestamp_micros};
use super::{array, numeric, oid};

/// Bytes that are in their type's binary form already.
pub(super) struct Raw {
    info: PgTypeInfo,
    bytes: Option<Vec<u8>>,
}

impl Type<Postgres> for Raw {
    fn type_info() -> PgTypeInfo {
        // Only asked for when a value has no type of its own, and these always have: see `produces`.
        <String as Type<Postgres>>::type_info()
    }
}

impl Encode<'_, Postgres> for Raw {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        match &self.bytes {
            Some(bytes) => {
                buffer.extend_from_slice(bytes);
                Ok(IsNull::No)
            }
            None => Ok(IsNull::Yes),
        }
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(self.info.clone())
    }
}

/// The value as the parameter's type wants it; `number` counts from one.
pub(super) fn encode(number: usize, value: &Value, info: &PgTypeInfo) -> Result<Raw, Error> {
    if *value == Value::Null {
        return Ok(Raw { info: info.clone(), bytes: None });
    }
    match bytes(value, oid::base(info)) {
        Some(bytes) => Ok(Raw { info: info.clone(), bytes: Some(bytes) }),
        None => Err(mismatch(number, value, &oid::name(info))),
    }
}

fn mismatch(number: usize, value: &Value, type_name: &str) -> Error {
    let (given, word) = match value {
        Value::Null => ("null".to_owned(), "text"),
        Value::Boolean(_) => ("a boolean".to_owned(), "bool"),
        Value::Integer(value) => (format!("the integer {value}"), "int8"),
        Value::Float(_) => ("a float".to_owned(), "float8"),
        Value::Text(_) => ("text".to_owned(), "text"),
        Value::Bytes(_) => ("bytes".to_owned(), "bytea"),
        Value::Decimal(_) => ("a decimal".to_owned(), "numeric"),
        Value::Date(_) => ("a date".to_owned(), "date"),
        Value::Time(_) => ("a time".to_owned(), "time"),
        Value::TimeWithZone(_) => ("a time with zone".to_owned(), "timetz"),
        Value::Timestamp(_) => ("a timestamp".to_owned(), "timestamp"),
        Value::TimestampWithZone(_) => ("a timestamp with zone".to_owned(), "timestamptz"),
        Value::Uuid(_) => ("a uuid".to_owned(), "uuid"),
        Value::Json(_) => ("json".to_owned(), "jsonb"),
        Value::Other(other) => (format!("a value of type `{}`", other.type_name), "text"),
    };
    invalid(format!(
        "parameter ${number} is of type `{type_name}`, which {given} does not fit; hint: write `${number}::{word}::{type_name}`"
    ))
}

/// None when the value does not fit the type.
fn bytes(value: &Value, base: u32) -> Option<Vec<u8>> {
    match value {
        Value::Null => None,
        Value::Boolean(value) => (base == oid::BOOL).then(|| vec![u8::from(*value)]),
        Value::Integer(value) => integer(*value, base),
        Value::Float(value) => float(*value, base),
        Value::Decimal(text) => decimal(text, base),
        Value::Text(text) => text_like(text, base),
        Value::Other(other) => text_like(&other.text, base).or_else(|| spelled(&other.text, base)),
        Value::Bytes(bytes) => (base == oid::BYTEA).then(|| bytes.clone()),
        Value::Date(date) => (base == oid::DATE).then(|| i32::try_from(days_of(*date)?).ok().map(|days| days.to_be_bytes().to_vec()))?,
        Value::Time(time) => (base == oid::TIME).then(|| micros_of(*time).map(|micros| micros.to_be_bytes().to_vec()))?,
        Value::TimeWithZone(value) if base == oid::TIMETZ => {
            let mut raw = micros_of(value.time)?.to_be_bytes().to_vec();
            raw.extend(value.offset_seconds.checked_neg()?.to_be_bytes());
            Some(raw)
        }
        Value::Timestamp(value) if base == oid::TIMESTAMP => Some(timestamp_micros(value.date, value.time)?.to_be_bytes().to_vec()),
        Value::TimestampWithZone(value) if base == oid::TIMESTAMPTZ => {
            let local = timestamp_micros(value.date, value.time)?;
            Some(local.checked_sub(i64::from(value.offset_seconds) * 1_000_000)?.to_be_bytes().to_vec())
        }
        Value::TimeWithZone(_) | Value::Timestamp(_) | Value::TimestampWithZone(_) => None,
        Value::Uuid(text) => match base {
            oid::UUID => uuid(text),
            _ => text_like(text, base),
        },
        Value::Json(text) => text_like(text, base),
    }
}

fn integer(value: i64, base: u32) -> Option<Vec<u8>> {
    match base {
        oid::INT2 => Some(i16::try_from(value).ok()?.to_be_bytes().to_vec()),
        oid::INT4 => Some(i32::try_from(value).ok()?.to_be_bytes().to_vec()),
        oid::INT8 => Some(value.to_be_bytes().to_vec()),
        oid::OID => Some(u32::try_from(value).ok()?.to_be_bytes().to_vec()),
        oid::NUMERIC => numeric::from_text(&value.to_string()),
        // Exact up to 2^53; beyond, the number would silently become another one.
        oid::FLOAT4 | oid::FLOAT8 if value.unsigned_abs() <= 1 << 53 => float(value.to_string().parse().ok()?, base),
        _ => None,
    }
}

fn float(value: f64, base: u32) -> Option<Vec<u8>> {
    match base {
        oid::FLOAT8 => Some(value.to_be_bytes().to_vec()),
        #[expect(clippy::cast_possible_truncation, reason = "what a `real` parameter means: the nearest float4; overflow is refused")]
        oid::FLOAT4 => {
            Some(value as f32).filter(|narrow| narrow.is_finite() || !value.is_finite()).map(|narrow| narrow.to_be_bytes().to_vec())
        }
        oid::NUMERIC if value.is_finite() => numeric::from_text(&format!("{value:?}")),
        oid::NUMERIC if value.is_nan() => numeric::from_text("NaN"),
        oid::NUMERIC => numeric::from_text(if value > 0.0 { "Infinity" } else { "-Infinity" }),
        _ => None,
    }
}

fn decimal(text: &str, base: u32) -> Option<Vec<u8>> {
    match base {
        oid::NUMERIC => numeric::from_text(text),
        oid::FLOAT4 | oid::FLOAT8 => float(text.parse().ok()?, base),
        _ => integer(text.parse().ok()?, base),
    }
}

/// Text for the types whose binary form is text, or that have an exact text form.
fn text_like(text: &str, base: u32) -> Option<Vec<u8>> {
    match base {
        oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::NAME | oid::UNKNOWN | oid::JSON => Some(text.as_bytes().to_vec()),
        oid::JSONB => Some([b"\x01", text.as_bytes()].concat()),
        oid::UUID => uuid(text),
        oid::NUMERIC => numeric::from_text(text),
        _ => None,
    }
}

/// Text forms of values that have no case: infinite dates, arrays of simple types.
fn spelled(text: &str, base: u32) -> Option<Vec<u8>> {
    let sign = match text.trim().to_ascii_lowercase().as_str() {
        "infinity" => Some(true),
        "-infinity" => Some(false),
        _ => None,
    };
    match (base, sign) {
        (oid::DATE, Some(positive)) => Some(if positive { i32::MAX } else { i32::MIN }.to_be_bytes().to_vec()),
        (oid::TIMESTAMP | oid::TIMESTAMPTZ, Some(positive)) => Some(if positive { i64::MAX } else { i64::MIN }.to_be_bytes().to_vec()),
        _ => {
            let element = oid::element(base)?;
            let values = array::elements(text)?.into_iter().map(|value| match value {
                Some(text) => element_bytes(&text, element).map(Some),
                None => Some(None),
            });
            array::to_binary(element, &values.collect::<Option<Vec<_>>>()?)
        }
    }
}

fn element_bytes(text: &str, element: u32) -> Option<Vec<u8>> {
    match element {
        oid::BOOL => match text.to_ascii_lowercase().as_str() {
            "t" | "true" => Some(vec![1]),
            "f" | "false" => Some(vec![0]),
            _ => None,
        },
        oid::FLOAT4 | oid::FLOAT8 => float(text.parse().ok()?, element),
        oid::INT2 | oid::INT4 | oid::INT8 | oid::OID => integer(text.parse().ok()?, element),
        _ => text_like(text, element),
    }
}

fn uuid(text: &str) -> Option<Vec<u8>> {
    Some(uuid::Uuid::parse_str(text).ok()?.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_fit_their_type_or_are_refused() {
        assert_eq!(integer(300, oid::INT2), Some(vec![1, 44]));
        assert_eq!(integer(40_000, oid::INT2), None);
        assert_eq!(integer(i64::from(i32::MAX) + 1, oid::INT4), None);
        assert_eq!(integer(-1, oid::OID), None);
        assert_eq!(integer((1 << 53) + 1, oid::FLOAT8), None);
    }

    #[test]
    fn a_misfit_names_the_parameter_and_the_cast_that_cures_it() {
        let Error::InvalidArgument(text) = mismatch(2, &Value::Text("10.0.0.1".to_owned()), "inet") else { panic!("another error") };
        assert!(text.contains("parameter $2") && text.ends_with("hint: write `$2::text::inet`"), "{text}");
    }

    #[test]
    fn a_float_too_large_for_real_is_refused() {
        assert_eq!(float(1e300, oid::FLOAT4), None);
        assert!(float(f64::INFINITY, oid::FLOAT4).is_some());
    }
}

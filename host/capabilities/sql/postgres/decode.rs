//! Values from Postgres' binary form into column builders, by the type's number.

use sqlx::postgres::PgTypeInfo;

use crate::capabilities::sql::batch::ColumnBuilder;
use crate::capabilities::sql::types::{Error, Kind, TimeWithZone, Timestamp, TimestampWithZone, Value};

use super::datetime::{date_of, time_of, timestamp_of};
use super::{array, network, numeric, oid};

/// How the values of one column are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decoder {
    base: u32,
    pub(super) kind: Kind,
}

impl Decoder {
    /// None for types that are read as text by a rewritten statement (`fallback.rs`).
    pub(super) fn new(info: &PgTypeInfo) -> Option<Self> {
        let base = oid::base(info);
        let kind = match base {
            oid::BOOL => Kind::Boolean,
            oid::INT2 | oid::INT4 | oid::INT8 | oid::OID => Kind::Integer,
            oid::FLOAT4 | oid::FLOAT8 => Kind::Float,
            oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::NAME | oid::UNKNOWN | oid::CSTRING => Kind::Text,
            oid::BYTEA => Kind::Bytes,
            oid::NUMERIC => Kind::Decimal,
            oid::DATE => Kind::Date,
            oid::TIME => Kind::Time,
            oid::TIMETZ => Kind::TimeWithZone,
            oid::TIMESTAMP => Kind::Timestamp,
            oid::TIMESTAMPTZ => Kind::TimestampWithZone,
            oid::UUID => Kind::Uuid,
            oid::JSON | oid::JSONB => Kind::Json,
            oid::INET | oid::CIDR | oid::VOID => Kind::Other,
            _ if oid::element(base).is_some() => Kind::Other,
            _ => return None,
        };
        Some(Self { base, kind })
    }

    /// Puts one value that is not null into its column.
    pub(super) fn decode(self, raw: &[u8], column: &mut ColumnBuilder) -> Result<(), Error> {
        self.put(raw, column)
            .unwrap_or_else(|| Err(Error::Other(format!("the server sent a value of type {} that cannot be read", self.base))))
    }

    /// None when the bytes are not what the type's values look like.
    fn put(self, raw: &[u8], column: &mut ColumnBuilder) -> Option<Result<(), Error>> {
        match self.base {
            oid::BOOL => column.push_boolean(*raw.first()? != 0),
            oid::INT2 => column.push_integer(i64::from(i16::from_be_bytes(raw.try_into().ok()?))),
            oid::INT4 => column.push_integer(i64::from(int4(raw)?)),
            oid::INT8 => column.push_integer(int8(raw)?),
            oid::OID => column.push_integer(i64::from(u32::from_be_bytes(raw.try_into().ok()?))),
            oid::FLOAT4 => column.push_float(f64::from(f32::from_be_bytes(raw.try_into().ok()?))),
            oid::FLOAT8 => column.push_float(f64::from_be_bytes(raw.try_into().ok()?)),
            oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::NAME | oid::UNKNOWN | oid::CSTRING | oid::JSON => {
                return Some(column.push_text(std::str::from_utf8(raw).ok()?));
            }
            // One byte of version before the text.
            oid::JSONB => return Some(column.push_text(std::str::from_utf8(raw.get(1..)?).ok()?)),
            oid::BYTEA => return Some(column.push_bytes(raw)),
            oid::DATE | oid::TIMESTAMP | oid::TIMESTAMPTZ => return self.put_moment(raw, column),
            oid::TIME => column.push_time(time_of(int8(raw)?)),
            oid::TIMETZ => {
                let (micros, west) = (int8(raw.get(..8)?)?, int4(raw.get(8..)?)?);
                column.push_mixed(Value::TimeWithZone(TimeWithZone { time: time_of(micros), offset_seconds: -west }));
            }
            _ => {
                let mut text = String::new();
                text_of(self.base, raw, &mut text)?;
                return Some(column.push_text(&text));
            }
        }
        Some(Ok(()))
    }

    /// Dates and timestamps: the extreme numbers stand for infinity.
    fn put_moment(self, raw: &[u8], column: &mut ColumnBuilder) -> Option<Result<(), Error>> {
        let (number, least, most) = match self.base {
            oid::DATE => (i64::from(int4(raw)?), i64::from(i32::MIN), i64::from(i32::MAX)),
            _ => (int8(raw)?, i64::MIN, i64::MAX),
        };
        if number == least || number == most {
            return Some(column.push_other(if number == most { "infinity" } else { "-infinity" }));
        }
        if self.base == oid::DATE {
            column.push_date(date_of(number));
            return Some(Ok(()));
        }
        let (date, time) = timestamp_of(number);
        match self.base {
            oid::TIMESTAMP => column.push_timestamp(Timestamp { date, time }),
            _ => column.push_timestamp_with_zone(TimestampWithZone { date, time, offset_seconds: 0 }),
        }
        Some(Ok(()))
    }
}

/// Appends the text form of a value; None when it cannot be read.
pub(super) fn text_of(base: u32, raw: &[u8], out: &mut String) -> Option<()> {
    match base {
        oid::BOOL => out.push(if *raw.first()? != 0 { 't' } else { 'f' }),
        oid::INT2 => out.push_str(&i16::from_be_bytes(raw.try_into().ok()?).to_string()),
        oid::INT4 => out.push_str(&int4(raw)?.to_string()),
        oid::INT8 => out.push_str(&int8(raw)?.to_string()),
        oid::OID => out.push_str(&u32::from_be_bytes(raw.try_into().ok()?).to_string()),
        oid::FLOAT4 => out.push_str(&float_text(
            f64::from(f32::from_be_bytes(raw.try_into().ok()?)),
            format!("{:?}", f32::from_be_bytes(raw.try_into().ok()?)),
        )),
        oid::FLOAT8 => {
            out.push_str(&float_text(f64::from_be_bytes(raw.try_into().ok()?), format!("{:?}", f64::from_be_bytes(raw.try_into().ok()?))))
        }
        oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::NAME => out.push_str(std::str::from_utf8(raw).ok()?),
        oid::NUMERIC => numeric::to_text(raw, out)?,
        oid::UUID => out.push_str(&uuid::Uuid::from_slice(raw).ok()?.to_string()),
        oid::INET | oid::CIDR => network::to_text(raw, out)?,
        oid::VOID => {}
        _ => array::to_text(oid::element(base)?, raw, out)?,
    }
    Some(())
}

fn float_text(value: f64, shortest: String) -> String {
    match value {
        _ if value.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "Infinity".to_owned(),
        f64::NEG_INFINITY => "-Infinity".to_owned(),
        _ => shortest.strip_suffix(".0").unwrap_or(&shortest).to_owned(),
    }
}

fn int4(raw: &[u8]) -> Option<i32> {
    Some(i32::from_be_bytes(raw.try_into().ok()?))
}

fn int8(raw: &[u8]) -> Option<i64> {
    Some(i64::from_be_bytes(raw.try_into().ok()?))
}

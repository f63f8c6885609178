//! A value of every type, written as a parameter and read back; every type's null too.

use host_sdk::sql::{Database, Date, Engine, Time, TimeWithZone, Timestamp, TimestampWithZone, TypedText, Value};
use host_sdk::{Error, Result, out};

const DATE: Date = Date { year: 2024, month: 2, day: 29 };
const TIME: Time = Time { hour: 23, minute: 59, second: 58, nanosecond: 123_456_000 };
const MOMENT: Timestamp = Timestamp { date: DATE, time: TIME };

pub(crate) fn round_trip(database: &Database) -> Result<()> {
    let (types, values): (Vec<&str>, Vec<Value>) = match database.engine() {
        Engine::Postgres => postgres().into_iter().unzip(),
        _ => sqlite().into_iter().unzip(),
    };
    let columns: Vec<String> = types.iter().enumerate().map(|(at, name)| format!("c{at} {name}")).collect();
    database.run_script(&format!("DROP TABLE IF EXISTS probe_types; CREATE TABLE probe_types (id BIGINT, {});", columns.join(", ")))?;
    let places: Vec<String> = types.iter().zip(&values).enumerate().map(|(at, (name, value))| place(at + 2, name, value)).collect();
    let insert = format!("INSERT INTO probe_types VALUES ($1, {})", places.join(", "));
    let with_id = |id: i64, values: &[Value]| [&[Value::Integer(id)], values].concat();
    database.execute(&insert, &with_id(1, &values.iter().map(parameter).collect::<Vec<_>>()))?;
    database.execute(&insert, &with_id(2, &vec![Value::Null; values.len()]))?;

    let mut different = Vec::new();
    let rows: Vec<_> = database.query("SELECT * FROM probe_types ORDER BY id", &[])?.collect::<Result<_>>()?;
    let [first, second] = rows.as_slice() else { return Err(Error::failed(format!("{} rows came back", rows.len()))) };
    for (at, (name, wrote)) in types.iter().zip(&values).enumerate() {
        let read: Value = first.get(at + 1)?;
        if !same(&read, wrote) {
            different.push(format!("{name}: wrote {wrote:?}, read {read:?}"));
        }
        if second.get::<Value>(at + 1)? != Value::Null {
            different.push(format!("{name}: null came back as something else"));
        }
    }
    if different.is_empty() {
        out!("{} types came back", types.len());
        return Ok(());
    }
    Err(Error::failed(different.join("\n")))
}

/// A type without a case of its own is written as text, and cast by the database.
fn place(number: usize, type_name: &str, value: &Value) -> String {
    match value {
        Value::Other(_) => format!("${number}::text::{type_name}"),
        _ => format!("${number}"),
    }
}

fn parameter(value: &Value) -> Value {
    match value {
        Value::Other(typed) => Value::Text(typed.text.clone()),
        _ => value.clone(),
    }
}

/// NaN is not equal to itself, and is the same.
fn same(read: &Value, wrote: &Value) -> bool {
    match (read, wrote) {
        (Value::Float(read), Value::Float(wrote)) => read.to_bits() == wrote.to_bits(),
        _ => read == wrote,
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn other(type_name: &str, text: &str) -> Value {
    Value::Other(TypedText { type_name: type_name.to_owned(), text: text.to_owned() })
}

fn all_texts() -> Value {
    text("ä 中 🦀 \"'\\\n\t; -- %s $1")
}

fn all_bytes() -> Value {
    Value::Bytes((0..=255).collect())
}

fn postgres() -> Vec<(&'static str, Value)> {
    let decimal = |digits: &str| Value::Decimal(digits.to_owned());
    vec![
        ("boolean", Value::Boolean(true)),
        ("smallint", Value::Integer(-32_768)),
        ("integer", Value::Integer(2_147_483_647)),
        ("bigint", Value::Integer(i64::MIN)),
        ("double precision", Value::Float(-0.1)),
        ("double precision", Value::Float(f64::INFINITY)),
        ("double precision", Value::Float(f64::NAN)),
        ("text", all_texts()),
        ("text", text("")),
        ("varchar(20)", text("twenty characters ok")),
        ("bytea", all_bytes()),
        ("bytea", Value::Bytes(Vec::new())),
        ("numeric", decimal("12345678901234567890123456789.000000000000000000012340")),
        ("numeric", decimal("-0.50")),
        ("numeric", decimal("NaN")),
        ("date", Value::Date(DATE)),
        ("date", Value::Date(Date { year: -43, month: 3, day: 15 })),
        ("time", Value::Time(TIME)),
        ("timetz", Value::TimeWithZone(TimeWithZone { time: TIME, offset_seconds: -19_800 })),
        ("timestamp", Value::Timestamp(MOMENT)),
        ("timestamptz", Value::TimestampWithZone(TimestampWithZone { date: DATE, time: TIME, offset_seconds: 0 })),
        ("uuid", Value::Uuid("0190b5a0-7e1c-7000-8000-00000000002a".to_owned())),
        ("json", Value::Json("{\"a\": [1, null, \"ä\"]}".to_owned())),
        ("jsonb", Value::Json("{\"a\": [1, null, \"ä\"]}".to_owned())),
        ("integer[]", other("int4[]", "{1,NULL,3}")),
        ("text[]", other("text[]", "{a,\"b c\",NULL}")),
        ("inet", other("inet", "10.0.0.0/8")),
        ("interval", other("interval", "1 year 2 mons 3 days 04:05:06.789")),
        ("int4range", other("int4range", "[1,10)")),
        ("point", other("point", "(1.5,-2)")),
        ("macaddr", other("macaddr", "08:00:2b:01:02:03")),
        ("money", other("money", "$12.50")),
    ]
}

fn sqlite() -> Vec<(&'static str, Value)> {
    vec![
        ("BOOLEAN", Value::Boolean(true)),
        ("INTEGER", Value::Integer(i64::MIN)),
        ("BIGINT", Value::Integer(i64::MAX)),
        ("REAL", Value::Float(-0.1)),
        ("REAL", Value::Float(f64::INFINITY)),
        ("TEXT", all_texts()),
        ("TEXT", text("")),
        ("VARCHAR(20)", text("twenty characters ok")),
        ("BLOB", all_bytes()),
        ("BLOB", Value::Bytes(Vec::new())),
        ("DATE", Value::Date(DATE)),
        ("TIME", Value::Time(TIME)),
        ("TIMESTAMP", Value::Timestamp(MOMENT)),
        ("DATETIME", Value::Timestamp(MOMENT)),
        ("UUID", Value::Uuid("0190b5a0-7e1c-7000-8000-00000000002a".to_owned())),
        ("JSON", Value::Json("{\"a\": [1, null, \"ä\"]}".to_owned())),
    ]
}

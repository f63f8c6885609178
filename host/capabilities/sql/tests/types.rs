//! Values of Postgres' types, both ways.

use std::path::Path;

use super::*;
use crate::capabilities::sql::types::{Date, Time, TimeWithZone, Timestamp, TimestampWithZone};

async fn open(server: &Server) -> (Run, Conn) {
    let mut run = Run::new(&server.database(), Path::new("/"), ALL);
    let on = run.open().await;
    (run, on)
}

fn other(type_name: &str, text: &str) -> Value {
    Value::Other(TypedText { type_name: type_name.to_owned(), text: text.to_owned() })
}

fn decimal(text: &str) -> Value {
    Value::Decimal(text.to_owned())
}

const DAY: Date = Date { year: 2024, month: 2, day: 29 };
const CLOCK: Time = Time { hour: 23, minute: 59, second: 58, nanosecond: 123_456_000 };

fn values() -> Vec<(&'static str, Value)> {
    let zoned = TimestampWithZone { date: DAY, time: CLOCK, offset_seconds: 0 };
    vec![
        ("bool", Value::Boolean(true)),
        ("int2", Value::Integer(-32_768)),
        ("int4", Value::Integer(i64::from(i32::MAX))),
        ("int8", Value::Integer(i64::MIN)),
        ("oid", Value::Integer(4_294_967_295)),
        ("float4", Value::Float(0.5)),
        ("float8", Value::Float(f64::NEG_INFINITY)),
        ("numeric", decimal("-12345678901234567890.000123")),
        ("numeric", decimal("NaN")),
        ("numeric", decimal("Infinity")),
        ("numeric(10,2)", decimal("0.10")),
        ("text", text("ä \u{1f600} '\"")),
        ("varchar(20)", text("x")),
        ("char(3)", text("abc")),
        ("name", text("pg_class")),
        ("bytea", Value::Bytes(vec![0, 1, 255])),
        ("date", Value::Date(DAY)),
        ("date", Value::Date(Date { year: -43, month: 3, day: 15 })),
        ("date", other("date", "infinity")),
        ("time", Value::Time(CLOCK)),
        ("time", Value::Time(Time { hour: 24, minute: 0, second: 0, nanosecond: 0 })),
        ("timetz", Value::TimeWithZone(TimeWithZone { time: CLOCK, offset_seconds: -19_800 })),
        ("timestamp", Value::Timestamp(Timestamp { date: DAY, time: CLOCK })),
        ("timestamp", other("timestamp", "-infinity")),
        ("timestamptz", Value::TimestampWithZone(zoned)),
        ("uuid", Value::Uuid("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11".to_owned())),
        ("json", Value::Json("{\"a\":  1}".to_owned())),
        ("jsonb", Value::Json("{\"a\": 1}".to_owned())),
        ("int4[]", other("int4[]", "{1,NULL,-3}")),
        ("text[]", other("text[]", "{a,\"b c\",NULL,\"\"}")),
        ("uuid[]", other("uuid[]", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_goes_in_and_comes_out_the_same() {
    let server = Server::shared();
    let (mut run, on) = open(&server).await;
    for (sql_type, value) in values() {
        let back = run.query_with(on, &format!("SELECT $1::{sql_type}, NULL::{sql_type}"), std::slice::from_ref(&value)).await;
        assert_eq!(back, Ok(vec![vec![value, Value::Null]]), "{sql_type}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nulls_and_values_share_a_batch() {
    let server = Server::shared();
    let (mut run, on) = open(&server).await;
    let rows = run.query(on, "SELECT CASE WHEN i % 3 = 0 THEN NULL ELSE i END FROM generate_series(1, 10) i").await.unwrap();
    let expected: Vec<Vec<Value>> = (1..=10).map(|i| vec![if i % 3 == 0 { Value::Null } else { Value::Integer(i) }]).collect();
    assert_eq!(rows, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn types_without_a_case_come_as_their_text() {
    let server = Server::shared();
    let (mut run, on) = open(&server).await;
    run.script(on, "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TYPE pair AS (a int, b text); CREATE DOMAIN short AS text CHECK (length(value) < 5)").await.unwrap();
    run.script(on, "CREATE TABLE all_kinds (m mood, p pair, s short, i interval, n inet, r int4range, b bit(3), c money, g point, x xml, a int[][], e mood[], v int)")
        .await
        .unwrap();
    let insert = "INSERT INTO all_kinds VALUES ($1, '(1,x)', $2, '1 day 02:00', '10.0.0.1/8', '[1,5)', B'101', 12.5, '(1,2)', '<a/>', '{{1,2},{3,4}}', '{ok}', 7)";
    assert_eq!(run.execute(on, insert, &[text("ok"), text("abc")]).await, Ok(1));
    let rows = run.query(on, "SELECT * FROM all_kinds ORDER BY v;").await.unwrap();
    let expected = ["(1,x)", "1 day 02:00:00", "10.0.0.1/8", "[1,5)", "101", "$12.50", "(1,2)", "<a/>", "{{1,2},{3,4}}", "{ok}"];
    assert_eq!((&rows[0][0], &rows[0][2], &rows[0][12]), (&text("ok"), &text("abc"), &Value::Integer(7)));
    let found: Vec<&str> =
        rows[0].iter().filter_map(|value| if let Value::Other(other) = value { Some(other.text.as_str()) } else { None }).collect();
    assert_eq!(found, expected);
    let returned = run.returning(on, "UPDATE all_kinds SET v = 8 RETURNING i, v").await.unwrap();
    assert_eq!(returned, [[other("interval", "1 day 02:00:00"), Value::Integer(8)]]);
    assert_eq!(run.query(on, "SELECT pg_sleep(0)").await.unwrap()[0][0], other("void", ""));
    assert_eq!(run.query_with(on, "SELECT n FROM all_kinds WHERE n = $1::text::inet", &[text("10.0.0.1/8")]).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_do_not_fit_are_refused_with_the_cast_that_cures_it() {
    let server = Server::shared();
    let (mut run, on) = open(&server).await;
    for (sql, value) in [
        ("SELECT $1::int2", Value::Integer(40_000)),
        ("SELECT $1::inet", text("10.0.0.1")),
        ("SELECT $1::text", Value::Integer(1)),
        ("SELECT $1::date", Value::Date(Date { year: 2023, month: 2, day: 29 })),
        ("SELECT $1::int4[]", other("int4[]", "{{1}}")),
        ("SELECT $1::uuid", Value::Uuid("no".to_owned())),
    ] {
        let answer = run.query_with(on, sql, &[value]).await;
        assert!(matches!(&answer, Err(Error::InvalidArgument(text)) if text.contains("hint: write `$1::")), "{sql}: {answer:?}");
    }
    assert!(matches!(run.query_with(on, "SELECT $1::int4", &[]).await, Err(Error::InvalidArgument(_))));
    assert_eq!(run.query_with(on, "SELECT $1::int4", &[Value::Integer(1)]).await.unwrap(), [[Value::Integer(1)]]);
}

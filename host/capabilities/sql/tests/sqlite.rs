//! SQLite through the Host functions.

use tempfile::TempDir;

use super::*;
use crate::capabilities::sql::types::{Date, Time, Timestamp};

fn run(powers: &[SqlPower]) -> (Run, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Run::new("sqlite://var/app.db", folder.path(), powers), folder)
}

async fn with_table(powers: &[SqlPower]) -> (Run, TempDir, Conn) {
    let (mut owner, folder) = run(ALL);
    let on = owner.open().await;
    owner.script(on, "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE); INSERT INTO t (name) VALUES ('a'), ('b');").await.unwrap();
    owner.ctx.shutdown().await;
    let mut run = Run::new("sqlite://var/app.db", folder.path(), powers);
    let on = run.open().await;
    (run, folder, on)
}

#[tokio::test(flavor = "multi_thread")]
async fn values_come_back_as_they_were_given() {
    let (mut run, _folder) = run(ALL);
    let on = run.open().await;
    run.script(on, "CREATE TABLE v (b BOOLEAN, i INTEGER, f REAL, s TEXT, x BLOB, d DATE, z TIMESTAMP, n TEXT)").await.unwrap();
    let date = Date { year: 2024, month: 2, day: 29 };
    let stamp = Timestamp { date, time: Time { hour: 1, minute: 2, second: 3, nanosecond: 4_000 } };
    let row = vec![
        Value::Boolean(true),
        Value::Integer(i64::MIN),
        Value::Float(1.5),
        text("ä\0b"),
        Value::Bytes(vec![0, 255]),
        Value::Date(date),
        Value::Timestamp(stamp),
        Value::Null,
    ];
    assert_eq!(run.execute(on, "INSERT INTO v VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", &row).await, Ok(1));
    assert_eq!(run.query(on, "SELECT * FROM v").await, Ok(vec![row]));
    let swapped = run.query_with(on, "SELECT $2 AS b, $1 AS a, $2", &[text("first"), Value::Integer(2)]).await.unwrap();
    assert_eq!(swapped, [[Value::Integer(2), text("first"), Value::Integer(2)]]);
    assert!(matches!(run.query_with(on, "SELECT $1", &[]).await, Err(Error::InvalidArgument(_))));
    assert!(matches!(run.query_with(on, "SELECT $1", &[Value::Null, Value::Null]).await, Err(Error::InvalidArgument(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_grant_changes_nothing_whatever_is_tried() {
    let (mut run, _folder, on) = with_table(&[SqlPower::Read]).await;
    assert_eq!(run.query(on, "SELECT count(*) FROM t").await.unwrap()[0][0], Value::Integer(2));
    assert!(run.query(on, "PRAGMA table_info(t)").await.is_ok());
    for hostile in [
        "INSERT INTO t (name) VALUES ('x')",
        "WITH x AS (SELECT 1) DELETE FROM t",
        "DELETE FROM t RETURNING id",
        "ATTACH 'other.db' AS o",
        "PRAGMA writable_schema = 1",
        "PRAGMA journal_mode = off",
        "PRAGMA database_list",
        "SELECT load_extension('x')",
        "CREATE TEMP TABLE x (a)",
        "SELECT * FROM pragma_database_list",
    ] {
        assert!(matches!(run.query(on, hostile).await, Err(Error::AccessDenied(_))), "{hostile}: {:?}", run.query(on, hostile).await);
    }
    for several in ["VACUUM INTO 'copy.db'", "SELECT 1; DELETE FROM t", "SELECT 1; SELECT 2", "", " -- nothing\n"] {
        assert!(matches!(run.query(on, several).await, Err(Error::InvalidArgument(_) | Error::AccessDenied(_))), "{several}");
    }
    assert!(run.query(on, "SELECT 1; -- the end").await.is_ok());
    assert!(matches!(run.execute(on, "DELETE FROM t", &[]).await, Err(Error::AccessDenied(_))));
    assert!(matches!(run.script(on, "DELETE FROM t").await, Err(Error::AccessDenied(_))));
    assert!(matches!(run.begin(on, TransactionMode::ReadWrite).await, Err(Error::AccessDenied(_))));
    assert_eq!(run.value(on, "SELECT count(*) FROM t").await, Value::Integer(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_grant_creates_no_file() {
    let (mut run, folder) = run(&[SqlPower::Read]);
    assert!(matches!(run.try_open().await, Err(Error::ConnectionRejected(_))));
    assert!(!folder.path().join("var").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_names_the_line_that_allows_it() {
    let (mut run, _folder, on) = with_table(&[SqlPower::Read, SqlPower::Write]).await;
    let Err(Error::AccessDenied(text)) = run.execute(on, "DROP TABLE t", &[]).await else { panic!("allowed") };
    assert!(text.contains("`sql.default = [\"read\", \"write\", \"schema\"]` under `[commands.test]`"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_transaction_is_rolled_back_before_the_next_statement() {
    let (mut run, _folder, on) = with_table(ALL).await;
    let transaction = run.begin(on, TransactionMode::ReadWrite).await.unwrap();
    run.execute(on, "DELETE FROM t", &[]).await.unwrap();
    assert!(matches!(run.begin(on, TransactionMode::ReadWrite).await, Err(Error::InvalidArgument(_))));
    run.drop_transaction(transaction).await;
    assert_eq!(run.value(on, "SELECT count(*) FROM t").await, Value::Integer(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_committed_transaction_stays_and_an_aborted_one_does_not() {
    let (mut run, _folder, on) = with_table(ALL).await;
    let transaction = run.begin(on, TransactionMode::ReadWrite).await.unwrap();
    run.execute(on, "INSERT INTO t (name) VALUES ('c')", &[]).await.unwrap();
    run.commit(&transaction).await.unwrap();
    assert!(run.commit(&transaction).await.is_err());
    let transaction = run.begin(on, TransactionMode::ReadWrite).await.unwrap();
    run.execute(on, "INSERT INTO t (name) VALUES ('d')", &[]).await.unwrap();
    let Err(Error::QueryFailed(error)) = run.execute(on, "INSERT INTO t (name) VALUES ('a')", &[]).await else { panic!("no error") };
    assert_eq!((error.code.as_str(), error.table.as_deref(), error.column.as_deref()), ("2067", Some("t"), Some("name")));
    assert!(run.query(on, "SELECT 1").await.is_err());
    assert!(run.commit(&transaction).await.is_err());
    assert_eq!(run.value(on, "SELECT count(*) FROM t").await, Value::Integer(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_transaction_changes_nothing_even_when_write_is_granted() {
    let (mut run, _folder, on) = with_table(ALL).await;
    let transaction = run.begin(on, TransactionMode::ReadOnly).await.unwrap();
    assert!(run.execute(on, "DELETE FROM t", &[]).await.is_err());
    assert!(run.rollback(&transaction).await.is_ok());
    assert_eq!(run.execute(on, "DELETE FROM t", &[]).await, Ok(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_stops_at_its_first_error_and_names_the_line() {
    let (mut run, _folder, on) = with_table(ALL).await;
    let script = "CREATE TABLE u (a);\n-- two\nINSERT INTO u VALUES (1), (2);\n\nINSERT INTO\n  nowhere VALUES (1);\nDROP TABLE u;";
    let Err(Error::QueryFailed(error)) = run.script(on, script).await else { panic!("no error") };
    assert_eq!(error.line, Some(5), "{error:?}");
    assert_eq!(run.value(on, "SELECT count(*) FROM u").await, Value::Integer(2));
    let trigger = "CREATE TRIGGER x AFTER INSERT ON u BEGIN DELETE FROM t; SELECT CASE WHEN 1 THEN 2 END; END; INSERT INTO u VALUES (3)";
    let outcome = run.script(on, trigger).await.unwrap();
    assert_eq!((outcome.statements, outcome.rows_changed), (2, 3));
    let transaction = run.begin(on, TransactionMode::ReadWrite).await.unwrap();
    assert!(matches!(run.script(on, "CREATE TABLE w (a); COMMIT").await, Err(Error::InvalidArgument(_))));
    run.rollback(&transaction).await.unwrap();
    assert!(run.script(on, "BEGIN; CREATE TABLE w (a)").await.is_err());
    assert!(run.query(on, "SELECT * FROM w").await.is_err());
    assert_eq!(run.script(on, "VACUUM").await.unwrap().statements, 1);
    for hostile in [
        "ATTACH 'x' AS y",
        "VACUUM INTO 'x'",
        "PRAGMA writable_schema = 1",
        "SELECT load_extension('x')",
        "UPDATE sqlite_master SET sql = ''",
    ] {
        assert!(run.script(on, hostile).await.is_err(), "{hostile}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exceeding_the_budget_rolls_back() {
    let (_owner, folder, _) = with_table(ALL).await;
    let mut run = Run::with_budget("sqlite://var/app.db", folder.path(), ALL, Some(1));
    let on = run.open().await;
    assert!(matches!(run.execute(on, "DELETE FROM t", &[]).await, Err(Error::LimitExceeded(_))));
    let mut run = Run::with_budget("sqlite://var/app.db", folder.path(), ALL, Some(2));
    let on = run.open().await;
    assert_eq!(run.value(on, "SELECT count(*) FROM t").await, Value::Integer(2));
    assert_eq!(run.returning(on, "DELETE FROM t RETURNING name").await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_and_a_dropped_reader_stop_the_work() {
    let (mut run, _folder, on) = with_table(ALL).await;
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    run.view().set_statement_timeout(on.borrow(), 100).await.unwrap();
    assert!(matches!(run.query(on, endless).await, Err(Error::Timeout(_))));
    run.view().set_statement_timeout(on.borrow(), 0).await.unwrap();
    let gone = tokio::time::timeout(Duration::from_millis(100), run.try_query(on, endless, &[])).await;
    assert!(gone.is_err());
    let started = std::time::Instant::now();
    assert_eq!(run.value(on, "SELECT 1").await, Value::Integer(1));
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    let rows = run.try_query(on, &endless.replace("count(*)", "i"), &[]).await.unwrap();
    assert!(matches!(run.query(on, "SELECT 1").await, Err(Error::InvalidArgument(_))));
    run.next(&rows).await.unwrap().unwrap();
    crate::capabilities::sql::types::HostRows::drop(&mut run.view(), rows).await.unwrap();
    assert_eq!(run.value(on, "SELECT 1").await, Value::Integer(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_somebody_else_writes_is_waited_for_and_then_told() {
    let (mut run, _folder, on) = with_table(ALL).await;
    let other = run.open().await;
    let transaction = run.begin(on, TransactionMode::ReadWrite).await.unwrap();
    run.view().set_statement_timeout(other.borrow(), 200).await.unwrap();
    let Err(Error::QueryFailed(error)) = run.execute(other, "DELETE FROM t", &[]).await else { panic!("no error") };
    assert!(error.message.contains("locked"), "{error:?}");
    run.commit(&transaction).await.unwrap();
    assert_eq!(run.execute(other, "DELETE FROM t", &[]).await, Ok(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn at_most_eight_connections_are_open_at_once() {
    let (mut run, _folder) = run(ALL);
    let mut open = Vec::new();
    for _ in 0..8 {
        open.push(run.open().await);
    }
    assert!(matches!(run.try_open().await, Err(Error::LimitExceeded(_))));
    run.view().close(open[0].borrow()).await.unwrap();
    assert!(run.try_open().await.is_ok());
    run.ctx.shutdown().await;
    assert!(run.try_open().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_rows_pass_in_bounded_memory() {
    let (mut run, _folder) = run(ALL);
    let on = run.open().await;
    let rows =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) SELECT i, i * 0.5, printf('%0200d', i) FROM n";
    let rows = run.try_query(on, rows, &[]).await.unwrap();
    let (mut count, before) = (0, resident());
    while let Some(batch) = run.next(&rows).await.unwrap() {
        assert!(batch.rows <= crate::capabilities::sql::limits::BATCH_ROWS);
        count += batch.rows;
    }
    assert_eq!(count, 1_000_000);
    assert!(resident().saturating_sub(before) < 128 << 20, "{} MiB more", resident().saturating_sub(before) >> 20);
}

//! Postgres through the Host functions.

use std::path::Path;

use super::*;
use crate::capabilities::sql::types::HostRows;

fn run(url: &str, powers: &[SqlPower]) -> Run {
    Run::new(url, Path::new("/"), powers)
}

async fn with_table(server: &Server, powers: &[SqlPower]) -> (Run, Conn, String) {
    let url = server.database();
    let mut owner = run(&url, ALL);
    let on = owner.open().await;
    owner.script(on, "CREATE TABLE t (id serial PRIMARY KEY, name text UNIQUE); INSERT INTO t (name) VALUES ('a'), ('b');").await.unwrap();
    owner.ctx.shutdown().await;
    let mut run = run(&url, powers);
    let on = run.open().await;
    (run, on, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_looks_whether_the_host_is_still_there() {
    let server = Server::shared();
    let (mut run, on, _) = with_table(&server, &[SqlPower::Read]).await;
    assert_eq!(run.value(on, "SHOW client_connection_check_interval").await, text("2s"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_grant_changes_nothing_whatever_is_tried() {
    let server = Server::shared();
    let (mut run, on, _) = with_table(&server, &[SqlPower::Read]).await;
    assert_eq!(run.value(on, "SELECT count(*) FROM t").await, Value::Integer(2));
    assert_eq!(run.value(on, "SHOW transaction_read_only").await, text("on"));
    for denied in [
        "INSERT INTO t (name) VALUES ('x')",
        "COPY t TO PROGRAM 'id'",
        "COPY (SELECT 1) TO '/tmp/x'",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_catalog.\"pg_read_file\"('/etc/passwd')",
        "SELECT * FROM pg_ls_dir('.')",
        "SELECT set_config('role', 'postgres', false)",
        "SELECT query_to_xml('DELETE FROM t', true, true, '')",
        "SET ROLE postgres",
        "DO $$ BEGIN DELETE FROM t; END $$",
        "SELECT lo_import('/etc/passwd')",
    ] {
        assert!(matches!(run.query(on, denied).await, Err(Error::AccessDenied(_))), "{denied}");
    }
    for failing in [
        "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x",
        "SELECT * INTO u FROM t",
        "SELECT nextval('t_id_seq')",
        "EXPLAIN ANALYZE DELETE FROM t",
        "SELECT 1; DELETE FROM t",
        "SELECT 1 \\; DELETE FROM t",
    ] {
        let answer = run.query(on, failing).await;
        assert!(matches!(answer, Err(Error::QueryFailed(_) | Error::InvalidArgument(_))), "{failing}: {answer:?}");
    }
    assert_eq!(run.value(on, "SELECT count(*) FROM t").await, Value::Integer(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_inside_a_read_write_transaction_changes_nothing_either() {
    let server = Server::shared();
    let (mut run, on, _) = with_table(&server, ALL).await;
    let transaction = run.begin(on, TransactionMode::ReadWrite).await.unwrap();
    assert_eq!(run.execute(on, "DELETE FROM t WHERE name = $1", &[text("a")]).await, Ok(1));
    assert_eq!(run.value(on, "SELECT count(*) FROM t").await, Value::Integer(1));
    assert_eq!(run.execute(on, "INSERT INTO t (name) VALUES ('c')", &[]).await, Ok(1));
    let hidden = run.query(on, "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x").await;
    assert!(matches!(&hidden, Err(Error::QueryFailed(error)) if error.code == "25006"), "{hidden:?}");
    assert!(run.commit(&transaction).await.is_err());
    assert_eq!(run.value(on, "SELECT count(*) FROM t").await, Value::Integer(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_commit_roll_back_and_are_dropped() {
    let server = Server::shared();
    let (mut run, on, _) = with_table(&server, ALL).await;
    let transaction = run.begin(on, TransactionMode::ReadWrite).await.unwrap();
    run.execute(on, "INSERT INTO t (name) VALUES ('c')", &[]).await.unwrap();
    assert!(matches!(run.begin(on, TransactionMode::ReadOnly).await, Err(Error::InvalidArgument(_))));
    run.commit(&transaction).await.unwrap();
    let transaction = run.begin(on, TransactionMode::ReadWrite).await.unwrap();
    run.execute(on, "DELETE FROM t", &[]).await.unwrap();
    run.drop_transaction(transaction).await;
    assert_eq!(run.value(on, "SELECT count(*) FROM t").await, Value::Integer(3));
    let transaction = run.begin(on, TransactionMode::ReadOnly).await.unwrap();
    assert!(matches!(run.script(on, "SET TRANSACTION READ WRITE; DELETE FROM t").await, Err(Error::QueryFailed(_))));
    assert!(run.rollback(&transaction).await.is_ok());
    assert_eq!(run.value(on, "SELECT count(*) FROM t").await, Value::Integer(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_structured() {
    let server = Server::shared();
    let (mut run, on, _) = with_table(&server, ALL).await;
    let Err(Error::QueryFailed(error)) = run.execute(on, "INSERT INTO t (name) VALUES ('a')", &[]).await else { panic!("no error") };
    assert_eq!((error.code.as_str(), error.table.as_deref(), error.constraint.as_deref()), ("23505", Some("t"), Some("t_name_key")));
    assert!(error.detail.is_some());
    let Err(Error::QueryFailed(error)) = run.query(on, "SELECT nope").await else { panic!("no error") };
    assert_eq!((error.code.as_str(), error.position), ("42703", Some(8)));
    let script = "CREATE TABLE u (a int);\n\nINSERT INTO u\n  VALUES ('x');\nDROP TABLE u";
    let Err(Error::QueryFailed(error)) = run.script(on, script).await else { panic!("no error") };
    assert_eq!(error.line, Some(4), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_run_concurrent_indexes_outside_and_nothing_that_ends_a_transaction_inside() {
    let server = Server::shared();
    let (mut run, on, _) = with_table(&server, ALL).await;
    let outcome = run.script(on, "CREATE INDEX CONCURRENTLY i ON t (name); UPDATE t SET name = name || 'x'; SELECT 1").await.unwrap();
    assert_eq!((outcome.statements, outcome.rows_changed), (3, 2));
    let transaction = run.begin(on, TransactionMode::ReadWrite).await.unwrap();
    assert!(matches!(run.script(on, "CREATE TABLE w (a int); COMMIT").await, Err(Error::InvalidArgument(_))));
    assert!(run.script(on, "CREATE TABLE w (a int); SAVEPOINT s; DROP TABLE t; ROLLBACK TO s").await.is_ok());
    run.commit(&transaction).await.unwrap();
    assert!(run.query(on, "SELECT * FROM w, t").await.is_ok());
    assert!(matches!(run.script(on, "COPY t TO PROGRAM 'id'").await, Err(Error::AccessDenied(_))));
    assert!(run.script(on, "BEGIN; CREATE TABLE x (a int)").await.is_err());
    assert!(run.query(on, "SELECT * FROM x").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn exceeding_the_budget_rolls_back() {
    let server = Server::shared();
    let (_owner, _, url) = with_table(&server, ALL).await;
    for (sql, inside) in [("DELETE FROM t", false), ("DELETE FROM t", true), ("WITH x AS (DELETE FROM t) SELECT 1", false)] {
        let mut run = Run::with_budget(&url, Path::new("/"), ALL, Some(1));
        let on = run.open().await;
        let transaction = if inside { Some(run.begin(on, TransactionMode::ReadWrite).await.unwrap()) } else { None };
        assert!(matches!(run.execute(on, sql, &[]).await, Err(Error::LimitExceeded(_))), "{sql}");
        if let Some(transaction) = transaction {
            assert!(run.commit(&transaction).await.is_err());
        }
    }
    let mut run = Run::with_budget(&url, Path::new("/"), ALL, Some(2));
    let on = run.open().await;
    assert_eq!(run.returning(on, "DELETE FROM t RETURNING name").await.unwrap().len(), 2);
}

/// How many sessions of the database work on a statement that contains `pg_sleep`.
fn sleeping(server: &Server, url: &str) -> String {
    let database = url.split(['/', '?']).nth(3).unwrap();
    server.sql(
        "postgres",
        &format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND state = 'active' AND query LIKE '%pg_sleep%'"),
    )
}

fn until(what: &str, check: impl Fn() -> bool) {
    let started = std::time::Instant::now();
    while !check() {
        assert!(started.elapsed() < Duration::from_secs(5), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_waits_for_is_cancelled_on_the_server() {
    let server = Server::shared();
    let (mut run, on, url) = with_table(&server, ALL).await;
    // The future of the call is dropped, as when a run is interrupted.
    let gone = tokio::time::timeout(Duration::from_millis(200), run.execute(on, "UPDATE t SET name = pg_sleep(60)::text", &[])).await;
    assert!(gone.is_err());
    until("the dropped query was cancelled", || sleeping(&server, &url) == "0");
    assert_eq!(run.value(on, "SELECT 1").await, Value::Integer(1));
    // Rows are dropped in the middle.
    let rows = run.try_query(on, "SELECT i, pg_sleep(i / 9000 * 60)::text FROM generate_series(1, 10000) i", &[]).await.unwrap();
    run.next(&rows).await.unwrap().unwrap();
    HostRows::drop(&mut run.view(), rows).await.unwrap();
    until("the dropped rows were cancelled", || sleeping(&server, &url) == "0");
    assert_eq!(run.value(on, "SELECT 1").await, Value::Integer(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_timeout_ends_the_statement() {
    let server = Server::shared();
    let (mut run, on, _) = with_table(&server, ALL).await;
    run.view().set_statement_timeout(on.borrow(), 100).await.unwrap();
    assert!(matches!(run.query(on, "SELECT pg_sleep(60)").await, Err(Error::Timeout(_))));
    run.view().set_statement_timeout(on.borrow(), 0).await.unwrap();
    assert!(run.query(on, "SELECT pg_sleep(0.2)").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_run_ends_what_runs_and_shutdown_leaves_no_session() {
    let server = Server::shared();
    let (mut run, on, url) = with_table(&server, ALL).await;
    let closer = run.ctx.closer();
    let leave = run.leave.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        leave.send(Leave::Interrupted).unwrap();
    });
    assert!(matches!(run.query(on, "SELECT pg_sleep(60)").await, Err(Error::Cancelled(_))));
    // The store and all it holds go before the connections are closed.
    drop(run);
    closer.shutdown().await;
    let database = url.split(['/', '?']).nth(3).unwrap();
    until("no session is left", || {
        server.sql("postgres", &format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}'")) == "0"
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_rows_pass_in_bounded_memory() {
    let server = Server::shared();
    let (mut run, on, _) = with_table(&server, &[SqlPower::Read]).await;
    let rows = run.try_query(on, "SELECT i, i * 0.5::float8, repeat('x', 200) FROM generate_series(1, 1000000) i", &[]).await.unwrap();
    let (mut count, before) = (0, resident());
    while let Some(batch) = run.next(&rows).await.unwrap() {
        count += batch.rows;
    }
    assert_eq!(count, 1_000_000);
    assert!(resident().saturating_sub(before) < 128 << 20, "{} MiB more", resident().saturating_sub(before) >> 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_connecting_tell_no_address_user_or_password() {
    let server = Server::shared();
    for url in [
        server.url("nobody_here", "postgres"),
        server.url("postgres", "no_such_db"),
        "postgres://secretuser:secretpw@127.0.0.1:1/x".to_owned(),
    ] {
        let Err(error) = run(&url, ALL).try_open().await else { panic!("opened") };
        let shown = format!("{error:?}");
        assert!(!["nobody_here", "no_such_db", "secret", "127.0.0.1"].iter().any(|secret| shown.contains(secret)), "{shown}");
    }
    let missing = run(&server.url("postgres", "no_such_db"), ALL).try_open().await;
    assert!(matches!(&missing, Err(Error::ConnectionRejected(error)) if error.code == "3D000"), "{:?}", missing.err());
    assert!(matches!(run("postgres://x@127.0.0.1:1/x", ALL).try_open().await, Err(Error::ConnectionFailed(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_accepts_and_never_answers_is_given_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://x@127.0.0.1:{}/x", listener.local_addr().unwrap().port());
    let mut run = run(&url, ALL);
    let started = std::time::Instant::now();
    let options = ConnectOptions { connect_timeout_ms: 200, statement_timeout_ms: 0 };
    assert!(matches!(run.try_open_with("default", options).await, Err(Error::ConnectionFailed(_))));
    assert!(started.elapsed() < Duration::from_secs(2));
    assert!(matches!(run.try_open_with("nope", options).await, Err(Error::NoSuchDatabase(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_superuser_reads_with_less_than_its_might_and_names_keep_their_meaning() {
    let server = Server::shared();
    let (mut run, on, _) = with_table(&server, ALL).await;
    run.script(on, "CREATE SCHEMA postgres CREATE TABLE t (a text); INSERT INTO postgres.t VALUES ('own')").await.unwrap();
    assert_eq!(run.query(on, "SELECT current_user::text, (SELECT a FROM t)").await.unwrap(), [[text("pg_read_all_data"), text("own")]]);
    // What the list of names does not see, Postgres refuses to the lowered role.
    run.script(on, "CREATE FUNCTION sneaky() RETURNS text LANGUAGE sql AS $$ SELECT pg_read_file('/etc/passwd') $$").await.unwrap();
    let answer = run.query(on, "SELECT sneaky()").await;
    assert!(matches!(&answer, Err(Error::QueryFailed(error)) if error.code == "42501"), "{answer:?}");
    let transaction = run.begin(on, TransactionMode::ReadWrite).await.unwrap();
    assert_eq!(run.value(on, "SELECT current_user::text").await, text("pg_read_all_data"));
    assert_eq!(run.execute(on, "INSERT INTO t VALUES (current_user)", &[]).await, Ok(1));
    run.commit(&transaction).await.unwrap();
    assert_eq!(run.value(on, "SELECT max(a) FROM t").await, text("postgres"));
}

#[tokio::test(flavor = "multi_thread")]
async fn row_security_is_an_error_and_never_hides_rows() {
    let server = Server::shared();
    let (mut run, on, _) = with_table(&server, ALL).await;
    run.script(on, "ALTER TABLE t ENABLE ROW LEVEL SECURITY").await.unwrap();
    let answer = run.query(on, "SELECT * FROM t").await;
    assert!(matches!(&answer, Err(Error::QueryFailed(error)) if error.code == "42501"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_the_server_ends_is_a_failed_connection() {
    let server = Server::shared();
    let (mut run, on, url) = with_table(&server, ALL).await;
    let database = url.split(['/', '?']).nth(3).unwrap().to_owned();
    let ending = tokio::task::spawn_blocking(move || {
        until("it sleeps", || sleeping(&server, &url) == "1");
        server.sql("postgres", &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"));
    });
    assert!(matches!(run.query(on, "SELECT pg_sleep(60)").await, Err(Error::ConnectionFailed(_))));
    ending.await.unwrap();
    assert!(matches!(run.query(on, "SELECT 1").await, Err(Error::ConnectionFailed(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_changes_under_a_prepared_statement_is_read_anew() {
    let server = Server::shared();
    let (mut run, on, url) = with_table(&server, ALL).await;
    assert!(run.query(on, "SELECT * FROM t").await.is_ok());
    let mut other = Run::new(&url, Path::new("/"), ALL);
    let changer = other.open().await;
    other.script(changer, "ALTER TABLE t ADD COLUMN more int").await.unwrap();
    let first = run.query(on, "SELECT * FROM t").await;
    assert!(matches!(&first, Err(Error::QueryFailed(error)) if error.code == "0A000"), "{first:?}");
    assert_eq!(run.query(on, "SELECT * FROM t").await.unwrap()[0].len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_or_an_answer_beyond_its_bound_is_refused_and_the_connection_goes_on() {
    let server = Server::shared();
    let (mut run, on, _) = with_table(&server, ALL).await;
    let large = "SELECT repeat('x', 70 * 1024 * 1024) FROM generate_series(1, 3)";
    assert!(matches!(run.query(on, large).await, Err(Error::LimitExceeded(_))));
    let returned = "INSERT INTO t (name) SELECT i || repeat('x', 1000000) FROM generate_series(1, 80) i RETURNING name";
    run.script(on, "ALTER TABLE t DROP CONSTRAINT t_name_key").await.unwrap();
    assert!(matches!(run.returning(on, returned).await, Err(Error::LimitExceeded(_))));
    assert_eq!(run.value(on, "SELECT count(*) FROM t").await, Value::Integer(2));
}

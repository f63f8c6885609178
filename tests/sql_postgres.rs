//! `host:sql` on PostgreSQL: what a read grant cannot do, cancellation, a server that dies.

use std::time::Duration;

use crate::harness::{Database, Output, Postgres, Project, Run, shared_postgres, signal, until};

/// Sessions of this database that run a statement with this mark.
fn running(database: &Database, mark: &str) -> String {
    database.sql(&format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE '%{mark}%' AND pid <> pg_backend_pid()"
    ))
}

/// A table with two rows and a sequence, and probes with a read grant and with all of them.
fn project(url: &str) -> Project {
    let project = Project::new(&format!("[sql.default]\nurl = \"{url}\"\n")).guest("sqlreader").guest("sqlprobe");
    project.grant("[commands.sqlreader]\nsql.default = [\"read\"]");
    project.grant("[commands.sqlprobe]\nsql.default = [\"read\", \"write\", \"schema\", \"lock\", \"admin\"]");
    project
}

fn prepared(database: &Database) -> Project {
    database.sql(
        "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO items VALUES (1, 'one'), (2, 'two'); CREATE SEQUENCE numbers",
    );
    project(&database.url())
}

fn query(project: &Project, guest: &str, statement: &str) -> Run {
    project.run(&format!("{guest} query")).arg(statement)
}

/// Everything that a statement could have changed.
fn state(database: &Database) -> String {
    database.sql("SELECT string_agg(id || name, ',' ORDER BY id) FROM items; SELECT last_value, is_called FROM numbers; SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace; SELECT count(*) FROM pg_largeobject_metadata; SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")
}

#[track_caller]
fn refused(output: &Output) {
    assert!(matches!(output.code, Some(1..=7)), "it was not refused\n{output}");
}

#[test]
fn a_read_grant_reads() {
    let database = shared_postgres().database();
    let project = prepared(&database);
    query(&project, "sqlreader", "SELECT id, name FROM items ORDER BY id").succeeds().prints("one").prints("two");
    query(&project, "sqlreader", "WITH x AS (SELECT 1 AS n) SELECT n FROM x").succeeds().prints("1");
}

#[test]
fn a_read_grant_changes_nothing_whatever_is_tried() {
    let database = shared_postgres().database();
    let project = prepared(&database);
    let before = state(&database);
    for statement in [
        "INSERT INTO items VALUES (3, 'three')",
        "DELETE FROM items",
        "WITH gone AS (DELETE FROM items RETURNING id) SELECT id FROM gone",
        "WITH new AS (INSERT INTO items VALUES (4, 'four') RETURNING id) SELECT id FROM new",
        "EXPLAIN ANALYZE DELETE FROM items",
        "CREATE TABLE other (id INTEGER)",
        "CREATE TEMP TABLE other (id INTEGER)",
        "SELECT * INTO other FROM items",
        "DROP TABLE items",
        "TRUNCATE items",
        "SELECT nextval('numbers')",
        "SELECT setval('numbers', 99)",
        "SELECT lo_create(4711)",
        "SELECT lo_import('/etc/passwd')",
        "DO $$ BEGIN DELETE FROM items; END $$",
        "SELECT 1; DELETE FROM items",
        "COMMIT; DELETE FROM items",
        "SELECT id FROM items FOR UPDATE",
        "VACUUM items",
    ] {
        let output = query(&project, "sqlreader", statement).start().wait();
        assert_eq!(state(&database), before, "{statement} changed something\n{output}");
        refused(&output);
    }
}

#[test]
fn a_read_grant_cannot_lift_itself() {
    let database = shared_postgres().database();
    let project = prepared(&database);
    for statement in [
        "SET transaction_read_only = off",
        "SET default_transaction_read_only = off",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
        "BEGIN READ WRITE",
        "COMMIT",
        "ROLLBACK",
        "RESET ALL",
        "DISCARD ALL",
        "SET ROLE postgres",
        "RESET ROLE",
        "SET SESSION AUTHORIZATION DEFAULT",
        "SELECT set_config('transaction_read_only', 'off', false)",
        "SELECT set_config('default_transaction_read_only', 'off', false)",
        "SELECT set_config('role', 'none', false)",
    ] {
        refused(&query(&project, "sqlreader", statement).start().wait());
    }
}

#[test]
fn files_and_programs_of_the_server_are_out_of_reach() {
    let database = shared_postgres().database();
    let project = prepared(&database);
    let mark = project.path("mark");
    for guest in ["sqlreader", "sqlprobe"] {
        for statement in [
            format!("COPY (SELECT 1) TO PROGRAM 'touch {}'", mark.display()),
            format!("COPY items FROM PROGRAM 'touch {}; echo'", mark.display()),
            "COPY items FROM '/etc/passwd'".to_owned(),
            "COPY items TO STDOUT".to_owned(),
            "SELECT pg_read_file('/etc/passwd')".to_owned(),
            "SELECT pg_read_binary_file('/etc/passwd')".to_owned(),
            "SELECT pg_ls_dir('/')".to_owned(),
            "SELECT pg_stat_file('/etc/passwd')".to_owned(),
            "SELECT query_to_xml('SELECT pg_read_file(''/etc/passwd'')', true, true, '')".to_owned(),
        ] {
            let output = query(&project, guest, &statement).start().wait().lacks("root:x:");
            refused(&output);
            assert!(!mark.exists(), "{statement} ran a program");
        }
    }
}

#[test]
fn other_sessions_and_the_server_itself_are_out_of_a_read_grants_reach() {
    let database = shared_postgres().database();
    let project = prepared(&database);
    let _session = database.session("SELECT pg_sleep(62)");
    until("somebody is connected", || running(&database, "pg_sleep(62)") == "1");
    for statement in [
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(62)%' AND pid <> pg_backend_pid()",
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(62)%' AND pid <> pg_backend_pid()",
        "SELECT pg_reload_conf()",
        "ALTER SYSTEM SET work_mem = '1MB'",
        "SELECT pg_advisory_lock(5)",
        "NOTIFY everybody",
    ] {
        let output = query(&project, "sqlreader", statement).start().wait();
        assert_eq!(running(&database, "pg_sleep(62)"), "1", "{statement} ended somebody else's session\n{output}");
    }
}

#[test]
fn one_call_is_one_statement() {
    let database = shared_postgres().database();
    let project = prepared(&database);
    for statement in ["SELECT 1; SELECT 2", "SELECT 1; DELETE FROM items", "SELECT ';'; SELECT 2"] {
        refused(&query(&project, "sqlprobe", statement).start().wait());
    }
    query(&project, "sqlprobe", "SELECT ';--' AS x;").succeeds();
    assert_eq!(database.sql("SELECT count(*) FROM items"), "2");
}

#[test]
fn a_cancelled_run_leaves_no_query_on_the_server() {
    let database = shared_postgres().database();
    let project = prepared(&database);
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let run = query(&project, "sqlreader", "SELECT pg_sleep(63)").start();
        until("it runs", || running(&database, "pg_sleep(63)") == "1");
        signal(name, run.id());
        run.wait().ended(code);
        until("the server ended it", || running(&database, "pg_sleep(63)") == "0");
    }
    let output = project.run("--timeout 1s sqlreader query").arg("SELECT pg_sleep(64)").ends(124);
    assert!(output.took < Duration::from_secs(4), "{output}");
    until("the server ended it", || running(&database, "pg_sleep(64)") == "0");
}

#[test]
fn a_server_killed_in_the_middle_of_a_query_is_an_error_the_guest_can_handle() {
    let mut server = Postgres::start();
    let database = server.database();
    let project = prepared(&database);
    let run = query(&project, "sqlreader", "SELECT pg_sleep(65)").start();
    until("it runs", || running(&database, "pg_sleep(65)") == "1");
    server.kill();
    run.wait().ended(9).lacks("trap").lacks(&database.socket().display().to_string());
    query(&project, "sqlreader", "SELECT 1").ends(9).lacks(&database.socket().display().to_string());
    server.restart();
    query(&project, "sqlreader", "SELECT 1 AS n").succeeds();
}

#[test]
fn no_guest_learns_an_address_or_a_password() {
    let server = Postgres::start();
    let database = server.database();
    database.sql("CREATE ROLE app LOGIN PASSWORD 'right'");
    server.authenticate("local all app scram-sha-256");
    for (user, code) in [("app:right", 0), ("app:wr0ng-one", 9)] {
        let project = project(&database.url_as(user));
        query(&project, "sqlreader", "SELECT 1 AS n")
            .ends(code)
            .lacks("wr0ng-one")
            .lacks("right")
            .lacks(&database.socket().display().to_string());
    }
}

#[test]
fn a_value_of_every_type_comes_back_as_it_was_written() {
    let database = shared_postgres().database();
    prepared(&database).run("sqlprobe types").succeeds().prints("types came back");
}

#[test]
fn a_transaction_that_is_dropped_leaves_nothing() {
    let database = shared_postgres().database();
    let project = prepared(&database);
    project.run("sqlprobe abandon").arg("DELETE FROM items").succeeds().prints("2 changed");
    assert_eq!(database.sql("SELECT count(*) FROM items"), "2");
    project.run("sqlprobe commit").arg("DELETE FROM items WHERE id = 1").succeeds();
    assert_eq!(database.sql("SELECT count(*) FROM items"), "1");
    let mut run = project.run("sqlprobe begin-then-hang").arg("DELETE FROM items").start();
    until("it deletes", || {
        database.sql("SELECT count(*) FROM pg_locks WHERE relation = 'items'::regclass AND mode = 'RowExclusiveLock'") == "1"
    });
    run.kill();
    run.wait();
    until("its session is gone", || database.sql("SELECT count(*) FROM pg_locks WHERE relation = 'items'::regclass") == "0");
    assert_eq!(database.sql("SELECT count(*) FROM items"), "1");
}

#[test]
fn nothing_changes_inside_a_read_only_transaction_whatever_is_granted() {
    let database = shared_postgres().database();
    refused(&prepared(&database).run("sqlprobe in-read-only").arg("DELETE FROM items").start().wait());
    assert_eq!(database.sql("SELECT count(*) FROM items"), "2");
}

#[test]
fn a_statement_is_bounded_in_time_on_the_server() {
    let database = shared_postgres().database();
    let project = prepared(&database);
    let output = project.run("sqlprobe --statement-timeout 1s query").arg("SELECT pg_sleep(66)").start().wait();
    assert!(matches!(output.code, Some(1 | 124)) && output.took < Duration::from_secs(10), "{output}");
    until("the server ended it", || running(&database, "pg_sleep(66)") == "0");
}

#[test]
fn connections_are_bounded() {
    let database = shared_postgres().database();
    let output = prepared(&database).run("sqlprobe leak-connections").start().wait();
    assert!(!matches!(output.code, None | Some(0)), "{output}");
    until("all are closed", || {
        database.sql("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()") == "0"
    });
}

#[test]
fn many_rows_arrive_in_batches_and_half_read_ones_can_be_dropped() {
    let database = shared_postgres().database();
    let project = prepared(&database);
    let many = "SELECT n, repeat('x', 100) AS t FROM generate_series(1, 20000) AS n";
    let batches = project.run("sqlprobe batches").arg(many).succeeds().stdout;
    let sizes: Vec<u32> = batches.lines().map(|line| line.parse().unwrap()).collect();
    assert!(sizes.iter().sum::<u32>() == 20_000 && sizes.iter().all(|rows| *rows <= 4096), "{sizes:?}");
    project.run("sqlprobe drop-rows").arg(many).succeeds().prints("a row").prints("then 1");
}

#[test]
fn an_advisory_lock_names_its_holder() {
    let database = shared_postgres().database();
    let project = prepared(&database);
    project.run("sqlprobe try-lock 4711").succeeds().prints("acquired");
    let _holder = database.session("SELECT pg_advisory_lock(4711)");
    until("it is taken", || database.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711") == "1");
    project.run("sqlprobe try-lock 4711").ends(6).says("psql");
}

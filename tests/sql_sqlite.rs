//! `host:sql` on SQLite: what a read grant cannot do, transactions, budgets, what each power allows.

use std::fs;
use std::time::Duration;

use crate::harness::{Output, Project, Run};

const ALL: &str = "[\"read\", \"write\", \"schema\", \"lock\", \"admin\"]";

/// A table with two rows, and probes with a read grant and with these powers.
fn project(powers: &str) -> Project {
    let project = Project::new("[sql.default]\nurl = \"sqlite://var/app.db\"\n").guest("sqlreader").guest("sqlprobe");
    project.grant("[commands.sqlreader]\nsql.default = [\"read\"]");
    project.grant(&format!("[commands.sqlprobe]\nsql.default = {powers}"));
    fs::create_dir(project.path("var")).unwrap();
    let database = rusqlite::Connection::open(project.path("var/app.db")).unwrap();
    database
        .execute_batch("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO items VALUES (1, 'one'), (2, 'two');")
        .unwrap();
    project
}

fn query(project: &Project, guest: &str, statement: &str) -> Run {
    project.run(&format!("{guest} query")).arg(statement)
}

/// The whole database and what lies beside it.
fn state(project: &Project) -> String {
    let database = rusqlite::Connection::open(project.path("var/app.db")).unwrap();
    let text = |statement: &str| database.query_row(statement, [], |row| row.get::<_, Option<String>>(0)).unwrap().unwrap_or_default();
    let mut files: Vec<_> = fs::read_dir(project.path("var")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    files.sort();
    let schema = text("SELECT group_concat(sql) FROM sqlite_master");
    let pragmas = text("SELECT (SELECT journal_mode FROM pragma_journal_mode) || (SELECT user_version FROM pragma_user_version)");
    format!("{schema} {} {pragmas} {files:?}", text("SELECT group_concat(id || name) FROM items"))
}

#[track_caller]
fn refused(output: &Output) {
    assert!(matches!(output.code, Some(1..=7)), "it was not refused\n{output}");
}

#[test]
fn a_read_grant_reads() {
    let project = project(ALL);
    query(&project, "sqlreader", "SELECT id, name FROM items ORDER BY id").succeeds().prints("one").prints("two");
    query(&project, "sqlreader", "WITH x AS (SELECT 1 AS n) SELECT n FROM x").succeeds().prints("1");
    query(&project, "sqlreader", "EXPLAIN QUERY PLAN SELECT * FROM items").start().wait().lacks("trap");
}

#[test]
fn a_read_grant_changes_nothing_whatever_is_tried() {
    let project = project(ALL);
    let before = state(&project);
    for statement in [
        "INSERT INTO items VALUES (3, 'three')",
        "INSERT INTO items VALUES (3, 'three') RETURNING id",
        "WITH x AS (SELECT 3 AS n) INSERT INTO items SELECT n, 'x' FROM x",
        "UPDATE items SET name = 'x'",
        "DELETE FROM items",
        "REPLACE INTO items VALUES (1, 'x')",
        "CREATE TABLE other (id INTEGER)",
        "CREATE TEMP TABLE other (id INTEGER)",
        "CREATE VIRTUAL TABLE other USING fts5(x)",
        "DROP TABLE items",
        "ALTER TABLE items ADD COLUMN x",
        "ATTACH 'var/other.db' AS other",
        "ATTACH ':memory:' AS other",
        "DETACH main",
        "PRAGMA journal_mode = wal",
        "PRAGMA user_version = 7",
        "PRAGMA writable_schema = 1",
        "PRAGMA query_only = 0",
        "PRAGMA trusted_schema = 1",
        "VACUUM",
        "VACUUM INTO 'var/copy.db'",
        "REINDEX",
        "ANALYZE",
        "BEGIN",
        "COMMIT",
        "SAVEPOINT a",
        "SELECT load_extension('x')",
        "SELECT writefile('var/mark', 'x')",
        "SELECT readfile('host.toml')",
        "SELECT 1; DELETE FROM items",
    ] {
        let output = query(&project, "sqlreader", statement).start().wait();
        assert_eq!(state(&project), before, "{statement} changed something\n{output}");
        refused(&output);
    }
}

#[test]
fn all_powers_together_still_do_not_leave_the_database() {
    let project = project(ALL);
    let before = state(&project);
    for statement in [
        "ATTACH 'var/other.db' AS other",
        "ATTACH '../other.db' AS other",
        "VACUUM INTO 'var/copy.db'",
        "PRAGMA writable_schema = 1",
        "SELECT load_extension('x')",
        "SELECT 1; SELECT 2",
    ] {
        let output = project.run("sqlprobe execute").arg(statement).start().wait();
        assert_eq!(state(&project), before, "{statement} left the database\n{output}");
        refused(&output);
    }
    // A script may hold several statements, and none of these.
    for statement in
        ["ATTACH 'var/other.db' AS other", "VACUUM INTO 'var/copy.db'", "PRAGMA writable_schema = 1", "SELECT load_extension('x')"]
    {
        let output = project.run("sqlprobe script").arg(format!("SELECT 1; {statement};")).start().wait();
        assert_eq!(state(&project), before, "{statement} left the database\n{output}");
        refused(&output);
    }
    assert!(!project.path("other.db").exists() && !project.path("var/copy.db").exists());
}

#[test]
fn each_power_allows_its_own_statements_only() {
    let only = |powers: &str| project(powers);
    let writer = only("[\"read\", \"write\"]");
    writer.run("sqlprobe execute").arg("INSERT INTO items VALUES (3, 'three')").succeeds();
    refused(&writer.run("sqlprobe execute").arg("CREATE TABLE other (id INTEGER)").start().wait());
    refused(&writer.run("sqlprobe script").arg("CREATE TABLE other (id INTEGER);").start().wait());
    let reader = only("[\"read\"]");
    refused(&reader.run("sqlprobe execute").arg("DELETE FROM items").start().wait());
    let builder = only("[\"read\", \"schema\"]");
    builder.run("sqlprobe script").arg("CREATE TABLE other (id INTEGER);").succeeds();
}

#[test]
fn a_query_that_never_ends_is_stopped() {
    let project = project(ALL);
    let endless = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c";
    let output = project.run("--timeout 1s sqlreader query").arg(endless).ends(124);
    assert!(output.took < Duration::from_secs(4), "{output}");
}

#[test]
fn a_budget_of_changed_rows_stops_and_rolls_back() {
    let project = project(ALL);
    project.write("host.toml", project.read("host.toml") + "budgets.rows-changed = 2\n");
    project.run("sqlprobe execute").arg("UPDATE items SET name = 'at'").succeeds();
    let before = state(&project);
    let past = "WITH RECURSIVE c(n) AS (SELECT 10 UNION ALL SELECT n + 1 FROM c WHERE n < 12) INSERT INTO items SELECT n, 'past' FROM c";
    project.run("sqlprobe execute").arg(past).ends(8).says("rows-changed");
    assert_eq!(state(&project), before);
}

#[test]
fn a_database_that_is_not_configured_or_not_granted_is_named() {
    let project = project(ALL);
    project.write("host.toml", "[commands.sqlreader]\nsql.default = [\"read\"]\n");
    refused(&query(&project, "sqlreader", "SELECT 1").start().wait().says("default"));
}

#[test]
fn a_file_that_is_no_database_is_an_error_with_its_name_without_its_folder() {
    let project = project(ALL);
    project.write("var/app.db", "this is a text, and long enough to be looked at as a database, which it is not".repeat(20));
    refused(&query(&project, "sqlreader", "SELECT * FROM items").start().wait().lacks("trap"));
}

#[test]
fn a_value_of_every_type_comes_back_as_it_was_written() {
    project(ALL).run("sqlprobe types").succeeds().prints("types came back");
}

#[test]
fn a_transaction_that_is_dropped_leaves_nothing() {
    let project = project(ALL);
    let before = state(&project);
    project.run("sqlprobe abandon").arg("DELETE FROM items").succeeds().prints("2 changed");
    assert_eq!(state(&project), before);
    refused(&project.run("sqlprobe in-read-only").arg("DELETE FROM items").start().wait());
    assert_eq!(state(&project), before);
    project.run("sqlprobe commit").arg("DELETE FROM items").succeeds();
    assert_ne!(state(&project), before);
}

#[test]
fn connections_are_bounded() {
    let output = project(ALL).run("sqlprobe leak-connections").start().wait();
    assert!(!matches!(output.code, None | Some(0)), "{output}");
}

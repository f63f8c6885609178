//! `migrate` as a whole, against a database in memory.

use std::time::Duration;

use super::{Action, Request, run};
use crate::checksum;
use crate::failure::{Code, Failure, Result};
use crate::files::App;
use crate::ledger::Holder;
use crate::memory::Memory;
use crate::plan::Permits;
use crate::report::Report;
use crate::state::tests::{app, migration, row, script};
use crate::state::{FAKED, Row};
use crate::talk::tests::Heard;

const TABLE: &str = "_sqlx_migrations";

fn request() -> Request {
    Request {
        app: None,
        target: None,
        action: Action::Migrate,
        permits: Permits::default(),
        fake_initial: false,
        run_syncdb: false,
        lock_key: None,
        lock_timeout: Duration::ZERO,
        explain_lock: false,
        verbose: false,
    }
}

fn shop(texts: &[&str]) -> Vec<App> {
    vec![app("shop", texts.iter().zip(1..).map(|(text, version)| migration(version, text)).collect())]
}

struct Ran {
    result: Result<()>,
    heard: Heard,
    report: Report,
}

fn ran(request: &Request, apps: Vec<App>, memory: &mut Memory) -> Ran {
    let (mut heard, mut report) = (Heard { answer: true, ..Heard::default() }, Report::default());
    let result = run(request, apps, memory, &mut heard, &mut report);
    Ran { result, heard, report }
}

fn failure(ran: Ran) -> Failure {
    ran.result.unwrap_err()
}

#[test]
fn migrations_are_applied_in_djangos_words() {
    let mut memory = Memory::default();
    let ran = ran(&request(), shop(&["a", "b"]), &mut memory);
    ran.result.unwrap();
    assert_eq!(
        ran.heard.out,
        "Operations to perform:\n  Apply all migrations: shop\nRunning migrations:\n  Applying shop.0001_m1... OK\n  Applying shop.0002_m2... OK\n"
    );
    assert!(!memory.locked, "the lock was released");
    assert_eq!((ran.report.apps[0].applied, ran.report.apps[0].total), (2, 2));
}

#[test]
fn nothing_pending_takes_no_lock_and_creates_nothing() {
    let file = migration(1, "a");
    let mut memory = Memory::with_rows(TABLE, vec![row(&file)]);
    let ran = ran(&request(), vec![app("shop", vec![file])], &mut memory);
    ran.result.unwrap();
    assert!(ran.heard.out.ends_with("Running migrations:\n  No migrations to apply.\n"));
    assert_eq!(memory.operations, 1, "one read and nothing else");
}

#[test]
fn check_fails_with_three_and_changes_nothing() {
    let mut memory = Memory::default();
    let failure = failure(ran(&Request { action: Action::Check, ..request() }, shop(&["a"]), &mut memory));
    assert_eq!(failure.code, Code::NotMet);
    assert!(failure.message.contains("`shop.0001_m1` (pending)"));
    assert!(!memory.has_table(TABLE));
}

#[test]
fn a_plan_lists_statements_and_changes_nothing() {
    let mut memory = Memory::default();
    let ran = ran(&Request { action: Action::Plan, ..request() }, shop(&["CREATE TABLE a (i int);\nSELECT 1"]), &mut memory);
    ran.result.unwrap();
    assert_eq!(ran.heard.out, "Planned operations:\nshop.0001_m1\n    CREATE TABLE a (i int)\n    SELECT 1\n");
    assert!(!memory.has_table(TABLE));
}

#[test]
fn a_failure_names_file_line_code_state_and_next_command() {
    let mut memory = Memory::default();
    let ran = ran(&request(), shop(&["a", "b\nFAIL\nc"]), &mut memory);
    assert!(ran.heard.out.ends_with("  Applying shop.0002_m2... FAILED\n"));
    let failure = ran.result.unwrap_err();
    assert_eq!(failure.code, Code::Failed);
    for part in [
        "`shop.0002_m2` failed: syntax error (SQLSTATE 42601)",
        "migrations/0002_m2.up.sql, line 2",
        "> 2 | FAIL",
        "rolled back",
        "1 of 2 applied, the last is `0001_m1`",
    ] {
        assert!(failure.message.contains(part), "{part}\n{failure}");
    }
    assert_eq!(failure.hints, ["correct `migrations/0002_m2.up.sql`, then `host run migrate` again"]);
    assert!(!memory.locked);
    let document = host_sdk::Error::from(ran.report.attach(failure)).into_failure().to_json();
    let error = &document["error"];
    assert_eq!(
        (error["line"].as_u64(), error["exit_code"].as_u64(), error["steps"][1]["outcome"].as_str()),
        (Some(2), Some(1), Some("failed"))
    );
}

#[test]
fn a_held_lock_is_waited_for_and_what_another_applied_is_not_applied_again() {
    let mut memory = Memory::default();
    memory.held_by = Some(Holder { process: 42, user: "app".to_owned(), ..Holder::default() });
    memory.held_for = 1;
    let ran = ran(&Request { lock_timeout: Duration::from_secs(5), ..request() }, shop(&["a"]), &mut memory);
    ran.result.unwrap();
    assert!(ran.heard.err.contains("held by process 42 of user `app`"), "{}", ran.heard.err);
}

#[test]
fn a_lock_that_stays_held_is_exit_six_with_its_holder() {
    let mut memory = Memory::default();
    memory.held_by = Some(Holder { process: 42, ..Holder::default() });
    memory.held_for = usize::MAX;
    let failure = failure(ran(&request(), shop(&["a"]), &mut memory));
    assert_eq!(failure.code, Code::Locked);
    assert!(failure.message.contains("process 42"));
    assert!(!memory.has_table(TABLE));
}

#[test]
fn fake_initial_records_what_creates_only_tables_that_are_there() {
    let mut memory = Memory::default();
    ran(&request(), vec![app("old", vec![migration(1, "CREATE TABLE users (i int)")])], &mut memory).result.unwrap();
    let request = Request { fake_initial: true, ..request() };
    let there = ran(&request, shop(&["CREATE TABLE users (i int)", "b"]), &mut memory);
    there.result.unwrap();
    assert!(there.heard.out.contains("Applying shop.0001_m1... FAKED\n  Applying shop.0002_m2... OK"), "{}", there.heard.out);
    assert!(there.heard.err.contains("creates `users`: all there"));
    let not_there =
        ran(&request, vec![app("other", vec![migration(1, "CREATE TABLE users (i int);\nCREATE TABLE orders (i int)")])], &mut memory);
    assert!(not_there.heard.err.contains("`orders` not there, so it is run"), "{}", not_there.heard.err);
    assert_eq!(memory.rows(TABLE)[0], (1, true, FAKED));
}

#[test]
fn prune_forgets_rows_whose_files_are_gone_after_a_yes() {
    let rows = vec![row(&migration(1, "a")), row(&migration(2, "b"))];
    let request = Request { action: Action::Prune, ..request() };
    let mut memory = Memory::with_rows(TABLE, rows);
    let mut heard = Heard::default();
    let declined = run(&request, shop(&["a"]), &mut memory, &mut heard, &mut Report::default()).unwrap_err();
    assert_eq!((declined.code, memory.rows(TABLE).len()), (Code::Unconfirmed, 2));
    let ran = ran(&request, shop(&["a"]), &mut memory);
    ran.result.unwrap();
    assert_eq!(ran.heard.out, "Pruning migrations:\n  Pruning shop.0002_m2 OK\n");
    assert_eq!(memory.rows(TABLE).len(), 1);
}

#[test]
fn repair_rewrites_line_endings_and_nothing_else() {
    let files = || shop(&["a\n", "b\n"]);
    let stored = |text: &str, version| Row { checksum: checksum::of(text.as_bytes()).to_vec(), ..row(&migration(version, "x")) };
    let mut memory = Memory::with_rows(TABLE, vec![stored("a\r\n", 1), stored("edited\n", 2)]);
    let repair = Request { action: Action::Repair, ..request() };
    let failure = failure(ran(&repair, files(), &mut memory));
    assert_eq!(failure.code, Code::NotMet);
    assert!(failure.message.contains("`shop.0002_m2`"));
    let mut memory = Memory::with_rows(TABLE, vec![stored("a\r\n", 1), stored("b\n", 2)]);
    let first = ran(&repair, files(), &mut memory);
    assert_eq!(first.heard.out, "Repairing checksums:\n  Repairing shop.0001_m1... OK\n");
    first.result.unwrap();
    assert_eq!(ran(&repair, files(), &mut memory).heard.out, "Repairing checksums:\n  No checksums to repair.\n");
}

#[test]
fn syncdb_creates_the_tables_of_apps_without_migrations_once() {
    let mut unmigrated = app("audit", vec![]);
    unmigrated.schema = Some(script("migrations/audit/schema.sql", "CREATE TABLE audit (i int)"));
    let apps = || vec![unmigrated.clone()];
    let request = Request { run_syncdb: true, ..request() };
    let mut memory = Memory::default();
    let first = ran(&request, apps(), &mut memory);
    first.result.unwrap();
    assert!(
        first.heard.out.contains("Synchronize unmigrated apps: audit\n") && first.heard.out.contains("Creating tables of audit... OK\n"),
        "{}",
        first.heard.out
    );
    ran(&request, apps(), &mut memory).result.unwrap();
    assert_eq!(memory.done(), ["CREATE TABLE audit (i int)"]);
    assert!(!memory.has_table("_sqlx_migrations_audit"));
}

#[test]
fn a_connection_that_breaks_ends_in_unreachable_and_a_second_run_finishes() {
    let files = || shop(&["a", "b"]);
    let mut stage = 1;
    loop {
        let mut memory = Memory::default().killed_after(stage);
        let first = ran(&request(), files(), &mut memory).result;
        let mut memory = memory.survivor();
        ran(&request(), files(), &mut memory).result.unwrap();
        assert_eq!(memory.done(), ["a", "b"], "killed after {stage}");
        match first {
            Ok(()) => break,
            Err(failure) => assert_eq!(failure.code, Code::Unreachable),
        }
        stage += 1;
    }
    assert!(stage > 10, "{stage}");
}

//! What the table says after each way a step can end.

use super::{apply, did_nothing};
use crate::failure::Code;
use crate::files::Migration;
use crate::ledger::{Complaint, Error, Reader};
use crate::memory::Memory;
use crate::plan::{Judged, Permits, Selection, Target, plan};
use crate::state::tests::{app, migration, row, script};
use crate::state::{FAKED, Row, UNDOING, judge};

const TABLE: &str = "_sqlx_migrations";

fn migrate(memory: &mut Memory, files: &[Migration], target: Target, permits: Permits) -> Result<(), Error> {
    let app = app("shop", files.to_vec());
    let tables = memory.read(&[TABLE])?;
    let state = judge(&app, tables.get(TABLE).map(Vec::as_slice));
    let judged = Judged { app, state };
    let steps = plan(std::slice::from_ref(&judged), &Selection { apps: vec![0], target }, permits);
    for step in &steps {
        apply(memory, &judged, step)?;
    }
    Ok(())
}

fn empty() -> Memory {
    Memory::with_rows(TABLE, vec![])
}

const NOTHING: Permits = Permits { fake: false, retry: false, out_of_order: false, missing: false };
const RETRY: Permits = Permits { retry: true, ..NOTHING };
const FAKE: Permits = Permits { fake: true, ..NOTHING };

#[test]
fn a_migration_and_its_row_arrive_together() {
    let mut memory = empty();
    migrate(&mut memory, &[migration(1, "a\nb")], Target::Latest, NOTHING).unwrap();
    assert_eq!((memory.rows(TABLE), memory.done()), (vec![(1, true, 1)], vec!["a", "b"]));
}

#[test]
fn a_failed_migration_leaves_neither_row_nor_effect() {
    let mut memory = empty();
    let error = migrate(&mut memory, &[migration(1, "a"), migration(2, "b\nFAIL")], Target::Latest, NOTHING).unwrap_err();
    assert!(matches!(error, Error::Query(Complaint { line: Some(2), .. })));
    assert_eq!((memory.rows(TABLE), memory.done()), (vec![(1, true, 1)], vec!["a"]));
}

#[test]
fn after_a_kill_at_any_stage_a_second_run_finishes_the_work() {
    let files = [migration(1, "a\nb"), migration(2, "c")];
    let mut stage = 0;
    loop {
        let mut memory = empty().killed_after(stage);
        let first = migrate(&mut memory, &files, Target::Latest, NOTHING);
        let mut memory = memory.survivor();
        migrate(&mut memory, &files, Target::Latest, NOTHING).unwrap();
        assert_eq!(memory.done(), ["a", "b", "c"], "killed after {stage}");
        assert!(memory.rows(TABLE).iter().all(|(_, success, _)| *success));
        if first.is_ok() {
            break;
        }
        stage += 1;
    }
    assert!(stage > 8, "{stage}");
}

#[test]
fn after_a_kill_outside_of_a_transaction_the_table_says_unfinished_or_the_work_is_done_once() {
    let files = [migration(1, "-- no-transaction\na\nb")];
    for stage in 0..6 {
        let mut memory = empty().killed_after(stage);
        let _ = migrate(&mut memory, &files, Target::Latest, NOTHING);
        let mut memory = memory.survivor();
        let unfinished = memory.rows(TABLE).first().is_some_and(|(_, success, _)| !success);
        assert!(unfinished || memory.done().is_empty() || memory.rows(TABLE).len() == 1, "stage {stage}");
        migrate(&mut memory, &files, Target::Latest, RETRY).unwrap();
        assert_eq!(memory.rows(TABLE).len(), 1);
        assert!(memory.done().ends_with(&["a", "b"]), "stage {stage}: {:?}", memory.done());
    }
}

#[test]
fn undoing_removes_the_row_together_with_the_effect() {
    let file = migration(1, "a");
    let mut memory = Memory::with_rows(TABLE, vec![row(&file)]);
    migrate(&mut memory, &[file], Target::Zero, NOTHING).unwrap();
    assert_eq!((memory.rows(TABLE), memory.done()), (vec![], vec!["undo 1"]));
}

#[test]
fn undoing_outside_of_a_transaction_can_be_interrupted_and_taken_up_again() {
    let mut file = migration(1, "a");
    file.down = Some(script("d", "-- no-transaction\nx\ny"));
    // Read, mark, first statement; then the kill.
    let mut memory = Memory::with_rows(TABLE, vec![row(&file)]).killed_after(3);
    assert_eq!(migrate(&mut memory, &[file.clone()], Target::Zero, NOTHING).unwrap_err().code(), Code::Unreachable);
    let mut memory = memory.survivor();
    assert_eq!(memory.rows(TABLE), [(1, false, UNDOING)]);
    migrate(&mut memory, &[file], Target::Zero, RETRY).unwrap();
    assert_eq!((memory.rows(TABLE), memory.done()), (vec![], vec!["x", "x", "y"]));
}

#[test]
fn faking_touches_only_the_table() {
    let files = [migration(1, "a"), migration(2, "b")];
    let mut memory = empty();
    migrate(&mut memory, &files, Target::Latest, FAKE).unwrap();
    assert_eq!((memory.rows(TABLE), memory.done().len()), (vec![(1, true, FAKED), (2, true, FAKED)], 0));
    migrate(&mut memory, &files, Target::To(1), FAKE).unwrap();
    assert_eq!((memory.rows(TABLE), memory.done().len()), (vec![(1, true, FAKED)], 0));
}

#[test]
fn faking_settles_an_unfinished_migration() {
    let file = migration(1, "-- no-transaction\na");
    let unfinished = Row { success: false, ..row(&file) };
    let mut memory = Memory::with_rows(TABLE, vec![unfinished]);
    migrate(&mut memory, &[file], Target::To(1), FAKE).unwrap();
    assert_eq!(memory.rows(TABLE), [(1, true, FAKED)]);
}

#[test]
fn a_single_refused_statement_outside_of_a_transaction_is_not_called_unfinished() {
    let mut memory = empty();
    let _ = migrate(&mut memory, &[migration(1, "-- no-transaction\nFAIL")], Target::Latest, NOTHING);
    assert_eq!(memory.rows(TABLE), []);
    let _ = migrate(&mut memory, &[migration(1, "-- no-transaction\na;\nFAIL;")], Target::Latest, NOTHING);
    assert_eq!(memory.rows(TABLE), [(1, false, -1)]);
}

#[test]
fn a_concurrent_index_counts_as_begun_unless_its_wording_was_refused() {
    let index = script("a", "-- no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY i ON a (b);\n");
    let error = |code: &str| Error::Query(Complaint { code: code.to_owned(), ..Complaint::default() });
    assert!(did_nothing(&index, &error("42703")));
    assert!(!did_nothing(&index, &error("23505")));
    assert!(!did_nothing(&index, &Error::Lost(String::new())));
}

//! `--run-syncdb`: tables of apps without migrations. Such an app is a folder with a `schema.sql` and no
//! migration; its tables are created when none of them is there, and it is recorded nowhere.

use crate::excerpt;
use crate::failure::{Failure, Result};
use crate::files::{App, Script};
use crate::ledger::{Error, Ledger, Reader};
use crate::plan::{Judged, Selection};
use crate::statements;
use crate::talk::Talk;
use crate::view;

pub fn schema(app: &App) -> Option<&Script> {
    app.schema.as_ref().filter(|_| app.migrations.is_empty())
}

/// Selected apps whose tables are not there. Some of them there and some not is an error: nobody knows why.
pub fn needed<R: Reader + ?Sized>(judged: &[Judged], selection: &Selection, reader: &mut R) -> Result<Vec<usize>> {
    let mut needed = Vec::new();
    for &index in &selection.apps {
        let Some(schema) = judged.get(index).and_then(|judged| schema(&judged.app)) else { continue };
        let tables = statements::created_tables(&schema.text);
        let there = reader.exist(&tables)?;
        let (present, absent): (Vec<_>, Vec<_>) = tables.iter().zip(there).partition(|(_, there)| *there);
        if !present.is_empty() && !absent.is_empty() {
            let list =
                |tables: Vec<(&String, bool)>| view::enumerate(&tables.iter().map(|(table, _)| format!("`{table}`")).collect::<Vec<_>>());
            return Err(Failure::failed(format!(
                "nothing was changed: of the tables of `{}`, {} exist and {} do not",
                schema.path,
                list(present),
                list(absent)
            ))
            .hint("make a migration that creates what is not there"));
        }
        if present.is_empty() {
            needed.push(index);
        }
    }
    Ok(needed)
}

/// Under the lock: looks again, and creates each app's tables in one transaction.
pub fn run(judged: &[Judged], selection: &Selection, ledger: &mut dyn Ledger, talk: &mut dyn Talk) -> Result<()> {
    talk.out("Synchronizing apps without migrations:\n");
    for index in needed(judged, selection, ledger)? {
        let Some((judged, schema)) = judged.get(index).and_then(|judged| Some((judged, schema(&judged.app)?))) else { continue };
        talk.out(&format!("  Creating tables of {}...", judged.app.label));
        ledger.begin()?;
        if let Err(error) = ledger.run_script(&schema.text).and_then(|()| ledger.commit()) {
            ledger.rollback();
            talk.out(" FAILED\n");
            return Err(failed(schema, &error));
        }
        talk.out(" OK\n");
    }
    Ok(())
}

fn failed(schema: &Script, error: &Error) -> Failure {
    let mut message = format!("`{}` failed: {}", schema.path, error.text());
    if let Error::Query(complaint) = error
        && let Some(line) = complaint.line
    {
        message += &format!("\n  {}", excerpt::around(&schema.text, line).join("\n  "));
    }
    Failure::new(error.code(), format!("{message}\n  it was rolled back: nothing of it remains"))
}

//! Scripts: each statement alone, split where SQLite's own shell splits.

use rusqlite::limits::Limit;

use crate::capabilities::sql::client::Result;
use crate::capabilities::sql::error::{invalid, line_of};
use crate::capabilities::sql::schema::ScriptOutcome;
use crate::capabilities::sql::script::{Piece, split};
use crate::capabilities::sql::statement::{Dialect, leading_words};
use crate::capabilities::sql::types::Error;

use super::authorizer::Mode;
use super::session::Lite;

impl Lite {
    pub(super) fn script(&mut self, script: &str) -> Result<ScriptOutcome> {
        self.refuse_when_aborted()?;
        let pieces = split(script, Dialect::Sqlite)?;
        if self.transaction.is_some() {
            refuse_control(&pieces)?;
        }
        let result = self.pieces(script, &pieces);
        let result = match result {
            Ok(_) if self.transaction.is_none() && !self.conn.is_autocommit() => {
                Err(Error::Other("the script left a transaction open; it was rolled back".to_owned()))
            }
            other => other,
        };
        if self.transaction.is_none() && !self.conn.is_autocommit() {
            self.end()?;
        }
        self.note(result)
    }

    /// VACUUM attaches a temporary database of its own, which the authorizer and the limit keep guests from doing.
    fn vacuum(&self, piece: &Piece<'_>) -> Result<u64> {
        let limit = |count| self.conn.set_limit(Limit::SQLITE_LIMIT_ATTACHED, count).map_err(|error| self.failed(error));
        limit(1)?;
        let done = self.send(piece.text);
        limit(0)?;
        done.map(|()| 0)
    }

    fn pieces(&mut self, script: &str, pieces: &[Piece<'_>]) -> Result<ScriptOutcome> {
        let mut outcome = ScriptOutcome { statements: 0, rows_changed: 0 };
        for piece in pieces {
            self.watch.check()?;
            let changes_rows = matches!(leading_words(&piece.tokens, 1).as_slice(), ["insert" | "update" | "delete" | "replace" | "with"]);
            let answer = match changes_rows {
                true => self.framed(|lite| lite.piece(piece, true)),
                false => self.piece(piece, false),
            };
            outcome.rows_changed += answer.map_err(|error| with_line(error, script, piece.start))?;
            outcome.statements += 1;
        }
        Ok(outcome)
    }

    fn piece(&self, piece: &Piece<'_>, changes_rows: bool) -> Result<u64> {
        if is_vacuum(piece) {
            return self.vacuum(piece);
        }
        self.authorizer.set(Mode::Schema);
        let before = self.conn.total_changes();
        let mut prepared = self.prepare(piece.text)?;
        if prepared.parameter_count() > 0 {
            return Err(invalid("a script has no parameters"));
        }
        let mut rows = prepared.raw_query();
        // Some PRAGMAs and SELECTs answer rows; a script has no use for them.
        while rows.next().map_err(|error| self.failed(error))?.is_some() {}
        drop(rows);
        drop(prepared);
        let changed = self.conn.total_changes().saturating_sub(before);
        // A table that ALTER TABLE rewrites counts its rows as changed: that is no change of data.
        let changed = if changes_rows { changed } else { 0 };
        self.spend(changed)?;
        Ok(changed)
    }
}

/// `VACUUM` without `INTO`, which would write another file.
fn is_vacuum(piece: &Piece<'_>) -> bool {
    matches!(leading_words(&piece.tokens, 1).as_slice(), ["vacuum"]) && piece.tokens.len() <= 2
}

fn refuse_control(pieces: &[Piece<'_>]) -> Result<()> {
    for piece in pieces {
        let words = leading_words(&piece.tokens, 3);
        match words.as_slice() {
            ["rollback", "to", ..] | ["rollback", "transaction", "to"] => {}
            ["begin" | "commit" | "end" | "rollback", ..] => {
                let text =
                    format!("a script inside a transaction may not `{}`; commit or roll back the transaction itself", words.join(" "));
                return Err(invalid(text));
            }
            _ => {}
        }
    }
    Ok(())
}

fn with_line(error: Error, script: &str, start: usize) -> Error {
    match error {
        Error::QueryFailed(mut report) => {
            report.line = Some(line_of(script, start, report.position));
            Error::QueryFailed(report)
        }
        other => other,
    }
}

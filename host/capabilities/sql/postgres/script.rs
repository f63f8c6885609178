//! Scripts: each statement alone by the simple protocol, so that `CREATE INDEX CONCURRENTLY` works outside of a
//! transaction.
//!
//! Rows that DO blocks and functions change are not counted against the budget: Postgres does not tell them.

use std::time::Duration;

use crate::capabilities::sql::client::{Cancel, Result};
use crate::capabilities::sql::error::line_of;
use crate::capabilities::sql::schema::ScriptOutcome;
use crate::capabilities::sql::script::{Piece, split};
use crate::capabilities::sql::statement::Dialect;
use crate::capabilities::sql::types::Error;

use super::frame::Access;
use super::guard::{Control, changes_rows, check_script};
use super::session::{Pg, check_cancelled};

impl Pg {
    pub(super) async fn script(&mut self, script: &str, timeout: Option<Duration>, cancel: &Cancel) -> Result<ScriptOutcome> {
        let pieces = split(script, Dialect::Postgres)?;
        let inside = self.transaction.is_some();
        let mut controls = Vec::with_capacity(pieces.len());
        for piece in &pieces {
            controls.push(check_script(&piece.tokens, inside)?);
        }
        let controls_itself = controls.iter().any(|control| *control != Control::None);
        let result = self.pieces(script, &pieces, &controls, timeout, cancel).await;
        let left_open = controls.iter().rev().find(|control| **control != Control::None) == Some(&Control::Begins);
        let result = match result {
            Ok(_) if left_open => Err(Error::Other("the script left a transaction open; it was rolled back".to_owned())),
            other => other,
        };
        if controls_itself && result.is_err() {
            let _ = self.send("ROLLBACK").await;
        }
        if matches!(result, Err(Error::LimitExceeded(_)))
            && let Some(open) = self.transaction.take()
        {
            let _ = self.rollback(open.number).await;
            let _ = self.send("ROLLBACK").await;
        }
        // A script may have set anything: what is remembered of the session is forgotten.
        self.timeout = None;
        let aborted = self.transaction.as_ref().is_some_and(|open| open.aborted);
        if !aborted {
            self.forget_statements().await;
        }
        result
    }

    async fn pieces(
        &mut self,
        script: &str,
        pieces: &[Piece<'_>],
        controls: &[Control],
        timeout: Option<Duration>,
        cancel: &Cancel,
    ) -> Result<ScriptOutcome> {
        let mut outcome = ScriptOutcome { statements: 0, rows_changed: 0 };
        let mut inside = self.transaction.is_some();
        for (piece, control) in pieces.iter().zip(controls) {
            check_cancelled(cancel)?;
            self.apply_timeout(timeout).await?;
            let answer = match !inside && changes_rows(&piece.tokens) {
                true => self.piece_alone(piece, timeout, cancel).await,
                false => self.piece(piece).await,
            };
            outcome.rows_changed += answer.map_err(|error| with_line(error, script, piece.start))?;
            outcome.statements += 1;
            match control {
                Control::Begins => inside = true,
                Control::Ends => inside = false,
                Control::None => {}
            }
        }
        Ok(outcome)
    }

    async fn piece(&mut self, piece: &Piece<'_>) -> Result<u64> {
        let rows = self.send(piece.text).await?;
        // `SELECT 5` and its like answer a count, too, but change nothing by themselves.
        let rows = if changes_rows(&piece.tokens) { rows } else { 0 };
        self.spend(rows)?;
        Ok(rows)
    }

    /// Outside of a transaction a statement that changes rows gets one, so that exceeding the budget undoes it.
    async fn piece_alone(&mut self, piece: &Piece<'_>, timeout: Option<Duration>, cancel: &Cancel) -> Result<u64> {
        let frame = self.enter(Access::Write, timeout).await?;
        let result = self.piece(piece).await;
        self.leave(frame, result, cancel).await
    }
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

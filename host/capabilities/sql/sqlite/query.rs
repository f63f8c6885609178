//! One statement with parameters: rows through the channel, a count, or all rows at once.

use rusqlite::Row;

use crate::capabilities::sql::batch::BatchBuilder;
use crate::capabilities::sql::client::{BatchSender, Reply, Result, Statement};
use crate::capabilities::sql::error::{invalid, too_much};
use crate::capabilities::sql::limits::RETURNED_BYTES;
use crate::capabilities::sql::types::{Batch, Column, Error, Value};

use super::authorizer::Mode;
use super::session::Lite;
use super::value::{kind, parameter, put};

impl Lite {
    pub(super) fn query(&mut self, statement: Statement, batches: &BatchSender, reply: Reply<Vec<Column>>) {
        let mut reply = Some(reply);
        let result = self.refuse_when_aborted().and_then(|()| self.stream(statement, batches, &mut reply));
        if let Err(error) = self.note(result) {
            match reply.take() {
                Some(reply) => drop(reply.send(Err(error))),
                None => drop(batches.blocking_send(Err(error))),
            }
        }
    }

    fn stream(&self, statement: Statement, batches: &BatchSender, reply: &mut Option<Reply<Vec<Column>>>) -> Result<()> {
        self.authorizer.set(Mode::Read);
        let mut prepared = self.prepare(&statement.sql)?;
        if prepared.column_count() == 0 {
            return Err(invalid("the statement returns no rows"));
        }
        bind(&mut prepared, statement.parameters).map_err(|error| self.bind_failed(error))?;
        let send = |columns: &[Column]| {
            if let Some(reply) = reply.take() {
                let _ = reply.send(Ok(columns.to_vec()));
            }
        };
        let pass =
            |batch: Batch| batches.blocking_send(Ok(batch)).map_err(|_| Error::Cancelled("nobody reads the rows any more".to_owned()));
        self.each_batch(prepared, send, pass)
    }

    /// Steps through all rows. Columns are told with the first row in hand: without a declared type it says what they hold.
    fn each_batch(
        &self,
        mut prepared: rusqlite::Statement<'_>,
        tell: impl FnOnce(&[Column]),
        mut pass: impl FnMut(Batch) -> Result<()>,
    ) -> Result<()> {
        let mut columns = declared(&prepared);
        let mut rows = prepared.raw_query();
        let mut row = rows.next().map_err(|error| self.failed(error))?;
        for (index, column) in columns.iter_mut().enumerate() {
            column.kind = kind(&column.type_name, row.and_then(|row| row.get_ref(index).ok()));
        }
        tell(&columns);
        let mut builder = BatchBuilder::new(&columns);
        while let Some(found) = row {
            put_row(found, &columns, &mut builder)?;
            if builder.end_row() {
                pass(builder.take())?;
            }
            row = rows.next().map_err(|error| self.failed(error))?;
        }
        if builder.is_empty() { Ok(()) } else { pass(builder.take()) }
    }

    pub(super) fn execute(&mut self, statement: Statement) -> Result<u64> {
        let result = self.refuse_when_aborted().and_then(|()| {
            self.framed(|lite| {
                let before = lite.conn.total_changes();
                lite.change(statement, |_| {}, |_| Ok(()))?;
                let rows = lite.conn.changes();
                lite.spend(lite.conn.total_changes().saturating_sub(before))?;
                Ok(rows)
            })
        });
        self.note(result)
    }

    pub(super) fn returning(&mut self, statement: Statement) -> Result<(Vec<Column>, Vec<Batch>)> {
        let result = self.refuse_when_aborted().and_then(|()| self.framed(|lite| lite.collect(statement)));
        self.note(result)
    }

    fn collect(&self, statement: Statement) -> Result<(Vec<Column>, Vec<Batch>)> {
        let before = self.conn.total_changes();
        let (mut columns, mut batches, mut bytes) = (Vec::new(), Vec::new(), 0);
        let pass = |batch: Batch| {
            bytes += batch_bytes(&batch);
            batches.push(batch);
            match bytes > RETURNED_BYTES {
                true => Err(too_much(format!("the statement returns more than {RETURNED_BYTES} bytes; it is rolled back"))),
                false => Ok(()),
            }
        };
        self.change(statement, |found| columns = found.to_vec(), pass)?;
        self.spend(self.conn.total_changes().saturating_sub(before))?;
        Ok((columns, batches))
    }

    /// Runs a statement under `write`, to its end.
    fn change(&self, statement: Statement, tell: impl FnOnce(&[Column]), pass: impl FnMut(Batch) -> Result<()>) -> Result<()> {
        self.authorizer.set(Mode::Write);
        let mut prepared = self.prepare(&statement.sql)?;
        if prepared.readonly() {
            return Err(invalid("the statement changes nothing; use `read.query`"));
        }
        bind(&mut prepared, statement.parameters).map_err(|error| self.bind_failed(error))?;
        self.each_batch(prepared, tell, pass)
    }

    /// Outside of a transaction a statement gets one, so that a budget or a cancel can still undo it.
    pub(super) fn framed<T>(&mut self, work: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        if self.transaction.is_some() || !self.conn.is_autocommit() {
            return work(self);
        }
        self.send("BEGIN IMMEDIATE")?;
        let result = work(self).and_then(|value| self.watch.check().map(|()| value));
        let result = match result {
            Ok(value) => self.send("COMMIT").map(|()| value),
            Err(error) => Err(error),
        };
        if !self.conn.is_autocommit() {
            self.watch.ignore();
            self.send("ROLLBACK")?;
        }
        result
    }

    /// Prepares exactly one statement under the authorizer's present mode.
    pub(super) fn prepare(&self, sql: &str) -> Result<rusqlite::Statement<'_>> {
        let prepared = self.conn.prepare(sql).map_err(|error| self.failed(error))?;
        // An empty text prepares to nothing, which has no SQL of its own.
        match prepared.expanded_sql() {
            Some(_) => Ok(prepared),
            None => Err(invalid("the statement is empty")),
        }
    }

    fn bind_failed(&self, error: BindError) -> Error {
        match error {
            BindError::Misfit(error) => error,
            BindError::Sqlite(error) => self.failed(error),
        }
    }
}

enum BindError {
    Misfit(Error),
    Sqlite(rusqlite::Error),
}

/// Binds by the number in `$1` and `?1`; SQLite itself would count `$2` as the first if it stands first.
fn bind(prepared: &mut rusqlite::Statement<'_>, parameters: Vec<Value>) -> std::result::Result<(), BindError> {
    let mut slots: Vec<Vec<usize>> = vec![Vec::new(); parameters.len()];
    for slot in 1..=prepared.parameter_count() {
        let number = match prepared.parameter_name(slot) {
            None => Some(slot),
            Some(name) => name.get(1..).and_then(|digits| digits.parse().ok()).filter(|_| name.starts_with(['$', '?'])),
        };
        let named = number.and_then(|number: usize| number.checked_sub(1)).and_then(|index| slots.get_mut(index));
        match named {
            Some(of_number) => of_number.push(slot),
            None => {
                let name = prepared.parameter_name(slot).unwrap_or("?");
                let text =
                    format!("the statement has a parameter `{name}`, {} were given; parameters are `$1`, `$2`, ...", parameters.len());
                return Err(BindError::Misfit(invalid(text)));
            }
        }
    }
    for (index, (value, of_number)) in parameters.into_iter().zip(&slots).enumerate() {
        if of_number.is_empty() {
            return Err(BindError::Misfit(invalid(format!("parameter ${} was given, but the statement does not have it", index + 1))));
        }
        let value = parameter(value);
        for slot in of_number {
            prepared.raw_bind_parameter(*slot, &value).map_err(BindError::Sqlite)?;
        }
    }
    Ok(())
}

fn declared(prepared: &rusqlite::Statement<'_>) -> Vec<Column> {
    let describe = |column: &rusqlite::Column<'_>| {
        let type_name = column.decl_type().unwrap_or_default().to_owned();
        Column { name: column.name().to_owned(), kind: kind(&type_name, None), type_name }
    };
    prepared.columns().iter().map(describe).collect()
}

fn put_row(row: &Row<'_>, columns: &[Column], builder: &mut BatchBuilder) -> Result<()> {
    for (index, (column, into)) in columns.iter().zip(builder.columns()).enumerate() {
        let value = row.get_ref(index).map_err(|error| Error::Other(error.to_string()))?;
        put(value, column.kind, into)?;
    }
    Ok(())
}

/// What a batch holds, roughly: it is cut at a known size, so rows alone would tell as much.
fn batch_bytes(batch: &Batch) -> usize {
    use crate::capabilities::sql::types::ColumnData;
    let rows = usize::try_from(batch.rows).unwrap_or(0);
    let column = |data: &ColumnData| match data {
        ColumnData::Texts(run) => run.data.len() + 4 * rows,
        ColumnData::Bytes(run) => run.data.len() + 4 * rows,
        ColumnData::Mixed(values) => size_of_val(values.as_slice()),
        _ => 16 * rows,
    };
    batch.columns.iter().map(|batch| column(&batch.data)).sum()
}

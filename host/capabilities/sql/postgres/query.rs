//! One statement with parameters: rows through the channel, a count, or all rows at once.

use std::time::Duration;

use futures_util::TryStreamExt;
use sqlx::postgres::{PgArguments, PgRow, PgStatement};
use sqlx::{Arguments, AssertSqlSafe, Column as _, Connection, Either, Executor, Row, SqlSafeStr, Statement as _, ValueRef};

use crate::capabilities::sql::batch::BatchBuilder;
use crate::capabilities::sql::client::{BatchSender, Cancel, Reply, Result, Statement};
use crate::capabilities::sql::error::{invalid, too_much};
use crate::capabilities::sql::limits::RETURNED_BYTES;
use crate::capabilities::sql::types::{Batch, Column, Error, Kind, Value};

use super::decode::Decoder;
use super::frame::Access;
use super::guard::{Checked, check_read, check_write};
use super::session::{Pg, check_cancelled};
use super::{cancel, encode, fallback, oid};

/// A statement the server has prepared, with its parameters in binary.
struct Ready {
    statement: PgStatement,
    arguments: PgArguments,
    columns: Vec<Column>,
    decoders: Vec<Decoder>,
}

impl Pg {
    /// Answers the columns as soon as they are known, then pumps rows until the end or until nobody reads them.
    pub(super) async fn query(
        &mut self,
        statement: Statement,
        batches: BatchSender,
        reply: Reply<Vec<Column>>,
        timeout: Option<Duration>,
        cancel: &Cancel,
    ) {
        let mut reply = Some(reply);
        if let Err(error) = self.try_query(&statement, &batches, &mut reply, timeout, cancel).await {
            match reply.take() {
                Some(reply) => drop(reply.send(Err(error))),
                None => drop(batches.send(Err(error)).await),
            }
        }
    }

    async fn try_query(
        &mut self,
        statement: &Statement,
        batches: &BatchSender,
        reply: &mut Option<Reply<Vec<Column>>>,
        timeout: Option<Duration>,
        cancel: &Cancel,
    ) -> Result<()> {
        let checked = check_read(&self.target, &statement.sql)?;
        let frame = self.enter(Access::Read, timeout).await?;
        let result = self.stream(statement, &checked, batches, reply).await;
        self.leave(frame, result, cancel).await
    }

    async fn stream(
        &mut self,
        statement: &Statement,
        checked: &Checked,
        batches: &BatchSender,
        reply: &mut Option<Reply<Vec<Column>>>,
    ) -> Result<()> {
        let ready = self.ready(statement, checked).await?;
        if ready.columns.is_empty() {
            return Err(invalid("the statement returns no rows"));
        }
        if let Some(reply) = reply.take() {
            let _ = reply.send(Ok(ready.columns.clone()));
        }
        self.pump(ready, batches).await
    }

    /// Decodes beside the guest. When nobody reads any more, the rest is read to its end without decoding: the
    /// cancel that goes with a dropped reader ends it on the server.
    async fn pump(&mut self, ready: Ready, batches: &BatchSender) -> Result<()> {
        let mut builder = BatchBuilder::new(&ready.columns);
        let (mut unread, mut refused) = (false, None);
        let mut rows = ready.statement.query_with(ready.arguments).fetch(&mut self.conn);
        loop {
            let row = match rows.try_next().await {
                Ok(Some(row)) => row,
                Ok(None) => break,
                Err(error) => {
                    drop(rows);
                    let error = self.failed(error);
                    return Err(refused.unwrap_or(error));
                }
            };
            if unread {
                continue;
            }
            if let Err(error) = put(&row, &ready.decoders, &mut builder) {
                // The rest of the rows would have to be read before the next statement.
                cancel::cancel(&self.options, self.pid).await;
                refused = Some(error);
                unread = true;
            } else if builder.end_row() {
                unread = batches.send(Ok(builder.take())).await.is_err();
            }
        }
        drop(rows);
        if let Some(error) = refused {
            return Err(error);
        }
        if !builder.is_empty() {
            let _ = batches.send(Ok(builder.take())).await;
        }
        Ok(())
    }

    pub(super) async fn execute(&mut self, statement: Statement, timeout: Option<Duration>, cancel: &Cancel) -> Result<u64> {
        let checked = check_write(&self.target, &statement.sql)?;
        let frame = self.enter(Access::Write, timeout).await?;
        let result = self.change(&statement, &checked, cancel).await;
        self.leave(frame, result, cancel).await
    }

    async fn change(&mut self, statement: &Statement, checked: &Checked, cancel: &Cancel) -> Result<u64> {
        let ready = self.ready_plain(statement).await?;
        let before = self.changed_so_far(checked).await?;
        let done = ready.0.query_with(ready.1).execute(&mut self.conn).await;
        let rows = done.map_err(|error| self.failed(error))?.rows_affected();
        check_cancelled(cancel)?;
        let all = self.changed_so_far(checked).await?.saturating_sub(before);
        self.spend(rows.max(all))?;
        Ok(rows)
    }

    pub(super) async fn returning(
        &mut self,
        statement: Statement,
        timeout: Option<Duration>,
        cancel: &Cancel,
    ) -> Result<(Vec<Column>, Vec<Batch>)> {
        let checked = check_write(&self.target, &statement.sql)?;
        let frame = self.enter(Access::Write, timeout).await?;
        let result = self.change_returning(&statement, &checked, cancel).await;
        self.leave(frame, result, cancel).await
    }

    async fn change_returning(&mut self, statement: &Statement, checked: &Checked, cancel: &Cancel) -> Result<(Vec<Column>, Vec<Batch>)> {
        let ready = self.ready(statement, checked).await?;
        let before = self.changed_so_far(checked).await?;
        let mut builder = BatchBuilder::new(&ready.columns);
        let (mut batches, mut bytes, mut changed) = (Vec::new(), 0, 0);
        let mut answers = (&mut self.conn).fetch_many(ready.statement.query_with(ready.arguments));
        loop {
            let row = match answers.try_next().await {
                Ok(Some(Either::Right(row))) => row,
                Ok(Some(Either::Left(done))) => {
                    changed += done.rows_affected();
                    continue;
                }
                Ok(None) => break,
                Err(error) => {
                    drop(answers);
                    return Err(self.failed(error));
                }
            };
            put(&row, &ready.decoders, &mut builder)?;
            if builder.end_row() {
                bytes += builder.bytes();
                if bytes > RETURNED_BYTES {
                    cancel::cancel(&self.options, self.pid).await;
                    return Err(too_much(format!("the statement returns more than {RETURNED_BYTES} bytes; it is rolled back")));
                }
                batches.push(builder.take());
            }
        }
        drop(answers);
        if !builder.is_empty() {
            batches.push(builder.take());
        }
        check_cancelled(cancel)?;
        let all = self.changed_so_far(checked).await?.saturating_sub(before);
        self.spend(changed.max(all))?;
        Ok((ready.columns, batches))
    }

    /// Rows that this transaction changed, asked for only when the statement's own count would not tell them all.
    async fn changed_so_far(&mut self, checked: &Checked) -> Result<u64> {
        if !checked.changes_in_cte() {
            return Ok(0);
        }
        let sql = "SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::int8 FROM pg_catalog.pg_stat_xact_all_tables";
        let count = sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut self.conn).await;
        count.map(|count| u64::try_from(count).unwrap_or(0)).map_err(|error| self.failed(error))
    }

    /// Prepares; columns of types that are not decoded here come as text through a rewritten statement.
    async fn ready(&mut self, statement: &Statement, checked: &Checked) -> Result<Ready> {
        let (mut prepared, mut arguments) = self.ready_plain(statement).await?;
        let columns: Vec<Column> = prepared.columns().iter().map(column).collect();
        let mut decoders: Vec<Option<Decoder>> = prepared.columns().iter().map(|column| Decoder::new(column.type_info())).collect();
        if decoders.iter().any(Option::is_none) {
            let unknown: Vec<bool> = decoders.iter().map(Option::is_none).collect();
            let sql = fallback::rewrite(&statement.sql, checked, &unknown).ok_or_else(|| fallback::unreadable(&columns, &unknown))?;
            (prepared, arguments) = match self.prepare(&sql, &statement.parameters).await {
                Ok(prepared) => prepared,
                Err(Error::QueryFailed(_)) => return Err(fallback::unreadable(&columns, &unknown)),
                Err(error) => return Err(error),
            };
            decoders = prepared.columns().iter().map(|column| Decoder::new(column.type_info())).collect();
            return match decoders.into_iter().collect() {
                Some(decoders) => Ok(Ready { statement: prepared, arguments, columns, decoders }),
                None => Err(fallback::unreadable(&columns, &unknown)),
            };
        }
        let decoders = decoders.into_iter().flatten().collect();
        Ok(Ready { statement: prepared, arguments, columns, decoders })
    }

    async fn ready_plain(&mut self, statement: &Statement) -> Result<(PgStatement, PgArguments)> {
        self.prepare(&statement.sql, &statement.parameters).await
    }

    async fn prepare(&mut self, sql: &str, parameters: &[Value]) -> Result<(PgStatement, PgArguments)> {
        let prepared = (&mut self.conn).prepare(AssertSqlSafe(sql.to_owned()).into_sql_str()).await.map_err(|error| self.failed(error))?;
        let types = match prepared.parameters() {
            Some(Either::Left(types)) => types,
            _ => &[],
        };
        if types.len() != parameters.len() {
            return Err(invalid(format!("the statement has {} parameters, {} were given", types.len(), parameters.len())));
        }
        let mut arguments = PgArguments::default();
        for (index, (value, info)) in parameters.iter().zip(types).enumerate() {
            let raw = encode::encode(index + 1, value, info)?;
            arguments.add(raw).map_err(|error| invalid(format!("parameter ${}: {error}", index + 1)))?;
        }
        Ok((prepared, arguments))
    }

    /// Forgets prepared statements: after a change of tables their plans may be refused.
    pub(super) async fn forget_statements(&mut self) {
        let _ = self.conn.clear_cached_statements().await;
    }
}

fn column(column: &sqlx::postgres::PgColumn) -> Column {
    let kind = Decoder::new(column.type_info()).map_or(Kind::Other, |decoder| decoder.kind);
    Column { name: column.name().to_owned(), type_name: oid::name(column.type_info()), kind }
}

fn put(row: &PgRow, decoders: &[Decoder], builder: &mut BatchBuilder) -> Result<()> {
    for (index, (decoder, column)) in decoders.iter().zip(builder.columns()).enumerate() {
        let value = row.try_get_raw(index).map_err(|error| Error::Other(error.to_string()))?;
        match value.is_null() {
            true => column.push_null(),
            false => match value.as_bytes() {
                Ok(raw) => decoder.decode(raw, column)?,
                Err(error) => return Err(Error::Other(error.to_string())),
            },
        }
    }
    Ok(())
}

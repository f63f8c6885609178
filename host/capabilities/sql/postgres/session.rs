//! The task that owns a Postgres connection and does one piece of work after another.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection, Executor, Row};
use tokio::sync::watch;

use crate::capabilities::sql::client::{Cancel, Job, Jobs, Result, Target, Work};
use crate::capabilities::sql::limits::{CANCEL_WAIT, TIMEOUT_GRACE};
use crate::capabilities::sql::types::{Error, TransactionMode};
use crate::gate::Counter;

use super::{cancel, connect, error};

/// An open connection and what the host knows about its session.
pub(super) struct Pg {
    pub(super) conn: PgConnection,
    pub(super) target: Target,
    pub(super) version: String,
    pub(super) database: String,
    pub(super) pid: i32,
    /// The session could do what no grant allows: it is a superuser or may read the server's files.
    pub(super) mighty: bool,
    /// `pg_read_all_data` can be taken on.
    pub(super) can_lower: bool,
    pub(super) transaction: Option<Open>,
    pub(super) numbers: u64,
    /// The session's statement timeout, as far as the host set it.
    pub(super) timeout: Option<Duration>,
    pub(super) is_direct: bool,
    /// Prepared statements may be out of date.
    pub(super) is_stale: bool,
    pub(super) options: PgConnectOptions,
    broken: bool,
}

/// An explicit transaction.
pub(super) struct Open {
    pub(super) number: u64,
    pub(super) mode: TransactionMode,
    pub(super) timeout: Option<Duration>,
    /// A statement failed: Postgres refuses everything until it is rolled back.
    pub(super) aborted: bool,
}

const SETTLE: &str = "SELECT pg_backend_pid(), current_setting('server_version'), current_database()::text, \
    current_setting('is_superuser') = 'on' OR pg_has_role(current_user, 'pg_read_server_files', 'MEMBER') \
      OR pg_has_role(current_user, 'pg_write_server_files', 'MEMBER') OR pg_has_role(current_user, 'pg_execute_server_program', 'MEMBER'), \
    EXISTS (SELECT 1 FROM pg_catalog.pg_roles r WHERE r.rolname = 'pg_read_all_data' AND pg_has_role(current_user, r.oid, 'MEMBER'))";

/// Makes the server look every two seconds whether the host is still there, so that a statement, its locks and
/// an advisory lock do not outlive a host that was killed.
const NOTICE: &str = "SELECT set_config('client_connection_check_interval', '2s', false) \
    WHERE current_setting('server_version_num')::int >= 140000";

impl Pg {
    pub(super) async fn connect(target: Target, options: PgConnectOptions) -> Result<Self> {
        let mut conn = connect(&options, &target.name, target.connect_timeout).await?;
        let read_only = if target.is_read_only() { "SET default_transaction_read_only = on;" } else { "" };
        let settings = format!("{read_only} SET standard_conforming_strings = on; SET client_min_messages = warning");
        let failed = |error| error::of_statement(error, &target.name);
        conn.execute(sqlx::raw_sql(AssertSqlSafe(settings))).await.map_err(failed)?;
        let row = sqlx::query(SETTLE).persistent(false).fetch_one(&mut conn).await.map_err(failed)?;
        let version: String = row.try_get(1).map_err(failed)?;
        // Best effort: servers before 14, and those not on Linux, notice only when the statement ends.
        let _ = conn.execute(NOTICE).await;
        Ok(Self {
            pid: row.try_get(0).map_err(failed)?,
            // `15.18 (Debian 15.18-1)`: the number alone.
            version: version.split(' ').next().unwrap_or_default().to_owned(),
            database: row.try_get(2).map_err(failed)?,
            mighty: row.try_get(3).map_err(failed)?,
            can_lower: row.try_get(4).map_err(failed)?,
            conn,
            target,
            transaction: None,
            numbers: 0,
            timeout: None,
            is_direct: false,
            is_stale: false,
            options,
            broken: false,
        })
    }

    pub(super) async fn serve(mut self, mut jobs: Jobs, ending: watch::Sender<bool>) {
        while let Some(job) = jobs.recv().await {
            if matches!(job.work, Work::Close) {
                break;
            }
            if self.broken {
                // Dropping the reply tells the caller that the connection is gone.
                continue;
            }
            let cancel = Arc::clone(&job.cancel);
            self.bounded(job).await;
            cancel.finish();
        }
        if self.is_direct && !self.broken {
            // Waited for, so that the next who tries gets the locks: the server notices a closed socket a little later.
            let _ = tokio::time::timeout(CANCEL_WAIT, self.send("ROLLBACK; SELECT pg_advisory_unlock_all()")).await;
        }
        // Closing the connection rolls back and releases what the session holds.
        let _ = tokio::time::timeout(CANCEL_WAIT, self.conn.close()).await;
        let _ = ending.send(true);
    }

    /// Does one piece of work; cancels it on the server when it is called off or overdue.
    async fn bounded(&mut self, job: Job) {
        let (options, pid, cancel) = (self.options.clone(), self.pid, Arc::clone(&job.cancel));
        let overdue = job.timeout.map(|timeout| timeout + TIMEOUT_GRACE);
        let called_off = async {
            match overdue {
                Some(bound) => drop(tokio::time::timeout(bound, cancel.cancelled()).await),
                None => cancel.cancelled().await,
            }
        };
        let in_time = {
            let mut work = std::pin::pin!(self.work(job));
            tokio::select! {
                biased;
                () = &mut work => true,
                () = called_off => {
                    // Several statements may follow one another: ask again until the work ends.
                    let asking = async {
                        loop {
                            cancel::cancel(&options, pid).await;
                            tokio::time::sleep(Duration::from_millis(100)).await;
                        }
                    };
                    tokio::select! {
                        biased;
                        () = &mut work => true,
                        () = asking => false,
                        () = tokio::time::sleep(CANCEL_WAIT) => false,
                    }
                }
            }
        };
        self.broken |= !in_time;
    }

    async fn work(&mut self, job: Job) {
        let (cancel, timeout) = (job.cancel, job.timeout);
        if cancel.is_cancelled() && !matches!(job.work, Work::Rollback(..) | Work::Unlock(..)) {
            return;
        }
        // A receiver that is gone was cancelled: nobody waits for the answer.
        match job.work {
            Work::Query(statement, batches, reply) => self.query(statement, batches, reply, timeout, &cancel).await,
            Work::Execute(statement, reply) => drop(reply.send(self.execute(statement, timeout, &cancel).await)),
            Work::Returning(statement, reply) => drop(reply.send(self.returning(statement, timeout, &cancel).await)),
            Work::Script(script, reply) => drop(reply.send(self.script(&script, timeout, &cancel).await)),
            Work::Begin(mode, reply) => drop(reply.send(self.begin(mode).await)),
            Work::Commit(number, reply) => drop(reply.send(self.commit(number, timeout).await)),
            Work::Rollback(number, reply) => {
                let answer = self.rollback(number).await;
                reply.map(|reply| reply.send(answer));
            }
            Work::TryLock(key, reply) => drop(reply.send(self.try_lock(key).await)),
            Work::Unlock(key, reply) => {
                let answer = self.unlock(key).await;
                reply.map(|reply| reply.send(answer));
            }
            Work::Holder(key, reply) => drop(reply.send(self.holder(key).await)),
            Work::Close => {}
        }
    }

    /// Sends text that may hold several of the host's own statements.
    pub(super) async fn send(&mut self, sql: impl Into<String>) -> Result<u64> {
        let answer = sqlx::raw_sql(AssertSqlSafe(sql.into())).execute(&mut self.conn).await;
        answer.map(|done| done.rows_affected()).map_err(|error| self.failed(error))
    }

    /// The guest's form of an error; notes when the connection or the transaction is of no use any more.
    pub(super) fn failed(&mut self, error: sqlx::Error) -> Error {
        let error = error::of_statement(error, &self.target.name);
        self.broken |= matches!(error, Error::ConnectionFailed(_));
        // Somebody changed a table under a prepared statement: the next one is prepared anew.
        self.is_stale |= matches!(&error, Error::QueryFailed(report) if report.code == "0A000" && report.message.contains("cached plan"));
        if let Some(open) = &mut self.transaction {
            open.aborted |= matches!(error, Error::QueryFailed(_) | Error::Timeout(_) | Error::Cancelled(_));
        }
        error
    }

    pub(super) fn spend(&self, rows: u64) -> Result<()> {
        Ok(self.target.gate.spend(Counter::RowsChanged, rows)?)
    }
}

/// The work was called off: whatever it did is to be rolled back.
pub(super) fn check_cancelled(cancel: &Cancel) -> Result<()> {
    match cancel.is_cancelled() {
        true => Err(Error::Cancelled("the statement was cancelled".to_owned())),
        false => Ok(()),
    }
}

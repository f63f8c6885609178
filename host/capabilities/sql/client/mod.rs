//! One open connection, whatever the engine: a handle on the task or thread that owns it.
//!
//! The owner takes one piece of work after another, so a rollback that a drop scheduled always happens before
//! the next statement. Whoever waits for an answer holds a [`CancelGuard`]: when the waiting future is dropped
//! (the run ended, the guest trapped), the work is cancelled in the database itself.

mod admin;
mod cancel;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use crate::gate::Gate;
use crate::grants::SqlPower;
use crate::own_folder::OwnFolder;

use super::error::{gone, invalid};
use super::limits;
use super::lock::Holder;
use super::schema::ScriptOutcome;
use super::types::{Batch, Column, Engine, Error, TransactionMode, Value};
use super::{postgres, sqlite};

pub(super) use self::admin::{Staged, cut, is_kept, keep_name, kept, restore, summary};
pub(super) use self::cancel::{Cancel, CancelGuard};

pub(super) type Result<T> = std::result::Result<T, Error>;
pub(super) type Reply<T> = oneshot::Sender<Result<T>>;
pub(super) type BatchSender = mpsc::Sender<Result<Batch>>;

/// What is needed to open a connection.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) command: String,
    /// The configured name.
    pub(super) name: String,
    pub(super) url: String,
    pub(super) powers: BTreeSet<SqlPower>,
    pub(super) root: PathBuf,
    pub(super) locks: OwnFolder,
    pub(super) gate: Gate,
    pub(super) connect_timeout: Duration,
    /// Instead of the configured database: a staged one beside it (Postgres: its name, SQLite: its file).
    pub(super) staged: Option<String>,
}

impl Target {
    /// Whether the session may change anything at all.
    pub(super) fn is_read_only(&self) -> bool {
        !self.powers.contains(&SqlPower::Write) && !self.powers.contains(&SqlPower::Schema)
    }

    pub(super) fn is_sqlite(&self) -> bool {
        self.scheme() == "sqlite"
    }

    fn scheme(&self) -> String {
        self.url.split(':').next().unwrap_or_default().to_ascii_lowercase()
    }

    pub(super) fn denied(&self, power: SqlPower) -> Error {
        Error::AccessDenied(super::policy::denial(&self.command, &self.name, &self.powers, power))
    }
}

/// One statement and its parameters.
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) parameters: Vec<Value>,
}

/// What the owner of a connection can be asked for.
pub(super) enum Work {
    /// Columns at once, rows through the channel.
    Query(Statement, BatchSender, Reply<Vec<Column>>),
    Execute(Statement, Reply<u64>),
    /// All rows, after the statement is committed.
    Returning(Statement, Reply<(Vec<Column>, Vec<Batch>)>),
    Script(String, Reply<ScriptOutcome>),
    /// Answers the transaction's number.
    Begin(TransactionMode, Reply<u64>),
    Commit(u64, Reply<()>),
    Rollback(u64, Option<Reply<()>>),
    TryLock(i64, Reply<bool>),
    Unlock(i64, Option<Reply<bool>>),
    Holder(i64, Reply<Option<Holder>>),
    Close,
}

/// A piece of work, how long it may take and how it is called off.
pub(super) struct Job {
    pub(super) work: Work,
    pub(super) cancel: Arc<Cancel>,
    pub(super) timeout: Option<Duration>,
}

pub(super) type Jobs = mpsc::UnboundedReceiver<Job>;

/// What a freshly opened connection tells about itself.
pub(super) struct Facts {
    pub(super) engine: Engine,
    pub(super) version: String,
    pub(super) database: String,
}

/// An open connection.
pub(super) struct Session {
    pub(super) facts: Facts,
    name: String,
    jobs: mpsc::UnboundedSender<Job>,
    /// The work that runs, to be called off when the connection closes.
    current: Mutex<Option<Arc<Cancel>>>,
    timeout_ms: AtomicU32,
    closed: AtomicBool,
    ended: watch::Receiver<bool>,
}

/// The rows of a query: the cancel guard lives as long as they do.
pub(super) struct Stream {
    pub(super) columns: Vec<Column>,
    pub(super) batches: mpsc::Receiver<Result<Batch>>,
    pub(super) guard: CancelGuard,
}

impl Session {
    /// Opens a connection by the scheme of the address.
    pub(super) async fn open(target: Target) -> Result<Arc<Self>> {
        let (jobs, queue) = mpsc::unbounded_channel();
        let (ending, ended) = watch::channel(false);
        let name = target.name.clone();
        let scheme = target.scheme();
        let facts = match scheme.as_str() {
            "postgres" | "postgresql" => postgres::open(target, queue, ending).await?,
            "sqlite" => sqlite::open(target, queue, ending).await?,
            _ => {
                return Err(Error::Other(format!(
                    "database `{name}` has an address of a kind that is not supported; supported: postgres://, sqlite://"
                )));
            }
        };
        Ok(Arc::new(Self {
            facts,
            name,
            jobs,
            current: Mutex::new(None),
            timeout_ms: AtomicU32::new(0),
            closed: AtomicBool::new(false),
            ended,
        }))
    }

    pub(super) fn set_timeout(&self, ms: u32) {
        self.timeout_ms.store(ms, Ordering::Relaxed);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire) || *self.ended.borrow()
    }

    /// Calls off what runs, rolls back and closes; at once for the caller, soon for the server.
    pub(super) fn close(&self) {
        if !self.closed.swap(true, Ordering::AcqRel) {
            self.call_off();
            self.send(Work::Close, Cancel::new());
        }
    }

    /// Resolves when the owner of the connection is done.
    pub(super) async fn ended(&self) {
        let mut ended = self.ended.clone();
        let _ = ended.wait_for(|ended| *ended).await;
    }

    /// Work without an answer, scheduled by a drop, done before whatever comes next.
    pub(super) fn schedule(&self, work: Work) {
        // Rows of a transaction that is rolled back would hold the rollback up.
        if matches!(work, Work::Rollback(..)) {
            self.call_off();
        }
        self.send(work, Cancel::new());
    }

    /// Asks for one answer. Dropping the future cancels the work.
    pub(super) async fn ask<T>(&self, work: impl FnOnce(Reply<T>) -> Work) -> Result<T> {
        let (answer, guard) = self.start(work).await?;
        guard.disarm();
        Ok(answer)
    }

    pub(super) async fn query(&self, statement: Statement) -> Result<Stream> {
        let (sender, batches) = mpsc::channel(limits::BATCHES_AHEAD);
        let (columns, guard) = self.start(|reply| Work::Query(statement, sender, reply)).await?;
        Ok(Stream { columns, batches, guard })
    }

    async fn start<T>(&self, work: impl FnOnce(Reply<T>) -> Work) -> Result<(T, CancelGuard)> {
        self.refuse_while_rows_are_open().await?;
        let (reply, answer) = oneshot::channel();
        let guard = CancelGuard::new(Cancel::new());
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(guard.cancel());
        if self.is_closed() || !self.send(work(reply), guard.cancel()) {
            return Err(gone(&self.name));
        }
        let answer = answer.await.unwrap_or_else(|_| Err(gone(&self.name)))?;
        Ok((answer, guard))
    }

    /// Rows that were all handed over may still be about to end on the connection's side: that is waited for.
    async fn refuse_while_rows_are_open(&self) -> Result<()> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(current) = current else { return Ok(()) };
        let open = |_| invalid("rows of an earlier query are still open on this connection; read them to their end or drop them first");
        tokio::time::timeout(limits::ROWS_END, current.over()).await.map_err(open)
    }

    fn send(&self, work: Work, cancel: Arc<Cancel>) -> bool {
        let timeout = Some(self.timeout_ms.load(Ordering::Relaxed)).filter(|ms| *ms > 0).map(|ms| Duration::from_millis(u64::from(ms)));
        self.jobs.send(Job { work, cancel, timeout }).is_ok()
    }

    fn call_off(&self) {
        if let Some(cancel) = self.current.lock().unwrap_or_else(PoisonError::into_inner).take() {
            cancel.cancel();
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.close();
    }
}

//! Tests of the capability against real databases, through the Host functions, without a guest.

mod locks;
mod postgres;
mod server;
mod sqlite;
mod types;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use wasmtime::component::{Resource, ResourceTable};

use crate::gate::journal::Journal;
use crate::gate::{Budgets, Gate, Leave};
use crate::grants::{BudgetGrants, SqlPower};
use crate::own_folder::OwnFolder;

use super::client::Target;
use super::host::{Connection, Rows, Transaction};
use super::schema::ScriptOutcome;
use super::types::{
    Batch, Column, ColumnData, ConnectOptions, Error, HostConnection as _, HostRows as _, HostTransaction as _, Kind, TransactionMode,
    TypedText, Value,
};
use super::{SqlCtx, SqlView, read, schema, write};

pub(super) use self::server::Server;

/// What a test may do on the database `default`.
pub(super) const ALL: &[SqlPower] = &[SqlPower::Read, SqlPower::Write, SqlPower::Schema, SqlPower::Lock, SqlPower::Admin];

/// A run without a guest.
pub(super) struct Run {
    pub(super) ctx: SqlCtx,
    pub(super) table: ResourceTable,
    pub(super) leave: watch::Sender<Leave>,
    pub(super) told: Arc<Mutex<Vec<String>>>,
}

pub(super) type Answer<T> = Result<T, Error>;

impl Run {
    pub(super) fn new(url: &str, root: &Path, powers: &[SqlPower]) -> Self {
        Self::with_budget(url, root, powers, None)
    }

    pub(super) fn with_budget(url: &str, root: &Path, powers: &[SqlPower], rows_changed: Option<u64>) -> Self {
        let (leave, receiver) = watch::channel(Leave::Granted);
        let gate = Gate::new(
            "test".to_owned(),
            Budgets::new(BudgetGrants { rows_changed, ..BudgetGrants::default() }),
            Journal::nowhere(),
            receiver,
            false,
        );
        let urls = BTreeMap::from([("default".to_owned(), url.to_owned())]);
        let grants = BTreeMap::from([("default".to_owned(), powers.iter().copied().collect())]);
        let told = Arc::new(Mutex::new(Vec::new()));
        let teller = Arc::clone(&told);
        let teller = Arc::new(move |text: &str| teller.lock().unwrap().push(text.to_owned()));
        let ctx = SqlCtx::new(gate, urls, grants, root.to_owned(), OwnFolder::new(root, "locks"), teller);
        Self { ctx, table: ResourceTable::new(), leave, told }
    }

    pub(super) fn view(&mut self) -> SqlView<'_> {
        SqlView { ctx: &mut self.ctx, table: &mut self.table }
    }

    pub(super) async fn try_open(&mut self) -> Answer<Conn> {
        self.try_open_with("default", ConnectOptions { connect_timeout_ms: 0, statement_timeout_ms: 0 }).await
    }

    pub(super) async fn try_open_with(&mut self, name: &str, options: ConnectOptions) -> Answer<Conn> {
        Ok(Conn(self.view().open(name.to_owned(), options).await.unwrap()?.rep()))
    }

    pub(super) async fn open(&mut self) -> Conn {
        self.try_open().await.unwrap()
    }

    pub(super) async fn try_query(&mut self, on: Conn, sql: &str, parameters: &[Value]) -> Answer<Resource<Rows>> {
        read::Host::query(&mut self.view(), on.borrow(), sql.to_owned(), parameters.to_vec()).await.unwrap()
    }

    /// All rows as values.
    pub(super) async fn query_with(&mut self, on: Conn, sql: &str, parameters: &[Value]) -> Answer<Vec<Vec<Value>>> {
        let rows = self.try_query(on, sql, parameters).await?;
        self.drain(rows).await
    }

    pub(super) async fn drain(&mut self, rows: Resource<Rows>) -> Answer<Vec<Vec<Value>>> {
        let columns = self.columns(&rows).await;
        let mut all = Vec::new();
        while let Some(batch) = self.next(&rows).await? {
            all.extend(values(&batch, &columns));
        }
        super::types::HostRows::drop(&mut self.view(), rows).await.unwrap();
        Ok(all)
    }

    pub(super) async fn columns(&mut self, rows: &Resource<Rows>) -> Vec<Column> {
        self.view().columns(Resource::new_borrow(rows.rep())).await.unwrap()
    }

    pub(super) async fn next(&mut self, rows: &Resource<Rows>) -> Answer<Option<Batch>> {
        self.view().next(Resource::new_borrow(rows.rep())).await.unwrap()
    }

    pub(super) async fn query(&mut self, on: Conn, sql: &str) -> Answer<Vec<Vec<Value>>> {
        self.query_with(on, sql, &[]).await
    }

    /// The one value of a query.
    pub(super) async fn value(&mut self, on: Conn, sql: &str) -> Value {
        self.query(on, sql).await.unwrap()[0][0].clone()
    }

    pub(super) async fn execute(&mut self, on: Conn, sql: &str, parameters: &[Value]) -> Answer<u64> {
        write::Host::execute(&mut self.view(), on.borrow(), sql.to_owned(), parameters.to_vec()).await.unwrap()
    }

    pub(super) async fn returning(&mut self, on: Conn, sql: &str) -> Answer<Vec<Vec<Value>>> {
        let rows = write::Host::execute_returning(&mut self.view(), on.borrow(), sql.to_owned(), Vec::new()).await.unwrap()?;
        self.drain(rows).await
    }

    pub(super) async fn script(&mut self, on: Conn, script: &str) -> Answer<ScriptOutcome> {
        schema::Host::run_script(&mut self.view(), on.borrow(), script.to_owned()).await.unwrap()
    }

    pub(super) async fn begin(&mut self, on: Conn, mode: TransactionMode) -> Answer<Resource<Transaction>> {
        self.view().begin(on.borrow(), mode).await.unwrap()
    }

    pub(super) async fn commit(&mut self, transaction: &Resource<Transaction>) -> Answer<()> {
        self.view().commit(Resource::new_borrow(transaction.rep())).await.unwrap()
    }

    pub(super) async fn rollback(&mut self, transaction: &Resource<Transaction>) -> Answer<()> {
        self.view().rollback(Resource::new_borrow(transaction.rep())).await.unwrap()
    }

    pub(super) async fn drop_transaction(&mut self, transaction: Resource<Transaction>) {
        super::types::HostTransaction::drop(&mut self.view(), transaction).await.unwrap();
    }
}

/// A connection's handle.
#[derive(Clone, Copy)]
pub(super) struct Conn(pub(super) u32);

impl Conn {
    pub(super) fn borrow(self) -> Resource<Connection> {
        Resource::new_borrow(self.0)
    }
}

/// A batch's rows, as a guest would read them.
pub(super) fn values(batch: &Batch, columns: &[Column]) -> Vec<Vec<Value>> {
    (0..batch.rows as usize).map(|row| batch.columns.iter().zip(columns).map(|(data, column)| value(data, column, row)).collect()).collect()
}

fn value(batch: &super::types::ColumnBatch, column: &Column, row: usize) -> Value {
    if batch.nulls.get(row / 8).is_some_and(|bits| bits & (1 << (row % 8)) != 0) {
        return Value::Null;
    }
    match &batch.data {
        ColumnData::Booleans(rows) => Value::Boolean(rows[row] == 1),
        ColumnData::Integers(rows) => Value::Integer(rows[row]),
        ColumnData::Floats(rows) => Value::Float(rows[row]),
        ColumnData::Texts(run) => {
            let text = run.data[run.offsets[row] as usize..run.offsets[row + 1] as usize].to_owned();
            match column.kind {
                Kind::Decimal => Value::Decimal(text),
                Kind::Uuid => Value::Uuid(text),
                Kind::Json => Value::Json(text),
                Kind::Other => Value::Other(TypedText { type_name: column.type_name.clone(), text }),
                _ => Value::Text(text),
            }
        }
        ColumnData::Bytes(run) => Value::Bytes(run.data[run.offsets[row] as usize..run.offsets[row + 1] as usize].to_vec()),
        ColumnData::Dates(rows) => Value::Date(rows[row]),
        ColumnData::Times(rows) => Value::Time(rows[row]),
        ColumnData::Timestamps(rows) => Value::Timestamp(rows[row]),
        ColumnData::TimestampsWithZone(rows) => Value::TimestampWithZone(rows[row]),
        ColumnData::Mixed(rows) => rows[row].clone(),
    }
}

pub(super) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// A target for pure tests: nothing is opened.
pub(super) fn target(powers: &[SqlPower]) -> Target {
    let (_, leave) = watch::channel(Leave::Granted);
    Target {
        command: "test".to_owned(),
        name: "default".to_owned(),
        url: String::new(),
        powers: powers.iter().copied().collect::<BTreeSet<_>>(),
        root: PathBuf::new(),
        locks: OwnFolder::new("", ""),
        gate: Gate::new("test".to_owned(), Budgets::default(), Journal::nowhere(), leave, false),
        connect_timeout: Duration::from_secs(5),
        staged: None,
    }
}

/// The resident memory of this process in bytes.
pub(super) fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap().split(' ').nth(1).unwrap().parse::<usize>().unwrap();
    pages * 4096
}

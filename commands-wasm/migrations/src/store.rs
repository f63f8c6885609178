//! The ledger over `host:sql`: what [`crate::sql`] says, sent through the SDK.

use std::collections::BTreeMap;

use host_sdk::host::sql::lock::AdvisoryLock;
use host_sdk::host::sql::types::{self, Batch, ConnectOptions, Connection, DbError, Transaction, TransactionMode, Value};
use host_sdk::host::sql::{read, schema, write};

use crate::cells;
use crate::ledger::{Complaint, Engine, Error, Holder, Ledger, NewRow, Reader, Result, Tables};
use crate::sql;
use crate::state::Row;

/// A connection that reads.
pub struct ReadStore {
    connection: Connection,
    engine: Engine,
    /// Where new tables are created; none on SQLite.
    schema: Option<String>,
    /// Tables that were found, by their bare name: qualified.
    found: BTreeMap<String, String>,
}

impl ReadStore {
    pub fn open(database: &str, options: ConnectOptions) -> Result<Self> {
        Self::over(Connection::open(database, options).map_err(convert)?)
    }

    pub fn over(connection: Connection) -> Result<Self> {
        let engine = match connection.engine() {
            types::Engine::Postgres => Engine::Postgres,
            types::Engine::Sqlite => Engine::Sqlite,
            types::Engine::Mysql => return Err(Error::Other("migrations are known for PostgreSQL and SQLite only".to_owned())),
        };
        Ok(Self { connection, engine, schema: None, found: BTreeMap::new() })
    }

    fn query(&self, sql: &str, parameters: &[Value], mut each: impl FnMut(&Batch, usize)) -> Result<()> {
        let rows = read::query(&self.connection, sql, parameters).map_err(convert)?;
        while let Some(batch) = rows.next().map_err(convert)? {
            (0..batch.rows as usize).for_each(|row| each(&batch, row));
        }
        Ok(())
    }

    fn find(&mut self) -> Result<()> {
        let mut schema = None;
        let mut found = BTreeMap::new();
        self.query(sql::find_tables(self.engine), &[], |batch, row| {
            let cell = |index: usize| batch.columns.get(index).and_then(|column| cells::text(column, row));
            schema = cell(0);
            if let Some(table) = cell(2) {
                let qualified = sql::qualified(cell(1).as_deref(), &table);
                found.insert(table, qualified);
            }
        })?;
        (self.schema, self.found) = (schema, found);
        Ok(())
    }

    fn table(&self, table: &str) -> String {
        self.found.get(table).cloned().unwrap_or_else(|| sql::qualified(self.schema.as_deref(), table))
    }
}

impl Reader for ReadStore {
    fn engine(&self) -> Engine {
        self.engine
    }

    fn database(&self) -> String {
        self.connection.database()
    }

    fn read(&mut self, tables: &[&str]) -> Result<Tables> {
        self.find()?;
        let (names, qualified): (Vec<&str>, Vec<String>) =
            tables.iter().filter_map(|table| Some((*table, self.found.get(*table)?.clone()))).unzip();
        let mut all: Vec<Vec<Row>> = vec![Vec::new(); names.len()];
        if names.is_empty() {
            return Ok(Tables::new());
        }
        let mut odd = None;
        self.query(&sql::read_rows(self.engine, &qualified), &[], |batch, row| match read_row(batch, row) {
            Some((table, row)) => all.get_mut(table).into_iter().for_each(|rows| rows.push(row.clone())),
            None => odd = Some(row),
        })?;
        match odd {
            Some(row) => Err(Error::Other(format!("row {} of {} is not as sqlx writes it", row + 1, qualified.join(", ")))),
            None => Ok(names.into_iter().map(str::to_owned).zip(all).collect()),
        }
    }

    fn exist(&mut self, names: &[String]) -> Result<Vec<bool>> {
        let exists = |name: &String| {
            let mut there = false;
            self.query(sql::exists(self.engine), &[Value::Text(sql::exists_parameter(self.engine, name))], |_, _| there = true)?;
            Ok(there)
        };
        names.iter().map(exists).collect()
    }
}

fn read_row(batch: &Batch, row: usize) -> Option<(usize, Row)> {
    let column = |index: usize| batch.columns.get(index);
    let integer = |index| cells::integer(column(index)?, row);
    let read = Row {
        version: integer(1)?,
        description: cells::text(column(2)?, row)?,
        installed_on: cells::text(column(3)?, row).unwrap_or_default(),
        success: integer(4)? != 0,
        checksum: cells::bytes(column(5)?, row)?,
        execution_time: integer(6)?,
    };
    Some((usize::try_from(integer(0)?).ok()?, read))
}

/// A connection that also writes, runs scripts and locks. Fields drop in this order: the connection last.
pub struct WriteStore {
    transaction: Option<Transaction>,
    lock: Option<AdvisoryLock>,
    store: ReadStore,
    /// The configured name, for another connection; none where there can be no other one.
    name: Option<String>,
}

impl WriteStore {
    pub fn open(database: &str) -> Result<Self> {
        Ok(Self { transaction: None, lock: None, store: ReadStore::open(database, no_bounds())?, name: Some(database.to_owned()) })
    }

    pub fn over(connection: Connection) -> Result<Self> {
        Ok(Self { transaction: None, lock: None, store: ReadStore::over(connection)?, name: None })
    }

    fn execute(&self, sql: &str, parameters: &[Value]) -> Result<u64> {
        write::execute(&self.store.connection, sql, parameters).map_err(convert)
    }
}

impl Reader for WriteStore {
    fn engine(&self) -> Engine {
        self.store.engine()
    }

    fn database(&self) -> String {
        self.store.database()
    }

    fn read(&mut self, tables: &[&str]) -> Result<Tables> {
        self.store.read(tables)
    }

    fn exist(&mut self, names: &[String]) -> Result<Vec<bool>> {
        self.store.exist(names)
    }
}

impl Ledger for WriteStore {
    fn create_table(&mut self, table: &str) -> Result<()> {
        self.run_script(&sql::create_table(self.store.engine, &self.store.table(table)))
    }

    fn insert(&mut self, table: &str, row: &NewRow<'_>) -> Result<()> {
        let parameters = [
            Value::Integer(row.version),
            Value::Text(row.description.to_owned()),
            Value::Boolean(row.success),
            Value::Bytes(row.checksum.to_vec()),
            Value::Integer(row.execution_time),
        ];
        self.execute(&sql::insert(&self.store.table(table)), &parameters).map(|_| ())
    }

    fn delete(&mut self, table: &str, version: i64) -> Result<bool> {
        self.execute(&sql::delete(&self.store.table(table)), &[Value::Integer(version)]).map(|rows| rows > 0)
    }

    fn set_outcome(&mut self, table: &str, version: i64, success: bool, execution_time: i64) -> Result<()> {
        let parameters = [Value::Boolean(success), Value::Integer(execution_time), Value::Integer(version)];
        self.execute(&sql::set_outcome(&self.store.table(table)), &parameters).map(|_| ())
    }

    fn set_checksum(&mut self, table: &str, version: i64, checksum: &[u8]) -> Result<()> {
        self.execute(&sql::set_checksum(&self.store.table(table)), &[Value::Bytes(checksum.to_vec()), Value::Integer(version)]).map(|_| ())
    }

    fn begin(&mut self) -> Result<()> {
        self.transaction = Some(Transaction::begin(&self.store.connection, TransactionMode::ReadWrite).map_err(convert)?);
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        self.transaction.take().map_or(Ok(()), |transaction| transaction.commit().map_err(convert))
    }

    fn rollback(&mut self) {
        if let Some(transaction) = self.transaction.take() {
            // A connection that is gone has rolled back on its own.
            let _ = transaction.rollback();
        }
    }

    fn run_script(&mut self, script: &str) -> Result<()> {
        schema::run_script(&self.store.connection, script).map(|_| ()).map_err(convert)
    }

    fn try_lock(&mut self, key: i64) -> Result<bool> {
        self.lock = AdvisoryLock::try_acquire(&self.store.connection, key).map_err(convert)?;
        Ok(self.lock.is_some())
    }

    fn lock_holder(&mut self, key: i64) -> Result<Option<Holder>> {
        let holder = AdvisoryLock::holder(&self.store.connection, key).map_err(convert)?;
        Ok(holder.map(|holder| Holder {
            process: holder.process,
            user: holder.user,
            application: holder.application,
            state: holder.state,
            seconds: holder.seconds,
        }))
    }

    fn unlock(&mut self) -> Result<bool> {
        self.lock.take().map_or(Ok(true), |lock| lock.release().map_err(convert))
    }

    fn reconnect(&mut self) -> Result<()> {
        (self.transaction, self.lock) = (None, None);
        let Some(name) = &self.name else { return Err(Error::Lost("the connection is gone".to_owned())) };
        self.store = ReadStore::open(name, no_bounds())?;
        Ok(())
    }
}

/// The host's own bound for connecting, and none for statements: a migration may run for an hour.
pub fn no_bounds() -> ConnectOptions {
    ConnectOptions { connect_timeout_ms: 0, statement_timeout_ms: 0 }
}

pub fn convert(error: types::Error) -> Error {
    match error {
        types::Error::QueryFailed(complaint) => Error::Query(complain(complaint)),
        types::Error::ConnectionRejected(complaint) => Error::Rejected(complain(complaint)),
        types::Error::ConnectionFailed(text) => Error::Lost(text),
        types::Error::AccessDenied(text) => Error::Denied(text),
        types::Error::Timeout(text) => Error::Timeout(text),
        types::Error::LimitExceeded(text) => Error::Limit(text),
        types::Error::Cancelled(text) => Error::Cancelled(text),
        types::Error::NoSuchDatabase(text) => Error::NoSuchDatabase(text),
        types::Error::InvalidArgument(text) | types::Error::Other(text) => Error::Other(text),
    }
}

fn complain(error: DbError) -> Complaint {
    Complaint { code: error.code, message: error.message, detail: error.detail, hint: error.hint, line: error.line }
}

//! A database for tests, that can be killed before any of its operations and keeps its promises then:
//! an open transaction is gone, everything else stays.

use std::collections::BTreeMap;

use crate::ledger::{Complaint, Engine, Error, Holder, Ledger, NewRow, Reader, Result, Tables};
use crate::state::Row;

#[derive(Clone, Debug, Default)]
struct Contents {
    tables: Tables,
    /// Statements whose effects are there, in order. `FAIL` in a script fails at its line.
    done: Vec<String>,
}

#[derive(Default)]
pub(crate) struct Memory {
    now: Contents,
    before: Option<Contents>,
    /// Operations until the process is killed; none: never.
    killed_after: Option<usize>,
    pub(crate) held_by: Option<Holder>,
    /// Tries until the holder lets go.
    pub(crate) held_for: usize,
    pub(crate) locked: bool,
    pub(crate) operations: usize,
}

impl Memory {
    pub(crate) fn with_rows(table: &str, rows: Vec<Row>) -> Self {
        let tables = BTreeMap::from([(table.to_owned(), rows)]);
        Self { now: Contents { tables, done: Vec::new() }, ..Self::default() }
    }

    pub(crate) fn killed_after(self, operations: usize) -> Self {
        Self { killed_after: Some(operations), ..self }
    }

    pub(crate) fn rows(&self, table: &str) -> Vec<(i64, bool, i64)> {
        self.now
            .tables
            .get(table)
            .map_or_else(Vec::new, |rows| rows.iter().map(|row| (row.version, row.success, row.execution_time)).collect())
    }

    pub(crate) fn has_table(&self, table: &str) -> bool {
        self.now.tables.contains_key(table)
    }

    pub(crate) fn done(&self) -> Vec<&str> {
        self.now.done.iter().map(String::as_str).collect()
    }

    /// What another process finds after this one was killed.
    pub(crate) fn survivor(mut self) -> Self {
        Self { now: self.before.take().unwrap_or(self.now), ..Self::default() }
    }

    fn operate(&mut self) -> Result<()> {
        self.operations += 1;
        if self.killed_after.is_some_and(|after| self.operations > after) {
            return Err(Error::Lost("killed".to_owned()));
        }
        Ok(())
    }

    fn change(&mut self, table: &str, version: i64, change: impl FnOnce(&mut Row)) -> Result<()> {
        self.operate()?;
        if let Some(row) = self.now.tables.get_mut(table).unwrap().iter_mut().find(|row| row.version == version) {
            change(row);
        }
        Ok(())
    }
}

impl Reader for Memory {
    fn engine(&self) -> Engine {
        Engine::Postgres
    }

    fn database(&self) -> String {
        "shop".to_owned()
    }

    fn read(&mut self, tables: &[&str]) -> Result<Tables> {
        self.operate()?;
        Ok(self
            .now
            .tables
            .iter()
            .filter(|(table, _)| tables.contains(&table.as_str()))
            .map(|(table, rows)| (table.clone(), rows.clone()))
            .collect())
    }

    fn exist(&mut self, names: &[String]) -> Result<Vec<bool>> {
        self.operate()?;
        Ok(names.iter().map(|name| self.now.done.iter().any(|done| done.starts_with(&format!("CREATE TABLE {name}")))).collect())
    }
}

impl Ledger for Memory {
    fn create_table(&mut self, table: &str) -> Result<()> {
        self.operate()?;
        assert!(self.locked, "created without the lock");
        self.now.tables.entry(table.to_owned()).or_default();
        Ok(())
    }

    fn insert(&mut self, table: &str, row: &NewRow<'_>) -> Result<()> {
        self.operate()?;
        let rows = self.now.tables.get_mut(table).unwrap();
        assert!(rows.iter().all(|other| other.version != row.version), "duplicate key");
        rows.push(Row {
            version: row.version,
            description: row.description.to_owned(),
            installed_on: "2026-01-02 03:04:05".to_owned(),
            success: row.success,
            checksum: row.checksum.to_vec(),
            execution_time: row.execution_time,
        });
        Ok(())
    }

    fn delete(&mut self, table: &str, version: i64) -> Result<bool> {
        self.operate()?;
        let rows = self.now.tables.get_mut(table).unwrap();
        let before = rows.len();
        rows.retain(|row| row.version != version);
        Ok(rows.len() < before)
    }

    fn set_outcome(&mut self, table: &str, version: i64, success: bool, execution_time: i64) -> Result<()> {
        // A measured time would make tests depend on the clock.
        self.change(table, version, |row| (row.success, row.execution_time) = (success, execution_time.min(1)))
    }

    fn set_checksum(&mut self, table: &str, version: i64, checksum: &[u8]) -> Result<()> {
        self.change(table, version, |row| row.checksum = checksum.to_vec())
    }

    fn begin(&mut self) -> Result<()> {
        self.operate()?;
        assert!(self.before.is_none(), "transactions do not nest");
        self.before = Some(self.now.clone());
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        self.operate()?;
        self.before = None;
        Ok(())
    }

    fn rollback(&mut self) {
        if let Some(before) = self.before.take() {
            self.now = before;
        }
    }

    fn run_script(&mut self, script: &str) -> Result<()> {
        for (index, line) in script.lines().filter(|line| !line.starts_with("--")).enumerate() {
            self.operate()?;
            if line.contains("FAIL") {
                let line = Some(u32::try_from(index).unwrap() + 1);
                return Err(Error::Query(Complaint {
                    code: "42601".to_owned(),
                    message: "syntax error".to_owned(),
                    line,
                    ..Complaint::default()
                }));
            }
            self.now.done.push(line.to_owned());
        }
        Ok(())
    }

    fn try_lock(&mut self, _key: i64) -> Result<bool> {
        self.operate()?;
        if self.held_by.is_some() && self.held_for > 0 {
            self.held_for -= 1;
            return Ok(false);
        }
        self.locked = true;
        Ok(true)
    }

    fn lock_holder(&mut self, _key: i64) -> Result<Option<Holder>> {
        Ok(self.held_by.clone())
    }

    fn unlock(&mut self) -> Result<bool> {
        Ok(std::mem::take(&mut self.locked))
    }

    fn reconnect(&mut self) -> Result<()> {
        self.operate()
    }
}

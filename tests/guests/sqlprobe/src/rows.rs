//! Many rows: fast, in bounded memory, and given up half-way.

use host_sdk::sql::{Batch, ColumnData, Database};
use host_sdk::{Error, Result, out};

/// As `tests/bench` counts, so that a native program and this one print the same.
#[derive(Default)]
struct Totals {
    rows: u64,
    integers: i64,
    floats: f64,
    characters: usize,
}

impl Totals {
    fn print(&self) {
        out!("{} rows, {} {} {}", self.rows, self.integers, self.floats, self.characters);
    }
}

fn statement(count: u64) -> String {
    format!("SELECT i, f, t FROM bench_rows LIMIT {count}")
}

pub(crate) fn by_row(database: &Database, count: u64) -> Result<()> {
    let mut totals = Totals::default();
    for row in database.query(&statement(count), &[])? {
        let row = row?;
        totals.rows += 1;
        totals.integers = totals.integers.wrapping_add(row.get::<i64>(0)?);
        totals.floats += row.get::<f64>(1)?;
        totals.characters += row.get::<&str>(2)?.len();
    }
    totals.print();
    Ok(())
}

pub(crate) fn by_column(database: &Database, count: u64) -> Result<()> {
    let mut totals = Totals::default();
    let mut rows = database.query(&statement(count), &[])?;
    while let Some(Batch { rows, columns }) = rows.next_batch()? {
        totals.rows += u64::from(rows);
        for column in &columns {
            match &column.data {
                ColumnData::Integers(values) => {
                    totals.integers = values.iter().fold(totals.integers, |sum, value| sum.wrapping_add(*value))
                }
                ColumnData::Floats(values) => totals.floats = values.iter().fold(totals.floats, |sum, value| sum + value),
                ColumnData::Texts(run) => totals.characters += run.data.len(),
                _ => return Err(Error::failed("a column is of an unexpected type")),
            }
        }
    }
    totals.print();
    Ok(())
}

pub(crate) fn batches(database: &Database, sql: &str) -> Result<()> {
    let mut rows = database.query(sql, &[])?;
    while let Some(batch) = rows.next_batch()? {
        out!("{}", batch.rows);
    }
    Ok(())
}

pub(crate) fn drop_after_the_first(database: &Database, sql: &str) -> Result<()> {
    let first = database.query(sql, &[])?.next().transpose()?;
    out!("{}", if first.is_some() { "a row" } else { "no row" });
    out!("then {}", database.query("SELECT 1", &[])?.value::<i64>()?);
    Ok(())
}

pub(crate) fn two_at_once(database: &Database, sql: &str) -> Result<()> {
    let first = database.query(sql, &[])?;
    let second = database.query(sql, &[])?.count();
    out!("{} and {second} rows", first.count());
    Ok(())
}

//! `native-rows URL SQL` reads rows of (integer, float, text) with sqlx as an application would, and prints
//! how many there were, the sum of the numbers and the length of the texts.

use anyhow::Context;
use futures_util::TryStreamExt;
use sqlx::{AssertSqlSafe, ColumnIndex, Connection, Database, Decode, Executor, IntoArguments, PgConnection, Row, SqliteConnection, Type};

#[derive(Default)]
struct Totals {
    rows: u64,
    integers: i64,
    floats: f64,
    characters: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let (url, sql) = words.next().zip(words.next()).context("usage: native-rows URL SQL")?;
    let totals = if url.starts_with("sqlite:") {
        read(&mut SqliteConnection::connect(&url).await?, sql).await?
    } else {
        read(&mut PgConnection::connect(&url).await?, sql).await?
    };
    println!("{} rows, {} {} {}", totals.rows, totals.integers, totals.floats, totals.characters);
    Ok(())
}

async fn read<C>(on: &mut C, sql: String) -> anyhow::Result<Totals>
where
    C: Connection,
    for<'c> &'c mut C: Executor<'c, Database = C::Database>,
    <C::Database as Database>::Arguments: IntoArguments<C::Database>,
    usize: ColumnIndex<<C::Database as Database>::Row>,
    for<'r> i64: Decode<'r, C::Database> + Type<C::Database>,
    for<'r> f64: Decode<'r, C::Database> + Type<C::Database>,
    for<'r> &'r str: Decode<'r, C::Database> + Type<C::Database>,
{
    let mut totals = Totals::default();
    let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(on);
    while let Some(row) = rows.try_next().await? {
        totals.rows += 1;
        totals.integers = totals.integers.wrapping_add(row.try_get::<i64, _>(0)?);
        totals.floats += row.try_get::<f64, _>(1)?;
        totals.characters += row.try_get::<&str, _>(2)?.len();
    }
    Ok(totals)
}

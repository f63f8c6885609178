//! One statement, one script, one transaction, one lock.

use host_sdk::sql::{Database, Engine, Rows, Value};
use host_sdk::{Ending, Error, Result, out};

pub(crate) fn print(rows: Rows<'_>) -> Result<()> {
    for row in rows {
        let row = row?;
        let cells: Vec<String> = row.cells().map(|cell| cell.to_string()).collect();
        out!("{}", cells.join("\t"));
    }
    Ok(())
}

pub(crate) fn execute(database: &Database, sql: &str, parameters: &[Value]) -> Result<()> {
    out!("{} changed", database.execute(sql, parameters)?);
    Ok(())
}

pub(crate) fn script(database: &Database, script: &str) -> Result<()> {
    let outcome = database.run_script(script)?;
    out!("{} statements, {} changed", outcome.statements, outcome.rows_changed);
    Ok(())
}

pub(crate) fn script_in_transaction(database: &Database, text: &str) -> Result<()> {
    let transaction = database.transaction()?;
    script(&transaction, text)?;
    transaction.commit()
}

pub(crate) fn info(database: &Database) -> Result<()> {
    let engine = match database.engine() {
        Engine::Postgres => "postgres",
        Engine::Sqlite => "sqlite",
        Engine::Mysql => "mysql",
    };
    out!("{engine} {} {}", database.server_version(), database.database());
    Ok(())
}

/// What a guest with a read grant would try first.
pub(crate) fn attempt(database: &Database, what: &str) -> Result<()> {
    let sql = match what {
        "attach" => "ATTACH 'other.db' AS other",
        "pragma" => "PRAGMA journal_mode = wal",
        "multi" => "SELECT 1; SELECT 2",
        "copy-program" => "COPY (SELECT 1) TO PROGRAM 'true'",
        "pg-read-file" => "SELECT pg_read_file('/etc/passwd')",
        "writable-cte" => "WITH gone AS (DELETE FROM items RETURNING *) SELECT * FROM gone",
        _ => return Err(Error::usage(format!("nothing is known as `{what}`"))),
    };
    print(database.query(sql, &[])?)
}

pub(crate) fn transaction(database: &Database, statements: &[String], commit: bool) -> Result<()> {
    let transaction = database.transaction()?;
    for sql in statements {
        execute(&transaction, sql, &[])?;
    }
    if commit { transaction.commit() } else { Ok(()) }
}

pub(crate) fn in_read_only(database: &Database, sql: &str) -> Result<()> {
    let transaction = database.read_transaction()?;
    execute(&transaction, sql, &[])
}

pub(crate) fn try_lock(database: &Database, key: i64) -> Result<()> {
    if let Some(lock) = database.try_lock(key)? {
        out!("acquired");
        out!("released {}", lock.release()?);
        return Ok(());
    }
    let holder = database.lock_holder(key)?.map_or_else(|| "nobody that the database names".to_owned(), |holder| holder.to_string());
    Err(Error::new(Ending::Locked, format!("lock {key} is held by {holder}")))
}

pub(crate) fn huge_statement(database: &Database, mebibytes: usize) -> Result<()> {
    let sql = format!("SELECT '{}' AS x", "x".repeat(mebibytes << 20));
    let text: String = database.query(&sql, &[])?.value()?;
    out!("{} bytes came back", text.len());
    Ok(())
}

//! The statements, per engine. The table is sqlx's to the letter; everything else reads or writes its rows.

use crate::ledger::Engine;

/// A table where it was found, or where it will be: `"public"."_sqlx_migrations"`. Qualified, because a script
/// (every `pg_dump` does it) may empty the session's search path.
pub fn qualified(schema: Option<&str>, table: &str) -> String {
    let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    schema.map_or_else(|| quote(table), |schema| format!("{}.{}", quote(schema), quote(table)))
}

/// Answers `(schema in which tables are created, schema, table)` for each table of ours that unqualified names
/// reach; on Postgres at least one row, with nulls where there is none.
pub fn find_tables(engine: Engine) -> &'static str {
    match engine {
        Engine::Postgres => {
            "SELECT current_schema()::text, found.nspname::text, found.relname::text FROM (SELECT 1) AS one \
             LEFT JOIN (SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind IN ('r', 'p') AND left(c.relname, 16) = '_sqlx_migrations' AND pg_catalog.pg_table_is_visible(c.oid)) AS found ON true"
        }
        Engine::Sqlite => "SELECT NULL, NULL, name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 16) = '_sqlx_migrations'",
    }
}

/// All rows of some tables: `(index into tables, version, description, installed_on, success, checksum, execution_time)`.
pub fn read_rows(engine: Engine, tables: &[String]) -> String {
    let installed_on = match engine {
        Engine::Postgres => "to_char(installed_on AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')",
        Engine::Sqlite => "CAST(installed_on AS TEXT)",
    };
    let select = |(index, table): (usize, &String)| {
        format!(
            "SELECT {index} AS app, version AS version, description, {installed_on}, CASE WHEN success THEN 1 ELSE 0 END, checksum, execution_time FROM {table}"
        )
    };
    let selects: Vec<String> = tables.iter().enumerate().map(select).collect();
    format!("{} ORDER BY app, version", selects.join(" UNION ALL "))
}

/// Whether one table exists; `$1` is [`exists_parameter`].
pub fn exists(engine: Engine) -> &'static str {
    match engine {
        Engine::Postgres => {
            "SELECT 1 FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass($1::text) AND relkind IN ('r', 'p', 'f', 'v', 'm')"
        }
        Engine::Sqlite => "SELECT 1 FROM sqlite_master WHERE type IN ('table', 'view') AND name = $1 COLLATE NOCASE",
    }
}

/// Postgres reads the name as it was written, quotes and schema included; SQLite's catalogue has bare names.
pub fn exists_parameter(engine: Engine, written: &str) -> String {
    match engine {
        Engine::Postgres => written.replace('`', "\""),
        Engine::Sqlite => written.strip_prefix("main.").unwrap_or(written).trim_matches(['"', '`']).to_owned(),
    }
}

pub fn create_table(engine: Engine, table: &str) -> String {
    let (time, default, bytes) = match engine {
        Engine::Postgres => ("TIMESTAMPTZ", "now()", "BYTEA"),
        Engine::Sqlite => ("TIMESTAMP", "CURRENT_TIMESTAMP", "BLOB"),
    };
    format!(
        "CREATE TABLE IF NOT EXISTS {table} (\n    version BIGINT PRIMARY KEY,\n    description TEXT NOT NULL,\n    \
         installed_on {time} NOT NULL DEFAULT {default},\n    success BOOLEAN NOT NULL,\n    checksum {bytes} NOT NULL,\n    \
         execution_time BIGINT NOT NULL\n)"
    )
}

pub fn insert(table: &str) -> String {
    format!("INSERT INTO {table} (version, description, success, checksum, execution_time) VALUES ($1, $2, $3, $4, $5)")
}

pub fn delete(table: &str) -> String {
    format!("DELETE FROM {table} WHERE version = $1")
}

pub fn set_outcome(table: &str) -> String {
    format!("UPDATE {table} SET success = $1, execution_time = $2 WHERE version = $3")
}

pub fn set_checksum(table: &str) -> String {
    format!("UPDATE {table} SET checksum = $1 WHERE version = $2")
}

#[cfg(test)]
mod tests {
    use super::{Engine, create_table, exists_parameter, qualified, read_rows};

    #[test]
    fn names_are_quoted_and_qualified() {
        assert_eq!(qualified(Some("pub\"lic"), "t"), "\"pub\"\"lic\".\"t\"");
        assert_eq!(qualified(None, "_sqlx_migrations"), "\"_sqlx_migrations\"");
    }

    #[test]
    fn several_tables_are_read_in_one_statement() {
        let sql = read_rows(Engine::Sqlite, &["\"a\"".to_owned(), "\"b\"".to_owned()]);
        assert!(sql.contains("FROM \"a\" UNION ALL SELECT 1 AS app") && sql.ends_with("FROM \"b\" ORDER BY app, version"), "{sql}");
    }

    #[test]
    fn the_table_has_sqlx_columns() {
        assert!(create_table(Engine::Postgres, "t").contains("installed_on TIMESTAMPTZ NOT NULL DEFAULT now()"));
        assert!(create_table(Engine::Sqlite, "t").contains("checksum BLOB NOT NULL"));
    }

    #[test]
    fn names_are_looked_up_as_each_engine_keeps_them() {
        assert_eq!(exists_parameter(Engine::Postgres, "app.\"Orders\""), "app.\"Orders\"");
        assert_eq!(exists_parameter(Engine::Sqlite, "main.\"orders\""), "orders");
    }
}

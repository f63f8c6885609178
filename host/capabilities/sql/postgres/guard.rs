//! Which statements each power may send, by their tokens: the second layer above Postgres' own means.
//!
//! What protects whom:
//!
//! - `read` and read-only transactions: Postgres refuses every change itself, because each statement runs in a
//!   READ ONLY transaction (or a read-only savepoint), whatever the statement hides in a CTE or function.
//!   For a superuser the statement also runs as `pg_read_all_data` (Postgres 14 and later), so that functions
//!   reserved to superusers are refused by Postgres. Row security never filters silently then: it is an error.
//! - Functions that reach beyond the database (files, other servers, other sessions, settings) are refused by name
//!   below `schema`. This is a list of names: a function that somebody created to call them is not seen by it.
//! - `schema` can create functions and run DO blocks: with it, a command can do whatever the configured role can.
//!   The refusals for scripts (server files and programs, roles, databases) keep mistakes out, not an attacker
//!   whose role is a superuser. Configure a role that owns its tables and is no superuser.

use crate::capabilities::sql::client::{Result, Target};
use crate::capabilities::sql::error::invalid;
use crate::capabilities::sql::statement::{Dialect, Kind, Token, called_names, leading_words, main_word, tokens};
use crate::capabilities::sql::types::Error;
use crate::grants::SqlPower;

const READS: [&str; 6] = ["select", "with", "values", "table", "show", "explain"];
const WRITES: [&str; 5] = ["insert", "update", "delete", "merge", "with"];
const DEFINES: [&str; 17] = [
    "create", "drop", "alter", "truncate", "comment", "grant", "revoke", "reindex", "refresh", "vacuum", "analyze", "cluster", "lock",
    "import", "security", "reassign", "do",
];

/// Functions that reach beyond the rows of this database. A trailing `*` stands for any ending.
const REFUSED_FUNCTIONS: [&str; 36] = [
    // Settings, roles and other sessions.
    "set_config",
    "pg_reload_conf",
    "pg_rotate_logfile*",
    "pg_terminate_backend",
    "pg_cancel_backend",
    "pg_promote",
    "pg_advisory_*",
    "pg_try_advisory_*",
    "pg_notify",
    // The server's files.
    "pg_read_*",
    "pg_ls_*",
    "pg_stat_file",
    "pg_file_*",
    "pg_logdir_ls",
    "pg_current_logfile",
    "lo_import",
    "lo_export",
    "lo_put",
    "lo_from_bytea",
    "lo_create*",
    "lo_unlink",
    "lowrite",
    // Statements inside of strings.
    "query_to_xml*",
    "cursor_to_xml*",
    "table_to_xml*",
    "schema_to_xml*",
    "database_to_xml*",
    "ts_stat",
    "crosstab*",
    "connectby",
    // Other servers, replication, backups.
    "dblink*",
    "postgres_fdw_*",
    "pg_create_*",
    "pg_drop_*",
    "pg_replication_*",
    "pg_logical_*",
];

/// A statement that passed, with what later steps want to know about it.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) tokens: Vec<Token>,
    /// The word that says what it does: of a WITH statement the one after its CTEs.
    pub(super) main: String,
}

impl Checked {
    /// Changes rows inside a CTE, so that the statement's own count does not tell them all.
    pub(super) fn changes_in_cte(&self) -> bool {
        let changes = |token: &Token| matches!(token.word(), Some("insert" | "update" | "delete" | "merge"));
        self.tokens.windows(2).any(|pair| matches!(pair, [open, verb] if open.is_mark('(') && changes(verb)))
    }
}

pub(super) fn check_read(target: &Target, sql: &str) -> Result<Checked> {
    let (found, first) = parse(sql)?;
    if !READS.contains(&first.as_str()) {
        return Err(misplaced(target, &first, "read.query"));
    }
    refuse_functions(&found)?;
    Ok(checked(found, first))
}

pub(super) fn check_write(target: &Target, sql: &str) -> Result<Checked> {
    let (found, first) = parse(sql)?;
    if !WRITES.contains(&first.as_str()) {
        return Err(misplaced(target, &first, "write.execute"));
    }
    refuse_functions(&found)?;
    Ok(checked(found, first))
}

fn parse(sql: &str) -> Result<(Vec<Token>, String)> {
    let mut found = tokens(sql, Dialect::Postgres)?;
    while found.last().is_some_and(|token| token.is_mark(';')) {
        found.pop();
    }
    if found.is_empty() {
        return Err(invalid("the statement is empty"));
    }
    let first = leading_words(&found, 1).first().map(|word| (*word).to_owned()).unwrap_or_default();
    Ok((found, first))
}

fn checked(found: Vec<Token>, first: String) -> Checked {
    let main = match first.as_str() {
        "with" => main_word(&found).unwrap_or("with").to_owned(),
        _ => first,
    };
    Checked { tokens: found, main }
}

/// A statement in the wrong function: the power that would allow it, or that none does.
fn misplaced(target: &Target, first: &str, function: &str) -> Error {
    let (power, right) = match first {
        _ if WRITES.contains(&first) => (SqlPower::Write, "write.execute"),
        _ if READS.contains(&first) => (SqlPower::Read, "read.query"),
        _ if DEFINES.contains(&first) => (SqlPower::Schema, "schema.run-script"),
        "begin" | "start" | "commit" | "end" | "rollback" | "abort" | "savepoint" | "release" => {
            return invalid(format!("`{first}` is not possible with `{function}`; use the resource `transaction`"));
        }
        _ => return Error::AccessDenied(format!("`{first}` is not possible with `{function}`; no power allows it there")),
    };
    match target.powers.contains(&power) {
        true => invalid(format!("`{first}` is not possible with `{function}`; use `{right}`")),
        false => target.denied(power),
    }
}

fn refuse_functions(found: &[Token]) -> Result<()> {
    for name in called_names(found) {
        let lower = name.to_ascii_lowercase();
        let refused = REFUSED_FUNCTIONS.iter().any(|refused| match refused.strip_suffix('*') {
            Some(start) => lower.starts_with(start),
            None => lower == *refused,
        });
        if refused {
            return Err(Error::AccessDenied(format!(
                "the function `{name}` reaches beyond the database's rows; `read` and `write` do not allow it"
            )));
        }
    }
    Ok(())
}

/// What a script's statement does to the transaction around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Control {
    None,
    Begins,
    Ends,
}

/// Checks one statement of a script.
pub(super) fn check_script(found: &[Token], inside_transaction: bool) -> Result<Control> {
    let words = leading_words(found, 3);
    let refuse = |what: &str, why: &str| Err(Error::AccessDenied(format!("`{what}` is not possible in a script: {why}")));
    let admin = "no power allows it, databases and roles belong to the operator";
    match words.as_slice() {
        ["copy", ..] => {
            return refuse("copy", "it reads and writes the server's files and programs, or a stream that a script does not have");
        }
        ["alter", "system", ..] => return refuse("alter system", "no power allows it"),
        ["load", ..] => return refuse("load", "no power allows it"),
        ["create" | "drop" | "alter", what @ ("database" | "role" | "user" | "group" | "tablespace" | "subscription"), ..]
            if words.get(1..3) != Some(&["user", "mapping"][..]) =>
        {
            return refuse(&format!("{} {what}", words.first().copied().unwrap_or_default()), admin);
        }
        ["reassign", ..] => return refuse("reassign", admin),
        _ => {}
    }
    if matches!(words.first(), Some(&("set" | "reset"))) {
        refuse_settings(found)?;
    }
    let control = control(&words);
    if inside_transaction && control != Control::None {
        return Err(invalid(format!(
            "a script inside a transaction may not `{}`; commit or roll back the transaction itself",
            words.join(" ")
        )));
    }
    Ok(control)
}

/// Settings that the host itself relies on.
fn refuse_settings(found: &[Token]) -> Result<()> {
    let ours = ["standard_conforming_strings", "session_authorization", "backslash_quote", "client_encoding", "authorization"];
    let named = found.iter().take(6).find_map(|token| match &token.kind {
        Kind::Word(word) | Kind::Name(word) => ours.contains(&word.to_ascii_lowercase().as_str()).then_some(word),
        _ => None,
    });
    match named {
        Some(name) => Err(Error::AccessDenied(format!("`set {name}` is not possible in a script: the host relies on it"))),
        None => Ok(()),
    }
}

fn control(words: &[&str]) -> Control {
    match words {
        ["begin", ..] | ["start", "transaction", ..] => Control::Begins,
        ["rollback", "to", ..] | ["rollback", "work" | "transaction", "to"] => Control::None,
        ["commit" | "end" | "rollback" | "abort", ..] | ["prepare", "transaction", ..] => Control::Ends,
        _ => Control::None,
    }
}

/// Whether a script's statement changes rows and so counts against the budget in a transaction of its own.
pub(super) fn changes_rows(found: &[Token]) -> bool {
    matches!(leading_words(found, 1).as_slice(), [word] if WRITES.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capabilities::sql::tests::target;

    fn script(sql: &str, inside: bool) -> Result<Control> {
        check_script(&tokens(sql, Dialect::Postgres)?, inside)
    }

    #[test]
    fn read_takes_statements_that_read_and_nothing_else() {
        let target = target(&[SqlPower::Read]);
        for sql in ["SELECT 1", "((SELECT 1))", "/* x */ with a as (select 1) table a;", "VALUES (1)", "SHOW all", "EXPLAIN SELECT 1"] {
            assert!(check_read(&target, sql).is_ok(), "{sql}");
        }
        for sql in [
            "INSERT INTO t VALUES (1)",
            "COPY t TO PROGRAM 'x'",
            "SET role x",
            "DO $$ $$",
            "CALL f()",
            "DROP TABLE t",
            "LOCK t",
            "EXECUTE p",
        ] {
            assert!(matches!(check_read(&target, sql), Err(Error::AccessDenied(_))), "{sql}");
        }
        for sql in ["", " -- nothing", ";", "BEGIN", "'open"] {
            assert!(matches!(check_read(&target, sql), Err(Error::InvalidArgument(_))), "{sql}");
        }
    }

    #[test]
    fn a_statement_in_the_wrong_function_names_the_right_one_or_the_missing_power() {
        let Err(Error::InvalidArgument(text)) = check_read(&target(&[SqlPower::Read, SqlPower::Write]), "DELETE FROM t") else {
            panic!("allowed")
        };
        assert!(text.contains("use `write.execute`"), "{text}");
        let Err(Error::AccessDenied(text)) = check_read(&target(&[SqlPower::Read]), "CREATE TABLE t ()") else { panic!("allowed") };
        assert!(text.contains("[\"read\", \"schema\"]"), "{text}");
    }

    #[test]
    fn functions_that_reach_beyond_the_rows_are_refused_however_they_are_written() {
        let target = target(&[SqlPower::Read, SqlPower::Write]);
        for call in [
            "pg_read_file('x')",
            "PG_CATALOG . pg_Read_Binary_File ( 'x' )",
            "U&\"set_c\\006fnfig\"('role','x',false)",
            "\"pg_ls_dir\"/**/('.')",
            "query_to_xml('DELETE FROM t',true,true,'')",
            "dblink_exec('x','y')",
            "lo_export(1,'x')",
            "pg_terminate_backend(1)",
        ] {
            assert!(matches!(check_read(&target, &format!("SELECT {call}")), Err(Error::AccessDenied(_))), "{call}");
            assert!(matches!(check_write(&target, &format!("UPDATE t SET a = {call}")), Err(Error::AccessDenied(_))), "{call}");
        }
        assert!(check_read(&target, "SELECT pg_read, 'pg_read_file(1)' FROM set_config").is_ok());
    }

    #[test]
    fn write_takes_statements_that_change_rows_and_nothing_else() {
        let target = target(&[SqlPower::Write]);
        for sql in
            ["INSERT INTO t VALUES (1)", "WITH a AS (SELECT 1) UPDATE t SET a = 1", "MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE"]
        {
            assert!(check_write(&target, sql).is_ok(), "{sql}");
        }
        for sql in ["TRUNCATE t", "CREATE TABLE t ()", "SET x = 1", "COPY t FROM STDIN", "DO ''", "CALL f()", "SELECT 1"] {
            assert!(matches!(check_write(&target, sql), Err(Error::AccessDenied(_))), "{sql}");
        }
    }

    #[test]
    fn scripts_may_define_but_not_leave_the_database() {
        for sql in [
            "CREATE TABLE t ()",
            "DO $$ BEGIN END $$",
            "SET LOCAL lock_timeout = 1",
            "CREATE USER MAPPING FOR x SERVER y",
            "SAVEPOINT a",
            "ROLLBACK TO a",
        ] {
            assert_eq!(script(sql, true), Ok(Control::None), "{sql}");
        }
        for sql in [
            "COPY t TO PROGRAM 'id'",
            "COPY t FROM '/etc/passwd'",
            "ALTER SYSTEM SET x = 1",
            "LOAD 'x'",
            "DROP DATABASE x",
            "CREATE ROLE r SUPERUSER",
            "SET SESSION AUTHORIZATION x",
            "SET standard_conforming_strings = off",
        ] {
            assert!(matches!(script(sql, false), Err(Error::AccessDenied(_))), "{sql}");
        }
    }

    #[test]
    fn scripts_inside_a_transaction_do_not_end_it() {
        for sql in ["BEGIN", "COMMIT", "END", "ABORT", "ROLLBACK", "START TRANSACTION", "PREPARE TRANSACTION 'x'"] {
            assert!(matches!(script(sql, true), Err(Error::InvalidArgument(_))), "{sql}");
            assert_ne!(script(sql, false), Ok(Control::None), "{sql}");
        }
    }

    #[test]
    fn changes_inside_of_ctes_are_seen() {
        let target = target(&[SqlPower::Write]);
        assert!(check_write(&target, "WITH a AS (DELETE FROM t RETURNING 1) SELECT 1").unwrap().changes_in_cte());
        assert!(!check_write(&target, "WITH a AS (SELECT 1) DELETE FROM t").unwrap().changes_in_cte());
    }
}

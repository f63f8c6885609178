//! SQLite's authorizer: what a statement may touch, by the power it runs under. SQLite asks while it prepares.
//!
//! Denied whatever is granted: ATTACH and DETACH (other files), `VACUUM INTO` (an ATTACH inside), loading of
//! extensions, PRAGMAs outside of the lists, transactions by hand under `read` and `write`.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use crate::grants::SqlPower;

/// Under whose power a statement is prepared and runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Mode {
    /// The host's own statements.
    Host,
    Read,
    Write,
    Schema,
}

/// Why the last statement was denied: what it wanted, and the power that would allow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Denied {
    pub(super) what: String,
    pub(super) power: Option<SqlPower>,
}

/// Shared between the connection's thread and SQLite's callback.
#[derive(Clone)]
pub(super) struct Authorizer {
    mode: Arc<AtomicU8>,
    denied: Arc<Mutex<Option<Denied>>>,
}

impl Authorizer {
    pub(super) fn new() -> Self {
        Self { mode: Arc::new(AtomicU8::new(Mode::Host as u8)), denied: Arc::default() }
    }

    pub(super) fn set(&self, mode: Mode) {
        self.mode.store(mode as u8, Ordering::Release);
        self.take_denied();
    }

    pub(super) fn take_denied(&self) -> Option<Denied> {
        self.denied.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn answer(&self, context: AuthContext<'_>) -> Authorization {
        let mode = match self.mode.load(Ordering::Acquire) {
            0 => Mode::Host,
            1 => Mode::Read,
            2 => Mode::Write,
            3 => Mode::Schema,
            _ => return Authorization::Deny,
        };
        match decide(mode, &context.action) {
            Ok(()) => Authorization::Allow,
            Err(denied) => {
                *self.denied.lock().unwrap_or_else(PoisonError::into_inner) = Some(denied);
                Authorization::Deny
            }
        }
    }
}

/// PRAGMAs that only read, with or without an argument that names a table or a number.
const READING: [&str; 14] = [
    "table_info",
    "table_xinfo",
    "table_list",
    "index_list",
    "index_info",
    "index_xinfo",
    "foreign_key_list",
    "foreign_key_check",
    "integrity_check",
    "quick_check",
    "collation_list",
    "function_list",
    "compile_options",
    "data_version",
];
/// PRAGMAs that read without an argument and change something with one.
const READING_WITHOUT_VALUE: [&str; 11] = [
    "user_version",
    "schema_version",
    "application_id",
    "foreign_keys",
    "defer_foreign_keys",
    "journal_mode",
    "encoding",
    "page_count",
    "page_size",
    "freelist_count",
    "auto_vacuum",
];
/// PRAGMAs that a migration sets.
const SETTING: [&str; 5] = ["foreign_keys", "user_version", "defer_foreign_keys", "application_id", "legacy_alter_table"];
/// Modules of virtual tables that keep to the database's own file.
const MODULES: [&str; 5] = ["fts3", "fts4", "fts5", "rtree", "rtree_i32"];

/// The pure decision for one action.
pub(super) fn decide(mode: Mode, action: &AuthAction<'_>) -> Result<(), Denied> {
    if mode == Mode::Host {
        return Ok(());
    }
    match action {
        AuthAction::Select | AuthAction::Recursive | AuthAction::Read { .. } => Ok(()),
        AuthAction::Function { function_name } => match function_name.to_ascii_lowercase().as_str() {
            "load_extension" | "fts3_tokenizer" | "writefile" | "readfile" | "edit" => {
                Err(never(format!("the function `{function_name}`")))
            }
            _ => Ok(()),
        },
        AuthAction::Insert { table_name } | AuthAction::Delete { table_name } | AuthAction::Update { table_name, .. } => {
            change(mode, table_name)
        }
        AuthAction::Pragma { pragma_name, pragma_value } => pragma(mode, &pragma_name.to_ascii_lowercase(), pragma_value.is_some()),
        AuthAction::Attach { .. } => Err(never("ATTACH or VACUUM INTO")),
        AuthAction::Detach { .. } => Err(never("DETACH")),
        AuthAction::Unknown { .. } => Err(never("an action that the host does not know")),
        AuthAction::Transaction { .. } | AuthAction::Savepoint { .. } if mode != Mode::Schema => {
            Err(never("BEGIN, COMMIT, ROLLBACK or SAVEPOINT by hand (use the resource `transaction`)"))
        }
        AuthAction::CreateVtable { module_name, .. } if !MODULES.contains(&module_name.to_ascii_lowercase().as_str()) => {
            Err(never(format!("the module `{module_name}` for virtual tables")))
        }
        _ if mode == Mode::Schema => Ok(()),
        _ => Err(Denied { what: "changing tables, indexes, views or triggers".to_owned(), power: Some(SqlPower::Schema) }),
    }
}

fn change(mode: Mode, table: &str) -> Result<(), Denied> {
    let is_internal = table.to_ascii_lowercase().starts_with("sqlite_");
    match mode {
        // CREATE and DROP reach the internal tables through this; by hand the defensive mode refuses it.
        Mode::Schema | Mode::Host => Ok(()),
        Mode::Write if !is_internal => Ok(()),
        Mode::Write => Err(Denied { what: format!("changing the internal table `{table}`"), power: Some(SqlPower::Schema) }),
        Mode::Read => Err(Denied { what: format!("changing rows of `{table}`"), power: Some(SqlPower::Write) }),
    }
}

fn pragma(mode: Mode, name: &str, has_value: bool) -> Result<(), Denied> {
    if READING.contains(&name) || (!has_value && READING_WITHOUT_VALUE.contains(&name)) {
        return Ok(());
    }
    match (SETTING.contains(&name), mode) {
        (true, Mode::Schema) => Ok(()),
        (true, _) => Err(Denied { what: format!("PRAGMA {name} with a value"), power: Some(SqlPower::Schema) }),
        (false, _) => Err(never(format!("PRAGMA {name}"))),
    }
}

fn never(what: impl Into<String>) -> Denied {
    Denied { what: what.into(), power: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn power(mode: Mode, action: &AuthAction<'_>) -> Option<Option<SqlPower>> {
        decide(mode, action).err().map(|denied| denied.power)
    }

    #[test]
    fn each_action_is_allowed_under_its_power_and_denied_under_less() {
        let insert = AuthAction::Insert { table_name: "t" };
        let create = AuthAction::CreateTable { table_name: "t" };
        assert_eq!(power(Mode::Read, &AuthAction::Select), None);
        assert_eq!(power(Mode::Read, &insert), Some(Some(SqlPower::Write)));
        assert_eq!(power(Mode::Write, &insert), None);
        assert_eq!(power(Mode::Write, &create), Some(Some(SqlPower::Schema)));
        assert_eq!(power(Mode::Schema, &create), None);
    }

    #[test]
    fn what_leaves_the_file_is_denied_under_every_power() {
        for mode in [Mode::Read, Mode::Write, Mode::Schema] {
            for action in [
                AuthAction::Attach { filename: "x" },
                AuthAction::Detach { database_name: "x" },
                AuthAction::Function { function_name: "Load_Extension" },
                AuthAction::Pragma { pragma_name: "writable_schema", pragma_value: Some("1") },
                AuthAction::Pragma { pragma_name: "journal_mode", pragma_value: Some("off") },
                AuthAction::Pragma { pragma_name: "database_list", pragma_value: None },
                AuthAction::CreateVtable { table_name: "t", module_name: "dbstat" },
                AuthAction::Unknown { code: 99, arg1: None, arg2: None },
            ] {
                assert_eq!(power(mode, &action), Some(None), "{mode:?} {action:?}");
            }
        }
    }

    #[test]
    fn internal_tables_are_not_changed_under_write() {
        assert_eq!(
            power(Mode::Write, &AuthAction::Update { table_name: "SQLITE_master", column_name: "sql" }),
            Some(Some(SqlPower::Schema))
        );
    }

    #[test]
    fn pragmas_read_under_read_and_set_under_schema() {
        let read = AuthAction::Pragma { pragma_name: "table_info", pragma_value: Some("t") };
        let set = AuthAction::Pragma { pragma_name: "user_version", pragma_value: Some("1") };
        assert_eq!(power(Mode::Read, &read), None);
        assert_eq!(power(Mode::Read, &AuthAction::Pragma { pragma_name: "user_version", pragma_value: None }), None);
        assert_eq!(power(Mode::Write, &set), Some(Some(SqlPower::Schema)));
        assert_eq!(power(Mode::Schema, &set), None);
    }
}

//! The database as a whole, whatever the engine.
//!
//! A database that a swap puts aside is kept under `<name>_before_<suffix>`; only such names are listed as
//! restorable and accepted, so that no other database can be renamed by a guest.

use crate::capabilities::sql::admin::DatabaseSummary;
use crate::capabilities::sql::error::invalid;
use crate::capabilities::sql::{postgres, sqlite};

use super::{Result, Target};

/// What stands between a database's name and the suffix under which it is kept.
const KEPT: &str = "_before_";

/// An empty database beside the configured one. Dropping it deletes it.
pub(in super::super) enum Staged {
    Postgres(Box<postgres::Staged>),
    Sqlite(sqlite::Staged),
}

impl Staged {
    pub(in super::super) async fn create(target: &Target) -> Result<Self> {
        match target.is_sqlite() {
            true => blocking(target, sqlite::Staged::create).await.map(Self::Sqlite),
            false => postgres::Staged::create(target).await.map(|staged| Self::Postgres(Box::new(staged))),
        }
    }

    /// What [`Target::staged`] is for connections to it.
    pub(in super::super) fn place(&self) -> String {
        match self {
            Self::Postgres(staged) => staged.name.clone(),
            Self::Sqlite(staged) => staged.path.to_string_lossy().into_owned(),
        }
    }

    pub(in super::super) async fn discard(self) -> Result<()> {
        match self {
            Self::Postgres(staged) => staged.discard().await,
            Self::Sqlite(staged) => {
                drop(staged);
                Ok(())
            }
        }
    }

    /// Takes the configured database's place; deletes the staged one when that fails.
    pub(in super::super) async fn swap(self, target: &Target, keep_as: Option<String>, disconnect: bool) -> Result<()> {
        match self {
            Self::Postgres(staged) => staged.swap(target, keep_as, disconnect).await,
            Self::Sqlite(staged) => blocking(target, move |target| staged.swap(target, keep_as.as_deref())).await,
        }
    }
}

/// The summary, and the address for the person at the terminal.
pub(in super::super) async fn summary(target: &Target) -> Result<(DatabaseSummary, String)> {
    match target.is_sqlite() {
        true => blocking(target, sqlite::summary).await,
        false => postgres::summary(target).await,
    }
}

pub(in super::super) async fn kept(target: &Target) -> Result<Vec<String>> {
    match target.is_sqlite() {
        true => blocking(target, sqlite::kept).await,
        false => postgres::kept(target).await,
    }
}

pub(in super::super) async fn restore(target: &Target, kept: String, keep_as: String, disconnect: bool) -> Result<()> {
    match target.is_sqlite() {
        true => blocking(target, move |target| sqlite::restore(target, &kept, &keep_as)).await,
        false => postgres::restore(target, &kept, &keep_as, disconnect).await,
    }
}

async fn blocking<T: Send + 'static>(target: &Target, work: impl FnOnce(&Target) -> Result<T> + Send + 'static) -> Result<T> {
    let target = target.clone();
    let done = tokio::task::spawn_blocking(move || work(&target)).await;
    done.unwrap_or_else(|_| {
        Err(crate::capabilities::sql::types::Error::Other("the work on the database's files ended unexpectedly".to_owned()))
    })
}

/// Whether a name is one under which `database` is kept. Its own name may be cut to fit into `bound` bytes.
pub(in super::super) fn is_kept(name: &str, database: &str, bound: usize) -> bool {
    let Some((head, suffix)) = name.split_once(KEPT).filter(|_| name.starts_with(database)).or_else(|| name.rsplit_once(KEPT)) else {
        return false;
    };
    let head_fits = head == database || (name.len() <= bound && database.starts_with(head) && name.len() + 4 > bound);
    !suffix.is_empty() && head_fits && !suffix.contains(['/', '\0'])
}

/// The name to keep a database under, cut to fit; an error for names that could not be recognised later.
pub(in super::super) fn keep_name(wanted: &str, database: &str, bound: usize) -> Result<String> {
    let suffix = wanted
        .strip_prefix(database)
        .and_then(|rest| rest.strip_prefix(KEPT))
        .filter(|suffix| !suffix.is_empty() && !suffix.contains(['/', '\0']));
    let Some(suffix) = suffix else {
        return Err(invalid(format!("a database is kept under `{database}{KEPT}` and a suffix, not under `{wanted}`")));
    };
    let room = bound.checked_sub(KEPT.len() + suffix.len()).filter(|room| *room > 0);
    let Some(room) = room else { return Err(invalid(format!("`{wanted}` is too long for a name"))) };
    Ok(format!("{}{KEPT}{suffix}", cut(database, room)))
}

/// At most `bytes` bytes, whole characters.
pub(in super::super) fn cut(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_databases_are_recognised_and_others_are_not() {
        assert!(is_kept("shop_before_1", "shop", 63));
        for other in ["shop", "shop_before_", "shop2_before_1", "shopbefore_1", "sho_before_1", "other"] {
            assert!(!is_kept(other, "shop", 63), "{other}");
        }
    }

    #[test]
    fn names_are_cut_to_fit_and_recognised_again() {
        let database = "ä".repeat(31);
        let wanted = format!("{database}_before_20261121");
        let kept = keep_name(&wanted, &database, 63).unwrap();
        assert!(kept.len() <= 63 && is_kept(&kept, &database, 63), "{kept}");
        assert_eq!(keep_name("shop_before_1", "shop", 63).unwrap(), "shop_before_1");
    }

    #[test]
    fn a_guest_cannot_keep_a_database_under_another_databases_name() {
        for wanted in ["postgres", "shop", "shop_before_", "shop_before_a/b", "before_shop_1"] {
            assert!(keep_name(wanted, "shop", 63).is_err(), "{wanted}");
        }
    }
}

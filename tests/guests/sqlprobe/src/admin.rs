//! A database as a whole.

use host_sdk::sql::admin::{self, StagedDatabase};
use host_sdk::{Result, out};

pub(crate) fn summary(name: &str) -> Result<()> {
    let summary = admin::summary(name)?;
    out!("{} {}, {} tables, {} bytes, {} clients", summary.exists, summary.database, summary.tables, summary.bytes, summary.clients.len());
    Ok(())
}

/// The new database has a table `swapped`, so that a test can tell the two apart.
pub(crate) fn swap(name: &str, keep_as: Option<&str>) -> Result<()> {
    let staged = StagedDatabase::create(name)?;
    staged.connect()?.run_script("CREATE TABLE swapped (id INTEGER)")?;
    staged.swap(keep_as, true)?;
    out!("swapped");
    Ok(())
}

pub(crate) fn stage_and_drop(name: &str) -> Result<()> {
    let staged = StagedDatabase::create(name)?;
    staged.connect()?.run_script("CREATE TABLE swapped (id INTEGER)")?;
    out!("staged");
    Ok(())
}

pub(crate) fn restorable(name: &str) -> Result<()> {
    for kept in admin::restorable(name)? {
        out!("{kept}");
    }
    Ok(())
}

pub(crate) fn restore(name: &str, kept: &str, keep_as: &str) -> Result<()> {
    admin::restore(name, kept, keep_as, true)?;
    out!("restored");
    Ok(())
}

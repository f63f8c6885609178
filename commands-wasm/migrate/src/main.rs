//! `migrate`: applies what is pending, or goes back.

use std::time::Duration;

use host_sdk::{Host, Result};
use migrations::arguments::{Lock, MigrateArgs};
use migrations::commands;

/// Somebody else's migrations are usually done by then; with `--lock-timeout` they may take longer.
const LOCK_TIMEOUT: Duration = Duration::from_secs(60);

host_sdk::command!(migrate);

fn migrate(args: MigrateArgs, host: &Host) -> Result<()> {
    commands::migrate(&args, host, Lock { key: None, timeout: LOCK_TIMEOUT, explain: false })
}

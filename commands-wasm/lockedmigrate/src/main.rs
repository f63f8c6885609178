//! `lockedmigrate`: `migrate` under an advisory lock of one's choice, for many that start at once.

use std::time::Duration;

use host_sdk::{Host, Result, clap};
use migrations::arguments::{Lock, MigrateArgs};
use migrations::commands;

/// Replicas that start together wait for the one that migrates, which may take its time.
const LOCK_TIMEOUT: Duration = Duration::from_secs(600);

#[derive(clap::Args)]
struct Args {
    #[command(flatten)]
    migrate: MigrateArgs,
    /// Advisory lock to hold; without it sqlx's own, so that applications that migrate themselves wait too
    #[arg(short = 'L', long, value_name = "ID", allow_negative_numbers = true)]
    lock_id: Option<i64>,
}

host_sdk::command!(lockedmigrate);

fn lockedmigrate(args: Args, host: &Host) -> Result<()> {
    commands::migrate(&args.migrate, host, Lock { key: args.lock_id, timeout: LOCK_TIMEOUT, explain: true })
}

//! `wait4db`: waits until the database is ready and migrated, and stays so.

use std::time::Duration;

use host_sdk::{Error, Host, Result, clap, duration};
use migrations::commands::{self, Wait};
use migrations::wait::Patience;

/// Django-kubernetes' own.
const STABLE: Duration = Duration::from_secs(5);

#[derive(clap::Args)]
struct Args {
    /// Give up after this time, whatever happens: 180, 3m
    #[arg(long, short, value_name = "TIME", value_parser = duration::parse, default_value = "180")]
    timeout: Duration,
    /// Every check must succeed for this long [default: 5, or half of a shorter timeout]
    #[arg(long, short, value_name = "TIME", value_parser = duration::parse)]
    stable: Option<Duration>,
    /// Between two checks
    #[arg(long, short, value_name = "TIME", value_parser = duration::parse, default_value = "1")]
    interval: Duration,
    /// Database by its name in host.toml
    #[arg(long, short, value_name = "NAME", default_value = "default")]
    database: String,
    /// Ready is enough: do not look at migrations
    #[arg(long)]
    no_migrations: bool,
    /// Go on after a wrong password or a missing database too
    #[arg(long)]
    retry_fatal: bool,
}

host_sdk::command!(wait4db);

fn wait4db(args: Args, host: &Host) -> Result<()> {
    let stable = args.stable.unwrap_or(STABLE.min(args.timeout / 2));
    if stable >= args.timeout && !stable.is_zero() {
        let message = format!("`--stable {}` does not fit into `--timeout {}`", duration::words(stable), duration::words(args.timeout));
        return Err(Error::usage(message).hint("the timeout covers everything, the stable time included"));
    }
    // Without a pause the checks would be a flood of connections.
    let interval = args.interval.max(Duration::from_millis(50));
    let patience = Patience { timeout: args.timeout, stable, interval, retry_refusals: args.retry_fatal };
    commands::wait(Wait { patience, database: &args.database, migrated: !args.no_migrations }, host)
}

//! `check_services`: whether every service of the project is well.

use std::time::Duration;

use host_sdk::{Ending, Host, Result, clap, duration};
use stack::check::Check;
use stack::project::ProjectArgs;

#[derive(clap::Args)]
struct Args {
    #[command(flatten)]
    project: ProjectArgs,
    /// With `--interval`: how long what is starting may take
    #[arg(long, value_name = "N", default_value_t = 30)]
    retries: u32,
    /// With `--retries`; changes are seen at once, whatever it is
    #[arg(long, value_name = "TIME", value_parser = duration::parse, default_value = "5s")]
    interval: Duration,
    /// The same as one span of time
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    timeout: Option<Duration>,
}

host_sdk::command!(check_services);

fn check_services(args: Args, host: &Host) -> Result<Ending> {
    let patience = args.timeout.unwrap_or_else(|| args.interval.saturating_mul(args.retries));
    stack::check::check(&Check { project: args.project, patience }, host)
}

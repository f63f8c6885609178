//! `down`: stops and removes whatever runs under the project's name.

use std::time::Duration;

use host_sdk::{Ending, Host, Result, clap, duration};
use stack::down::Down;
use stack::project::ProjectArgs;

#[derive(clap::Args)]
struct Args {
    #[command(flatten)]
    project: ProjectArgs,
    /// Remove the project's volumes too, with all that is in them; asks before
    #[arg(long, short = 'v')]
    volumes: bool,
    /// Remove images that were built for the project and have no name of their own: `local`
    #[arg(long, value_name = "WHICH", value_parser = ["local"])]
    rmi: Option<String>,
    /// Also what other compose files brought up under the same project name
    #[arg(long)]
    remove_orphans: bool,
    /// How long a container may take to stop before it is killed [default: its own time, or 10s]
    #[arg(long, short, value_name = "TIME", value_parser = duration::parse)]
    timeout: Option<Duration>,
    /// How long to wait for another run that works on the project
    #[arg(long, value_name = "TIME", value_parser = duration::parse, default_value = "0")]
    lock_timeout: Duration,
}

host_sdk::command!(down);

fn down(args: Args, host: &Host) -> Result<Ending> {
    let down = Down {
        project: args.project,
        volumes: args.volumes,
        images: args.rmi.is_some(),
        remove_orphans: args.remove_orphans,
        timeout: args.timeout,
        lock_timeout: args.lock_timeout,
    };
    stack::down::down(&down, host)
}

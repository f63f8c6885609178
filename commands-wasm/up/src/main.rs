//! `up`: brings the project's services up, and changes only what is not as the compose files say.

use std::time::Duration;

use host_sdk::{Ending, Host, Result, clap, duration};
use stack::images::{ImageWishes, Pull};
use stack::project::{ProjectArgs, scale};
use stack::up::Up;

#[derive(clap::Args)]
struct Args {
    /// Only these services, and what they depend on
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    #[command(flatten)]
    project: ProjectArgs,
    /// Show what would be done and why, and do nothing
    #[arg(long)]
    plan: bool,
    /// Build images before, also those that are there
    #[arg(long)]
    build: bool,
    /// Never build: images must be there, or be pulled
    #[arg(long, conflicts_with = "build")]
    no_build: bool,
    /// When to pull images: `always`, `missing` or `never` [default: what the file says, or `missing`]
    #[arg(long, value_name = "POLICY")]
    pull: Option<Pull>,
    /// Wait until everything is healthy, running or done
    #[arg(long)]
    wait: bool,
    /// How long that may take; implies `--wait`
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    wait_timeout: Option<Duration>,
    /// Make containers anew, changed or not
    #[arg(long)]
    force_recreate: bool,
    /// Remove containers whose service is in the compose file no more
    #[arg(long)]
    remove_orphans: bool,
    /// As many containers of a service
    #[arg(long, value_name = "SERVICE=NUMBER", value_parser = scale)]
    scale: Vec<(String, u32)>,
    /// Only the named services, not what they depend on
    #[arg(long, requires = "services")]
    no_deps: bool,
    /// How long a container may take to stop before it is killed [default: its own time, or 10s]
    #[arg(long, short, value_name = "TIME", value_parser = duration::parse)]
    timeout: Option<Duration>,
    /// For who is used to Compose: containers run in the background anyway
    #[arg(long, short)]
    detach: bool,
    /// How long to wait for another run that works on the project
    #[arg(long, value_name = "TIME", value_parser = duration::parse, default_value = "0")]
    lock_timeout: Duration,
}

host_sdk::command!(up);

fn up(args: Args, host: &Host) -> Result<Ending> {
    let up = Up {
        project: args.project,
        services: args.services,
        plan: args.plan,
        images: ImageWishes { build: args.build, no_build: args.no_build, pull: args.pull },
        wait: args.wait || args.wait_timeout.is_some(),
        wait_timeout: args.wait_timeout,
        lock_timeout: args.lock_timeout,
        force_recreate: args.force_recreate,
        remove_orphans: args.remove_orphans,
        scale: args.scale.into_iter().collect(),
        alone: args.no_deps,
        timeout: args.timeout,
    };
    stack::up::up(&up, host)
}

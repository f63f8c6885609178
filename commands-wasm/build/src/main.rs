//! `build`: builds the images of services that have a `build` section.

use host_sdk::{Ending, Host, Result, clap};
use stack::build::{Build, build_arg};
use stack::project::ProjectArgs;

#[derive(clap::Args)]
struct Args {
    /// Only these services
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    #[command(flatten)]
    project: ProjectArgs,
    /// Run every step anew
    #[arg(long)]
    no_cache: bool,
    /// Pull the images that they are made from, also when they are there
    #[arg(long)]
    pull: bool,
    /// A value of an ARG; without `=` that of our environment
    #[arg(long, value_name = "KEY[=VALUE]", value_parser = build_arg)]
    build_arg: Vec<(String, String)>,
}

host_sdk::command!(build);

fn build(args: Args, host: &Host) -> Result<Ending> {
    let build = Build {
        project: args.project,
        services: args.services,
        no_cache: args.no_cache,
        pull: args.pull,
        args: args.build_arg.into_iter().collect(),
    };
    stack::build::build(&build, host)
}

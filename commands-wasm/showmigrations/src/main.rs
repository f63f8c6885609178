//! `showmigrations`: what is applied and what is not.

use host_sdk::{Host, Result, clap};
use migrations::commands::{self, Show};

#[derive(clap::Args)]
struct Args {
    /// Only these apps
    #[arg(value_name = "APP")]
    apps: Vec<String>,
    /// Each app with its migrations; this is the default
    #[arg(long, short, conflicts_with = "plan")]
    list: bool,
    /// All migrations in the order in which they are applied
    #[arg(long, short)]
    plan: bool,
    /// Database by its name in host.toml
    #[arg(long, value_name = "NAME", default_value = "default")]
    database: String,
}

host_sdk::command!(showmigrations);

fn showmigrations(args: Args, host: &Host) -> Result<()> {
    commands::show(Show { apps: &args.apps, plan: args.plan, database: &args.database }, host)
}

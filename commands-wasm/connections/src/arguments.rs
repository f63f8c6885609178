//! What can be asked for.

use std::time::Duration;

use host_sdk::{clap, duration};

use crate::pace;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) action: Action,
}

#[derive(clap::Subcommand)]
#[command(subcommand_value_name = "ACTION", subcommand_help_heading = "Actions")]
pub(crate) enum Action {
    /// Show labels and how many connections each has
    #[command(override_usage = "host run connections list [FILTER...] [OPTIONS]")]
    List(List),
    /// Close connections; browsers come back by themselves
    #[command(override_usage = "host run connections drop [FILTER...] [OPTIONS]")]
    Drop(Send),
    /// Tell browsers to load the application anew
    #[command(name = "force_reload", alias = "force-reload", override_usage = "host run connections force_reload [FILTER...] [OPTIONS]")]
    ForceReload(Send),
}

#[derive(clap::Args)]
pub(crate) struct List {
    /// Labels, with `*`, `?`, `[seq]` and `[!seq]`; all without one
    #[arg(value_name = "FILTER")]
    pub(crate) filters: Vec<String>,
    /// Count members too, not only what the application believes
    #[arg(long)]
    pub(crate) exact: bool,
    /// Look again every two seconds and show what changed, until interrupted
    #[arg(long)]
    pub(crate) watch: bool,
}

#[derive(clap::Args)]
pub(crate) struct Send {
    /// Labels, with `*`, `?`, `[seq]` and `[!seq]`
    #[arg(value_name = "FILTER")]
    pub(crate) filters: Vec<String>,
    /// All labels, without asking
    #[arg(long, conflicts_with = "filters")]
    pub(crate) all: bool,
    /// Milliseconds between two connections
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u32).range(1..), group = "pace")]
    pub(crate) interval: Option<u32>,
    /// Connections a second: 500, 500/s or 30/m
    #[arg(long, value_name = "N/s", value_parser = pace::rate, group = "pace")]
    pub(crate) rate: Option<f64>,
    /// Spread evenly over this time: 90s, 10m, 2h
    #[arg(long, value_name = "TIME", value_parser = duration::parse, group = "pace")]
    pub(crate) over: Option<Duration>,
    /// How far each pause may differ, at random
    #[arg(long, value_name = "PERCENT", value_parser = pace::percent)]
    pub(crate) jitter: Option<u8>,
    /// At most this many connections, those first that joined first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max: Option<u64>,
    /// Show what would be done, and do nothing
    #[arg(long, conflicts_with = "resume")]
    pub(crate) dry_run: bool,
    /// Go on where this run was interrupted
    #[arg(long, value_name = "RUN", conflicts_with_all = ["filters", "all"])]
    pub(crate) resume: Option<String>,
}

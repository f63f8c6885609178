//! Arguments, nothing else: what the command line looks like.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

use crate::verbs;

const EXAMPLES: &str = "\
Examples:
  host init                         make this folder a project
  host list                         the commands there are, and what each does
  host run migrate --plan           run a command; what follows its name goes to it untouched
  host inspect ./report.wasm        what a component would like to do, before it may
  host grant report                 let it, line by line
  host runs                         what ran, and how it ended";

/// Runs management commands as sandboxed WebAssembly components that see only what they were granted.
#[derive(Debug, Parser)]
#[command(name = "host", version, before_help = EXAMPLES, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

/// Options that mean the same for every verb, before and after its name.
#[derive(Clone, Debug, Default, Args)]
pub struct Common {
    /// The project's folder; without it, the nearest folder upward with a `host.toml`
    #[arg(long, value_name = "DIR", global = true)]
    pub project: Option<PathBuf>,
    /// Read this file instead of `.env`
    #[arg(long, value_name = "FILE", global = true)]
    pub env_file: Option<PathBuf>,
    /// Machine-readable output on stdout, errors included
    #[arg(long, global = true)]
    pub json: bool,
    /// Answer every confirmation with yes
    #[arg(long, short, global = true)]
    pub yes: bool,
    /// Never ask; a question without an answer fails with the flag that answers it
    #[arg(long, global = true, alias = "noinput")]
    pub no_input: bool,
    /// Say less
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Say more; twice for still more
    #[arg(short, long = "verbose", global = true, action = ArgAction::Count)]
    pub verbosity: u8,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run a command
    Run(verbs::run::Run),
    /// List the commands there are
    #[command(visible_alias = "help")]
    List(verbs::list::List),
    /// Show what a component asks for, imports and may do
    Inspect(verbs::inspect::Inspect),
    /// Grant a command what it asks for, by writing host.toml
    Grant(verbs::grant::Grant),
    /// Make a project: host.toml, folders
    Init(verbs::init::Init),
    /// Pin every command's digest and powers in host.lock
    Lock(verbs::lock::Lock),
    /// Show each configuration value and where it comes from
    Config(verbs::config::Config),
    /// List the runs of the journal
    Runs(verbs::runs::Runs),
    /// Show one run: what it did, what was denied
    Show(verbs::show::Show),
    /// Read or embed a component's manifest
    Manifest(verbs::manifest::Manifest),
    /// Show or prune the store of compiled components
    Cache(verbs::cache::Cache),
    /// Carry websockets to an application, as connections that can be dropped and told to reload
    Gateway(Box<verbs::gateway::Gateway>),
    /// Print the completion script of a shell
    Completions(verbs::completions::Completions),
    /// Print versions
    Version(verbs::version::Version),
    /// A command's name where a verb belongs: answered with the way to run it
    #[command(external_subcommand)]
    Unknown(Vec<OsString>),
}

//! The verbs: one file per subcommand, chosen by one `match`.

pub mod cache;
pub mod completions;
pub mod config;
pub mod gateway;
pub mod grant;
pub mod init;
pub mod inspect;
pub mod list;
pub mod lock;
pub mod manifest;
pub mod run;
pub mod runs;
pub mod show;
pub mod version;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{CommandFactory, Parser};

use crate::cli::{Cli, Common, Verb};
use crate::outcome::{Ending, Failure, Result};
use crate::project::Project;
use crate::terminal;

/// What every verb gets: the project it stands in, and how to talk.
pub struct Context {
    pub project: Project,
    /// `--env-file`, absolute.
    pub env_file: Option<PathBuf>,
    pub json: bool,
    pub yes: bool,
    pub no_input: bool,
    pub quiet: bool,
    pub verbosity: u8,
}

impl Context {
    fn new(common: &Common) -> Result<Self> {
        let start = std::env::current_dir().map_err(|error| Failure::failed(format!("failed to find the current folder: {error}")))?;
        Ok(Self {
            project: Project::find(&start, common.project.as_deref(), common.env_file.as_deref())?,
            env_file: common.env_file.as_ref().map(|file| start.join(file)),
            json: common.json,
            yes: common.yes,
            no_input: common.no_input,
            quiet: common.quiet,
            verbosity: common.verbosity,
        })
    }
}

/// The whole program: answers the exit code.
pub fn main() -> u8 {
    clap_complete::CompleteEnv::with_factory(completions::command).complete();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let Common { json, quiet, verbosity, .. } = cli.common;
    terminal::set(terminal::Settings { json, quiet, verbosity });
    match dispatch(cli).and_then(|code| terminal::finish().map(|()| code)) {
        Ok(code) => code,
        Err(failure) => {
            terminal::error(&failure);
            failure.ending.code()
        }
    }
}

/// What clap says: help on stdout, a wrong argument on stderr, or as JSON.
fn usage(error: &clap::Error) -> u8 {
    let code = terminal::usage(error);
    // Whether the reader of a help text is still there changes nothing.
    let _ = terminal::finish();
    code
}

fn dispatch(cli: Cli) -> Result<u8> {
    let verb = match cli.verb {
        None => Verb::List(list::List::default()),
        Some(Verb::Version(verb)) => return version::run(&verb, cli.common.json),
        Some(Verb::Completions(verb)) => return completions::run(&verb),
        Some(Verb::Manifest(verb)) => return manifest::run(&verb, cli.common.json),
        Some(Verb::Cache(verb)) => return cache::run(&verb, &cli.common),
        // A folder that becomes a project is none yet, and a broken host.toml must not stop `--force`.
        Some(Verb::Init(verb)) => return init::run(&verb, &cli.common),
        Some(verb) => verb,
    };
    let context = Context::new(&cli.common)?;
    match verb {
        Verb::Run(verb) => run::run(verb, &context),
        Verb::List(verb) => list::run(&verb, &context),
        Verb::Inspect(verb) => inspect::run(&verb, &context),
        Verb::Grant(verb) => grant::run(&verb, &context),
        Verb::Lock(verb) => lock::run(&verb, &context),
        Verb::Config(verb) => config::run(&verb, &context),
        Verb::Runs(verb) => runs::run(&verb, &context),
        Verb::Show(verb) => show::run(&verb, &context),
        Verb::Gateway(verb) => gateway::run(&verb, &context),
        Verb::Unknown(words) => Err(unknown(&words, &context)),
        Verb::Version(_) | Verb::Completions(_) | Verb::Manifest(_) | Verb::Cache(_) | Verb::Init(_) => Ok(Ending::Ok.code()),
    }
}

/// `host migrate`: the way to run it, or the verb that was meant.
fn unknown(words: &[OsString], context: &Context) -> Failure {
    let word = words.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    let failure = Failure::usage(format!("`{word}` is not a verb of `host`"));
    if context.project.find_command(&word).is_ok() {
        return failure.hint(format!("host run {word}"));
    }
    let verbs: Vec<String> = Cli::command().get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    match crate::project::suggest::nearest(&word, verbs.iter().map(String::as_str)) {
        Some(verb) => failure.hint(format!("did you mean `host {verb}`?")),
        None => failure.hint("`host --help` shows the verbs, `host list` the commands"),
    }
}

//! `host completions SHELL`: the script that lets a shell ask `host` itself for completions, so that
//! the names and options of commands that were dropped in a minute ago complete too.

use std::ffi::OsStr;

use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::{Bash, Elvish, EnvCompleter, Fish, Powershell, Zsh};

use crate::cli::Cli;
use crate::component;
use crate::outcome::{Ending, Failure, Result};
use crate::project::{Overrides, Project};
use crate::terminal;

const EXAMPLES: &str = "\
Examples:
  source <(host completions bash)
  host completions zsh > ~/.zfunc/_host
  host completions fish > ~/.config/fish/completions/host.fish";

/// Print the completion script of a shell
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub struct Completions {
    shell: Shell,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
}

pub fn run(verb: &Completions) -> Result<u8> {
    let shell: &dyn EnvCompleter = match verb.shell {
        Shell::Bash => &Bash,
        Shell::Elvish => &Elvish,
        Shell::Fish => &Fish,
        Shell::Powershell => &Powershell,
        Shell::Zsh => &Zsh,
    };
    let mut script = Vec::new();
    shell
        .write_registration("COMPLETE", "host", "host", "host", &mut script)
        .map_err(|error| Failure::failed(format!("failed to write the completion script: {error}")))?;
    terminal::line(String::from_utf8_lossy(&script).trim_end());
    Ok(Ending::Ok.code())
}

/// The command line with the completers that look into the project.
pub(super) fn command() -> clap::Command {
    Cli::command()
}

/// Completes the name of a command.
pub fn command_names() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let typed = typed.to_string_lossy();
        let Some(project) = project() else { return Vec::new() };
        let names = project.commands().into_iter().filter(|command| !command.shadowed).map(|command| command.name);
        names.filter(|name| name.starts_with(typed.as_ref())).map(CompletionCandidate::new).collect()
    })
}

/// Completes the options of the command whose name stands behind `run`, from its manifest.
pub fn command_options() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| options(&typed.to_string_lossy()).unwrap_or_default())
}

fn options(typed: &str) -> Option<Vec<CompletionCandidate>> {
    // The shell passes the line so far behind `--`.
    let words: Vec<String> = std::env::args().collect();
    let name = words.iter().skip_while(|word| *word != "run").skip(1).find(|word| !word.starts_with('-'))?;
    let file = component::read(&project()?.find_command(name).ok()?).ok()?;
    let options = file.manifest?.options;
    Some(options.into_iter().filter(|option| option.starts_with(typed)).map(CompletionCandidate::new).collect())
}

fn project() -> Option<Project> {
    Project::find(&std::env::current_dir().ok()?, &Overrides::default()).ok()
}

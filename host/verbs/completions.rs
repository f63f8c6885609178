//! `host completions SHELL`: the script that lets a shell ask `host` itself for completions, so that
//! the names and options of commands that were dropped in a minute ago complete too.

use std::ffi::OsStr;

use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::{Bash, Elvish, EnvCompleter, Fish, Powershell, Zsh};

use crate::cli::Cli;
use crate::component;
use crate::outcome::{Ending, Failure, Result};
use crate::project::Project;
use crate::terminal;

const EXAMPLES: &str = "\
Examples:
  source <(host completions bash)
  host completions zsh > ~/.zfunc/_host
  host completions fish > ~/.config/fish/completions/host.fish";

/// What every command built with the SDK understands besides its own options.
const COMMON: [&str; 6] = ["--help", "--json", "--no-input", "--quiet", "--verbose", "--yes"];

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

/// Completes behind `run`: first the name of a command, then the options its manifest lists.
pub fn command_line() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let typed = typed.to_string_lossy();
        let words = match named_command() {
            Some(name) => options(&name).unwrap_or_default(),
            None => names().unwrap_or_default(),
        };
        words.into_iter().filter(|word| word.starts_with(typed.as_ref())).map(CompletionCandidate::new).collect()
    })
}

/// Completes the name of a command.
pub(super) fn command_names() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let typed = typed.to_string_lossy();
        let names = names().unwrap_or_default();
        names.into_iter().filter(|name| name.starts_with(typed.as_ref())).map(CompletionCandidate::new).collect()
    })
}

/// The command whose name stands complete on the line. The shell passes the line so far behind `--`, and
/// the word under the cursor last.
fn named_command() -> Option<String> {
    let words: Vec<String> = std::env::args().collect();
    let behind_run = words.iter().position(|word| word == "run")? + 1;
    let complete = words.get(behind_run..words.len().saturating_sub(1))?;
    complete.iter().find(|word| !word.starts_with('-')).cloned()
}

fn names() -> Option<Vec<String>> {
    Some(project()?.commands().into_iter().filter(|command| !command.shadowed).map(|command| command.name).collect())
}

fn options(name: &str) -> Option<Vec<String>> {
    let own = component::read(&project()?.find_command(name).ok()?).ok()?.manifest?.options;
    Some(own.into_iter().chain(COMMON.map(str::to_owned)).collect())
}

fn project() -> Option<Project> {
    Project::find(&std::env::current_dir().ok()?, None, None).ok()
}

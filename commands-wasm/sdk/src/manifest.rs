//! What `command.toml` says, as far as the command itself shows it.

use clap::Args;

use crate::Host;
use crate::arguments;

/// Made by [`command!`](crate::command) while the command is compiled.
#[derive(Clone, Copy, Debug)]
pub struct Manifest {
    pub about: &'static str,
    pub usage: Option<&'static str>,
    pub effect: &'static str,
    /// For completion: the command's own long options.
    pub options: &'static [&'static str],
    /// What to run, without `host run ` before it, and what that does.
    pub examples: &'static [(&'static str, &'static str)],
    pub exit_codes: &'static [(u8, &'static str)],
}

/// The test that [`command!`](crate::command) writes: the manifest's `options` are those of the arguments.
#[expect(clippy::panic, reason = "an assertion of a test")]
pub fn check_options<A: Args, R>(manifest: &'static Manifest, _run: fn(A, &Host) -> R) {
    let options = own_options(&arguments::command::<A>("command", manifest, 80));
    let mut listed: Vec<&str> = manifest.options.to_vec();
    listed.sort_unstable();
    if options != listed {
        panic!("command.toml and the arguments differ; the line in command.toml should be\noptions = {options:?}");
    }
}

/// Long options, sorted, without the common ones and without hidden ones.
fn own_options(command: &clap::Command) -> Vec<String> {
    let own = command.get_arguments().filter(|argument| !argument.is_hide_set() && !arguments::is_common(argument.get_id().as_str()));
    let mut options: Vec<String> = own.filter_map(clap::Arg::get_long).map(|long| format!("--{long}")).collect();
    for subcommand in command.get_subcommands() {
        options.extend(own_options(subcommand));
    }
    options.sort_unstable();
    options.dedup();
    options
}

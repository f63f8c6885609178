//! `host run NAME [ARGS...]`: the way of one run.
//!
//! Find one file, read it, check the lock, decide what is permitted, say what is missing; only then map
//! or compile it, link what is permitted, and run it.

use std::ffi::OsString;
use std::time::Duration;

use clap::Args;

use super::{Context, list};
use crate::component::run::{self as runner, Report};
use crate::component::{self, ComponentFile, limits};
use crate::grants::{Grants, Permitted, permit};
use crate::outcome::{Ending, Failure, Result};
use crate::project::lockfile::Pin;
use crate::project::units;
use crate::terminal;

mod contexts;

const EXAMPLES: &str = "\
Examples:
  host run migrate                       run a command
  host run migrate --plan --json         what follows the name goes to the command untouched
  host run --timeout 10m migrate         end it after ten minutes, exit code 124
  host run --locked migrate              only exactly what host.lock pins, else exit code 7
  host run migrate --help                the command's own help";

/// Run a command
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub struct Run {
    /// Refuse anything that host.lock does not pin exactly (CI=true means the same where there is a host.lock)
    #[arg(long)]
    locked: bool,
    /// End the run after this time (`90`, `90s`, `10m`, `2h`), exit code 124
    #[arg(long, value_name = "TIME")]
    timeout: Option<String>,
    /// The command's name (its file's name without `.wasm`), and what is handed to it untouched
    // One list, because clap would read options between two positional arguments as its own.
    #[arg(value_names = ["NAME", "ARGS"], required = true, num_args = 1.., trailing_var_arg = true, allow_hyphen_values = true,
          add = super::completions::command_line())]
    words: Vec<OsString>,
}

pub fn run(verb: Run, context: &Context) -> Result<u8> {
    let mut args = arguments(verb.words)?;
    let name = args.remove(0);
    if name == "help" && context.project.find_command("help").is_err() {
        return list::run(&list::List::default(), context);
    }
    // Behind the name it means the same: errors of the host's own obey too.
    if args.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--json") {
        terminal::set(terminal::Settings { json: true, ..terminal::settings() });
    }
    let path = context.project.find_command(&name)?;
    let file = component::read(&path)?;
    if !file.is_command() {
        return Err(Failure::usage(format!("`{name}` is a library: it exports no `wasi:cli/run`"))
            .hint("`host inspect` shows what it exports; libraries belong into a subfolder"));
    }
    let digest = file.digest();
    check_lock(verb.locked, &name, &digest, &file, context)?;
    let (grants, permitted) = permitted(&name, &file, context)?;
    let bounds = bounds(verb.timeout.as_deref(), &grants)?;
    let prepared = contexts::prepare(&name, args, &digest, file.manifest.as_ref(), &permitted, &grants, context)?;
    execute(&name, &file, &digest, &permitted, bounds, prepared)
}

fn arguments(args: Vec<OsString>) -> Result<Vec<String>> {
    args.into_iter()
        .map(|arg| arg.into_string().map_err(|arg| Failure::usage(format!("the argument `{}` is not UTF-8", arg.to_string_lossy()))))
        .collect()
}

/// `--locked` needs a host.lock and everything as it says; CI=true the same where there is one.
fn check_lock(locked: bool, name: &str, digest: &str, file: &ComponentFile, context: &Context) -> Result<()> {
    let ci = std::env::var("CI").is_ok_and(|value| value == "true");
    let Some(lock) = context.project.lockfile()? else {
        if locked {
            return Err(Failure::new(Ending::Integrity, "`--locked` needs a host.lock, and there is none").hint("host lock"));
        }
        if ci {
            terminal::warn("CI=true and there is no host.lock: nothing says which components may run; write one with `host lock`");
        }
        return Ok(());
    };
    match lock.check(name, &Pin::of(digest, file)) {
        Err(failure) if locked || ci => Err(failure),
        Err(failure) => {
            terminal::warn(&format!("{failure}; `host lock` accepts it, `--locked` would refuse it"));
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// permitted = asked AND granted. What is missing is offered on a terminal, and an error elsewhere.
fn permitted(name: &str, file: &ComponentFile, context: &Context) -> Result<(Grants, Permitted)> {
    let grants = context.project.grants_for(name)?;
    let permitted = permit(&file.powers(), file.manifest.as_ref(), &grants);
    if permitted.missing.is_empty() {
        return Ok((grants, permitted));
    }
    if !context.no_input && !terminal::settings().json && terminal::ask::possible() && super::grant::offer(name, file, &permitted, context)?
    {
        let project = context.project.reload()?;
        let grants = project.grants_for(name)?;
        let permitted = permit(&file.powers(), file.manifest.as_ref(), &grants);
        if permitted.missing.is_empty() {
            return Ok((grants, permitted));
        }
    }
    match permitted.refusal(name, &grants) {
        Some(refusal) if context.project.file().is_none() => Err(refusal.hint("there is no host.toml here: `host init` makes one")),
        Some(refusal) => Err(refusal),
        None => Ok((grants, permitted)),
    }
}

fn bounds(timeout: Option<&str>, grants: &Grants) -> Result<runner::Bounds> {
    let asked = timeout.map(units::duration).transpose().map_err(|error| Failure::usage(format!("`--timeout`: {error}")))?;
    let time: Duration = match (asked, grants.limits.time) {
        // A run may be given less time than the operator granted, never more.
        (Some(asked), Some(granted)) => asked.min(granted),
        (Some(time), None) | (None, Some(time)) => time,
        (None, None) => limits::TIME,
    };
    Ok(runner::Bounds { time, memory: grants.limits.memory.unwrap_or(limits::MEMORY_BYTES) })
}

fn execute(
    name: &str,
    file: &ComponentFile,
    digest: &str,
    permitted: &Permitted,
    bounds: runner::Bounds,
    prepared: contexts::Prepared,
) -> Result<u8> {
    // The guest runs on this thread; the other one keeps time, listens to signals and moves rows.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("failed to start the runtime: {error}")))?;
    let contexts::Prepared { contexts, gate, leave } = prepared;
    let cache = super::cache::folder();
    let launch = runner::Launch {
        name,
        file,
        digest,
        powers: permitted.linked.clone(),
        bounds,
        contexts,
        gate: gate.clone(),
        leave,
        cache: cache.as_deref(),
    };
    let result = runtime.block_on(runner::run(launch));
    // A thread that blocks on reading stdin must not keep the process.
    runtime.shutdown_background();
    let report = match result {
        Ok(report) => report,
        Err(failure) => Report { code: failure.ending.code(), ending: failure.ending, failure: Some(failure), denials: Vec::new() },
    };
    terminal::restore();
    gate.close(report.code, report.ending.word());
    if report.code != 0 {
        for denial in &report.denials {
            terminal::hint(denial);
        }
    }
    match report.failure {
        Some(failure) => Err(failure),
        None => Ok(report.code),
    }
}

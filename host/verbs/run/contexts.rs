//! Makes what one run needs from what is permitted: the gate, the journal, a context for each capability.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;
use tokio::sync::watch;
use wasmtime_wasi::WasiCtx;

use super::Context;
use crate::capabilities;
use crate::capabilities::broadcast::BroadcastCtx;
use crate::capabilities::command::CommandCtx;
use crate::capabilities::docker::{DockerCtx, Endpoint, Places};
use crate::capabilities::files::FilesCtx;
use crate::capabilities::redis::RedisCtx;
use crate::capabilities::sql::{SqlCtx, Teller};
use crate::capabilities::terminal::{TerminalCtx, TerminalSettings};
use crate::component::limits;
use crate::component::run::Contexts;
use crate::gate::journal::Journal;
use crate::gate::{Budgets, Gate, Leave, redact};
use crate::grants::{Grants, Manifest, Permitted};
use crate::outcome::Result;
use crate::own_folder::is_strange;
use crate::project::state::State;
use crate::terminal::{self, GuestOutput, OutputMeter};
use crate::verbs::cache;

/// What is made before the guest starts.
pub(super) struct Prepared {
    pub contexts: Contexts,
    pub gate: Gate,
    pub leave: watch::Sender<Leave>,
}

pub(super) fn prepare(
    name: &str,
    args: Vec<String>,
    digest: &str,
    manifest: Option<&Manifest>,
    permitted: &Permitted,
    grants: &Grants,
    context: &Context,
) -> Result<Prepared> {
    let run_id = State::new_run_id();
    let journal = journal(&run_id, name, &args, digest, context);
    let (leave, listener) = watch::channel(Leave::Granted);
    let gate = Gate::new(name.to_owned(), Budgets::new(grants.budgets), journal, listener, false);
    let output = OutputMeter::new(grants.limits.output.unwrap_or(limits::OUTPUT_BYTES));
    let asked = manifest.map(Manifest::asked_files);
    let (protected, hidden) = (protected(permitted, context), hidden(permitted, context));
    let files = FilesCtx::new(gate.clone(), context.project.root(), &permitted.files, asked.as_deref(), &protected, &hidden)?;
    let (stdout, stderr) = (GuestOutput::stdout(output.clone()), GuestOutput::stderr(output.clone()));
    let contexts = Contexts {
        wasi: wasi(name, args, permitted, (&stdout, &stderr), context),
        stdout,
        stderr,
        config: grants.config.clone(),
        terminal: TerminalCtx::new(gate.clone(), settings(context)),
        command: CommandCtx::new(gate.clone(), name, run_id.clone(), context.project.name()),
        sql: sql(&gate, permitted, context)?,
        redis: redis(&gate, permitted, context)?,
        broadcast: broadcast(&gate, run_id.clone(), permitted, context)?,
        docker: docker(&gate, run_id, permitted, context)?,
        files,
        output,
    };
    Ok(Prepared { contexts, gate, leave })
}

fn wasi(name: &str, args: Vec<String>, permitted: &Permitted, streams: (&GuestOutput, &GuestOutput), context: &Context) -> WasiCtx {
    let variables: BTreeMap<String, String> = context.project.environment().matching(&permitted.env);
    let mut builder = WasiCtx::builder();
    builder.arg(name).args(&args).inherit_stdin().stdout(streams.0.clone()).stderr(streams.1.clone());
    for (name, value) in &variables {
        builder.env(name, value);
    }
    // Sockets stay linked, because components of other languages import them always, and refuse everything.
    builder.allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false);
    builder.build()
}

fn settings(context: &Context) -> TerminalSettings {
    TerminalSettings {
        assume_yes: context.yes,
        no_input: context.no_input,
        json: context.json,
        quiet: context.quiet,
        verbosity: context.verbosity,
    }
}

/// Only databases with a permitted power have an address here; the others are known by name, for a clear denial.
fn sql(gate: &Gate, permitted: &Permitted, context: &Context) -> Result<SqlCtx> {
    let project = &context.project;
    let mut urls = BTreeMap::new();
    for name in project.database_names() {
        let url = if permitted.sql.contains_key(name) { project.database(name)? } else { None };
        urls.insert(name.to_owned(), url.unwrap_or_default());
    }
    let locks = State::of(project.root()).locks();
    let teller: Teller = Arc::new(terminal::talk);
    Ok(SqlCtx::new(gate.clone(), urls, permitted.sql.clone(), project.root().to_owned(), locks, teller))
}

/// The same for Redis; a manifest's `${PROJECT_NAME}` is known only here.
fn redis(gate: &Gate, permitted: &Permitted, context: &Context) -> Result<RedisCtx> {
    let project = &context.project;
    let mut urls = BTreeMap::new();
    for name in project.redis_names() {
        let url = if permitted.redis.contains_key(name) { project.redis(name)? } else { None };
        urls.insert(name.to_owned(), url.unwrap_or_default());
    }
    let mut grants = permitted.redis.clone();
    for key in grants.values_mut().flat_map(|grant| &mut grant.asked_keys) {
        *key = key.replace("${PROJECT_NAME}", project.name());
    }
    Ok(RedisCtx::new(gate.clone(), urls, grants))
}

/// Addresses are looked up only where something is permitted: others need no `[broadcast]` that works.
fn broadcast(gate: &Gate, run_id: String, permitted: &Permitted, context: &Context) -> Result<BroadcastCtx> {
    let project = &context.project;
    let settings = if permitted.broadcast.is_some() { project.broadcast()? } else { None };
    let runs = State::of(project.root()).broadcasts();
    Ok(BroadcastCtx::new(gate.clone(), settings, permitted.broadcast.clone(), runs, run_id))
}

/// The engine's address is looked up only where something is permitted.
fn docker(gate: &Gate, run_id: String, permitted: &Permitted, context: &Context) -> Result<DockerCtx> {
    let project = &context.project;
    let endpoint = if permitted.docker.is_some() { project.docker()? } else { Endpoint::default() };
    let root = std::fs::canonicalize(project.root()).unwrap_or_else(|_| project.root().to_owned());
    let user = cache::folder().map(|folder| folder.join("docker"));
    let places = Places { project: State::of(project.root()).locks(), user };
    Ok(DockerCtx::new(gate.clone(), endpoint, permitted.docker.clone(), root, places, run_id))
}

/// What no grant makes writable: whoever writes there could grant itself anything, or reach a database
/// around its powers.
fn protected(permitted: &Permitted, context: &Context) -> Vec<PathBuf> {
    let project = &context.project;
    let own = ["host.toml", "host.lock", ".host"].map(PathBuf::from);
    // Its variables decide which database is meant: a glob does not reach it, only its own name does.
    let dotenv = permitted.files.iter().all(|file| file.pattern != ".env").then(|| PathBuf::from(".env"));
    let databases = project.database_names().into_iter().filter_map(|name| project.database(name).ok().flatten());
    let files = databases.flat_map(|url| capabilities::sql::sqlite_files(&url, project.root()));
    own.into_iter()
        .chain(dotenv)
        .chain(context.env_file.clone())
        .chain(project.command_folders())
        .chain(cache::folder())
        .chain(files)
        .collect()
}

/// What no grant makes readable: the operator's logins at registries, wherever they lie.
fn hidden(permitted: &Permitted, context: &Context) -> Vec<PathBuf> {
    let logins = if permitted.files.is_empty() { None } else { context.project.logins() };
    // Docker's own variable may be relative to where we are.
    logins.map(|file| std::path::absolute(&file.path).unwrap_or(file.path)).into_iter().collect()
}

/// Who ran it: a name, or the number where there is none (containers).
fn user() -> String {
    let named = ["USER", "LOGNAME"].into_iter().filter_map(|variable| std::env::var(variable).ok()).find(|name| !name.is_empty());
    let number = || std::fs::metadata("/proc/self").map(|me| format!("uid {}", me.uid())).unwrap_or_default();
    named.unwrap_or_else(number)
}

/// The run's journal; a folder that cannot be written is said, and does not stop the run.
fn journal(run_id: &str, name: &str, args: &[String], digest: &str, context: &Context) -> Journal {
    let Some(state) = context.project.state() else { return Journal::nowhere() };
    let start = json!({
        "v": 1,
        "event": "start",
        "run": run_id,
        "command": name,
        "digest": digest,
        "args": redact::arguments(args),
        "pid": std::process::id(),
        "user": user(),
        "started": jiff::Timestamp::now().to_string(),
        "host": env!("CARGO_PKG_VERSION"),
        "project": context.project.name(),
    });
    let created = state.create().and_then(|()| Journal::create(&state.journals(), run_id, start));
    created.unwrap_or_else(|error| {
        let problem = match is_strange(&error) {
            true => "`.host/journal` is a link or no folder, or lies behind a link: remove what is there".to_owned(),
            false => error.to_string(),
        };
        terminal::warn(&format!("this run is not journaled: {problem}"));
        Journal::nowhere()
    })
}

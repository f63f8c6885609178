//! One run: load, link, instantiate, call `wasi:cli/run`, and say how it ended.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::p2::bindings::Command;
use wasmtime_wasi::{I32Exit, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_config::WasiConfigVariables;

use super::file::ComponentFile;
use super::limits::{self, Limiter};
use super::store::{self, Origin};
use super::{engine, link};
use crate::capabilities::broadcast::{BroadcastCtx, BroadcastView};
use crate::capabilities::command::{CommandCtx, CommandView};
use crate::capabilities::docker::{DockerCtx, DockerView};
use crate::capabilities::files::{FilesCtx, FilesView};
use crate::capabilities::redis::{RedisCtx, RedisView};
use crate::capabilities::sql::{SqlCtx, SqlView};
use crate::capabilities::terminal::{TerminalCtx, TerminalView};
use crate::gate::{Gate, Leave};
use crate::grants::Powers;
use crate::outcome::{Ending, Failure, Result};
use crate::terminal::{self, GuestOutput, OutputMeter};

/// What a store of one run holds: a context for each capability.
pub(super) struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    limiter: Limiter,
    pub(super) config: WasiConfigVariables,
    files: FilesCtx,
    terminal: TerminalCtx,
    command: CommandCtx,
    sql: SqlCtx,
    redis: RedisCtx,
    broadcast: BroadcastCtx,
    docker: DockerCtx,
}

impl State {
    pub(super) fn command(&mut self) -> CommandView<'_> {
        CommandView { ctx: &mut self.command }
    }

    pub(super) fn files(&mut self) -> FilesView<'_> {
        FilesView { ctx: &mut self.files, table: &mut self.table }
    }

    pub(super) fn terminal(&mut self) -> TerminalView<'_> {
        TerminalView { ctx: &mut self.terminal, table: &mut self.table }
    }

    pub(super) fn sql(&mut self) -> SqlView<'_> {
        SqlView { ctx: &mut self.sql, table: &mut self.table }
    }

    pub(super) fn redis(&mut self) -> RedisView<'_> {
        RedisView { ctx: &mut self.redis, table: &mut self.table }
    }

    pub(super) fn broadcast(&mut self) -> BroadcastView<'_> {
        BroadcastView { ctx: &mut self.broadcast, table: &mut self.table }
    }

    pub(super) fn docker(&mut self) -> DockerView<'_> {
        DockerView { ctx: &mut self.docker, table: &mut self.table }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// The contexts of one run, made by the verb from what is permitted.
pub struct Contexts {
    pub wasi: WasiCtx,
    pub config: BTreeMap<String, String>,
    pub files: FilesCtx,
    pub terminal: TerminalCtx,
    pub command: CommandCtx,
    pub sql: SqlCtx,
    pub redis: RedisCtx,
    pub broadcast: BroadcastCtx,
    pub docker: DockerCtx,
    pub stdout: GuestOutput,
    pub stderr: GuestOutput,
    pub output: OutputMeter,
}

/// Bounds of one run.
pub struct Bounds {
    pub time: Duration,
    pub memory: u64,
}

/// How the guest ended.
pub struct Report {
    pub code: u8,
    pub ending: Ending,
    /// What to tell the person when it was not the guest itself that ended the run.
    pub failure: Option<Failure>,
    /// What the guest was refused among files: a hint when it then fails.
    pub denials: Vec<String>,
}

/// Everything one run needs, decided before the guest's first instruction.
pub struct Launch<'a> {
    pub name: &'a str,
    pub file: &'a ComponentFile,
    pub digest: &'a str,
    /// The interfaces to link.
    pub powers: Powers,
    pub bounds: Bounds,
    pub contexts: Contexts,
    pub gate: Gate,
    /// The sending end of what the gate listens to: time and signals end the run through it.
    pub leave: watch::Sender<Leave>,
    /// Where compiled components are kept.
    pub cache: Option<&'a Path>,
}

/// Runs a component and answers how it ended.
pub async fn run(launch: Launch<'_>) -> Result<Report> {
    let Launch { name, file, digest, powers, bounds, contexts, gate, leave, cache } = launch;
    link::check_offered(name, &file.imports)?;
    let engine = engine::engine()?;
    let loading = tokio::spawn(watch_loading(name.to_owned(), gate.clone(), bounds.time));
    let component = load(&engine, name, digest, &file.bytes, cache);
    loading.abort();
    let component = component?;
    let linker = link::linker(&engine, &file.imports, &powers)?;
    let (output, stdout, stderr) = (contexts.output.clone(), contexts.stdout.clone(), contexts.stderr.clone());
    let mut store = new_store(&engine, &bounds, contexts);
    let watcher = tokio::spawn(watch_over(engine, bounds.time, gate.clone(), leave));
    let result = tokio::select! {
        biased;
        result = call(&mut store, &component, &linker) => result,
        () = overdue(&gate) => Err(wasmtime::format_err!("the guest did not end by itself")),
    };
    tokio::select! {
        _ = async { tokio::join!(stdout.finish(), stderr.finish()) } => {}
        () = overdue(&gate) => {}
    }
    let mut report = report(name, &result, store.data(), &output, &gate, !powers.sql.is_empty());
    let mut state = store.into_data();
    report.denials = state.files.denials().lines();
    // What does not close in time is closed by the server, which rolls back as well.
    let shutdown = async { tokio::join!(state.sql.shutdown(), state.redis.shutdown(), state.docker.shutdown()) };
    let _ = tokio::time::timeout(limits::SHUTDOWN, shutdown).await;
    watcher.abort();
    Ok(report)
}

fn load(engine: &Engine, name: &str, digest: &str, bytes: &[u8], cache: Option<&Path>) -> Result<Component> {
    let store = match cache.map(store::Store::open) {
        Some(Ok(store)) => store,
        Some(Err(failure)) => {
            terminal::warn(&format!("{failure}; `{name}` is compiled anew each time"));
            failure.hints.iter().for_each(|hint| terminal::hint(hint));
            return store::compile_only(engine, bytes);
        }
        None => return store::compile_only(engine, bytes),
    };
    let (component, origin) = store.load(engine, digest, bytes)?;
    if let Origin::NotStored(why) = origin {
        terminal::warn(&format!("the compiled form of `{name}` was not stored: {why}"));
    }
    Ok(component)
}

fn new_store(engine: &Engine, bounds: &Bounds, contexts: Contexts) -> Store<State> {
    let mut table = ResourceTable::new();
    table.set_max_capacity(limits::HANDLES);
    let Contexts { wasi, config, files, terminal, mut command, sql, redis, broadcast, docker, .. } = contexts;
    let config = config.into_iter().collect();
    command.ends_after(bounds.time);
    let state =
        State { wasi, table, limiter: Limiter::new(bounds.memory), config, files, terminal, command, sql, redis, broadcast, docker };
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.limiter);
    store.set_hostcall_fuel(limits::CALL_BYTES);
    store.set_max_component_handles(limits::HANDLES);
    store.set_epoch_deadline(1);
    store
}

async fn call(store: &mut Store<State>, component: &Component, linker: &Linker<State>) -> wasmtime::Result<std::result::Result<(), ()>> {
    let command = Command::instantiate_async(&mut *store, component, linker).await?;
    command.wasi_cli_run().call_run(store).await
}

/// Ends the run when its time is over or a signal comes: first politely through the gate, then, after
/// [`limits::GRACE`], by the epoch. A second signal ends the process at once; the server rolls back.
async fn watch_over(engine: Engine, time: Duration, gate: Gate, leave: watch::Sender<Leave>) {
    let deadline = Instant::now().checked_add(time);
    let (leaving, ending) = loop {
        let left = deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
        let Some((leaving, ending)) = end(left).await else { return };
        if !number(leaving).is_some_and(|signal| gate.hand_over(signal)) {
            break (leaving, ending);
        }
    };
    leave.send_replace(leaving);
    tokio::time::sleep(limits::GRACE).await;
    engine.increment_epoch();
    if end(Duration::MAX).await.is_some() {
        terminal::restore();
        std::process::exit(i32::from(ending.code()));
    }
}

/// The same while the component is compiled: nothing was started, so that nothing needs to be undone.
async fn watch_loading(name: String, gate: Gate, time: Duration) {
    let Some((_, ending)) = end(time).await else { return };
    gate.close(ending.code(), ending.word());
    terminal::error(&Failure::new(ending, format!("`{name}` was ended while it was compiled; it did not start")));
    std::process::exit(i32::from(ending.code()));
}

/// The signal that it was.
fn number(leaving: Leave) -> Option<i32> {
    match leaving {
        Leave::Granted | Leave::TimedOut => None,
        Leave::Interrupted => Some(SignalKind::interrupt().as_raw_value()),
        Leave::Terminated => Some(SignalKind::terminate().as_raw_value()),
    }
}

/// What ends a run from outside: its time, or a signal; none when signals cannot be heard.
async fn end(time: Duration) -> Option<(Leave, Ending)> {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
        return None;
    };
    Some(tokio::select! {
        () = tokio::time::sleep(time) => (Leave::TimedOut, Ending::Timeout),
        _ = interrupt.recv() => (Leave::Interrupted, Ending::Interrupted),
        _ = terminate.recv() => (Leave::Terminated, Ending::Terminated),
    })
}

/// Resolves when the run is over and the guest had its time to say so.
async fn overdue(gate: &Gate) {
    gate.ended().await;
    tokio::time::sleep(limits::GRACE + limits::GRACE).await;
}

/// How the run was ended from outside, and the words for it.
fn left(gate: &Gate) -> Option<(Ending, &'static str)> {
    let words = match gate.leave() {
        Leave::Granted => return None,
        Leave::TimedOut => "the time of {name} was over",
        Leave::Interrupted => "{name} was interrupted",
        Leave::Terminated => "{name} was terminated",
    };
    gate.leave().ending().map(|ending| (ending, words))
}

fn report(
    name: &str,
    result: &wasmtime::Result<std::result::Result<(), ()>>,
    state: &State,
    output: &OutputMeter,
    gate: &Gate,
    has_sql: bool,
) -> Report {
    let failure = |ending: Ending, text: String| Report {
        code: ending.code(),
        ending,
        failure: Some(Failure::new(ending, text)),
        denials: Vec::new(),
    };
    if let Some((ending, what)) = left(gate) {
        // Rolling back is a database's; without one there is nothing to say that is true of everything.
        let undone = if has_sql { "; what it had not committed was rolled back" } else { "" };
        let mut report = failure(ending, format!("{what}{undone}").replace("{name}", &format!("`{name}`")));
        // A guest that was interrupted and said so itself has said more; two JSON documents would be none.
        let said = result.as_ref().err().and_then(|error| error.downcast_ref::<I32Exit>()).is_some_and(|exit| exit.0 != 0);
        if said && (!has_sql || terminal::settings().json) {
            report.failure = None;
        }
        return report;
    }
    let error = match result {
        Ok(Ok(())) => return ended(0),
        Ok(Err(())) => return ended(1),
        Err(error) => error,
    };
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return ended(u8::try_from(exit.0).unwrap_or(1));
    }
    if output.exceeded() {
        return failure(Ending::Trapped, format!("`{name}` wrote more than its limit of {} bytes", output.bound()));
    }
    if let Some(refused) = &state.limiter.refused {
        return failure(Ending::Trapped, format!("`{name}` ran out of its limits: {refused}"));
    }
    let mut report = failure(Ending::Trapped, format!("`{name}` trapped: {}", trap_text(error)));
    if terminal::settings().verbosity == 0 {
        report.failure = report.failure.map(|failure| failure.hint(format!("`host run -v {name}` shows where")));
    }
    report
}

/// The guest's own end.
fn ended(code: u8) -> Report {
    Report { code, ending: Ending::of_code(code), failure: None, denials: Vec::new() }
}

/// A function's name, or its number where the names were stripped.
fn frame_text(frame: &wasmtime::FrameInfo) -> String {
    match frame.func_name() {
        Some(name) => format!("  at {name}"),
        None => format!("  at function {} of {}", frame.func_index(), frame.module().name().unwrap_or("the module")),
    }
}

/// The cause in one line; the stack is for whoever asks for more.
fn trap_text(error: &wasmtime::Error) -> String {
    let cause = error.root_cause().to_string();
    let cause = cause.strip_prefix("wasm trap: ").unwrap_or(&cause);
    let frames = error.downcast_ref::<wasmtime::WasmBacktrace>().map_or(&[][..], |trace| trace.frames());
    if terminal::settings().verbosity == 0 || frames.is_empty() {
        return cause.to_owned();
    }
    let frames: Vec<String> = frames.iter().map(frame_text).collect();
    format!("{cause}\n{}", frames.join("\n"))
}

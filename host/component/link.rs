//! Links what a component imports and is permitted to have; nothing else exists for it.

use std::collections::BTreeSet;

use wasmtime::Engine;
use wasmtime::component::Linker;
use wasmtime_wasi_config::WasiConfig;

use super::run::State;
use crate::capabilities::{broadcast, command, docker, files, redis, sql, terminal};
use crate::grants::Powers;
use crate::outcome::{Failure, Result};

/// Packages that the host offers; their interfaces' versions are checked by the linker itself.
const OFFERED: [&str; 13] = [
    "wasi:cli/",
    "wasi:io/",
    "wasi:clocks/",
    "wasi:random/",
    "wasi:filesystem/",
    "wasi:sockets/",
    "wasi:config/",
    "host:terminal/",
    "host:command/",
    "host:sql/",
    "host:redis/",
    "host:broadcast/",
    "host:docker/",
];

/// Whether the host knows the interface at all, granted or not.
pub fn is_offered(import: &str) -> bool {
    OFFERED.iter().any(|package| import.starts_with(package))
}

/// An error that lists the imports which no host interface satisfies.
pub(super) fn check_offered(name: &str, imports: &BTreeSet<String>) -> Result<()> {
    let unknown: Vec<String> = imports.iter().filter(|import| !is_offered(import)).map(|import| format!("`{import}`")).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Failure::usage(format!("`{name}` imports {}, which this host does not offer", unknown.join(", ")))
        .hint("build it without that import, or update `host`; `host inspect` shows all imports"))
}

/// A linker with WASI, the run's own interfaces, and the interfaces of `powers`.
pub(super) fn linker(engine: &Engine, imports: &BTreeSet<String>, powers: &Powers) -> Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    fill(&mut linker, imports, powers).map_err(|error| Failure::failed(format!("failed to link the host's interfaces: {error:#}")))?;
    Ok(linker)
}

fn fill(linker: &mut Linker<State>, imports: &BTreeSet<String>, powers: &Powers) -> wasmtime::Result<()> {
    let imports_any = |package: &str| imports.iter().any(|import| import.starts_with(package));
    files::add_wasi_to_linker(linker, State::files)?;
    // Linking them is 7% of a small run's instructions, so only for those that import them.
    if imports_any("wasi:sockets/") {
        files::add_sockets_to_linker(linker)?;
    }
    command::add_to_linker(linker, State::command)?;
    if imports_any("host:terminal/") {
        terminal::add_to_linker(linker, State::terminal)?;
    }
    if imports_any("wasi:config/") {
        wasmtime_wasi_config::add_to_linker(linker, |state| WasiConfig::from(&state.config))?;
    }
    if imports_any("host:sql/") && !powers.sql.is_empty() {
        sql::add_to_linker(linker, &powers.sql, State::sql)?;
    }
    if imports_any("host:redis/") && !powers.redis.is_empty() {
        redis::add_to_linker(linker, &powers.redis, State::redis)?;
    }
    if imports_any("host:broadcast/") && !powers.broadcast.is_empty() {
        broadcast::add_to_linker(linker, &powers.broadcast, State::broadcast)?;
    }
    if imports_any("host:docker/") && !powers.docker.is_empty() {
        docker::add_to_linker(linker, &powers.docker, State::docker)?;
    }
    Ok(())
}

//! The one engine configuration, in two forms: one that maps and runs, and one that also compiles.
//!
//! Both must say the same: wasmtime refuses a compiled form that was made with other settings, by another
//! version of it, or for another processor. A run whose compiled form is stored never touches the compiler, which
//! would cost it a megabyte of memory.

use wasmtime::{Config, Engine};

use super::limits;
use crate::outcome::{Failure, Result};

/// For runs: maps compiled forms.
pub(super) fn engine() -> Result<Engine> {
    start(settings().enable_compiler(false))
}

/// For components that have no compiled form yet.
pub(super) fn compiler() -> Result<Engine> {
    start(&settings())
}

fn settings() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .epoch_interruption(true)
        .max_wasm_stack(limits::STACK_BYTES)
        .async_stack_size(limits::STACK_BYTES + (1 << 20))
        // Function names are enough for a report; addresses would double the compiled form.
        .generate_address_map(false)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(16));
    config
}

fn start(config: &Config) -> Result<Engine> {
    Engine::new(config).map_err(|error| Failure::failed(format!("failed to start the WebAssembly engine: {error:#}")))
}

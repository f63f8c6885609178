//! The one engine configuration; its compatibility hash is part of the compiled store's key.

use wasmtime::{Config, Engine};

use super::limits;
use crate::outcome::{Failure, Result};

pub(super) fn engine() -> Result<Engine> {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .epoch_interruption(true)
        .max_wasm_stack(limits::STACK_BYTES)
        .async_stack_size(limits::STACK_BYTES + (1 << 20))
        // Function names are enough for a report; addresses would double the compiled form.
        .generate_address_map(false)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(16));
    Engine::new(&config).map_err(|error| Failure::failed(format!("failed to start the WebAssembly engine: {error:#}")))
}

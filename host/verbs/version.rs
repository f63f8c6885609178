//! `host version`: versions of the host, its runtime and its interfaces.

use clap::Args;
use serde_json::json;

use crate::outcome::{Ending, Result};
use crate::terminal;

/// Versions of the WIT packages that this host offers.
const INTERFACES: [&str; 7] = [
    "host:sql@0.1.0",
    "host:redis@0.1.0",
    "host:broadcast@0.1.0",
    "host:docker@0.1.0",
    "host:terminal@0.1.0",
    "host:command@0.1.0",
    "wasi:cli@0.2",
];
const WASMTIME: &str = "48";

/// Print versions
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n  host version\n  host version --json")]
pub struct Version {}

pub fn run(_verb: &Version, json: bool) -> Result<u8> {
    if json {
        terminal::json(&json!({"v": 1, "host": env!("CARGO_PKG_VERSION"), "wasmtime": WASMTIME, "interfaces": INTERFACES}));
    } else {
        terminal::line(&format!("host {} (wasmtime {WASMTIME}; {})", env!("CARGO_PKG_VERSION"), INTERFACES.join(", ")));
    }
    Ok(Ending::Ok.code())
}

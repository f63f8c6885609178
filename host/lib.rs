//! `host` runs management commands as sandboxed WebAssembly components.
//!
//! The map, in the order a run passes through it:
//!
//! - [`cli`]: arguments, nothing else. [`verbs`]: one file per subcommand.
//! - [`project`]: `host.toml`, `.env`, where commands live, `host.lock`, the `.host` folder.
//! - [`component`]: from a `.wasm` file to a running instance: read, compile or map, link, limit, run.
//! - [`grants`]: what a command asked for, what the operator granted, what is therefore permitted; pure.
//! - [`gate`]: the one door that every host call passes: permission, budget, effect, journal.
//! - [`capabilities`]: what guests can reach: SQL, Redis, websocket connections, files, the terminal, the run itself.
//! - [`channels`]: how Django Channels' workers are reached through Redis; pure formats.
//! - [`gateway`]: a websocket edge whose connections can be listed, dropped and told to reload.
//! - [`own_folder`]: files of the host's own where others may write, with no link followed.
//! - [`outcome`]: how a run ends. [`terminal`]: the only writer.
//!
//! Invariants, each kept by a test: nothing but the requested command's file is opened by a run; a guest
//! learns no address, password or path that it was not given; a failure never exits 0.

pub mod capabilities;
pub mod channels;
pub mod cli;
pub mod component;
pub mod gate;
pub mod gateway;
pub mod grants;
pub mod outcome;
pub mod own_folder;
pub mod project;
pub mod terminal;
pub mod verbs;

//! What guests can reach. Each capability has the same furniture: `mod.rs` (context, view, linking),
//! `policy.rs` (pure decisions), `host.rs` (the WIT functions, each through the gate), and a client
//! that alone names the crate beneath.

pub mod broadcast;
pub mod command;
pub mod docker;
pub mod files;
pub mod redis;
pub mod sql;
pub mod terminal;

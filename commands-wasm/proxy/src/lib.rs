//! The machine's reverse proxy: what `start_reverse_proxy` and `stop_reverse_proxy` share.
//!
//! - [`routes`]: from the labels of running stacks to the file that Traefik's file provider reads. Pure.
//!   Below it `labels`, `options` (what Traefik documents), `container` (defaults as its Docker provider has them), `yaml`.
//! - [`settings`]: what the operator chose. [`spec`]: the container that follows from it. Pure.
//! - [`folder`]: where the routes are written.

mod container;
mod labels;
mod options;
mod yaml;

pub mod folder;
pub mod routes;
pub mod settings;
pub mod spec;

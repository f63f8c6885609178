//! From a `.wasm` file to a running instance: read, compile or map, link, limit, run.

mod engine;
pub mod file;
pub(crate) mod kind;
pub mod limits;
pub mod link;
pub mod run;
pub mod store;

pub use self::file::{ComponentFile, read};

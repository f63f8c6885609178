//! Compose files: reading, merging, checking, and the model that the stack commands work with.
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use compose::{Disk, Loader, Options};
//!
//! # let folder = std::env::temp_dir().join(format!("compose-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder).unwrap();
//! # std::fs::write(folder.join("compose.yaml"), "name: shop\nservices:\n  db: {image: postgres}\n  web: {image: shop, depends_on: [db]}\n").unwrap();
//! let files = Disk::new(&folder);
//! let environment: BTreeMap<String, String> = std::env::vars().collect();
//! let project = Loader::new(&files, environment).load(&Options::default())?;
//! assert_eq!(project.name, "shop");
//! for level in project.graph().levels()? {
//!     for name in level {
//!         let service = project.service(name)?;
//!         println!("{name} at {}: {:?}", service.place, service.image);
//!     }
//! }
//! # std::fs::remove_dir_all(&folder).unwrap();
//! # Ok::<(), compose::Error>(())
//! ```
//!
//! Pure: no engine, no process, no clock; files come through [`Files`]. An unknown or unsupported key, a wrong type, a
//! reference to nothing is an [`Error`] with file, line and key; what is accepted without effect is a [`Warning`].
//! All that can grow is bounded: bytes of a file, nodes of a tree, depth, files, chains.
//!
//! The map, in the order a project passes through it:
//!
//! - [`Loader`]: the whole of it. `discover`: which files, which environment, `.env` by [`dotenv`].
//! - `yaml`: bytes to `node`s with places; `number`: what scalars mean. `interpolate` over `template`: variables.
//! - `canon`: each document in the long syntax. `include`, `extends`, `merge`, `unique`: one tree of all.
//! - `read`: the tree with types, into [`Project`] and what it is made of. `words`, `units`: commands and sizes.
//! - `finish`: default network, implied dependencies, profiles, env files. `check`: whether all fits together.
//! - [`Graph`]: who waits for whom. [`names`]: what things are called on the engine.
//! - [`hash`]: Compose's hash of a service, over `canonical` and `go_json`. [`Fingerprint`]: ours, key by key.
//!
//! Deliberately absent: absolute paths of the project (relative ones stay relative to the folder of [`Files`]), remote
//! files, providers, models, hooks, Windows credentials.
mod canon;
mod canonical;
mod check;
mod discover;
pub mod dotenv;
mod error;
mod extends;
mod files;
mod fingerprint;
mod finish;
mod go_json;
mod graph;
pub mod hash;
mod include;
mod interpolate;
mod loader;
mod merge;
mod model;
mod model_of;
pub mod names;
mod node;
mod notes;
mod number;
mod read;
mod source;
mod suggest;
mod template;
#[cfg(test)]
mod tests;
mod unique;
mod units;
mod words;
mod yaml;

pub use error::{Error, Place, Warning};
pub use files::{Disk, FileError, Files};
pub use fingerprint::{Change, Fingerprint, How};
pub use graph::Graph;
pub use loader::{Loader, Options};
pub use model::*;

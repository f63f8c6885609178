//! From the compose model to what the engine is asked for.

mod build;
mod container;
mod healthcheck;
mod limits;
mod mounts;
mod networking;
mod project;
mod secrets;
mod security;
#[cfg(test)]
mod tests;

use compose::Error;
use compose::Service;
use host_sdk::docker::{Pair, pair};

pub use self::build::build;
pub(crate) use self::mounts::path as mounted_path;
pub(crate) use self::project::image_of;
pub use self::project::{Selection, Wanted, WantedNetwork, WantedService, WantedVolume};

/// The machine's network that reverse proxy and stacks share.
pub const REVERSE_PROXY_NETWORK: &str = "reverse-proxy";

/// What a compose file says and the engine's containers have no place for.
fn unsupported(service: &Service, key: &str, why: &str) -> Error {
    Error::new(format!("is not supported: {why}")).at(service.place_of(key)).key(format!("services.{}.{key}", service.name))
}

fn pairs<'a>(map: impl IntoIterator<Item = (&'a String, &'a String)>) -> Vec<Pair> {
    map.into_iter().map(|(name, value)| pair(name, value)).collect()
}

/// Sizes and counts; what does not fit is as much as fits.
fn narrow<T: TryFrom<i64>>(number: i64, most: T) -> T {
    T::try_from(number).unwrap_or(most)
}

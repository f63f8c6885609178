//! How Django Channels' workers are reached through Redis: keys, messages, rings. Pure formats.
//!
//! A label names the connections of one build in one environment. Its members are channel names in a sorted set,
//! scored by when they joined. The core layer keeps a queue for each worker process, the pubsub layer publishes.
//! Nothing here opens a connection: the capability `broadcast` and the gateway both stand on it.

pub mod fnmatch;
pub mod keys;
pub mod label;
pub mod message;
pub mod ring;

/// How the application's workers listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Whichever is found in Redis.
    Auto,
    Core,
    Pubsub,
}

impl Mode {
    pub const ALL: [Self; 3] = [Self::Auto, Self::Core, Self::Pubsub];

    /// The word in host.toml.
    pub fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Core => "core",
            Self::Pubsub => "pubsub",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.word() == word)
    }
}

/// `[broadcast]` of host.toml, with addresses looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Addresses, the ring's first shard first; never empty.
    pub redis: Vec<String>,
    /// Before every key of the layer.
    pub prefix: String,
    pub mode: Mode,
}

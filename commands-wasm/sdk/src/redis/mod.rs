//! Redis servers: named, never addressed. A [`Connection`] is as strong as the powers granted on its name, and sees the
//! keys that the granted patterns match.
//!
//! Keys and values are bytes; whatever is `AsRef<[u8]>` is taken as a key. Many keys travel packed, as [`Keys`].
//!
//! ```no_run
//! # fn f() -> host_sdk::Result<()> {
//! use host_sdk::redis::{Connection, Pipeline};
//! let redis = Connection::open("default")?;
//! let mut scan = redis.scan("shop:cache:*", 1_000)?;
//! while let Some(keys) = scan.next_batch()? {
//!     redis.unlink(&keys)?;
//! }
//! let mut replies = Pipeline::new().command("INCR", ["hits"]).command("LRANGE", ["log", "0", "9"]).run(&redis)?;
//! let hits: i64 = replies.value()?;
//! let lines: Vec<String> = replies.value()?;
//! # Ok(()) }
//! ```

mod connection;
mod delete;
mod keys;
mod pipeline;
mod read;
mod reply;
mod write;

pub use self::connection::{Connection, Options};
pub use self::keys::Keys;
pub use self::pipeline::{Pipeline, Replies};
pub use self::read::Scan;
pub use self::reply::{FromReply, Reply};
pub use crate::bindings::host::redis::read::{Scope, StreamEntry, TimeToLive};
pub use crate::bindings::host::redis::types::{CommandError, End, Error as RedisError, Field, Scored};
pub use crate::bindings::host::redis::write::Condition;

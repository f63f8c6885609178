//! Connections.

use std::time::Duration;

use crate::bindings::host::redis::{publish, types};
use crate::error::Result;

/// A connection to the Redis that the operator configured under a name. Dropping it closes it.
#[derive(Debug)]
pub struct Connection {
    name: String,
    pub(super) raw: types::Connection,
}

/// Bounds of a connection; none means the host's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    pub connect_timeout: Option<Duration>,
    /// Of each answer.
    pub response_timeout: Option<Duration>,
}

impl Connection {
    pub fn open(name: &str) -> Result<Self> {
        Self::open_with(name, Options::default())
    }

    pub fn open_with(name: &str, options: Options) -> Result<Self> {
        let options = types::ConnectOptions {
            connect_timeout_ms: milliseconds(options.connect_timeout),
            response_timeout_ms: milliseconds(options.response_timeout),
        };
        Ok(Self { name: name.to_owned(), raw: types::Connection::open(name, options)? })
    }

    /// The configured name it was opened by.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn server_version(&self) -> String {
        self.raw.server_version()
    }

    /// The database's number.
    pub fn database(&self) -> u32 {
        self.raw.database()
    }

    /// Closes now; what is called on it afterwards fails.
    pub fn close(&self) {
        self.raw.close();
    }

    /// Power `publish`: how many subscribers received it.
    pub fn publish(&self, channel: impl AsRef<[u8]>, message: impl AsRef<[u8]>) -> Result<u64> {
        Ok(publish::publish(&self.raw, channel.as_ref(), message.as_ref())?)
    }
}

/// As the host counts: 0 is none, and nothing is rounded down to it.
fn milliseconds(span: Option<Duration>) -> u32 {
    span.map_or(0, |span| u32::try_from(span.as_millis()).unwrap_or(u32::MAX).max(1))
}

/// The same for a key's life, which needs 64 bits.
pub(super) fn lifetime(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_below_a_millisecond_is_not_none() {
        assert_eq!(milliseconds(None), 0);
        assert_eq!(milliseconds(Some(Duration::ZERO)), 1);
        assert_eq!(milliseconds(Some(Duration::from_secs(u64::MAX))), u32::MAX);
        assert_eq!(lifetime(Duration::from_micros(1)), 1);
    }
}

//! Queues of kombu's that have names of their own: `emails` looks like any key, and is known only by the bindings
//! that kombu keeps beside it, sets of `ROUTING_KEY SEPARATOR PATTERN SEPARATOR QUEUE`.

use std::collections::HashSet;

use host_sdk::Result;
use host_sdk::redis::{Connection, Keys, RedisError};

use crate::class::{KOMBU_BINDING, KOMBU_SEPARATOR};
use crate::walk::BATCH;

/// Names that are kept; more than anybody binds.
const NAMES_BOUND: usize = 10_000;
/// Keys that the server looks at for one answer when it has next to nothing to send.
const LOOK: u32 = 4 * BATCH;

/// Names of queues, as the bindings tell them.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    names: HashSet<Vec<u8>>,
    complete: bool,
}

impl Queues {
    /// Whether the key holds a queue's messages.
    #[inline]
    pub(crate) fn holds(&self, key: &[u8]) -> bool {
        !self.names.is_empty() && self.names.contains(key)
    }

    /// Whether all bindings were seen. A walk may meet a queue before its binding, so that nothing goes before this.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Nothing is left to be learned: a walk over all keys is at its end, or nobody asks.
    pub(crate) fn complete(&mut self) {
        self.complete = true;
    }

    /// Reads all bindings by a walk of its own, in which the server does the looking. That costs a fifth of a removal.
    pub(crate) fn read(&mut self, redis: &Connection) -> Result<()> {
        let mut scan = redis.scan([b"*", KOMBU_BINDING, b"*"].concat(), LOOK)?;
        while let Some(keys) = scan.next_batch()? {
            self.note(redis, &keys)?;
        }
        self.complete();
        Ok(())
    }

    /// Reads those of the keys that are bindings.
    pub(crate) fn note(&mut self, redis: &Connection, keys: &Keys) -> Result<()> {
        for (key, prefix) in keys.iter().filter_map(|key| Some((key, binding(key)?))) {
            let Some(members) = of_a_set(redis.set_members(key))? else { continue };
            for queue in members.iter().filter_map(|member| queue(member)) {
                if self.names.len() < NAMES_BOUND {
                    self.names.insert([prefix, queue].concat());
                }
            }
        }
        Ok(())
    }
}

/// The prefix of all of kombu's keys, where this is one of its bindings.
pub(crate) fn binding(key: &[u8]) -> Option<&[u8]> {
    let at = key.windows(KOMBU_BINDING.len()).position(|window| window == KOMBU_BINDING)?;
    key.get(..at)
}

/// The last part of a binding.
fn queue(member: &[u8]) -> Option<&[u8]> {
    let at = member.windows(KOMBU_SEPARATOR.len()).rposition(|window| window == KOMBU_SEPARATOR)?;
    member.get(at + KOMBU_SEPARATOR.len()..).filter(|name| !name.is_empty())
}

/// None where a key is not granted: then nothing of it will be touched either.
fn allowed<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.redis(), Some(RedisError::AccessDenied(_))) => Ok(None),
        Err(error) => Err(error),
    }
}

/// None where somebody keeps something else under such a name.
fn of_a_set<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Err(error) if matches!(error.redis(), Some(RedisError::CommandFailed(_))) => Ok(None),
        answer => allowed(answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_tells_a_queue_and_the_prefix_of_both() {
        assert_eq!(binding(b"_kombu.binding.emails"), Some(&b""[..]));
        assert_eq!(binding(b"shop:_kombu.binding.emails"), Some(&b"shop:"[..]));
        assert_eq!(binding(b"_kombu.bindings"), None);
        assert_eq!(queue(b"emails\x06\x16\x06\x16emails"), Some(&b"emails"[..]));
        assert_eq!(queue(b"\x06\x16\x06\x16a.celery.pidbox"), Some(&b"a.celery.pidbox"[..]));
        assert_eq!(queue(b"emails"), None);
        assert_eq!(queue(b"emails\x06\x16\x06\x16"), None);
    }
}

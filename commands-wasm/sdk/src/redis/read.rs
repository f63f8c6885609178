//! Power `read`.

use std::marker::PhantomData;

use crate::bindings::host::redis::read;
use crate::error::Result;
use crate::redis::{Connection, Field, Keys, Scope, Scored, StreamEntry, TimeToLive};

impl Connection {
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>> {
        Ok(read::get(&self.raw, key.as_ref())?)
    }

    /// One answer for each key, in their order.
    pub fn get_many<K: AsRef<[u8]>>(&self, keys: &[K]) -> Result<Vec<Option<Vec<u8>>>> {
        Ok(read::get_many(&self.raw, &owned(keys))?)
    }

    /// Bytes of a string from `start` to `end`, both inclusive, negative ones counted from the end.
    pub fn get_range(&self, key: impl AsRef<[u8]>, start: i64, end: i64) -> Result<Vec<u8>> {
        Ok(read::get_range(&self.raw, key.as_ref(), start, end)?)
    }

    /// How many of the keys exist.
    pub fn exists<K: AsRef<[u8]>>(&self, keys: &[K]) -> Result<u64> {
        Ok(read::exists(&self.raw, &owned(keys))?)
    }

    /// `none`, `string`, `hash`, `list`, `set`, `zset`, `stream`, or a module's own name.
    pub fn kind(&self, key: impl AsRef<[u8]>) -> Result<String> {
        Ok(read::kind(&self.raw, key.as_ref())?)
    }

    pub fn ttl(&self, key: impl AsRef<[u8]>) -> Result<TimeToLive> {
        Ok(read::ttl(&self.raw, key.as_ref())?)
    }

    /// Bytes of memory each key takes, as the server estimates them; 0 for a key that does not exist.
    pub fn memory_usage(&self, keys: &Keys) -> Result<Vec<u64>> {
        Ok(read::memory_usage(&self.raw, &keys.raw)?)
    }

    /// Bytes of a string, elements of anything else; 0 when missing.
    pub fn length(&self, key: impl AsRef<[u8]>) -> Result<u64> {
        Ok(read::length(&self.raw, key.as_ref())?)
    }

    pub fn hash_get(&self, key: impl AsRef<[u8]>, name: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>> {
        Ok(read::hash_get(&self.raw, key.as_ref(), name.as_ref())?)
    }

    pub fn hash_get_all(&self, key: impl AsRef<[u8]>) -> Result<Vec<Field>> {
        Ok(read::hash_get_all(&self.raw, key.as_ref())?)
    }

    pub fn set_members(&self, key: impl AsRef<[u8]>) -> Result<Vec<Vec<u8>>> {
        Ok(read::set_members(&self.raw, key.as_ref())?)
    }

    pub fn set_contains(&self, key: impl AsRef<[u8]>, member: impl AsRef<[u8]>) -> Result<bool> {
        Ok(read::set_contains(&self.raw, key.as_ref(), member.as_ref())?)
    }

    /// By rank from `start` to `end`, both inclusive, negative ones counted from the end.
    pub fn sorted_range(&self, key: impl AsRef<[u8]>, start: i64, end: i64) -> Result<Vec<Scored>> {
        Ok(read::sorted_range(&self.raw, key.as_ref(), start, end)?)
    }

    /// By score from `min` to `max`, both inclusive. At most `limit` members, 0 means all.
    pub fn sorted_range_by_score(&self, key: impl AsRef<[u8]>, min: f64, max: f64, limit: u32) -> Result<Vec<Scored>> {
        Ok(read::sorted_range_by_score(&self.raw, key.as_ref(), min, max, limit)?)
    }

    pub fn sorted_score(&self, key: impl AsRef<[u8]>, member: impl AsRef<[u8]>) -> Result<Option<f64>> {
        Ok(read::sorted_score(&self.raw, key.as_ref(), member.as_ref())?)
    }

    /// By place from `start` to `end`, both inclusive, negative ones counted from the end.
    pub fn list_range(&self, key: impl AsRef<[u8]>, start: i64, end: i64) -> Result<Vec<Vec<u8>>> {
        Ok(read::list_range(&self.raw, key.as_ref(), start, end)?)
    }

    /// Entries from id `start` to id `end`, both inclusive; `-` and `+` are the ends. At most `count`.
    pub fn stream_range(&self, key: impl AsRef<[u8]>, start: &str, end: &str, count: u32) -> Result<Vec<StreamEntry>> {
        Ok(read::stream_range(&self.raw, key.as_ref(), start, end, count)?)
    }

    /// Keys of the whole database, also those that are not granted.
    pub fn database_size(&self) -> Result<u64> {
        Ok(read::database_size(&self.raw)?)
    }

    /// What of the database is granted.
    pub fn granted_scope(&self) -> Result<Scope> {
        Ok(read::granted_scope(&self.raw)?)
    }

    /// A walk over the granted keys that match `pattern`, Redis' glob. The server looks at `batch` keys for each
    /// answer, 1 to 100,000; 0 means the host's own number.
    pub fn scan(&self, pattern: impl AsRef<[u8]>, batch: u32) -> Result<Scan<'_>> {
        Ok(Scan { raw: read::Scan::start(&self.raw, pattern.as_ref(), batch)?, connection: PhantomData })
    }
}

/// A walk on its way. Keys that exist from its beginning to its end appear at least once; one may appear twice.
#[derive(Debug)]
pub struct Scan<'a> {
    raw: read::Scan,
    connection: PhantomData<&'a Connection>,
}

impl Scan<'_> {
    /// The next keys, possibly none yet; `None` at the end.
    pub fn next_batch(&mut self) -> Result<Option<Keys>> {
        Ok(self.raw.next()?.map(|raw| Keys { raw }))
    }
}

pub(super) fn owned<K: AsRef<[u8]>>(keys: &[K]) -> Vec<Vec<u8>> {
    keys.iter().map(|key| key.as_ref().to_vec()).collect()
}

//! Power `write`.

use std::time::Duration;

use crate::bindings::host::redis::write;
use crate::error::Result;
use crate::redis::connection::lifetime;
use crate::redis::read::owned;
use crate::redis::{Condition, Connection, End, Field, Scored};

impl Connection {
    /// Without a life, a life that was set before is removed.
    pub fn set(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>, life: Option<Duration>) -> Result<()> {
        self.set_if(key, value, life, Condition::Always).map(drop)
    }

    /// False when the condition did not hold.
    pub fn set_if(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>, life: Option<Duration>, condition: Condition) -> Result<bool> {
        Ok(write::set(&self.raw, key.as_ref(), value.as_ref(), life.map_or(0, lifetime), condition)?)
    }

    /// All in one step, on one shard of a cluster each.
    pub fn set_many<K: AsRef<[u8]>, V: AsRef<[u8]>>(&self, pairs: &[(K, V)]) -> Result<()> {
        let pairs: Vec<(Vec<u8>, Vec<u8>)> = pairs.iter().map(|(key, value)| (key.as_ref().to_vec(), value.as_ref().to_vec())).collect();
        Ok(write::set_many(&self.raw, &pairs)?)
    }

    pub fn increment(&self, key: impl AsRef<[u8]>, by: i64) -> Result<i64> {
        Ok(write::increment(&self.raw, key.as_ref(), by)?)
    }

    /// The string's length afterwards.
    pub fn append(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<u64> {
        Ok(write::append(&self.raw, key.as_ref(), value.as_ref())?)
    }

    /// False when the key is missing. No life at all is refused: deleting is another power.
    pub fn expire(&self, key: impl AsRef<[u8]>, life: Duration) -> Result<bool> {
        let life = if life.is_zero() { 0 } else { lifetime(life) };
        Ok(write::expire(&self.raw, key.as_ref(), life)?)
    }

    /// False when the key is missing or had no end.
    pub fn persist(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        Ok(write::persist(&self.raw, key.as_ref())?)
    }

    /// How many fields are new.
    pub fn hash_set(&self, key: impl AsRef<[u8]>, fields: &[Field]) -> Result<u64> {
        Ok(write::hash_set(&self.raw, key.as_ref(), fields)?)
    }

    pub fn hash_increment(&self, key: impl AsRef<[u8]>, name: impl AsRef<[u8]>, by: i64) -> Result<i64> {
        Ok(write::hash_increment(&self.raw, key.as_ref(), name.as_ref(), by)?)
    }

    /// How many members are new.
    pub fn set_add<M: AsRef<[u8]>>(&self, key: impl AsRef<[u8]>, members: &[M]) -> Result<u64> {
        Ok(write::set_add(&self.raw, key.as_ref(), &owned(members))?)
    }

    /// How many members are new.
    pub fn sorted_add(&self, key: impl AsRef<[u8]>, members: &[Scored]) -> Result<u64> {
        Ok(write::sorted_add(&self.raw, key.as_ref(), members)?)
    }

    /// The list's length afterwards.
    pub fn list_push<V: AsRef<[u8]>>(&self, key: impl AsRef<[u8]>, values: &[V], at: End) -> Result<u64> {
        Ok(write::list_push(&self.raw, key.as_ref(), &owned(values), at)?)
    }

    /// The new entry's id. `keep` bounds the stream's length approximately; 0 means no bound.
    pub fn stream_add(&self, key: impl AsRef<[u8]>, fields: &[Field], keep: u64) -> Result<String> {
        Ok(write::stream_add(&self.raw, key.as_ref(), fields, keep)?)
    }
}

//! Power `delete`.

use crate::bindings::host::redis::delete;
use crate::error::Result;
use crate::redis::read::owned;
use crate::redis::{Connection, End, Keys};

impl Connection {
    /// Deletes keys; how many existed. The server frees their memory in the background.
    pub fn unlink(&self, keys: &Keys) -> Result<u64> {
        Ok(delete::unlink(&self.raw, &keys.raw)?)
    }

    /// Reads a string and deletes it.
    pub fn take(&self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>> {
        Ok(delete::take(&self.raw, key.as_ref())?)
    }

    /// How many fields there were.
    pub fn hash_remove<N: AsRef<[u8]>>(&self, key: impl AsRef<[u8]>, names: &[N]) -> Result<u64> {
        Ok(delete::hash_remove(&self.raw, key.as_ref(), &owned(names))?)
    }

    /// How many members there were.
    pub fn set_remove<M: AsRef<[u8]>>(&self, key: impl AsRef<[u8]>, members: &[M]) -> Result<u64> {
        Ok(delete::set_remove(&self.raw, key.as_ref(), &owned(members))?)
    }

    /// How many members there were.
    pub fn sorted_remove<M: AsRef<[u8]>>(&self, key: impl AsRef<[u8]>, members: &[M]) -> Result<u64> {
        Ok(delete::sorted_remove(&self.raw, key.as_ref(), &owned(members))?)
    }

    /// Members with a score from `min` to `max`, both inclusive.
    pub fn sorted_remove_by_score(&self, key: impl AsRef<[u8]>, min: f64, max: f64) -> Result<u64> {
        Ok(delete::sorted_remove_by_score(&self.raw, key.as_ref(), min, max)?)
    }

    /// At most `count` values, the outermost first.
    pub fn list_pop(&self, key: impl AsRef<[u8]>, at: End, count: u32) -> Result<Vec<Vec<u8>>> {
        Ok(delete::list_pop(&self.raw, key.as_ref(), at, count)?)
    }

    /// How many entries there were.
    pub fn stream_remove(&self, key: impl AsRef<[u8]>, ids: &[String]) -> Result<u64> {
        Ok(delete::stream_remove(&self.raw, key.as_ref(), ids)?)
    }
}

//! `delete`. Whole keys count against the budget `keys-deleted`, which is looked at before anything is sent.

use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::redis::client::{Reply, Request};
use crate::capabilities::redis::delete::Host;
use crate::capabilities::redis::error::too_much;
use crate::capabilities::redis::types::{End, Error, Keys};
use crate::capabilities::redis::{RedisView, limits};
use crate::gate::{Counter, Gate};
use crate::grants::RedisPower::Delete;

use super::read::score;
use super::{Connection, keys};

/// Does what deletes at most `most` keys and answers how many it did. Nothing is sent when that could exceed
/// the budget; when nobody knows how many it did, all of them count.
pub(super) async fn within_budget<T>(
    gate: &Gate,
    most: u64,
    work: impl Future<Output = Result<T, Error>>,
    deleted: impl FnOnce(&T) -> u64,
) -> Result<T, Error> {
    if let Some(left) = gate.left(Counter::KeysDeleted)
        && most > left
    {
        return Err(too_much(format!(
            "deleting {most} {} would exceed the budget `{}`, of which {left} are left; nothing of this call was done",
            if most == 1 { "key" } else { "keys" },
            Counter::KeysDeleted.key()
        )));
    }
    let result = work.await;
    gate.spend(Counter::KeysDeleted, result.as_ref().map_or(most, deleted))?;
    result
}

impl Connection {
    async fn unlink<'k>(&mut self, keys: impl ExactSizeIterator<Item = &'k [u8]> + Clone) -> Result<u64, Error> {
        let request = if self.target.is_cluster() { self.unlink_by_slot(keys) } else { self.unlink_in_runs(keys) };
        let replies = self.ask(&request).await?;
        let mut deleted = 0;
        for reply in replies {
            match reply {
                Reply::Integer(count) => deleted += u64::try_from(count).unwrap_or_default(),
                Reply::Failed(error) => return Err(self.failed_with(error)),
                _ => return Err(super::answers::odd()),
            }
        }
        Ok(deleted)
    }

    /// Commands of a few hundred keys each, in one go.
    fn unlink_in_runs<'k>(&self, keys: impl ExactSizeIterator<Item = &'k [u8]>) -> Request {
        let mut request = Request::changing();
        let mut left = keys.len();
        let mut real = Vec::new();
        let mut ends = Vec::with_capacity(limits::UNLINK_KEYS);
        for key in keys {
            real.extend_from_slice(self.permit.prefix());
            real.extend_from_slice(key);
            ends.push(real.len());
            left -= 1;
            if ends.len() == limits::UNLINK_KEYS || left == 0 {
                let mut start = 0;
                let words = ends.iter().map(|end| {
                    let word = real.get(start..*end).unwrap_or_default();
                    start = *end;
                    word
                });
                request.add_all(1 + ends.len(), [b"UNLINK".as_slice()].into_iter().chain(words), Some(1));
                real.clear();
                ends.clear();
            }
        }
        request
    }

    /// On a cluster the keys of one command must be in one slot.
    fn unlink_by_slot<'k>(&self, keys: impl Iterator<Item = &'k [u8]>) -> Request {
        let real: Vec<Vec<u8>> = keys.map(|key| self.real(key)).collect();
        let mut request = Request::changing();
        for group in self.groups(&real) {
            for run in group.chunks(limits::UNLINK_KEYS) {
                let words = run.iter().filter_map(|index| real.get(*index)).map(Vec::as_slice);
                request.add_all(1 + run.len(), [b"UNLINK".as_slice()].into_iter().chain(words), Some(1));
            }
        }
        request
    }
}

impl Host for RedisView<'_> {
    async fn unlink(&mut self, on: Resource<Connection>, keys: Keys) -> Trap<Result<u64, Error>> {
        let parts = keys::parts(&keys);
        let (mut pass, connection) = self.enter(&on, "delete.unlink", Delete, parts.as_ref().ok().cloned().into_iter().flatten())?;
        pass.operation.detail = format!("{} keys, first {}", keys.ends.len(), pass.operation.detail);
        let gate = pass.gate.clone();
        let work = async {
            let parts = parts?;
            if parts.len() == 0 {
                return Ok(0);
            }
            within_budget(&gate, parts.len() as u64, connection.unlink(parts), |deleted| *deleted).await
        };
        Ok(pass.through(work).await)
    }

    async fn take(&mut self, on: Resource<Connection>, key: Vec<u8>) -> Trap<Result<Option<Vec<u8>>, Error>> {
        let (pass, connection) = self.enter(&on, "delete.take", Delete, [key.as_slice()])?;
        let gate = pass.gate.clone();
        let take = async { connection.on_key(true, "GETDEL", &key, &[]).await?.optional() };
        Ok(pass.through(within_budget(&gate, 1, take, |value| u64::from(value.is_some()))).await)
    }

    async fn hash_remove(&mut self, on: Resource<Connection>, key: Vec<u8>, names: Vec<Vec<u8>>) -> Trap<Result<u64, Error>> {
        let (pass, connection) = self.enter(&on, "delete.hash-remove", Delete, [key.as_slice()])?;
        let words: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
        Ok(pass.through(connection.counted("HDEL", &key, &words)).await)
    }

    async fn set_remove(&mut self, on: Resource<Connection>, key: Vec<u8>, members: Vec<Vec<u8>>) -> Trap<Result<u64, Error>> {
        let (pass, connection) = self.enter(&on, "delete.set-remove", Delete, [key.as_slice()])?;
        let words: Vec<&[u8]> = members.iter().map(Vec::as_slice).collect();
        Ok(pass.through(connection.counted("SREM", &key, &words)).await)
    }

    async fn sorted_remove(&mut self, on: Resource<Connection>, key: Vec<u8>, members: Vec<Vec<u8>>) -> Trap<Result<u64, Error>> {
        let (pass, connection) = self.enter(&on, "delete.sorted-remove", Delete, [key.as_slice()])?;
        let words: Vec<&[u8]> = members.iter().map(Vec::as_slice).collect();
        Ok(pass.through(connection.counted("ZREM", &key, &words)).await)
    }

    async fn sorted_remove_by_score(&mut self, on: Resource<Connection>, key: Vec<u8>, min: f64, max: f64) -> Trap<Result<u64, Error>> {
        let (pass, connection) = self.enter(&on, "delete.sorted-remove-by-score", Delete, [key.as_slice()])?;
        let work = async { connection.on_key(true, "ZREMRANGEBYSCORE", &key, &[&score(min)?, &score(max)?]).await?.count() };
        Ok(pass.through(work).await)
    }

    async fn list_pop(&mut self, on: Resource<Connection>, key: Vec<u8>, at: End, count: u32) -> Trap<Result<Vec<Vec<u8>>, Error>> {
        let (pass, connection) = self.enter(&on, "delete.list-pop", Delete, [key.as_slice()])?;
        let command = if at == End::Front { "LPOP" } else { "RPOP" };
        let work = async {
            match count {
                0 => Ok(Vec::new()),
                // Servers before 6.2 take no count.
                1 => Ok(connection.on_key(true, command, &key, &[]).await?.optional()?.into_iter().collect()),
                _ => connection.on_key(true, command, &key, &[count.to_string().as_bytes()]).await?.many(),
            }
        };
        Ok(pass.through(work).await)
    }

    async fn stream_remove(&mut self, on: Resource<Connection>, key: Vec<u8>, ids: Vec<String>) -> Trap<Result<u64, Error>> {
        let (pass, connection) = self.enter(&on, "delete.stream-remove", Delete, [key.as_slice()])?;
        let words: Vec<&[u8]> = ids.iter().map(String::as_bytes).collect();
        Ok(pass.through(connection.counted("XDEL", &key, &words)).await)
    }
}

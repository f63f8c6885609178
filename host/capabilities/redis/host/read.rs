//! `read`, but for its walk over keys.

use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::redis::RedisView;
use crate::capabilities::redis::client::Request;
use crate::capabilities::redis::error::invalid;
use crate::capabilities::redis::read::{Host, Scope, StreamEntry, TimeToLive};
use crate::capabilities::redis::types::{Error, Field, Keys, Scored};
use crate::grants::RedisPower::Read;

use super::{Connection, Pass, keys};

/// What a score may be; the server's own words for the infinities are Rust's.
pub(super) fn score(score: f64) -> Result<Vec<u8>, Error> {
    match score.is_nan() {
        true => Err(invalid("a score must be a number")),
        false => Ok(score.to_string().into_bytes()),
    }
}

impl Connection {
    /// One number for each key, by a command of its own for each.
    async fn numbers(&mut self, words: &[&[u8]], keys: &[Vec<u8>]) -> Result<Vec<u64>, Error> {
        let mut request = Request::reading();
        for key in keys {
            let all = words.iter().copied().chain([key.as_slice()]);
            request.add_all(words.len() + 1, all, Some(words.len()));
        }
        let mut answers = self.done(&request).await?;
        keys.iter().map(|_| answers.count()).collect()
    }

    async fn length(&mut self, key: &[u8]) -> Result<u64, Error> {
        let kind = self.on_key(false, "TYPE", key, &[]).await?.text()?;
        let command = match kind.as_str() {
            "none" => return Ok(0),
            "string" => "STRLEN",
            "list" => "LLEN",
            "hash" => "HLEN",
            "set" => "SCARD",
            "zset" => "ZCARD",
            "stream" => "XLEN",
            other => return Err(invalid(format!("a key of type `{other}` has no length"))),
        };
        self.on_key(false, command, key, &[]).await?.count()
    }

    async fn get_many(&mut self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        let real: Vec<Vec<u8>> = keys.iter().map(|key| self.real(key)).collect();
        let groups = self.groups(&real);
        let mut request = Request::reading();
        for group in &groups {
            let words = group.iter().filter_map(|index| real.get(*index)).map(Vec::as_slice);
            request.add_all(1 + group.len(), [b"MGET".as_slice()].into_iter().chain(words), Some(1));
        }
        let mut answers = self.done(&request).await?;
        let mut values = vec![None; keys.len()];
        for group in groups {
            for (index, value) in group.into_iter().zip(answers.many_optional()?) {
                if let Some(place) = values.get_mut(index) {
                    *place = value;
                }
            }
        }
        Ok(values)
    }

    async fn exist(&mut self, keys: &[Vec<u8>]) -> Result<u64, Error> {
        let real: Vec<Vec<u8>> = keys.iter().map(|key| self.real(key)).collect();
        Ok(self.numbers(&[b"EXISTS"], &real).await?.into_iter().sum())
    }
}

impl Host for RedisView<'_> {
    async fn get(&mut self, on: Resource<Connection>, key: Vec<u8>) -> Trap<Result<Option<Vec<u8>>, Error>> {
        let (pass, connection) = self.enter(&on, "read.get", Read, [key.as_slice()])?;
        Ok(pass.through(async { connection.on_key(false, "GET", &key, &[]).await?.optional() }).await)
    }

    async fn get_many(&mut self, on: Resource<Connection>, keys: Vec<Vec<u8>>) -> Trap<Result<Vec<Option<Vec<u8>>>, Error>> {
        let (pass, connection) = self.enter(&on, "read.get-many", Read, keys.iter().map(Vec::as_slice))?;
        Ok(pass.through(connection.get_many(&keys)).await)
    }

    async fn get_range(&mut self, on: Resource<Connection>, key: Vec<u8>, start: i64, end: i64) -> Trap<Result<Vec<u8>, Error>> {
        let (pass, connection) = self.enter(&on, "read.get-range", Read, [key.as_slice()])?;
        let (start, end) = (start.to_string(), end.to_string());
        let work = async { connection.on_key(false, "GETRANGE", &key, &[start.as_bytes(), end.as_bytes()]).await?.bytes() };
        Ok(pass.through(work).await)
    }

    async fn exists(&mut self, on: Resource<Connection>, keys: Vec<Vec<u8>>) -> Trap<Result<u64, Error>> {
        let (pass, connection) = self.enter(&on, "read.exists", Read, keys.iter().map(Vec::as_slice))?;
        Ok(pass.through(connection.exist(&keys)).await)
    }

    async fn kind(&mut self, on: Resource<Connection>, key: Vec<u8>) -> Trap<Result<String, Error>> {
        let (pass, connection) = self.enter(&on, "read.kind", Read, [key.as_slice()])?;
        Ok(pass.through(async { connection.on_key(false, "TYPE", &key, &[]).await?.text() }).await)
    }

    async fn ttl(&mut self, on: Resource<Connection>, key: Vec<u8>) -> Trap<Result<TimeToLive, Error>> {
        let (pass, connection) = self.enter(&on, "read.ttl", Read, [key.as_slice()])?;
        let work = async {
            Ok(match connection.on_key(false, "PTTL", &key, &[]).await?.integer()? {
                -2 => TimeToLive::Missing,
                ms => u64::try_from(ms).map_or(TimeToLive::Forever, TimeToLive::Milliseconds),
            })
        };
        Ok(pass.through(work).await)
    }

    async fn memory_usage(&mut self, on: Resource<Connection>, keys: Keys) -> Trap<Result<Vec<u64>, Error>> {
        let parts = keys::parts(&keys);
        let (pass, connection) = self.enter(&on, "read.memory-usage", Read, parts.as_ref().ok().cloned().into_iter().flatten())?;
        let work = async {
            let real: Vec<Vec<u8>> = parts?.map(|key| connection.real(key)).collect();
            connection.numbers(&[b"MEMORY", b"USAGE"], &real).await
        };
        Ok(pass.through(work).await)
    }

    async fn length(&mut self, on: Resource<Connection>, key: Vec<u8>) -> Trap<Result<u64, Error>> {
        let (pass, connection) = self.enter(&on, "read.length", Read, [key.as_slice()])?;
        Ok(pass.through(connection.length(&key)).await)
    }

    async fn hash_get(&mut self, on: Resource<Connection>, key: Vec<u8>, name: Vec<u8>) -> Trap<Result<Option<Vec<u8>>, Error>> {
        let (pass, connection) = self.enter(&on, "read.hash-get", Read, [key.as_slice()])?;
        Ok(pass.through(async { connection.on_key(false, "HGET", &key, &[&name]).await?.optional() }).await)
    }

    async fn hash_get_all(&mut self, on: Resource<Connection>, key: Vec<u8>) -> Trap<Result<Vec<Field>, Error>> {
        let (pass, connection) = self.enter(&on, "read.hash-get-all", Read, [key.as_slice()])?;
        Ok(pass.through(async { connection.on_key(false, "HGETALL", &key, &[]).await?.fields() }).await)
    }

    async fn set_members(&mut self, on: Resource<Connection>, key: Vec<u8>) -> Trap<Result<Vec<Vec<u8>>, Error>> {
        let (pass, connection) = self.enter(&on, "read.set-members", Read, [key.as_slice()])?;
        Ok(pass.through(async { connection.on_key(false, "SMEMBERS", &key, &[]).await?.many() }).await)
    }

    async fn set_contains(&mut self, on: Resource<Connection>, key: Vec<u8>, member: Vec<u8>) -> Trap<Result<bool, Error>> {
        let (pass, connection) = self.enter(&on, "read.set-contains", Read, [key.as_slice()])?;
        Ok(pass.through(async { connection.on_key(false, "SISMEMBER", &key, &[&member]).await?.truth() }).await)
    }

    async fn sorted_range(&mut self, on: Resource<Connection>, key: Vec<u8>, start: i64, end: i64) -> Trap<Result<Vec<Scored>, Error>> {
        let (pass, connection) = self.enter(&on, "read.sorted-range", Read, [key.as_slice()])?;
        let (start, end) = (start.to_string(), end.to_string());
        let words = [start.as_bytes(), end.as_bytes(), b"WITHSCORES"];
        Ok(pass.through(async { connection.on_key(false, "ZRANGE", &key, &words).await?.scored() }).await)
    }

    async fn sorted_range_by_score(
        &mut self,
        on: Resource<Connection>,
        key: Vec<u8>,
        min: f64,
        max: f64,
        limit: u32,
    ) -> Trap<Result<Vec<Scored>, Error>> {
        let (pass, connection) = self.enter(&on, "read.sorted-range-by-score", Read, [key.as_slice()])?;
        let work = async {
            let (min, max, limit) = (score(min)?, score(max)?, limit.to_string());
            let mut words: Vec<&[u8]> = vec![&min, &max, b"WITHSCORES"];
            if limit != "0" {
                words.extend([b"LIMIT".as_slice(), b"0", limit.as_bytes()]);
            }
            connection.on_key(false, "ZRANGEBYSCORE", &key, &words).await?.scored()
        };
        Ok(pass.through(work).await)
    }

    async fn sorted_score(&mut self, on: Resource<Connection>, key: Vec<u8>, member: Vec<u8>) -> Trap<Result<Option<f64>, Error>> {
        let (pass, connection) = self.enter(&on, "read.sorted-score", Read, [key.as_slice()])?;
        Ok(pass.through(async { connection.on_key(false, "ZSCORE", &key, &[&member]).await?.score() }).await)
    }

    async fn list_range(&mut self, on: Resource<Connection>, key: Vec<u8>, start: i64, end: i64) -> Trap<Result<Vec<Vec<u8>>, Error>> {
        let (pass, connection) = self.enter(&on, "read.list-range", Read, [key.as_slice()])?;
        let (start, end) = (start.to_string(), end.to_string());
        let work = async { connection.on_key(false, "LRANGE", &key, &[start.as_bytes(), end.as_bytes()]).await?.many() };
        Ok(pass.through(work).await)
    }

    async fn stream_range(
        &mut self,
        on: Resource<Connection>,
        key: Vec<u8>,
        start: String,
        end: String,
        count: u32,
    ) -> Trap<Result<Vec<StreamEntry>, Error>> {
        let (pass, connection) = self.enter(&on, "read.stream-range", Read, [key.as_slice()])?;
        let count = count.to_string();
        let words = [start.as_bytes(), end.as_bytes(), b"COUNT", count.as_bytes()];
        let work = async {
            let entries = connection.on_key(false, "XRANGE", &key, &words).await?.entries()?;
            Ok(entries.into_iter().map(|(id, fields)| StreamEntry { id, fields }).collect())
        };
        Ok(pass.through(work).await)
    }

    async fn database_size(&mut self, on: Resource<Connection>) -> Trap<Result<u64, Error>> {
        let (pass, connection) = self.enter(&on, "read.database-size", Read, [])?;
        Ok(pass.through(connection.database_size()).await)
    }

    async fn granted_scope(&mut self, on: Resource<Connection>) -> Trap<Result<Scope, Error>> {
        let (pass, connection) = self.enter(&on, "read.granted-scope", Read, [])?;
        let permit = &connection.permit;
        let scope = Scope { patterns: permit.patterns_shown(), whole_database: permit.is_whole_database() };
        let Pass { gate, operation, decision, .. } = pass;
        Ok(gate.pass_now(operation, decision, || Ok(scope)))
    }
}

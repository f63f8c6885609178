//! `write`.

use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::redis::RedisView;
use crate::capabilities::redis::client::Request;
use crate::capabilities::redis::error::invalid;
use crate::capabilities::redis::types::{End, Error, Field, Scored};
use crate::capabilities::redis::write::{Condition, Host};
use crate::grants::RedisPower::Write;

use super::read::score;
use super::{Connection, check_count};

impl Connection {
    async fn set_many(&mut self, pairs: &[(Vec<u8>, Vec<u8>)]) -> Result<(), Error> {
        let real: Vec<Vec<u8>> = pairs.iter().map(|(key, _)| self.real(key)).collect();
        let mut request = Request::changing();
        for group in self.groups(&real) {
            let words = group.iter().filter_map(|index| Some([real.get(*index)?.as_slice(), pairs.get(*index)?.1.as_slice()])).flatten();
            request.add_all(1 + 2 * group.len(), [b"MSET".as_slice()].into_iter().chain(words), Some(1));
        }
        self.done(&request).await.map(|_| ())
    }

    /// A command with a key and any number of words, of which there must be one: nothing to do otherwise.
    pub(super) async fn counted(&mut self, command: &str, key: &[u8], words: &[&[u8]]) -> Result<u64, Error> {
        check_count(words.len(), "words")?;
        if words.is_empty() {
            return Ok(0);
        }
        self.on_key(true, command, key, words).await?.count()
    }
}

fn flat(fields: &[Field]) -> Vec<&[u8]> {
    fields.iter().flat_map(|field| [field.name.as_slice(), field.value.as_slice()]).collect()
}

impl Host for RedisView<'_> {
    async fn set(
        &mut self,
        on: Resource<Connection>,
        key: Vec<u8>,
        value: Vec<u8>,
        ttl_ms: u64,
        condition: Condition,
    ) -> Trap<Result<bool, Error>> {
        let (pass, connection) = self.enter(&on, "write.set", Write, [key.as_slice()])?;
        let ttl = ttl_ms.to_string();
        let mut words = vec![value.as_slice()];
        if ttl_ms > 0 {
            words.extend([b"PX".as_slice(), ttl.as_bytes()]);
        }
        match condition {
            Condition::Always => {}
            Condition::IfAbsent => words.push(b"NX"),
            Condition::IfPresent => words.push(b"XX"),
        }
        Ok(pass.through(async { connection.on_key(true, "SET", &key, &words).await?.truth() }).await)
    }

    async fn set_many(&mut self, on: Resource<Connection>, pairs: Vec<(Vec<u8>, Vec<u8>)>) -> Trap<Result<(), Error>> {
        let (pass, connection) = self.enter(&on, "write.set-many", Write, pairs.iter().map(|(key, _)| key.as_slice()))?;
        Ok(pass.through(connection.set_many(&pairs)).await)
    }

    async fn increment(&mut self, on: Resource<Connection>, key: Vec<u8>, by: i64) -> Trap<Result<i64, Error>> {
        let (pass, connection) = self.enter(&on, "write.increment", Write, [key.as_slice()])?;
        let by = by.to_string();
        Ok(pass.through(async { connection.on_key(true, "INCRBY", &key, &[by.as_bytes()]).await?.integer() }).await)
    }

    async fn append(&mut self, on: Resource<Connection>, key: Vec<u8>, value: Vec<u8>) -> Trap<Result<u64, Error>> {
        let (pass, connection) = self.enter(&on, "write.append", Write, [key.as_slice()])?;
        Ok(pass.through(async { connection.on_key(true, "APPEND", &key, &[&value]).await?.count() }).await)
    }

    async fn expire(&mut self, on: Resource<Connection>, key: Vec<u8>, ttl_ms: u64) -> Trap<Result<bool, Error>> {
        let (pass, connection) = self.enter(&on, "write.expire", Write, [key.as_slice()])?;
        let work = async {
            if ttl_ms == 0 {
                return Err(invalid("`ttl-ms` must be 1 or more; `delete.unlink` deletes"));
            }
            connection.on_key(true, "PEXPIRE", &key, &[ttl_ms.to_string().as_bytes()]).await?.truth()
        };
        Ok(pass.through(work).await)
    }

    async fn persist(&mut self, on: Resource<Connection>, key: Vec<u8>) -> Trap<Result<bool, Error>> {
        let (pass, connection) = self.enter(&on, "write.persist", Write, [key.as_slice()])?;
        Ok(pass.through(async { connection.on_key(true, "PERSIST", &key, &[]).await?.truth() }).await)
    }

    async fn hash_set(&mut self, on: Resource<Connection>, key: Vec<u8>, fields: Vec<Field>) -> Trap<Result<u64, Error>> {
        let (pass, connection) = self.enter(&on, "write.hash-set", Write, [key.as_slice()])?;
        let words = flat(&fields);
        Ok(pass.through(connection.counted("HSET", &key, &words)).await)
    }

    async fn hash_increment(&mut self, on: Resource<Connection>, key: Vec<u8>, name: Vec<u8>, by: i64) -> Trap<Result<i64, Error>> {
        let (pass, connection) = self.enter(&on, "write.hash-increment", Write, [key.as_slice()])?;
        let by = by.to_string();
        Ok(pass.through(async { connection.on_key(true, "HINCRBY", &key, &[&name, by.as_bytes()]).await?.integer() }).await)
    }

    async fn set_add(&mut self, on: Resource<Connection>, key: Vec<u8>, members: Vec<Vec<u8>>) -> Trap<Result<u64, Error>> {
        let (pass, connection) = self.enter(&on, "write.set-add", Write, [key.as_slice()])?;
        let words: Vec<&[u8]> = members.iter().map(Vec::as_slice).collect();
        Ok(pass.through(connection.counted("SADD", &key, &words)).await)
    }

    async fn sorted_add(&mut self, on: Resource<Connection>, key: Vec<u8>, members: Vec<Scored>) -> Trap<Result<u64, Error>> {
        let (pass, connection) = self.enter(&on, "write.sorted-add", Write, [key.as_slice()])?;
        let work = async {
            let scores: Vec<Vec<u8>> = members.iter().map(|member| score(member.score)).collect::<Result<_, _>>()?;
            let words: Vec<&[u8]> =
                scores.iter().zip(&members).flat_map(|(score, member)| [score.as_slice(), member.member.as_slice()]).collect();
            connection.counted("ZADD", &key, &words).await
        };
        Ok(pass.through(work).await)
    }

    async fn list_push(&mut self, on: Resource<Connection>, key: Vec<u8>, values: Vec<Vec<u8>>, at: End) -> Trap<Result<u64, Error>> {
        let (pass, connection) = self.enter(&on, "write.list-push", Write, [key.as_slice()])?;
        let work = async {
            let words: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
            match (words.is_empty(), at) {
                (true, _) => connection.on_key(false, "LLEN", &key, &[]).await?.count(),
                (false, End::Front) => connection.counted("LPUSH", &key, &words).await,
                (false, End::Back) => connection.counted("RPUSH", &key, &words).await,
            }
        };
        Ok(pass.through(work).await)
    }

    async fn stream_add(&mut self, on: Resource<Connection>, key: Vec<u8>, fields: Vec<Field>, keep: u64) -> Trap<Result<String, Error>> {
        let (pass, connection) = self.enter(&on, "write.stream-add", Write, [key.as_slice()])?;
        let work = async {
            check_count(2 * fields.len(), "words")?;
            if fields.is_empty() {
                return Err(invalid("an entry needs a field"));
            }
            let keep = keep.to_string();
            let mut words: Vec<&[u8]> = if keep == "0" { Vec::new() } else { vec![b"MAXLEN", b"~", keep.as_bytes()] };
            words.push(b"*");
            words.extend(flat(&fields));
            connection.on_key(true, "XADD", &key, &words).await?.text()
        };
        Ok(pass.through(work).await)
    }
}

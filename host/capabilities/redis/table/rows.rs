//! The rows: one for each command, sorted by name.

use crate::grants::RedisPower::{self, Delete, Publish, Read, Write};

use super::{Deletes, Keys, Row, Special, special};

const NONE: &[RedisPower] = &[];
const READ: &[RedisPower] = &[Read];
const WRITE: &[RedisPower] = &[Write];
const DELETE: &[RedisPower] = &[Delete];
const PUBLISH: &[RedisPower] = &[Publish];
const READ_WRITE: &[RedisPower] = &[Read, Write];
/// What is moved.
const DELETE_WRITE: &[RedisPower] = &[Delete, Write];

/// The first argument.
const ONE: &[Keys] = &[Keys::Range(1, 1, 1)];
/// The first two.
const TWO: &[Keys] = &[Keys::Range(1, 2, 1)];
/// The argument after a subcommand.
const SECOND: &[Keys] = &[Keys::Range(2, 2, 1)];
/// All arguments.
const ALL: &[Keys] = &[Keys::Range(1, -1, 1)];
/// Every other argument.
const PAIRS: &[Keys] = &[Keys::Range(1, -1, 2)];
/// All but the first.
const BEHIND_FIRST: &[Keys] = &[Keys::Range(2, -1, 1)];
/// A number of keys, then these.
const COUNTED: &[Keys] = &[Keys::Counted(1)];
/// A destination, a number of keys, then these.
const INTO_COUNTED: &[Keys] = &[Keys::Range(1, 1, 1), Keys::Counted(2)];

/// Commands whose first argument is a part of their name.
pub(super) const CONTAINERS: [&str; 4] = ["MEMORY", "OBJECT", "XGROUP", "XINFO"];

pub(super) fn find(name: &str) -> Option<&'static Row> {
    ROWS.binary_search_by(|row| row.name.cmp(name)).ok().and_then(|place| ROWS.get(place))
}

/// Why a command is not offered.
pub(super) fn reason(name: &str) -> &'static str {
    match name {
        "EVAL" | "EVALSHA" | "EVAL_RO" | "EVALSHA_RO" | "FCALL" | "FCALL_RO" | "SCRIPT" | "FUNCTION" => "a script could touch any key",
        "BLPOP" | "BRPOP" | "BRPOPLPUSH" | "BLMOVE" | "BLMPOP" | "BZPOPMIN" | "BZPOPMAX" | "BZMPOP" | "WAIT" | "WAITAOF" => {
            "a command that waits would hold the whole run"
        }
        "SUBSCRIBE" | "PSUBSCRIBE" | "SSUBSCRIBE" | "UNSUBSCRIBE" | "PUNSUBSCRIBE" | "SUNSUBSCRIBE" | "MONITOR" => {
            "a subscription would change what the connection is"
        }
        "MULTI" | "EXEC" | "DISCARD" | "WATCH" | "UNWATCH" => "a pipeline is no transaction",
        "AUTH" | "HELLO" | "SELECT" | "RESET" | "QUIT" | "CLIENT" | "ASKING" | "READONLY" | "READWRITE" => {
            "the connection belongs to the host"
        }
        "KEYS" | "SCAN" => "`read.scan` walks over the keys that are granted",
        "RANDOMKEY" | "FLUSHALL" | "FLUSHDB" | "SWAPDB" | "MOVE" => "it reaches keys that are not named",
        "RESTORE" | "RESTORE-ASKING" | "DUMP" | "MIGRATE" => "a raw value could harm the server, or leave it",
        _ => "only commands whose keys and powers are known are",
    }
}

const fn row(name: &'static str, powers: &'static [RedisPower], keys: &'static [Keys]) -> Row {
    Row { name, powers, keys, special: None, deletes: Deletes::Nothing, names_keys: false }
}

impl Row {
    const fn with(self, special: Special) -> Self {
        Self { special: Some(special), ..self }
    }

    const fn deleting(self, deletes: Deletes) -> Self {
        Self { deletes, ..self }
    }

    const fn naming_keys(self) -> Self {
        Self { names_keys: true, ..self }
    }
}

pub(super) static ROWS: [Row; 174] = [
    row("APPEND", WRITE, ONE),
    row("BITCOUNT", READ, ONE),
    row("BITFIELD", READ_WRITE, ONE),
    row("BITFIELD_RO", READ, ONE),
    row("BITOP", READ_WRITE, BEHIND_FIRST),
    row("BITPOS", READ, ONE),
    row("COPY", READ_WRITE, TWO).with(special::copy),
    row("DBSIZE", READ, &[]),
    row("DECR", WRITE, ONE),
    row("DECRBY", WRITE, ONE),
    row("DEL", DELETE, ALL).deleting(Deletes::All),
    row("ECHO", NONE, &[]),
    row("EXISTS", READ, ALL),
    row("EXPIRE", WRITE, ONE).with(special::expire),
    row("EXPIREAT", WRITE, ONE).with(special::expireat),
    row("EXPIRETIME", READ, ONE),
    row("GEOADD", WRITE, ONE),
    row("GEODIST", READ, ONE),
    row("GEOHASH", READ, ONE),
    row("GEOPOS", READ, ONE),
    row("GEORADIUS", READ, ONE).with(special::georadius),
    row("GEORADIUSBYMEMBER", READ, ONE).with(special::georadius_by_member),
    row("GEORADIUSBYMEMBER_RO", READ, ONE),
    row("GEORADIUS_RO", READ, ONE),
    row("GEOSEARCH", READ, ONE),
    row("GEOSEARCHSTORE", READ_WRITE, TWO),
    row("GET", READ, ONE),
    row("GETBIT", READ, ONE),
    row("GETDEL", DELETE, ONE).deleting(Deletes::One),
    row("GETEX", READ, ONE).with(special::getex),
    row("GETRANGE", READ, ONE),
    row("GETSET", READ_WRITE, ONE),
    row("HDEL", DELETE, ONE),
    row("HEXISTS", READ, ONE),
    row("HGET", READ, ONE),
    row("HGETALL", READ, ONE),
    row("HINCRBY", WRITE, ONE),
    row("HINCRBYFLOAT", WRITE, ONE),
    row("HKEYS", READ, ONE),
    row("HLEN", READ, ONE),
    row("HMGET", READ, ONE),
    row("HMSET", WRITE, ONE),
    row("HRANDFIELD", READ, ONE),
    row("HSCAN", READ, ONE),
    row("HSET", WRITE, ONE),
    row("HSETNX", WRITE, ONE),
    row("HSTRLEN", READ, ONE),
    row("HVALS", READ, ONE),
    row("INCR", WRITE, ONE),
    row("INCRBY", WRITE, ONE),
    row("INCRBYFLOAT", WRITE, ONE),
    row("LCS", READ, TWO),
    row("LINDEX", READ, ONE),
    row("LINSERT", WRITE, ONE),
    row("LLEN", READ, ONE),
    row("LMOVE", DELETE_WRITE, TWO),
    row("LMPOP", DELETE, COUNTED).naming_keys(),
    row("LPOP", DELETE, ONE),
    row("LPOS", READ, ONE),
    row("LPUSH", WRITE, ONE),
    row("LPUSHX", WRITE, ONE),
    row("LRANGE", READ, ONE),
    row("LREM", DELETE, ONE),
    row("LSET", WRITE, ONE),
    row("LTRIM", DELETE, ONE),
    row("MEMORY USAGE", READ, SECOND),
    row("MGET", READ, ALL),
    row("MSET", WRITE, PAIRS),
    row("MSETNX", WRITE, PAIRS),
    row("OBJECT ENCODING", READ, SECOND),
    row("OBJECT FREQ", READ, SECOND),
    row("OBJECT IDLETIME", READ, SECOND),
    row("OBJECT REFCOUNT", READ, SECOND),
    row("PERSIST", WRITE, ONE),
    row("PEXPIRE", WRITE, ONE).with(special::pexpire),
    row("PEXPIREAT", WRITE, ONE).with(special::pexpireat),
    row("PEXPIRETIME", READ, ONE),
    row("PFADD", WRITE, ONE),
    row("PFCOUNT", READ, ALL),
    row("PFMERGE", READ_WRITE, ALL),
    row("PING", NONE, &[]),
    row("PSETEX", WRITE, ONE),
    row("PTTL", READ, ONE),
    row("PUBLISH", PUBLISH, &[]),
    row("RENAME", DELETE_WRITE, TWO).deleting(Deletes::One),
    row("RENAMENX", DELETE_WRITE, TWO).deleting(Deletes::One),
    row("RPOP", DELETE, ONE),
    row("RPOPLPUSH", DELETE_WRITE, TWO),
    row("RPUSH", WRITE, ONE),
    row("RPUSHX", WRITE, ONE),
    row("SADD", WRITE, ONE),
    row("SCARD", READ, ONE),
    row("SDIFF", READ, ALL),
    row("SDIFFSTORE", READ_WRITE, ALL),
    row("SET", WRITE, ONE).with(special::set),
    row("SETBIT", WRITE, ONE),
    row("SETEX", WRITE, ONE),
    row("SETNX", WRITE, ONE),
    row("SETRANGE", WRITE, ONE),
    row("SINTER", READ, ALL),
    row("SINTERCARD", READ, COUNTED),
    row("SINTERSTORE", READ_WRITE, ALL),
    row("SISMEMBER", READ, ONE),
    row("SMEMBERS", READ, ONE),
    row("SMISMEMBER", READ, ONE),
    row("SMOVE", DELETE_WRITE, TWO),
    row("SORT", READ, ONE).with(special::sort),
    row("SORT_RO", READ, ONE).with(special::sort),
    row("SPOP", DELETE, ONE),
    row("SRANDMEMBER", READ, ONE),
    row("SREM", DELETE, ONE),
    row("SSCAN", READ, ONE),
    row("STRLEN", READ, ONE),
    row("SUBSTR", READ, ONE),
    row("SUNION", READ, ALL),
    row("SUNIONSTORE", READ_WRITE, ALL),
    row("TIME", NONE, &[]),
    row("TOUCH", READ, ALL),
    row("TTL", READ, ONE),
    row("TYPE", READ, ONE),
    row("UNLINK", DELETE, ALL).deleting(Deletes::All),
    row("XACK", WRITE, ONE),
    row("XADD", WRITE, ONE),
    row("XAUTOCLAIM", READ_WRITE, ONE),
    row("XCLAIM", READ_WRITE, ONE),
    row("XDEL", DELETE, ONE),
    row("XGROUP CREATE", WRITE, SECOND),
    row("XGROUP CREATECONSUMER", WRITE, SECOND),
    row("XGROUP DELCONSUMER", DELETE, SECOND),
    row("XGROUP DESTROY", DELETE, SECOND),
    row("XGROUP SETID", WRITE, SECOND),
    row("XINFO CONSUMERS", READ, SECOND),
    row("XINFO GROUPS", READ, SECOND),
    row("XINFO STREAM", READ, SECOND),
    row("XLEN", READ, ONE),
    row("XPENDING", READ, ONE),
    row("XRANGE", READ, ONE),
    row("XREAD", READ, &[]).with(special::xread).naming_keys(),
    row("XREADGROUP", READ_WRITE, &[]).with(special::xreadgroup).naming_keys(),
    row("XREVRANGE", READ, ONE),
    row("XSETID", WRITE, ONE),
    row("XTRIM", DELETE, ONE),
    row("ZADD", WRITE, ONE),
    row("ZCARD", READ, ONE),
    row("ZCOUNT", READ, ONE),
    row("ZDIFF", READ, COUNTED),
    row("ZDIFFSTORE", READ_WRITE, INTO_COUNTED),
    row("ZINCRBY", WRITE, ONE),
    row("ZINTER", READ, COUNTED),
    row("ZINTERCARD", READ, COUNTED),
    row("ZINTERSTORE", READ_WRITE, INTO_COUNTED),
    row("ZLEXCOUNT", READ, ONE),
    row("ZMPOP", DELETE, COUNTED).naming_keys(),
    row("ZMSCORE", READ, ONE),
    row("ZPOPMAX", DELETE, ONE),
    row("ZPOPMIN", DELETE, ONE),
    row("ZRANDMEMBER", READ, ONE),
    row("ZRANGE", READ, ONE),
    row("ZRANGEBYLEX", READ, ONE),
    row("ZRANGEBYSCORE", READ, ONE),
    row("ZRANGESTORE", READ_WRITE, TWO),
    row("ZRANK", READ, ONE),
    row("ZREM", DELETE, ONE),
    row("ZREMRANGEBYLEX", DELETE, ONE),
    row("ZREMRANGEBYRANK", DELETE, ONE),
    row("ZREMRANGEBYSCORE", DELETE, ONE),
    row("ZREVRANGE", READ, ONE),
    row("ZREVRANGEBYLEX", READ, ONE),
    row("ZREVRANGEBYSCORE", READ, ONE),
    row("ZREVRANK", READ, ONE),
    row("ZSCAN", READ, ONE),
    row("ZSCORE", READ, ONE),
    row("ZUNION", READ, COUNTED),
    row("ZUNIONSTORE", READ_WRITE, INTO_COUNTED),
];

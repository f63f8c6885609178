//! The table of commands against a real server: where its keys are, what it says they are, and that a key
//! outside of the granted patterns is denied in each of them.

use std::collections::BTreeSet;

use crate::capabilities::redis::table;
use crate::capabilities::redis::types::Error;

use super::server::{Server, database};
use super::{ALL, Run, grant};

/// Invocations of every row that takes keys: the multi-key forms, those with a number of keys, and those that store.
const SAMPLES: &[&str] = &[
    "APPEND k v",
    "BITCOUNT k",
    "BITFIELD k GET u8 0",
    "BITFIELD_RO k GET u8 0",
    "BITOP AND d a b",
    "BITOP NOT d a",
    "BITPOS k 1",
    "COPY a b",
    "COPY a b REPLACE",
    "DECR k",
    "DECRBY k 2",
    "DEL a",
    "DEL a b c",
    "EXISTS a",
    "EXISTS a b",
    "EXPIRE k 10",
    "EXPIRE k 0",
    "EXPIREAT k 1",
    "EXPIRETIME k",
    "GEOADD k 1 2 m",
    "GEODIST k m n",
    "GEOHASH k m",
    "GEOPOS k m",
    "GEORADIUS k 1 2 3 km",
    "GEORADIUS k 1 2 3 km COUNT 3 ANY STORE d",
    "GEORADIUS k 1 2 3 km STOREDIST d",
    "GEORADIUSBYMEMBER k m 3 km",
    "GEORADIUSBYMEMBER k m 3 km ASC STORE d",
    "GEORADIUSBYMEMBER_RO k m 3 km",
    "GEORADIUS_RO k 1 2 3 km",
    "GEOSEARCH k FROMLONLAT 1 2 BYRADIUS 3 km",
    "GEOSEARCHSTORE d k FROMMEMBER m BYRADIUS 3 km",
    "GET k",
    "GETBIT k 1",
    "GETDEL k",
    "GETEX k",
    "GETEX k EX 10",
    "GETRANGE k 0 1",
    "GETSET k v",
    "HDEL k f g",
    "HEXISTS k f",
    "HGET k f",
    "HGETALL k",
    "HINCRBY k f 1",
    "HINCRBYFLOAT k f 1",
    "HKEYS k",
    "HLEN k",
    "HMGET k f g",
    "HMSET k f v",
    "HRANDFIELD k",
    "HSCAN k 0",
    "HSET k f v",
    "HSETNX k f v",
    "HSTRLEN k f",
    "HVALS k",
    "INCR k",
    "INCRBY k 1",
    "INCRBYFLOAT k 1",
    "LCS a b",
    "LINDEX k 0",
    "LINSERT k BEFORE p v",
    "LLEN k",
    "LMOVE a b LEFT RIGHT",
    "LMPOP 1 a LEFT",
    "LMPOP 2 a b RIGHT COUNT 2",
    "LPOP k",
    "LPOP k 2",
    "LPOS k v",
    "LPUSH k v w",
    "LPUSHX k v",
    "LRANGE k 0 1",
    "LREM k 0 v",
    "LSET k 0 v",
    "LTRIM k 0 1",
    "MEMORY USAGE k",
    "MEMORY USAGE k SAMPLES 5",
    "MGET a",
    "MGET a b c",
    "MSET a 1",
    "MSET a 1 b 2 c 3",
    "MSETNX a 1 b 2",
    "OBJECT ENCODING k",
    "OBJECT FREQ k",
    "OBJECT IDLETIME k",
    "OBJECT REFCOUNT k",
    "PERSIST k",
    "PEXPIRE k 10",
    "PEXPIREAT k 1",
    "PEXPIRETIME k",
    "PFADD k v",
    "PFCOUNT a",
    "PFCOUNT a b",
    "PFMERGE d a b",
    "PSETEX k 10 v",
    "PTTL k",
    "RENAME a b",
    "RENAMENX a b",
    "RPOP k",
    "RPOPLPUSH a b",
    "RPUSH k v",
    "RPUSHX k v",
    "SADD k m n",
    "SCARD k",
    "SDIFF a b",
    "SDIFFSTORE d a b",
    "SET k v",
    "SET k v EX 10 NX GET",
    "SETBIT k 1 1",
    "SETEX k 10 v",
    "SETNX k v",
    "SETRANGE k 0 v",
    "SINTER a b",
    "SINTERCARD 2 a b",
    "SINTERCARD 1 a LIMIT 1",
    "SINTERSTORE d a b",
    "SISMEMBER k m",
    "SMEMBERS k",
    "SMISMEMBER k m n",
    "SMOVE a b m",
    "SORT k",
    "SORT k BY nosort LIMIT 0 5 GET # DESC ALPHA STORE d",
    "SORT k STORE d",
    "SORT_RO k ALPHA",
    "SPOP k",
    "SRANDMEMBER k",
    "SREM k m",
    "SSCAN k 0",
    "STRLEN k",
    "SUBSTR k 0 1",
    "SUNION a b",
    "SUNIONSTORE d a b",
    "TOUCH a b",
    "TTL k",
    "TYPE k",
    "UNLINK a",
    "UNLINK a b",
    "XACK k g 0-1",
    "XADD k * f v",
    "XADD k MAXLEN 10 * f v",
    "XAUTOCLAIM k g c 0 0",
    "XCLAIM k g c 0 0-1",
    "XDEL k 0-1",
    "XGROUP CREATE k g 0",
    "XGROUP CREATECONSUMER k g c",
    "XGROUP DELCONSUMER k g c",
    "XGROUP DESTROY k g",
    "XGROUP SETID k g 0",
    "XINFO CONSUMERS k g",
    "XINFO GROUPS k",
    "XINFO STREAM k",
    "XLEN k",
    "XPENDING k g",
    "XRANGE k - +",
    "XREAD STREAMS a 0",
    "XREAD COUNT 2 STREAMS a b c 0 0 0",
    "XREADGROUP GROUP g c STREAMS a >",
    "XREADGROUP GROUP g c COUNT 1 NOACK STREAMS a b > >",
    "XREVRANGE k + -",
    "XSETID k 1-1",
    "XTRIM k MAXLEN 0",
    "ZADD k 1 m",
    "ZADD k NX INCR 1 m",
    "ZCARD k",
    "ZCOUNT k 0 1",
    "ZDIFF 2 a b",
    "ZDIFFSTORE d 2 a b",
    "ZINCRBY k 1 m",
    "ZINTER 2 a b WEIGHTS 1 2",
    "ZINTERCARD 2 a b LIMIT 1",
    "ZINTERSTORE d 2 a b AGGREGATE MAX",
    "ZLEXCOUNT k - +",
    "ZMPOP 2 a b MIN",
    "ZMSCORE k m",
    "ZPOPMAX k",
    "ZPOPMIN k 2",
    "ZRANDMEMBER k",
    "ZRANGE k 0 1",
    "ZRANGEBYLEX k - +",
    "ZRANGEBYSCORE k 0 1",
    "ZRANGESTORE d k 0 1",
    "ZRANK k m",
    "ZREM k m",
    "ZREMRANGEBYLEX k - +",
    "ZREMRANGEBYRANK k 0 1",
    "ZREMRANGEBYSCORE k 0 1",
    "ZREVRANGE k 0 1",
    "ZREVRANGEBYLEX k + -",
    "ZREVRANGEBYSCORE k 1 0",
    "ZREVRANK k m",
    "ZSCAN k 0",
    "ZSCORE k m",
    "ZUNION 1 a",
    "ZUNION 3 a b c WITHSCORES",
    "ZUNIONSTORE d 2 a b WEIGHTS 1 2",
];
/// Rows without a key.
const WITHOUT_KEYS: [&str; 5] = ["DBSIZE", "ECHO", "PING", "PUBLISH", "TIME"];

fn words(line: &str) -> Vec<&[u8]> {
    line.split(' ').map(str::as_bytes).collect()
}

fn needs(line: &str) -> table::Needs {
    table::needs(&words(line), 1_000_000).unwrap_or_else(|error| panic!("{line}: {error:?}"))
}

/// The row's name: two words for a command with subcommands.
fn row_of(line: &str) -> String {
    let two: String = line.splitn(3, ' ').take(2).collect::<Vec<_>>().join(" ");
    let one = line.split(' ').next().unwrap().to_owned();
    if table::names().any(|name| name == two) { two } else { one }
}

#[test]
fn every_row_has_a_sample_and_every_sample_a_row() {
    let sampled: BTreeSet<String> = SAMPLES.iter().copied().chain(WITHOUT_KEYS).map(row_of).collect();
    let rows: BTreeSet<String> = table::names().map(str::to_owned).collect();
    assert_eq!(sampled, rows);
}

#[test]
fn the_keys_of_every_command_are_those_that_the_server_says() {
    let server = Server::start("");
    let asked: Vec<String> = SAMPLES.iter().map(|line| format!("COMMAND GETKEYS {line}")).collect();
    let answers = server.ask_all(&asked.iter().map(String::as_str).collect::<Vec<_>>());
    for (line, answer) in SAMPLES.iter().zip(answers) {
        let words: Vec<&str> = line.split(' ').collect();
        let ours: BTreeSet<&str> = needs(line).keys.iter().map(|place| words[*place]).collect();
        let theirs: BTreeSet<&str> = answer.split(' ').collect();
        assert_eq!(ours, theirs, "{line}");
    }
}

#[test]
fn no_row_is_a_script_waits_or_administrates_by_the_servers_own_word() {
    let server = Server::start("");
    for name in table::names() {
        let command = name.replace(' ', "|");
        let info = server.ask_all(&[&format!("COMMAND INFO {command}")]).remove(0);
        let words: BTreeSet<&str> = info.split(' ').collect();
        for flag in ["admin", "noscript", "blocking", "pubsub", "@scripting", "@admin", "@dangerous"] {
            let known = match flag {
                // XREAD and XREADGROUP wait only with BLOCK; PUBLISH is what the power `publish` is for.
                "blocking" => name.starts_with("XREAD"),
                "pubsub" => name == "PUBLISH",
                // SORT reaches other keys only with BY and GET.
                "@dangerous" => name.starts_with("SORT"),
                _ => false,
            };
            assert!(known || !words.contains(flag), "{name} is {flag}: {info}");
        }
        // What changes something needs more than the power to read.
        let line =
            SAMPLES.iter().find(|line| row_of(line) == name).copied().unwrap_or(if name == "PUBLISH" { "PUBLISH c m" } else { name });
        let powers = needs(line).powers;
        let only_reads = powers.iter().all(|power| *power == crate::grants::RedisPower::Read);
        if words.contains("write") && !["GETEX", "SORT", "GEORADIUS", "GEORADIUSBYMEMBER"].contains(&name) {
            assert!(!only_reads, "{name} writes and needs {powers:?}");
        }
        if words.contains("readonly") {
            assert!(only_reads, "{name} reads and needs {powers:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_outside_of_the_patterns_is_denied_in_every_command_that_takes_keys() {
    let database = database();
    let mut run = Run::new(&database.url(), grant(ALL, &["ok:*"]));
    let on = run.open().await;
    for line in SAMPLES {
        let places = needs(line).keys;
        for outside in &places {
            let granted = rewrite(line, &places, |place| if place == *outside { "secret" } else { "ok:" });
            let Err(Error::AccessDenied(text)) = run.pipeline(on, &[&granted]).await else { panic!("{granted} was not denied") };
            assert!(text.contains("`secret"), "{granted}: {text}");
        }
        // With all keys granted it reaches the server, whatever that thinks of it.
        let granted = rewrite(line, &places, |_| "ok:");
        assert!(run.pipeline(on, &[&granted]).await.is_ok(), "{granted}");
    }
    assert!(!database.keys().contains("secret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hidden_prefix_stands_before_every_key_of_every_command() {
    let database = database();
    let mut hidden = grant(ALL, &["app:*"]);
    hidden.prefix = Some("app:".to_owned());
    let mut run = Run::new(&database.url(), hidden);
    let on = run.open().await;
    for line in SAMPLES {
        database.ask("FLUSHDB");
        let replies = run.pipeline(on, &[line]).await.unwrap_or_else(|error| panic!("{line}: {error:?}"));
        assert!(!format!("{replies:?}").contains("app:"), "{line}: {replies:?}");
        assert!(database.keys().split_whitespace().all(|key| key.starts_with("app:")), "{line}: {}", database.keys());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_power_is_needed_for_the_commands_that_use_it() {
    let database = database();
    for line in SAMPLES {
        let powers = needs(line).powers;
        for missing in &powers {
            let others: Vec<_> = ALL.iter().copied().filter(|power| power != missing).collect();
            let mut run = Run::new(&database.url(), grant(&others, &["*"]));
            let on = run.open().await;
            assert!(matches!(run.pipeline(on, &[line]).await, Err(Error::AccessDenied(_))), "{line} without {missing:?}");
        }
    }
}

fn rewrite(line: &str, keys: &[usize], prefix: impl Fn(usize) -> &'static str) -> String {
    let word = |(place, word): (usize, &str)| if keys.contains(&place) { format!("{}{word}", prefix(place)) } else { word.to_owned() };
    line.split(' ').enumerate().map(word).collect::<Vec<_>>().join(" ")
}

//! Every function: it works when granted, and is denied without its power or with a key outside of the patterns.

use std::time::Duration;

use crate::capabilities::redis::delete::Host as Delete;
use crate::capabilities::redis::pipeline::Reply;
use crate::capabilities::redis::publish::Host as Publish;
use crate::capabilities::redis::read::{Host as Read, TimeToLive};
use crate::capabilities::redis::types::{ConnectOptions, End, Error, Field, HostConnection as _, Scored};
use crate::capabilities::redis::write::{Condition, Host as Write};
use crate::gate::Leave;
use crate::grants::RedisPower;

use super::server::{Database, Server, database};
use super::{ALL, Conn, DEFAULTS, Run, bytes, grant, packed};

fn field(name: &str, value: &str) -> Field {
    Field { name: bytes(name), value: bytes(value) }
}

fn scored(member: &str, score: f64) -> Scored {
    Scored { member: bytes(member), score }
}

async fn run(database: &Database) -> (Run, Conn) {
    let mut run = Run::new(&database.url(), grant(ALL, &["*"]));
    let on = run.open().await;
    (run, on)
}

/// Calls a function of the Host and takes the trap off.
macro_rules! call {
    ($run:expr, $on:expr, $function:path $(, $argument:expr)*) => {
        $function(&mut $run.view(), $on.borrow() $(, $argument)*).await.unwrap()
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn strings_are_read_and_written() {
    let database = database();
    let (mut run, on) = run(&database).await;
    let set = |key: &str, condition| (bytes(key), bytes("v\0\r\n"), 0, condition);
    let (key, value, ttl, condition) = set("a", Condition::IfPresent);
    assert_eq!(call!(run, on, Write::set, key, value, ttl, condition), Ok(false));
    let (key, value, ttl, condition) = set("a", Condition::IfAbsent);
    assert_eq!(call!(run, on, Write::set, key, value, ttl, condition), Ok(true));
    let (key, value, ttl, condition) = set("a", Condition::IfAbsent);
    assert_eq!(call!(run, on, Write::set, key, value, ttl, condition), Ok(false));
    assert_eq!(call!(run, on, Read::get, bytes("a")), Ok(Some(bytes("v\0\r\n"))));
    assert_eq!(call!(run, on, Read::get, bytes("b")), Ok(None));
    assert_eq!(call!(run, on, Write::set_many, vec![(bytes("m1"), bytes("1")), (bytes("m2"), bytes("2"))]), Ok(()));
    assert_eq!(call!(run, on, Write::set_many, vec![]), Ok(()));
    let many = vec![bytes("m2"), bytes("none"), bytes("m1")];
    assert_eq!(call!(run, on, Read::get_many, many.clone()), Ok(vec![Some(bytes("2")), None, Some(bytes("1"))]));
    assert_eq!(call!(run, on, Read::get_many, vec![]), Ok(vec![]));
    assert_eq!(call!(run, on, Read::exists, many), Ok(2));
    assert_eq!(call!(run, on, Read::get_range, bytes("a"), 0, 0), Ok(bytes("v")));
    assert_eq!(call!(run, on, Write::increment, bytes("n"), -3), Ok(-3));
    assert_eq!(call!(run, on, Write::append, bytes("m1"), bytes("23")), Ok(3));
    assert_eq!(call!(run, on, Read::length, bytes("m1")), Ok(3));
    assert_eq!(call!(run, on, Read::kind, bytes("m1")), Ok("string".to_owned()));
    assert_eq!(call!(run, on, Read::kind, bytes("none")), Ok("none".to_owned()));
    let usage = call!(run, on, Read::memory_usage, packed(&["m1", "none"])).unwrap();
    assert!(usage[0] > 0 && usage[1] == 0 && usage.len() == 2, "{usage:?}");
    assert_eq!(call!(run, on, Read::database_size), Ok(4));
    assert_eq!(call!(run, on, Delete::take, bytes("m2")), Ok(Some(bytes("2"))));
    assert_eq!(call!(run, on, Delete::take, bytes("m2")), Ok(None));
    assert_eq!(call!(run, on, Delete::unlink, packed(&["a", "none", "n"])), Ok(2));
    assert_eq!(call!(run, on, Delete::unlink, packed(&[])), Ok(0));
    assert_eq!(database.keys(), "m1");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_live_as_long_as_was_said() {
    let database = database();
    let (mut run, on) = run(&database).await;
    assert_eq!(call!(run, on, Write::set, bytes("a"), bytes("v"), 60_000, Condition::Always), Ok(true));
    let Ok(TimeToLive::Milliseconds(left)) = call!(run, on, Read::ttl, bytes("a")) else { panic!("no time to live") };
    assert!((50_000..=60_000).contains(&left), "{left}");
    assert_eq!(call!(run, on, Write::persist, bytes("a")), Ok(true));
    assert_eq!(call!(run, on, Read::ttl, bytes("a")), Ok(TimeToLive::Forever));
    assert_eq!(call!(run, on, Read::ttl, bytes("none")), Ok(TimeToLive::Missing));
    assert_eq!(call!(run, on, Write::expire, bytes("a"), 1), Ok(true));
    assert_eq!(call!(run, on, Write::expire, bytes("none"), 1), Ok(false));
    assert!(matches!(call!(run, on, Write::expire, bytes("a"), 0), Err(Error::InvalidArgument(_))));
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(call!(run, on, Read::exists, vec![bytes("a")]), Ok(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn hashes_sets_and_lists_are_read_and_written() {
    let database = database();
    let (mut run, on) = run(&database).await;
    assert_eq!(call!(run, on, Write::hash_set, bytes("h"), vec![field("a", "1"), field("b", "2")]), Ok(2));
    assert_eq!(call!(run, on, Write::hash_set, bytes("h"), vec![]), Ok(0));
    assert_eq!(call!(run, on, Write::hash_increment, bytes("h"), bytes("a"), 5), Ok(6));
    assert_eq!(call!(run, on, Read::hash_get, bytes("h"), bytes("a")), Ok(Some(bytes("6"))));
    assert_eq!(call!(run, on, Read::hash_get, bytes("h"), bytes("z")), Ok(None));
    assert_eq!(call!(run, on, Read::hash_get_all, bytes("h")), Ok(vec![field("a", "6"), field("b", "2")]));
    assert_eq!(call!(run, on, Read::length, bytes("h")), Ok(2));
    assert_eq!(call!(run, on, Delete::hash_remove, bytes("h"), vec![bytes("a"), bytes("z")]), Ok(1));

    assert_eq!(call!(run, on, Write::set_add, bytes("s"), vec![bytes("x"), bytes("y"), bytes("x")]), Ok(2));
    let mut members = call!(run, on, Read::set_members, bytes("s")).unwrap();
    members.sort();
    assert_eq!(members, [bytes("x"), bytes("y")]);
    assert_eq!(call!(run, on, Read::set_contains, bytes("s"), bytes("x")), Ok(true));
    assert_eq!(call!(run, on, Read::set_contains, bytes("s"), bytes("z")), Ok(false));
    assert_eq!(call!(run, on, Delete::set_remove, bytes("s"), vec![bytes("x")]), Ok(1));

    assert_eq!(call!(run, on, Write::list_push, bytes("l"), vec![bytes("b"), bytes("a")], End::Front), Ok(2));
    assert_eq!(call!(run, on, Write::list_push, bytes("l"), vec![bytes("c")], End::Back), Ok(3));
    assert_eq!(call!(run, on, Write::list_push, bytes("l"), vec![], End::Back), Ok(3));
    assert_eq!(call!(run, on, Read::list_range, bytes("l"), 0, -1), Ok(vec![bytes("a"), bytes("b"), bytes("c")]));
    assert_eq!(call!(run, on, Delete::list_pop, bytes("l"), End::Back, 1), Ok(vec![bytes("c")]));
    assert_eq!(call!(run, on, Delete::list_pop, bytes("l"), End::Front, 0), Ok(vec![]));
    assert_eq!(call!(run, on, Delete::list_pop, bytes("l"), End::Front, 9), Ok(vec![bytes("a"), bytes("b")]));
    assert_eq!(call!(run, on, Delete::list_pop, bytes("l"), End::Front, 1), Ok(vec![]));
    assert_eq!(call!(run, on, Delete::list_pop, bytes("l"), End::Front, 2), Ok(vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn sorted_sets_and_streams_are_read_and_written() {
    let database = database();
    let (mut run, on) = run(&database).await;
    let all = vec![scored("low", f64::NEG_INFINITY), scored("mid", 1.5), scored("top", f64::INFINITY)];
    assert_eq!(call!(run, on, Write::sorted_add, bytes("z"), all.clone()), Ok(3));
    assert!(matches!(call!(run, on, Write::sorted_add, bytes("z"), vec![scored("x", f64::NAN)]), Err(Error::InvalidArgument(_))));
    assert_eq!(call!(run, on, Read::sorted_range, bytes("z"), 0, -1), Ok(all.clone()));
    let (min, max) = (f64::NEG_INFINITY, f64::INFINITY);
    assert_eq!(call!(run, on, Read::sorted_range_by_score, bytes("z"), min, max, 0), Ok(all.clone()));
    assert_eq!(call!(run, on, Read::sorted_range_by_score, bytes("z"), 0.0, max, 1), Ok(vec![all[1].clone()]));
    assert_eq!(call!(run, on, Read::sorted_score, bytes("z"), bytes("mid")), Ok(Some(1.5)));
    assert_eq!(call!(run, on, Read::sorted_score, bytes("z"), bytes("none")), Ok(None));
    assert_eq!(call!(run, on, Delete::sorted_remove, bytes("z"), vec![bytes("low")]), Ok(1));
    assert_eq!(call!(run, on, Delete::sorted_remove_by_score, bytes("z"), 1.0, 2.0), Ok(1));
    assert_eq!(call!(run, on, Read::length, bytes("z")), Ok(1));

    let id = call!(run, on, Write::stream_add, bytes("x"), vec![field("f", "1"), field("f", "2")], 0).unwrap();
    let entries = call!(run, on, Read::stream_range, bytes("x"), "-".to_owned(), "+".to_owned(), 10).unwrap();
    assert_eq!((entries.len(), &entries[0].id, &entries[0].fields), (1, &id, &vec![field("f", "1"), field("f", "2")]));
    assert!(call!(run, on, Write::stream_add, bytes("x"), vec![field("f", "3")], 1).is_ok());
    assert!(matches!(call!(run, on, Write::stream_add, bytes("x"), vec![], 0), Err(Error::InvalidArgument(_))));
    assert_eq!(call!(run, on, Delete::stream_remove, bytes("x"), vec![id]), Ok(1));
    assert_eq!(call!(run, on, Read::length, bytes("x")), Ok(1));
    assert_eq!(call!(run, on, Read::length, bytes("none")), Ok(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_published_and_receivers_counted() {
    let database = database();
    let (mut run, on) = run(&database).await;
    assert_eq!(call!(run, on, Publish::publish, bytes("news.today"), bytes("hello")), Ok(0));
    let denied = call!(run, on, Publish::publish, bytes("orders"), bytes("hello"));
    assert!(matches!(denied, Err(Error::AccessDenied(text)) if text.contains("`orders`")));
    assert!(matches!(run.pipeline(on, &["PUBLISH orders x"]).await, Err(Error::AccessDenied(_))));
    assert_eq!(run.pipeline(on, &["PUBLISH news.a x"]).await, Ok(vec![Reply::Integer(0)]));
}

/// Calls every function that takes a key, on this one; answers which were denied.
async fn denied(run: &mut Run, on: Conn, key: &str) -> Vec<(&'static str, RedisPower, bool)> {
    let k = || bytes(key);
    let mut results = Vec::new();
    macro_rules! each {
        ($power:ident: $($name:literal $function:path $(, $argument:expr)*;)*) => {
            $({
                let result = call!(run, on, $function $(, $argument)*);
                results.push(($name, RedisPower::$power, matches!(result, Err(Error::AccessDenied(_)))));
            })*
        };
    }
    each!(Read:
        "get" Read::get, k(); "get-many" Read::get_many, vec![k()]; "get-range" Read::get_range, k(), 0, 1; "exists" Read::exists, vec![k()];
        "kind" Read::kind, k(); "ttl" Read::ttl, k(); "memory-usage" Read::memory_usage, packed(&[key]); "length" Read::length, k();
        "hash-get" Read::hash_get, k(), k(); "hash-get-all" Read::hash_get_all, k(); "set-members" Read::set_members, k();
        "set-contains" Read::set_contains, k(), k(); "sorted-range" Read::sorted_range, k(), 0, 1;
        "sorted-range-by-score" Read::sorted_range_by_score, k(), 0.0, 1.0, 1; "sorted-score" Read::sorted_score, k(), k();
        "list-range" Read::list_range, k(), 0, 1; "stream-range" Read::stream_range, k(), "-".to_owned(), "+".to_owned(), 1;
    );
    each!(Write:
        "set" Write::set, k(), k(), 0, Condition::Always; "set-many" Write::set_many, vec![(k(), k())]; "increment" Write::increment, k(), 1;
        "append" Write::append, k(), k(); "expire" Write::expire, k(), 1; "persist" Write::persist, k();
        "hash-set" Write::hash_set, k(), vec![field("f", "v")]; "hash-increment" Write::hash_increment, k(), k(), 1;
        "set-add" Write::set_add, k(), vec![k()]; "sorted-add" Write::sorted_add, k(), vec![scored("m", 1.0)];
        "list-push" Write::list_push, k(), vec![k()], End::Front; "stream-add" Write::stream_add, k(), vec![field("f", "v")], 0;
    );
    each!(Delete:
        "unlink" Delete::unlink, packed(&[key]); "take" Delete::take, k(); "hash-remove" Delete::hash_remove, k(), vec![k()];
        "set-remove" Delete::set_remove, k(), vec![k()]; "sorted-remove" Delete::sorted_remove, k(), vec![k()];
        "sorted-remove-by-score" Delete::sorted_remove_by_score, k(), 0.0, 1.0; "list-pop" Delete::list_pop, k(), End::Front, 1;
        "stream-remove" Delete::stream_remove, k(), vec!["0-1".to_owned()];
    );
    results
}

#[tokio::test(flavor = "multi_thread")]
async fn every_function_is_allowed_when_granted_and_denied_without_its_power() {
    let database = database();
    for power in ALL {
        let mut run = Run::new(&database.url(), grant(&[*power], &["*"]));
        let on = run.open().await;
        for (name, needs, was_denied) in denied(&mut run, on, "k").await {
            assert_eq!(was_denied, needs != *power, "{name} with {power:?}");
        }
        let reads = *power == RedisPower::Read;
        assert_eq!(call!(run, on, Read::database_size).is_ok(), reads);
        assert_eq!(call!(run, on, Read::granted_scope).is_ok(), reads);
        assert_eq!(run.keys(on, "*").await.is_ok(), reads);
        assert_eq!(call!(run, on, Publish::publish, bytes("news.a"), bytes("m")).is_ok(), *power == RedisPower::Publish);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_function_is_denied_on_a_key_outside_of_the_patterns() {
    let database = database();
    let mut run = Run::new(&database.url(), grant(ALL, &["ok:*"]));
    let on = run.open().await;
    for (name, _, was_denied) in denied(&mut run, on, "secret").await {
        assert!(was_denied, "{name}");
    }
    for (name, _, was_denied) in denied(&mut run, on, "ok:k").await {
        assert!(!was_denied, "{name}");
    }
    assert!(matches!(call!(run, on, Read::get_many, vec![bytes("ok:a"), bytes("secret")]), Err(Error::AccessDenied(_))));
    assert!(matches!(call!(run, on, Delete::unlink, packed(&["ok:a", "secret"])), Err(Error::AccessDenied(_))));
    assert!(!database.keys().contains("secret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_needs_a_configured_and_granted_name() {
    let database = database();
    let (mut run, on) = run(&database).await;
    assert!(
        matches!(run.try_open("none", DEFAULTS).await, Err(Error::NoSuchRedis(text)) if text.contains("`default`") && !text.contains("other"))
    );
    assert!(matches!(run.try_open("other", DEFAULTS).await, Err(Error::AccessDenied(text)) if text.contains("redis.other = ")));
    assert!(run.view().server_version(on.borrow()).await.unwrap().starts_with(|digit: char| digit.is_ascii_digit()));
    run.view().close(on.borrow()).await.unwrap();
    assert!(matches!(run.get(on, "k").await, Err(Error::ConnectionFailed(_))));
    assert_eq!(run.view().server_version(on.borrow()).await.unwrap(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_connection_is_opened_again_by_the_next_call() {
    let server = Server::start("");
    let mut run = Run::new(&server.url(), grant(ALL, &["*"]));
    let on = run.open().await;
    // Broken while nobody used it: nothing is noticed, whatever the call does.
    server.ask_all(&["CLIENT KILL TYPE normal SKIPME yes"]);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(call!(run, on, Write::increment, bytes("n"), 1), Ok(1));
    server.ask_all(&["CLIENT KILL TYPE normal SKIPME yes"]);
    assert_eq!(run.get(on, "n").await, Ok(Some("1".to_owned())));
    server.kill();
    assert!(matches!(run.get(on, "n").await, Err(Error::ConnectionFailed(text)) if !text.contains("redis.sock")));
    server.launch();
    assert_eq!(run.get(on, "n").await, Ok(None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_under_way_fails_when_the_server_goes_and_is_not_repeated() {
    let server = std::sync::Arc::new(Server::start("enable-debug-command yes"));
    let mut run = Run::new(&server.url(), grant(ALL, &["*"]));
    let on = run.open().await;
    let killer = std::sync::Arc::clone(&server);
    let sleeper = std::sync::Arc::clone(&server);
    let sleep = std::thread::spawn(move || std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| sleeper.ask_all(&["DEBUG SLEEP 3"]))));
    std::thread::sleep(Duration::from_millis(200));
    let kill = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        killer.kill();
    });
    let result = call!(run, on, Write::increment, bytes("n"), 1);
    assert!(matches!(&result, Err(Error::ConnectionFailed(text)) if text.contains("nobody knows")), "{result:?}");
    kill.join().unwrap();
    drop(sleep.join());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_answer_is_a_timeout_and_the_next_call_works() {
    let server = Server::start("enable-debug-command yes");
    let mut run = Run::new(&server.url(), grant(ALL, &["*"]));
    let on = run.try_open("default", ConnectOptions { connect_timeout_ms: 1_000, response_timeout_ms: 100 }).await.unwrap();
    let url = server.url();
    let path = url.trim_start_matches("unix://").to_owned();
    let sleeper = std::thread::spawn(move || {
        use std::io::Write as _;
        let mut stream = std::os::unix::net::UnixStream::connect(path).unwrap();
        stream.write_all(b"DEBUG SLEEP 0.6\r\n").unwrap();
        std::thread::sleep(Duration::from_millis(700));
    });
    std::thread::sleep(Duration::from_millis(100));
    let started = std::time::Instant::now();
    assert!(matches!(run.get(on, "k").await, Err(Error::Timeout(_))));
    assert!(started.elapsed() < Duration::from_millis(400), "{:?}", started.elapsed());
    sleeper.join().unwrap();
    assert_eq!(run.get(on, "k").await, Ok(None));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_run_ends_a_call_under_way() {
    let server = Server::start("enable-debug-command yes");
    let mut run = Run::new(&server.url(), grant(ALL, &["*"]));
    let on = run.open().await;
    let scan = run.scan(on, "*", 0).await.unwrap();
    let leave = run.leave.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        leave.send_replace(Leave::Interrupted);
    });
    let path = server.url().trim_start_matches("unix://").to_owned();
    let sleeper = std::thread::spawn(move || {
        use std::io::Write as _;
        std::os::unix::net::UnixStream::connect(path).unwrap().write_all(b"DEBUG SLEEP 1\r\n").unwrap();
    });
    sleeper.join().unwrap();
    std::thread::sleep(Duration::from_millis(20));
    assert!(matches!(run.get(on, "k").await, Err(Error::Cancelled(_))));
    assert!(matches!(run.next(&scan).await, Err(Error::Cancelled(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_of_a_pipeline_keep_their_types() {
    let database = database();
    let (mut run, on) = run(&database).await;
    let lines = [
        "SET a 1",
        "GET a",
        "GET none",
        "LPUSH l x y",
        "LRANGE l 0 -1",
        "INCR l",
        "HSET h f v",
        "HGETALL h",
        "ZADD z 1.5 m",
        "ZSCORE z m",
        "TYPE a",
    ];
    let replies = run.pipeline(on, &lines).await.unwrap();
    let value = |text: &str| Reply::Bytes(bytes(text));
    assert!(matches!(&replies[7], Reply::Failed(error) if error.code == "WRONGTYPE"), "{replies:?}");
    let expected = [Reply::Okay, value("1"), Reply::Nil, Reply::Integer(2), Reply::ListOf(2), value("y"), value("x")];
    assert_eq!(replies[..7], expected);
    let rest = [
        Reply::Integer(1),
        Reply::MapOf(1),
        value("f"),
        value("v"),
        Reply::Integer(1),
        Reply::Double(1.5),
        Reply::Status("string".to_owned()),
    ];
    assert_eq!(replies[8..], rest);
    assert_eq!(run.pipeline(on, &[]).await, Ok(vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_refused_command_keeps_the_whole_pipeline_from_being_sent() {
    let database = database();
    let mut run = Run::new(&database.url(), grant(ALL, &["ok:*"]));
    let on = run.open().await;
    for refused in ["GET secret", "EVAL x 0", "FLUSHALL", "NOSUCH", "BLPOP ok:l 0", "SET ok:b v FUTURE", "ZUNION 9 ok:a"] {
        assert!(run.pipeline(on, &["SET ok:a 1", refused]).await.is_err(), "{refused}");
        assert_eq!(database.keys(), "", "{refused}");
    }
}

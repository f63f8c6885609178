//! `host:redis` through the real binary: addresses, logins, servers that stop, hang, and come back.

use crate::harness::{RedisCluster, RedisOptions, RedisSentinel, redis_database};

#[test]
fn the_servers_of_these_tests_are_real() {
    let database = redis_database();
    database.fill((0..3).map(|number| format!("SET k{number} v")));
    assert_eq!(database.keys(), "k0 k1 k2");
    let mut kept = RedisOptions::default().kept().start();
    kept.ask(&["SET", "a", "1"]);
    kept.stop();
    kept.restart();
    assert_eq!(kept.ask(&["GET", "a"]), "1");
    let tls = RedisOptions::default().tls().start();
    assert_eq!(tls.ask(&["PING"]), "PONG");
    let cluster = RedisCluster::start();
    cluster.ask(&["SET", "a", "1"]);
    assert_eq!(cluster.keys(), "a");
    let sentinel = RedisSentinel::start();
    sentinel.fail_over();
}

//! `host:redis` against every kind of server: users, TLS, sockets, sentinels, clusters; servers that hang or are
//! gone. No address, user or password reaches a guest or the journal.

use std::time::Duration;

use host::capabilities::redis::client::{Failure, Target, Timeouts};

use crate::harness::{Output, Project, Redis, RedisCluster, RedisOptions, RedisSentinel, authority, until};
use crate::redis::{all_on, journals};

fn probe(project: &Project, words: &str) -> Output {
    project.run(&format!("redisprobe {words}")).start().wait()
}

#[track_caller]
fn answers(project: &Project, words: &str, expected: &str) {
    probe(project, words).ended(0).prints_only(&format!("{expected}\n"));
}

/// Neither the output nor any journal holds these.
#[track_caller]
fn hides(project: &Project, output: Output, secrets: &[&str]) {
    let journals = journals(project);
    for secret in secrets {
        assert!(!journals.contains(secret), "the journal holds {secret}: {journals}");
    }
    secrets.iter().fold(output, |output, secret| output.lacks(secret));
}

#[test]
fn an_acl_user_may_do_what_the_server_lets_it() {
    let server = RedisOptions::default().line("requirepass rootword").line("user shop on >s3cr3t%word ~shop:* &* +@all -flushall").start();
    let port = server.port().to_string();
    let secrets = ["s3cr3t", "rootword", port.as_str(), "127.0.0.1"];
    let project = all_on(&server.url_of("shop:s3cr3t%25word@", 0), "\"*\"");
    answers(&project, "write.set shop:a 1", "true");
    let output = probe(&project, "read.get other:a").prints("command-failed: NOPERM");
    hides(&project, output, &secrets);
    let run = project.run("redisprobe pipeline").arg("GET shop:a").arg("GET other:a").succeeds().prints("bytes 1").prints("failed NOPERM");
    hides(&project, run, &secrets);
    let project = all_on(&server.url_of(":rootword@", 3), "\"*\"");
    probe(&project, "open").ended(0).prints(" 3");
}

#[test]
fn a_wrong_password_or_database_is_refused_for_good() {
    let server = RedisOptions::default().line("requirepass rootword").line("user shop on >s3cr3t ~* &* +get +select").start();
    let port = server.port().to_string();
    for (login, database, code) in [
        ("", 0, "NOAUTH"),
        (":wrongword@", 0, "WRONGPASS"),
        ("shop:wrongword@", 0, "WRONGPASS"),
        ("nobody:wrongword@", 0, "WRONGPASS"),
        (":rootword@", 999, "ERR"),
    ] {
        let project = all_on(&server.url_of(login, database), "\"*\"");
        let output = probe(&project, "open").ended(9).prints(&format!("connection-rejected: {code}"));
        hides(&project, output, &["wrongword", "rootword", "nobody", &port, "127.0.0.1"]);
    }
    let project = all_on("redis://:hunter2@h:port", "\"*\"");
    let output = probe(&project, "open").ended(9).prints("connection-rejected: URL").prints("the port is no number");
    hides(&project, output, &["hunter2"]);
}

#[test]
fn a_unix_socket_is_an_address() {
    let server = Redis::start();
    let project = all_on(&format!("unix://{}?db=2", server.socket().display()), "\"*\"");
    answers(&project, "write.set a 1", "true");
    assert!(server.ask(&["INFO", "keyspace"]).contains("db2:keys=1"));
    let project = all_on("unix:///nowhere/redis.sock", "\"*\"");
    let output = probe(&project, "open").ended(9).prints("connection-failed: ").prints("its socket does not exist");
    hides(&project, output, &["/nowhere"]);
}

#[test]
fn tls_trusts_the_authorities_of_the_system_or_of_ssl_cert_file() {
    let server = RedisOptions::default().tls().line("requirepass s3cr3t").start();
    let project = all_on(&server.url_of(":s3cr3t@", 0), "\"*\"");
    let trusted = |words: &str| project.run(&format!("redisprobe {words}")).env("SSL_CERT_FILE", authority().join("ca.crt")).start().wait();
    trusted("write.set a 1").ended(0);
    trusted("read.get a").ended(0).prints_only("1\n");
    let output = probe(&project, "read.get a").ended(9).prints("connection-rejected: TLS").prints("SSL_CERT_FILE");
    hides(&project, output, &["localhost", "s3cr3t", &server.port().to_string()]);
    // Another name than the certificate's, and a server that speaks no TLS.
    let other = all_on(&server.url_of(":s3cr3t@", 0).replace("localhost", "127.0.0.1"), "\"*\"");
    let run = other.run("redisprobe open").env("SSL_CERT_FILE", authority().join("ca.crt"));
    hides(&other, run.ends(9).prints("its certificate is for another name"), &["localhost", "127.0.0.1", "s3cr3t"]);
    let plain = Redis::start();
    let project = all_on(&plain.url().replace("redis://", "rediss://"), "\"*\"");
    // It waits for the end of what it takes for a line.
    probe(&project, "--connect-timeout 300ms open").prints("timeout: ");
}

#[test]
fn a_server_that_hangs_is_a_timeout_and_goes_on_later() {
    let server = Redis::start();
    let project = all_on(&server.url(), "\"*\"");
    answers(&project, "write.set a 1", "true");
    server.hang();
    let output = probe(&project, "--connect-timeout 300ms open").prints("timeout: ");
    assert!(output.took < Duration::from_secs(5), "{output}");
    hides(&project, output, &[&server.port().to_string()]);
    server.go_on();
    answers(&project, "read.get a", "1");
}

#[test]
fn a_server_that_is_gone_is_unreachable_and_one_that_comes_back_is_found() {
    let mut server = Redis::start();
    let project = all_on(&server.url(), "\"*\"");
    server.kill();
    let output = probe(&project, "read.get a").ended(9).prints("connection-failed: ").prints("nothing listens there");
    hides(&project, output, &[&server.port().to_string(), "127.0.0.1"]);
    server.restart();
    answers(&project, "read.get a", "(nil)");
    let project = all_on("redis://no-such-host.invalid", "\"*\"");
    let output = probe(&project, "open").ended(9).prints("connection-failed: ");
    hides(&project, output, &["no-such-host"]);
}

#[test]
fn sentinels_name_the_master_also_after_a_failover() {
    let group = RedisSentinel::start();
    let project = all_on(&group.url(), "\"*\"");
    answers(&project, "write.set a 1", "true");
    assert_eq!(group.master.ask(&["GET", "a"]), "1");
    until("the replica has it", || group.replica.ask(&["GET", "a"]) == "1");
    group.fail_over();
    answers(&project, "write.set b 2", "true");
    assert_eq!(group.replica.ask(&["GET", "b"]), "2");
    let project = all_on(&group.url().replace("/main/", "/other/"), "\"*\"");
    let output = probe(&project, "open").ended(9).prints("connection-rejected: SENTINEL");
    hides(&project, output, &["127.0.0.1", &group.master.port().to_string()]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let target = Target::parse(&group.url()).unwrap();
    let mut client = runtime.block_on(target.client(TIMEOUTS)).unwrap();
    let value: String = runtime.block_on(redis::cmd("GET").arg("b").query_async(&mut client)).unwrap();
    assert_eq!(value, "2");
}

#[test]
fn a_cluster_is_one_redis_whatever_node_has_the_key() {
    let cluster = RedisCluster::start();
    let project = all_on(&cluster.url(), "\"*\"");
    let many: Vec<String> = (0..50).map(|number| format!("k{number}=v{number}")).collect();
    probe(&project, &format!("write.set-many {}", many.join(" "))).ended(0);
    assert!(cluster.nodes().iter().all(|node| node.ask(&["DBSIZE"]) != "0"));
    answers(&project, "read.database-size", "50");
    answers(&project, "read.get-many k7 none k3 k49", "v7\n(nil)\nv3\nv49");
    answers(&project, "read.exists k1 k2 none", "2");
    answers(&project, "scan-count *", "50 keys in 3 batches");
    let run =
        project.run("redisprobe pipeline").arg("SET a 1").arg("INCR k0").arg("GET a").arg("MGET {t}1 {t}2").arg("MGET a b").arg("PING");
    run.succeeds().prints("okay\nfailed ERR").prints("bytes 1").prints("list 2").prints("failed CROSSSLOT").prints("status PONG");
    let keys: Vec<String> = (0..40).map(|number| format!("k{number}")).collect();
    answers(&project, &format!("delete.unlink {}", keys.join(" ")), "40");
    assert_eq!(cluster.keys(), "a k40 k41 k42 k43 k44 k45 k46 k47 k48 k49");
    let single = all_on(&cluster.nodes()[0].url(), "\"*\"");
    let gets = (0..9).fold(single.run("redisprobe pipeline"), |run, number| run.arg(format!("GET k4{number}")));
    let moved = gets.succeeds();
    hides(&single, moved.prints("failed MOVED: the key lives on another node"), &["127.0.0.1"]);
}

#[test]
fn a_key_that_is_on_its_way_to_another_node_is_found() {
    let cluster = RedisCluster::start();
    let project = all_on(&cluster.url(), "\"*\"");
    cluster.ask(&["SET", "wanderer", "1"]);
    let slot = cluster.nodes()[0].ask(&["CLUSTER", "KEYSLOT", "wanderer"]);
    let nodes = cluster.nodes();
    let from = nodes.iter().position(|node| node.ask(&["EXISTS", "wanderer"]) == "1").unwrap();
    let to = (from + 1) % 3;
    let (from_id, to_id) = (nodes[from].ask(&["CLUSTER", "MYID"]), nodes[to].ask(&["CLUSTER", "MYID"]));
    nodes[to].ask(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]);
    nodes[from].ask(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]);
    assert_eq!(nodes[from].ask(&["MIGRATE", "127.0.0.1", &nodes[to].port().to_string(), "wanderer", "0", "1000"]), "OK");
    answers(&project, "read.get wanderer", "1");
    answers(&project, "write.increment wanderer 1", "2");
    for node in nodes {
        node.ask(&["CLUSTER", "SETSLOT", &slot, "NODE", &to_id]);
    }
    answers(&project, "write.increment wanderer 1", "3");
}

const TIMEOUTS: Timeouts = Timeouts { connect: Duration::from_secs(5), answer: Duration::from_secs(5) };

#[test]
fn the_broadcast_capabilitys_client_takes_every_single_server_and_no_cluster() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = |url: &str| runtime.block_on(Target::parse(url).unwrap().client(TIMEOUTS));
    let server = RedisOptions::default().line("requirepass s3cr3t").start();
    let ping = |mut client: redis::aio::MultiplexedConnection| -> String {
        runtime.block_on(redis::cmd("PING").query_async(&mut client)).unwrap()
    };
    assert_eq!(ping(client(&server.url_of(":s3cr3t@", 2)).unwrap()), "PONG");
    assert_eq!(ping(client(&format!("unix://{}?password=s3cr3t", server.socket().display())).unwrap()), "PONG");
    let Err(Failure::Rejected { code, message }) = client(&server.url_of(":wrongword@", 0)) else { panic!("it was let in") };
    assert!(!message.contains("wrongword") && code != "URL", "{code} {message}");
    let Err(Failure::Rejected { code, .. }) = client("redis+cluster://127.0.0.1:1") else { panic!("a cluster was taken") };
    assert_eq!(code, "CLUSTER");
    let Err(Failure::Unreachable(text)) = client("redis://127.0.0.1:1") else { panic!("nothing listens there") };
    assert!(!text.contains("127.0.0.1"), "{text}");
}

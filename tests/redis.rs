//! `host:redis` through the real binary: what is granted works, all else is refused, and no guest learns where.

use crate::harness::{Output, Project, RedisDatabase, RedisOptions, redis_database};

const ALL: &str = r#"["read", "write", "delete", "publish"]"#;

/// A project whose probe may do what `grant` says on the Redis at `url`.
pub(crate) fn project(url: &str, grant: &str) -> Project {
    let project = Project::new(&format!("[redis.default]\nurl = \"{url}\"\n")).guest("redisprobe");
    project.grant(&format!("[commands.redisprobe]\nredis.default = {grant}"));
    project
}

/// All powers on these keys.
pub(crate) fn all_on(url: &str, keys: &str) -> Project {
    project(url, &format!("{{ allow = {ALL}, keys = [{keys}], channels = [\"news.*\"] }}"))
}

fn probe(project: &Project, words: &str) -> Output {
    project.run(&format!("redisprobe {words}")).start().wait()
}

#[track_caller]
fn answers(project: &Project, words: &str, expected: &str) {
    probe(project, words).ended(0).prints_only(&format!("{expected}\n"));
}

/// What every run of this project wrote into its journals.
pub(crate) fn journals(project: &Project) -> String {
    let files = std::fs::read_dir(project.path(".host/journal")).unwrap();
    files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
}

/// Every function that takes keys, on the key `K`, and the power it needs.
const FUNCTIONS: &[(&str, &str)] = &[
    ("read.get K", "read"),
    ("read.get-many K K2", "read"),
    ("read.get-range K 0 -1", "read"),
    ("read.exists K", "read"),
    ("read.kind K", "read"),
    ("read.ttl K", "read"),
    ("read.memory-usage K", "read"),
    ("read.length K", "read"),
    ("read.hash-get K f", "read"),
    ("read.hash-get-all K", "read"),
    ("read.set-members K", "read"),
    ("read.set-contains K m", "read"),
    ("read.sorted-range K 0 -1", "read"),
    ("read.sorted-range-by-score K -inf inf", "read"),
    ("read.sorted-score K m", "read"),
    ("read.list-range K 0 -1", "read"),
    ("read.stream-range K - + 10", "read"),
    ("write.set K v", "write"),
    ("write.set-many K=1 K2=2", "write"),
    ("write.increment K 1", "write"),
    ("write.append K v", "write"),
    ("write.persist K", "write"),
    ("write.hash-set K f=v", "write"),
    ("write.hash-increment K f 1", "write"),
    ("write.set-add K m", "write"),
    ("write.sorted-add K m=1", "write"),
    ("delete.unlink K", "delete"),
    ("delete.take K", "delete"),
    ("delete.hash-remove K f", "delete"),
    ("delete.set-remove K m", "delete"),
    ("delete.sorted-remove K m", "delete"),
    ("delete.sorted-remove-by-score K -inf inf", "delete"),
    ("delete.stream-remove K 0-1", "delete"),
];

#[test]
fn what_is_granted_works() {
    let database = redis_database();
    let project = all_on(&database.url(), "\"shop:*\"");
    answers(&project, "write.set shop:a hello", "true");
    answers(&project, "read.get shop:a", "hello");
    answers(&project, "read.ttl shop:a", "forever");
    answers(&project, "write.hash-set shop:h f=1 g=2", "2");
    answers(&project, "read.hash-get-all shop:h", "f\t1\ng\t2");
    answers(&project, "write.sorted-add shop:z low=-inf mid=1.5", "2");
    answers(&project, "read.sorted-range shop:z 0 -1", "low\t-inf\nmid\t1.5");
    answers(&project, "publish news.today hello", "0");
    let run =
        project.run("redisprobe pipeline").arg("SET shop:b 2").arg("MGET shop:a shop:b shop:c").arg("HGETALL shop:h").arg("INCR shop:h");
    run.succeeds().prints_only(
        "okay\nlist 3\n  bytes hello\n  bytes 2\n  (nil)\nmap 2\n  bytes f\n  bytes 1\n  bytes g\n  bytes 2\nfailed WRONGTYPE: Operation against a key holding the wrong kind of value\n",
    );
    answers(&project, "delete.unlink shop:a shop:none shop:b", "2");
    assert_eq!(database.keys(), "shop:h shop:z");
    let scan = probe(&project, "scan shop:*").ended(0);
    let mut keys: Vec<&str> = scan.stdout.lines().collect();
    keys.sort_unstable();
    assert_eq!(keys, ["shop:h", "shop:z"]);
}

#[test]
fn a_key_outside_of_the_patterns_is_denied_in_every_function() {
    let database = redis_database();
    let project = all_on(&database.url(), "\"shop:*\", \"K2\"");
    for (words, _) in FUNCTIONS {
        let output = probe(&project, words).ended(4).prints("access-denied: command `redisprobe` may not use key `K` of Redis `default`");
        assert!(output.stdout.contains("under `[commands.redisprobe]` in host.toml"), "{output}");
        let granted = words.replace('K', "shop:K");
        let output = probe(&project, &granted);
        assert!(!output.stdout.contains("access-denied"), "{output}");
    }
    assert!(database.keys().split(' ').all(|key| key.is_empty() || key.starts_with("shop:")), "{}", database.keys());
}

#[test]
fn a_power_that_is_not_granted_is_denied_in_every_function_and_nothing_is_changed() {
    let database = redis_database();
    database.fill(["SET K 1".to_owned()]);
    for power in ["read", "write", "delete"] {
        let others: Vec<String> =
            ["read", "write", "delete"].iter().filter(|other| **other != power).map(|other| format!("\"{other}\"")).collect();
        let project = project(&database.url(), &format!("{{ allow = [{}], keys = [\"*\"] }}", others.join(", ")));
        for (words, _) in FUNCTIONS.iter().filter(|(_, needs)| *needs == power) {
            probe(&project, words).ended(4).prints(&format!("access-denied: command `redisprobe` may not `{power}` on Redis `default`"));
        }
        probe(&project, "publish news.a m").ended(4).prints("may not `publish`");
    }
    assert_eq!((database.keys(), database.ask(&["GET", "K"])), ("K".to_owned(), "1".to_owned()));
}

#[test]
fn commands_that_are_not_offered_refuse_the_whole_pipeline() {
    let database = redis_database();
    let project = all_on(&database.url(), "\"*\"");
    for (refused, why) in [
        ("EVAL return 0", "a script could touch any key"),
        ("FLUSHALL", "not named"),
        ("FLUSHDB", "not named"),
        ("KEYS *", "read.scan"),
        ("CONFIG GET requirepass", "not offered"),
        ("SELECT 1", "belongs to the host"),
        ("BLPOP a 0", "waits"),
        ("SUBSCRIBE news.a", "subscription"),
        ("MIGRATE h 1 a 0 1", "raw value"),
        ("ACL LIST", "not offered"),
        ("FRESHCOMMAND a", "not offered"),
    ] {
        let run = project.run("redisprobe pipeline").arg("SET a 1").arg(refused);
        run.ends(4).prints("access-denied: ").prints(why);
        assert_eq!(database.keys(), "", "{refused}");
    }
    project.run("redisprobe pipeline").arg("SORT a BY w_*").ends(1).prints("invalid-argument: ");
}

#[test]
fn a_hidden_prefix_is_never_seen() {
    let database = redis_database();
    database.fill(["MSET app7:cache:1 one app7:session:1 two cache:2 three".to_owned(), "XADD app7:cache:s 1-0 f v".to_owned()]);
    let project =
        project(&database.url(), &format!("{{ allow = {ALL}, keys = [\"app7:cache:*\"], prefix = \"app7:\", channels = [\"*\"] }}"));
    answers(&project, "read.get cache:1", "one");
    answers(&project, "read.granted-scope", "cache:*\nwhole-database false");
    let scan = probe(&project, "scan *").ended(0).lacks("app7");
    assert_eq!(scan.stdout.lines().count(), 2, "{scan}");
    probe(&project, "read.get session:1").ended(4).lacks("app7:");
    probe(&project, "read.get app7:cache:1").ended(4).prints("`app7:cache:1`");
    project.run("redisprobe pipeline").arg("XREAD STREAMS cache:s 0").succeeds().prints("bytes cache:s").lacks("app7");
    project.run("redisprobe pipeline").arg("XREADGROUP GROUP g c STREAMS cache:s >").succeeds().prints("failed NOGROUP").lacks("app7");
    answers(&project, "delete.unlink cache:1 cache:2", "1");
    assert_eq!(database.keys(), "app7:cache:s app7:session:1 cache:2");
}

#[test]
fn names_that_are_not_configured_or_not_granted_are_told_apart() {
    let database = redis_database();
    let project = all_on(&database.url(), "\"*\"");
    project.grant(&format!("[redis.other]\nurl = \"{}\"", database.url()));
    probe(&project, "--redis none open").prints("no-such-redis: no Redis `none` is configured");
    probe(&project, "--redis other open").ended(4).prints("access-denied: ").prints("redis.other = ");
}

#[test]
fn budgets_stop_before_more_is_deleted() {
    let database = redis_database();
    database.fill((0..20).map(|number| format!("SET k{number} v")));
    let project = all_on(&database.url(), "\"*\"");
    project.grant("budgets.keys-deleted = 3");
    probe(&project, "delete.unlink k0 k1 k2 k3").prints("limit-exceeded: ").prints("`keys-deleted`");
    assert_eq!(database.ask(&["DBSIZE"]), "20");
    answers(&project, "delete.unlink k0 k1 k2", "3");
    assert_eq!(database.ask(&["DBSIZE"]), "17");
}

#[test]
fn leaked_connections_and_walks_are_bounded() {
    let database: RedisDatabase = redis_database();
    let project = all_on(&database.url(), "\"*\"");
    probe(&project, "leak-connections").prints("refused after 8 connections").prints("limit-exceeded: ");
    probe(&project, "leak-scans").prints("refused after 4 scans").prints("limit-exceeded: ");
}

#[test]
fn the_journal_tells_what_was_done_to_which_keys_and_no_values() {
    let database = redis_database();
    let project = all_on(&database.url(), "\"*\"");
    answers(&project, "write.set session:1 topsecret", "true");
    answers(&project, "delete.unlink session:1", "1");
    let journal = journals(&project);
    assert!(journal.contains("write.set") && journal.contains("session:1") && journal.contains("delete.unlink"), "{journal}");
    assert!(!journal.replace("\"args\":[\"write.set\",\"session:1\",\"topsecret\"]", "").contains("topsecret"), "{journal}");
}

#[test]
fn data_survive_in_servers_that_keep_them() {
    let mut server = RedisOptions::default().kept().start();
    let project = all_on(&server.url(), "\"*\"");
    answers(&project, "write.set a 1", "true");
    server.stop();
    probe(&project, "read.get a").ended(9).prints("connection-failed: ");
    server.restart();
    answers(&project, "read.get a", "1");
}

//! `connections` without a worker: what it shows, asks, refuses, and what it writes into queues.

use std::time::{Duration, Instant};

use crate::harness::{Project, Redis, RedisCluster, RedisDatabase, RedisOptions, RedisSentinel, Sink, Terminal, authority, redis_database};

/// One worker's queue.
pub(crate) const QUEUE: &str = "asgispecific.0123456789abcdef0123456789abcdef!";

pub(crate) fn project_at(url: &str) -> Project {
    project_with(url, "broadcast = { allow = [\"list\", \"drop\", \"reload\"], labels = [\"*\"] }")
}

pub(crate) fn project_with(url: &str, grants: &str) -> Project {
    let toml = format!(
        "[project]\nname = \"shop\"\n[redis.default]\nurl = \"{url}\"\n[broadcast]\nredis = \"default\"\n[commands.connections]\n{grants}\n"
    );
    Project::new(&toml).command("connections")
}

/// Commands that register so many members of a label in the core layer, in one worker's queue.
pub(crate) fn members(label: &str, count: usize) -> Vec<String> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let add = |number: usize| format!("ZADD asgi:group:version.{label} {now}.{number:06} {}{number:032x}", &QUEUE[4..]);
    let counts = [format!("HSET connections {label} {count}"), format!("SET connections:{label} exists EX 60")];
    counts.into_iter().chain((0..count).map(add)).collect()
}

/// A project whose application has these labels and members, on a database of its own.
fn filled(labels: &[(&str, usize)]) -> (RedisDatabase, Project) {
    let database = redis_database();
    for (label, count) in labels {
        database.fill(members(label, *count));
    }
    let project = project_at(&database.url());
    (database, project)
}

#[test]
fn estimates_are_shown_as_they_are_zero_and_negative_too() {
    let (database, project) = filled(&[("b.production", 2)]);
    database.fill(["HSET connections a.production -3", "HSET connections c.production 0", "HSET connections d.x words"].map(str::to_owned));
    project.run("connections list").succeeds().prints_only(
        "label                              est. number of connections\n\
         a.production                       -3  (no sign of life for a minute)\n\
         b.production                       2\n\
         c.production                       0  (no sign of life for a minute)\n\
         d.x                                0  (no sign of life for a minute)\n",
    );
    project.run("connections list b.* --exact").succeeds().prints("b.production                       2                           2\n");
    project.run("connections list nope").ends(3).says("error: no label matches `nope`").says("hint: there are `a.production`");
}

#[test]
fn members_that_joined_more_than_a_day_ago_do_not_count_and_are_not_removed() {
    let (database, project) = filled(&[("a.b", 2)]);
    database.fill(["ZADD asgi:group:version.a.b 1000000 specific.old!1".to_owned()]);
    let listed = project.run("connections list --exact --json").succeeds().json();
    assert_eq!(listed["labels"][0]["counted"], 2, "{listed}");
    project.run("connections drop --all").ends(1).says("error: 2 connections not reached");
    assert_eq!(database.ask(&["ZCARD", "asgi:group:version.a.b"]), "3");
}

#[test]
fn connections_of_a_gateway_that_was_killed_do_not_count_and_are_not_sent_to() {
    let (database, project) = filled(&[("a.b", 2)]);
    let sink = Sink::start(&database.url(), &[QUEUE.to_owned()]);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let (dead, living) = ("00112233445566770000000000000000", "8899aabbccddeeff0000000000000000");
    for (id, count) in [(dead, 3), (living, 1)] {
        let gateway = &id[..16];
        database.fill([format!("HSET host:gateways {gateway} {{}}"), format!("HSET host:gateway:{gateway}:counts a.b {count}")]);
        database.fill((0..count).map(|number| format!("ZADD asgi:group:version.a.b {now} specific.{id}!{number:032x}")));
        database.fill([format!("HINCRBY connections a.b {count}")]);
    }
    database.fill([format!("SET host:gateway:{} alive PX 60000", &living[..16])]);
    project.run("connections list --exact").succeeds().prints("a.b                                3                           3\n");
    let report = project.run("connections drop a.b --json").ends(1).json();
    assert_eq!((&report["connections"], &report["reached"], &report["dead"]), (&3.into(), &2.into(), &1.into()), "{report}");
    assert_eq!(sink.channels().len(), 2);
    assert_eq!(database.ask(&["EXISTS", &format!("asgispecific.{dead}!")]), "0");
}

#[test]
fn a_label_that_is_spelled_out_is_found_where_no_count_is_kept() {
    let (database, project) = filled(&[("a.b", 2)]);
    database.ask(&["HDEL", "connections", "a.b"]);
    project.run("connections list").succeeds().prints_only("label                              est. number of connections\n");
    project.run("connections list a.b --exact").succeeds().prints("none kept").prints(" 2\n");
    project.run("connections list a.c").ends(3);
}

#[test]
fn listing_never_writes() {
    let server = RedisOptions::default().line("user reader on >secret ~* +@read +@connection").start();
    server.client().pipeline(members("a.b", 3));
    let project = project_at(&server.url_of("reader:secret@", 0));
    project.run("connections list --exact").succeeds().prints("a.b ");
    project.run("connections drop a.b --dry-run").succeeds().prints("3 connections of 1 label would be dropped");
    // The same user may not send.
    let output = project.run("connections drop a.b").ends(1).says("NOPERM").says("3 are left");
    output.lacks("secret").lacks("reader").lacks("asgi");
    assert_eq!(server.ask(&["KEYS", "asgispecific*"]), "");
}

#[test]
fn without_a_filter_it_wants_all_or_a_yes() {
    let (database, project) = filled(&[("a.b", 2), ("c.d", 1)]);
    let output = project.run("connections drop").ends(5).says("a.b ").says("hint: pass `--yes`").says("pass `--all`, or name labels");
    assert!(output.stdout.is_empty(), "{output}");
    project.run("connections drop --json").ends(5);
    assert_eq!(database.ask(&["EXISTS", QUEUE]), "0");

    let mut terminal = Terminal::start(&project.run("connections drop"));
    terminal.sees("c.d").sees("drop all 3 connections of 2 labels?").types("n");
    assert!(terminal.ends(5).contains("nothing was done"));
    assert_eq!(database.ask(&["EXISTS", QUEUE]), "0");

    let sink = Sink::start(&database.url(), &[QUEUE.to_owned()]);
    let mut terminal = Terminal::start(&project.run("connections drop"));
    terminal.sees("drop all 3 connections of 2 labels?").types("y");
    terminal.ends(0);
    project.run("connections force_reload --yes").succeeds();
    project.run("connections force_reload --all").succeeds();
    assert_eq!(sink.channels().values().sum::<usize>(), 9);
}

#[test]
fn nothing_matched_is_exit_3_and_says_what_there_is() {
    let (_database, project) = filled(&[("a.production", 1)]);
    project.run("connections drop b.* c.*").ends(3).says("error: no label matches one of 2 filters").says("hint: there are `a.production`");
    project.run("connections force_reload A.production").ends(3);
    let error = project.run("connections drop nope --json").ends(3).json();
    assert_eq!(error["error"]["ending"], "not-met", "{error}");
    let (_database, empty) = filled(&[]);
    empty.run("connections drop --all").ends(3).says("there is no label");
    empty.run("connections list").succeeds();
}

#[test]
fn labels_outside_of_the_granted_patterns_do_not_exist() {
    let (database, project) = filled(&[("a.production", 1), ("a.staging", 2)]);
    let toml = project.read("host.toml");
    project.write("host.toml", toml.replace("labels = [\"*\"]", "labels = [\"*.production\"]"));
    let sink = Sink::start(&database.url(), &[QUEUE.to_owned()]);
    project.run("connections list --json").succeeds().prints("a.production").lacks("staging");
    project.run("connections list a.staging").ends(3).lacks("there are `a.staging`");
    project.run("connections drop a.staging").ends(3);
    project.run("connections drop --all").succeeds().prints("dropped 1 connection of 1 label").lacks("staging");
    assert_eq!(sink.channels().len(), 1);
}

#[test]
fn a_missing_power_is_exit_4_before_anything_is_looked_at() {
    let (_database, project) = filled(&[("a.b", 1)]);
    let toml = project.read("host.toml");
    for power in ["list", "drop", "reload"] {
        let others: Vec<String> =
            ["list", "drop", "reload"].iter().filter(|other| **other != power).map(|other| format!("\"{other}\"")).collect();
        project.write("host.toml", toml.replace("\"list\", \"drop\", \"reload\"", &others.join(", ")));
        project.run("connections list").ends(4).says(power).says("hint: ");
    }
    project.write("host.toml", toml.split("[commands").next().unwrap());
    project.run("connections list").ends(4).says("broadcast.allow = [\"list\", \"drop\", \"reload\"]");
}

#[test]
fn without_a_configured_application_it_says_what_to_write() {
    let project = project_at("redis://127.0.0.1:1/0");
    project.run("connections list").ends(9).says("redis cannot be reached").lacks("127.0.0.1");
    project.write("host.toml", project.read("host.toml").replace("[broadcast]\nredis = \"default\"\n", ""));
    project.run("connections list").ends(2).says("host.toml has no `[broadcast]`").says("hint: [broadcast]");
}

#[test]
fn a_queue_gets_one_message_with_all_its_channels_and_lives_a_minute() {
    let (database, project) = filled(&[("a.b", 20)]);
    project.run("connections drop a.b").ends(1).says("20 dead");
    assert_eq!(database.ask(&["ZCARD", QUEUE]), "1");
    let seconds: i64 = database.ask(&["TTL", QUEUE]).parse().unwrap();
    assert!((50..=60).contains(&seconds), "{seconds}");
    let sink = Sink::start(&database.url(), &[QUEUE.to_owned()]);
    project.run("connections force_reload a.b --interval 1").succeeds();
    let messages = sink.messages();
    assert_eq!((messages.len(), messages[0].2.len()), (21, 20));
    assert!(messages[1..].iter().all(|(_, _, channels)| channels.len() == 1));
}

#[test]
fn at_most_so_many_are_those_that_joined_first() {
    let (database, project) = filled(&[("a.b", 10)]);
    let sink = Sink::start(&database.url(), &[QUEUE.to_owned()]);
    for pace in ["", " --rate 1000/s"] {
        project.run(&format!("connections drop a.b --max 3{pace}")).succeeds().prints("dropped 3 connections");
    }
    let channels = sink.channels();
    let expected: Vec<String> = (0..3).map(|number| format!("{}{number:032x}", &QUEUE[4..])).collect();
    assert_eq!(channels.keys().cloned().collect::<Vec<_>>(), expected);
    project.run("connections drop a.b --max 3 --dry-run --over 10m").succeeds().prints("3 connections of 1 label would be dropped, in 10m");
}

#[test]
fn watching_shows_what_changed_until_it_is_interrupted() {
    let (database, project) = filled(&[("a.b", 1)]);
    let mut watching = Terminal::start(&project.run("connections list --watch"));
    watching.sees("a.b                                1");
    database.ask(&["HSET", "connections", "a.b", "42"]);
    watching.sees("a.b                                42").interrupts();
    watching.ends(130);
}

#[test]
fn progress_on_a_terminal_says_how_much_time_is_left() {
    let (_database, project) = filled(&[("a.b", 20)]);
    let mut dropping = Terminal::start(&project.run("connections drop a.b --over 30s").env("TERM", "xterm"));
    dropping.sees("s left").interrupts();
    let seen = dropping.ends(130);
    assert!(seen.contains("to go on: host run connections drop --resume "), "{seen}");
    // The host has nothing to add to what the command said.
    assert!(seen.matches("error: ").count() == 1 && !seen.contains("rolled back"), "{seen}");
}

#[test]
fn contradictions_and_nonsense_are_usage_errors() {
    let (_database, project) = filled(&[("a.b", 1)]);
    for words in [
        "",
        "drop a --all",
        "drop a --rate 5 --interval 5",
        "drop a --rate fast",
        "drop a --jitter 30%",
        "drop a --jitter 130% --rate 1",
        "drop a --max 0",
        "drop a --interval 0",
        "drop a --over soon",
        "drop --resume x --all",
        "drop --resume ../x",
        "drop --resume 0193",
        "lst",
    ] {
        project.run(&format!("connections {words}")).ends(2).says("hint: ");
    }
    project.run("connections lst").ends(2).says("did you mean `list`?");
}

#[test]
fn hostile_labels_and_patterns_break_neither_the_terminal_nor_the_journal() {
    let (database, project) = filled(&[("a.b", 1)]);
    let hostile = ["a\nb", "\u{1b}[2J\u{1b}]0;owned\u{7}", "[", "{}", "a\u{202e}b", "\"quoted\"", "日本.production"];
    for label in hostile {
        database.ask(&["HSET", "connections", label, "1"]);
    }
    database.ask(&["HSET", "connections", &"x".repeat(300), "1"]);
    let output = project.run("connections list --exact").succeeds().lacks("\u{1b}").lacks("\u{202e}").lacks("xxxxxxxx");
    assert_eq!(output.stdout.lines().count(), hostile.len() + 2, "{output}");
    let listed = project.run("connections list --json").succeeds().json();
    assert_eq!(listed["labels"].as_array().unwrap().len(), hostile.len() + 1, "{listed}");
    assert!(listed.to_string().contains("日本.production"), "{listed}");

    let (stars, brackets) = ("*".repeat(5_000), "[".repeat(5_000));
    let patterns = ["[", "[!", "a\nb", "\u{1b}[2J", stars.as_str(), "[a-", "*]*", "\\", brackets.as_str()];
    for pattern in patterns {
        let output = project.run("connections list").arg(pattern).start().wait().lacks("\u{1b}");
        assert!(matches!(output.code, Some(0 | 3)), "{output}");
    }
    project.run("connections list").arg(&stars).succeeds().prints("a.b ");
    project.run("connections list").arg("*".repeat(40_000)).ends(8).says("32768 bytes are possible");
    project.run("connections list").arg("").ends(2);
    for journal in std::fs::read_dir(project.path(".host/journal")).unwrap() {
        let text = std::fs::read_to_string(journal.unwrap().path()).unwrap();
        for line in text.lines() {
            let entry: serde_json::Value = serde_json::from_str(line).expect("each line is one JSON document");
            assert!(entry["event"].is_string() && line.len() < 200_000, "{line}");
        }
    }
}

#[test]
fn the_operators_budget_and_ceiling_hold_whatever_is_asked() {
    let (database, project) = filled(&[("a.b", 30)]);
    let sink = Sink::start(&database.url(), &[QUEUE.to_owned()]);
    project.grant("budgets.connections-dropped = \"50/s\"");
    let started = Instant::now();
    project.run("connections drop a.b --rate 5000/s").succeeds();
    project.run("connections drop a.b").succeeds();
    assert!(started.elapsed() >= Duration::from_millis(2 * 29 * 20), "{:?}", started.elapsed());
    assert_eq!(sink.messages().len(), 60, "a pace is a message for each");

    project.write("host.toml", project.read("host.toml").replace("\"50/s\"", "10"));
    for (words, sent) in [("drop a.b", 70), ("force_reload a.b --rate 1000", 80)] {
        let output = project.run(&format!("connections {words}")).ends(8).says("the budget `connections-dropped`");
        let output = output.says("10 of 30 connections were sent to, 20 are left").says("--resume");
        assert_eq!(sink.channels().values().sum::<usize>(), sent, "{output}");
    }
    project.run("connections drop a.b --max 10").succeeds();
}

#[test]
fn unix_sockets_users_and_tls_are_reached_and_a_cluster_is_refused() {
    let server = RedisOptions::default().line("user shop on >secret ~* &* +@all").start();
    server.client().pipeline(members("a.b", 3));
    let urls = [format!("unix://{}", server.socket().display()), server.url_of("shop:secret@", 0)];
    for url in urls {
        project_at(&url).run("connections list").succeeds().prints("a.b ");
    }
    project_at(&server.url_of("shop:wrong@", 0))
        .run("connections list")
        .ends(9)
        .says("user or password are wrong")
        .lacks("shop")
        .lacks("wrong@");
    let secure = RedisOptions::default().tls().start();
    secure.client().pipeline(members("a.b", 3));
    let project = project_at(&secure.url());
    project.run("connections list").env("SSL_CERT_FILE", authority().join("ca.crt")).succeeds().prints("a.b ");
    let sentinel = RedisSentinel::start();
    sentinel.master.client().pipeline(members("a.b", 3));
    project_at(&sentinel.url()).run("connections list").succeeds().prints("a.b ");
    let cluster = RedisCluster::start();
    project_at(&cluster.url()).run("connections list").ends(1).says("cluster");
}

#[test]
fn a_server_of_a_ring_that_is_away_is_named_by_its_number() {
    let mut away = Redis::start();
    let here = Redis::start();
    let project = project_at(&here.url());
    project.write(
        "host.toml",
        project.read("host.toml").replace(
            "[broadcast]\nredis = \"default\"",
            &format!("[redis.second]\nurl = \"{}\"\n[broadcast]\nredis = [\"default\", \"second\"]", away.url()),
        ),
    );
    // The group of this one is on the second server.
    here.ask(&["HSET", "connections", "unknown.unknown", "1"]);
    project.run("connections list").succeeds();
    away.stop();
    project.run("connections list").ends(9).says("server 2 of 2").lacks("127.0.0.1");
}

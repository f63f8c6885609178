//! `flush_cache` on a real Redis: what goes, what is spared, and what stops it.

use std::time::{Duration, Instant};

use crate::harness::{Output, Project, Redis, RedisCluster, RedisDatabase, RedisOptions, Terminal, python, redis_database, signal, until};
use crate::redis::journals;

/// A project whose `flush_cache` is granted this on a Redis.
fn project(url: &str, grant: &str) -> Project {
    let toml = format!(
        "[project]\nname = \"shop\"\n[redis.default]\nurl = \"{url}\"\n[commands.flush_cache]\nredis.default = {{ allow = [\"read\", \"delete\"], {grant} }}\n"
    );
    Project::new(&toml).command("flush_cache")
}

const ALL: &str = r#"keys = ["*"]"#;
const SHOP: &str = r#"keys = ["shop:*"]"#;

fn filled(commands: &[&str]) -> RedisDatabase {
    let database = redis_database();
    database.fill(commands.iter().map(|command| (*command).to_owned()));
    database
}

fn numbered(prefix: &str, count: u32) -> impl Iterator<Item = String> {
    (0..count).map(move |number| format!("SET {prefix}{number} value"))
}

/// A server with this many keys, to be killed or stopped.
fn server(count: u32) -> Redis {
    let server = Redis::start();
    server.client().pipeline(numbered("shop:cache:", count));
    server
}

fn size(server: &Redis) -> u32 {
    server.ask(&["DBSIZE"]).parse().unwrap()
}

/// What each class is known by, as its program writes it, and what looks alike.
const WRITTEN: [(&str, &[&str], &[&str]); 9] = [
    (
        "celery",
        &["RPUSH celery task", "SET celery-task-meta-6c8e1c9f x", "SET chord-unlock-1 x", "ZADD redbeat::schedule 1 a"],
        &["SET celery_stats x"],
    ),
    ("kombu", &["HSET unacked a b", "ZADD unacked_index 1 a", "RPUSH mail\x06\x163 task"], &["SET unacked_count x"]),
    (
        "channels",
        &["ZADD asgi:group:chat 1 a", "ZADD live:group:chat 1 a", "ZADD asgithumbnails 1 a"],
        &["SET live:group:chat2 cached", "SET asgi_docs x"],
    ),
    (
        "connections",
        &["HSET connections a.b 1", "SET connections:a.b exists", "ZADD version.a.b 1 x"],
        &["SET version.txt x", "SET connections_max 5"],
    ),
    ("bull", &["HSET bull:mail:1 a b", "RPUSH bull:mail:wait 1", "SET {bull}:mail:id 1"], &["SET bullion:price 5"]),
    (
        "sidekiq",
        &["SADD queues default", "RPUSH queue:default job", "ZADD retry 1 job", "SET stat:processed 7", "ZADD app:dead 1 job"],
        &["SET dead x", "SET queue:cached x", "SET retry:count 1"],
    ),
    ("rq", &["RPUSH rq:queue:default id", "HSET rq:job:1f2e a b"], &["SET rqst:1 x"]),
    ("queues", &["RPUSH dramatiq:default id", "ZADD arq:queue 1 id", "ZADD queues:mail:delayed 1 id"], &["SET queues:cached x"]),
    (
        "sessions",
        &["SET sess:J3mGHT4kmD x", "HSET spring:session:sessions:33fd a b", "SET PHPREDIS_SESSION:q1w2 x", "SET app:session:1 x"],
        &["SET sessionless:1 x"],
    ),
];

#[test]
fn each_class_is_spared_and_what_looks_alike_is_not() {
    for (class, own, alike) in WRITTEN {
        let database = filled(&[own, alike, &["SET cache:1 x"]].concat());
        let project = project(&database.url(), ALL);
        let output = project.run("flush_cache --all-of-db --yes").succeeds();
        let output = output.prints(&format!("spared {} keys: {class} {}", own.len(), own.len()));
        let output = output.prints(&format!("removed {} keys", alike.len() + 1));
        assert_eq!(database.keys().split_whitespace().count(), own.len(), "{}\n{output}", database.keys());
    }
}

#[test]
fn a_class_goes_when_it_is_named_and_the_others_stay() {
    let every = || filled(&WRITTEN.iter().map(|(_, own, _)| own[0]).collect::<Vec<_>>());
    for (class, own, _) in WRITTEN {
        let database = every();
        let project = project(&database.url(), ALL);
        let output = project.run("flush_cache --all-of-db --yes --include").arg(class).succeeds();
        output.prints("removed 1 key,").prints("spared 8 keys").lacks(&format!("{class} 1"));
        let key = own[0].split(' ').nth(1).unwrap();
        assert!(!database.keys().split_whitespace().any(|left| left == key), "{key} is left");
    }
    let database = every();
    let project = project(&database.url(), ALL);
    let all: Vec<&str> = WRITTEN.iter().map(|(class, ..)| *class).collect();
    project.run("flush_cache --all-of-db --yes --include").arg(all.join(",")).succeeds().prints("removed 9 keys");
    assert_eq!(database.keys(), "");
    project.run("flush_cache --all-of-db --yes --include cellery").ends(2).says("celery");
}

#[test]
fn queues_with_names_of_their_own_are_known_by_kombus_bindings() {
    let commands = [
        "SADD _kombu.binding.emails emails\x06\x16\x06\x16emails",
        "RPUSH emails task",
        "RPUSH high:priority task",
        "SADD _kombu.binding.high:priority x\x06\x16\x06\x16high:priority",
        "RPUSH shop:reports task",
        "SADD shop:_kombu.binding.reports reports\x06\x16\x06\x16reports",
        "SET notes x",
    ];
    let database = filled(&commands);
    // Enough that the first keys are removed before the bindings are seen, if nobody looks for them.
    database.fill(numbered("cache:", 20_000));
    let project = project(&database.url(), ALL);
    project.run("flush_cache --all-of-db --yes").succeeds().prints("removed 20,001 keys").prints("spared 6 keys: kombu 6");
    assert!(database.keys().contains("emails") && database.keys().contains("shop:reports"), "{}", database.keys());
    assert_eq!(walks(&project), 1, "the walk that removes came by the bindings");
}

/// How many walks over the keys were made.
fn walks(project: &Project) -> usize {
    journals(project).matches("read.scan").count()
}

#[test]
fn bindings_that_come_late_are_known_before_the_first_key_goes() {
    // Behind what is held back there is a walk for the bindings alone: 12,000 keys of 8 KB are more than that.
    for (count, length, expected) in [(20_000, 8, 1), (12_000, 8_000, 2)] {
        let server = Redis::start();
        let mut client = server.client();
        let long = "x".repeat(length);
        for from in (0..count).step_by(500) {
            client.pipeline((from..from + 500).map(|number| format!("SET cache:{number}:{long} 1")));
        }
        // Wherever the walk meets the one binding, it has met queues before.
        let queues: Vec<String> = (0..50).map(|number| format!("queue{number}")).collect();
        client.pipeline(queues.iter().map(|queue| format!("RPUSH {queue} task")));
        client.pipeline(queues.iter().map(|queue| format!("SADD _kombu.binding.all x\x06\x16\x06\x16{queue}")));
        let project = project(&server.url(), ALL);
        project.run("flush_cache --all-of-db --yes").succeeds().prints("spared 51 keys: kombu 51");
        assert_eq!((size(&server), walks(&project)), (51, expected));
    }
}

#[test]
fn a_prefix_does_not_hide_the_bindings_of_queues() {
    let commands = ["SADD _kombu.binding.x x\x06\x16\x06\x16shop:jobs", "RPUSH shop:jobs task", "SET shop:1 x", "SET notes x"];
    let database = filled(&commands);
    let project = project(&database.url(), ALL);
    project.run("flush_cache --prefix shop: --yes").succeeds().prints("removed 1 key,").prints("spared 1 key: kombu 1");
    assert_eq!(database.keys(), "_kombu.binding.x notes shop:jobs");
    project.run("flush_cache --prefix shop: --yes --include kombu").succeeds().prints("removed 1 key,");
}

#[test]
fn a_dry_run_shows_counts_and_bytes_by_the_first_segment_and_changes_nothing() {
    let database = redis_database();
    database.fill(numbered("shop:page:", 1_200).chain(numbered(":1:user:", 7)).chain(["SET plain x".into(), "SET sess:1 x".into()]));
    let project = project(&database.url(), ALL);
    let output = project.run("flush_cache --dry-run").succeeds().prints("KEYS BEGIN WITH").prints("spared 1 key: sessions 1");
    for (begin, count) in [("shop:", "1,200"), (":1:user:", "7"), ("(no `:`)", "1")] {
        let found = output.stdout.lines().any(|line| line.starts_with(begin) && line.split_whitespace().any(|word| word == count));
        assert!(found, "no row for {begin}\n{output}");
    }
    output.prints("would remove 1,208 keys");
    assert_eq!(database.ask(&["DBSIZE"]), "1209");
}

#[test]
fn few_keys_are_measured_exactly_and_many_are_estimated() {
    let database = redis_database();
    database.fill(numbered("shop:", 2_000));
    let project = project(&database.url(), SHOP);
    let measure = || project.run("flush_cache --dry-run --json").succeeds().json();
    let exact = measure();
    let usage: u64 = (0..2_000).map(|number| format!("shop:{number}")).map(|key| memory(&database, &key)).sum();
    assert_eq!((exact["bytes"].as_u64(), exact["bytes_exact"].as_bool()), (Some(usage), Some(true)));
    database.fill(numbered("shop:more:", 48_000));
    let about = measure();
    assert_eq!((about["keys"].as_u64(), about["bytes_exact"].as_bool()), (Some(50_000), Some(false)));
    let (estimate, one) = (about["bytes"].as_f64().unwrap(), memory(&database, "shop:more:24000"));
    let truth = usage as f64 + 48_000.0 * one as f64;
    assert!((estimate / truth - 1.0).abs() < 0.05, "{estimate} of {truth}");
    project.run("flush_cache --dry-run").succeeds().prints(", about ");
}

fn memory(database: &RedisDatabase, key: &str) -> u64 {
    database.ask(&["MEMORY", "USAGE", key]).parse().unwrap()
}

#[test]
fn a_prefix_means_the_keys_that_begin_so_and_stands_for_itself() {
    let database = filled(&["SET shop:a 1", "SET shop:ab 1", "SET shop:b 1", "SET sho*:c 1", "SET shoe:c 1"]);
    let project = project(&database.url(), ALL);
    project.run("flush_cache --yes --prefix shop:a").succeeds().prints("removed 2 keys");
    assert_eq!(database.keys(), "sho*:c shoe:c shop:b");
    project.run("flush_cache --yes --prefix sho*:").succeeds().prints("removed 1 key,");
    assert_eq!(database.keys(), "shoe:c shop:b");
}

#[test]
fn keys_outside_of_the_granted_patterns_stay() {
    let database = filled(&["SET shop:cache:1 1", "SET shop:other 1", "SET bank:cache:1 1"]);
    let project = project(&database.url(), r#"keys = ["shop:cache:*", "x*"]"#);
    project.run("flush_cache --yes").succeeds().prints("removed 1 key,");
    project.run("flush_cache --yes --prefix bank:").succeeds().prints("nothing to flush").prints("shop:cache:*");
    project.run("flush_cache --yes --all-of-db").succeeds().prints("nothing to flush");
    assert_eq!(database.keys(), "bank:cache:1 shop:other");
}

#[test]
fn a_hidden_prefix_is_enough_and_is_never_told() {
    let database = filled(&["SET tenant7/a:1 1", "SET tenant7/celery-task-meta-1 1", "RPUSH tenant7/celery task", "SET tenant8/a:1 1"]);
    let project = project(&database.url(), r#"keys = ["*"], prefix = "tenant7/""#);
    project.run("flush_cache --dry-run").succeeds().prints("a:").lacks("tenant");
    project.run("flush_cache --yes").succeeds().prints("removed 1 key,").prints("celery 2").lacks("tenant");
    assert_eq!(database.keys(), "tenant7/celery tenant7/celery-task-meta-1 tenant8/a:1");
}

#[test]
fn the_whole_database_has_to_be_meant() {
    let database = filled(&["SET a:1 1", "SET b:1 1"]);
    let project = project(&database.url(), ALL);
    let refused = project.run("flush_cache --yes").ends(5).says("--all-of-db").says("--prefix");
    assert!(refused.stdout.is_empty(), "{refused}");
    project.run("flush_cache --yes --json").ends(5).prints("\"exit_code\":5");
    assert_eq!(database.keys(), "a:1 b:1");
    project.run("flush_cache --all-of-db --yes").succeeds().prints("removed 2 keys");
    project.run("flush_cache --all-of-db --prefix a --yes").ends(2);
}

#[test]
fn without_the_powers_it_is_denied_before_it_starts() {
    let database = filled(&["SET shop:1 1"]);
    let all = project(&database.url(), SHOP);
    let toml = all.read("host.toml");
    for powers in ["\"read\"", "\"delete\""] {
        all.write("host.toml", toml.replace("\"read\", \"delete\"", powers));
        all.run("flush_cache --yes --prefix shop:").ends(4).says("flush_cache");
    }
    let other = project(&database.url(), SHOP);
    other.run("flush_cache --yes --redis other").ends(2).says("other");
    assert_eq!(database.keys(), "shop:1");
}

#[test]
fn the_budget_of_keys_stops_it() {
    let database = redis_database();
    database.fill(numbered("shop:", 100));
    let project = project(&database.url(), SHOP);
    project.grant("budgets.keys-deleted = 37");
    project.run("flush_cache --yes").ends(8).says("37 keys were removed").says("keys-deleted").says("hint: the rest is still there");
    assert_eq!(database.ask(&["DBSIZE"]), "63");
    project.run("flush_cache --yes --rate 200").ends(8).says("37 keys were removed").says("keys-deleted");
    assert_eq!(database.ask(&["DBSIZE"]), "26");
    project.run("flush_cache --yes").succeeds().prints("removed 26 keys");
    database.fill(numbered("shop:", 37));
    project.run("flush_cache --yes").succeeds().prints("removed 37 keys");
    database.fill(numbered("shop:", 38));
    let document = project.run("flush_cache --yes --json").ends(8).json();
    assert_eq!((&document["error"]["removed"], database.ask(&["DBSIZE"]).as_str()), (&37.into(), "1"), "{document}");
}

#[test]
fn a_rate_is_kept() {
    let database = redis_database();
    database.fill(numbered("shop:", 1_000));
    let project = project(&database.url(), SHOP);
    project.run("flush_cache --dry-run").succeeds();
    let output = project.run("flush_cache --yes --json --rate 500/s").succeeds();
    let milliseconds = output.json()["milliseconds"].as_u64().unwrap();
    assert!((1_950..2_500).contains(&milliseconds), "{milliseconds} ms for 1,000 keys at 500 a second\n{output}");
    project.run("flush_cache --yes --rate 0").ends(2).says("500/s");
}

#[test]
fn on_a_terminal_it_shows_what_goes_and_asks() {
    for (answer, code, left) in [("n", 5, "3"), ("y", 0, "1")] {
        let database = filled(&["SET shop:page:1 1", "SET shop:user:1 1", "SET shop:sess:1 1"]);
        let project = project(&database.url(), SHOP);
        let mut terminal = Terminal::start(&project.run("flush_cache"));
        terminal.sees("shop:page:").sees("spared 1 key: sessions 1").sees("Remove 2 keys").sees("y/N").types(answer);
        let seen = terminal.ends(code);
        assert_eq!(seen.contains("removed 2 keys"), code == 0, "{seen}");
        assert_eq!(database.ask(&["DBSIZE"]), left);
    }
}

#[test]
fn without_a_terminal_it_needs_yes_unless_there_is_nothing_to_do() {
    let database = filled(&["SET shop:1 1"]);
    let project = project(&database.url(), SHOP);
    project.run("flush_cache").ends(5).says("--yes");
    assert_eq!(database.keys(), "shop:1");
    database.ask(&["RENAME", "shop:1", "shop:sess:1"]);
    project.run("flush_cache").succeeds().prints("nothing to flush").prints("sessions 1").says("--include sessions");
    database.ask(&["DEL", "shop:sess:1"]);
    project.run("flush_cache").succeeds().prints("nothing to flush").prints("shop:*");
}

#[test]
fn json_is_one_document_with_what_was_removed_and_what_was_spared() {
    let database = filled(&["SET shop:a:1 1", "SET shop:a:2 1", "SET shop:b 1", "SET shop:sess:1 1"]);
    let project = project(&database.url(), SHOP);
    let document = project.run("flush_cache --json --yes").succeeds().json();
    assert_eq!((&document["v"], &document["keys"], &document["dry_run"]), (&1.into(), &3.into(), &false.into()));
    assert_eq!(document["spared"], serde_json::json!({"sessions": 1}));
    assert_eq!(document["bytes_exact"], true);
    let segments = document["segments"].as_array().unwrap();
    let brief: Vec<_> = segments.iter().map(|row| format!("{} {} {}", row["kind"], row["segment"], row["keys"])).collect();
    assert_eq!(brief, [r#""segment" "shop:a" 2"#, r#""bare" "shop:" 1"#]);
    let document = project.run("flush_cache --json --yes").succeeds().json();
    assert_eq!((&document["keys"], &document["spared"]), (&0.into(), &serde_json::json!({"sessions": 1})));
}

#[test]
fn a_server_that_dies_half_way_ends_9_and_the_message_says_how_far_it_came() {
    let mut server = server(20_000);
    let project = project(&server.url(), SHOP);
    let run = project.run("flush_cache --yes --rate 2000/s").start();
    until("some keys are removed", || size(&server) < 19_000);
    server.kill();
    let output = run.wait().ended(9).says("keys were removed").says("hint: ");
    assert!(!output.stderr.contains("127.0.0.1"), "the guest knows no address\n{output}");
    project.run("flush_cache --yes --prefix shop:").ends(9);
}

#[test]
fn an_interrupted_flush_ends_130_and_says_how_far_it_came() {
    let server = server(20_000);
    let project = project(&server.url(), SHOP);
    let run = project.run("flush_cache --yes --rate 2000/s").start();
    until("some keys are removed", || size(&server) < 19_000);
    signal("INT", run.id());
    let interrupted = Instant::now();
    let output = run.wait().ended(130).says("keys were removed");
    assert!(interrupted.elapsed() < Duration::from_secs(2), "{output}");
    let left = size(&server);
    assert!((1..19_000).contains(&left), "{left}");
    let told: u32 = told_number(&output).replace(',', "").parse().unwrap();
    assert!(told.abs_diff(20_000 - left) <= 100, "{told} of {}\n{output}", 20_000 - left);
    project.run("flush_cache --yes").succeeds().prints("removed");
    assert_eq!(size(&server), 0);
}

/// `1,234` of `1,234 keys were removed`.
fn told_number(output: &Output) -> &str {
    let (before, _) = output.stderr.split_once(" keys were removed").unwrap();
    before.rsplit(' ').next().unwrap()
}

#[test]
fn names_of_keys_never_reach_a_terminal_as_they_are() {
    let server = Redis::start();
    let mut client = server.client();
    let hostile: [&[u8]; 5] = [b"\x1b[2Jgone:1", b"a\r\nfake line:1", b"\xff\xfe\x9b31m:1", "\u{202e}txt.exe:1".as_bytes(), b"tab\there:1"];
    for key in hostile {
        client.ask_bytes(&[b"SET", key, b"x"]).unwrap();
    }
    let project = project(&server.url(), ALL);
    let output = project.run("flush_cache --dry-run").succeeds().prints(r"\x1b[2Jgone:").prints(r"\xff\xfe\x9b31m:");
    let raw = |bytes: &[u8]| bytes.iter().any(|byte| (*byte < b' ' && *byte != b'\n') || *byte == 0xff);
    assert!(!raw(&output.bytes) && !output.stdout.contains('\u{202e}') && !output.stdout.contains("\nfake"), "{output}");
    let mut terminal = Terminal::start(&project.run("flush_cache --all-of-db"));
    terminal.sees("y/N").types("y");
    let seen = terminal.ends(0);
    assert!(!seen.contains("\x1b[2Jgone") && !seen.contains('\u{202e}') && seen.contains("removed 5 keys"), "{seen:?}");
    assert_eq!(size(&server), 0);
    project.run("flush_cache --yes --prefix").arg("\u{1b}[2J").succeeds().prints(r"\x1b[2J").lacks("\u{1b}[2J");
}

/// Django's own cache and django-redis', each with sessions; Channels' core layer with a group and a named channel.
const DJANGO: &str = r#"
import asyncio, sys
import django
from django.conf import settings
url = sys.argv[1]
settings.configure(
    SECRET_KEY="tests",
    SESSION_ENGINE="django.contrib.sessions.backends.cache",
    CACHES={
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url},
        "shop": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": url, "KEY_PREFIX": "shop"},
    },
)
django.setup()
from django.core.cache import caches
from django.contrib.sessions.backends.cache import SessionStore
caches["default"].set("product_5", "x")
caches["default"].set("user:7", "x", version=2)
caches["shop"].set("views.page", "x")
session = SessionStore()
session["user"] = 1
session.save()
settings.SESSION_CACHE_ALIAS = "shop"
session = SessionStore()
session["user"] = 1
session.save()
from channels_redis.core import RedisChannelLayer
async def layers():
    for layer in (RedisChannelLayer(hosts=[url]), RedisChannelLayer(hosts=[url], prefix="live")):
        channel = await layer.new_channel()
        await layer.group_add("chat", channel)
        await layer.group_send("chat", {"type": "hello"})
    await RedisChannelLayer(hosts=[url]).send("thumbnails", {"type": "make"})
asyncio.run(layers())
"#;

#[test]
fn what_django_and_channels_write_is_told_apart() {
    let database = redis_database();
    python(DJANGO, &[&database.url()]);
    let project = project(&database.url(), ALL);
    let before = database.keys();
    let output = project.run("flush_cache --all-of-db --yes --json").succeeds();
    let document = output.json();
    assert_eq!(document["keys"], 3, "{before}\n{output}");
    assert_eq!(document["spared"], serde_json::json!({"channels": 5, "sessions": 2}), "{before}\n{output}");
    for gone in [":1:product_5", ":2:user:7", "shop:1:views.page"] {
        assert!(before.contains(gone) && !database.keys().contains(gone), "{gone}\n{before}");
    }
}

/// A real worker, which runs one task and is stopped; a task on a queue that nobody works on, one with a priority.
const CELERY: &str = r#"
import sys, threading, time
from celery import Celery
app = Celery("shop", broker=sys.argv[1], backend=sys.argv[1])
app.conf.update(broker_connection_retry_on_startup=True, result_expires=3600)
@app.task(name="shop.add")
def add(a, b):
    return a + b
from celery.contrib.testing.worker import start_worker
with start_worker(app, perform_ping_check=False, pool="solo", loglevel="ERROR"):
    assert add.delay(1, 2).get(timeout=20) == 3
add.apply_async((1, 2), queue="emails")
add.apply_async((1, 2), queue="celery")
add.apply_async((1, 2), queue="emails", priority=9)
"#;

#[test]
fn what_celery_writes_stays_its_queues_of_any_name_included() {
    let database = redis_database();
    python(CELERY, &[&database.url()]);
    database.fill(numbered("cache:", 100));
    database.fill(["SET page x".to_owned()]);
    let project = project(&database.url(), ALL);
    let before = database.keys();
    assert!(before.contains("emails") && before.contains("celery-task-meta-") && before.contains("_kombu.binding.emails"), "{before}");
    project.run("flush_cache --all-of-db --yes").succeeds().prints("removed 101 keys").prints("kombu").prints("celery");
    let expected: Vec<&str> = before.split_whitespace().filter(|key| !key.starts_with("cache:") && *key != "page").collect();
    assert_eq!(database.keys(), expected.join(" "));
    project.run("flush_cache --all-of-db --yes --include celery,kombu").succeeds();
    assert_eq!(database.keys(), "");
}

#[test]
fn a_server_that_does_not_tell_sizes_is_flushed_all_the_same() {
    let server = RedisOptions::default().line("rename-command MEMORY \"\"").start();
    server.client().pipeline(numbered("shop:", 10));
    let project = project(&server.url(), SHOP);
    project.run("flush_cache --dry-run").succeeds().prints("would remove 10 keys from");
    let document = project.run("flush_cache --yes --json").succeeds().json();
    assert_eq!((&document["keys"], &document["bytes"]), (&10.into(), &serde_json::Value::Null));
}

#[test]
fn on_a_cluster_the_keys_of_all_nodes_go() {
    let cluster = RedisCluster::start();
    for number in 0..50 {
        cluster.ask(&["SET", &format!("shop:{number}"), "x"]);
    }
    cluster.ask(&["SET", "shop:sess:1", "x"]);
    let project = project(&cluster.url(), SHOP);
    project.run("flush_cache --yes").succeeds().prints("removed 50 keys").prints("sessions 1");
    assert_eq!(cluster.keys(), "shop:sess:1");
}

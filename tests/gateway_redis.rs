//! The gateway and Redis: who is registered and how, broadcasts of every kind, outages, gateways that die.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use host::channels::message::{self, Kind};
use host::channels::{keys, ring};

use crate::connections::project_at;
use crate::harness::{Application, Gateway, Project, Redis, RedisOptions, Socket, State, python, redis_database, signal, until};

const LABEL: &str = "411b261.production";
const RELOAD: &str = r#"["connection.reload",{}]"#;
const DROPPED: (u16, &str) = (1012, "please reconnect");

fn options(redis: &Redis, more: &str) -> String {
    format!("--redis {} --prefix shop:asgi --label {LABEL} --liveness 3s --handshake-rate 0 {more}", redis.url())
}

fn connect(gateway: &Gateway, count: usize) -> Vec<Socket> {
    (0..count).map(|_| gateway.connect("/echo")).collect()
}

fn estimate(redis: &Redis) -> String {
    redis.ask(&["HGET", keys::ESTIMATES, LABEL])
}

#[track_caller]
fn counted(redis: &Redis, count: usize) {
    let members = || redis.ask(&["ZCARD", &keys::core_group("shop:asgi", LABEL)]);
    let count = count.to_string();
    until(&format!("{count} are registered"), || estimate(redis) == count && members() == count);
}

fn members(redis: &Redis) -> Vec<String> {
    redis.ask(&["ZRANGE", &keys::core_group("shop:asgi", LABEL), "0", "-1"]).split(' ').map(str::to_owned).collect()
}

/// What a broadcast of the core layer puts into a queue.
#[track_caller]
fn queue(redis: &Redis, kind: Kind, channels: &[&str]) {
    let queue = keys::core_queue("shop:asgi", keys::queue_of(channels[0]));
    let bytes = message::core(kind, rand::random(), channels);
    let added = redis.client().ask_bytes(&[b"ZADD", queue.as_bytes(), b"1", &bytes]).unwrap();
    assert_eq!(added, "1");
    until("the message is taken", || redis.ask(&["EXISTS", &queue]) == "0");
}

fn is_dropped(socket: &mut Socket) -> bool {
    socket.closed() == Some((DROPPED.0, DROPPED.1.to_owned()))
}

#[test]
fn connections_are_registered_as_a_worker_of_channels_registers_them() {
    let (redis, application) = (Redis::start(), Application::start());
    let gateway = Gateway::start(&application, &options(&redis, ""));
    let mut sockets = connect(&gateway, 3);
    counted(&redis, 3);
    assert_eq!(redis.ask(&["GET", &keys::alive(LABEL)]), "exists");
    let seconds = |key: &str| redis.ask(&["TTL", key]).parse::<u64>().unwrap();
    assert!((1..=60).contains(&seconds(&keys::alive(LABEL))));
    assert!((86_000..=86_400).contains(&seconds("shop:asgi:group:version.411b261.production")));
    for member in members(&redis) {
        let (queue, own) = member.strip_prefix("specific.").unwrap().split_once('!').unwrap();
        assert!([queue, own].iter().all(|part| part.len() == 32 && part.bytes().all(|byte| byte.is_ascii_hexdigit())), "{member}");
        let score: f64 = redis.ask(&["ZSCORE", "shop:asgi:group:version.411b261.production", &member]).parse().unwrap();
        assert!(score > 1.7e9 && score < 1e10);
    }
    sockets.pop();
    counted(&redis, 2);
    assert_eq!(gateway.metric("host_gateway_redis_up"), 1);
}

#[test]
fn a_drop_closes_whom_it_names_and_nobody_else() {
    let (redis, application) = (Redis::start(), Application::start());
    let gateway = Gateway::start(&application, &options(&redis, ""));
    let mut sockets = connect(&gateway, 3);
    counted(&redis, 3);
    let all = members(&redis);
    queue(&redis, Kind::Drop, &[&all[0], &all[2], "specific.0!0"]);
    counted(&redis, 1);
    let states: Vec<_> = sockets.iter_mut().map(Socket::state).collect();
    assert_eq!(states.iter().filter(|state| **state == State::Open).count(), 1, "{states:?}");
    let dropped = State::Closed(Some((DROPPED.0, DROPPED.1.to_owned())));
    assert_eq!(states.iter().filter(|state| **state == dropped).count(), 2, "{states:?}");
    assert_eq!(gateway.metric("host_gateway_drops_total"), 2);
    until("the application was left twice", || application.closes().iter().flatten().filter(|(code, _)| *code == 1001).count() == 2);
}

#[test]
fn code_and_reason_of_a_drop_can_be_chosen() {
    let (redis, application) = (Redis::start(), Application::start());
    let gateway = Gateway::start(&application, &options(&redis, "--close-code 4000 --close-reason moved"));
    let mut sockets = connect(&gateway, 1);
    counted(&redis, 1);
    queue(&redis, Kind::Drop, &[&members(&redis)[0]]);
    assert_eq!(sockets[0].closed(), Some((4000, "moved".to_owned())));
}

#[test]
fn a_reload_tells_the_page_and_closes_nothing() {
    let (redis, application) = (Redis::start(), Application::start());
    let gateway = Gateway::start(&application, &options(&redis, ""));
    let mut sockets = connect(&gateway, 2);
    counted(&redis, 2);
    let all = members(&redis);
    queue(&redis, Kind::Reload, &[&all[0], &all[1]]);
    for socket in &mut sockets {
        assert_eq!(socket.text(), RELOAD);
        assert!(socket.stays_open(Duration::from_secs(3)));
        socket.echoes("still here");
    }
    assert_eq!(gateway.metric("host_gateway_reloads_total"), 2);
    counted(&redis, 2);
}

#[test]
fn messages_that_are_none_change_nothing() {
    let (redis, application) = (Redis::start(), Application::start());
    let gateway = Gateway::start(&application, &options(&redis, ""));
    let mut sockets = connect(&gateway, 1);
    counted(&redis, 1);
    let member = members(&redis)[0].clone();
    let queue_key = keys::core_queue("shop:asgi", keys::queue_of(&member));
    let mut other = message::core(Kind::Drop, [0; 12], &[&member]);
    let place = other.windows(4).position(|bytes| bytes == b"drop").unwrap();
    other[place..place + 4].copy_from_slice(b"drip");
    for bytes in [&b""[..], b"x", &[0xff; 100], b"\xdf\xff\xff\xff\xff\xdf\xff\xff\xff\xff\xdf\xff\xff\xff\xff", &other] {
        redis.client().ask_bytes(&[b"ZADD", queue_key.as_bytes(), b"1", bytes]).unwrap();
    }
    until("they are taken", || redis.ask(&["EXISTS", &queue_key]) == "0");
    sockets[0].echoes("nothing happened");
    queue(&redis, Kind::Drop, &[&member]);
    assert!(is_dropped(&mut sockets[0]));
}

#[test]
fn the_pubsub_layer_is_obeyed_and_each_connection_is_one_receiver() {
    let (redis, application) = (Redis::start(), Application::start());
    let gateway = Gateway::start(&application, &options(&redis, "--mode pubsub"));
    let mut sockets = connect(&gateway, 2);
    let group = keys::group(LABEL);
    until("both are registered", || estimate(&redis) == "2" && redis.ask(&["ZCARD", &group]) == "2");
    let all: Vec<String> = redis.ask(&["ZRANGE", &group, "0", "-1"]).split(' ').map(str::to_owned).collect();
    assert!(all.iter().all(|member| member.strip_prefix("shop:asgispecific.").is_some_and(|id| id.len() == 32)), "{all:?}");
    let publish = |channel: &str, kind| redis.client().ask_bytes(&[b"PUBLISH", channel.as_bytes(), &message::pubsub(kind)]).unwrap();
    until("it listens", || publish(&all[0], Kind::Reload) == "1");
    assert_eq!(publish("shop:asgispecific.00000000000000000000000000000000", Kind::Drop), "0");
    assert_eq!(publish(&all[1], Kind::Drop), "1");
    until("one is left", || redis.ask(&["ZCARD", &group]) == "1" && estimate(&redis) == "1");
    let states: Vec<_> = sockets.iter_mut().map(Socket::state).collect();
    assert!(states.contains(&State::Said(RELOAD.to_owned())), "{states:?}");
    assert!(states.contains(&State::Closed(Some((DROPPED.0, DROPPED.1.to_owned())))), "{states:?}");
}

/// Sends with Django Channels' own layer, as a Django server would.
#[track_caller]
fn group_send(layer: &str, redis: &[&Redis], prefix: &str, kind: &str) {
    let hosts: Vec<String> = redis.iter().map(|redis| format!("'{}'", redis.url())).collect();
    let script = format!(
        "import asyncio\nfrom channels_redis.{layer} import *\nlayer = {}(hosts=[{}], prefix='{prefix}')\nasyncio.run(layer.group_send('version.{LABEL}', {{'type': 'connection.{kind}'}}))\n",
        if layer == "core" { "RedisChannelLayer" } else { "RedisPubSubChannelLayer" },
        hosts.join(", ")
    );
    python(&script, &[]);
}

#[test]
fn channels_own_group_send_reaches_the_connections() {
    let application = Application::start();
    for mode in ["core", "pubsub"] {
        let redis = Redis::start();
        let gateway = Gateway::start(&application, &options(&redis, &format!("--mode {mode}")));
        let mut sockets = connect(&gateway, 3);
        until("all are registered", || estimate(&redis) == "3");
        until("it listens", || mode == "core" || redis.ask(&["PUBSUB", "NUMPAT"]) == "2");
        group_send(mode, &[&redis], "shop:asgi", "reload");
        sockets.iter_mut().for_each(|socket| assert_eq!(socket.text(), RELOAD, "{mode}"));
        group_send(mode, &[&redis], "shop:asgi", "drop");
        assert!(sockets.iter_mut().all(is_dropped), "{mode}");
        until("nobody is left", || estimate(&redis).is_empty());
    }
}

#[test]
fn a_ring_of_two_servers_is_shared_as_channels_shares_it() {
    let application = Application::start();
    for mode in ["core", "pubsub"] {
        let (one, two) = (Redis::start(), Redis::start());
        let gateway = Gateway::start(&application, &options(&one, &format!("--mode {mode} --redis {}", two.url())));
        let mut sockets = connect(&gateway, 2);
        until("all are registered", || estimate(&one) == "2");
        assert_eq!(estimate(&two), "");
        let group = if mode == "core" { keys::core_group("shop:asgi", LABEL) } else { keys::group(LABEL) };
        let shard = if mode == "core" { ring::shard(&keys::group(LABEL), 2) } else { 0 };
        assert_eq!([&one, &two][shard].ask(&["ZCARD", &group]), "2");
        until("it listens", || mode == "core" || [&one, &two].iter().all(|redis| redis.ask(&["PUBSUB", "NUMPAT"]) == "2"));
        group_send(mode, &[&one, &two], "shop:asgi", "drop");
        assert!(sockets.iter_mut().all(is_dropped), "{mode}");
    }
}

#[test]
fn the_layer_is_recognised_by_what_servers_left_there() {
    let application = Application::start();
    let redis = Redis::start();
    redis.ask(&["HSET", keys::ESTIMATES, "older.production", "1"]);
    redis.ask(&["ZADD", "version.older.production", "1", "shop:asgispecific.x"]);
    let gateway = Gateway::start(&application, &options(&redis, ""));
    let _sockets = connect(&gateway, 1);
    until("it is registered", || redis.ask(&["ZCARD", &keys::group(LABEL)]) == "1");
    assert_eq!(redis.ask(&["HGET", keys::ESTIMATES, "older.production"]), "1");
}

#[test]
fn others_counts_are_added_to_and_never_set_over() {
    let (redis, application) = (Redis::start(), Application::start());
    redis.ask(&["HSET", keys::ESTIMATES, LABEL, "5"]);
    redis.ask(&["ZADD", "shop:asgi:group:version.411b261.production", "1", "specific.django!1"]);
    let gateway = Gateway::start(&application, &options(&redis, ""));
    let sockets = connect(&gateway, 3);
    until("they are added", || estimate(&redis) == "8");
    drop(sockets);
    until("they are taken away", || estimate(&redis) == "5");
    signal("TERM", gateway.id());
    gateway.wait().ended(0);
    assert_eq!(
        (estimate(&redis), redis.ask(&["ZRANGE", "shop:asgi:group:version.411b261.production", "0", "-1"])),
        ("5".to_owned(), "specific.django!1".to_owned())
    );
}

#[test]
fn a_gateway_that_ends_leaves_nothing_of_its_own() {
    let (redis, application) = (Redis::start(), Application::start());
    let gateway = Gateway::start(&application, &options(&redis, "--drain 1s"));
    let _sockets = connect(&gateway, 20);
    counted(&redis, 20);
    signal("TERM", gateway.id());
    gateway.wait().ended(0);
    // What says that a label is alive is shared, and expires by itself.
    assert_eq!(redis.ask(&["KEYS", "*"]), keys::alive(LABEL));
}

#[test]
fn two_gateways_share_the_work_and_a_broadcast_reaches_both() {
    let (redis, application) = (Redis::start(), Application::start());
    let one = Gateway::start(&application, &options(&redis, ""));
    let two = Gateway::start(&application, &options(&redis, ""));
    let mut sockets = connect(&one, 2);
    sockets.extend(connect(&two, 3));
    counted(&redis, 5);
    until("they know each other", || one.metric("host_gateway_gateways") == 2 && two.metric("host_gateway_gateways") == 2);
    group_send("core", &[&redis], "shop:asgi", "reload");
    sockets.iter_mut().for_each(|socket| assert_eq!(socket.text(), RELOAD));
    group_send("core", &[&redis], "shop:asgi", "drop");
    assert!(sockets.iter_mut().all(is_dropped));
    until("nobody is left", || estimate(&redis).is_empty());
}

#[test]
fn the_connections_of_a_killed_gateway_are_gone_within_its_liveness() {
    let (redis, application) = (Redis::start(), Application::start());
    let mut killed = Gateway::start(&application, &options(&redis, ""));
    let survivor = Gateway::start(&application, &options(&redis, ""));
    let _sockets = connect(&killed, 1000);
    let mut others = connect(&survivor, 2);
    counted(&redis, 1002);
    killed.kill();
    let since = Instant::now();
    counted(&redis, 2);
    assert!(since.elapsed() < Duration::from_millis(3500), "{:?}", since.elapsed());
    until("it is counted", || survivor.metric("host_gateway_reaped_connections_total") == 1000);
    assert_eq!(redis.ask(&["HLEN", "host:gateways"]), "1");
    others[0].echoes("undisturbed");
}

#[test]
fn a_gateway_that_starts_again_tidies_up_after_the_killed_one() {
    let (redis, application) = (Redis::start(), Application::start());
    for mode in ["core", "pubsub"] {
        redis.ask(&["FLUSHALL"]);
        let mut killed = Gateway::start(&application, &options(&redis, &format!("--mode {mode}")));
        let _sockets = connect(&killed, 50);
        until("all are registered", || estimate(&redis) == "50");
        killed.kill();
        let again = Gateway::start(&application, &options(&redis, &format!("--mode {mode}")));
        until("they are gone", || estimate(&redis).is_empty());
        assert_eq!(again.metric("host_gateway_reaped_connections_total"), 50);
        let group = if mode == "core" { keys::core_group("shop:asgi", LABEL) } else { keys::group(LABEL) };
        assert_eq!(redis.ask(&["EXISTS", &group]), "0");
    }
}

#[test]
fn a_gateway_that_was_taken_for_dead_registers_again() {
    let (redis, application) = (Redis::start(), Application::start());
    let frozen = Gateway::start(&application, &options(&redis, ""));
    let _survivor = Gateway::start(&application, &options(&redis, ""));
    let mut sockets = connect(&frozen, 10);
    counted(&redis, 10);
    signal("STOP", frozen.id());
    until("it is taken for dead", || estimate(&redis).is_empty());
    signal("CONT", frozen.id());
    counted(&redis, 10);
    sockets[0].echoes("undisturbed");
    until("both are known", || redis.ask(&["HLEN", "host:gateways"]) == "2");
}

/// Clients that echo all the time in a thread until told to stop; panics when one is disturbed.
fn load(gateway: &Gateway, stop: &Arc<AtomicBool>) -> std::thread::JoinHandle<u64> {
    let (mut sockets, stop) = (connect(gateway, 5), Arc::clone(stop));
    std::thread::spawn(move || {
        let mut echoes = 0;
        while !stop.load(Ordering::SeqCst) {
            sockets.iter_mut().for_each(|socket| socket.echoes("load"));
            echoes += 5;
        }
        echoes
    })
}

#[test]
fn redis_may_stop_and_start_under_load_and_no_client_notices() {
    let application = Application::start();
    for kept in [false, true] {
        let start = if kept { RedisOptions::default().kept() } else { RedisOptions::default() };
        let mut redis = start.start();
        let gateway = Gateway::start(&application, &options(&redis, ""));
        let stop = Arc::new(AtomicBool::new(false));
        let echoing = load(&gateway, &stop);
        let mut before = connect(&gateway, 10);
        counted(&redis, 15);
        redis.kill();
        until("it is noticed", || gateway.metric("host_gateway_redis_up") == 0);
        assert!(gateway.get("/healthz").1.ends_with("ok\nredis: down\n"));
        before.truncate(3);
        let _during = connect(&gateway, 4);
        redis.restart();
        counted(&redis, 12);
        stop.store(true, Ordering::SeqCst);
        assert!(echoing.join().expect("no client was disturbed") > 0);
        counted(&redis, 7);
        group_send("core", &[&redis], "shop:asgi", "drop");
        assert!(before.iter_mut().all(is_dropped));
    }
}

#[test]
fn a_redis_that_hangs_does_not_hold_up_clients() {
    let (redis, application) = (Redis::start(), Application::start());
    let gateway = Gateway::start(&application, &options(&redis, ""));
    let mut sockets = connect(&gateway, 2);
    counted(&redis, 2);
    redis.hang();
    let started = Instant::now();
    sockets.extend(connect(&gateway, 20));
    sockets.iter_mut().for_each(|socket| socket.echoes("at once"));
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    sockets.truncate(1);
    redis.go_on();
    counted(&redis, 1);
}

#[test]
fn a_redis_that_was_emptied_is_filled_again() {
    let (redis, application) = (Redis::start(), Application::start());
    let gateway = Gateway::start(&application, &options(&redis, ""));
    let _sockets = connect(&gateway, 7);
    counted(&redis, 7);
    redis.ask(&["FLUSHALL"]);
    counted(&redis, 7);
    redis.ask(&["DEL", "shop:asgi:group:version.411b261.production"]);
    counted(&redis, 7);
}

#[test]
fn a_gateway_starts_without_its_redis_and_registers_once_it_is_there() {
    let application = Application::start();
    let mut redis = Redis::start();
    redis.kill();
    let gateway = Gateway::start(&application, &options(&redis, ""));
    let mut sockets = connect(&gateway, 2);
    sockets[0].echoes("served");
    assert!(gateway.get("/healthz").1.ends_with("ok\nredis: down\n"));
    redis.restart();
    counted(&redis, 2);
    signal("TERM", gateway.id());
    gateway.wait().ended(0).says("Redis cannot be reached").says("2 connections registered in Redis (core layer)");
}

#[test]
fn hosts_toml_says_where_redis_is() {
    let (database, application) = (redis_database(), Application::start());
    let project = Project::new("[redis.live]\nurl = \"${LIVE}\"\n[broadcast]\nredis = \"live\"\nprefix = \"from:toml\"\nmode = \"core\"\n");
    let port = crate::harness::free_port();
    let words = format!("gateway --listen 127.0.0.1:{port} --upstream ws://127.0.0.1:{} --label a.b", application.port);
    let mut started = project.host(&words).env("LIVE", database.url()).start();
    until("it is ready", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    let _socket = tokio_tungstenite::tungstenite::connect(format!("ws://127.0.0.1:{port}/echo")).unwrap();
    until("it is registered", || database.ask(&["ZCARD", "from:toml:group:version.a.b"]) == "1");
    assert!(started.is_running());
    signal("TERM", started.id());
    started.wait().ended(0);
}

#[test]
fn thousands_of_joins_are_few_round_trips() {
    let (redis, application) = (Redis::start(), Application::start());
    let gateway = Gateway::start(&application, &options(&redis, ""));
    let _first = connect(&gateway, 1);
    counted(&redis, 1);
    let commands = |name: &str| {
        let stats = redis.ask(&["INFO", "commandstats"]);
        let line =
            stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{name}:calls="))?.split(',').next()?.parse::<u64>().ok());
        line.unwrap_or(0)
    };
    let before = commands("zadd");
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let port = gateway.port;
            std::thread::spawn(move || {
                (0..100)
                    .map(|_| {
                        tokio_tungstenite::tungstenite::client(format!("ws://127.0.0.1:{port}/echo"), crate::harness::stream(port)).unwrap()
                    })
                    .collect::<Vec<_>>()
            })
        })
        .collect();
    let sockets: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    counted(&redis, 801);
    let spent = commands("zadd") - before;
    assert!(spent < 200, "{spent} commands for {} connections", sockets.len());
}

#[test]
fn a_redis_user_needs_no_more_than_these_rights() {
    let application = Application::start();
    let user = "user edge on >secret allchannels ~connections ~connections:* ~host:gateway* ~shop:asgi* ~version.* +hget +hgetall +hkeys +hset +hdel +hincrby +hexists +set +setex +psetex +exists +expire +del +zadd +zrem +zcard +zscore +zscan +bzpopmin +zpopmin +multi +exec +watch +unwatch +select +ping +psubscribe +punsubscribe +client +hello";
    for mode in ["core", "pubsub"] {
        let redis = RedisOptions::default().line(user).start();
        let url = redis.url_of("edge:secret@", 0);
        let gateway =
            Gateway::start(&application, &format!("--redis {url} --prefix shop:asgi --label {LABEL} --liveness 3s --mode {mode}"));
        let mut sockets = connect(&gateway, 2);
        until("they are registered", || estimate(&redis) == "2");
        until("it listens", || mode == "core" || redis.ask(&["PUBSUB", "NUMPAT"]) == "2");
        std::thread::sleep(Duration::from_secs(1));
        group_send(mode, &[&redis], "shop:asgi", "drop");
        assert!(sockets.iter_mut().all(is_dropped), "{mode}");
        signal("TERM", gateway.id());
        gateway.wait().ended(0).lacks("secret").lacks("cannot be reached");
    }
}

#[test]
fn the_connections_command_lists_reloads_and_drops_what_a_gateway_holds() {
    let application = Application::start();
    for mode in ["core", "pubsub"] {
        let database = RedisOptions::default().start();
        let project = project_at(&database.url());
        let one = Gateway::start(&application, &format!("--redis {} --label a.b --liveness 3s --mode {mode}", database.url()));
        let mut killed = Gateway::start(&application, &format!("--redis {} --label a.b --liveness 60s --mode {mode}", database.url()));
        let mut sockets = connect(&one, 3);
        let _lost = connect(&killed, 2);
        until("all are registered", || database.ask(&["HGET", keys::ESTIMATES, "a.b"]) == "5");
        until("both listen, to one pattern together", || mode == "core" || database.ask(&["PUBSUB", "NUMPAT"]) == "3");
        killed.kill();
        let counted = |what: u64| {
            let listed = project.run("connections list --exact --json").succeeds().json();
            assert_eq!(listed["labels"][0]["counted"], what, "{mode}: {listed}");
        };
        counted(5);
        // As if its time had passed, whether the other one tidied up yet or not.
        let ids = database.ask(&["HKEYS", keys::GATEWAYS]);
        let alive = |id: &&str| database.ask(&["PTTL", &keys::gateway_alive(id)]).parse::<i64>().unwrap() > 3000;
        let dead = ids.split(' ').find(alive).expect("the one that lives longer");
        database.ask(&["DEL", &keys::gateway_alive(dead)]);
        counted(3);
        project.run("connections force_reload a.* --yes").succeeds();
        sockets.iter_mut().for_each(|socket| assert_eq!(socket.text(), RELOAD));
        project.run("connections drop --all --yes").succeeds();
        assert!(sockets.iter_mut().all(is_dropped), "{mode}");
        until("nobody is left", || database.ask(&["EXISTS", keys::ESTIMATES]) == "0");
    }
}

#[test]
fn hundreds_of_connections_over_two_gateways_are_listed_reloaded_and_dropped_as_one() {
    const EACH: usize = 300;
    let (redis, application) = (Redis::start(), Application::start());
    let project = project_at(&redis.url());
    let gateways = [(); 2].map(|()| Gateway::start(&application, &format!("--redis {} --label a.b --handshake-rate 0", redis.url())));
    let mut sockets: Vec<Socket> = gateways.iter().flat_map(|gateway| connect(gateway, EACH)).collect();
    until("all are registered", || redis.ask(&["HGET", keys::ESTIMATES, "a.b"]) == "600");
    let label = project.run("connections list --exact --json").succeeds().json()["labels"][0].clone();
    assert_eq!((&label["estimate"], &label["counted"]), (&600.into(), &600.into()), "{label}");
    let tell = |verb: &str| {
        let told = project.run(&format!("connections {verb} --all --yes --json")).succeeds().json();
        assert_eq!((&told["sent"], &told["reached"], &told["dead"]), (&600.into(), &600.into(), &0.into()), "{told}");
    };
    tell("force_reload");
    sockets.iter_mut().for_each(|socket| assert_eq!(socket.text(), RELOAD));
    assert_eq!(redis.ask(&["HGET", keys::ESTIMATES, "a.b"]), "600", "a reload closes nothing");
    tell("drop");
    assert!(sockets.iter_mut().all(is_dropped));
    until("nobody is left", || redis.ask(&["EXISTS", keys::ESTIMATES]) == "0");
    for gateway in &gateways {
        let counts = ["reloads", "drops"].map(|what| gateway.metric(&format!("host_gateway_{what}_total")));
        assert_eq!(counts, [EACH as u64; 2]);
    }
}

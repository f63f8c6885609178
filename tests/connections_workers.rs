//! `connections` against real workers: Django Channels on both layers of channels_redis, with real websocket clients.

use crate::harness::{Project, Redis, Worker, redis_database, until};

/// A project with these servers as a ring, and the command with all powers on all labels.
fn project(urls: &[String], prefix: &str) -> Project {
    let servers: String = urls.iter().enumerate().map(|(index, url)| format!("[redis.r{index}]\nurl = \"{url}\"\n")).collect();
    let names: Vec<String> = (0..urls.len()).map(|index| format!("\"r{index}\"")).collect();
    Project::new(&format!(
        "[project]\nname = \"shop\"\n{servers}[broadcast]\nredis = [{}]\nprefix = \"{prefix}\"\n\
         [commands.connections]\nbroadcast = {{ allow = [\"list\", \"drop\", \"reload\"], labels = [\"*\"] }}\n",
        names.join(", ")
    ))
    .command("connections")
}

fn reloads_and_drops(mode: &str, prefix: &str, urls: &[String], count: usize) {
    let project = project(urls, prefix);
    let worker = Worker::start(mode, prefix, "411b261.production", urls);
    let clients = worker.clients(count);

    let text = "label                              est. number of connections\n411b261.production                 ";
    project.run("connections list").succeeds().prints_only(&format!("{text}{count}\n"));
    let listed = project.run("connections list --exact --json").succeeds().json();
    assert_eq!(listed["layer"], mode, "{listed}");
    assert_eq!(listed["labels"][0]["counted"], count, "{listed}");
    assert_eq!(listed["labels"][0]["alive"], true, "{listed}");

    project.run("connections force_reload 411b261.* --interval 1").succeeds().prints(&format!("{count} connections of 1 label"));
    until("each browser is told to reload", || clients.texts().len() == count);
    assert!(clients.texts().iter().all(|text| text == "[\"connection.reload\",{}]"), "{:?}", clients.texts());
    assert!(clients.closed().is_empty(), "{mode}");

    // Both filters match, each connection gets one message.
    let dropped = project.run("connections drop 411* *.production --json").succeeds().json();
    assert_eq!((&dropped["reached"], &dropped["dead"], &dropped["resume"]), (&count.into(), &0.into(), &serde_json::Value::Null));
    until("each connection is closed", || clients.closed().len() == count);
    assert!(clients.closed().iter().all(|code| code == "1000"), "{:?}", clients.closed());
    until("the worker tells of each", || worker.got("connection.drop").len() == count);
    let got = worker.got("connection.drop");
    assert!(got.len() == count && got.values().all(|times| *times == 1), "{got:?}");

    until("the count falls", || project.run("connections list").succeeds().stdout.ends_with(" 0\n"));
    project.run("connections drop --all").succeeds().prints("dropped 0 connections of 1 label");
}

#[test]
fn workers_on_the_core_layer_reload_and_drop_their_clients() {
    reloads_and_drops("core", "asgi", &[redis_database().url()], 7);
}

#[test]
fn workers_on_the_pubsub_layer_reload_and_drop_their_clients() {
    reloads_and_drops("pubsub", "asgi", &[redis_database().url()], 7);
}

#[test]
fn a_prefix_that_ends_in_a_colon_is_the_servers_own() {
    reloads_and_drops("core", "venueless:0:asgi:", &[redis_database().url()], 3);
    reloads_and_drops("pubsub", "eventyay:asgi:", &[redis_database().url()], 3);
}

#[test]
fn a_ring_of_two_servers_reaches_everybody() {
    let (one, other) = (Redis::start(), Redis::start());
    let urls = [one.url(), other.url()];
    reloads_and_drops("pubsub", "asgi", &urls, 12);
    // A worker has one queue on one of them: with several workers both are met.
    reloads_and_drops("core", "asgi", &urls, 12);
    let project = project(&urls, "asgi");
    let workers: Vec<Worker> = (0..4).map(|_| Worker::start("core", "asgi", "next.production", &urls)).collect();
    let clients: Vec<_> = workers.iter().map(|worker| worker.clients(3)).collect();
    project.run("connections drop next.*").succeeds().prints("dropped 12 connections");
    for clients in &clients {
        until("each connection is closed", || clients.closed().len() == 3);
    }
}

#[test]
fn connections_of_a_killed_worker_are_reported_dead_and_the_others_are_reached() {
    for mode in ["core", "pubsub"] {
        let database = redis_database();
        let project = project(&[database.url()], "asgi");
        let mut killed = Worker::start(mode, "asgi", "a.production", &[database.url()]);
        let living = Worker::start(mode, "asgi", "a.production", &[database.url()]);
        let (_gone, clients) = (killed.clients(4), living.clients(3));
        killed.kill();
        let output = project.run("connections drop a.*").ends(1).says("error: 4 connections not reached").says("hint: 4 dead");
        output.prints("dropped 3 connections of 1 label");
        until("the living are closed", || clients.closed().len() == 3);
        let report = project.run("connections force_reload a.* --json").ends(1).json();
        assert_eq!((&report["dead"], &report["labels"][0]["dead"], &report["unknown"]), (&4.into(), &4.into(), &0.into()), "{report}");
        // Members are the application's to forget.
        until("only the dead are counted", || {
            project.run("connections list --exact --json").succeeds().json()["labels"][0]["counted"] == 4
        });
    }
}

#[test]
fn the_mode_can_be_said_instead_of_found() {
    let database = redis_database();
    let project = project(&[database.url()], "asgi");
    let worker = Worker::start("core", "asgi", "a.b", &[database.url()]);
    let _clients = worker.clients(2);
    let toml = project.read("host.toml");
    for (mode, counted) in [("pubsub", 0), ("core", 2), ("auto", 2)] {
        project.write("host.toml", toml.replace("[broadcast]\n", &format!("[broadcast]\nmode = \"{mode}\"\n")));
        let listed = project.run("connections list --exact --json").succeeds().json();
        assert_eq!(listed["labels"][0]["counted"], counted, "{mode}: {listed}");
    }
}

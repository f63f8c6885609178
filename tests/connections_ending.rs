//! `connections` that take their time: pace, interruption, going on, a server that is lost.

use std::time::{Duration, Instant};

use crate::connections::{QUEUE, members, project_at, project_with};
use crate::harness::{Output, Project, RedisOptions, Sink, redis_database, signal, until};

/// The run that the hint names.
#[track_caller]
fn resume_token(output: &Output) -> String {
    let (_, rest) = output.stderr.split_once("--resume ").unwrap_or_else(|| panic!("no way to go on\n{output}"));
    rest.split_whitespace().next().unwrap().to_owned()
}

fn each_once(sink: &Sink, count: usize) {
    let channels = sink.channels();
    assert_eq!(channels.len(), count);
    assert!(channels.values().all(|times| *times == 1), "{channels:?}");
}

fn left_behind(project: &Project) -> usize {
    std::fs::read_dir(project.path(".host/broadcast")).map_or(0, |files| files.count())
}

#[test]
fn ctrl_c_stops_says_how_far_it_came_and_another_run_goes_on() {
    let database = redis_database();
    database.fill(members("a.b", 40));
    let project = project_at(&database.url());
    let sink = Sink::start(&database.url(), &[QUEUE.to_owned()]);
    let running = project.run("connections drop a.b --rate 20/s").start();
    until("some are dropped", || sink.messages().len() >= 10);
    signal("INT", running.id());
    let interrupted = Instant::now();
    let output = running.wait().ended(130).says("of 40 connections were sent to");
    assert!(interrupted.elapsed() < Duration::from_secs(2), "{output}");
    let reached = sink.messages().len();
    assert!((10..30).contains(&reached), "{output}");
    let token = resume_token(&output);
    // Somebody who joined meanwhile is no part of it.
    database.fill([format!("ZADD asgi:group:version.a.b 9999999999 {}late", &QUEUE[4..])]);
    // The pace goes on too: it cannot be over at once.
    let resumed = Instant::now();
    project.run(&format!("connections drop --resume {token}")).succeeds().prints(&format!("dropped {} connections", 40 - reached));
    assert!(resumed.elapsed() > Duration::from_millis(u64::try_from(39 - reached).unwrap() * 50), "{:?}", resumed.elapsed());
    each_once(&sink, 40);
    project.run(&format!("connections drop --resume {token}")).ends(2).says("was resumed by run");
}

#[test]
fn a_broadcast_of_one_kind_is_not_resumed_as_the_other_and_not_by_labels_of_another_grant() {
    let database = redis_database();
    database.fill(members("a.b", 20));
    let project = project_with(
        &database.url(),
        "broadcast = { allow = [\"list\", \"drop\", \"reload\"], labels = [\"*\"] }\nbudgets.connections-dropped = 5",
    );
    let sink = Sink::start(&database.url(), &[QUEUE.to_owned()]);
    let mut token = resume_token(&project.run("connections drop a.b").ends(8));
    project.run(&format!("connections force_reload --resume {token}")).ends(2).says("was a `drop`, not a `reload`");
    let toml = project.read("host.toml");
    project.write("host.toml", toml.replace("labels = [\"*\"]", "labels = [\"c.*\"]"));
    project.run(&format!("connections drop --resume {token} --json")).start().wait();
    assert_eq!(sink.channels().len(), 5);
    project.write("host.toml", toml);
    // A drop whose labels were all taken away has nothing left to resume.
    let again = project.run("connections drop a.b").ends(8);
    token = resume_token(&again);
    for left in [10, 5] {
        let output = project.run(&format!("connections drop --resume {token}")).ends(8).says(&format!("{left} are left"));
        token = resume_token(&output);
    }
    project.run(&format!("connections drop --resume {token}")).succeeds();
    assert_eq!(sink.channels().len(), 20);
    assert!(left_behind(&project) >= 1, "files of runs that were resumed name who did it");
    project.run(&format!("connections drop --resume {token}")).ends(2);
}

#[test]
fn an_interrupted_run_prints_one_json_document() {
    let database = redis_database();
    database.fill(members("a.b", 40));
    let project = project_at(&database.url());
    let sink = Sink::start(&database.url(), &[QUEUE.to_owned()]);
    let running = project.run("connections force_reload a.b --interval 50 --json").start();
    until("some are told", || sink.messages().len() >= 5);
    signal("INT", running.id());
    let error = running.wait().ended(130).json();
    assert_eq!(error["error"]["ending"], "interrupted", "{error}");
    assert_eq!(error["error"]["action"], "force_reload", "{error}");
    assert!(error["error"]["resume"].is_string() && error["error"]["sent"].as_u64().unwrap() >= 5, "{error}");
}

#[test]
fn time_that_is_over_ends_with_124_and_the_way_to_go_on() {
    let database = redis_database();
    database.fill(members("a.b", 40));
    let project = project_at(&database.url());
    let sink = Sink::start(&database.url(), &[QUEUE.to_owned()]);
    let output = project.host("run --timeout 1s connections drop a.b --over 1m").ends(124);
    let token = resume_token(&output);
    project.run(&format!("connections drop --resume {token} --rate 1000/s")).succeeds();
    each_once(&sink, 40);
    project.run("connections drop a.b --over 2h --max 1").succeeds().says("this takes 2h, and the run ends in 59m");
    project.grant("limits.time = \"3h\"");
    project.run("connections drop a.b --over 2h --max 1").succeeds().lacks("this takes");
}

#[test]
fn a_redis_that_is_restarted_meanwhile_is_waited_for_and_everybody_is_reached() {
    let mut server = RedisOptions::default().kept().start();
    server.client().pipeline(members("a.b", 60));
    let project = project_at(&server.url());
    let sink = Sink::start(&server.url(), &[QUEUE.to_owned()]);
    let running = project.run("connections drop a.b --rate 30/s").start();
    until("some are dropped", || sink.messages().len() >= 10);
    server.kill();
    std::thread::sleep(Duration::from_millis(1500));
    server.restart();
    running.wait().ended(0).says("redis was lost").prints("dropped 60 connections of 1 label");
    assert_eq!(sink.channels().len(), 60);
}

#[test]
fn a_redis_that_does_not_come_back_is_exit_9_with_the_progress_kept() {
    let mut server = RedisOptions::default().kept().start();
    server.client().pipeline(members("a.b", 60));
    let project = project_at(&server.url());
    let sink = Sink::start(&server.url(), &[QUEUE.to_owned()]);
    let running = project.run("connections drop a.b --rate 30/s").start();
    until("some are dropped", || sink.messages().len() >= 10);
    server.kill();
    let output = running.wait().ended(9).says("redis cannot be reached").says("are left").lacks("127.0.0.1");
    let token = resume_token(&output);
    server.restart();
    project.run(&format!("connections drop --resume {token}")).succeeds();
    assert_eq!(sink.channels().len(), 60);
}

#[test]
fn a_redis_that_hangs_does_not_hold_an_interruption() {
    let server = RedisOptions::default().start();
    server.client().pipeline(members("a.b", 60));
    let project = project_at(&server.url());
    let sink = Sink::start(&server.url(), &[QUEUE.to_owned()]);
    let running = project.run("connections drop a.b --rate 30/s").start();
    until("some are dropped", || sink.messages().len() >= 10);
    server.hang();
    std::thread::sleep(Duration::from_millis(300));
    let asked = Instant::now();
    signal("INT", running.id());
    let output = running.wait().ended(130).says("are left").says("--resume");
    assert!(asked.elapsed() < Duration::from_secs(2), "{output}");
    server.go_on();
    let token = resume_token(&output);
    project.run(&format!("connections drop --resume {token}")).succeeds();
    assert_eq!(sink.channels().len(), 60);
}

#[test]
fn twenty_thousand_are_reached_in_one_go_with_a_message_for_each_queue() {
    let database = redis_database();
    let queues: Vec<String> = (0..4).map(|worker| format!("asgispecific.{worker:032x}!")).collect();
    let add = |number: usize| {
        let joined = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        format!("ZADD asgi:group:version.a.b {joined} {}{number:032x}", &queues[number % 4][4..])
    };
    database.fill((0..20_000).map(add).chain(["HSET connections a.b 20000".to_owned()]));
    let project = project_at(&database.url());
    let sink = Sink::start(&database.url(), &queues);
    let report = project.run("connections force_reload a.b --json").succeeds().json();
    assert_eq!(report["reached"], 20_000, "{report}");
    assert_eq!(sink.messages().len(), 4);
    each_once(&sink, 20_000);
}

#[test]
fn the_measured_rate_is_the_one_that_was_asked_for() {
    let database = redis_database();
    database.fill(members("a.b", 1_500));
    let project = project_at(&database.url());
    // A machine that is busy with other tests may miss it once.
    let measured: Vec<f64> = (0..3)
        .map(|_| {
            let sink = Sink::start(&database.url(), &[QUEUE.to_owned()]);
            project.run("connections force_reload a.b --rate 500/s --jitter 30%").succeeds();
            let messages = sink.messages();
            let (first, last) = (messages.first().unwrap().0, messages.last().unwrap().0);
            1_499.0 / (last - first).as_secs_f64()
        })
        .collect();
    assert!(measured.iter().any(|rate| (475.0..=525.0).contains(rate)), "{measured:?}");
}

#[test]
fn a_thousand_labels_are_listed() {
    let database = redis_database();
    database.fill((0..1_000).flat_map(|number| members(&format!("v{number}.production"), 2)));
    let project = project_at(&database.url());
    let listed = project.run("connections list --json --exact").succeeds().json();
    let labels = listed["labels"].as_array().unwrap();
    assert_eq!(labels.len(), 1_000);
    assert!(labels.iter().all(|label| label["estimate"] == 2 && label["counted"] == 2), "{listed}");
}

//! `up` killed at each of its steps, and run again.

use crate::harness::{Composed, Fault};

const STACK: &str = "
services:
  db: {image: busybox, volumes: ['data:/data'], stop_signal: KILL, environment: {A: '0'}}
  web: {image: busybox, depends_on: [db], stop_signal: KILL, environment: {A: '0'}}
volumes: {data: {}}
";

/// Kills it at its first request, its second one, and so on, until one comes to its end; each time another finishes the work.
fn killed_everywhere(shop: &Composed, fault: fn(usize) -> Fault, prepare: impl Fn(&Composed, usize)) {
    for at in 1..60 {
        prepare(shop, at);
        let relay = shop.engine.failing(fault(at));
        let started = shop.run("up").env("DOCKER_HOST", relay.host()).start();
        relay.victim(started.id());
        let output = started.wait();
        let is_complete = output.signal.is_none();
        assert!(!is_complete || output.code == Some(0), "{output}");
        shop.run("up").succeeds();
        assert_eq!(shop.states(), ["shop-db-1 running", "shop-web-1 running"], "killed at request {at}");
        shop.run("up").succeeds().prints("nothing to be done");
        if is_complete {
            assert!(at > 5, "it made only {at} requests");
            return;
        }
    }
    panic!("it never came to its end");
}

#[test]
fn killed_at_each_step_from_nothing_it_is_finished_by_the_next() {
    let shop = Composed::new(STACK);
    killed_everywhere(&shop, Fault::KillAfter, |shop, _| {
        shop.run("down -v --yes").succeeds();
    });
}

#[test]
fn killed_at_each_step_of_a_recreation_it_is_finished_by_the_next() {
    let shop = Composed::new(STACK);
    shop.run("up").succeeds();
    killed_everywhere(&shop, Fault::KillAfter, |shop, at| {
        shop.project.write("docker-compose.yml", STACK.replace("A: '0'", &format!("A: '{at}'")));
    });
    killed_everywhere(&shop, Fault::Kill, |shop, at| {
        shop.project.write("docker-compose.yml", STACK.replace("A: '0'", &format!("A: 'k{at}'")));
    });
}

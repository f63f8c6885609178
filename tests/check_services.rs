//! `check_services` on a real engine: every state there is, told at once.

use std::time::Duration;

use serde_json::json;

use crate::harness::{Composed, free_port, until};

#[test]
fn services_that_are_well_are_said_to_be() {
    let shop = Composed::new(
        "
services:
  db: {image: busybox, healthcheck: {test: ['CMD', 'true'], interval: 1s, timeout: 20s}}
  seed: {image: busybox, command: ['true'], restart: 'no'}
  web: {image: busybox}
",
    );
    shop.run("check_services --timeout 1s").ends(3).prints("missing").prints("not well: db, seed, web");
    shop.run("up").succeeds();
    let well = shop.run("check_services").succeeds().prints("All services are running and healthy!\n");
    for state in ["healthy", "done", "running (no check)"] {
        assert!(well.stdout.contains(state), "{state}\n{well}");
    }
    let json = shop.run("check_services --json").succeeds().json();
    assert_eq!((&json["v"], &json["well"], &json["services"][0]["state"]), (&1.into(), &true.into(), &"healthy".into()));
}

#[test]
fn each_way_not_to_be_well_is_told_with_what_is_known_and_ends_3() {
    let shop = Composed::new(
        "
services:
  gone: {image: busybox, command: [sh, -c, 'echo out of luck; exit 5']}
  left: {image: busybox, command: ['true'], healthcheck: {test: ['CMD', 'true'], interval: 1s}}
  loop: {image: busybox, restart: always, command: [sh, -c, 'exit 1']}
  sick: {image: busybox, healthcheck: {test: ['CMD-SHELL', 'echo no pulse; exit 2'], interval: 1s, timeout: 20s, retries: 1}}
  slow: {image: busybox, healthcheck: {test: ['CMD', 'false'], interval: 5s, start_period: 600s, retries: 1000}}
  well: {image: busybox}
",
    );
    shop.compose("up -d");
    let output = shop.run("check_services --retries 2 --interval 1s").ends(3);
    for text in ["exited", "out of luck", "restarting", "unhealthy", "no pulse", "starting", "running (no check)"] {
        assert!(output.stdout.contains(text), "{text}\n{output}");
    }
    assert!(output.took < Duration::from_secs(20), "{output}");
    output.prints("not well: gone, left, loop, sick, slow").lacks("All services");
}

#[test]
fn what_was_stopped_is_not_well_though_it_ended_with_0() {
    let shop = Composed::new(
        "
services:
  worker: {image: busybox, command: [sh, -c, 'trap \"exit 0\" TERM; while :; do sleep 0.1; done']}
  seed: {image: busybox, command: ['true']}
  web: {image: busybox, depends_on: {seed: {condition: service_completed_successfully}}, stop_signal: KILL}
",
    );
    shop.run("up").succeeds();
    shop.run("check_services").succeeds();
    shop.compose("stop worker");
    let stopped = shop.run("check_services").ends(3).prints("not well: worker\n");
    assert!(stopped.stdout.contains("exited") && stopped.stdout.contains("it ended well; where that is meant"), "{stopped}");
}

#[test]
fn what_ends_again_and_again_is_not_well_between_two_ends() {
    let shop = Composed::new("services: {loop: {image: busybox, restart: always, command: [sh, -c, 'sleep 2; exit 7']}}");
    shop.compose("up -d");
    let ended_before = || shop.stack.container("loop")["RestartCount"].as_u64().is_some_and(|count| count > 0);
    until("it was started again", || ended_before() && shop.states()[0].ends_with(" running"));
    shop.run("check_services --timeout 0s").ends(3).prints("restarting").prints("not well: loop");
}

#[test]
fn what_gets_healthy_in_time_is_seen_when_it_does() {
    let shop = Composed::new(
        "services: {db: {image: busybox, healthcheck: {test: ['CMD-SHELL', 'test -e /go || { touch /go; exit 1; }'], interval: 1s, timeout: 20s, retries: 100}}}",
    );
    shop.compose("up -d");
    let output = shop.run("check_services").succeeds();
    assert!(output.took < Duration::from_secs(30), "{output}");
}

/// The network's name is the engine's: no other test has it.
#[test]
fn the_reverse_proxy_is_told_as_it_is_and_counts_where_a_service_is_behind_it() {
    let mut shop = Composed::new("services: {web: {image: busybox}}");
    let engine = shop.engine;
    engine.traefik_image();
    shop.project = shop.project.command("start_reverse_proxy");
    let (http, https) = (free_port(), free_port());
    shop.project.grant(&format!(
        "[commands.start_reverse_proxy]\ndocker.project = \"reverse_proxy\"\ndocker.allow = [\"inspect\", \"logs\", \"shared\", \
         \"start-stop\", \"create\", \"remove\", \"exec\", \"pull\", \"network\", \"volume\"]\ndocker.images = [\"traefik:v3.7.15\"]\n\
         docker.mounts = [\"var/reverse-proxy:ro\"]\ndocker.ports = [\"{http}\", \"{https}\"]\ndocker.networks = [\"reverse-proxy\"]\n\
         files.\"var/reverse-proxy/**\" = \"write\"\nenv = [\"SSL\"]\nconfig.http-port = \"{http}\"\nconfig.https-port = \"{https}\""
    ));
    let proxy = |code: i32| shop.run("check_services --json").ends(code).json()["reverse_proxy"].clone();
    shop.run("up").succeeds();
    // Nobody needs it yet.
    assert_eq!(proxy(0), json!({ "container": null, "state": "missing" }));
    shop.run("start_reverse_proxy").succeeds();
    shop.project.write(
        "docker-compose.yml",
        "services: {web: {image: busybox, networks: [reverse-proxy]}}\nnetworks: {reverse-proxy: {external: true}}\n",
    );
    let toml = shop.project.read("host.toml");
    shop.project.write("host.toml", toml.replacen("images = [", "networks = [\"reverse-proxy\"], images = [", 1));
    shop.run("up").succeeds();
    let found = engine.api("GET", "/containers/json");
    let names = found.as_array().unwrap().iter().filter_map(|container| container["Names"][0].as_str());
    let name = names.map(|name| name.trim_start_matches('/')).find(|name| name.starts_with("reverse_proxy")).unwrap();
    let well = shop.run("check_services").succeeds().prints("All services are running and healthy!");
    well.prints(&format!("reverse proxy: healthy ({name})\n"));
    assert_eq!(proxy(0), json!({ "container": name, "state": "healthy" }));

    engine.docker(&format!("stop {name}"));
    let stopped = shop.run("check_services").ends(3).prints(&format!("reverse proxy: exited ({name})\n"));
    stopped.prints("running (no check)").prints("\nnot well: reverse proxy\n");
    assert_eq!(proxy(3), json!({ "container": name, "state": "exited" }));
    engine.docker(&format!("rm {name}"));
    shop.run("check_services").ends(3).prints("reverse proxy: missing\n").prints("\nnot well: reverse proxy\n");
    assert_eq!(proxy(3), json!({ "container": null, "state": "missing" }));
    shop.run("down").succeeds();
    engine.docker("network rm reverse-proxy");
}

//! `check_services` on a real engine: every state there is, told at once.

use std::time::Duration;

use crate::harness::Composed;

#[test]
fn services_that_are_well_are_said_to_be() {
    let shop = Composed::new(
        "
services:
  db: {image: busybox, healthcheck: {test: ['CMD', 'true'], interval: 1s, timeout: 20s}}
  seed: {image: busybox, command: ['true']}
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
fn what_gets_healthy_in_time_is_seen_when_it_does() {
    let shop = Composed::new(
        "services: {db: {image: busybox, healthcheck: {test: ['CMD-SHELL', 'test -e /go || { touch /go; exit 1; }'], interval: 1s, timeout: 20s, retries: 100}}}",
    );
    shop.compose("up -d");
    let output = shop.run("check_services").succeeds();
    assert!(output.took < Duration::from_secs(30), "{output}");
}

#[test]
fn the_reverse_proxy_counts_where_a_service_is_behind_it() {
    let shop = Composed::new("services: {web: {image: busybox}}");
    shop.run("up").succeeds();
    shop.run("check_services").succeeds().lacks("not well");
    shop.project.write(
        "docker-compose.yml",
        "services: {web: {image: busybox, networks: [reverse-proxy]}}\nnetworks: {reverse-proxy: {external: true}}\n",
    );
    shop.run("check_services").ends(3).prints("reverse proxy: missing");
}

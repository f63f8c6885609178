//! `up` when something goes wrong: the culprit is named, with what it said last, and the way on.

use crate::harness::{Composed, Docker, Fault, free_port, until};

#[test]
fn a_service_that_never_gets_healthy_is_named_with_what_its_check_said() {
    let shop = Composed::new(
        "
services:
  db:
    image: busybox
    command: [sh, -c, 'echo starting up; exec rest']
    healthcheck: {test: ['CMD-SHELL', 'echo no route; exit 3'], interval: 500ms, retries: 2}
  web: {image: busybox, depends_on: {db: {condition: service_healthy}}}
",
    );
    let failed = shop.run("up").ends(1).says("-db-1 is unhealthy").says("its last check ended with 3: no route");
    let failed = failed.says("starting up").says("hint: host run check_services");
    drop(failed);
    assert_eq!(shop.states(), ["shop-db-1 running", "shop-web-1 created"]);
    let json = shop.run("up --json").ends(1);
    let last: serde_json::Value = serde_json::from_str(json.stdout.lines().last().unwrap()).unwrap();
    assert_eq!((&last["error"]["exit_code"], &last["error"]["check"]["output"]), (&1.into(), &"no route".into()));
}

#[test]
fn a_service_that_ends_at_once_is_a_failure() {
    let shop = Composed::new("services: {web: {image: busybox, command: [sh, -c, 'echo no configuration >&2; exit 7']}}");
    shop.run("up --wait").ends(1).says("-web-1 ended with 7").says("no configuration");
}

#[test]
fn a_service_that_cannot_start_takes_no_other_one_down() {
    let others: String = (0..11).map(|n| format!("  s{n}: {{image: busybox, environment: [V=1], stop_signal: KILL}}\n")).collect();
    let behind = "  behind: {image: busybox, depends_on: [a], stop_signal: KILL}\n";
    let shop = Composed::new(&format!("services:\n  a: {{image: busybox, stop_signal: KILL}}\n{others}{behind}"));
    shop.run("up").succeeds();
    shop.change("V=1", "V=2");
    shop.change("a: {image: busybox, stop", "a: {image: busybox, command: [nosuch], stop");
    shop.run("up").ends(1).says("failed to recreate").says("-a-1").says("nosuch");
    let running = shop.states().iter().filter(|state| state.ends_with(" running")).count();
    assert_eq!(running, 11 + 1, "all others, and what stands behind it is as it was: {:?}", shop.states());
    for number in 0..11 {
        assert_eq!(shop.stack.container(&format!("s{number}"))["Config"]["Env"][0], "V=2");
    }
}

#[test]
fn a_service_that_ends_again_and_again_is_a_failure() {
    let shop = Composed::new("services: {web: {image: busybox, restart: always, command: [sh, -c, 'echo again; exit 3']}}");
    shop.run("up --wait").ends(1).says("ends again and again").says("again");
}

#[test]
fn a_one_shot_that_fails_stops_who_waits_for_it() {
    let shop = Composed::new(
        "
services:
  seed: {image: busybox, command: [sh, -c, 'echo no table; exit 4']}
  web: {image: busybox, depends_on: {seed: {condition: service_completed_successfully}}}
",
    );
    shop.run("up").ends(1).says("-seed-1 ended with 4").says("no table");
    assert_eq!(shop.states(), ["shop-seed-1 exited", "shop-web-1 created"]);
}

#[test]
fn a_dependency_without_a_check_cannot_be_waited_for() {
    let shop = Composed::new("services: {db: {image: busybox}, web: {image: busybox, depends_on: {db: {condition: service_healthy}}}}");
    shop.run("up").ends(1).says("`db` has no health check").says("healthcheck");
}

#[test]
fn a_wait_ends_when_its_time_is_over() {
    let shop = Composed::new(
        "services: {db: {image: busybox, healthcheck: {test: ['CMD', 'false'], interval: 500ms, start_period: 600s, retries: 9}}}",
    );
    shop.run("up --wait-timeout 2s").ends(124).says("it took too long: wait ").says("-db-1");
}

#[test]
fn a_port_that_is_taken_is_told_with_who_has_it_and_up_goes_on_when_it_is_free() {
    let port = free_port();
    let compose = format!("services: {{web: {{image: busybox, ports: ['{port}:80']}}}}");
    let (first, second) = (Composed::new(&compose), Composed::new(&compose));
    first.run("up").succeeds();
    second.run("up").ends(1).says(&port.to_string()).says(&format!("{}-web-1", first.name()));
    first.run("down").succeeds();
    second.run("up").succeeds();
    assert_eq!(second.states(), ["shop-web-1 running"]);
}

#[test]
fn services_that_wait_for_one_another_are_named() {
    let shop = Composed::new("services: {a: {image: busybox, depends_on: [b]}, b: {image: busybox, depends_on: [a]}}");
    shop.run("up").ends(2).says("a -> b -> a");
    assert!(shop.states().is_empty());
}

#[test]
fn an_image_that_is_nowhere_fails_before_anything_is_made() {
    let shop = Composed::new("services: {web: {image: nowhere}}");
    // No test's engine reaches a network.
    shop.run("up").ends(9).says("failed to pull image nowhere").says("the engine cannot reach the registry `docker.io`");
    assert!(shop.states().is_empty() && shop.stack.networks().is_empty());
}

#[test]
fn a_network_that_should_be_there_and_is_not_is_told_before_anything_is_built() {
    let shop = Composed::up_may(
        "services: {web: {build: ., networks: [x]}}\nnetworks: {x: {name: NET, external: true}}",
        "networks = [\"NAME-net\"], contexts = [\".\"]",
    );
    let network = format!("{}-net", shop.name());
    shop.change("NET", &network);
    shop.project.write("Dockerfile", "FROM scratch\nCOPY docker-compose.yml /\n");
    let counted = shop.engine.counted();
    let failed = shop.run("up").env("DOCKER_HOST", counted.host()).ends(1);
    failed.says(&format!("the network `{network}` is external, and it is not there")).says(&format!("docker network create {network}"));
    assert!(counted.requests().iter().all(|request| request.starts_with("GET ")), "{:#?}", counted.requests());
}

#[test]
fn of_two_at_once_one_works_and_the_other_says_who_does() {
    let shop = Composed::new(
        "services: {web: {image: busybox, healthcheck: {test: ['CMD', 'test', '-e', '/go'], interval: 500ms, retries: 1000}}}",
    );
    let first = shop.run("up --wait").start();
    until("the first works", || shop.states() == ["shop-web-1 running"]);
    shop.run("up").ends(6).says("`up` (process ").says("works on the project").says("`--lock-timeout 30s` waits");
    shop.run("down").ends(6).says("`--lock-timeout 30s` waits");
    shop.run("up --plan").succeeds();
    shop.engine.docker(&format!("exec {}-web-1 touch /go", shop.name()));
    first.wait().ended(0);
    shop.run("up").succeeds().prints("nothing to be done");
}

#[test]
fn an_engine_that_goes_away_under_it_is_exit_9_and_the_next_run_goes_on() {
    let shop = Composed::new("services: {db: {image: busybox}, web: {image: busybox, depends_on: [db]}}");
    for at in [1, 4, 6, 8] {
        let relay = shop.engine.failing(Fault::Gone(at));
        let output = shop.run("up").env("DOCKER_HOST", relay.host()).ends(9);
        assert!(!output.stderr.contains("docker.sock"), "{output}");
    }
    shop.run("up").succeeds();
    assert_eq!(shop.states(), ["shop-db-1 running", "shop-web-1 running"]);
}

#[test]
fn an_engine_that_is_killed_mid_way_leaves_nothing_that_the_next_run_does_not_mend() {
    let mut engine = Docker::start();
    engine.busybox();
    let shop = Composed::new(
        "services: {db: {image: busybox, healthcheck: {test: ['CMD', 'test', '-e', '/go'], interval: 500ms, retries: 1000}}, web: {image: busybox, depends_on: {db: {condition: service_healthy}}}}",
    );
    let host = engine.host();
    let first = shop.run("up").env("DOCKER_HOST", &host).start();
    until("the first waits", || engine.docker("ps -q").lines().count() == 1);
    engine.kill();
    first.wait().ended(9);
    engine.restart();
    shop.change("'/go'", "'/bin'");
    shop.run("up").env("DOCKER_HOST", &host).succeeds();
    assert_eq!(engine.docker("ps -q").lines().count(), 2);
}

#[test]
fn an_image_that_must_be_asked_for_each_time_and_cannot_fails_though_an_old_one_is_here() {
    let shop = Composed::new("services: {web: {image: busybox}}");
    let told = |output: crate::harness::Output| {
        output.says("failed to pull image busybox").says("the engine cannot reach the registry `docker.io`");
    };
    told(shop.run("up --pull always").ends(9));
    shop.change("image:", "pull_policy: always, image:");
    told(shop.run("up").ends(9));
    assert!(shop.states().is_empty());
    // An image may still be young enough.
    shop.change("always", "daily");
    shop.run("up").succeeds().says("warning: busybox: ");
}

#[test]
fn a_name_that_is_somebody_elses_is_told_with_the_way_to_see_whose() {
    let shop = Composed::new("services: {web: {image: busybox, volumes: ['data:/data']}}\nvolumes: {data: }");
    let name = shop.name();
    for (make, remove, list) in [
        (format!("create --name {name}-web-1 busybox"), format!("rm {name}-web-1"), format!("docker ps -a --filter name=^{name}-web-1$")),
        (format!("volume create {name}_data"), format!("volume rm {name}_data"), format!("docker volume ls --filter name=^{name}_data$")),
        (
            format!("network create {name}_default"),
            format!("network rm {name}_default"),
            format!("docker network ls --filter name=^{name}_default$"),
        ),
    ] {
        shop.engine.docker(&make);
        shop.run("up").ends(1).says("is in use").says(&format!("hint: `{list}` shows the "));
        assert!(!shop.engine.docker(list.strip_prefix("docker ").unwrap()).is_empty());
        shop.run("down -v --yes").succeeds();
        shop.engine.docker(&remove);
    }
}

#[test]
fn an_image_for_another_platform_is_told_as_that() {
    let shop = Composed::new("services: {web: {image: busybox, platform: linux/s390x}}");
    shop.run("up").ends(1).says("no image `busybox` for linux/s390x: the one that is here is for linux/").says("`--pull always` fetches");
}

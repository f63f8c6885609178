//! `check_code_quality`: every check runs, reads and nothing else, and whatever goes wrong is a failure.

use crate::harness::{Docker, Project, Stack, Terminal, shared_docker, until};

const COMPOSE: &str = "services:\n  backend:\n    image: checked\n    entrypoint: [must-not-run]\n    working_dir: /app\n    volumes: [./src:/app, cache:/cache]\n    \
                       ports: ['9000:9000']\n    depends_on: [db]\n  db: {image: db}\nvolumes: {cache: {}}\n";

/// An image in which `mypy` and `black` play the real ones: what they do is in the source itself.
fn image(engine: &Docker) {
    let tool = |name: &str| format!("RUN printf '#!/bin/sh\\nexec sh /app/{name} \"$@\"\\n' > /bin/{name} && chmod 755 /bin/{name}");
    engine.image("checked", &format!("{}\n{}", tool("mypy"), tool("black")));
}

fn project(engine: &Docker, stack: &Stack<'_>, config: &str) -> Project {
    image(engine);
    let toml = format!(
        "[project]\nname = \"{name}\"\n[docker]\nendpoint = \"{host}\"\n[commands.check_code_quality]\ndocker.project = \"{name}\"\n\
         docker.allow = [\"inspect\", \"create\", \"exec\", \"remove\"]\ndocker.images = [\"checked\"]\ndocker.mounts = [\".\"]\n\
         files.\"*.yml\" = \"read\"\nfiles.\"*.yaml\" = \"read\"\nfiles.\".env\" = \"read\"\nenv = [\"*\"]\n{config}\n",
        name = stack.name(),
        host = engine.host(),
    );
    let project = Project::new(&toml).command("check_code_quality");
    project.write("docker-compose.yml", COMPOSE);
    project.write("src/mypy", "echo \"mypy $*\"");
    project.write("src/black", "echo \"black $*\" >&2");
    project
}

#[test]
fn all_checks_pass_and_leave_nothing_behind() {
    let engine = shared_docker();
    let stack = engine.stack("checks");
    let project = project(engine, &stack, "");
    let output = project.run("check_code_quality").succeeds().prints("mypy .\n").says("black --check .\n");
    output.prints("mypy .           passed\nblack --check .  passed\n");
    assert_eq!((stack.containers().len(), stack.networks().len(), stack.volumes().len()), (0, 0, 0));
}

#[test]
fn a_check_that_fails_does_not_keep_the_others_from_running() {
    let engine = shared_docker();
    let stack = engine.stack("checks");
    let project = project(engine, &stack, "");
    project.write("src/mypy", "echo bad types; exit 2");
    let output = project.run("check_code_quality").ends(1).prints("bad types\n").says("black --check .");
    output.prints("failed with exit code 2").prints("black --check .  passed");
    let document = project.run("check_code_quality --json").ends(1).json();
    assert_eq!((&document["passed"], &document["checks"][0]["exit_code"]), (&false.into(), &2.into()));
    assert_eq!(document["checks"][0]["output"]["stdout"], "bad types\n");
    assert_eq!((&document["checks"][1]["exit_code"], &document["checks"][1]["output"]["stderr"]), (&0.into(), &"black --check .\n".into()));
    assert_eq!(stack.containers().len(), 0);
}

#[test]
fn a_missing_program_is_a_failure_that_says_so() {
    let engine = shared_docker();
    let stack = engine.stack("checks");
    let project = project(engine, &stack, "config.checks = \"\"\"\nno-such-check --all\nblack --check .\n\"\"\"");
    let output = project.run("check_code_quality").ends(1).prints("no-such-check --all  failed: the image has no `no-such-check`");
    output.prints("black --check .      passed");
    assert_eq!(stack.containers().len(), 0);
}

#[test]
fn the_source_can_only_be_read_and_there_is_no_network() {
    let engine = shared_docker();
    let stack = engine.stack("checks");
    let project = project(engine, &stack, "");
    project.write(
        "src/mypy",
        "touch /app/written 2>/dev/null && exit 5; touch /tmp/x || exit 6; ls /sys/class/net; echo \"cache $MYPY_CACHE_DIR\"",
    );
    project.run("check_code_quality").succeeds().prints("lo\ncache /tmp/mypy\n").lacks("eth0");
    assert!(!project.path("src/written").exists());
}

#[test]
fn a_source_is_configured_where_the_image_has_its_own() {
    let engine = shared_docker();
    let stack = engine.stack("checks");
    let project = project(engine, &stack, "config.source = \"./other:/app\"\nconfig.checks = \"mypy\"");
    project.write("other/mypy", "echo from the other; touch /app/x 2>/dev/null && exit 5; exit 0");
    project.run("check_code_quality").succeeds().prints("from the other\n");
}

#[test]
fn what_keeps_it_from_checking_is_never_a_success() {
    let engine = shared_docker();
    let stack = engine.stack("checks");
    let none = project(engine, &stack, "config.checks = \"\"");
    none.run("check_code_quality").ends(2).says("names no check");
    let service = project(engine, &stack, "config.service = \"nobody\"");
    service.run("check_code_quality").ends(2).says("nobody");
    let no_image = project(engine, &stack, "");
    no_image.write("host.toml", no_image.read("host.toml").replace("[\"checked\"]", "[\"checked*\"]"));
    no_image.write("docker-compose.yml", COMPOSE.replace("image: checked", "image: checked:none"));
    no_image.run("check_code_quality").ends(3).says("the image `checked:none` is not there").says("host run up backend");
    let denied = project(engine, &stack, "");
    denied.write("host.toml", denied.read("host.toml").replace("[\"checked\"]", "[\"other\"]"));
    denied.run("check_code_quality").ends(4).says("checked");
    let gone = project(engine, &stack, "");
    gone.write("host.toml", gone.read("host.toml").replace("docker.sock", "nobody.sock"));
    gone.run("check_code_quality").ends(9);
}

#[test]
fn ctrl_c_ends_the_check_and_removes_its_container() {
    let engine = shared_docker();
    let stack = engine.stack("checks");
    let project = project(engine, &stack, "");
    project.write("src/mypy", "trap 'exit 130' INT; echo ready; while :; do sleep 0.1; done");
    let mut terminal = Terminal::start(&project.run("check_code_quality"));
    terminal.sees("ready").interrupts();
    let seen = terminal.ends(130);
    assert!(!seen.contains("black"), "{seen}");
    until("the container is gone", || stack.containers().is_empty());
}

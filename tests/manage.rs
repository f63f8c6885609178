//! `manage`: the backend's own program in its container, with every argument as it was written.

use crate::harness::{Docker, Piped, Project, Stack, Terminal, shared_docker, signal, until};

/// A project whose containers are those of `stack`.
fn project(engine: &Docker, stack: &Stack<'_>, more: &str) -> Project {
    let toml = format!(
        "[project]\nname = \"{name}\"\n[docker]\nendpoint = \"{host}\"\n[commands.manage]\ndocker.project = \"{name}\"\ndocker.allow = \
         [\"inspect\", \"exec\", \"create\", \"remove\"]\nfiles.\"**\" = \"read\"\n{more}\n",
        name = stack.name(),
        host = engine.host(),
    );
    Project::new(&toml).command("manage")
}

/// A container of a service, as docker-compose would label it.
fn container(engine: &Docker, stack: &Stack<'_>, service: &str, number: u32, command: &str) -> String {
    let image = engine.manage_image();
    let (project, name) = (stack.name(), format!("{}-{service}-{number}", stack.name()));
    let labels = format!(
        "-l com.docker.compose.project={project} -l com.docker.compose.service={service} -l com.docker.compose.container-number={number} \
         -l com.docker.compose.oneoff=False"
    );
    engine.docker(&format!("run -d --name {name} {labels} -e NUMBER={number} {image} {command}"));
    name
}

#[test]
fn arguments_arrive_as_they_were_written() {
    let engine = shared_docker();
    let stack = engine.stack("manage");
    container(engine, &stack, "backend", 1, "rest");
    let project = project(engine, &stack, "");
    let output = project.run("manage tell").arg("$(touch x)").arg("").arg("a b").arg("*").arg("--json").arg("--help").succeeds();
    output.prints_only("tell\n$(touch x)\n\na b\n*\n--json\n--help\n");
    assert!(!project.path("x").exists());
    project.run("manage migrate --help").succeeds().prints_only("migrate\n--help\n");
    project.run("manage -- --help").succeeds().prints_only("--help\n");
    project.run("manage --help").succeeds().prints("manage [--service NAME]");
}

#[test]
fn exit_codes_and_pipes_pass_through() {
    let engine = shared_docker();
    let stack = engine.stack("manage");
    container(engine, &stack, "backend", 1, "rest");
    let project = project(engine, &stack, "");
    for code in [0, 1, 3, 42, 255] {
        project.run(&format!("manage exit {code}")).ends(code);
    }
    let bytes: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let output = project.run("manage copy").stdin(&bytes).succeeds();
    assert!(output.bytes == bytes, "{} bytes of {} came back", output.bytes.len(), bytes.len());
    project.run("manage say on the other stream").succeeds().prints_only("").says("on the other stream");
}

#[test]
fn two_thousand_lines_a_second_arrive_complete() {
    let engine = shared_docker();
    let stack = engine.stack("manage");
    container(engine, &stack, "backend", 1, "rest");
    let output = project(engine, &stack, "").run("manage lines 10000 2000").succeeds();
    let expected: String = (1..=10_000).map(|number| format!("line {number}\n")).collect();
    assert!(output.stdout == expected, "{} lines came", output.stdout.lines().count());
}

#[test]
fn the_first_running_container_of_the_service_is_meant() {
    let engine = shared_docker();
    let stack = engine.stack("manage");
    let first = container(engine, &stack, "backend", 1, "rest");
    container(engine, &stack, "backend", 2, "rest");
    container(engine, &stack, "backend-worker", 1, "rest");
    let project = project(engine, &stack, "");
    project.run("manage variable NUMBER").succeeds().prints_only("1\n");
    engine.docker(&format!("stop {first}"));
    project.run("manage variable NUMBER").succeeds().prints_only("2\n");
}

#[test]
fn without_a_running_container_it_says_what_to_do() {
    let engine = shared_docker();
    let stack = engine.stack("manage");
    let project = project(engine, &stack, "");
    project.run("manage migrate").ends(3).says("no container of the service `backend` is there").says("`host run up backend` starts it");
    let name = container(engine, &stack, "backend", 1, "false");
    until("it ended", || stack.container("backend")["State"]["Running"] == false);
    project.run("manage migrate").ends(3).says(&format!("is running: {name} (Exited (1)"));
    project.run("manage --service web migrate").ends(3).says("`web`").says("there are containers of backend");
}

#[test]
fn service_and_program_are_configured() {
    let engine = shared_docker();
    let stack = engine.stack("manage");
    container(engine, &stack, "api", 1, "rest");
    let configured = project(engine, &stack, "config.service = \"api\"\nconfig.program = \"echo 'a  b'\"");
    configured.run("manage c").succeeds().prints_only("a  b c\n");
    configured.run("manage --service api c").succeeds().prints_only("a  b c\n");
    let broken = project(engine, &stack, "config.program = \"python 'manage.py\"");
    broken.run("manage c").ends(2).says("a quote is not closed");
}

#[test]
fn on_a_terminal_it_is_interactive() {
    let engine = shared_docker();
    let stack = engine.stack("manage");
    container(engine, &stack, "backend", 1, "rest");
    let project = project(engine, &stack, "");
    let mut terminal = Terminal::start(&project.run("manage ask"));
    terminal.sees("your name? ").types("Ada").sees("hello Ada");
    terminal.ends(0);
}

#[test]
fn signals_go_to_the_program_and_its_end_is_ours() {
    let engine = shared_docker();
    let stack = engine.stack("manage");
    let name = container(engine, &stack, "backend", 1, "rest");
    let project = project(engine, &stack, "");
    let mut run = Piped::start(&project.run("manage signals"));
    assert_eq!(run.line(), "ready");
    for name in ["TERM", "INT", "HUP"] {
        signal(name, run.child.id());
        assert_eq!(run.line(), format!("got {name}"));
    }
    assert_eq!(run.ends().0, 33);
    // A program that says nothing to a signal ends by it, and so do we; nothing is left in the container.
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let mut run = Piped::start(&project.run("manage lines 1000000 100"));
        assert_eq!(run.line(), "line 1");
        signal(name, run.child.id());
        assert_eq!(run.ends().0, code);
    }
    until("nothing runs", || !engine.docker(&format!("exec {name} ps")).contains("manage.py"));
}

#[test]
fn keys_and_the_windows_size_go_to_the_program_on_a_terminal() {
    let engine = shared_docker();
    let stack = engine.stack("manage");
    container(engine, &stack, "backend", 1, "rest");
    let project = project(engine, &stack, "");
    let script = format!(
        "before=$(stty -g); {} run manage signals; echo code $?; [ \"$before\" = \"$(stty -g)\" ] && echo same",
        env!("CARGO_BIN_EXE_host")
    );
    let mut terminal = Terminal::start_as(project.run("").through_shell(&script));
    terminal.sees("ready").resizes(20, 60).sees("size 20 60").resizes(33, 101).sees("size 33 101");
    for _ in 0..3 {
        terminal.interrupts().sees("got INT");
    }
    terminal.sees("code 33").sees("same");
    terminal.ends(0);
}

const COMPOSE: &str =
    "services:\n  backend:\n    image: backend\n    environment: [WHO=compose]\n    ports: ['9000:9000']\n    volumes: [./src:/src]\n";

#[test]
fn a_one_off_container_is_made_as_the_compose_file_says_and_removed() {
    let engine = shared_docker();
    engine.manage_image();
    let stack = engine.stack("manage");
    let project = project(engine, &stack, "docker.images = [\"backend\"]\ndocker.mounts = [\".\"]");
    let external = format!("{COMPOSE}    networks: [default, x]\nnetworks: {{x: {{name: theirs, external: true}}}}\n");
    project.write("docker-compose.yml", external);
    project.run("manage --one-off variable WHO").ends(4).says("networks.x: name `theirs`").says("docker.networks = [\"theirs\"]");
    project.write("docker-compose.yml", COMPOSE);
    project.write("src/there", "");
    project
        .run("manage --one-off variable WHO")
        .ends(3)
        .says(&format!("the network `{}_default` is not there", stack.name()))
        .says("host run up backend");
    engine.docker(&format!(
        "network create -d bridge --label com.docker.compose.project={0} --label com.docker.compose.network=default {0}_default",
        stack.name()
    ));
    project.run("manage --one-off variable WHO").succeeds().prints_only("compose\n");
    assert_eq!(stack.containers().len(), 0);
    project.run("manage --one-off exit 7").ends(7);
    project.run("manage --one-off copy").stdin("through a pipe").succeeds().prints_only("through a pipe");
    assert_eq!(stack.containers().len(), 0);
}

#[test]
fn without_its_grant_it_does_not_start() {
    let engine = shared_docker();
    let project = Project::new(&format!("[docker]\nendpoint = \"{}\"\n", engine.host())).command("manage");
    project.run("manage migrate").ends(4).says("docker.allow");
}

//! What tests of Docker build on: engines that start, end and fail where a test says, and leave nothing behind.

use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use serde_json::json;

use crate::harness::{Counted, Docker, Fault, Project, Stack, free_port, shared_docker, until};

const COMPOSE: &str = "version: '3.8'
services:
  web:
    image: busybox
    command: [httpd, -f, -h, /data, -p, '80']
    stop_signal: KILL
    ports: ['127.0.0.1:PORT:80']
    volumes: ['data:/data']
volumes:
  data: {}
";

#[test]
fn docker_compose_starts_a_stack_that_is_listed_and_removed() {
    let engine = shared_docker();
    engine.busybox();
    let (stack, project, port) = (engine.stack("peer"), Project::bare(), free_port());
    project.write("docker-compose.yml", COMPOSE.replace("PORT", &port.to_string()));
    engine.compose(project.folder(), &format!("-p {} up -d", stack.name()));

    assert_eq!(stack.container("web")["State"]["Running"], true);
    let name = stack.containers()[0]["Names"][0].as_str().unwrap().replace('-', "_");
    assert_eq!(name, format!("/{}_web_1", stack.name()));
    assert_eq!(stack.networks()[0]["Name"], format!("{}_default", stack.name()));
    assert_eq!(stack.volumes()[0]["Name"], format!("{}_data", stack.name()));
    engine.docker(&format!("exec {} touch /data/there", stack.container("web")["Id"].as_str().unwrap()));
    assert_eq!(engine.page(port, "/there"), "");

    engine.compose(project.folder(), &format!("-p {} down -v", stack.name()));
    assert!(is_empty(&stack));
}

fn is_empty(stack: &Stack) -> bool {
    stack.containers().is_empty() && stack.networks().is_empty() && stack.volumes().is_empty()
}

#[test]
fn images_are_made_without_a_network() {
    let engine = shared_docker();
    let backend = engine.manage_image();
    assert_eq!(engine.docker(&format!("run --rm {backend} python3 manage.py $(true) *")), "$(true)\n*\n");
    let image = engine.image("fitted", "USER app\nENTRYPOINT [\"echo\", \"hi\"]\nHEALTHCHECK --interval=1s CMD true");
    assert_eq!(engine.docker(&format!("run --rm {image} there")), "hi there\n");
    assert_eq!(engine.inspect_image(image)["Config"]["User"], "app");
}

#[test]
fn an_engine_that_was_killed_or_stopped_comes_back_with_its_data_and_an_engine_can_hang() {
    let mut engine = Docker::start();
    engine.busybox();
    engine.docker("run -d --name one busybox");
    engine.kill();
    engine.restart();
    assert_eq!(engine.inspect("one")["Name"], "/one");
    engine.docker("restart one");
    engine.stop();
    engine.restart();
    assert_eq!(engine.inspect("one")["State"]["Running"], false);

    engine.hang();
    let mut waiting = engine.client("docker").arg("version").stdout(Stdio::null()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(waiting.try_wait().unwrap().is_none());
    engine.go_on();
    assert!(waiting.wait().unwrap().success());
}

#[test]
fn requests_are_counted_and_fail_where_a_test_says() {
    let engine = shared_docker();
    engine.busybox();
    let create = |relay: &Counted, name: &str| {
        let mut command = engine.client("docker");
        command.env("DOCKER_HOST", relay.host()).args(["run", "-i", "--rm", "--name", name, "busybox", "cat"]).stdout(Stdio::piped());
        command
    };
    let exists = |name: &str| engine.answer("GET", &format!("/containers/{name}/json"), None).status == 200;

    let counted = engine.counted();
    assert!(counted.socket().exists());
    let (input, mut output) = std::io::pipe().unwrap();
    let child = create(&counted, "counted").stdin(input).spawn().unwrap();
    std::io::Write::write_all(&mut output, b"through\n").unwrap();
    drop(output);
    assert_eq!(String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap(), "through\n");
    let requests = counted.requests();
    assert!(requests[0].ends_with("/_ping"), "{requests:?}");
    let at = 1 + requests.iter().position(|request| request.contains("/containers/create?")).unwrap();

    for (fault, made, signal) in [
        (Fault::Cut(at), false, None),
        (Fault::Gone(at), false, None),
        (Fault::Kill(at), false, Some(9)),
        (Fault::KillAfter(at), true, Some(9)),
    ] {
        let relay = engine.failing(fault);
        let name = format!("faulty{}", relay.socket().parent().unwrap().file_name().unwrap().display());
        let mut child = create(&relay, &name).stderr(Stdio::null()).spawn().unwrap();
        relay.victim(child.id());
        let status = child.wait().unwrap();
        assert_eq!((status.success(), status.signal()), (false, signal));
        assert_eq!(relay.requests().len(), at);
        // What was cut off may still be under way.
        if made {
            until("the engine did what was asked", || exists(&name));
            engine.docker(&format!("rm -f {name}"));
        }
        assert!(!exists(&name));
    }
}

#[test]
fn an_engine_with_tls_answers_who_has_a_certificate() {
    let engine = Docker::start_with_tls();
    let client = |verify: bool| {
        let mut command = engine.client("docker");
        command.env("DOCKER_HOST", format!("tcp://localhost:{}", engine.tls_port())).arg("info");
        if verify {
            command.env("DOCKER_TLS_VERIFY", "1").env("DOCKER_CERT_PATH", engine.certificates());
        }
        command.output().unwrap()
    };
    let output = client(true);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!client(false).status.success());
}

#[test]
fn ports_are_those_of_the_engines_own_network() {
    let (engine, port) = (shared_docker(), free_port());
    engine.busybox();
    let taken = engine.take_port(port);
    let settings = json!({
        "Image": "busybox",
        "ExposedPorts": { "80/tcp": {} },
        "HostConfig": { "PortBindings": { "80/tcp": [{ "HostPort": port.to_string() }] } },
    });
    let made = engine.answer("POST", "/containers/create?name=ported", Some(&settings));
    assert_eq!(made.status, 201, "{made:?}");
    let refused = engine.answer("POST", "/containers/ported/start", None);
    assert!(refused.body["message"].as_str().unwrap().contains("address already in use"), "{refused:?}");
    drop(taken);
    engine.api("POST", "/containers/ported/start");
    engine.api("DELETE", "/containers/ported?force=1");

    let project = Project::bare();
    let output = engine.through(&project.host("--version")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

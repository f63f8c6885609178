//! `host:docker` through the real binary: what is granted works, all else is refused by name, and what belongs to another
//! project cannot be read, changed or guessed.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Docker, Fault, Output, Project, shared_docker, until};

const ALL: [&str; 11] = ["inspect", "logs", "start-stop", "create", "remove", "exec", "build", "pull", "network", "volume", "shared"];

/// A project whose probe may do what `lines` grant, in this compose project.
fn project(engine: &Docker, name: &str, powers: &[&str], lines: &str) -> Project {
    project_at(&engine.host(), name, powers, lines)
}

fn project_at(address: &str, name: &str, powers: &[&str], lines: &str) -> Project {
    let project = Project::new(&format!("[docker]\nendpoint = \"{address}\"\n")).guest("dockerprobe");
    project.grant(&format!("[commands.dockerprobe]\ndocker.project = \"{name}\"\ndocker.allow = {powers:?}\n{lines}"));
    project
}

fn probe(project: &Project, words: &[&str]) -> Output {
    let run = words.iter().fold(project.run("dockerprobe"), |run, word| run.arg(word));
    run.patience(60).start().wait()
}

/// A container's spec with the fields of `more`.
fn spec(project: &str, image: &str, more: Value) -> Value {
    let name = format!("{project}-web-1");
    let mut spec = json!({ "name": name, "service": "web", "number": 1, "image": image });
    for (field, value) in more.as_object().into_iter().flatten() {
        spec[field] = value.clone();
    }
    spec
}

#[test]
fn each_function_works_with_its_power_and_is_denied_without_it() {
    let engine = shared_docker();
    let image = engine.busybox();
    let stack = engine.stack("each");
    let (name, network, volume) = (format!("{}-web-1", stack.name()), format!("{}_default", stack.name()), format!("{}_db", stack.name()));
    let create = spec(stack.name(), image, json!({ "attachments": [{ "network": network }] })).to_string();
    let (of_network, of_volume) =
        (json!({ "name": network, "key": "default" }).to_string(), json!({ "name": volume, "key": "db" }).to_string());
    let same_volume = json!([{ "name": volume, "key": "db", "labels": { "tier": "1" } }, { "name": "nobodys", "key": "x" }]).to_string();
    let attach = json!({ "network": network }).to_string();
    let images = json!([image]).to_string();
    let table: Vec<(&str, Vec<&str>, &str)> = vec![
        ("network", vec!["network.create", &of_network], "\""),
        ("volume", vec!["volume.create", &of_volume], "\""),
        ("volume", vec!["volume.compare", &same_volume], "Some([\"labels.tier\"])"),
        ("create", vec!["create.check", "[]"], ""),
        ("create", vec!["create.digest", "token", "secret"], ":"),
        ("create", vec!["create.create", &create], "\""),
        ("inspect", vec!["inspect.engine-version"], "podman: false"),
        ("inspect", vec!["inspect.containers"], &name),
        ("inspect", vec!["inspect.container-details", &name], "Created"),
        ("inspect", vec!["inspect.networks"], &network),
        ("inspect", vec!["inspect.strangers", &network], "0"),
        ("inspect", vec!["inspect.volumes"], &volume),
        ("inspect", vec!["inspect.images", &images], "sha256:"),
        ("inspect", vec!["inspect.own-images"], ""),
        ("inspect", vec!["inspect.port-holders", "[8000]"], ""),
        ("start-stop", vec!["start-stop.start", &name], "\"\""),
        ("inspect", vec!["inspect.watch", &name, "running"], "\"\""),
        ("shared", vec!["shared.neighbours", &network], "web"),
        ("logs", vec!["logs.read", &name, "5"], ""),
        ("start-stop", vec!["start-stop.signal", &name, "SIGHUP"], "\"\""),
        ("start-stop", vec!["start-stop.restart", &name, "1"], "\"\""),
        ("start-stop", vec!["start-stop.stop", &name, "1"], "\"\""),
        ("logs", vec!["logs.follow", &name, "0"], "\"\""),
        ("create", vec!["create.rename", &name, "renamed"], "()"),
        ("create", vec!["create.rename", "renamed", &name], "()"),
        ("network", vec!["network.disconnect", &name, &network, "true"], "()"),
        ("network", vec!["network.connect", &name, &attach], "()"),
        ("remove", vec!["remove.container", &name, "true", "true"], "\"\""),
        ("network", vec!["network.remove", &network], "\"\""),
        ("volume", vec!["volume.remove", &volume], "\"\""),
    ];
    let lines = format!("docker.images = [\"{image}\"]\ndocker.ports = [\"8000\"]\ndocker.networks = [\"{network}\"]");
    let granted = project(engine, stack.name(), &ALL, &lines);
    for (power, words, expected) in &table {
        let others: Vec<&str> = ALL.iter().copied().filter(|other| other != power).collect();
        let refused = project(engine, stack.name(), &others, &lines);
        probe(&refused, words).ended(4).says(&format!("`{power}`")).says("docker.allow");
        probe(&granted, words).ended(0).prints(expected);
    }
    assert!(stack.containers().is_empty() && stack.networks().is_empty() && stack.volumes().is_empty());
}

#[test]
fn what_belongs_to_another_project_cannot_be_read_changed_or_guessed() {
    let engine = shared_docker();
    let image = engine.busybox();
    let (stack, other) = (engine.stack("ours"), engine.stack("theirs"));
    let label = format!("--label com.docker.compose.project={}", other.name());
    let (name, network, volume) = (format!("{}-web-1", other.name()), format!("{}_default", other.name()), format!("{}_db", other.name()));
    let id = engine.docker(&format!("run -d --name {name} {label} {image}"));
    engine.docker(&format!("network create {label} {network}"));
    engine.docker(&format!("volume create {label} {volume}"));
    let project = project(engine, stack.name(), &ALL, &format!("docker.images = [\"{image}\"]"));
    for function in ["inspect.containers", "inspect.networks", "inspect.volumes", "inspect.own-images"] {
        probe(&project, &[function]).ended(0).prints_only("");
    }
    for named in [network.as_str(), "never-was"] {
        probe(&project, &["inspect.strangers", named]).ended(1).says(&format!("has no network `{named}`"));
    }
    let process = json!({ "args": ["touch", "/seen"] }).to_string();
    for named in [name.as_str(), id.trim(), &id[..12], "never-was"] {
        let calls: [&[&str]; 9] = [
            &["inspect.container-details", named],
            &["inspect.watch", named, "exited"],
            &["logs.read", named, "1"],
            &["logs.follow", named, "1"],
            &["start-stop.stop", named, "0"],
            &["start-stop.signal", named, "SIGKILL"],
            &["create.rename", named, "mine"],
            &["exec.capture", named, &process, ""],
            &["exec.attach", named, &process],
        ];
        for call in calls {
            probe(&project, call).ended(1).says(&format!("this project has no container `{named}`"));
        }
        probe(&project, &["remove.container", named, "true", "true"]).ended(0);
        for field in [json!({ "volumes-from": [named] }), json!({ "network-mode": format!("container:{named}") })] {
            let create = spec(stack.name(), image, field).to_string();
            probe(&project, &["create.create", &create]).ended(1).says(&format!("this project has no container `{named}`"));
        }
    }
    for named in [network.as_str(), "never-was"] {
        let create = spec(stack.name(), image, json!({ "attachments": [{ "network": named }] })).to_string();
        probe(&project, &["create.create", &create]).ended(1).says(&format!("this project has no network `{named}`"));
        probe(&project, &["network.remove", named]).ended(0);
        probe(&project, &["shared.neighbours", named]).ended(4).says("docker.networks");
    }
    for named in [volume.as_str(), "never-was"] {
        let create = spec(stack.name(), image, json!({ "mounts": [{ "kind": "volume", "source": named, "target": "/x" }] })).to_string();
        probe(&project, &["create.create", &create]).ended(1).says(&format!("this project has no volume `{named}`"));
        let same = json!([{ "name": named, "key": "db", "driver": "other" }]).to_string();
        probe(&project, &["volume.compare", &same]).ended(0).prints_only("None\n");
        probe(&project, &["volume.remove", named]).ended(0);
    }
    probe(&project, &["inspect.images", "[\"postgres:16\"]"]).ended(4).says("docker.images");
    probe(&project, &["remove.image", image]).ended(1).says("this project has no image");
    assert_eq!(engine.inspect(&name)["State"]["Running"], true);
    assert_eq!((other.networks().len(), other.volumes().len()), (1, 1));
}

#[test]
fn each_field_of_a_container_that_is_not_granted_is_denied_by_name_and_nothing_is_made() {
    let engine = shared_docker();
    let image = engine.busybox();
    let stack = engine.stack("fields");
    let project = project(engine, stack.name(), &ALL, &format!("docker.images = [\"{image}\"]"));
    let secured = |field: &str, value: Value| json!({ "security": { field: value } });
    let table = [
        (json!({ "image": "postgres:16" }), "`image` `postgres:16`", "docker.images"),
        (json!({ "annotations": { "a": "b" } }), "`annotations`", "docker.security-options"),
        (json!({ "published": [{ "container-port": 80, "host-port": 80 }] }), "`ports` `80`", "docker.ports"),
        (json!({ "mounts": [{ "source": "./x", "target": "/x" }] }), "`mounts` `./x`", "docker.mounts"),
        (json!({ "mounts": [{ "source": "/", "target": "/x", "read-only": true }] }), "`mounts` `/`", "docker.engine-socket = true"),
        (json!({ "mounts": [{ "source": "/var/run/docker.sock", "target": "/x" }] }), "`mounts`", "docker.engine-socket = true"),
        (json!({ "network-mode": "host" }), "`network-mode` `host`", "docker.host-namespaces = [\"network\"]"),
        (json!({ "network-mode": "bridge" }), "`network-mode` `bridge`", "docker.networks = [\"bridge\"]"),
        (json!({ "storage-options": { "x": "y" } }), "`storage-options`", "docker.security-options"),
        (json!({ "namespaces": { "pid": "host" } }), "`pid` `host`", "docker.host-namespaces = [\"pid\"]"),
        (json!({ "namespaces": { "ipc": "host" } }), "`ipc` `host`", "docker.host-namespaces = [\"ipc\"]"),
        (json!({ "namespaces": { "uts": "host" } }), "`uts` `host`", "docker.host-namespaces = [\"uts\"]"),
        (json!({ "namespaces": { "user": "host" } }), "`user` `host`", "docker.host-namespaces = [\"user\"]"),
        (json!({ "namespaces": { "cgroup": "host" } }), "`cgroup` `host`", "docker.host-namespaces = [\"cgroup\"]"),
        (secured("privileged", json!(true)), "`privileged`", "docker.privileged = true"),
        (secured("cap-add", json!(["SYS_ADMIN"])), "`cap-add` `SYS_ADMIN`", "docker.capabilities"),
        (secured("options", json!(["seccomp=unconfined"])), "`security-options`", "docker.security-options"),
        (secured("devices", json!([{ "source": "/dev/fuse" }])), "`devices` `/dev/fuse`", "docker.devices"),
        (secured("device-requests", json!([{}])), "`device-requests` `gpu`", "docker.devices"),
        (secured("device-cgroup-rules", json!(["a *:* rwm"])), "`device-cgroup-rules`", "docker.security-options"),
        (secured("cgroup-parent", json!("/x")), "`cgroup-parent`", "docker.security-options"),
        (secured("runtime", json!("runc")), "`runtime`", "docker.security-options"),
        (secured("sysctls", json!({ "kernel.shmmax": "1" })), "`sysctls`", "docker.security-options"),
    ];
    for (fields, thing, line) in table {
        let spec = spec(stack.name(), image, fields);
        probe(&project, &["create.create", &spec.to_string()]).ended(4).says(thing).says(line).says("[commands.dockerprobe]");
        probe(&project, &["create.check", &json!([spec]).to_string()]).ended(0).prints("web ").prints(line);
    }
    for labels in [json!({ "com.docker.compose.project": "other" }), json!({ "host.run": "x" })] {
        let spec = spec(stack.name(), image, json!({ "labels": labels })).to_string();
        probe(&project, &["create.create", &spec]).ended(1).says("is written by the host");
    }
    assert!(stack.containers().is_empty());
}

#[test]
fn a_line_that_a_denial_names_allows_what_was_denied() {
    let engine = shared_docker();
    let image = engine.busybox();
    let stack = engine.stack("lines");
    let create = spec(
        stack.name(),
        image,
        json!({ "network-mode": "host", "mounts": [{ "source": "./x", "target": "/x" }], "security": { "cap-add": ["SYS_NICE"] } }),
    );
    let denied = project(engine, stack.name(), &ALL, "");
    let verdict = probe(&denied, &["create.check", &json!([create]).to_string()]).ended(0);
    let lines: Vec<&str> = verdict.stdout.lines().filter(|line| line.starts_with("docker.")).collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    let allowed = project(engine, stack.name(), &ALL, &lines.join("\n"));
    std::fs::create_dir(allowed.path("x")).unwrap();
    probe(&allowed, &["create.create", &create.to_string()]).ended(0);
    let made = stack.container("web");
    assert_eq!(made["HostConfig"]["NetworkMode"], "host");
    assert_eq!(made["HostConfig"]["CapAdd"][0], "SYS_NICE");
}

#[test]
fn networks_and_volumes_reach_the_machine_only_when_that_is_granted() {
    let engine = shared_docker();
    let stack = engine.stack("reach");
    let project = project(engine, stack.name(), &ALL, "");
    let name = format!("{}_x", stack.name());
    let table = [
        ("network.create", json!({ "driver": "macvlan" }), "network-driver=macvlan"),
        ("network.create", json!({ "options": { "com.docker.network.bridge.name": "docker0" } }), "network-option="),
        ("network.create", json!({ "pools": [{ "subnet": "8.8.8.0/24" }] }), "subnet=8.8.8.0/24"),
        ("network.create", json!({ "shared": true }), "docker.networks"),
        ("volume.create", json!({ "options": { "type": "none", "o": "bind", "device": "/etc" } }), "docker.mounts = [\"/etc\"]"),
        ("volume.create", json!({ "options": { "type": "nfs", "o": "addr=10.0.0.1", "device": ":/x" } }), "nfs://10.0.0.1/x"),
        ("volume.create", json!({ "driver": "plugin" }), "volume-driver=plugin"),
    ];
    for (function, mut fields, line) in table {
        fields["name"] = json!(name);
        fields["key"] = json!("x");
        probe(&project, &[function, &fields.to_string()]).ended(4).says(line);
        let kind = function.trim_end_matches(".create");
        let ground = json!({ format!("{kind}s"): [fields] }).to_string();
        probe(&project, &["create.check", "[]", &ground]).ended(0).prints(&format!("{kind}s.x ")).prints(line);
    }
    for kind in ["network", "volume"] {
        let ground = json!({ format!("external-{kind}s"): [{ "key": "x", "name": "theirs" }] }).to_string();
        let line = format!("docker.{kind}s = [\"theirs\"]");
        probe(&project, &["create.check", "[]", &ground]).ended(0).prints(&format!("{kind}s.x name theirs")).prints(&line);
        let granted = self::project(engine, stack.name(), &ALL, &line);
        assert_eq!(probe(&granted, &["create.check", "[]", &ground]).ended(0).stdout, "");
    }
    assert!(stack.networks().is_empty() && stack.volumes().is_empty());
}

#[test]
fn one_run_at_a_time_holds_a_projects_lock_and_its_end_frees_it() {
    let engine = shared_docker();
    let stack = engine.stack("lock");
    let project = project(engine, stack.name(), &["inspect"], "");
    let run = ["types.lock-project", "10000", "60000"].iter().fold(project.run("dockerprobe"), |run, word| run.arg(word));
    let mut holder = run.start();
    let id = holder.id();
    until("the lock is held", || {
        let output = probe(&project, &["types.lock-project", "0", "0"]);
        output.code == Some(6)
    });
    probe(&project, &["types.lock-project", "50", "0"]).ended(6).says(&format!("`dockerprobe` (process {id}) works on the project"));
    holder.kill();
    probe(&project, &["types.lock-project", "2000", "0"]).ended(0).prints("locked");
}

#[test]
fn an_engine_that_is_not_there_or_says_nothing_is_exit_9_without_its_address() {
    let engine = Docker::start();
    let stack = engine.stack("away");
    let project = project(&engine, stack.name(), &ALL, "");
    probe(&project, &["inspect.containers"]).ended(0);
    engine.hang();
    probe(&project, &["inspect.containers"]).ended(9).says("does not answer").lacks("docker.sock");
    engine.go_on();
    probe(&project, &["inspect.containers"]).ended(0);
    let nowhere = Project::new("[docker]\nendpoint = \"unix:///nowhere/secret.sock\"\n").guest("dockerprobe");
    nowhere.grant("[commands.dockerprobe]\ndocker.project = \"x\"\ndocker.allow = [\"inspect\"]");
    probe(&nowhere, &["inspect.containers"]).ended(9).lacks("secret").lacks("nowhere");
}

#[test]
fn an_engine_that_ends_while_a_container_is_watched_is_waited_for_and_then_exit_9() {
    let mut engine = Docker::start();
    let image = engine.busybox();
    let project = project(&engine, "gone", &ALL, &format!("docker.images = [\"{image}\"]"));
    probe(&project, &["create.create", &spec("gone", image, json!({})).to_string()]).ended(0);
    let watch = || {
        probe(&project, &["start-stop.start", "gone-web-1"]).ended(0);
        let words = ["inspect.watch", "gone-web-1", "exited"];
        let watching = words.iter().fold(project.run("dockerprobe"), |run, word| run.arg(word)).patience(60).start();
        // It is under way.
        std::thread::sleep(Duration::from_millis(300));
        watching
    };
    let watching = watch();
    engine.kill();
    engine.restart();
    // An engine ends what it finds running from its life before.
    watching.wait().ended(0);
    let watching = watch();
    engine.kill();
    watching.wait().ended(9).lacks("docker.sock");
}

#[test]
fn the_journal_tells_what_was_done_and_no_content() {
    let engine = shared_docker();
    let image = engine.busybox();
    let stack = engine.stack("journal");
    let project = project(engine, stack.name(), &ALL, &format!("docker.images = [\"{image}\"]"));
    let files = json!([{ "path": "/run/secrets/key", "content": "s3cret", "mode": 256 }]);
    probe(&project, &["create.create", &spec(stack.name(), image, json!({ "environment": { "A": "t0ken" }, "files": files })).to_string()])
        .ended(0);
    let journals: String = std::fs::read_dir(project.path(".host/journal"))
        .unwrap()
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .flat_map(|text| text.lines().filter(|line| !line.contains("\"start\"")).map(str::to_owned).collect::<Vec<_>>())
        .collect();
    assert!(journals.contains("create.create") && journals.contains(&format!("{}-web-1", stack.name())), "{journals}");
    assert!(!journals.contains("s3cret") && !journals.contains("t0ken"), "{journals}");
}

#[test]
fn what_there_is_costs_one_call_each_and_a_container_no_more_than_it_needs() {
    let engine = shared_docker();
    let image = engine.busybox();
    let stack = engine.stack("calls");
    let lines = format!("docker.images = [\"{image}\"]\ndocker.networks = [\"edge\"]");
    let create = spec(stack.name(), image, json!({})).to_string();
    let images = json!([image]).to_string();
    let calls: [&[&str]; 7] = [
        &["inspect.containers"],
        &["inspect.networks"],
        &["inspect.volumes"],
        &["inspect.images", &images],
        &["inspect.own-images"],
        &["inspect.engine-version"],
        &["create.create", &create],
    ];
    for call in calls {
        let counted = engine.counted();
        probe(&project_at(&counted.host(), stack.name(), &ALL, &lines), call).ended(0);
        assert_eq!(counted.requests().len(), 1, "{call:?}: {:?}", counted.requests());
    }
    // Found by its name, looked at, started.
    let counted = engine.counted();
    probe(&project_at(&counted.host(), stack.name(), &ALL, &lines), &["start-stop.start", &format!("{}-web-1", stack.name())]).ended(0);
    assert_eq!(counted.requests().len(), 3, "{:?}", counted.requests());
}

#[test]
fn a_host_that_is_killed_while_it_makes_a_container_leaves_none_that_looks_complete() {
    let engine = shared_docker();
    let image = engine.busybox();
    let stack = engine.stack("killed");
    let lines = format!("docker.images = [\"{image}\"]");
    let files = json!({ "files": [{ "path": "/run/secrets/key", "content": "s3cret" }] });
    let create = spec(stack.name(), image, files).to_string();
    let relay = engine.failing(Fault::KillAfter(1));
    let killed = project_at(&relay.host(), stack.name(), &ALL, &lines);
    let run = ["create.create", create.as_str()].iter().fold(killed.run("dockerprobe"), |run, word| run.arg(word)).start();
    relay.victim(run.id());
    assert_eq!(run.wait().signal, Some(9));
    until("the engine did what was asked", || !stack.containers().is_empty());
    let whole = project(engine, stack.name(), &ALL, &lines);
    probe(&whole, &["inspect.containers"]).ended(0).prints("Status::Dead").prints("not finished");
    // The next run is not in its way.
    probe(&whole, &["create.create", &create]).ended(0);
    assert_eq!(stack.containers().len(), 2);
}

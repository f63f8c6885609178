//! From a spec to a container that runs, and to nothing again.

use super::super::create::{File, Healthcheck, Mount};
use super::super::types::{Health, Pair, Status};
use super::super::{logs, network, paths, remove, volume};
use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_container_is_made_started_watched_stopped_and_removed() {
    let mut run = Run::new();
    let name = run.name("web");
    run.network("default").await.unwrap();
    let spec = Spec {
        attachments: vec![types::Attachment { aliases: vec!["web".to_owned()], ..specs::attachment(&format!("{}_default", run.project)) }],
        labels: vec![Pair { name: "com.docker.compose.config-hash".into(), value: "x".into() }],
        config_files: vec!["compose.yaml".to_owned()],
        ..run.spec("web")
    };
    let id = run.create(spec).await.unwrap();
    let [container] = run.containers().await.unwrap().try_into().unwrap();
    assert_eq!((&container.id, &container.name, container.status), (&id, &name, Status::Created));
    let label = |name: &str| container.labels.iter().find(|label| label.name == name).map(|label| label.value.as_str());
    for (name, value) in [
        ("com.docker.compose.project", run.project.as_str()),
        ("com.docker.compose.service", "web"),
        ("com.docker.compose.container-number", "1"),
        ("com.docker.compose.oneoff", "False"),
        ("com.docker.compose.config-hash", "x"),
        ("com.docker.compose.project.working_dir", "."),
        ("com.docker.compose.project.config_files", "compose.yaml"),
        ("host.run", "run-1"),
    ] {
        assert_eq!(label(name), Some(value), "{name}");
    }
    run.start(&name).await.unwrap();
    run.start(&id).await.unwrap();
    assert_eq!(run.watch(&name, inspect::Until::Healthy).await.unwrap(), "");
    let [container] = run.containers().await.unwrap().try_into().unwrap();
    assert_eq!(container.status, Status::Running);
    assert!(container.endpoints[0].ip_address.starts_with("10."), "{:?}", container.endpoints);
    let begun = start_stop::Host::stop(&mut run.view(), name.clone(), Some(5)).await;
    run.done(begun).await.unwrap();
    assert_eq!(run.details(&id[..12]).await.unwrap().container.status, Status::Exited);
    run.watch(&name, inspect::Until::Exited).await.unwrap();
    run.remove(&name).await.unwrap();
    run.remove(&name).await.unwrap();
    assert_eq!(run.containers().await.unwrap(), []);
    let default = format!("{}_default", run.project);
    for _ in 0..2 {
        let begun = network::Host::remove(&mut run.view(), default.clone()).await;
        run.done(begun).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_is_on_all_its_networks_also_where_the_engine_joins_one_at_a_time() {
    let mut run = Run::new();
    let networks = ["a", "b", "c"].map(|key| format!("{}_{key}", run.project));
    for key in ["a", "b", "c"] {
        run.network(key).await.unwrap();
    }
    let attachments = networks.iter().map(|network| specs::attachment(network)).collect();
    let spec = Spec { attachments, ..run.spec("web") };
    let name = spec.name.clone();
    run.create(spec).await.unwrap();
    run.start(&name).await.unwrap();
    let [container] = run.containers().await.unwrap().try_into().unwrap();
    assert_eq!(container.name, name);
    assert_eq!(container.endpoints.iter().map(|endpoint| endpoint.network.clone()).collect::<Vec<_>>(), networks);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_there_when_the_container_starts_and_without_them_it_is_not_there() {
    let mut run = Run::new();
    let files = || vec![File { path: "/run/secrets/deep/key".into(), content: b"s3cret".to_vec(), mode: 0o400, uid: 7, gid: 8 }];
    let command = Some(vec!["sh".to_owned(), "-c".to_owned(), "cat /run/secrets/deep/key; ls -n /run/secrets/deep/key".to_owned()]);
    let spec = Spec { files: files(), command, ..run.spec("web") };
    let name = spec.name.clone();
    run.create(spec).await.unwrap();
    run.start(&name).await.unwrap();
    run.watch(&name, inspect::Until::Exited).await.unwrap();
    let options = logs::Options { since: String::new(), tail: 0, timestamps: false };
    let lines = logs::Host::read(&mut run.view(), name, options).await.unwrap().unwrap();
    assert!(lines[0].text.starts_with("s3cret-r--------") && lines[0].text.contains("7        8"), "{lines:?}");
    // The engine puts nothing into a container whose root is read-only.
    let spec = Spec { files: files(), read_only: true, ..run.spec("locked") };
    let error = run.create(spec).await.unwrap_err();
    assert!(matches!(&error, Error::EngineFailed(failed) if failed.message.contains("read-only")), "{error:?}");
    let left: Vec<String> = run.containers().await.unwrap().into_iter().map(|container| container.name).collect();
    assert_eq!(left, [run.name("web")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_off_create_leaves_a_whole_container_or_none() {
    for milliseconds in [0, 2, 10, 30] {
        let mut run = Run::new();
        let files = vec![File { path: "/a".into(), content: vec![7; 1 << 20], mode: 0, uid: 0, gid: 0 }];
        let spec = Spec { files, ..run.spec("web") };
        let job = create::Host::create(&mut run.view(), spec).await.unwrap().unwrap();
        pause(milliseconds).await;
        run.leave.send_replace(Leave::Interrupted);
        let outcome = run.view().outcome(Resource::new_borrow(job.rep())).await.unwrap();
        assert!(outcome.is_some(), "an outcome is told after an interruption too");
        run.ctx.shutdown().await;
        let names = run.engine.docker(&format!("ps -a --format {{{{.Names}}}} --filter label=com.docker.compose.project={}", run.project));
        assert!(names.is_empty() || names == run.name("web"), "{names}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_was_never_finished_is_told_as_dead() {
    let mut run = Run::new();
    run.engine.docker(&format!("create --name {}.half-0a --label com.docker.compose.project={} busybox:1", run.name("web"), run.project));
    let [container] = run.containers().await.unwrap().try_into().unwrap();
    assert_eq!(container.status, Status::Dead);
    run.remove(&container.id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_is_waited_for_and_checks_of_the_life_before_are_left_out() {
    let mut run = Run::new();
    let check = Healthcheck {
        test: vec!["CMD".into(), "test".into(), "-e".into(), "/well".into()],
        interval_ns: 200_000_000,
        timeout_ns: 2_000_000_000,
        start_period_ns: 0,
        start_interval_ns: 0,
        retries: 2,
    };
    let spec = Spec { healthcheck: Some(check.clone()), ..run.spec("web") };
    let name = spec.name.clone();
    run.create(spec).await.unwrap();
    run.start(&name).await.unwrap();
    run.watch(&name, inspect::Until::Healthy).await.unwrap();
    let details = run.details(&name).await.unwrap();
    assert_eq!(details.container.health, Health::Unhealthy);
    assert!(details.failing_streak >= 2 && details.probes.iter().all(|probe| probe.exit_code == 1), "{details:?}");
    run.engine.docker(&format!("exec {name} touch /well"));
    let begun = start_stop::Host::restart(&mut run.view(), name.clone(), Some(1)).await;
    run.done(begun).await.unwrap();
    run.watch(&name, inspect::Until::Healthy).await.unwrap();
    let details = run.details(&name).await.unwrap();
    assert_eq!(details.container.health, Health::Healthy);
    assert!(details.probes.iter().all(|probe| probe.exit_code == 0), "{:?}", details.probes);
    let old = Spec { healthcheck: Some(Healthcheck { start_interval_ns: 1, ..check }), ..run.spec("old") };
    let error = run.create(old).await.unwrap_err();
    assert!(matches!(&error, Error::InvalidArgument(text) if text.contains("`start-interval`") && text.contains("1.44")), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn watching_ends_when_the_container_is_removed() {
    let mut run = Run::new();
    let name = run.name("web");
    run.create(run.spec("web")).await.unwrap();
    let job = inspect::Host::watch(&mut run.view(), name.clone(), inspect::Until::Exited).await;
    pause(100).await;
    run.remove(&name).await.unwrap();
    missing(run.done(job).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_and_volumes_are_mounted() {
    let engine = engine::shared();
    let mut run = Run::with(&engine, |grant| grant.mounts = vec![".".to_owned()]);
    std::fs::create_dir(run.folder.path().join("data")).unwrap();
    std::fs::write(run.folder.path().join("data/hello"), "there\n").unwrap();
    run.volume("db", vec![]).await.unwrap();
    let mounts = vec![
        Mount { target: "/data".into(), ..specs::bind("./data", true) },
        Mount { target: "/new".into(), create_source: true, ..specs::bind("./new", false) },
        Mount { target: "/db".into(), ..specs::volume(&format!("{}_db", run.project)) },
        Mount { target: "/own".into(), ..specs::volume("") },
    ];
    let script = "cat /data/hello; touch /data/x || echo locked; touch /new/made; echo kept > /own/file";
    let command = |script: &str| Some(vec!["sh".to_owned(), "-c".to_owned(), script.to_owned()]);
    let spec = Spec { mounts, command: command(script), ..run.spec("web") };
    let name = spec.name.clone();
    run.create(spec).await.unwrap();
    run.start(&name).await.unwrap();
    run.watch(&name, inspect::Until::Exited).await.unwrap();
    let printed = run.engine.docker(&format!("logs {name}"));
    assert!(printed.contains("there") && printed.contains("locked"), "{printed}");
    assert!(paths::real(&run.folder.path().join("new/made")).unwrap().exists());
    // What stands in for it gets its anonymous volume.
    let mounts = vec![Mount { target: "/db".into(), ..specs::volume(&format!("{}_db", run.project)) }];
    let next =
        Spec { name: run.name("next"), mounts, command: command("cat /own/file"), anonymous_volumes_of: name.clone(), ..run.spec("web") };
    run.create(next).await.unwrap();
    let next = run.name("next");
    run.start(&next).await.unwrap();
    run.watch(&next, inspect::Until::Exited).await.unwrap();
    assert_eq!(run.engine.docker(&format!("logs {next}")), "kept");
    let db = format!("{}_db", run.project);
    let in_use = volume::Host::remove(&mut run.view(), db.clone()).await;
    assert!(matches!(run.done(in_use).await, Err(Error::Conflict(_))));
    run.remove(&name).await.unwrap();
    run.remove(&next).await.unwrap();
    for _ in 0..2 {
        let begun = volume::Host::remove(&mut run.view(), db.clone()).await;
        run.done(begun).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_read_and_followed() {
    let mut run = Run::new();
    let command = Some(vec![
        "sh".to_owned(),
        "-c".to_owned(),
        "i=0; while test $i -lt 1500; do echo line $i; i=$((i+1)); done; echo bad >&2".to_owned(),
    ]);
    let spec = Spec { command, ..run.spec("web") };
    let name = spec.name.clone();
    run.create(spec).await.unwrap();
    let options = |tail| logs::Options { since: String::new(), tail, timestamps: false };
    run.start(&name).await.unwrap();
    let begun = logs::Host::follow(&mut run.view(), name.clone(), options(0)).await;
    let (outcome, events) = run.done_with(begun).await;
    assert_eq!(outcome, Ok(String::new()));
    let printed: Vec<&str> = events.iter().filter(|event| event.id == "stdout").map(|event| event.text.as_str()).collect();
    assert_eq!(printed, (0..1500).map(|number| format!("line {number}")).collect::<Vec<_>>());
    assert!(events.iter().any(|event| event.id == "stderr" && event.text == "bad"));
    let last = logs::Host::read(&mut run.view(), name.clone(), options(2)).await.unwrap().unwrap();
    assert_eq!(last.len(), 2);
    for (tail, fits) in [(10_000, true), (10_001, false)] {
        let answer = logs::Host::read(&mut run.view(), name.clone(), options(tail)).await.unwrap();
        assert_eq!(answer.is_ok(), fits, "{tail}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn images_of_the_project_are_told_and_removed() {
    let mut run = Run::new();
    run.engine.docker(&format!("tag busybox:1 {}-web:latest", run.project));
    let asked = vec!["busybox:1".to_owned(), format!("{}-web", run.project), format!("{}-no", run.project)];
    let images = inspect::Host::images(&mut run.view(), asked).await.unwrap().unwrap();
    assert_eq!(images.iter().map(Option::is_some).collect::<Vec<_>>(), [true, true, false]);
    assert!(images[0].as_ref().unwrap().id.starts_with("sha256:"));
    let web = format!("{}-web", run.project);
    let begun = remove::Host::image(&mut run.view(), web).await;
    run.done(begun).await.unwrap();
    let begun = remove::Host::image(&mut run.view(), "busybox:1".to_owned()).await;
    missing(run.done(begun).await);
    assert!(run.engine.try_docker("image inspect busybox:1"));
}

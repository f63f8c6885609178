//! Links that took the place of what a container mounts, after it was made.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use super::super::create::Mount;
use super::super::types::Pair;
use super::super::wit::exec::{Bounds, Host as Exec};
use super::*;

/// A run that may mount these, with `src/data` in the project's folder and `secret` beside the project.
fn run(mounts: &[&str]) -> (Run, tempfile::TempDir) {
    let run = Run::with(&engine::shared(), |grant| grant.mounts = mounts.iter().map(ToString::to_string).collect());
    std::fs::create_dir_all(run.folder.path().join("src/data")).unwrap();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "s3cret").unwrap();
    (run, outside)
}

/// Puts a link to `outside` in the place of `src/data`.
fn swap(run: &Run, outside: &tempfile::TempDir) {
    let data = run.folder.path().join("src/data");
    std::fs::rename(&data, run.folder.path().join("src/before")).unwrap();
    symlink(outside.path(), data).unwrap();
}

fn swap_back(run: &Run) {
    let data = run.folder.path().join("src/data");
    std::fs::remove_file(&data).unwrap();
    std::fs::rename(run.folder.path().join("src/before"), data).unwrap();
}

fn mounting(run: &Run, service: &str, source: &str, target: &str) -> Spec {
    Spec { mounts: vec![Mount { target: target.into(), ..specs::bind(source, false) }], ..run.spec(service) }
}

async fn restart(run: &mut Run, name: &str, seconds: u32) -> Answer<String> {
    let begun = start_stop::Host::restart(&mut run.view(), name.to_owned(), Some(seconds)).await;
    run.done(begun).await
}

fn is_running(run: &Run, name: &str) -> bool {
    run.engine.docker(&format!("inspect -f {{{{.State.Running}}}} {name}")) == "true"
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_is_not_started_behind_a_link_that_another_one_made() {
    let (mut run, outside) = run(&["./src"]);
    let (writer, reader) = (run.name("writer"), run.name("reader"));
    run.create(mounting(&run, "writer", "./src", "/src")).await.unwrap();
    run.create(mounting(&run, "reader", "./src/data", "/data")).await.unwrap();
    run.start(&writer).await.unwrap();
    let script = format!("busybox mv /src/data /src/before; busybox ln -s {} /src/data", outside.path().display());
    run.engine.docker_with(&["exec", &writer, "sh", "-c", &script]);
    let bounds = || Bounds { output: 1_000, time_ms: 0 };
    let refused = [
        denied(run.start(&reader).await),
        denied(restart(&mut run, &reader, 1).await),
        denied(Exec::attach_start(&mut run.view(), reader.clone()).await.unwrap()),
        denied(Exec::capture_start(&mut run.view(), reader.clone(), vec![], bounds()).await.unwrap().map(drop)),
    ];
    for text in refused {
        assert!(text.contains(&reader) && text.contains("`./src/data`") && text.contains("a link"), "{text}");
        assert!(!text.contains(&*outside.path().to_string_lossy()) && !text.contains(&*run.folder.path().to_string_lossy()), "{text}");
    }
    assert!(!is_running(&run, &reader));
    swap_back(&run);
    run.start(&reader).await.unwrap();
    assert!(is_running(&run, &reader));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_made_while_a_container_stops_is_seen_before_it_starts_again() {
    let (mut run, outside) = run(&["./src"]);
    let slow = ["sh", "-c", "trap 'sleep 2; exit 0' TERM; while :; do sleep 0.1; done"].map(str::to_owned).to_vec();
    let name = run.name("web");
    run.create(Spec { command: Some(slow), ..mounting(&run, "web", "./src/data", "/data") }).await.unwrap();
    run.start(&name).await.unwrap();
    pause(300).await;
    restart(&mut run, &name, 10).await.unwrap();
    assert!(is_running(&run, &name));
    pause(300).await;
    let begun = start_stop::Host::restart(&mut run.view(), name.clone(), Some(10)).await;
    pause(700).await;
    swap(&run, &outside);
    assert!(denied(run.done(begun).await).contains("`./src/data`"));
    assert!(!is_running(&run, &name));
    swap_back(&run);
    restart(&mut run, &name, 1).await.unwrap();
    assert!(is_running(&run, &name), "one that does not run is started");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_removes_itself_is_not_lost_by_a_restart() {
    let (mut run, _outside) = run(&["./src"]);
    let name = run.name("web");
    run.create(Spec { auto_remove: true, ..mounting(&run, "web", "./src", "/src") }).await.unwrap();
    run.start(&name).await.unwrap();
    let refused = restart(&mut run, &name, 1).await;
    assert!(matches!(&refused, Err(Error::Conflict(text)) if text.contains(&name)), "{refused:?}");
    assert!(is_running(&run, &name));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_that_is_a_folder_is_looked_at_like_one() {
    let (mut run, outside) = run(&["./src"]);
    let options = [("type", "none"), ("o", "bind"), ("device", "./src/data")];
    let options = options.map(|(name, value)| Pair { name: name.into(), value: value.into() }).to_vec();
    run.volume("db", options).await.unwrap();
    let (name, volume) = (run.name("web"), format!("{}_db", run.project));
    run.create(Spec { mounts: vec![specs::volume(&volume)], ..run.spec("web") }).await.unwrap();
    swap(&run, &outside);
    assert!(denied(run.start(&name).await).contains("`./src/data`"));
    swap_back(&run);
    run.start(&name).await.unwrap();
    run.remove(&name).await.unwrap();
    run.engine.docker(&format!("volume rm {volume}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_docker_compose_made_is_started_and_behind_a_link_only_where_the_grant_covers_it() {
    let (mut run, outside) = run(&[]);
    let (mut granted, _) = self::run(&["./src", &outside.path().to_string_lossy()]);
    for (run, may) in [(&mut run, false), (&mut granted, true)] {
        let label = format!("--label com.docker.compose.project={}", run.project);
        let root = run.folder.path().canonicalize().unwrap();
        symlink(outside.path(), root.join("machines")).unwrap();
        symlink("src", root.join("own")).unwrap();
        let create = |service: &str, source: &str| {
            run.engine.docker(&format!("create --name {} {label} -v {}:/x busybox:1", run.name(service), root.join(source).display()))
        };
        for (service, source) in [("plain", "src/data"), ("absent", "src/new"), ("own", "own/data"), ("linked", "machines")] {
            create(service, source);
        }
        for service in ["plain", "absent"] {
            run.start(&run.name(service)).await.unwrap();
        }
        let started = run.start(&run.name("own")).await;
        match may {
            true => assert_eq!(started, Ok(String::new())),
            false => assert!(denied(started).contains("docker.mounts = [\"./src/data\"]")),
        }
        // A link of the project that leads outside is granted by where it leads.
        assert_eq!(run.start(&run.name("linked")).await.is_ok(), may);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_is_not_utf_8_is_not_mounted_as_another_one() {
    let (mut run, outside) = run(&["./src"]);
    let src = run.folder.path().join("src");
    std::fs::create_dir(src.join(OsStr::from_bytes(b"d\xff"))).unwrap();
    symlink(OsStr::from_bytes(b"d\xff"), src.join("l")).unwrap();
    symlink(outside.path(), src.join("d\u{fffd}")).unwrap();
    let Err(Error::InvalidArgument(text)) = run.create(mounting(&run, "web", "./src/l", "/x")).await else { panic!("it was made") };
    assert!(text.contains("`./src/l`") && text.contains("not UTF-8"), "{text}");
    let options = [("type", "none"), ("o", "bind"), ("device", "./src/l")];
    let options = options.map(|(name, value)| Pair { name: name.into(), value: value.into() }).to_vec();
    let Err(Error::InvalidArgument(text)) = run.volume("db", options).await else { panic!("it was made") };
    assert!(text.contains("not UTF-8"), "{text}");
}

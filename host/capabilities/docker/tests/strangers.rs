//! What belongs to another project, and what was not granted.

use super::super::create::Mount;
use super::super::logs::{self, Options};
use super::super::types::Pair;
use super::super::{pull, remove, shared, volume};
use super::*;

/// A container, a network and a volume of somebody else, and their names and ids.
fn other(engine: &Engine) -> (String, Vec<String>) {
    let project = project();
    let label = format!("--label com.docker.compose.project={project}");
    let id = engine.docker(&format!("run -d --name {project}-web-1 {label} busybox:1"));
    let network = engine.docker(&format!("network create {label} {project}_default"));
    engine.docker(&format!("volume create {label} {project}_db"));
    (
        project.clone(),
        vec![format!("{project}-web-1"), id.clone(), id[..12].to_owned(), id[..20].to_owned(), network, format!("{project}_db")],
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_another_project_is_answered_like_what_never_was() {
    let mut run = Run::new();
    let engine = Arc::clone(&run.engine);
    let (project, names) = other(&engine);
    assert_eq!(run.containers().await.unwrap(), []);
    assert!(inspect::Host::networks(&mut run.view()).await.unwrap().unwrap().is_empty());
    assert!(inspect::Host::volumes(&mut run.view()).await.unwrap().unwrap().is_empty());
    let options = || Options { since: String::new(), tail: 1, timestamps: false };
    for name in names.iter().map(String::as_str).chain(["never-was"]) {
        let same = format!("this project has no container `{name}`");
        assert_eq!(missing(run.details(name).await), same);
        assert_eq!(missing(run.start(name).await), same);
        assert_eq!(missing(run.watch(name, inspect::Until::Exited).await), same);
        for begun in [
            start_stop::Host::stop(&mut run.view(), name.to_owned(), Some(0)).await,
            start_stop::Host::restart(&mut run.view(), name.to_owned(), Some(0)).await,
            start_stop::Host::signal(&mut run.view(), name.to_owned(), "SIGKILL".to_owned()).await,
            logs::Host::follow(&mut run.view(), name.to_owned(), options()).await,
        ] {
            assert_eq!(missing(run.done(begun).await), same);
        }
        assert_eq!(missing(logs::Host::read(&mut run.view(), name.to_owned(), options()).await.unwrap()), same);
        assert_eq!(missing(create::Host::rename(&mut run.view(), name.to_owned(), "mine".to_owned()).await.unwrap()), same);
        run.remove(name).await.unwrap();
        for begun in
            [network::Host::remove(&mut run.view(), name.to_owned()).await, volume::Host::remove(&mut run.view(), name.to_owned()).await]
        {
            run.done(begun).await.unwrap();
        }
        let begun = remove::Host::image(&mut run.view(), format!("{project}-web")).await;
        missing(run.done(begun).await);
    }
    assert!(engine.docker("ps --format {{.Names}}").contains(&format!("{project}-web-1")), "it runs as before");
    assert!(engine.try_docker(&format!("network inspect {project}_default")));
    assert!(engine.try_docker(&format!("volume inspect {project}_db")));
    engine.docker(&format!("rm -f {project}-web-1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_is_not_tied_to_what_belongs_to_another_project() {
    let mut run = Run::new();
    let engine = Arc::clone(&run.engine);
    let (project, names) = other(&engine);
    let name = &names[0];
    let mut shared_pid = run.spec("web");
    shared_pid.namespaces.pid = format!("container:{name}");
    let tied = [
        Spec { network_mode: format!("container:{name}"), ..run.spec("web") },
        Spec { network_mode: "service:web".to_owned(), ..run.spec("other") },
        Spec { volumes_from: vec![name.clone()], ..run.spec("web") },
        Spec { links: vec![format!("{name}:x")], ..run.spec("web") },
        Spec { anonymous_volumes_of: name.clone(), ..run.spec("web") },
        Spec { attachments: vec![specs::attachment(&format!("{project}_default"))], ..run.spec("web") },
        Spec { attachments: vec![specs::attachment(&names[4])], ..run.spec("web") },
        Spec { mounts: vec![specs::volume(&format!("{project}_db"))], ..run.spec("web") },
        Spec { mounts: vec![specs::volume("never-was")], ..run.spec("web") },
        shared_pid,
    ];
    for spec in tied {
        let text = format!("{spec:?}");
        assert!(matches!(run.create(spec).await, Err(Error::NoSuchObject(_))), "{text}");
    }
    let network = network::Host::connect(&mut run.view(), names[0].clone(), specs::attachment("bridge")).await.unwrap();
    missing(network);
    run.create(run.spec("own")).await.unwrap();
    let own = run.name("own");
    for network in [&format!("{project}_default"), &names[4], "host", "bridge"] {
        missing(network::Host::connect(&mut run.view(), own.clone(), specs::attachment(network)).await.unwrap());
        missing(network::Host::disconnect(&mut run.view(), own.clone(), network.to_string(), true).await.unwrap());
    }
    let taken = Spec { name: name.clone(), ..run.spec("web") };
    let error = run.create(taken).await.unwrap_err();
    assert_eq!(error, Error::Conflict(format!("the name `{name}` is in use")), "whose it is, is not told");
    engine.docker(&format!("rm -f {project}-web-1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_others_have_are_not_taken_over() {
    let mut run = Run::new();
    let engine = Arc::clone(&run.engine);
    engine.docker(&format!("volume create {}_db", run.project));
    engine.docker(&format!("network create {}_default", run.project));
    assert!(matches!(run.volume("db", vec![]).await, Err(Error::Conflict(_))));
    assert!(matches!(run.network("default").await, Err(Error::Conflict(_))));
    engine.docker(&format!("network rm {}_default", run.project));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_with_a_name_of_ours_that_was_built_for_another_project_is_not_ours() {
    let mut run = Run::new();
    let engine = Arc::clone(&run.engine);
    let image = format!("{}-web-db", run.project);
    let other = format!("{}-web", run.project);
    engine.docker(&format!("create --name {image}-base busybox:1"));
    engine.docker_with(&["commit", "--change", &format!("LABEL com.docker.compose.project={other}"), &format!("{image}-base"), &image]);
    engine.docker(&format!("rm {image}-base"));
    let found = inspect::Host::images(&mut run.view(), vec![image.clone()]).await.unwrap().unwrap();
    assert_eq!(found, [None]);
    missing(run.create(Spec { image: image.clone(), ..run.spec("web") }).await);
    let begun = remove::Host::image(&mut run.view(), image).await;
    missing(run.done(begun).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_granted_by_name_is_seen_and_used_and_never_removed() {
    let engine = engine::shared();
    let shared_network = format!("{}-edge", project());
    let shared_volume = format!("{}-store", project());
    engine.docker(&format!("network create {shared_network}"));
    engine.docker(&format!("volume create {shared_volume}"));
    let mut run = Run::with(&engine, |grant| {
        grant.networks = vec![shared_network.clone()];
        grant.volumes = vec![shared_volume.clone()];
    });
    let spec =
        Spec { attachments: vec![specs::attachment(&shared_network)], mounts: vec![specs::volume(&shared_volume)], ..run.spec("web") };
    run.create(spec).await.unwrap();
    let (name, neighbour) = (run.name("web"), shared_network.clone());
    run.start(&name).await.unwrap();
    let networks = inspect::Host::networks(&mut run.view()).await.unwrap().unwrap();
    assert_eq!(networks.iter().map(|network| &network.name).collect::<Vec<_>>(), [&shared_network]);
    let volumes = inspect::Host::volumes(&mut run.view()).await.unwrap().unwrap();
    assert_eq!(volumes.iter().map(|volume| &volume.name).collect::<Vec<_>>(), [&shared_volume]);
    let [found] = shared::Host::neighbours(&mut run.view(), neighbour).await.unwrap().unwrap().try_into().unwrap();
    assert_eq!((&found.name, &found.project, found.service.as_str()), (&name, &run.project, "web"));
    assert!(found.labels.iter().all(|label| label.name.starts_with("host.")) && !found.ip_address.is_empty());
    denied(shared::Host::neighbours(&mut run.view(), "bridge".to_owned()).await.unwrap());
    for begun in [
        network::Host::remove(&mut run.view(), shared_network.clone()).await,
        volume::Host::remove(&mut run.view(), shared_volume.clone()).await,
    ] {
        run.done(begun).await.unwrap();
    }
    run.remove(&name).await.unwrap();
    engine.docker(&format!("network rm {shared_network}"));
    engine.docker(&format!("volume rm {shared_volume}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_gave_to_an_own_container_is_not_passed_on_without_a_grant() {
    let mut run = Run::new();
    let label = format!("--label com.docker.compose.project={}", run.project);
    run.engine.docker(&format!("create --name {}-a {label} --network host -v /etc:/machine --pid host busybox:1", run.project));
    let from = format!("{}-a", run.project);
    let mut pid = run.spec("web");
    pid.namespaces.pid = format!("container:{from}");
    for (spec, lack) in [
        (Spec { network_mode: format!("container:{from}"), ..run.spec("web") }, "docker.host-namespaces = [\"network\"]"),
        (Spec { volumes_from: vec![from.clone()], ..run.spec("web") }, "docker.mounts = [\"/etc\"]"),
        (Spec { volumes_from: vec![format!("{from}:ro")], ..run.spec("web") }, "docker.mounts = [\"/etc:ro\"]"),
        (pid, "docker.host-namespaces = [\"pid\"]"),
    ] {
        let text = denied(run.create(spec).await);
        assert!(text.contains(lack), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_power_each_function_is_denied_at_once() {
    let engine = engine::shared();
    let mut run = Run::with(&engine, |grant| grant.powers = BTreeSet::new());
    let word = |text: String, power: &str| assert!(text.contains(power) && text.contains("docker.allow"), "{text}");
    word(denied(inspect::Host::engine_version(&mut run.view()).await.unwrap()), "inspect");
    word(denied(run.containers().await), "inspect");
    word(denied(run.details("x").await), "inspect");
    word(denied(inspect::Host::networks(&mut run.view()).await.unwrap()), "inspect");
    word(denied(inspect::Host::volumes(&mut run.view()).await.unwrap()), "inspect");
    word(denied(inspect::Host::images(&mut run.view(), vec!["busybox:1".into()]).await.unwrap()), "inspect");
    word(denied(inspect::Host::own_images(&mut run.view()).await.unwrap()), "inspect");
    word(denied(inspect::Host::port_holders(&mut run.view(), vec![80]).await.unwrap()), "inspect");
    word(denied(inspect::Host::watch(&mut run.view(), "x".into(), inspect::Until::Exited).await.unwrap().map(drop)), "inspect");
    let options = || Options { since: String::new(), tail: 1, timestamps: false };
    word(denied(logs::Host::read(&mut run.view(), "x".into(), options()).await.unwrap()), "logs");
    word(denied(logs::Host::follow(&mut run.view(), "x".into(), options()).await.unwrap().map(drop)), "logs");
    word(denied(shared::Host::neighbours(&mut run.view(), "x".into()).await.unwrap()), "shared");
    word(denied(start_stop::Host::start(&mut run.view(), "x".into()).await.unwrap().map(drop)), "start-stop");
    word(denied(start_stop::Host::stop(&mut run.view(), "x".into(), None).await.unwrap().map(drop)), "start-stop");
    word(denied(start_stop::Host::restart(&mut run.view(), "x".into(), None).await.unwrap().map(drop)), "start-stop");
    word(denied(start_stop::Host::signal(&mut run.view(), "x".into(), "HUP".into()).await.unwrap().map(drop)), "start-stop");
    let spec = run.spec("web");
    word(denied(create::Host::check(&mut run.view(), vec![spec.clone()], ground(0)).await.unwrap()), "create");
    word(denied(create::Host::create(&mut run.view(), spec).await.unwrap().map(drop)), "create");
    word(denied(create::Host::rename(&mut run.view(), "x".into(), "y".into()).await.unwrap()), "create");
    word(denied(remove::Host::container(&mut run.view(), "x".into(), true, true).await.unwrap().map(drop)), "remove");
    word(denied(remove::Host::image(&mut run.view(), "x".into()).await.unwrap().map(drop)), "remove");
    word(denied(run.network("default").await), "network");
    word(denied(network::Host::connect(&mut run.view(), "x".into(), specs::attachment("y")).await.unwrap()), "network");
    word(denied(network::Host::disconnect(&mut run.view(), "x".into(), "y".into(), false).await.unwrap()), "network");
    word(denied(network::Host::remove(&mut run.view(), "x".into()).await.unwrap().map(drop)), "network");
    word(denied(run.volume("db", vec![]).await), "volume");
    word(denied(volume::Host::remove(&mut run.view(), "x".into()).await.unwrap().map(drop)), "volume");
    word(denied(pull::Host::pull(&mut run.view(), "busybox:1".into(), String::new()).await.unwrap().map(drop)), "pull");
    denied(types::Host::lock_project(&mut run.view(), 0).await.unwrap().map(drop));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_granted_is_told_for_all_specs_at_once_with_lines_that_would_allow_it() {
    let mut run = Run::new();
    let plain = run.spec("web");
    let mut wild = Spec { image: "postgres:16".into(), mounts: vec![specs::bind("/etc", true)], ..run.spec("db") };
    wild.security.privileged = true;
    let verdict = create::Host::check(&mut run.view(), vec![plain, wild.clone()], ground(0)).await.unwrap().unwrap();
    let told: Vec<(&str, &str, &str)> =
        verdict.denials.iter().map(|denial| (denial.subject.as_str(), denial.field.as_str(), denial.thing.as_str())).collect();
    assert_eq!(told, [("db", "image", "postgres:16"), ("db", "mounts", "/etc:ro"), ("db", "privileged", "privileged")]);
    assert_eq!(
        verdict.lines,
        ["[commands.up]", r#"docker.images = ["busybox:1", "postgres:16"]"#, r#"docker.mounts = ["/etc:ro"]"#, "docker.privileged = true"]
    );
    let text = denied(run.create(wild).await);
    assert!(verdict.lines[1..].iter().all(|line| text.contains(line.as_str())), "{text}");
    denied(inspect::Host::images(&mut run.view(), vec!["postgres:16".into()]).await.unwrap());
    denied(inspect::Host::port_holders(&mut run.view(), vec![80]).await.unwrap());
    let begun = pull::Host::pull(&mut run.view(), "postgres:16".into(), String::new()).await;
    denied(run.done(begun).await);
    let own = format!("{}-web", run.project);
    let begun = pull::Host::pull(&mut run.view(), own, String::new()).await;
    denied(run.done(begun).await);
    let bind = [("type", "none"), ("o", "bind"), ("device", "/etc")];
    let options = bind.map(|(name, value)| Pair { name: name.into(), value: value.into() }).to_vec();
    denied(run.volume("etc", options).await);
    // The engine would take the last of two, and we looked at the first.
    let twice = [("type", "tmpfs"), ("o", "size=1m"), ("device", "tmpfs"), ("type", "none"), ("o", "bind"), ("device", "/etc")];
    let options = twice.map(|(name, value)| Pair { name: name.into(), value: value.into() }).to_vec();
    assert!(matches!(run.volume("etc", options).await, Err(Error::InvalidArgument(text)) if text.contains("given twice")));
    let socket = run.engine.socket().to_string_lossy().into_owned();
    let text = denied(run.create(Spec { mounts: vec![specs::bind(&socket, true)], ..run.spec("web") }).await);
    assert!(text.contains("docker.engine-socket = true"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_in_the_project_that_leads_outside_is_outside() {
    let engine = engine::shared();
    let mut run = Run::with(&engine, |grant| grant.mounts = vec![".".to_owned()]);
    std::os::unix::fs::symlink("/etc", run.folder.path().join("conf")).unwrap();
    let spec = Spec { mounts: vec![Mount { target: "/conf".into(), ..specs::bind("./conf/ssl", false) }], ..run.spec("web") };
    assert!(denied(run.create(spec).await).contains("/etc/ssl"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_holds_a_port_is_told_by_container_and_project() {
    let engine = engine::shared();
    let other = project();
    engine.docker(&format!("run -d --name {other}-proxy -p 7001:80 --label com.docker.compose.project={other} busybox:1"));
    let mut run = Run::with(&engine, |grant| grant.ports = vec!["7000-7009".to_owned()]);
    run.network("default").await.unwrap();
    let mut spec = Spec { attachments: vec![specs::attachment(&format!("{}_default", run.project))], ..run.spec("web") };
    spec.published = vec![create::Published {
        container_port: 80,
        protocol: "tcp".into(),
        host_ip: "127.0.0.1".into(),
        host_port: 7002,
        host_port_last: 7002,
    }];
    let name = spec.name.clone();
    run.create(spec).await.unwrap();
    run.start(&name).await.unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:7003");
    let holders = inspect::Host::port_holders(&mut run.view(), vec![7000, 7001, 7002, 7003]).await.unwrap().unwrap();
    let told: Vec<(u16, &str)> = holders.iter().map(|holder| (holder.port, holder.who.as_str())).collect();
    assert!(
        told.starts_with(&[
            (7001, format!("container {other}-proxy of project {other}").as_str()),
            (7002, format!("container {name}").as_str())
        ]),
        "{told:?}"
    );
    if listener.is_ok() {
        assert!(told.iter().any(|(port, who)| *port == 7003 && who.starts_with("another program (")), "{told:?}");
    }
    engine.docker(&format!("rm -f {other}-proxy"));
}

#[tokio::test(flavor = "multi_thread")]
async fn how_a_container_is_attached_is_told_of_the_projects_networks_and_granted_ones() {
    let engine = engine::shared();
    let edge = format!("{}-edge", project());
    engine.docker(&format!("network create {edge}"));
    let mut run = Run::with(&engine, |grant| grant.networks = vec![edge.clone()]);
    let (theirs, own) = (format!("{}_theirs", run.project), format!("{}_default", run.project));
    // As a project may be called whose name begins like ours.
    engine.docker(&format!("network create --label com.docker.compose.project={}_theirs {theirs}", run.project));
    run.network("default").await.unwrap();
    run.create(Spec { attachments: vec![specs::attachment(&own), specs::attachment(&edge)], ..run.spec("web") }).await.unwrap();
    let name = run.name("web");
    engine.docker(&format!("network connect {theirs} {name}"));
    run.start(&name).await.unwrap();
    for container in [run.containers().await.unwrap().remove(0), run.details(&name).await.unwrap().container] {
        let mut told: Vec<&str> = container.endpoints.iter().map(|endpoint| endpoint.network.as_str()).collect();
        told.sort_unstable();
        let mut expected = [own.as_str(), edge.as_str()];
        expected.sort_unstable();
        assert_eq!(told, expected);
    }
    run.remove(&name).await.unwrap();
    engine.docker(&format!("network rm {theirs} {edge}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_the_id_of_something_else_leads_nowhere_else() {
    let mut run = Run::new();
    let engine = Arc::clone(&run.engine);
    let (theirs, names) = other(&engine);
    let label = format!("--label com.docker.compose.project={}", run.project);
    let (container, network) = (&names[1], &names[4]);
    engine.docker(&format!("network create {label} {network}"));
    engine.docker(&format!("create --name {container} {label} busybox:1"));
    let joining = Spec { attachments: vec![specs::attachment(network)], ..run.spec("web") };
    let Err(Error::InvalidArgument(text)) = run.create(joining).await else { panic!("it was made") };
    assert!(text.contains("like an id"), "{text}");
    run.create(Spec { links: vec![format!("{container}:x")], ..run.spec("web") }).await.unwrap();
    let name = run.name("web");
    let connected = network::Host::connect(&mut run.view(), name, specs::attachment(network)).await.unwrap();
    assert!(matches!(connected, Err(Error::InvalidArgument(_))), "{connected:?}");
    let links = engine.docker(&format!("inspect -f {{{{.HostConfig.Links}}}} {}", run.name("web")));
    assert!(links.starts_with(&format!("[/{container}:")), "{links}");
    engine.docker(&format!("rm -f {theirs}-web-1"));
    let listed = engine.docker(&format!("network ls --no-trunc -f label=com.docker.compose.project={} --format {{{{.ID}}}}", run.project));
    engine.docker(&format!("network rm {listed}"));
}

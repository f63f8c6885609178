//! The stack commands on a real Podman, by its socket.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::harness::{Composed, free_port, shared_podman, signal, until};

const SHOP: &str = "
services:
  db:
    image: busybox
    volumes: ['data:/data']
    healthcheck: {test: ['CMD', 'test', '-e', '/data/well'], interval: 1h, retries: 1}
  seed: {image: busybox, command: ['touch', '/data/seeded'], volumes: ['data:/data']}
  web:
    image: busybox
    command: [sh, -c, 'echo $$GREETING > /tmp/index.html; exec httpd -f -p 80 -h /tmp']
    environment: {GREETING: 'hello'}
    depends_on: {db: {condition: service_started}, seed: {condition: service_completed_successfully}}
    networks: [default, back]
    ports: ['PORT:80']
    stop_signal: KILL
volumes: {data: {}}
networks: {back: {}}
";

/// One test at a time: while Podman builds or starts something, it lets others wait.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a published port answers; nothing where nobody listens yet.
fn page(shop: &Composed, port: u16) -> String {
    std::panic::catch_unwind(|| shop.engine.page(port, "/")).unwrap_or_default()
}

#[test]
fn podman_brings_a_stack_up_leaves_it_alone_changes_one_key_and_takes_it_down() {
    let _alone = alone();
    let port = free_port();
    let shop = Composed::on(shared_podman(), &SHOP.replace("PORT", &port.to_string()));
    let counted = shop.engine.counted();
    shop.run("up").succeeds().prints("up: 3 services").says("-seed-1 is ready after");
    assert_eq!(shop.states(), ["shop-db-1 running", "shop-seed-1 exited", "shop-web-1 running"]);
    until("the port is published", || page(&shop, port) == "hello\n");
    shop.engine.docker(&format!("exec {}-web-1 test -e /tmp/index.html", shop.name()));
    let ids = shop.ids();
    shop.run("up").env("DOCKER_HOST", counted.host()).succeeds().prints("nothing to be done: 3 services are as the compose file says");
    let requests = counted.requests();
    // One more than Docker needs: Podman's own list says what its other one leaves out.
    assert!(requests.len() <= 5 && requests.iter().all(|request| request.starts_with("GET ")), "{requests:#?}");
    assert_eq!(shop.ids(), ids);

    shop.change("'hello'", "'good day'");
    shop.run("up --plan").succeeds().prints("environment.GREETING changed").lacks("-db-1");
    shop.run("up").succeeds().says("environment.GREETING changed");
    let now = shop.ids();
    assert!(now[..2] == ids[..2] && now[2] != ids[2], "{ids:?} {now:?}");
    until("the new one answers", || page(&shop, port) == "good day\n");

    shop.run("down").succeeds();
    assert_eq!((shop.states().len(), shop.stack.networks().len(), shop.stack.volumes().len()), (0, 0, 1));
    shop.run("up").succeeds();
    shop.run("down -v --yes").succeeds();
    assert_eq!((shop.states().len(), shop.stack.networks().len(), shop.stack.volumes().len()), (0, 0, 0));
}

#[test]
fn podmans_checks_decide_who_is_well_and_who_may_start() {
    let _alone = alone();
    let shop = Composed::on(
        shared_podman(),
        "
services:
  db: {image: busybox, healthcheck: {test: ['CMD-SHELL', 'test -e /tmp/well || { echo no pulse; false; }'], interval: 1h, retries: 1}}
  gone: {image: busybox, command: [sh, -c, 'echo out of luck; exit 5']}
  web: {image: busybox, depends_on: {db: {condition: service_healthy}}}
",
    );
    let db = format!("{}-db-1", shop.name());
    let check = |expected: &str| shop.run("check_services --timeout 1s").ends(3).prints(expected);
    let starting = shop.run("up db web").start();
    until("db runs", || shop.states().iter().any(|state| state == "shop-db-1 running"));
    check("starting").prints("not well: db, gone, web");
    shop.engine.docker(&format!("exec {db} touch /tmp/well"));
    shop.engine.checks_health(&db);
    starting.wait().ended(0);
    shop.run("up --wait gone").ends(1).says("-gone-1 ended with 5").says("out of luck");
    check("healthy").prints("exited").prints("out of luck").prints("not well: gone");
    shop.engine.docker(&format!("exec {db} rm /tmp/well"));
    shop.engine.checks_health(&db);
    check("unhealthy").prints("no pulse").prints("not well: db, gone");
}

#[test]
fn programs_in_podmans_containers_have_our_streams_and_their_own_exit_codes() {
    let _alone = alone();
    let engine = shared_podman();
    engine.manage_image();
    let mut shop = Composed::on(engine, "services: {backend: {image: backend, command: [rest]}}");
    shop.project = shop.project.command("manage");
    shop.project.grant(&format!(
        "[commands.manage]\ndocker.project = \"{}\"\ndocker.allow = [\"inspect\", \"exec\", \"create\", \"remove\"]\ndocker.images = \
         [\"backend\"]\nfiles.\"**\" = \"read\"\nfiles.\".env\" = \"read\"",
        shop.name()
    ));
    // The other way to name an engine.
    let toml = shop.project.read("host.toml");
    shop.project.write("host.toml", toml.replace("[docker]\n", &format!("[docker]\nendpoint = \"{}\"\n", engine.host())));
    shop.project.run("up").succeeds();
    let manage = |words: &str| shop.project.run(&format!("manage {words}"));
    manage("tell").arg("$(touch x)").arg("").arg("a b").succeeds().prints_only("tell\n$(touch x)\n\na b\n");
    for code in [0, 3, 255] {
        manage(&format!("exit {code}")).ends(code);
    }
    let bytes: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let output = manage("copy").stdin(&bytes).succeeds();
    assert!(output.bytes == bytes, "{} bytes of {} came back", output.bytes.len(), bytes.len());
    manage("say on the other stream").succeeds().prints_only("").says("on the other stream");
    let waiting = manage("signals").start();
    until("it waits", || engine.docker(&format!("top {}-backend-1", shop.name())).contains("signals"));
    for _ in 0..3 {
        signal("HUP", waiting.id());
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    waiting.wait().ended(33);
    manage("--one-off exit 7").ends(7);
    manage("--one-off copy").stdin("through a pipe").succeeds().prints_only("through a pipe");
    assert_eq!(shop.states(), ["shop-backend-1 running"]);
}

#[test]
fn podman_builds_images_and_a_failing_step_is_shown() {
    let _alone = alone();
    let shop = Composed::on(shared_podman(), "services: {web: {build: .}}");
    shop.project.write("Dockerfile", "FROM busybox\nRUN echo made > /made\nCMD [\"rest\"]\n");
    shop.run("build").succeeds();
    shop.run("up").succeeds();
    shop.engine.docker(&format!("exec {}-web-1 test -e /made", shop.name()));
    shop.run("up").succeeds().prints("nothing to be done");
    shop.project.write("Dockerfile", "FROM busybox\nRUN echo about to fail; exit 7\n");
    shop.run("build").ends(1).says("about to fail").says("7");
    let down = shop.run("down --rmi local").succeeds();
    let images = shop.engine.docker("images");
    assert!(!images.contains(&format!("{}-web", shop.name())), "{down}\n{images}");
}

#[test]
fn podman_gives_a_tmpfs_and_a_mac_address_as_docker_does() {
    let _alone = alone();
    let web = "{image: busybox, tmpfs: ['/run/x:size=64k,mode=1770', /scratch], mac_address: '02:42:0a:00:00:07', stop_signal: KILL}";
    let shop = Composed::on(shared_podman(), &format!("services: {{web: {web}}}"));
    shop.run("up").succeeds();
    let inside = |words: &str| shop.engine.docker(&format!("exec {}-web-1 {words}", shop.name()));
    assert_eq!(inside("stat -c %a /run/x"), "1770\n");
    assert_eq!(inside("cat /sys/class/net/eth0/address"), "02:42:0a:00:00:07\n");
    shop.run("up").succeeds().prints("nothing to be done");
}

//! `down` on a real engine: whoever started it, with and without compose files.

use crate::harness::Composed;

const STACK: &str = "
services:
  db: {image: busybox, volumes: ['data:/data']}
  web: {image: busybox, depends_on: [db]}
volumes: {data: {}}
";

#[test]
fn everything_of_the_project_goes_in_reverse_order_and_volumes_stay() {
    let shop = Composed::new(STACK);
    shop.run("up").succeeds();
    let down = shop.run("down").succeeds().prints("down: 2 containers").says("removed network");
    let place = |name: &str| down.stderr.find(&format!("removed {}-{name}-1", shop.name()));
    assert!(place("web").is_some() && place("web") < place("db"), "{down}");
    assert_eq!((shop.states().len(), shop.stack.networks().len(), shop.stack.volumes().len()), (0, 0, 1));
    shop.run("down").succeeds().prints("nothing to be done");
}

#[test]
fn what_docker_compose_started_goes_too_also_without_a_compose_file() {
    let shop = Composed::new(STACK);
    shop.project.write("docker-compose.yml", format!("version: '2.4'\n{STACK}"));
    shop.compose("up -d");
    assert_eq!(shop.states(), shop.as_compose_names(["shop_db_1 running", "shop_web_1 running"]));
    shop.run("down").succeeds().prints("down: 2 containers");
    assert_eq!((shop.states().len(), shop.stack.networks().len()), (0, 0));

    shop.compose("up -d");
    std::fs::remove_file(shop.project.path("docker-compose.yml")).unwrap();
    shop.run("down").succeeds().says("by labels only");
    assert_eq!((shop.states().len(), shop.stack.networks().len()), (0, 0));
}

#[test]
fn volumes_go_only_after_a_yes_that_knows_what_will_be_lost() {
    let shop = Composed::new(STACK);
    shop.run("up").succeeds();
    shop.run("down -v").ends(5).says(&format!("{}_data", shop.name())).says("--yes");
    assert_eq!(shop.states().len(), 2);
    shop.run("down -v --yes").succeeds().says("removed volume");
    assert_eq!((shop.states().len(), shop.stack.volumes().len()), (0, 0));
}

#[test]
fn a_file_that_is_named_and_not_there_is_an_error() {
    let shop = Composed::new("services: {web: {image: busybox, stop_signal: KILL}}");
    shop.run("up").succeeds();
    shop.run("down -f compose.yml").ends(2).says("compose.yml");
    assert_eq!(shop.states(), ["shop-web-1 running"]);
}

#[test]
fn anonymous_volumes_are_lost_only_after_a_yes_too() {
    let shop = Composed::new("services: {web: {image: busybox, volumes: [/anon], stop_signal: KILL}}");
    shop.run("up").succeeds();
    shop.engine.docker(&format!("exec {}-web-1 touch /anon/kept", shop.name()));
    shop.run("down -v").ends(5).says(&format!("anonymous ones of {}-web-1", shop.name())).says("--yes");
    shop.engine.docker(&format!("exec {}-web-1 test -e /anon/kept", shop.name()));
    shop.run("down -v --yes").succeeds();
    shop.run("down -v").succeeds().prints("nothing to be done");
}

#[test]
fn what_other_files_brought_up_under_the_same_name_is_left_alone_unless_told() {
    let shop = Composed::new("services: {web: {image: busybox}}");
    shop.run("up").succeeds();
    shop.engine.docker(&format!(
        "run -d --name {0}-foreign --label com.docker.compose.project={0} --label com.docker.compose.service=foreign --label com.docker.compose.oneoff=False --label com.docker.compose.project.working_dir=/elsewhere --label com.docker.compose.project.config_files=/elsewhere/compose.yaml busybox",
        shop.name()
    ));
    shop.run("down").succeeds().says("-foreign; `--remove-orphans` removes them");
    assert_eq!(shop.states(), ["shop-foreign running"]);
    shop.run("down --remove-orphans").succeeds();
    assert!(shop.states().is_empty());
}

#[test]
fn another_project_is_never_touched() {
    let (shop, other) = (Composed::new(STACK), Composed::new(STACK));
    shop.run("up").succeeds();
    other.run("up").succeeds();
    shop.run("down -v --yes --remove-orphans").succeeds();
    assert_eq!(other.states(), ["shop-db-1 running", "shop-web-1 running"]);
    assert_eq!(other.stack.volumes().len(), 1);
}

#[test]
fn images_that_were_built_here_go_with_rmi() {
    let shop = Composed::new("services: {web: {build: .}}");
    shop.project.write("Dockerfile", "FROM busybox\nRUN true\n");
    shop.run("up").succeeds();
    let image = format!("{}-web", shop.name());
    shop.engine.inspect_image(&image);
    shop.run("down").succeeds();
    shop.engine.inspect_image(&image);
    shop.run("down --rmi local").succeeds().says("removed image");
    assert_eq!(shop.engine.answer("GET", &format!("/images/{image}/json"), None).status, 404);
}

//! Two `up`s of one project at once, from two folders.

use crate::harness::{Composed, Output, Project};

const STACK: &str = "
services:
  db: {image: busybox, volumes: ['data:/data'], stop_signal: KILL}
  web: {image: busybox, depends_on: [db], stop_signal: KILL}
volumes: {data: {}}
";

/// Another checkout of the project.
fn checkout(shop: &Composed) -> Project {
    let project = Project::new(&shop.project.read("host.toml")).command("up");
    project.write("docker-compose.yml", STACK);
    project.write(".env", "");
    project
}

/// Brings it up from both folders at once, and down again.
fn at_once(shop: &Composed, other: &Project, words: &str) -> [Output; 2] {
    let run = |project: &Project| project.run(words).env("DOCKER_HOST", shop.engine.host()).start();
    let [one, two] = [run(&shop.project), run(other)];
    let outputs = [one.wait(), two.wait()];
    assert_eq!(shop.states(), ["shop-db-1 running", "shop-web-1 running"], "{}\n{}", outputs[0], outputs[1]);
    assert_eq!((shop.stack.networks().len(), shop.stack.volumes().len()), (1, 1), "{}\n{}", outputs[0], outputs[1]);
    shop.run("up").succeeds().prints("nothing to be done");
    shop.run("down -v --yes").succeeds();
    outputs
}

#[test]
fn the_second_waits_for_the_first_and_finds_its_work_done() {
    let shop = Composed::new(STACK);
    let other = checkout(&shop);
    for _ in 0..2 {
        let outputs = at_once(&shop, &other, "up --lock-timeout 30s").map(|output| output.ended(0));
        assert_eq!(
            outputs.iter().filter(|output| output.stdout.contains("nothing to be done")).count(),
            1,
            "{}\n{}",
            outputs[0],
            outputs[1]
        );
    }
    let outputs = at_once(&shop, &other, "up");
    let mut codes = outputs.each_ref().map(|output| output.code);
    codes.sort_unstable();
    // The second is told who is at work, unless it came when the first was done.
    assert!(codes == [Some(0), Some(6)] || codes == [Some(0), Some(0)], "{}\n{}", outputs[0], outputs[1]);
    for told in outputs.iter().filter(|output| output.code == Some(6)) {
        assert!(told.stderr.contains("works on the project"), "{told}");
    }
}

//! `host lock` and `host run --locked`: exactly the components that were pinned.

use crate::harness::Project;

fn project() -> Project {
    Project::new("").guest("bare").command("hello")
}

#[test]
fn a_locked_run_without_a_lock_file_fails_and_none_appears() {
    let project = project();
    project.run("--locked bare").ends(7).says("host lock");
    assert!(!project.path("host.lock").exists());
}

#[test]
fn in_ci_a_missing_lock_file_is_a_warning() {
    let project = project();
    project.run("bare").env("CI", "true").succeeds().says("host.lock");
    assert!(!project.path("host.lock").exists());
}

#[test]
fn what_was_pinned_runs_locked() {
    let project = project();
    project.host("lock --yes").succeeds();
    project.run("--locked bare").succeeds().prints_only("hello, world\n");
    project.run("bare").env("CI", "true").succeeds();
    let lock = project.read("host.lock");
    assert!(lock.contains("bare") && lock.contains("sha256:"), "{lock}");
    project.host("lock --yes").succeeds();
    assert_eq!(project.read("host.lock"), lock, "the same components give the same lock");
}

#[test]
fn another_component_under_a_pinned_name_does_not_run() {
    let project = project();
    project.host("lock --yes").succeeds();
    let project = project.component("bare", &crate::harness::standard("hello"));
    project.run("--locked bare").ends(7).says("bare").says("host lock");
    project.run("bare").env("CI", "true").ends(7);
    project.host("lock --yes").succeeds();
    project.run("--locked bare").succeeds();
}

#[test]
fn a_command_that_is_not_pinned_does_not_run_locked() {
    let project = Project::new("").guest("bare");
    project.host("lock --yes").succeeds();
    let project = project.command("hello");
    project.run("--locked hello").ends(7).says("hello");
}

#[test]
fn lock_shows_the_difference_in_powers() {
    let project = Project::new("").guest("bare");
    project.host("lock --yes").succeeds();
    let project = project.command("migrate");
    let output = project.host("lock --yes").succeeds();
    let told = format!("{}{}", output.stdout, output.stderr);
    assert!(told.contains("migrate") && told.contains("schema"), "{output}");
}

#[test]
fn a_lock_file_that_cannot_be_read_is_an_error() {
    let project = project();
    project.write("host.lock", "nonsense = [\n");
    let output = project.run("--locked bare").start().wait().says("host.lock");
    assert!(matches!(output.code, Some(2 | 7)), "{output}");
}

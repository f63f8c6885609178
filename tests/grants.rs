//! What was not granted does not happen: powers before the first instruction, files beneath `wasi:filesystem`.

use std::fs;
use std::os::unix::fs::symlink;

use crate::harness::Project;

const MIGRATE_LINES: [&str; 3] =
    ["[commands.migrate]", "sql.default = [\"read\", \"write\", \"schema\", \"lock\"]", "files.\"migrations/**\" = \"read\""];

fn project() -> Project {
    let project = Project::new("[project]\nname = \"shop\"\n[sql.default]\nurl = \"sqlite://var/app.db\"\n").command("migrate");
    fs::create_dir(project.path("var")).unwrap();
    project.write("migrations/1_a.sql", "CREATE TABLE a (id INTEGER);");
    project
}

#[test]
fn a_missing_grant_is_exit_4_before_the_command_starts_and_names_the_lines() {
    let project = project();
    let denied = project.run("migrate").ends(4).says("`migrate`").says("host grant migrate");
    let denied = MIGRATE_LINES.iter().fold(denied, |denied, line| denied.says(line));
    assert!(denied.stdout.is_empty() && !project.path("var/app.db").exists(), "it ran\n{denied}");
    project.grant(&MIGRATE_LINES.join("\n"));
    project.run("migrate").succeeds();
}

#[test]
fn the_lines_for_what_is_missing_keep_what_is_granted() {
    let project = project();
    project.grant("[commands.migrate]\nsql.default = [\"read\"]");
    project.run("migrate").ends(4).says(MIGRATE_LINES[1]).says(MIGRATE_LINES[2]);
}

#[test]
fn a_denial_as_json_carries_its_code_and_its_lines() {
    let denied = project().run("migrate --json").ends(4);
    let text = denied.json().to_string();
    assert!(text.contains("denied") && text.contains("migrations/**"), "{denied}");
}

#[test]
fn a_granted_database_that_is_not_configured_is_said_to_be_missing() {
    let project = Project::new("").command("migrate");
    project.write("migrations/1_a.sql", "CREATE TABLE a (id INTEGER);");
    project.grant(&MIGRATE_LINES.join("\n"));
    let output = project.run("migrate").start().wait().says("default");
    assert!(!matches!(output.code, Some(0 | 8)), "{output}");
}

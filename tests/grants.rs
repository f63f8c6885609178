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
    project().run("migrate --json").ends(4).json();
    let denied = project().run("--json migrate").ends(4);
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

/// A project whose `hostile` may read `data/**` and write `out/**`, with things around that it may not reach.
fn with_files() -> Project {
    let project = Project::new("[commands.hostile]\nfiles.\"data/**\" = \"read\"\nfiles.\"out/**\" = \"write\"\n").guest("hostile");
    for (path, content) in
        [("data/a.txt", "granted\n"), ("data/deep/b.txt", "deeper\n"), ("out/old.txt", "old\n"), ("secret.txt", "s3cret\n")]
    {
        project.write(path, content);
    }
    project.write(".env", "PASSWORD=s3cret\n");
    project
}

#[test]
fn granted_files_are_read_and_written_by_ordinary_functions() {
    let project = with_files();
    project.run("hostile read data/a.txt").succeeds().prints_only("granted\n");
    project.run("hostile read ./data/deep/../a.txt").succeeds().prints_only("granted\n");
    project.run("hostile list data").succeeds().prints_only("a.txt\ndeep\n");
    project.run("hostile write out/new.txt").succeeds();
    assert_eq!(project.read("out/new.txt"), "written by a guest\n");
    project.run("hostile append out/old.txt").succeeds();
    assert_eq!(project.read("out/old.txt"), "old\nappended by a guest\n");
    project.run("hostile rename out/new.txt out/newer.txt").succeeds();
    project.run("hostile remove out/newer.txt").succeeds();
    assert!(!project.path("out/newer.txt").exists());
}

#[test]
fn what_is_granted_to_be_read_is_not_written() {
    let project = with_files();
    for words in [
        "write data/a.txt",
        "append data/a.txt",
        "truncate data/a.txt",
        "read-then-truncate data/a.txt",
        "touch data/a.txt",
        "remove data/a.txt",
    ] {
        project.run(&format!("hostile {words}")).ends(1);
    }
    for words in ["create data/new.txt", "make-folder data/new", "rename data/a.txt out/a.txt", "rename out/old.txt data/old.txt"] {
        project.run(&format!("hostile {words}")).ends(1);
    }
    for words in ["link data/a.txt out/a.txt", "remove-folder data/deep", "copy out/old.txt data/copy.txt"] {
        project.run(&format!("hostile {words}")).ends(1);
    }
    assert_eq!(project.read("data/a.txt"), "granted\n");
    assert_eq!(fs::read_dir(project.path("data")).unwrap().count(), 2);
}

#[test]
fn the_file_of_variables_is_written_only_by_who_was_granted_it_by_name() {
    let project = Project::new("[commands.hostile]\nfiles.\"**\" = \"write\"\n").guest("hostile");
    project.write(".env", "PASSWORD=s3cret\n");
    project.run("hostile write .env").ends(1);
    assert_eq!(project.read(".env"), "PASSWORD=s3cret\n");
    project.write("host.toml", "[commands.hostile]\nfiles.\".env\" = \"write\"\n");
    project.run("hostile write .env").succeeds();
    assert_eq!(project.read(".env"), "written by a guest\n");
}

#[test]
fn dots_absolute_paths_and_links_do_not_lead_out() {
    let project = with_files();
    let outside = crate::harness::fresh_folder("outside").join("secret.txt");
    fs::write(&outside, "s3cret\n").unwrap();
    symlink(&outside, project.path("data/link.txt")).unwrap();
    symlink(project.path("secret.txt"), project.path("data/inner.txt")).unwrap();
    symlink("..", project.path("data/up")).unwrap();
    symlink("/", project.path("data/top")).unwrap();
    symlink(outside.parent().unwrap(), project.path("out/away")).unwrap();
    let absolute = [outside.display().to_string(), project.path("secret.txt").display().to_string(), "/etc/passwd".to_owned()];
    let relative = [
        "secret.txt",
        ".env",
        "host.toml",
        "data/../secret.txt",
        "data/../../../etc/passwd",
        "data/deep/../../secret.txt",
        "../secret.txt",
        "data/link.txt",
        "data/inner.txt",
        "data/up/secret.txt",
        "data/top/etc/passwd",
    ];
    for path in relative.iter().copied().chain(absolute.iter().map(String::as_str)) {
        project.run("hostile read").arg(path).ends(1).lacks("s3cret").lacks("root:x:");
        project.run("hostile write").arg(path).ends(1);
    }
    for words in
        ["write out/away/mark", "create out/away/mark", "make-folder out/away/mark", "symlink /etc out/etc", "symlink ../secret.txt out/s"]
    {
        project.run(&format!("hostile {words}")).ends(1);
    }
    assert_eq!(project.read("secret.txt"), "s3cret\n");
    assert!(!outside.with_file_name("mark").exists() && !project.path("out/etc").exists());
}

#[test]
fn the_hosts_own_files_are_never_writable_whatever_is_granted() {
    let project = with_files();
    project.write("host.toml", "[commands.hostile]\nfiles.\"**\" = \"write\"\n");
    project.host("lock --yes").succeeds();
    project.run("hostile write free.txt").succeeds();
    let before = (project.read("host.toml"), project.read("host.lock"));
    for path in ["host.toml", "host.lock", ".host/journal/x.jsonl", "commands/evil.wasm", "commands/hostile.wasm"] {
        for action in ["write", "append", "truncate", "remove"] {
            project.run(&format!("hostile {action} {path}")).ends(1);
        }
        project.run(&format!("hostile rename free.txt {path}")).ends(1);
        project.run(&format!("hostile link free.txt {path}")).ends(1);
    }
    for words in ["rename commands elsewhere", "remove-folder .host/journal", "rename .host elsewhere", "rename host.toml other.toml"] {
        project.run(&format!("hostile {words}")).ends(1);
    }
    assert_eq!((project.read("host.toml"), project.read("host.lock")), before);
    assert!(project.path("commands/hostile.wasm").is_file() && project.path(".host/journal").is_dir());
}

#[test]
fn a_denied_file_is_named_with_the_line_that_would_allow_it() {
    let project = with_files();
    project.run("hostile read secret.txt").ends(1).says("secret.txt").says("[commands.hostile]").says("= \"read\"");
}

#[test]
fn only_granted_variables_are_seen() {
    let project = with_files();
    let run = project.run("hostile env").env("SHOP_A", "1").env("OTHER", "s3cret");
    run.succeeds().lacks("s3cret").lacks("SHOP_A");
    project.write("host.toml", "[commands.hostile]\nenv = [\"SHOP_*\"]\n");
    run.succeeds().prints("SHOP_A=1").lacks("s3cret").lacks("HOME=");
}

#[test]
fn configuration_values_reach_the_command_they_are_written_for() {
    let project = with_files();
    project.grant("config.greeting = \"good ${WHEN}\"");
    project.run("hostile config greeting").env("WHEN", "morning").succeeds().prints_only("good morning\n");
    project.run("hostile config other").env("WHEN", "morning").ends(1);
}

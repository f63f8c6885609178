//! `generate_env`: the .env of a preview, written whole, once, and for its owner only.

use std::os::unix::fs::PermissionsExt;

use crate::harness::Project;

const GRANTS: &str = r#"[project]
name = "shop"
[commands.generate_env]
files.".env" = "write"
files.".env.new" = "write"
files.".env.sample" = "read"
files.".env.example" = "read"
"#;

const SAMPLE: &str = "# The shop\nPROJECT_NAME=shop # one per machine\nHOST=api.shop.example.com\nFRONTEND_HOST=\"shop.example.com\"\nSSL=false\n\n\
    SECRET_KEY=changeme\nPOSTGRES_PASSWORD=\nDATABASE_URL=postgres://shop:${POSTGRES_PASSWORD}@db/shop\nSTRIPE_API_KEY=\nDEBUG=False\n";

fn project() -> Project {
    let project = Project::new(GRANTS).command("generate_env");
    project.write(".env.sample", SAMPLE);
    project
}

fn value<'t>(text: &'t str, key: &str) -> &'t str {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap_or_else(|| panic!("{key} is not in\n{text}"))
}

#[test]
fn a_preview_gets_its_name_its_sub_domains_and_secrets_of_its_own() {
    let project = project();
    let output = project.run("generate_env pr-42").succeeds().says("wrote `.env` from `.env.sample`");
    let output = output.says("PROJECT_NAME=pr-42 host run down -v").says("left to you      STRIPE_API_KEY");
    let text = project.read(".env");
    let (key, password) = (value(&text, "SECRET_KEY"), value(&text, "POSTGRES_PASSWORD"));
    let expected = SAMPLE
        .replace("PROJECT_NAME=shop", "PROJECT_NAME=pr-42")
        .replace("=api.shop", "=pr-42.api.shop")
        .replace("\"shop.", "\"pr-42.shop.")
        .replace("SSL=false", "SSL=true")
        .replace("changeme", key)
        .replace("POSTGRES_PASSWORD=\n", &format!("POSTGRES_PASSWORD={password}\n"));
    assert_eq!(text, expected);
    assert!(key.len() >= 43 && password.len() >= 43 && key != password, "{text}");
    output.lacks(key).lacks(password);
    let mode = std::fs::metadata(project.path(".env")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    assert!(!project.path(".env.new").exists());
}

#[test]
fn the_second_time_nothing_changes_and_secrets_stay() {
    let project = project();
    project.run("generate_env pr-42").succeeds();
    let first = project.read(".env");
    project.run("generate_env pr-42").succeeds().says("says the same already");
    project.run("generate_env pr-42 --diff").succeeds().prints_only("");
    project.write(".env.sample", SAMPLE.replace("DEBUG=False", "DEBUG=False\nJWT_SECRET=xxx"));
    project.run("generate_env pr-42").ends(5);
    project
        .run("generate_env pr-42 --force")
        .succeeds()
        .says("kept             SECRET_KEY, POSTGRES_PASSWORD")
        .says("new secrets      JWT_SECRET");
    let second = project.read(".env");
    assert_eq!(value(&second, "SECRET_KEY"), value(&first, "SECRET_KEY"));
}

#[test]
fn a_file_that_is_there_is_not_overwritten_without_force() {
    let project = project();
    project.write(".env", "PROJECT_NAME=shop\nSECRET_KEY=production\n");
    let output = project.run("generate_env pr-42").ends(5).says("`.env` is there and says something else").says("--force");
    output.lacks("production");
    assert_eq!(project.read(".env"), "PROJECT_NAME=shop\nSECRET_KEY=production\n");
    project.run("generate_env pr-42 --force").succeeds();
    assert!(!project.read(".env").contains("production"), "a secret of another project was taken over");
}

#[test]
fn a_difference_is_shown_without_secrets_and_ends_3() {
    let project = project();
    project.write(".env", "PROJECT_NAME=old\nSECRET_KEY=production\n");
    let output = project
        .run("generate_env pr-42 --diff")
        .ends(3)
        .prints("--- .env\n+++ .env\n@@ ")
        .prints("\n+PROJECT_NAME=pr-42 # one")
        .prints("SECRET_KEY=***");
    output.lacks("production");
    assert_eq!(project.read(".env"), "PROJECT_NAME=old\nSECRET_KEY=production\n");
}

#[test]
fn it_prints_instead_of_writing() {
    let project = project();
    let output = project.run("generate_env pr-42 --out -").succeeds().prints("HOST=pr-42.api.shop.example.com\n");
    assert!(output.stdout.starts_with("# The shop\n") && output.stdout.ends_with("DEBUG=False\n"), "{output}");
    assert!(!project.path(".env").exists());
    let document = project.run("generate_env pr-42 --out - --json").succeeds().json();
    assert_eq!(document["project"], "pr-42");
    assert!(document["content"].as_str().unwrap().contains("PROJECT_NAME=pr-42"));
}

#[test]
fn any_name_becomes_a_label_or_a_clear_error() {
    let project = project();
    let long = "x".repeat(300);
    for name in ["PR-42", "feature/login", "größe", "🎉", "///", "$(touch x)", "a'b\"c\n", &long] {
        let document = project.run("generate_env --out - --json").arg("--").arg(name).succeeds().json();
        let label = document["project"].as_str().unwrap();
        let fits = label.len() <= 63 && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        assert!(fits && label != name, "{name}: {label}");
    }
    project.run("generate_env").arg("").ends(2).says("the name is empty");
    project.run("generate_env").ends(2);
    project.run("generate_env shop").ends(2).says("would take the place of that project");
    assert!(!project.path("x").exists());
}

#[test]
fn a_template_is_named_or_found_and_must_say_where() {
    let project = Project::new(GRANTS).command("generate_env");
    project.run("generate_env pr-1").ends(2).says("there is no template").says(".env.sample, .env.example");
    project.write(".env.example", "HOST=\n");
    project.run("generate_env pr-1").ends(2).says("`.env.example` does not do as a template: its `HOST` is empty");
    project.write(".env.example", "HOST=localhost:8000\nSSL=true\n");
    project.run("generate_env pr-1 --out -").succeeds().prints_only("HOST=pr-1.localhost:8000\nSSL=false\nPROJECT_NAME=pr-1\n");
    project.write("deploy/preview.env", "HOST=example.org\n");
    project.run("generate_env pr-1 --template deploy/preview.env").ends(4).says("files.\"deploy/preview.env\" = \"read\"");
    project.grant("files.\"deploy/preview.env\" = \"read\"");
    project.run("generate_env pr-1 --template deploy/preview.env").succeeds();
    assert_eq!(project.read(".env"), "HOST=pr-1.example.org\nPROJECT_NAME=pr-1\n");
    project.run("generate_env pr-1 --template none.env").ends(4);
}

#[test]
fn without_its_grant_nothing_is_written() {
    let project = Project::new("[project]\nname = \"shop\"\n").command("generate_env");
    project.write(".env.sample", SAMPLE);
    project.run("generate_env pr-42").ends(4).says("files.\".env\" = \"write\"");
    assert!(!project.path(".env").exists());
}

#[test]
fn a_link_is_not_replaced_and_leftovers_are() {
    let project = project();
    project.write(".env.new", "left by a run that was killed");
    project.run("generate_env pr-42").succeeds();
    assert!(!project.path(".env.new").exists());
    std::fs::remove_file(project.path(".env")).unwrap();
    project.write("shared", "PROJECT_NAME=shared\n");
    std::os::unix::fs::symlink("shared", project.path(".env")).unwrap();
    project.run("generate_env pr-42 --force").ends(2).says("is a link");
    assert_eq!(project.read("shared"), "PROJECT_NAME=shared\n");
}

#[test]
fn without_a_template_it_says_which_would_do_and_no_more() {
    let project = Project::new(GRANTS).command("generate_env");
    let told = project.run("generate_env pr-42").ends(2).says("there is no template").says("put one into .env.sample, ");
    told.says("`files.\"FILE\" = \"read\"` under `[commands.generate_env]`").lacks("not granted");
}

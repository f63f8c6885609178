//! The verbs beside `run`: init, list, inspect, grant, config, runs, show, completions, version.

use std::fs;

use crate::harness::{Project, Terminal, guest, nested, standard_folder, with_manifest};

const DATABASE: &str = "[project]\nname = \"shop\"\n[sql.default]\nurl = \"sqlite://var/app.db\"\n";

fn project() -> Project {
    let project = Project::new(DATABASE).command("hello").command("showmigrations").command("migrate");
    fs::create_dir(project.path("var")).unwrap();
    project.write("migrations/1_a.sql", "CREATE TABLE a (id INTEGER);");
    project
}

#[test]
fn init_makes_a_project_in_which_the_standard_commands_run() {
    let project = Project::bare();
    let host = |words: &str| project.host(words).env("HOST_COMMANDS", standard_folder());
    host("init --demo").succeeds();
    host("list").succeeds().prints("migrate");
    host("run migrate").succeeds().prints("OK");
    host("run showmigrations").succeeds().prints("[X]");
    host("init").ends(2).says("host.toml");
    let toml = project.read("host.toml");
    assert!(toml.contains("[commands.migrate]") && toml.contains("sql.default"), "the grants are visible\n{toml}");
}

#[test]
fn grant_shows_why_and_writes_only_after_a_yes() {
    let project = project();
    project.host("grant migrate").ends(5).says("--yes");
    assert_eq!(project.read("host.toml"), DATABASE);
    let output = project.host("grant migrate --yes").succeeds();
    let told = format!("{}{}", output.stdout, output.stderr);
    assert!(told.contains("the table of applied migrations"), "the reason is not shown\n{output}");
    let toml = project.read("host.toml");
    assert!(toml.starts_with(DATABASE), "what stood there stays as it was\n{toml}");
    project.run("migrate").succeeds();
    project.host("grant migrate --yes").succeeds();
    assert_eq!(project.read("host.toml"), toml, "a second time there is nothing to write");
}

#[test]
fn on_a_terminal_the_first_run_offers_what_is_missing() {
    let project = project();
    for (answer, granted, code) in [("n", false, 4), ("y", true, 0)] {
        let mut terminal = Terminal::start(&project.run("migrate"));
        terminal.sees("sql.default").sees("y/N").types(answer);
        let seen = terminal.ends(code);
        assert_eq!(project.read("host.toml").contains("[commands.migrate]"), granted, "{seen}");
        assert_eq!(seen.contains("Applying shop.1_a"), granted, "{seen}");
    }
}

#[test]
fn inspect_tells_what_a_file_would_like_before_it_is_let_in() {
    let project = project();
    project.host("inspect migrate").succeeds().prints("schema").prints("NOT GRANTED").prints("sha256:").prints("change");
    project.host("inspect").arg(guest("bare")).succeeds().prints("no manifest");
    let json = project.host("inspect migrate --json").succeeds().json();
    assert!(json["digest"].as_str().unwrap().starts_with("sha256:"));
    project.host("inspect nowhere.wasm").ends(2).says("nowhere.wasm");
    project.host("inspect migrat").ends(2).says("did you mean `migrate`?");
}

#[test]
fn grants_that_were_never_asked_for_are_said_to_be_without_effect() {
    let project = project();
    project.grant("[commands.hello]\nsql.default = [\"admin\"]");
    project.host("inspect hello").succeeds().prints("never asked for");
}

#[test]
fn config_shows_each_value_with_its_origin_and_no_secret() {
    let project = project();
    project.write(".env", "DATABASE_URL=postgres://app:s3cret@db/shop\nPROJECT_NAME=other\n");
    project.write("host.toml", "[project]\nname = \"shop\"\n[sql.default]\nurl = \"${DATABASE_URL:-sqlite://var/app.db}\"\n");
    project.host("config").succeeds().prints(".env").prints("other").lacks("s3cret");
    project.host("config --json").succeeds().lacks("s3cret").json();
    project.host("config").env("PROJECT_NAME", "third").succeeds().prints("third");
}

#[test]
fn runs_and_show_tell_what_happened() {
    let project = project();
    project.grant("[commands.migrate]\nsql.default = [\"read\", \"write\", \"schema\", \"lock\"]\nfiles.\"migrations/**\" = \"read\"");
    project.run("migrate").succeeds();
    project.run("hello").arg("--password=hunter2hunter2").start().wait();
    let runs = project.host("runs --json").succeeds().json();
    let runs = runs["runs"].as_array().unwrap().clone();
    assert_eq!(runs.len(), 2, "{runs:?}");
    let first = runs.iter().find(|run| run["command"] == "migrate").unwrap();
    let id = first["id"].as_str().or(first["run"].as_str()).unwrap();
    project.host("runs").succeeds().prints("migrate").prints("hello").lacks("hunter2");
    project.host(&format!("show {id}")).succeeds().prints("sql").prints("sha256:");
    project.host(&format!("show {id} --json")).succeeds();
    project.host("show 00000000").ends(2).says("host runs");
}

#[test]
fn errors_in_host_toml_name_file_line_column_and_key() {
    let project = project();
    project.write("host.toml", "[project]\nnmae = \"shop\"\n");
    for words in ["list", "run hello", "config"] {
        project.host(words).ends(2).says("host.toml:2:1").says("`nmae`").says("did you mean `name`?");
    }
    project.write("host.toml", "[commands.migrate]\nsql.default = [\"reed\"]\n");
    project.run("migrate").ends(2).says("host.toml:2:").says("did you mean `read`?");
    project.write("host.toml", "[reddis.default]\nurl = \"redis://x\"\n");
    project.host("list").ends(2).says("did you mean `redis`?");
}

#[test]
fn json_errors_are_one_document_too() {
    let project = project();
    for words in ["--json run nowhere", "run --json migrate", "--json inspect nowhere", "--json show 0", "--json list --bogus"] {
        let output = project.host(words).start().wait();
        assert_ne!(output.code, Some(0), "{output}");
        assert!(output.json().to_string().contains("error"), "{output}");
    }
}

#[test]
fn data_verbs_answer_json() {
    let project = project();
    for words in ["list", "inspect hello", "config", "runs", "cache", "version", "lock --yes", "run hello"] {
        project.host(&format!("--json {words}")).succeeds().json();
        project.host(&format!("{words} --json")).succeeds().json();
    }
}

#[test]
fn completions_know_the_commands_of_the_project() {
    let project = project();
    for shell in ["bash", "zsh", "fish"] {
        project.host(&format!("completions {shell}")).succeeds().prints("host");
    }
    let words = ["COMPLETE=bash", "_CLAP_IFS=\n", "_CLAP_COMPLETE_INDEX=2", "_CLAP_COMPLETE_COMP_TYPE=9"];
    let complete = words.iter().fold(project.host("-- host run mig"), |run, word| {
        let (name, value) = word.split_once('=').unwrap();
        run.env(name, value)
    });
    complete.succeeds().prints("migrate").lacks("showmigrations");
}

#[test]
fn a_dotenv_file_and_a_project_folder_can_be_named() {
    let project = project();
    project.write("other.env", "PROJECT_NAME=elsewhere\n");
    project.host("config --env-file other.env").succeeds().prints("elsewhere");
    project.host("config --env-file nowhere.env").ends(2).says("nowhere.env");
    fs::create_dir_all(project.path("deep/down")).unwrap();
    let below = crate::harness::Run::new(&project.path("deep/down"), ["list"]);
    below.succeeds().prints("migrate");
    let outside = Project::bare();
    outside.host("list --project").arg(project.folder()).succeeds().prints("migrate");
    outside.host("list --project nowhere").ends(2).says("host init");
}

#[test]
fn colour_is_for_terminals_without_no_color() {
    let project = project();
    project.run("nowhere").ends(2).lacks("\u{1b}[");
    for (value, colored) in [("", true), ("1", false)] {
        let run = project.run("nowhere").env("TERM", "xterm-256color").env("NO_COLOR", value);
        let seen = Terminal::start(&run).ends(2);
        assert_eq!(seen.contains("\u{1b}["), colored, "{seen:?}");
    }
}

#[test]
fn a_manifest_that_lies_or_misbehaves_is_an_error_of_its_own_file() {
    let project = project();
    let bare = fs::read(guest("bare")).unwrap();
    let large = format!("about = \"x\"\n# {}", "x".repeat(64 << 10));
    for (name, manifest, told) in [
        ("typo", "about = \"x\"\neffcet = \"read\"", "did you mean `effect`?"),
        ("noise", "about = [", "noise.wasm"),
        ("large", large.as_str(), "65536"),
        ("escapes", "about = \"\\u001b[31mred\"", "control character"),
    ] {
        project.write(&format!("commands/{name}.wasm"), with_manifest(&bare, manifest));
        project.run(name).ends(2).says(told);
        project.host(&format!("inspect {name}")).ends(2);
    }
    project.write("commands/good.wasm", with_manifest(&bare, "about = \"greets\""));
    project.host("list").succeeds().prints("greets").lacks("\u{1b}");
    project.run("good").succeeds().prints_only("hello, world\n");
}

#[test]
fn components_inside_components_are_bounded() {
    let project = project();
    project.write("commands/nested.wasm", nested(2_000));
    let output = project.run("nested").start().wait();
    assert_eq!(output.code, Some(2), "{output}");
    project.host("list").succeeds().prints("nested").prints("hello");
}

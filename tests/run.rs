//! `host run`: one file is opened, arguments and streams pass, codes pass through.

use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use crate::harness::{CORE_MODULE, EMPTY_COMPONENT, Project, signal, standard, until};

fn project() -> Project {
    Project::new("").guest("bare").guest("hostile").command("hello")
}

/// A file of the limit's size and one byte more, without its bytes on disk.
fn oversized(project: &Project, name: &str) {
    let file = fs::File::create(project.path(&format!("commands/{name}.wasm"))).unwrap();
    file.set_len((128 << 20) + 1).unwrap();
}

#[test]
fn every_exit_code_passes_through() {
    let project = project();
    for code in [0, 1, 2, 3, 42, 124, 255] {
        project.run(&format!("hostile exit {code}")).ends(code);
    }
}

#[test]
fn an_unknown_command_is_a_usage_error_with_a_suggestion() {
    let project = project();
    project.run("helo").ends(2).says("`helo`").says("did you mean `hello`?");
    project.run("zzzzzzzz").ends(2).says("host list");
    project.host("rnu hello").ends(2).says("did you mean `host run`?");
    project.host("hello").ends(2).says("host run hello");
}

#[test]
fn a_name_is_a_name_and_no_path() {
    let project = project();
    fs::create_dir(project.path("commands/sub")).unwrap();
    fs::copy(standard("hello"), project.path("commands/sub/inner.wasm")).unwrap();
    for name in ["sub/inner", "../commands/hello", "inner", "./hello"] {
        project.run(name).ends(2);
    }
}

#[test]
fn broken_neighbours_change_nothing() {
    let project = project();
    let whole = fs::read(standard("hello")).unwrap();
    project.write("commands/corrupt.wasm", &whole[..whole.len() / 2]);
    project.write("commands/core.wasm", CORE_MODULE);
    project.write("commands/library.wasm", EMPTY_COMPONENT);
    project.write("commands/empty.wasm", "");
    project.write("commands/text.wasm", "hello");
    project.write("commands/noise.txt", "hello");
    fs::create_dir(project.path("commands/folder.wasm")).unwrap();
    std::os::unix::fs::symlink("nowhere", project.path("commands/dangling.wasm")).unwrap();
    oversized(&project, "big");
    project.run("bare there").succeeds().prints_only("hello, there\n");
    let list = project.host("list").succeeds().prints("bare").prints("hello");
    assert!(list.took < Duration::from_secs(5), "{list}");
    project.host("list --json").succeeds().json();

    for (name, told) in [
        ("corrupt", "is damaged"),
        ("core", "is a core WebAssembly module"),
        ("library", "wasi:cli/run"),
        ("empty", "is empty"),
        ("text", "is not WebAssembly"),
        ("big", "128 MiB"),
        ("dangling", "dangling"),
    ] {
        project.run(name).ends(2).says(told).says("hint: ");
    }
}

#[test]
fn nothing_but_the_requested_file_is_opened() {
    let project = project();
    let fifo = project.path("commands/trap.wasm");
    // Whoever opened it would wait for ever for a writer.
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let output = project.run("bare there").succeeds().prints_only("hello, there\n");
    assert!(output.took < Duration::from_secs(30), "{output}");
    assert!(project.host("list").succeeds().took < Duration::from_secs(10));
}

#[test]
fn what_follows_the_name_goes_to_the_command_untouched() {
    let project = project();
    let words = ["--help", "--version", "-x", "--", "--json", "a b", "", "--timeout", "*", "-v", "ünï"];
    let run = words.iter().fold(project.run("hostile args"), |run, word| run.arg(word));
    let told: Vec<String> = run.succeeds().stdout.lines().map(str::to_owned).collect();
    assert_eq!(told, words);
    project.run("hello --help").succeeds().prints("hello").lacks("host run [OPTIONS]");
}

#[test]
fn standard_input_streams_while_the_command_runs() {
    let project = project();
    let mut child = project.run("hostile cat").command().stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
    for line in ["one\n", "two\n"] {
        input.write_all(line.as_bytes()).unwrap();
        input.flush().unwrap();
        let mut back = String::new();
        std::io::BufRead::read_line(&mut output, &mut back).unwrap();
        assert_eq!(back, line, "a line comes back before the input ends");
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn bytes_pass_unchanged_in_both_directions() {
    let project = project();
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let output = project.run("hostile cat").stdin(&bytes).succeeds();
    assert!(output.bytes == bytes, "{} bytes came back", output.bytes.len());
}

#[test]
fn a_reader_that_leaves_early_is_no_crash() {
    let project = project();
    let run = project.run("hostile flood");
    let mut head = run.through(&["sh", "-c", "\"$@\" | head -c 10; exit 0", "sh"]);
    head.stderr(Stdio::piped());
    let output = head.output().unwrap();
    assert!(output.status.success());
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn standard_options_mean_the_same_before_and_after_the_name() {
    let project = project();
    for words in ["run hello --json", "run --json hello", "--json run hello"] {
        project.host(words).succeeds().json();
    }
    for words in ["run hello --yes", "run --yes hello", "--yes run hello -v", "run -v hello --no-input", "--no-input run hello"] {
        project.host(words).succeeds();
    }
}

#[test]
fn the_time_limit_ends_a_loop_and_a_sleep_with_124() {
    let project = project();
    for guest in ["loop", "sleep"] {
        let output = project.run(&format!("--timeout 1s hostile {guest}")).ends(124).says("time");
        assert!(output.took < Duration::from_secs(4), "{output}");
    }
    project.run("--timeout 1parsec hostile loop").ends(2).says("--timeout");
}

#[test]
fn a_signal_ends_a_loop_with_its_code() {
    let project = project();
    // Compiled and stored first, so that what follows is the guest itself.
    project.run("hostile args").succeeds();
    let journals = || fs::read_dir(project.path(".host/journal")).map_or(0, Iterator::count);
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        for guest in ["loop", "sleep"] {
            let before = journals();
            let run = project.run(&format!("hostile {guest}")).start();
            until("the run began", || journals() > before);
            std::thread::sleep(Duration::from_millis(300));
            signal(name, run.id());
            let output = run.wait().ended(code);
            assert!(output.took < Duration::from_secs(10), "{output}");
        }
    }
}

#[test]
fn no_link_in_the_projects_own_folder_leads_out_of_it() {
    let project = project();
    project.run("hello").succeeds();
    let outside = Project::bare();
    outside.write("0.jsonl", "precious");
    for name in [".host/journal", ".host"] {
        fs::remove_dir_all(project.path(name)).unwrap();
        std::os::unix::fs::symlink(outside.folder(), project.path(name)).unwrap();
        project.run("hello").succeeds().says("this run is not journaled").says("a link");
        project.host("runs").succeeds().lacks("0  ");
        fs::remove_file(project.path(name)).unwrap();
    }
    assert_eq!(fs::read_dir(outside.folder()).unwrap().count(), 1);
    assert_eq!(outside.read("0.jsonl"), "precious");
}

#[test]
fn a_component_that_exports_nothing_to_run_is_told_to_be_a_library() {
    let project = Project::new("");
    project.write("commands/lib.wasm", EMPTY_COMPONENT);
    project.run("lib").ends(2).says("library");
}

#[test]
fn run_help_lists_the_commands_and_help_shows_examples_first() {
    let project = project();
    let list = project.host("list").succeeds().stdout;
    for words in ["", "help", "run help"] {
        assert_eq!(project.host(words).succeeds().stdout, list, "{words}");
    }
    for words in ["--help", "run --help", "list --help", "inspect --help", "grant --help", "init --help", "lock --help", "config --help"] {
        let help = project.host(words).succeeds().stdout;
        let examples = help.find("Examples:").unwrap_or_else(|| panic!("`host {words}` has no examples"));
        assert!(examples < help.find("Usage:").unwrap(), "`host {words}` shows its usage before its examples");
    }
}

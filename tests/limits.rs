//! Every limit of a guest, at it and past it; and what of a guest's text reaches a terminal.

use crate::harness::{Output, Project, Terminal};

fn project(limits: &str) -> Project {
    let project = Project::new("").guest("hostile");
    project.grant(&format!("[commands.hostile]\n{limits}"));
    project
}

/// Ended by a limit: code 8, a sentence, and no sign of a crash of the host itself.
#[track_caller]
fn stopped(output: Output) -> Output {
    output.ended(8).says("hostile").lacks("panicked at host")
}

#[test]
fn a_loop_is_ended_by_the_time_that_was_granted() {
    let project = project("limits.time = \"1s\"");
    for guest in ["loop", "spin-host-call", "sleep"] {
        let output = project.run(&format!("hostile {guest}")).ends(124);
        assert!(output.took.as_secs() < 5, "{output}");
    }
    project.run("hostile sleep 100").succeeds();
}

#[test]
fn less_time_can_be_asked_for_and_more_cannot() {
    let project = project("limits.time = \"1s\"");
    let output = project.run("--timeout 30s hostile loop").ends(124);
    assert!(output.took.as_secs() < 5, "{output}");
}

#[test]
fn memory_may_reach_its_limit_and_not_pass_it() {
    let project = project("limits.memory = \"64MiB\"");
    project.run("hostile memory 40").succeeds().prints("40 MiB");
    let output = project.run("hostile memory").start().wait().says("memory");
    assert!(matches!(output.code, Some(1 | 8)), "{output}");
    project.run("hostile memory 100").start().wait().says("memory");
}

#[test]
fn output_may_reach_its_limit_and_not_pass_it() {
    let project = project("limits.output = \"1MiB\"");
    let output = project.run("hostile flood 1048576").succeeds();
    assert_eq!(output.bytes.len(), 1 << 20);
    for guest in ["flood", "flood-stderr", "flood 1048577"] {
        let output = stopped(project.run(&format!("hostile {guest}")).start().wait()).says("limit");
        assert!(output.bytes.len() <= 1 << 20, "{} bytes came out", output.bytes.len());
    }
}

#[test]
fn handles_are_bounded() {
    let project = project("files.\"here.txt\" = \"read\"");
    project.write("here.txt", "x");
    for guest in ["leak-files here.txt", "leak-bars", "leak-sockets"] {
        let output = project.run(&format!("hostile {guest}")).start().wait().lacks("panicked at host");
        assert!(matches!(output.code, Some(1 | 8)), "{output}");
    }
}

#[test]
fn endless_recursion_is_a_trap() {
    stopped(project("").run("hostile recurse").start().wait()).says("trapped");
}

#[test]
fn a_panic_is_a_trap_with_its_text() {
    let output = project("").run("hostile panic").start().wait().says("the guest panicked as asked");
    assert!(matches!(output.code, Some(8 | 101)), "{output}");
}

#[test]
fn one_call_carries_no_more_than_its_limit() {
    let project = project("");
    project.run("hostile huge-string 60").succeeds().prints("62914560 bytes");
    let output = project.run("hostile huge-string 70").start().wait();
    assert!(matches!(output.code, Some(1 | 8)), "{output}");
}

#[test]
fn a_runaway_guest_does_not_make_the_host_grow() {
    let project = project("limits.memory = \"32MiB\"");
    // 1 GiB of address space would not hold the guest's demands, and holds the host.
    let run = project.run("hostile memory");
    let output = run.start_as(run.through(&["sh", "-c", "ulimit -d 1048576; exec \"$@\"", "sh"])).wait();
    assert!(matches!(output.code, Some(1 | 8)), "{output}");
}

#[test]
fn escapes_are_stripped_on_a_terminal_and_pass_through_a_pipe() {
    let project = project("");
    let output = project.run("hostile escapes").succeeds();
    assert!(output.stdout.contains("\u{1b}[31m") && output.stdout.contains("\u{1b}]0;owned\u{7}"), "{output}");
    let seen = Terminal::start(&project.run("hostile escapes").env("NO_COLOR", "1")).ends(0);
    assert!(!seen.contains('\u{1b}'), "an escape reached the terminal: {seen:?}");
    // Plain colours may pass where colours are wanted, and nothing else.
    let seen = Terminal::start(&project.run("hostile escapes").env("TERM", "xterm-256color")).ends(0);
    for escape in ["\u{1b}]0;", "\u{1b}[2A", "\u{1b}[2J", "\u{1b}[c", "\u{1b}]8;", "\u{9b}", "\u{202e}", "\u{7}", "\u{8}"] {
        assert!(!seen.contains(escape), "{escape:?} reached the terminal: {seen:?}");
    }
    assert!(seen.contains("red") && seen.contains("end"), "{seen:?}");
}

#[test]
fn a_question_without_a_terminal_names_the_flag_that_answers_it() {
    let project = project("");
    project.run("hostile confirm").ends(1).says("--yes");
    project.run("hostile confirm").stdin("y\n").ends(1).says("--yes");
    project.run("--yes hostile confirm").succeeds().prints("true");
    let mut terminal = Terminal::start(&project.run("hostile confirm"));
    terminal.sees("Go on?").types("y");
    assert!(terminal.ends(0).contains("true"));
    let mut terminal = Terminal::start(&project.run("--no-input hostile confirm"));
    terminal.sees("--yes");
    terminal.ends(1);
}

#[test]
fn there_is_no_network() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let project = project("");
    for words in [format!("connect-tcp {}", listener.local_addr().unwrap()), "resolve localhost".to_owned()] {
        project.run(&format!("hostile {words}")).ends(1).lacks("connected");
    }
}

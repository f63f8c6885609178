//! Programs in containers: attached to our streams as if they ran here, and captured.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use crate::harness::{Docker, Output, Piped, Project, Run, Stack, Terminal, shared_docker, signal, until};

/// A project whose container `web` runs, with the power to run programs in it.
struct Place<'engine> {
    engine: &'engine Docker,
    stack: Stack<'engine>,
    project: Project,
}

fn place(engine: &Docker) -> Place<'_> {
    place_granted(engine, "allow = [\"exec\"]")
}

fn place_granted<'engine>(engine: &'engine Docker, granted: &str) -> Place<'engine> {
    let stack = engine.stack("exec");
    let name = stack.name();
    let project = stack.dockerio(granted);
    let image = engine.manage_image();
    engine.docker(&format!("run -d --name {name}-web-1 --label com.docker.compose.project={name} {image}"));
    Place { engine, stack, project }
}

impl Place<'_> {
    fn web(&self) -> String {
        format!("{}-web-1", self.stack.name())
    }

    /// `dockerio ACTION web -- words`.
    fn run(&self, action: &[&str], words: &[&str]) -> Run {
        let web = self.web();
        self.host(&[action, &[web.as_str(), "--"], words].concat())
    }

    /// `host run dockerio` with these words.
    fn host(&self, words: &[&str]) -> Run {
        Run::new(self.project.folder(), ["run", "dockerio"].iter().chain(words))
    }

    fn attach(&self, words: &[&str]) -> Run {
        self.run(&["attach"], words)
    }

    fn manage(&self, words: &[&str]) -> Run {
        self.attach(&[&["./manage.py"], words].concat())
    }

    /// Whether a program with this in its command line runs in the container.
    fn runs(&self, words: &str) -> bool {
        self.engine.docker(&format!("exec {} ps", self.web())).lines().any(|line| line.contains(words))
    }

    /// Creates a container of the project that was not started.
    fn create(&self, options: &str, words: &str) -> String {
        let label = format!("com.docker.compose.project={}", self.stack.name());
        self.engine.docker(&format!("create --label {label} {options} {} {words}", self.engine.manage_image())).trim().to_owned()
    }
}

#[test]
fn arguments_environment_user_and_folder_arrive_untouched() {
    let place = place(shared_docker());
    place.manage(&["$(touch x)", "a b", "", "*", "--yes", "é\"'"]).succeeds().prints_only("$(touch x)\na b\n\n*\n--yes\né\"'\n");
    let options = ["attach", "--user", "app", "--working-dir", "/tmp", "--env", "A=1=2"];
    place.run(&options, &["sh", "-c", "id -un; pwd; echo $A"]).succeeds().prints_only("app\n/tmp\n1=2\n");
}

#[test]
fn stdout_and_stderr_stay_apart_and_are_not_touched() {
    let place = place(shared_docker());
    let output = place.attach(&["sh", "-c", r"printf '\0\1\2\377\033[31m\r\n'; printf 'err\1' >&2"]).succeeds();
    assert_eq!(output.bytes, b"\0\x01\x02\xff\x1b[31m\r\n");
    assert_eq!(output.stderr, "err\u{1}");
}

#[test]
fn a_program_without_a_terminal_of_its_own_does_not_steer_ours() {
    let place = place(shared_docker());
    let script = r"printf 'a\033]0;evil\007b\033[2Jc\n'; printf 'd\033[?25le\n' >&2; printf 'f\033[31mg'";
    let words = ["sh", "-c", script];
    let shown = Terminal::start(&place.attach(&words)).ends(0);
    assert!(shown.contains("abc\r\n") && shown.contains("de\r\n") && !shown.contains("evil"), "{shown:?}");
    assert!(!shown.contains("\x1b[2J") && !shown.contains("\x1b[?25l"), "{shown:?}");
    // A colour is ended, wherever the engine puts the other stream.
    assert!(shown.contains("fg") || (shown.contains("f\x1b[31mg") && shown.ends_with("\x1b[0m")), "{shown:?}");
    let created = place.create("", "printf x\\033]0;evil\\007y");
    let shown = Terminal::start(&place.host(&["attach-start", &created])).ends(0);
    assert!(shown.ends_with("xy"), "{shown:?}");
    // One that has a terminal drives ours.
    let shown = Terminal::start(&place.run(&["attach", "-t"], &words)).ends(0);
    assert!(shown.contains("\x1b]0;evil\x07") && shown.contains("\x1b[2J"), "{shown:?}");
    // And through a pipe bytes stay what they are.
    assert!(place.attach(&words).succeeds().bytes.starts_with(b"a\x1b]0;evil\x07b\x1b[2Jc\n"));
}

#[test]
fn exit_codes_pass_unchanged_and_a_missing_program_is_127_or_126_with_the_engines_words() {
    let place = place(shared_docker());
    for code in [0, 1, 2, 4, 125, 126, 127, 128, 137, 255] {
        place.manage(&["exit", &code.to_string()]).ends(code);
    }
    let output = place.attach(&["no-such-program"]).start().wait();
    assert!(matches!(output.code, Some(126 | 127)), "{output}");
    output.prints("no-such-program");
    place.attach(&["/etc/passwd"]).ends(126).prints("permission denied");
}

#[test]
fn standard_input_is_piped_to_its_end_binary_and_large() {
    let place = place(shared_docker());
    let bytes: Vec<u8> = (0..5_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let output = place.run(&["attach", "-i"], &["cat"]).stdin(&bytes).succeeds();
    assert!(output.bytes == bytes, "{} of {} bytes came back", output.bytes.len(), bytes.len());
    place.run(&["attach", "-i"], &["wc", "-c"]).stdin("").succeeds().prints_only("0\n");
    // Without `-i` there is nothing to read.
    place.attach(&["cat"]).stdin("not for it").succeeds().prints_only("");
    // A program that does not read to the end is no failure.
    place.run(&["attach", "-i"], &["head", "-c", "3"]).stdin(&bytes).succeeds();
}

#[test]
fn two_thousand_lines_a_second_and_fifty_megabytes_at_once_arrive_whole_and_in_order() {
    let place = place(shared_docker());
    let output = place.manage(&["lines", "10000", "2000"]).succeeds();
    let expected: String = (1..=10_000).map(|number| format!("line {number}\n")).collect();
    assert!(output.stdout == expected, "{} lines came", output.stdout.lines().count());
    let output = place.attach(&["seq", "1", "6500000"]).succeeds();
    assert!(output.bytes.len() > 50_000_000);
    let in_order = output.stdout.lines().zip(1_u32..).all(|(line, number)| line.parse() == Ok(number));
    assert!(in_order && output.stdout.ends_with("\n6500000\n"), "{} lines came", output.stdout.lines().count());
}

#[test]
fn a_slow_reader_holds_up_the_program_and_loses_nothing() {
    let place = place(shared_docker());
    let mut run = Piped::start(&place.attach(&["sh", "-c", "seq 1 2000000; echo end"]));
    std::thread::sleep(Duration::from_secs(2));
    assert!(place.runs("seq 1 2000000"), "nobody waited for the reader");
    for number in 1..=2_000_000 {
        assert_eq!(run.line(), number.to_string());
    }
    assert_eq!(run.line(), "end");
    assert_eq!(run.ends().0, 0);
}

#[test]
fn a_reader_that_goes_away_ends_the_program_in_the_container() {
    let place = place(shared_docker());
    let mut run = Piped::start(&place.attach(&["yes", "gone"]));
    assert_eq!(run.line(), "gone");
    drop(run.out);
    assert_eq!(run.child.wait().unwrap().code(), Some(141));
    until("the program ends", || !place.runs("yes gone"));
}

#[test]
fn signals_go_to_the_program_and_its_end_is_ours() {
    let place = place(shared_docker());
    let mut run = Piped::start(&place.manage(&["signals"]));
    assert_eq!(run.line(), "ready");
    for name in ["HUP", "QUIT", "TERM"] {
        signal(name, run.child.id());
        assert_eq!(run.line(), format!("got {name}"));
    }
    assert_eq!(run.ends().0, 33);
    let run = Piped::start(&place.attach(&["sleep", "1999"]));
    until("it runs", || place.runs("sleep 1999"));
    signal("TERM", run.child.id());
    assert_eq!(run.ends().0, 143);
    assert!(!place.runs("sleep 1999"));
}

#[test]
fn a_second_interrupt_gives_up_waiting() {
    let place = place(shared_docker());
    let mut run = Piped::start(&place.manage(&["signals"]));
    assert_eq!(run.line(), "ready");
    signal("INT", run.child.id());
    let line = run.line();
    assert!(line == "got INT", "{line:?} {:?}", run.ends());
    signal("INT", run.child.id());
    let (code, _, said) = run.ends();
    assert_eq!(code, 130);
    assert!(said.contains("may still run"), "{said}");
}

#[test]
fn a_terminal_is_raw_has_our_size_and_is_put_back() {
    let place = place(shared_docker());
    let web = place.web();
    let script = format!(
        "stty rows 33 cols 101; before=$(stty -g); {} run dockerio attach -ti {web} -- sh -c '{}'; echo code $?; [ \"$before\" = \"$(stty -g)\" ] && echo same",
        env!("CARGO_BIN_EXE_host"),
        r#"until [ "$(stty size)" = "33 101" ]; do sleep 0.05; done; i=0; w=0; trap "echo got int; i=1" INT; trap "stty size; w=1" WINCH; echo ready; until [ $i$w = 11 ]; do sleep 0.05; done; read -r line; echo "read $line"; exit 7"#
    );
    let run = Run::new(place.project.folder(), ["unused"]);
    let mut shell = run.through(&["sh", "-c", &script]);
    shell.env("TERM", "xterm");
    let mut terminal = Terminal::start_as(shell);
    terminal.sees("ready").interrupts().sees("got int").resizes(20, 60).sees("20 60");
    terminal.types("a\u{10}b").sees("read a\u{10}b").sees("code 7").sees("same");
    terminal.ends(0);
}

#[test]
fn a_terminal_is_put_back_also_when_the_engine_dies() {
    let mut engine = Docker::start();
    let script = |place: &Place<'_>| {
        let host = env!("CARGO_BIN_EXE_host");
        format!(
            "before=$(stty -g); {host} run dockerio attach -ti {} -- sh -c 'echo ready; sleep 1000'; echo code $?; [ \"$before\" = \"$(stty -g)\" ] && echo same",
            place.web()
        )
    };
    let mut terminal = {
        let place = place(&engine);
        let mut shell = Run::new(place.project.folder(), ["unused"]).through(&["sh", "-c", &script(&place)]);
        shell.env("TERM", "xterm");
        let mut terminal = Terminal::start_as(shell);
        terminal.sees("ready");
        std::mem::forget(place.stack);
        std::mem::forget(place.project);
        terminal
    };
    engine.kill();
    terminal.sees("engine").sees("code 9").sees("same");
    terminal.ends(0);
}

#[test]
fn an_engine_that_dies_or_hangs_is_exit_9_and_never_waited_for() {
    for end in [Docker::kill, |engine: &mut Docker| engine.hang()] {
        let mut engine = Docker::start();
        let (mut run, started) = {
            let place = place(&engine);
            let mut run = Piped::start(&place.attach(&["sh", "-c", "echo ready; sleep 1000"]));
            assert_eq!(run.line(), "ready");
            std::mem::forget(place);
            (run, Instant::now())
        };
        end(&mut engine);
        let mut said = String::new();
        run.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(run.child.wait().unwrap().code(), Some(9), "{said}");
        assert!(said.contains("engine") && !said.contains("docker.sock"), "{said}");
        assert!(started.elapsed() < Duration::from_secs(40), "{:?}", started.elapsed());
    }
}

#[test]
fn where_there_is_no_terminal_none_is_asked_for() {
    let place = place(shared_docker());
    place.run(&["attach", "-t", "-i"], &["./manage.py", "terminal"]).ends(1).prints_only("not a tty\n");
}

#[test]
fn a_created_container_is_started_joined_to_our_streams() {
    let place = place(shared_docker());
    let start = |container: &str| place.host(&["attach-start", container]);
    let copy = place.create("-i", "./manage.py copy");
    start(&copy).stdin("through the container\n").succeeds().prints_only("through the container\n");
    let code = place.create("", "./manage.py exit 42");
    start(&code).ends(42);
    let removed = place.create("--rm", "sh -c 'exit' 3");
    start(&removed).succeeds();
    let missing = place.create("", "no-such-program");
    start(&missing).ends(127).says("no-such-program");
    let signals = place.create("", "./manage.py signals");
    let mut run = Piped::start(&start(&signals));
    assert_eq!(run.line(), "ready");
    for name in ["HUP", "TERM", "QUIT"] {
        signal(name, run.child.id());
        assert_eq!(run.line(), format!("got {name}"));
    }
    assert_eq!(run.ends().0, 33);
}

#[test]
fn a_created_container_whose_reader_goes_away_is_ended() {
    let place = place(shared_docker());
    let yes = place.create("", "yes");
    let mut run = Piped::start(&place.host(&["attach-start", &yes]));
    assert_eq!(run.line(), "y");
    drop(run.out);
    assert_eq!(run.child.wait().unwrap().code(), Some(141));
    until("the container ends", || place.engine.inspect(&yes)["State"]["Running"] == false);
}

#[test]
fn a_container_of_another_project_does_not_exist() {
    let place = place(shared_docker());
    let image = place.engine.manage_image();
    let other = place.engine.stack("other");
    let label = format!("--label com.docker.compose.project={}", other.name());
    let name = format!("{}-x", other.name());
    let id = place.engine.docker(&format!("run -d {label} --name {name} {image}")).trim().to_owned();
    let created = place.engine.docker(&format!("create {label} {image}")).trim().to_owned();
    for container in [id.as_str(), &name, &id[..12], &created, "never-was", "", "../x", "a?b"] {
        let told = |output: Output| output.stderr.replace(container, "NAME");
        let missing = told(place.host(&["attach", "none-like-it", "--", "id"]).start().wait()).replace("none-like-it", "NAME");
        for action in ["attach", "capture"] {
            let output = place.host(&[action, container, "--", "id"]).start().wait();
            assert!(output.code != Some(0) && output.stdout.is_empty(), "{output}");
            assert!(container.is_empty() || told(output) == missing, "{container}");
        }
        for action in ["attach-start", "capture-start"] {
            let output = place.host(&[action, container]).start().wait();
            assert!(container.is_empty() || told(output) == missing, "{container}");
        }
    }
    assert_eq!(place.engine.inspect(&created)["State"]["Status"], "created");
}

#[test]
fn without_the_grant_no_program_is_run() {
    let denied = place_granted(shared_docker(), "allow = [\"build\"]");
    for words in [&["attach", "--", "true"][..], &["capture", "--", "true"], &["attach-start"], &["capture-start"]] {
        let web = denied.web();
        let words = [&words[..1], &[web.as_str()], &words[1..]].concat();
        denied.host(&words).ends(4).says("docker.allow = [");
    }
    let plain = place(shared_docker());
    for action in ["attach", "capture"] {
        plain.run(&[action, "--privileged"], &["true"]).ends(4).says("docker.privileged = true");
    }
    // The engine of the tests has not got all of the machine's privileges itself.
    let granted = place_granted(shared_docker(), "allow = [\"exec\"], privileged = true");
    let output = granted.run(&["attach", "--privileged"], &["true"]).start().wait();
    assert!(output.code == Some(0) || output.stdout.contains("unable to apply caps"), "{output}");
}

#[test]
fn captured_output_is_kept_to_its_bound_and_the_program_runs_to_its_end() {
    let place = place(shared_docker());
    let capture = |options: &[&str], words: &[&str]| place.run(&[&["capture"], options].concat(), words);
    let both = ["sh", "-c", "printf abc; sleep 0.2; printf de >&2; exit 3"];
    capture(&[], &both).succeeds().prints("code 3 truncated false\nstdout 3 abc\nstderr 2 de");
    capture(&["--output", "5"], &both).succeeds().prints("code 3 truncated false");
    capture(&["--output", "4"], &both).succeeds().prints("code 3 truncated true\nstdout 3 abc\nstderr 1 d");
    capture(&["--output", "16777216"], &["sh", "-c", "head -c 30000000 /dev/zero; exit 5"])
        .succeeds()
        .prints("code 5 truncated true\nstdout 16777216");
    capture(&["--output", "16777217"], &["true"]).ends(8).says("16777216");
    capture(&["--input", "from the guest"], &["cat"]).succeeds().prints("stdout 14 from the guest");
    capture(&[], &["cat"]).succeeds().prints("stdout 0");
    let created = place.create("-i", "./manage.py copy");
    place.host(&["capture-start", "--input", "x", &created]).succeeds().prints("code 0").prints("stdout 1 x");
}

#[test]
fn a_captured_program_is_ended_when_its_time_is_over() {
    let place = place(shared_docker());
    place.run(&["capture", "--time-ms", "60000"], &["sleep", "0.1"]).succeeds().prints("code 0");
    place.run(&["capture", "--time-ms", "700"], &["sleep", "1234"]).ends(124).says("700 ms");
    until("the program ends", || !place.runs("sleep 1234"));
}

#[test]
fn a_run_whose_time_is_over_ends_the_program_too() {
    let place = place(shared_docker());
    let web = place.web();
    Run::new(place.project.folder(), ["run", "--timeout", "2s", "dockerio", "attach", &web, "--", "sleep", "4321"]).ends(124);
    until("the program ends", || !place.runs("sleep 4321"));
}

#[test]
fn output_of_a_program_is_not_the_guests() {
    let place = place_granted(shared_docker(), "allow = [\"exec\"] }\nlimits.output = \"1 KiB\"\nenv = []\n#");
    let output = place.attach(&["sh", "-c", "seq 1 10000"]).succeeds();
    assert_eq!(output.stdout.lines().count(), 10_000);
}

#[test]
fn an_engine_over_tls_is_used_like_any_other() {
    let engine = Docker::start_with_tls();
    let place = place(&engine);
    let address = format!("tcp://localhost:{}", engine.tls_port());
    let toml = |certificates: &std::path::Path| {
        let name = place.stack.name();
        format!(
            "[project]\nname = \"{name}\"\ncommands = [\"commands\"]\n[docker]\nendpoint = \"{address}\"\ncertificates = \"{}\"\n\
             [commands.dockerio]\ndocker = {{ project = \"{name}\", allow = [\"exec\"] }}\n",
            certificates.display()
        )
    };
    place.project.write("host.toml", toml(&engine.certificates()));
    place.run(&["attach", "-i"], &["sh", "-c", "cat; exit 5"]).stdin("half closed").ends(5).prints_only("half closed");
    let mut run = Piped::start(&place.attach(&["sh", "-c", "echo ready; sleep 5"]));
    assert_eq!(run.line(), "ready");
    signal("TERM", run.child.id());
    let (code, _, said) = run.ends();
    assert!(code == 143 && said.contains("cannot be signalled"), "{code} {said}");
    // Without the client's own certificate, and with an authority that did not sign the engine's.
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(engine.certificates().join("ca.pem"), folder.path().join("ca.pem")).unwrap();
    place.project.write("host.toml", toml(folder.path()));
    place.attach(&["true"]).ends(9).says("TLS").lacks("localhost");
    std::fs::copy(engine.certificates().join("cert.pem"), folder.path().join("ca.pem")).unwrap();
    place.attach(&["true"]).ends(9).says("TLS");
}

/// Half-written lines reach the program at once: what is typed is not kept back.
#[test]
fn input_is_handed_on_as_it_comes() {
    let place = place(shared_docker());
    let mut run = Piped::start(&place.run(&["attach", "-i"], &["sh", "-c", "while read -r line; do echo \"got $line\"; done; echo end"]));
    let mut stdin = run.child.stdin.take().unwrap();
    for word in ["one", "two"] {
        writeln!(stdin, "{word}").unwrap();
        assert_eq!(run.line(), format!("got {word}"));
    }
    drop(stdin);
    assert_eq!(run.line(), "end");
    assert_eq!(run.ends().0, 0);
}

//! Questions and bars on a real terminal: a child process asks, and the test answers as a person would.

use std::process::Command;

use rexpect::session::{PtySession, spawn_command};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use wasmtime::component::{Resource, ResourceTable};

use super::progress::HostBar as _;
use super::prompt::Host as _;
use super::{TerminalCtx, TerminalSettings, TerminalView};
use crate::gate::journal::Journal;
use crate::gate::{Budgets, Gate, Leave};
use crate::terminal::{self, GuestOutput, OutputMeter, Stream};

const WAIT_MS: Option<u64> = Some(10_000);

fn ask(what: &str) -> PtySession {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "capabilities::terminal::tests::child_asks", "--nocapture"]);
    command.env("ASK", what).env("NO_COLOR", "1").env("TERM", "xterm");
    spawn_command(command, WAIT_MS).unwrap()
}

/// Run by the tests below on a terminal of its own; `ASK` says what to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "the child of other tests"]
async fn child_asks() {
    let Ok(what) = std::env::var("ASK") else { return };
    let (sender, leave) = watch::channel(Leave::Granted);
    let mut interrupts = signal(SignalKind::interrupt()).unwrap();
    tokio::spawn(async move {
        interrupts.recv().await;
        sender.send_replace(Leave::Interrupted);
        std::future::pending::<()>().await;
    });
    let gate = Gate::new("ask".to_owned(), Budgets::default(), Journal::nowhere(), leave, false);
    let mut ctx = TerminalCtx::new(gate, TerminalSettings::default());
    let mut table = ResourceTable::new();
    let mut view = TerminalView { ctx: &mut ctx, table: &mut table };
    // The test's terminal begins without echo, a person's with it.
    let mut modes = tcgetattr(std::io::stdin()).unwrap();
    modes.local_modes.insert(LocalModes::ECHO);
    tcsetattr(std::io::stdin(), OptionalActions::Now, &modes).unwrap();
    let flag = || "--flag".to_owned();
    let said = match what.as_str() {
        "confirm" => format!("{:?}", view.confirm("go \x1b[2Jon?".to_owned(), false, flag()).await.unwrap()),
        "text" => format!("{:?}", view.text("name?".to_owned(), Some("shop".to_owned()), flag()).await.unwrap()),
        "password" => format!("{:?}", view.password("password?".to_owned(), flag()).await.unwrap()),
        "choice" => {
            let items = ["one", "two", "three"].map(str::to_owned).to_vec();
            format!("{:?}", view.choice("which?".to_owned(), items, 1, flag()).await.unwrap())
        }
        "bar" => {
            let bar = view.new("copying".to_owned(), 10).unwrap();
            view.advance(Resource::new_borrow(bar.rep()), 5).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(100));
            view.advance(Resource::new_borrow(bar.rep()), 1).unwrap();
            let mut stream = wasmtime_wasi::cli::StdoutStream::p2_stream(&GuestOutput::stdout(OutputMeter::new(1 << 20)));
            stream.write("beside\x1b]0;title\x07 the bar\n".into()).unwrap();
            terminal::talk("talk too");
            view.drop(bar).unwrap();
            "done".to_owned()
        }
        other => panic!("{other}"),
    };
    let echo = tcgetattr(std::io::stdin()).unwrap().local_modes.contains(LocalModes::ECHO);
    terminal::line(&format!("answer: {said}, echo: {echo}, terminal: {}", Stream::Stdout.is_terminal()));
    // A thread may still wait for a line; it must not keep the process.
    std::process::exit(0);
}

#[test]
fn a_confirmation_is_asked_until_it_is_yes_or_no() {
    let mut person = ask("confirm");
    person.exp_string("go on? [y/N] ").unwrap();
    person.send_line("maybe").unwrap();
    person.exp_string("please answer").unwrap();
    person.send_line("yes").unwrap();
    person.exp_string("answer: Ok(true), echo: true, terminal: true").unwrap();
}

#[test]
fn an_empty_line_is_the_default() {
    let mut person = ask("confirm");
    person.exp_string("[y/N] ").unwrap();
    person.send_line("").unwrap();
    person.exp_string("answer: Ok(false)").unwrap();
    let mut person = ask("text");
    person.exp_string("name? [shop]: ").unwrap();
    person.send_line("").unwrap();
    person.exp_string("answer: Ok(\"shop\")").unwrap();
}

#[test]
fn a_password_is_not_echoed_and_the_echo_comes_back() {
    let mut person = ask("password");
    person.exp_string("password?: ").unwrap();
    person.send_line("geheim").unwrap();
    let before = person.exp_string("answer: ").unwrap();
    assert!(!before.contains("geheim"), "{before}");
    person.exp_string("Ok(\"geheim\"), echo: true").unwrap();
}

#[test]
fn a_choice_is_made_with_the_arrow_keys() {
    let mut person = ask("choice");
    person.exp_string("three").unwrap();
    person.send("\x1b[B").unwrap();
    person.flush().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(100));
    person.send("\r").unwrap();
    person.flush().unwrap();
    person.exp_string("answer: Ok(2), echo: true").unwrap();
}

#[test]
fn ctrl_d_and_ctrl_c_interrupt_a_question_and_leave_the_terminal_in_order() {
    for what in ["confirm", "text", "password"] {
        for control in ['d', 'c'] {
            let mut person = ask(what);
            person.exp_regex(r"\?.*[:\]] ").unwrap();
            person.send_control(control).unwrap();
            person.exp_string("answer: Err(Error::Interrupted), echo: true").unwrap();
        }
    }
    let mut person = ask("choice");
    person.exp_string("three").unwrap();
    person.send_control('c').unwrap();
    person.exp_string("answer: Err(Error::Interrupted), echo: true").unwrap();
}

#[test]
fn text_is_written_beside_a_bar_without_its_escapes() {
    let mut person = ask("bar");
    person.exp_string("copying [").unwrap();
    let until = person.exp_string("beside the bar\r\n").unwrap();
    assert!(!until.contains("title"), "{until}");
    person.exp_string("talk too\r\n").unwrap();
    person.exp_string("answer: done").unwrap();
}

//! `manage`: the backend's own `manage.py`, in its running container.
//!
//! No shell stands between: each argument arrives as the one string that it was here. The program is joined to our
//! streams by the host, which passes signals, the window's size and the end of input on; its exit code is ours.

mod choose;

use std::io::IsTerminal as _;

use host_sdk::docker::exec::{self, Process};
use host_sdk::docker::inspect;
use host_sdk::{Error, Host, Result, clap, command_line};
use stack::one_off::{Guard, OneOff, Reach};

const SERVICE: &str = "backend";
const PROGRAM: &str = "python manage.py";

#[derive(clap::Args)]
struct Args {
    /// The service whose container it is [default: `config.service` of host.toml, else backend]
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// In a new container of the service, made as its compose file says and removed afterwards
    #[arg(long)]
    one_off: bool,
    /// What manage.py is told. Options of ours stand before the first word; from there on all is its own, `--help` too.
    /// Behind `--` even the first word may begin with a hyphen. `config.program` of host.toml is the program itself
    #[arg(value_name = "WORDS", trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

host_sdk::command!(manage);

fn manage(args: Args, host: &Host) -> Result<u8> {
    let service = match args.service {
        Some(service) => service,
        None => host.config("service")?.unwrap_or_else(|| SERVICE.to_owned()),
    };
    let program = host.config("program")?.unwrap_or_else(|| PROGRAM.to_owned());
    let mut line = command_line::split(&program).map_err(|why| {
        Error::usage(format!("`config.program` is `{program}`, and {why}")).hint(format!("config.program = \"{PROGRAM}\""))
    })?;
    line.extend(args.words);
    if args.one_off {
        return one_off(&service, line, host);
    }
    let containers = inspect::containers()?;
    let container = choose::choose(&containers, &service)?;
    let process = Process { args: line, tty: true, stdin: true, ..Process::default() };
    Ok(exit_code(exec::attach(&container.id, &process)?))
}

/// Beside the service's own containers, on its networks, with its mounts.
fn one_off(service: &str, line: Vec<String>, host: &Host) -> Result<u8> {
    let one_off = OneOff::of(service)?;
    let mut spec = one_off.spec(line, &host.run_id(), false, Reach::All);
    // A terminal there would turn what is piped from here into typed lines.
    spec.tty = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    spec.stdin_open = true;
    one_off.require(&spec, "the container of `--one-off`")?;
    Ok(exit_code(Guard::create(&spec)?.attach()?))
}

/// Engines answer what the kernel does, 0 to 255; anything else is a failure.
fn exit_code(code: i32) -> u8 {
    u8::try_from(code).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

    use super::*;

    fn parsed(words: &[&str]) -> Args {
        let line = ["manage"].iter().chain(words);
        let matches = Args::augment_args(clap::Command::new("manage")).try_get_matches_from(line).unwrap();
        Args::from_arg_matches(&matches).unwrap()
    }

    #[test]
    fn what_follows_the_first_word_is_untouched() {
        let cases: [(&[&str], &[&str]); 9] = [
            (&["migrate"], &["migrate"]),
            (&["migrate", "--help"], &["migrate", "--help"]),
            (&["migrate", "--service", "x", "-v", "2"], &["migrate", "--service", "x", "-v", "2"]),
            (&["--version"], &["--version"]),
            (&["--", "--help"], &["--help"]),
            (&["shell", "-c", "a b"], &["shell", "-c", "a b"]),
            (&["x", "$(touch x)", "", "*"], &["x", "$(touch x)", "", "*"]),
            (&["test", "--", "-k", "a"], &["test", "--", "-k", "a"]),
            (&["--", "--", "a"], &["--", "a"]),
        ];
        for (words, expected) in cases {
            let args = parsed(words);
            assert_eq!(args.words, expected, "{words:?}");
            assert_eq!(args.service, None, "{words:?}");
        }
        assert_eq!(parsed(&["--service", "web", "migrate", "--service", "x"]).service.as_deref(), Some("web"));
    }

    #[test]
    fn codes_are_passed_through() {
        assert_eq!([0, 3, 130, 255, 256, -1].map(exit_code), [0, 3, 130, 255, 1, 1]);
    }
}

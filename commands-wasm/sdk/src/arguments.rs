//! From `main` to the command and back: arguments, common options, and the ending.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgAction, Args, Command, FromArgMatches};

use crate::bindings::host::command::run as host_run;
use crate::bindings::host::terminal::settings;
use crate::ending::{Ending, Report};
use crate::error::{Error, Failure, Result};
use crate::manifest::Manifest;
use crate::{Host, help, output};

/// Options that every command has; they mean the same before its name.
#[derive(Args)]
#[command(next_help_heading = "Common options")]
struct Common {
    /// Answer every confirmation with yes
    #[arg(long, short, global = true)]
    yes: bool,
    /// Never ask; a question without an answer fails with the flag that answers it
    #[arg(long, global = true, alias = "noinput")]
    no_input: bool,
    /// Machine-readable output on stdout, errors included
    #[arg(long, global = true)]
    json: bool,
    /// Say less
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Say more; twice for still more
    #[arg(short, long = "verbose", global = true, action = ArgAction::Count)]
    verbosity: u8,
    /// Show this help
    #[arg(long, short, global = true, action = ArgAction::Help)]
    help: Option<bool>,
}

const COMMON: [&str; 6] = ["yes", "no_input", "json", "quiet", "verbosity", "help"];

pub(crate) fn is_common(id: &str) -> bool {
    COMMON.contains(&id)
}

/// Reads the arguments, runs `body`, shows what went wrong, and ends the component with the right exit code.
/// [`command!`](crate::command) calls it; call it yourself for a `main` of your own.
pub fn run<A: Args, R: Report>(manifest: &'static Manifest, body: fn(A, &Host) -> Result<R>) {
    call_constructors();
    let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let name = words.first().cloned().unwrap_or_else(|| "command".to_owned());
    let before = settings::get();
    output::begin(&before);
    output::survive_panics();
    let code = match parse::<A>(&name, manifest, &words, before.width) {
        Parsed::Arguments(args, common) => {
            settings::merge(common.yes, common.no_input, common.json, common.quiet, common.verbosity);
            let host = Host::new(name, settings::get());
            output::begin(host.settings());
            body(args, &host).map_or_else(|error| fail(error.into_failure(), host.settings().json), Report::exit_code)
        }
        Parsed::Help(text) => {
            output::data(format_args!("{}", text.trim_end()));
            Ending::Ok.code()
        }
        Parsed::Wrong(failure) => fail(*failure, before.json || words.iter().any(|word| word == "--json")),
    };
    let code = match output::finish() {
        Ok(()) => code,
        // Never as JSON: that would go where nothing arrives.
        Err(error) => code.max(fail(error.into_failure(), false)),
    };
    if code != 0 {
        host_run::exit(code);
    }
}

/// Runs libc's constructors (they find the folders that were granted) where nothing else does.
///
/// The start file of Debian's wasi-libc does not call them. The linker then wraps *every* export in such a call,
/// `cabi_realloc` too, which must not call anything outside; a reference to them makes it leave that alone.
/// [`run`] does it; a `main` of your own does it first.
pub fn call_constructors() {
    #[cfg(sdk_calls_constructors)]
    #[expect(unsafe_code, reason = "a function of the linker's")]
    {
        unsafe extern "C" {
            fn __wasm_call_ctors();
        }
        // SAFETY: the linker makes it in every program; it is called once, before anything opens a file.
        unsafe {
            __wasm_call_ctors();
        }
    }
}

/// Shows the failure and answers its exit code.
fn fail(failure: Failure, json: bool) -> u8 {
    // What was broken off does not know by which signal.
    let is_terminated = failure.ending == Ending::Interrupted && host_run::ends_with() == Some(Ending::Terminated.code());
    let failure = if is_terminated { Failure { ending: Ending::Terminated, ..failure } } else { failure };
    if json {
        output::data(format_args!("{}", failure.to_json()));
    } else {
        output::say(&failure.to_text());
    }
    failure.ending.code()
}

enum Parsed<A> {
    Arguments(A, Common),
    Help(String),
    Wrong(Box<Failure>),
}

fn parse<A: Args>(name: &str, manifest: &Manifest, words: &[String], width: u16) -> Parsed<A> {
    let matches = match command::<A>(name, manifest, width).try_get_matches_from(words) {
        Ok(matches) => matches,
        Err(error) => return refused(name, &error),
    };
    match (A::from_arg_matches(&matches), Common::from_arg_matches(&matches)) {
        (Ok(args), Ok(common)) => Parsed::Arguments(args, common),
        (Err(error), _) | (_, Err(error)) => refused(name, &error),
    }
}

/// The command line of a command whose own arguments are `A`.
pub(crate) fn command<A: Args>(name: &str, manifest: &Manifest, width: u16) -> Command {
    let own = A::augment_args(Command::new(name.to_owned()));
    let taken: Vec<char> = own.get_arguments().filter_map(clap::Arg::get_short).collect();
    // A letter that a command uses itself is that command's: `down -v` removes volumes.
    let command = Common::augment_args(own).mut_args(|arg| match arg.get_short() {
        Some(letter) if taken.contains(&letter) && is_common(arg.get_id().as_str()) => arg.short(None),
        _ => arg,
    });
    help::dress(command, name, manifest, width)
}

fn refused<A>(name: &str, error: &clap::Error) -> Parsed<A> {
    match error.kind() {
        ErrorKind::DisplayHelp => Parsed::Help(error.render().to_string()),
        // clap would answer with the whole help.
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let failure = Error::usage(format!("`{name}` needs to be told what to do")).hint(format!("host run {name} --help"));
            Parsed::Wrong(Box::new(failure.into_failure()))
        }
        _ => Parsed::Wrong(Box::new(usage_failure(name, error).into_failure())),
    }
}

/// clap's words in our form: what is wrong, then the line that cures it.
fn usage_failure(name: &str, error: &clap::Error) -> Error {
    let rendered = error.render().to_string();
    let head = rendered.split("\n\n").next().unwrap_or_default();
    let message = head.trim().trim_start_matches("error: ").replace('\'', "`").replace('\n', " ");
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let similar = [
        (ContextKind::InvalidArg, ContextKind::SuggestedArg),
        (ContextKind::InvalidSubcommand, ContextKind::SuggestedSubcommand),
        (ContextKind::InvalidValue, ContextKind::SuggestedValue),
    ];
    let mut failure = Error::usage(message);
    for (typed, proposed) in similar {
        let word = |kind| error.get(kind).and_then(first_word);
        if let (Some(typed), Some(proposed)) = (word(typed), word(proposed))
            && is_near(typed, proposed)
        {
            failure = failure.hint(format!("did you mean `{proposed}`?"));
        }
    }
    failure.hint(format!("host run {name} --help"))
}

/// At most a third of the letters may differ, and at least one may, or one is the other's beginning: clap proposes more.
fn is_near(typed: &str, proposed: &str) -> bool {
    let plain = |word: &str| word.trim_start_matches('-').to_lowercase();
    let (typed, proposed) = (plain(typed), plain(proposed));
    let allowed = (typed.chars().count() / 3).clamp(1, 3);
    (typed.len() > 1 && proposed.starts_with(&typed)) || strsim::osa_distance(&typed, &proposed) <= allowed
}

fn first_word(value: &ContextValue) -> Option<&str> {
    match value {
        ContextValue::String(word) => Some(word),
        ContextValue::Strings(words) => words.first().map(String::as_str),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Args)]
    struct Example {
        /// Who
        #[arg(default_value = "world")]
        name: String,
        /// How often
        #[arg(long)]
        times: Option<u32>,
        /// In which way
        #[arg(long, value_parser = ["warm", "cold"])]
        way: Option<String>,
    }

    static MANIFEST: Manifest = Manifest {
        about: "Say hello",
        usage: Some("hello [NAME] [OPTIONS]"),
        effect: "read",
        options: &["--times", "--way"],
        examples: &[("hello", "greet the world"), ("hello Ada --times 3", "greet Ada")],
        exit_codes: &[(3, "nobody is there")],
    };

    fn parsed(words: &[&str]) -> Parsed<Example> {
        let words: Vec<String> = ["hello"].iter().chain(words).map(|word| (*word).to_owned()).collect();
        parse("hello", &MANIFEST, &words, 80)
    }

    fn wrong(words: &[&str]) -> String {
        match parsed(words) {
            Parsed::Wrong(failure) => failure.to_text(),
            _ => panic!("{words:?} are not wrong"),
        }
    }

    #[test]
    fn common_options_stand_anywhere_among_the_commands_own() {
        let Parsed::Arguments(args, common) = parsed(&["-y", "Ada", "--times", "3", "--noinput", "-vv", "--json"]) else {
            panic!("not parsed")
        };
        assert_eq!((args.name.as_str(), args.times), ("Ada", Some(3)));
        assert!(common.yes && common.no_input && common.json && !common.quiet);
        assert_eq!(common.verbosity, 2);
    }

    #[test]
    fn a_typo_gets_a_suggestion_and_the_way_to_help() {
        assert_eq!(
            wrong(&["--tims", "3"]),
            "error: unexpected argument `--tims` found\nhint: did you mean `--times`?\nhint: host run hello --help\n"
        );
    }

    #[test]
    fn what_is_hardly_like_anything_gets_no_suggestion() {
        assert_eq!(wrong(&["--nope"]), "error: unexpected argument `--nope` found\nhint: host run hello --help\n");
        for (typed, proposed, near) in [("--tim", "--times", true), ("--tiems", "--times", true), ("--nope", "--noinput", false)] {
            assert_eq!(is_near(typed, proposed), near, "{typed}");
        }
    }

    #[derive(Args)]
    struct WithVolumes {
        /// A letter of its own
        #[arg(long, short)]
        volumes: bool,
    }

    #[test]
    fn a_letter_that_a_command_uses_itself_is_not_the_common_one() {
        let words = ["down".to_owned(), "-v".to_owned(), "--verbose".to_owned()];
        let Parsed::Arguments(args, common) = parse::<WithVolumes>("down", &MANIFEST, &words, 80) else { panic!("not parsed") };
        assert!(args.volumes);
        assert_eq!(common.verbosity, 1);
    }

    #[derive(Args)]
    struct WithActions {
        #[command(subcommand)]
        _action: Action,
    }

    #[derive(clap::Subcommand)]
    enum Action {
        Go,
    }

    #[test]
    fn a_missing_action_is_a_usage_error() {
        let words = ["hello".to_owned()];
        let Parsed::Wrong(failure) = parse::<WithActions>("hello", &MANIFEST, &words, 80) else { panic!("not wrong") };
        assert_eq!(failure.to_text(), "error: `hello` needs to be told what to do\nhint: host run hello --help\n");
    }

    #[test]
    fn a_wrong_value_names_what_is_possible() {
        let text = wrong(&["--way", "wam"]);
        assert!(
            text.starts_with("error: invalid value `wam` for `--way <WAY>` [possible values: warm, cold]\nhint: did you mean `warm`?\n"),
            "{text}"
        );
    }

    #[test]
    fn help_shows_examples_first_then_usage_options_and_exit_codes() {
        let Parsed::Help(text) = parsed(&["--help"]) else { panic!("no help") };
        let places: Vec<Option<usize>> = [
            "Say hello",
            "Examples:\n  host run hello ",
            "Usage: host run hello [NAME] [OPTIONS]",
            "--times <TIMES>",
            "Common options:",
            "Exit codes:",
            "3  nobody is there",
        ]
        .iter()
        .map(|part| text.find(part))
        .collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}\n{text}");
    }

    #[test]
    fn options_of_a_manifest_are_compared_with_the_arguments() {
        crate::check_options(&MANIFEST, |_: Example, _: &Host| Ok::<(), Error>(()));
    }
}

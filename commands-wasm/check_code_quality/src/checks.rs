//! What is checked, and how it went.

use host_sdk::{Error, Result, command_line};

/// As the project's own hooks run them.
const DEFAULT: &str = "mypy .\nblack --check .";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Check {
    /// As configured.
    pub(crate) line: String,
    pub(crate) words: Vec<String>,
}

/// How one check ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    /// With this exit code.
    Failed(i32),
    /// The image has no such program.
    Missing,
    /// It could not be run.
    Broken(String),
}

impl Verdict {
    pub(crate) fn passed(&self) -> bool {
        *self == Self::Passed
    }

    pub(crate) fn in_words(&self, check: &Check) -> String {
        match self {
            Self::Passed => "passed".to_owned(),
            Self::Failed(code) => format!("failed with exit code {code}"),
            Self::Missing => format!("failed: the image has no `{}`", check.words.first().map_or("", String::as_str)),
            Self::Broken(why) => format!("failed: {why}"),
        }
    }

    /// Of the program; none where it did not run.
    pub(crate) fn code(&self) -> Option<i32> {
        match self {
            Self::Passed => Some(0),
            Self::Failed(code) => Some(*code),
            Self::Missing | Self::Broken(_) => None,
        }
    }

    /// In `--json`.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed(_) => "failed",
            Self::Missing => "missing",
            Self::Broken(_) => "broken",
        }
    }
}

/// `config.checks`: one a line.
pub(crate) fn parse(configured: Option<&str>) -> Result<Vec<Check>> {
    let lines = configured.unwrap_or(DEFAULT).lines().map(str::trim).filter(|line| !line.is_empty());
    let check = |line: &str| match command_line::split(line) {
        Ok(words) => Ok(Check { line: line.to_owned(), words }),
        Err(why) => Err(Error::usage(format!("`config.checks` has the line `{line}`, and {why}"))),
    };
    let checks: Vec<Check> = lines.map(check).collect::<Result<_>>()?;
    // Nothing that was checked is not everything that passed.
    if checks.is_empty() { Err(Error::usage("`config.checks` names no check").hint("leave it out for mypy and black")) } else { Ok(checks) }
}

/// The engine's own word for a program that is not there: it differs between engines, its parts do not.
pub(crate) fn is_missing(engine_said: &str) -> bool {
    ["executable file not found", "no such file or directory", "not found in $path"]
        .iter()
        .any(|part| engine_said.to_ascii_lowercase().contains(part))
}

pub(crate) fn verdict(code: i32) -> Verdict {
    match code {
        0 => Verdict::Passed,
        127 => Verdict::Missing,
        code => Verdict::Failed(code),
    }
}

/// One line for each, the verdicts below each other.
pub(crate) fn table(results: &[(Check, Verdict)]) -> Vec<String> {
    let widest = results.iter().map(|(check, _)| check.line.chars().count()).max().unwrap_or_default();
    results.iter().map(|(check, verdict)| format!("{:widest$}  {}", check.line, verdict.in_words(check))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_one_a_line_and_split_without_a_shell() {
        let words = |text: Option<&str>| parse(text).unwrap().into_iter().map(|check| check.words).collect::<Vec<_>>();
        assert_eq!(words(None), [vec!["mypy", "."], vec!["black", "--check", "."]]);
        assert_eq!(words(Some("\n ruff check 'a b'\n\n$(x)\n")), [vec!["ruff", "check", "a b"], vec!["$(x)"]]);
        for text in ["", " \n ", "mypy 'x"] {
            assert_eq!(parse(Some(text)).unwrap_err().into_failure().ending.code(), 2, "{text:?}");
        }
    }

    #[test]
    fn only_zero_passes() {
        assert_eq!([0, 1, 127, 137].map(verdict), [Verdict::Passed, Verdict::Failed(1), Verdict::Missing, Verdict::Failed(137)]);
        assert!(is_missing("OCI runtime create failed: exec: \"mypy\": executable file not found in $PATH: unknown"));
        assert!(!is_missing("No such image: shop-backend"));
    }

    #[test]
    fn the_table_says_how_each_went() {
        let results: Vec<(Check, Verdict)> = parse(None).unwrap().into_iter().zip([Verdict::Failed(2), Verdict::Missing]).collect();
        assert_eq!(table(&results), ["mypy .           failed with exit code 2", "black --check .  failed: the image has no `black`"]);
    }
}

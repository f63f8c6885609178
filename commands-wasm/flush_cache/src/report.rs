//! What is said and written: the table before the question, the numbers afterwards, what stopped it half-way.

use std::time::Duration;

use host_sdk::redis::RedisError;
use host_sdk::serde_json::{Map, Value, json};
use host_sdk::{Error, Host, Result, duration, out, talk};

use crate::tally::{Name, Row, Size, Tally};
use crate::words::{keys, number, shown, size};

/// Rows of the table; the document of `--json` has them all.
const ROWS_SHOWN: usize = 20;

/// Where the keys are.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) redis: String,
    pub(crate) database: u32,
    /// How the keys that are meant begin, if that was said.
    pub(crate) prefix: Option<String>,
    /// What is granted, for messages.
    pub(crate) granted: Vec<Vec<u8>>,
}

impl Place {
    /// `default`, database 0
    pub(crate) fn words(&self) -> String {
        format!("`{}`, database {}", shown(self.redis.as_bytes()), self.database)
    }

    /// Why there may be nothing: which keys were looked at.
    fn keys_meant(&self) -> String {
        let granted: Vec<String> = self.granted.iter().map(|pattern| format!("`{}`", shown(pattern))).collect();
        let granted = if granted.is_empty() { "no key is granted".to_owned() } else { format!("granted: {}", granted.join(", ")) };
        match &self.prefix {
            Some(prefix) => format!("no key of {} begins with `{}` ({granted})", self.words(), shown(prefix.as_bytes())),
            None => format!("no key of {} matches ({granted})", self.words()),
        }
    }
}

/// The table, one line a string.
pub(crate) fn table(tally: &Tally) -> Vec<String> {
    let rows = tally.rows();
    let cells: Vec<[String; 3]> =
        rows.iter().take(ROWS_SHOWN).map(|row| [label(&row.name), number(row.count), size_words(tally.size_of(row))]).collect();
    let head = ["KEYS BEGIN WITH".to_owned(), "KEYS".to_owned(), "BYTES".to_owned()];
    let width = |column: usize| {
        [&head].into_iter().chain(&cells).filter_map(|cells| cells.get(column)).map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths = [width(0), width(1), width(2)];
    let line = |[name, count, bytes]: &[String; 3]| {
        let [of_name, of_count, of_bytes] = widths;
        format!("{name:of_name$}  {count:>of_count$}  {bytes:>of_bytes$}")
    };
    let mut lines: Vec<String> = [&head].into_iter().chain(&cells).map(line).collect();
    if let Some(more) = rows.get(ROWS_SHOWN..).filter(|more| !more.is_empty()) {
        let count = more.iter().map(|row| row.count).sum();
        lines.push(format!("and {} with {} other begins", keys(count), number(more.len() as u64)));
    }
    lines
}

fn label(name: &Name) -> String {
    match name {
        Name::Segment(text) => format!("{}:", shown(text)),
        Name::Bare(text) if text.is_empty() => "(no `:`)".to_owned(),
        Name::Bare(text) => format!("{} (no further `:`)", shown(text)),
        Name::Others => "(others)".to_owned(),
    }
}

/// `1.5 MiB`, `about 1.5 MiB`, `?`.
fn size_words(of: Option<Size>) -> String {
    match of {
        Some(Size { bytes, exact: true }) => size(bytes),
        Some(Size { bytes, exact: false }) => format!("about {}", size(bytes)),
        None => "?".to_owned(),
    }
}

/// `, 1.5 MiB`; nothing when the server does not tell.
fn comma_size(of: Option<Size>) -> String {
    of.map(|size| format!(", {}", size_words(Some(size)))).unwrap_or_default()
}

/// `spared 3 keys: celery 1, sessions 2`; none when there was nothing to spare.
fn spared(tally: &Tally) -> Option<String> {
    let classes: Vec<String> = tally.spared().map(|(class, count)| format!("{class} {}", number(count))).collect();
    let count = tally.spared().map(|(_, count)| count).sum();
    (!classes.is_empty()).then(|| format!("spared {}: {}", keys(count), classes.join(", ")))
}

/// Nothing is left to be done: says why.
pub(crate) fn nothing(tally: &Tally, place: &Place) {
    match spared(tally) {
        Some(spared) => {
            out!("nothing to flush in {}: {spared}", place.words());
            let classes: Vec<&str> = tally.spared().map(|(class, _)| class.word()).collect();
            talk!("hint: `--include {}` removes those too", classes.join(","));
        }
        None => out!("nothing to flush: {}", place.keys_meant()),
    }
}

/// What is there, before the question.
pub(crate) fn before_question(tally: &Tally) {
    table(tally).iter().for_each(|line| talk!("{line}"));
    if let Some(spared) = spared(tally) {
        talk!("{spared}");
    }
}

pub(crate) fn question(tally: &Tally, place: &Place) -> String {
    format!("Remove {}{} from {}?", keys(tally.found), comma_size(tally.size()), place.words())
}

/// What `--dry-run` answers.
pub(crate) fn would(tally: &Tally, place: &Place, took: Duration, host: &Host) -> Result<()> {
    if host.wants_json() {
        return document(tally, place, true, took, host);
    }
    if tally.found == 0 {
        nothing(tally, place);
        return Ok(());
    }
    table(tally).iter().for_each(|line| out!("{line}"));
    out!("would remove {}{} from {}", keys(tally.found), comma_size(tally.size()), place.words());
    if let Some(spared) = spared(tally) {
        out!("{spared}");
    }
    Ok(())
}

/// What was done.
pub(crate) fn done(tally: &Tally, place: &Place, took: Duration, host: &Host) -> Result<()> {
    if host.wants_json() {
        return document(tally, place, false, took, host);
    }
    if tally.found == 0 {
        nothing(tally, place);
        return Ok(());
    }
    out!("removed {}{} from {} in {}", keys(tally.removed), comma_size(tally.size_removed()), place.words(), duration::words(took));
    if let Some(spared) = spared(tally) {
        out!("{spared}");
    }
    Ok(())
}

fn document(tally: &Tally, place: &Place, dry_run: bool, took: Duration, host: &Host) -> Result<()> {
    let (count, size) = if dry_run { (tally.found, tally.size()) } else { (tally.removed, tally.size_removed()) };
    let spared: Map<String, Value> = tally.spared().map(|(class, count)| (class.word().to_owned(), count.into())).collect();
    let segments: Vec<Value> = tally.rows().into_iter().map(|row| segment(tally, row)).collect();
    host.json(&json!({
        "redis": place.redis, "database": place.database, "prefix": place.prefix, "dry_run": dry_run,
        "keys": count, "bytes": size.map(|size| size.bytes), "bytes_exact": size.is_some_and(|size| size.exact),
        "milliseconds": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        "segments": segments, "spared": spared,
    }))
}

/// Keys are shown as on a terminal: `\xNN` for what is no text, or could be obeyed.
fn segment(tally: &Tally, row: &Row) -> Value {
    let (kind, text) = match &row.name {
        Name::Segment(text) => ("segment", Some(shown(text))),
        Name::Bare(text) => ("bare", Some(shown(text))),
        Name::Others => ("others", None),
    };
    let size = tally.size_of(row);
    json!({ "kind": kind, "segment": text, "keys": row.count, "bytes": size.map(|size| size.bytes) })
}

/// The error that ended a removal, and how far that came.
pub(crate) fn cut_short(error: Error, tally: &Tally, command: &str) -> Error {
    let refusal = error.redis().cloned();
    let removed = match refusal {
        // The last UNLINK may have been done; nobody heard the answer.
        Some(RedisError::ConnectionFailed(_) | RedisError::Timeout(_)) if tally.removed > 0 => {
            format!("at least {} removed", were(tally.removed))
        }
        _ if tally.removed > 0 => format!("{} removed", were(tally.removed)),
        _ => "nothing was removed".to_owned(),
    };
    let doing = if matches!(refusal, Some(RedisError::Cancelled(_))) { format!("stopped: {removed}") } else { removed };
    let error = error.context(doing).detail("removed", tally.removed);
    if tally.removed > 0 { error.hint(format!("the rest is still there: `host run {command}` goes on")) } else { error }
}

fn were(count: u64) -> String {
    format!("{} {}", keys(count), if count == 1 { "was" } else { "were" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Class;
    use crate::segment::Segment;

    fn tally(counts: &[(&str, u64)]) -> Tally {
        let mut tally = Tally::default();
        for (text, count) in counts {
            for _ in 0..*count {
                let segment = Segment { text: text.as_bytes(), closed: !text.is_empty() };
                if let Some(place) = tally.count(segment) {
                    tally.measured(place, 100);
                }
            }
        }
        tally
    }

    #[test]
    fn the_table_is_aligned_and_the_largest_count_comes_first() {
        let lines = table(&tally(&[("", 1), ("shop:cache", 1_200), ("\u{1b}[2J", 3)]));
        let expected = [
            "KEYS BEGIN WITH   KEYS      BYTES",
            "shop:cache:      1,200  117.2 KiB",
            "\\x1b[2J:             3      300 B",
            "(no `:`)             1      100 B",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_long_table_is_cut_and_says_so() {
        let names: Vec<String> = (0..ROWS_SHOWN + 2).map(|number| format!("s{number:02}")).collect();
        let counts: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 2)).collect();
        let lines = table(&tally(&counts));
        assert_eq!(lines.len(), 1 + ROWS_SHOWN + 1);
        assert_eq!(lines.last().unwrap(), "and 4 keys with 2 other begins");
    }

    #[test]
    fn what_was_spared_is_said_by_class() {
        let mut tally = tally(&[]);
        assert_eq!(spared(&tally), None);
        tally.spare(Class::Sessions, 1_000);
        tally.spare(Class::Celery, 1);
        assert_eq!(spared(&tally).unwrap(), "spared 1,001 keys: celery 1, sessions 1,000");
    }

    #[test]
    fn an_error_half_way_says_how_far_it_came() {
        let mut tally = tally(&[]);
        let lost = || Error::from(RedisError::ConnectionFailed("the server is gone".to_owned()));
        assert_eq!(cut_short(lost(), &tally, "flush_cache").to_string(), "nothing was removed: the server is gone");
        tally.removed = 1_000;
        let failure = cut_short(lost(), &tally, "flush_cache").into_failure();
        assert_eq!(failure.message, "at least 1,000 keys were removed: the server is gone");
        assert_eq!((failure.ending.code(), failure.details.get("removed")), (9, Some(&1_000.into())));
        assert_eq!(failure.hints, ["the rest is still there: `host run flush_cache` goes on"]);
        let stopped = cut_short(RedisError::Cancelled("the run was interrupted".to_owned()).into(), &tally, "flush_cache").into_failure();
        assert_eq!((stopped.message.as_str(), stopped.ending.code()), ("stopped: 1,000 keys were removed: the run was interrupted", 130));
    }
}

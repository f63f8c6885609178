//! From what was asked to the steps that do it, and what forbids them. Nothing here touches a database.

use crate::failure::{Failure, Result};
use crate::files::{App, Migration};
use crate::state::{AppState, Entry, State, UNDOING};
use crate::suggest;

/// How far an app is to be migrated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Latest,
    Zero,
    To(i64),
}

/// Which apps, as indices, and how far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    pub apps: Vec<usize>,
    pub target: Target,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Forwards,
    Backwards,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub app: usize,
    /// Index into the entries of the app's state.
    pub entry: usize,
    pub direction: Direction,
    /// Only the table is changed.
    pub fake: bool,
}

/// What the caller permits beyond the ordinary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permits {
    pub fake: bool,
    /// Run unfinished migrations again from their start.
    pub retry: bool,
    pub out_of_order: bool,
    pub missing: bool,
}

/// One app with what the database says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    pub app: App,
    pub state: AppState,
}

impl Judged {
    pub fn full_name(&self, entry: &Entry) -> String {
        format!("{}.{}", self.app.label, entry.name)
    }

    /// The file of the last applied migration below `version`, as `--fake` and `migrate` take it.
    fn name_before(&self, version: i64) -> &str {
        let before = self.state.entries.iter().rev().find(|entry| entry.version < version && entry.file.is_some());
        before.map_or("zero", |entry| entry.name.as_str())
    }
}

/// Reads `[APP] [TARGET]` as Django does; a lone word that is no app is a target when there is one app only.
pub fn select(apps: &[&App], app: Option<&str>, target: Option<&str>) -> Result<Selection> {
    let all = || (0..apps.len()).collect();
    let Some(word) = app else {
        return Ok(Selection { apps: all(), target: Target::Latest });
    };
    match (apps.iter().position(|app| app.label == word), target, apps) {
        (Some(index), None, _) => Ok(Selection { apps: vec![index], target: Target::Latest }),
        (Some(index), Some(target), _) => Ok(Selection { apps: vec![index], target: resolve(apps.get(index).copied(), target)? }),
        (None, None, [only]) if looks_like_a_target(only, word) => Ok(Selection { apps: all(), target: resolve(Some(only), word)? }),
        (None, ..) => Err(unknown_app(apps, word)),
    }
}

pub fn unknown_app(apps: &[&App], word: &str) -> Failure {
    let labels: Vec<&str> = apps.iter().map(|app| app.label.as_str()).collect();
    let failure = Failure::usage(format!("there is no app `{word}`"));
    match suggest::closest(word, labels.iter().copied()) {
        Some(label) => failure.hint(format!("did you mean `{label}`?")),
        None => failure.hint(format!("the apps are {}", quoted(&labels))),
    }
}

fn looks_like_a_target(app: &App, word: &str) -> bool {
    word == "zero"
        || word.starts_with(|first: char| first.is_ascii_digit())
        || app.migrations.iter().any(|migration| migration.name.starts_with(word))
}

/// `zero`, a full name, a number, or the beginning of a name.
fn resolve(app: Option<&App>, word: &str) -> Result<Target> {
    let Some(app) = app else { return Ok(Target::Latest) };
    if word == "zero" {
        return Ok(Target::Zero);
    }
    let find = |wanted: &dyn Fn(&Migration) -> bool| app.migrations.iter().filter(|migration| wanted(migration)).collect::<Vec<_>>();
    let number = word.parse::<i64>().ok();
    let exact = find(&|migration| migration.name == word || Some(migration.version) == number);
    let candidates = if exact.is_empty() { find(&|migration| migration.name.starts_with(word)) } else { exact };
    match candidates.as_slice() {
        [migration] => Ok(Target::To(migration.version)),
        [] => {
            let failure = Failure::usage(format!("app `{}` has no migration `{word}`", app.label));
            Err(match suggest::closest(word, app.migrations.iter().map(|migration| migration.name.as_str())) {
                Some(name) => failure.hint(format!("did you mean `{name}`?")),
                None => failure.hint("`host run showmigrations` lists them"),
            })
        }
        several => {
            let names: Vec<&str> = several.iter().map(|migration| migration.name.as_str()).collect();
            Err(Failure::usage(format!("`{word}` is the beginning of {} migrations: {}", names.len(), quoted(&names)))
                .hint("write more of the name"))
        }
    }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The steps in the order in which they are to be done.
pub fn plan(judged: &[Judged], selection: &Selection, permits: Permits) -> Vec<Step> {
    let mut steps = Vec::new();
    for &app in &selection.apps {
        let Some(judged) = judged.get(app) else { continue };
        let entries = || judged.state.entries.iter().enumerate();
        let keep = match selection.target {
            Target::Latest => None,
            Target::Zero => Some(i64::MIN),
            Target::To(version) => entries().any(|(_, entry)| entry.version == version && entry.state.is_applied()).then_some(version),
        };
        let last = if let Target::To(version) = selection.target { version } else { i64::MAX };
        if let Some(keep) = keep {
            let undone = entries().rev().filter(|(_, entry)| entry.version > keep && entry.row.is_some());
            let undone = undone.filter(|(_, entry)| entry.state.is_applied() || permits.fake || permits.retry);
            steps.extend(undone.map(|(entry, _)| Step { app, entry, direction: Direction::Backwards, fake: permits.fake }));
        } else {
            let open = entries().filter(|(_, entry)| entry.version <= last && !entry.state.is_applied() && entry.file.is_some());
            let open = open.filter(|(_, entry)| entry.state != State::Unfinished || permits.fake || permits.retry);
            steps.extend(open.map(|(entry, _)| Step { app, entry, direction: Direction::Forwards, fake: permits.fake }));
        }
    }
    steps
}

/// Why the steps must not be done; all reasons at once, each with its cure.
pub fn refuse(judged: &[Judged], selection: &Selection, steps: &[Step], permits: Permits) -> Result<()> {
    if permits.fake {
        return Ok(());
    }
    let mut refusal = Refusal::default();
    for &app in &selection.apps {
        let Some(judged) = judged.get(app) else { continue };
        for (index, entry) in judged.state.entries.iter().enumerate() {
            let step = steps.iter().find(|step| step.app == app && step.entry == index);
            refusal.consider(judged, entry, step.map(|step| step.direction), permits);
        }
        let forwards = steps.iter().any(|step| step.app == app && step.direction == Direction::Forwards);
        if forwards && !permits.missing {
            refusal.missing(judged);
        }
    }
    refusal.finish()
}

/// The three ways to go on after an interruption outside of a transaction.
pub fn unfinished_hints(judged: &Judged, entry: &Entry) -> [String; 3] {
    let (label, before) = (&judged.app.label, judged.name_before(entry.version));
    let undoing = entry.row.as_ref().is_some_and(|row| row.execution_time == UNDOING);
    let again = if undoing { format!("{label} {before}") } else { label.clone() };
    [
        format!(
            "if it can run again from its start: `host run migrate {again} --retry` (an interrupted CREATE INDEX CONCURRENTLY leaves an invalid index: drop it first)"
        ),
        format!("or finish it by hand, then `host run migrate {label} {} --fake`", entry.name),
        format!("or undo it by hand, then `host run migrate {label} {before} --fake`"),
    ]
}

#[derive(Default)]
struct Refusal {
    reasons: Vec<String>,
    hints: Vec<String>,
}

impl Refusal {
    fn consider(&mut self, judged: &Judged, entry: &Entry, direction: Option<Direction>, permits: Permits) {
        let name = judged.full_name(entry);
        let label = &judged.app.label;
        let path = entry.migration(&judged.app).map(|migration| migration.up.path.as_str()).unwrap_or_default();
        let applied = entry.row.as_ref().map(|row| row.installed_on.as_str()).unwrap_or_default();
        match (entry.state, direction) {
            (State::Unfinished, _) if !permits.retry => {
                self.reason(format!(
                    "`{name}` is unfinished: it began outside of a transaction and was interrupted, so that a part of it may be done"
                ));
                unfinished_hints(judged, entry).into_iter().for_each(|hint| self.hint(hint));
            }
            (State::Edited, Some(Direction::Backwards)) => {}
            (State::Edited, _) => {
                self.reason(format!("`{name}` is edited: `{path}` is not what was applied at {applied}"));
                let last = judged.state.entries.iter().rev().find(|entry| entry.state.is_applied() && entry.file.is_some());
                self.hint(format!("put `{path}` back as it was applied, and make a new migration of the change"));
                self.hint(format!(
                    "or, if the database already has what the file says now: `host run migrate {label} {} --fake`, then `host run migrate {label} {} --fake`",
                    judged.name_before(entry.version),
                    last.map_or("", |last| last.name.as_str())
                ));
            }
            (State::OutOfOrder, Some(Direction::Forwards)) if !permits.out_of_order => {
                self.reason(format!("`{name}` is out of order: a later migration is already applied"));
                self.hint("apply it all the same with `--allow-out-of-order`, or give it a later number".to_owned());
            }
            (State::Missing, Some(Direction::Backwards)) => {
                self.reason(format!("`{name}` is missing: it is applied, and its file that would undo it is gone"));
                self.hint(format!("get its files back, or forget it with `host run migrate {label} --prune`"));
            }
            (_, Some(Direction::Backwards)) if entry.migration(&judged.app).is_some_and(|migration| migration.down.is_none()) => {
                self.reason(format!("`{name}` cannot be undone: there is no `{}/{}.down.sql`", judged.app.folder, entry.name));
                self.hint("write it, or undo the migration by hand and record that with `--fake`".to_owned());
            }
            _ => {}
        }
    }

    fn missing(&mut self, judged: &Judged) {
        for entry in judged.state.in_state(State::Missing) {
            self.reason(format!("`{}` is missing: it is applied, and its file is gone", judged.full_name(entry)));
            self.hint(format!(
                "get the file back, or forget it with `host run migrate {} --prune`, or go on with `--ignore-missing`",
                judged.app.label
            ));
        }
    }

    fn reason(&mut self, reason: String) {
        self.reasons.push(reason);
    }

    fn hint(&mut self, hint: String) {
        if !self.hints.contains(&hint) {
            self.hints.push(hint);
        }
    }

    fn finish(self) -> Result<()> {
        /// More of the same help nobody.
        const SHOWN_MAX: usize = 20;
        let message = match self.reasons.as_slice() {
            [] => return Ok(()),
            [one] => format!("nothing was changed: {one}"),
            several => {
                let mut lines: Vec<String> = several.iter().take(SHOWN_MAX).map(|reason| format!("\n  {reason}")).collect();
                if several.len() > SHOWN_MAX {
                    lines.push(format!("\n  and {} more", several.len() - SHOWN_MAX));
                }
                format!("nothing was changed, for {} reasons:{}", several.len(), lines.concat())
            }
        };
        let mut failure = Failure::failed(message);
        failure.hints = self.hints.into_iter().take(SHOWN_MAX).collect();
        Err(failure)
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;

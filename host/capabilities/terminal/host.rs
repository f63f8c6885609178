//! The functions of `host:terminal`.

use indicatif::{ProgressBar, ProgressStyle};
use wasmtime::component::Resource;

use super::prompt::Error;
use super::{BARS_BOUND, Bar, TerminalView, progress, prompt, settings, words};
use crate::gate::journal::Outcome;
use crate::gate::{Decision, Effect, Operation, Refusal};
use crate::terminal::ask::{self, Unanswered};
use crate::terminal::{self, Stream};

/// Items of one choice: more cannot be looked through.
const ITEMS_BOUND: usize = 1_000;
/// Columns of a bar; a third of a narrow terminal.
const BAR_WIDTH: u16 = 30;

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
enum Problem {
    NoTerminal(String),
    Interrupted,
    /// The run is over, and the question with it.
    Ended,
    Other(String),
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Timeout(_) | Refusal::Cancelled(_) => Self::Ended,
            Refusal::Denied(text) | Refusal::LimitExceeded(text) | Refusal::DryRun(text) => Self::Other(text),
        }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::NoTerminal(flag) => Self::NoTerminal(flag),
            Problem::Interrupted | Problem::Ended => Self::Interrupted,
            Problem::Other(text) => Self::Other(text),
        }
    }
}

impl Outcome for Problem {
    fn summary(&self) -> String {
        match self {
            Self::NoTerminal(flag) => format!("no terminal; `{flag}` would answer"),
            Self::Interrupted => "interrupted".to_owned(),
            Self::Ended => "the run ended".to_owned(),
            Self::Other(text) => text.clone(),
        }
    }
}

impl TerminalView<'_> {
    /// Asks on a thread of its own, because a person may take for ever; the run's end ends the question.
    async fn ask<T: Send + 'static>(
        &mut self,
        action: &'static str,
        question: &str,
        flag: &str,
        known: Option<T>,
        ask: impl FnOnce(&str) -> ask::Answer<T> + Send + 'static,
    ) -> wasmtime::Result<Result<T, Error>> {
        let (question, flag) = (words::question(question), words::label(flag));
        let mut detail = question.clone();
        if known.is_some() {
            detail.push_str(" (answered by --yes)");
        }
        let operation = Operation { capability: "terminal", action, target: String::new(), effect: Effect::Read, detail };
        let silent = self.ctx.settings.no_input || !ask::possible();
        let answer = self.ctx.gate.pass(operation, Decision::Allowed, async move {
            if let Some(answer) = known {
                return Ok(answer);
            }
            if silent {
                return Err(Problem::NoTerminal(flag));
            }
            match tokio::task::spawn_blocking(move || ask(&question)).await {
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(Unanswered::NoTerminal)) => Err(Problem::NoTerminal(flag)),
                Ok(Err(Unanswered::Interrupted)) => Err(Problem::Interrupted),
                Ok(Err(Unanswered::Failed(text))) => Err(Problem::Other(text)),
                Err(error) => Err(Problem::Other(error.to_string())),
            }
        });
        let answer = answer.await;
        if !silent && matches!(answer, Err(Problem::Ended)) {
            ask::abandon();
        }
        Ok(answer.map_err(Into::into))
    }
}

impl settings::Host for TerminalView<'_> {
    fn get(&mut self) -> wasmtime::Result<settings::Settings> {
        let settings = self.ctx.settings;
        Ok(settings::Settings {
            assume_yes: settings.assume_yes,
            no_input: settings.no_input || !ask::possible(),
            json: settings.json,
            quiet: settings.quiet,
            verbosity: settings.verbosity,
            interactive: Stream::Stdout.is_terminal(),
            color: Stream::Stdout.color(),
            width: terminal::width(),
        })
    }

    /// Can only add; the host then talks the same way, so that its own errors are JSON too.
    fn merge(&mut self, assume_yes: bool, no_input: bool, json: bool, quiet: bool, verbosity: u8) -> wasmtime::Result<()> {
        let settings = &mut self.ctx.settings;
        settings.assume_yes |= assume_yes;
        settings.no_input |= no_input;
        settings.json |= json;
        settings.quiet |= quiet;
        settings.verbosity = settings.verbosity.saturating_add(verbosity);
        terminal::set(terminal::Settings { json: settings.json, quiet: settings.quiet, verbosity: settings.verbosity });
        Ok(())
    }
}

impl prompt::Host for TerminalView<'_> {
    async fn confirm(&mut self, question: String, default: bool, flag: String) -> wasmtime::Result<Result<bool, Error>> {
        let known = self.ctx.settings.assume_yes.then_some(true);
        self.ask("prompt.confirm", &question, &flag, known, move |question| ask::confirm(question, default)).await
    }

    async fn text(&mut self, question: String, default: Option<String>, flag: String) -> wasmtime::Result<Result<String, Error>> {
        let default = default.as_deref().map(words::label);
        self.ask("prompt.text", &question, &flag, None, move |question| ask::text(question, default.as_deref())).await
    }

    async fn password(&mut self, question: String, flag: String) -> wasmtime::Result<Result<String, Error>> {
        self.ask("prompt.password", &question, &flag, None, ask::password).await
    }

    async fn choice(&mut self, question: String, items: Vec<String>, default: u32, flag: String) -> wasmtime::Result<Result<u32, Error>> {
        if items.is_empty() || items.len() > ITEMS_BOUND {
            return Ok(Err(Error::Other(format!("a choice has 1 to {ITEMS_BOUND} items, this one has {}", items.len()))));
        }
        let items: Vec<String> = items.iter().map(|item| words::label(item)).collect();
        let default = usize::try_from(default).unwrap_or(0);
        let chosen = self.ask("prompt.choice", &question, &flag, None, move |question| ask::choice(question, &items, default)).await?;
        Ok(chosen.map(|index| u32::try_from(index).unwrap_or(0)))
    }
}

impl progress::Host for TerminalView<'_> {}

impl progress::HostBar for TerminalView<'_> {
    fn new(&mut self, label: String, total: u64) -> wasmtime::Result<Resource<Bar>> {
        let settings = self.ctx.settings;
        let shown = Stream::Stderr.is_terminal() && !settings.quiet && !settings.json && self.ctx.bars < BARS_BOUND;
        if shown {
            self.ctx.bars += 1;
        }
        Ok(self.table.push(Bar { drawn: shown.then(|| draw(&words::label(&label), total)) })?)
    }

    fn set_message(&mut self, bar: Resource<Bar>, message: String) -> wasmtime::Result<()> {
        if let Some(bar) = &self.table.get(&bar)?.drawn {
            bar.set_message(words::label(&message));
        }
        Ok(())
    }

    fn advance(&mut self, bar: Resource<Bar>, by: u64) -> wasmtime::Result<()> {
        if let Some(bar) = &self.table.get(&bar)?.drawn {
            bar.inc(by);
        }
        Ok(())
    }

    fn finish(&mut self, bar: Resource<Bar>) -> wasmtime::Result<()> {
        if let Some(bar) = self.table.get_mut(&bar)?.drawn.take() {
            self.ctx.bars = self.ctx.bars.saturating_sub(1);
            bar.finish_and_clear();
        }
        Ok(())
    }

    fn drop(&mut self, bar: Resource<Bar>) -> wasmtime::Result<()> {
        if let Some(bar) = self.table.delete(bar)?.drawn {
            self.ctx.bars = self.ctx.bars.saturating_sub(1);
            bar.finish_and_clear();
        }
        Ok(())
    }
}

/// On the screen with all others; `indicatif` draws at most 20 times a second, however often it advances. One line,
/// whatever the message: what does not fit is cut.
fn draw(label: &str, total: u64) -> ProgressBar {
    let label_part = if label.is_empty() { "" } else { "{prefix} " };
    let bar_width = (terminal::talk_width() / 3).clamp(1, BAR_WIDTH);
    let (bar, template) = match total {
        0 => (ProgressBar::new_spinner(), format!("{{spinner}} {label_part}{{wide_msg}}")),
        total => (ProgressBar::new(total), format!("{label_part}[{{bar:{bar_width}}}] {{pos}}/{{len}} {{wide_msg}}")),
    };
    let bar = terminal::bars().add(bar.with_prefix(label.to_owned()));
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;
    use wasmtime::component::ResourceTable;

    use super::super::{TerminalCtx, TerminalSettings};
    use super::progress::HostBar as _;
    use super::prompt::Host as _;
    use super::settings::Host as _;
    use super::*;
    use crate::gate::journal::Journal;
    use crate::gate::{Budgets, Gate, Leave};

    fn ctx(settings: TerminalSettings) -> (TerminalCtx, watch::Sender<Leave>) {
        let (sender, leave) = watch::channel(Leave::Granted);
        let gate = Gate::new("ask".to_owned(), Budgets::default(), Journal::nowhere(), leave, false);
        (TerminalCtx::new(gate, settings), sender)
    }

    #[tokio::test]
    async fn yes_answers_every_confirmation_and_nothing_else() {
        let (mut ctx, _leave) = ctx(TerminalSettings { assume_yes: true, no_input: true, ..TerminalSettings::default() });
        let mut view = TerminalView { ctx: &mut ctx, table: &mut ResourceTable::new() };
        assert!(view.confirm("go on?".to_owned(), false, "--yes".to_owned()).await.unwrap().unwrap());
        assert!(view.text("name?".to_owned(), Some("x".to_owned()), "--name".to_owned()).await.unwrap().is_err());
    }

    #[tokio::test]
    async fn without_input_every_prompt_fails_with_the_flag_that_answers_it() {
        let (mut ctx, _leave) = ctx(TerminalSettings { no_input: true, ..TerminalSettings::default() });
        let mut view = TerminalView { ctx: &mut ctx, table: &mut ResourceTable::new() };
        let flag = |error: Error| match error {
            Error::NoTerminal(flag) => flag,
            other => panic!("{other:?}"),
        };
        let (question, name) = ("?".to_owned(), "--flag".to_owned());
        assert_eq!(flag(view.confirm(question.clone(), true, name.clone()).await.unwrap().unwrap_err()), "--flag");
        assert_eq!(flag(view.text(question.clone(), None, name.clone()).await.unwrap().unwrap_err()), "--flag");
        assert_eq!(flag(view.password(question.clone(), name.clone()).await.unwrap().unwrap_err()), "--flag");
        let items = vec!["a".to_owned()];
        assert_eq!(flag(view.choice(question.clone(), items, 0, name.clone()).await.unwrap().unwrap_err()), "--flag");
    }

    #[tokio::test]
    async fn a_question_after_the_runs_end_is_interrupted() {
        let (mut ctx, leave) = ctx(TerminalSettings { assume_yes: true, no_input: true, ..TerminalSettings::default() });
        leave.send_replace(Leave::TimedOut);
        let mut view = TerminalView { ctx: &mut ctx, table: &mut ResourceTable::new() };
        let answer = view.confirm("go on?".to_owned(), true, "--yes".to_owned()).await.unwrap();
        assert!(matches!(answer, Err(Error::Interrupted)));
    }

    #[tokio::test]
    async fn a_choice_has_at_least_one_item_and_at_most_its_bound() {
        let (mut ctx, _leave) = ctx(TerminalSettings { no_input: true, ..TerminalSettings::default() });
        let mut view = TerminalView { ctx: &mut ctx, table: &mut ResourceTable::new() };
        for (count, within) in [(0, false), (1, true), (ITEMS_BOUND, true), (ITEMS_BOUND + 1, false)] {
            let answer = view.choice("?".to_owned(), vec![String::new(); count], 0, "--flag".to_owned()).await.unwrap();
            assert_eq!(matches!(answer, Err(Error::NoTerminal(_))), within, "{count}");
        }
    }

    #[test]
    fn what_the_command_was_told_is_added_to_what_the_host_was_told() {
        let (mut ctx, _leave) = ctx(TerminalSettings { quiet: true, verbosity: 1, ..TerminalSettings::default() });
        let mut view = TerminalView { ctx: &mut ctx, table: &mut ResourceTable::new() };
        view.merge(true, false, false, false, 1).unwrap();
        let settings = view.get().unwrap();
        assert!(settings.assume_yes && settings.quiet && !settings.json);
        assert_eq!(settings.verbosity, 2);
        terminal::set(terminal::Settings::default());
    }

    #[test]
    fn a_bar_that_is_not_drawn_works_and_is_dropped() {
        let (mut ctx, _leave) = ctx(TerminalSettings { quiet: true, ..TerminalSettings::default() });
        let mut table = ResourceTable::new();
        let mut view = TerminalView { ctx: &mut ctx, table: &mut table };
        let bar = view.new("label".to_owned(), 10).unwrap();
        view.advance(Resource::new_borrow(bar.rep()), 3).unwrap();
        view.set_message(Resource::new_borrow(bar.rep()), "half".to_owned()).unwrap();
        view.finish(Resource::new_borrow(bar.rep())).unwrap();
        view.drop(bar).unwrap();
        assert!(table.is_empty());
    }
}

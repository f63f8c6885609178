//! How a command talks to people beyond its output: settings, questions, progress. No power: always there.
//!
//! Questions pass the gate and are journaled with their text, never with their answer. Settings and bars
//! change nothing outside of the process and are not journaled. What a guest says is stripped of terminal
//! escapes and cut; a question is asked only on a terminal, and ends with the run.

mod host;
mod words;

#[cfg(test)]
mod tests;

use indicatif::ProgressBar;
use wasmtime::component::{HasData, Linker, ResourceTable};

use crate::gate::Gate;

mod generated {
    wasmtime::component::bindgen!({
        path: "wit/terminal",
        world: "host:terminal/imports",
        imports: {
            "host:terminal/prompt.confirm": async | trappable,
            "host:terminal/prompt.text": async | trappable,
            "host:terminal/prompt.password": async | trappable,
            "host:terminal/prompt.choice": async | trappable,
            default: trappable,
        },
        with: { "host:terminal/progress.bar": super::Bar },
    });
}

use self::generated::host::terminal::{progress, prompt, settings};

/// Bars on the screen at once; further ones are not drawn.
const BARS_BOUND: usize = 16;

/// What stood before the command's name (`host run --yes CMD`); its own arguments may add to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TerminalSettings {
    pub assume_yes: bool,
    pub no_input: bool,
    pub json: bool,
    pub quiet: bool,
    pub verbosity: u8,
}

pub struct TerminalCtx {
    gate: Gate,
    settings: TerminalSettings,
    bars: usize,
}

impl TerminalCtx {
    pub fn new(gate: Gate, settings: TerminalSettings) -> Self {
        Self { gate, settings, bars: 0 }
    }
}

/// Borrowed for one call of the guest.
pub struct TerminalView<'a> {
    pub ctx: &'a mut TerminalCtx,
    pub table: &'a mut ResourceTable,
}

/// A guest's progress bar; none where nothing is drawn.
pub struct Bar {
    drawn: Option<ProgressBar>,
}

struct HasTerminal;

impl HasData for HasTerminal {
    type Data<'a> = TerminalView<'a>;
}

pub fn add_to_linker<T: Send + 'static>(linker: &mut Linker<T>, view: fn(&mut T) -> TerminalView<'_>) -> wasmtime::Result<()> {
    settings::add_to_linker::<T, HasTerminal>(linker, view)?;
    prompt::add_to_linker::<T, HasTerminal>(linker, view)?;
    progress::add_to_linker::<T, HasTerminal>(linker, view)
}

//! What a command may know of its run, and how it ends with an exit code of its own. No power, no operation:
//! nothing here reaches outside of the run, so nothing is decided or journaled.

use std::time::{Duration, Instant};

use wasmtime::component::{HasData, Linker};
use wasmtime_wasi::I32Exit;

mod generated {
    wasmtime::component::bindgen!({
        path: "wit/command",
        world: "host:command/imports",
        imports: { default: trappable },
    });
}

use crate::gate::Gate;
use crate::outcome::Ending;

use self::generated::host::command::run;

pub struct CommandCtx {
    gate: Gate,
    name: String,
    run_id: String,
    project: String,
    /// None is never.
    ends: Option<Instant>,
}

impl CommandCtx {
    /// `name` is the file's without `.wasm`, `run_id` as `host show` takes it, `project` the name of the project.
    pub fn new(gate: Gate, name: impl Into<String>, run_id: impl Into<String>, project: impl Into<String>) -> Self {
        Self { gate, name: name.into(), run_id: run_id.into(), project: project.into(), ends: None }
    }

    /// The time of the run begins.
    pub fn ends_after(&mut self, time: Duration) {
        self.ends = Instant::now().checked_add(time);
    }
}

/// Borrowed for one call of the guest.
pub struct CommandView<'a> {
    pub ctx: &'a mut CommandCtx,
}

struct HasCommand;

impl HasData for HasCommand {
    type Data<'a> = CommandView<'a>;
}

pub fn add_to_linker<T: Send + 'static>(linker: &mut Linker<T>, view: fn(&mut T) -> CommandView<'_>) -> wasmtime::Result<()> {
    run::add_to_linker::<T, HasCommand>(linker, view)
}

impl run::Host for CommandView<'_> {
    /// Unwinds the guest, as `wasi:cli/exit` does; the runner finds the code in the error.
    fn exit(&mut self, code: u8) -> wasmtime::Result<()> {
        Err(wasmtime::Error::new(I32Exit(i32::from(code))))
    }

    fn name(&mut self) -> wasmtime::Result<String> {
        Ok(self.ctx.name.clone())
    }

    fn run_id(&mut self) -> wasmtime::Result<String> {
        Ok(self.ctx.run_id.clone())
    }

    fn project(&mut self) -> wasmtime::Result<String> {
        Ok(self.ctx.project.clone())
    }

    fn time_left_ms(&mut self) -> wasmtime::Result<u64> {
        let left = self.ctx.ends.map(|ends| ends.saturating_duration_since(Instant::now()).as_millis());
        Ok(left.and_then(|left| u64::try_from(left).ok()).unwrap_or(u64::MAX))
    }

    fn ends_with(&mut self) -> wasmtime::Result<Option<u8>> {
        Ok(self.ctx.gate.leave().ending().map(Ending::code))
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;

    use super::run::Host as _;
    use super::*;
    use crate::gate::journal::Journal;
    use crate::gate::{Budgets, Leave};
    use crate::grants::BudgetGrants;

    fn gate_at(leave: Leave) -> Gate {
        Gate::new("hello".to_owned(), Budgets::new(BudgetGrants::default()), Journal::nowhere(), watch::channel(leave).1, false)
    }

    fn gate() -> Gate {
        gate_at(Leave::Granted)
    }

    #[test]
    fn a_command_knows_how_it_is_ended_from_outside() {
        let codes = [(Leave::Granted, None), (Leave::TimedOut, Some(124)), (Leave::Interrupted, Some(130)), (Leave::Terminated, Some(143))];
        for (leave, code) in codes {
            let mut ctx = CommandCtx::new(gate_at(leave), "hello", "run", "shop");
            assert_eq!(CommandView { ctx: &mut ctx }.ends_with().unwrap(), code);
        }
    }

    #[test]
    fn exit_unwinds_with_the_guests_code() {
        let mut ctx = CommandCtx::new(gate(), "hello", "run", "shop");
        for code in [0, 3, 255] {
            let error = CommandView { ctx: &mut ctx }.exit(code).unwrap_err();
            assert_eq!(error.downcast_ref::<I32Exit>().unwrap().0, i32::from(code));
        }
    }

    #[test]
    fn a_command_knows_its_name_its_run_and_its_project() {
        let mut ctx = CommandCtx::new(gate(), "hello", "0193", "shop");
        let mut view = CommandView { ctx: &mut ctx };
        assert_eq!(view.name().unwrap(), "hello");
        assert_eq!(view.run_id().unwrap(), "0193");
        assert_eq!(view.project().unwrap(), "shop");
    }

    #[test]
    fn a_command_knows_how_much_of_its_time_is_left() {
        let mut ctx = CommandCtx::new(gate(), "hello", "0193", "shop");
        assert_eq!(CommandView { ctx: &mut ctx }.time_left_ms().unwrap(), u64::MAX);
        for (time, most) in [(Duration::from_secs(60), 60_000), (Duration::ZERO, 0), (Duration::MAX, u64::MAX)] {
            ctx.ends_after(time);
            let left = CommandView { ctx: &mut ctx }.time_left_ms().unwrap();
            assert!(left <= most && left >= most.saturating_sub(5_000), "{left} of {most}");
        }
    }
}

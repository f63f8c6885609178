//! `measure COMMAND [ARGUMENT]...` runs one program and prints what it took:
//! wall time in microseconds, processor time in microseconds, peak memory in KiB, exit code.
//!
//! A program of its own, because Linux counts the memory of the parent at the time of the fork to a child's
//! peak: measured from Python, everything would take at least what Python takes.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::Context;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

fn main() -> anyhow::Result<()> {
    let mut words = std::env::args_os().skip(1);
    let program = words.next().context("usage: measure COMMAND [ARGUMENT]...")?;
    let mut command = Command::new(&program);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null());
    let started = Instant::now();
    let status = command.status().with_context(|| format!("failed to run {}", program.display()))?;
    let wall = started.elapsed().as_micros();
    let used = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let processor = used.user_time().num_microseconds() + used.system_time().num_microseconds();
    println!("{wall} {processor} {} {}", used.max_rss(), status.code().unwrap_or(-1));
    Ok(())
}

//! `host lock`: pins what every command is and asks for, and shows what changed, in powers.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::json;

use super::Context;
use crate::component;
use crate::outcome::{Ending, Failure, Result};
use crate::project::lockfile::{Difference, FILE_NAME, LockFile, Pin};
use crate::terminal;

const EXAMPLES: &str = "\
Examples:
  host lock                     pin all commands in host.lock, and show what changed
  host lock report              accept one command as it is now
  host lock --check             for CI: exit code 7 when anything differs";

/// Pin every command's digest and powers in host.lock
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub struct Lock {
    /// Only these commands; the others' pins stay as they are
    #[arg(value_name = "NAME", add = super::completions::command_names())]
    names: Vec<String>,
    /// Write nothing; exit code 7 when something differs
    #[arg(long)]
    check: bool,
}

pub fn run(verb: &Lock, context: &Context) -> Result<u8> {
    let project = &context.project;
    if project.file().is_none() {
        return Err(super::init::no_project(project));
    }
    let path = project.root().join(FILE_NAME);
    let before = LockFile::read(&path);
    // Writing all pins anew cures a file that cannot be read; checking, or keeping some of it, does not.
    let before = if verb.check || !verb.names.is_empty() { before? } else { before.unwrap_or_default() };
    let existed = before.is_some();
    let before = before.unwrap_or_default();
    let mut now = if verb.names.is_empty() { BTreeMap::new() } else { before.commands.clone() };
    let skipped = pin(verb, context, &mut now)?;
    let differences = before.differences(&now);
    let changed = !existed || !differences.is_empty();
    if changed && !verb.check {
        LockFile { commands: now.clone() }.write(&path)?;
    }
    if context.json {
        let differences: Vec<_> = differences
            .iter()
            .map(|difference| json!({"command": difference.command, "changes": difference.changes, "more_power": difference.more_power}))
            .collect();
        terminal::json(
            &json!({"v": 1, "file": path.display().to_string(), "commands": now.len(), "changed": changed, "written": changed && !verb.check, "differences": differences, "skipped": skipped}),
        );
        return Ok(if verb.check && changed { Ending::Integrity.code() } else { Ending::Ok.code() });
    }
    for difference in &differences {
        print(difference);
    }
    match (verb.check, changed) {
        (true, true) if !existed => Err(Failure::new(Ending::Integrity, "there is no host.lock").hint("host lock")),
        (true, true) => Err(Failure::new(Ending::Integrity, format!("{} not as host.lock has it", counted(differences.len())))
            .hint("`host inspect NAME` shows what a command is now, `host lock` accepts all")),
        (false, true) => {
            terminal::talk(&format!("host.lock written: {}", counted(now.len())));
            Ok(Ending::Ok.code())
        }
        (_, false) => {
            terminal::talk(&format!("host.lock is up to date: {}", counted(now.len())));
            Ok(Ending::Ok.code())
        }
    }
}

/// Reads the commands and pins them. One that cannot be read is said and left out, as it cannot run either;
/// when it was named, that is the failure.
fn pin(verb: &Lock, context: &Context, now: &mut BTreeMap<String, Pin>) -> Result<Vec<String>> {
    let mut skipped = Vec::new();
    for name in &verb.names {
        let file = component::read(&context.project.find_command(name)?)?;
        now.insert(name.clone(), Pin::of(&file.digest(), &file));
    }
    if !verb.names.is_empty() {
        return Ok(skipped);
    }
    for found in context.project.commands().into_iter().filter(|found| !found.shadowed) {
        match component::read(&found.path) {
            Ok(file) => {
                now.insert(found.name, Pin::of(&file.digest(), &file));
            }
            Err(failure) => {
                terminal::warn(&format!("`{}` is not pinned: {failure}", found.name));
                skipped.push(found.name);
            }
        }
    }
    Ok(skipped)
}

fn print(difference: &Difference) {
    let mark = if difference.more_power { " (more power)" } else { "" };
    terminal::line(&format!("{}{mark}", difference.command));
    for change in &difference.changes {
        terminal::line(&format!("  {change}"));
    }
}

/// `1 command`, `3 commands`
fn counted(commands: usize) -> String {
    if commands == 1 { "1 command".to_owned() } else { format!("{commands} commands") }
}

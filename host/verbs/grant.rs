//! `host grant NAME`: shows what a command asks for and why, and writes the lines that allow it.

use std::collections::BTreeSet;
use std::path::Path;

use clap::Args;
use serde_json::{Value, json};

use super::Context;
use crate::component::{self, ComponentFile};
use crate::grants::manifest::ANY;
use crate::grants::{Ask, Permitted, Power, Wants, host_toml_lines, permit};
use crate::outcome::{Ending, Failure, Result};
use crate::project::{edit, files};
use crate::terminal::{self, ask};

const EXAMPLES: &str = "\
Examples:
  host grant report                  show what it asks for, and after a yes allow it
  host grant report --dry-run        only show the lines
  host grant report --yes            allow it without a question, for scripts
  host grant report --optional       also what it can do without";

/// More than this is no host.toml.
const HOST_TOML_BOUND: u64 = 1024 * 1024;

/// Grant a command what it asks for, by writing host.toml
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub struct Grant {
    /// The command's name
    #[arg(add = super::completions::command_names())]
    name: String,
    /// Show the lines, write nothing
    #[arg(long)]
    dry_run: bool,
    /// Grant what the command can do without, too
    #[arg(long)]
    optional: bool,
}

pub fn run(verb: &Grant, context: &Context) -> Result<u8> {
    let name = &verb.name;
    let host_toml = context.project.file().ok_or_else(|| super::init::no_project(&context.project))?;
    let file = component::read(&context.project.find_command(name)?)?;
    let grants = context.project.powers_for(name);
    let permitted = permit(&file.powers(), file.manifest.as_ref(), &grants);
    let wants = wanted(&permitted, verb.optional, &context.project.database_names(), &context.project.redis_names());
    let lines = host_toml_lines(name, &wants, &grants);
    if !context.json {
        explain(terminal::line, name, &file, &permitted, &lines);
    }
    let written = !lines.is_empty() && !verb.dry_run;
    if written {
        confirm(name, context)?;
        write(host_toml, name, &wants)?;
        terminal::talk("written to host.toml");
    }
    if context.json {
        let asks: Vec<_> = asks(&file).iter().map(|ask| as_json(ask, &permitted)).collect();
        terminal::json(&json!({"v": 1, "command": name, "asks": asks, "lines": lines, "written": written, "unused": permitted.unused}));
    }
    Ok(Ending::Ok.code())
}

/// What `host run` offers on a terminal when something is missing: true when it was granted.
pub fn offer(name: &str, file: &ComponentFile, permitted: &Permitted, context: &Context) -> Result<bool> {
    let Some(host_toml) = context.project.file() else { return Ok(false) };
    let wants = wanted(permitted, false, &[], &[]);
    let lines = host_toml_lines(name, &wants, &context.project.powers_for(name));
    // `--yes` answers the command's own questions; it must not hand out powers on the way. Without the
    // explanation, which `--quiet` suppresses, there is nothing to say yes to.
    if lines.is_empty() || context.yes || context.quiet || !ask::possible() {
        return Ok(false);
    }
    // The command's output owns stdout.
    explain(terminal::talk, name, file, permitted, &lines);
    if !ask::confirm(QUESTION, false).unwrap_or(false) {
        return Ok(false);
    }
    write(host_toml, name, &wants)?;
    Ok(true)
}

const QUESTION: &str = "write these lines to host.toml?";

/// What is to be granted. Asks for any database become one for each that is configured, only when optional ones are wanted.
fn wanted(permitted: &Permitted, optional: bool, databases: &[&str], servers: &[&str]) -> Vec<Wants> {
    let optional = permitted.without.iter().filter(|_| optional);
    let each = |wants: &Wants| match wants {
        Wants::Sql { database, powers } if database == ANY => {
            databases.iter().map(|name| Wants::Sql { database: (*name).to_owned(), powers: powers.clone() }).collect()
        }
        Wants::Redis { name, powers, keys, channels } if name == ANY => {
            let on = |name: &&str| (*name).to_owned();
            let one = |name| Wants::Redis { name, powers: powers.clone(), keys: keys.clone(), channels: channels.clone() };
            servers.iter().map(on).map(one).collect()
        }
        wants => vec![wants.clone()],
    };
    permitted.missing.iter().chain(optional).flat_map(|missing| each(&missing.wants)).collect()
}

fn explain(say: fn(&str), name: &str, file: &ComponentFile, permitted: &Permitted, lines: &[String]) {
    let about = file.manifest.as_ref().map(|manifest| format!(": {}", manifest.about)).unwrap_or_default();
    say(&format!("{name}{about}"));
    if asks(file).is_empty() && permitted.missing.is_empty() {
        say("  asks for nothing");
    }
    for ask in asks(file) {
        say(&format!("  {} ({})\n      {}", ask.wants.in_words(), standing(ask, permitted), ask.why));
    }
    for missing in permitted.missing.iter().filter(|missing| !asks(file).iter().any(|ask| ask.why == missing.why)) {
        say(&format!("  {} (not granted)\n      {}", missing.wants.in_words(), missing.why));
    }
    for unused in &permitted.unused {
        say(&format!("  granted, but not asked for: {unused}"));
    }
    if lines.is_empty() {
        say("\nnothing to add to host.toml");
        return;
    }
    say("\nhost.toml would say:");
    for line in lines {
        say(&format!("  {line}"));
    }
}

fn asks(file: &ComponentFile) -> &[Ask] {
    file.manifest.as_ref().map_or(&[], |manifest| &manifest.asks)
}

/// `granted`, `not granted`, or which part of it is not.
fn standing(ask: &Ask, permitted: &Permitted) -> String {
    let Some(missing) = permitted.missing.iter().chain(&permitted.without).find(|missing| missing.of(ask)) else {
        return "granted".to_owned();
    };
    let optional = if ask.optional { "optional, " } else { "" };
    match (&missing.wants, &ask.wants) {
        (Wants::Sql { powers, .. }, Wants::Sql { powers: asked, .. }) if powers.len() < asked.len() => part(optional, powers),
        (Wants::Redis { powers, .. }, Wants::Redis { powers: asked, .. }) if powers.len() < asked.len() => part(optional, powers),
        (Wants::Broadcast { powers, .. }, Wants::Broadcast { powers: asked, .. }) if powers.len() < asked.len() => part(optional, powers),
        (Wants::Docker(lacking), Wants::Docker(asked)) if lacking.powers.len() < asked.powers.len() => part(optional, &lacking.powers),
        _ => format!("{optional}not granted"),
    }
}

/// `not granted: write`
fn part<P: Power>(optional: &str, powers: &BTreeSet<P>) -> String {
    let words: Vec<_> = powers.iter().map(|power| power.word()).collect();
    format!("{optional}not granted: {}", words.join(", "))
}

fn as_json(ask: &Ask, permitted: &Permitted) -> Value {
    json!({"asks": ask.wants.in_words(), "why": ask.why, "optional": ask.optional, "granted": standing(ask, permitted) == "granted"})
}

fn confirm(name: &str, context: &Context) -> Result<()> {
    if context.yes {
        return Ok(());
    }
    let unconfirmed = |text: &str| Failure::new(Ending::Unconfirmed, text).hint(format!("host grant {name} --yes"));
    if context.no_input || context.json || !ask::possible() {
        return Err(unconfirmed("granting needs a yes, and nobody can be asked; nothing was written"));
    }
    match ask::confirm(QUESTION, false) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::new(Ending::Unconfirmed, "nothing was written")),
        Err(_) => Err(unconfirmed("there was no answer; nothing was written")),
    }
}

/// Reads host.toml again: what was shown is added to what it says now.
fn write(host_toml: &Path, name: &str, wants: &[Wants]) -> Result<()> {
    let bytes = files::read_bounded(host_toml, HOST_TOML_BOUND)?.unwrap_or_default();
    let text = String::from_utf8(bytes).map_err(|_| Failure::usage("host.toml is not UTF-8"))?;
    files::replace(host_toml, &edit::grant(&text, name, wants)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grants::{Grants, Manifest, Powers, SqlPower};

    const ASKS: &str = "about = \"x\"\n[[asks]]\nsql = \"default\"\npowers = [\"read\"]\nwhy = \"y\"\n\
                        [[asks]]\nsql = \"*\"\npowers = [\"read\"]\nwhy = \"z\"\n[[asks]]\nenv = \"A\"\noptional = true\nwhy = \"w\"\n";

    #[test]
    fn optional_asks_are_granted_only_when_wanted_and_never_as_a_wildcard_database() {
        let manifest = Manifest::parse(ASKS.as_bytes(), "command.toml").unwrap();
        let permitted = permit(&Powers { sql: [SqlPower::Read].into(), ..Powers::default() }, Some(&manifest), &Grants::default());
        let words = |optional| wanted(&permitted, optional, &["default", "replica"], &[]).iter().map(Wants::in_words).collect::<Vec<_>>();
        assert_eq!(words(false), ["sql.default read"]);
        assert_eq!(words(true), ["sql.default read", "sql.default read", "sql.replica read", "env A"]);
    }
}

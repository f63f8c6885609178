//! `host config`: each configuration value and where it comes from. Passwords are shown as `***`.

use clap::Args;
use serde_json::{Value, json};

use super::Context;
use crate::outcome::{Ending, Failure, Result};
use crate::project::{ConfigValue, suggest};
use crate::terminal::{self, Table};

const EXAMPLES: &str = "\
Examples:
  host config                        every value, and the line or variable it comes from
  host config sql.default.url        one of them
  host config commands.migrate       all beneath a key
  host config --json";

/// Show each configuration value and where it comes from
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub struct Config {
    /// Only this key and what is beneath it
    key: Option<String>,
}

pub fn run(verb: &Config, context: &Context) -> Result<u8> {
    let project = &context.project;
    let mut values = project.values();
    if let Some(key) = &verb.key {
        let known: Vec<_> = values.iter().map(|value| value.key.clone()).collect();
        values.retain(|value| value.key == *key || value.key.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')));
        if values.is_empty() {
            return Err(unknown(key, &known));
        }
    }
    if context.json {
        let values: Vec<_> = values.iter().map(as_json).collect();
        let file = project.file().map(|file| file.display().to_string());
        terminal::json(&json!({"v": 1, "root": project.root().display().to_string(), "file": file, "values": values}));
        return Ok(Ending::Ok.code());
    }
    if project.file().is_none() {
        terminal::talk(&format!("no host.toml in `{}` or above: nothing is granted", project.root().display()));
        terminal::hint("host init");
    }
    let mut table = Table::new();
    for value in &values {
        let shown = value.value.clone().unwrap_or_else(|error| format!("({error})"));
        table.row([value.key.clone(), shown, value.origin.clone()]);
    }
    terminal::table(&table);
    Ok(Ending::Ok.code())
}

fn unknown(key: &str, known: &[String]) -> Failure {
    let failure = Failure::usage(format!("there is no value `{}`", key.escape_debug()));
    match suggest::nearest(key, known.iter().map(String::as_str)) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure.hint("`host config` shows all values"),
    }
}

fn as_json(value: &ConfigValue) -> Value {
    match &value.value {
        Ok(text) => json!({"key": value.key, "value": text, "origin": value.origin}),
        Err(error) => json!({"key": value.key, "error": error, "origin": value.origin}),
    }
}

//! `host list`: the commands there are. Reads manifests only; compiles and runs nothing.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::Context;
use crate::component::file;
use crate::outcome::{Ending, Result};
use crate::project::commands::Found;
use crate::terminal::{self, Table};

const EXAMPLES: &str = "\
Examples:
  host list
  host list --json
  host                      the same as `host list`
  host run help             the same";

/// List the commands there are
#[derive(Debug, Default, Args)]
#[command(before_help = EXAMPLES)]
pub struct List {
    /// Only the names, one a line
    #[arg(long)]
    names: bool,
    /// For `host help VERB`: use `host VERB --help`
    #[arg(hide = true)]
    rest: Vec<String>,
}

/// One row: what the file says of itself, or why it cannot say anything.
struct Row {
    name: String,
    path: PathBuf,
    shadowed: bool,
    about: std::result::Result<String, String>,
}

pub fn run(verb: &List, context: &Context) -> Result<u8> {
    let found = context.project.commands();
    if verb.names {
        for command in found.iter().filter(|command| !command.shadowed) {
            terminal::line(&command.name);
        }
        return Ok(Ending::Ok.code());
    }
    let rows = describe(found);
    if context.json {
        let commands: Vec<Value> = rows.iter().map(row_json).collect();
        terminal::json(&json!({"v": 1, "project": context.project.name(), "commands": commands}));
    } else {
        print(&rows, context);
    }
    Ok(Ending::Ok.code())
}

/// Reads the manifests on all cores: files are small, and there may be a thousand.
fn describe(found: Vec<Found>) -> Vec<Row> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    let share = found.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let workers: Vec<_> = found.chunks(share).map(|part| scope.spawn(move || part.iter().map(row).collect::<Vec<_>>())).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    })
}

fn row(found: &Found) -> Row {
    let about = match file::read(&found.path) {
        Ok(component) if !component.is_command() => Err("exports no `wasi:cli/run`".to_owned()),
        Ok(component) => Ok(component.manifest.map(|manifest| manifest.about).unwrap_or_default()),
        Err(failure) => Err(failure.message),
    };
    Row { name: found.name.clone(), path: found.path.clone(), shadowed: found.shadowed, about }
}

fn row_json(row: &Row) -> Value {
    let mut value = json!({"name": row.name, "path": row.path.display().to_string(), "shadowed": row.shadowed});
    if let Value::Object(fields) = &mut value {
        match &row.about {
            Ok(about) => fields.insert("about".to_owned(), about.clone().into()),
            Err(error) => fields.insert("error".to_owned(), error.clone().into()),
        };
    }
    value
}

fn print(rows: &[Row], context: &Context) {
    if rows.is_empty() {
        terminal::talk("no commands found");
        for folder in context.project.command_folders() {
            terminal::talk(&format!("  looked in {}", folder.display()));
        }
        terminal::hint("put a component into one of these folders, or set HOST_COMMANDS to the standard commands' folder");
        return;
    }
    let mut table = Table::new();
    for row in rows.iter().filter(|row| !row.shadowed || context.verbosity > 0) {
        let about = match &row.about {
            Ok(about) if about.is_empty() => "(no manifest)".to_owned(),
            Ok(about) => about.clone(),
            Err(error) => format!("(cannot be run: {error})"),
        };
        table.row([row.name.clone(), format!("{about}{}", if row.shadowed { " (shadowed)" } else { "" })]);
    }
    terminal::table(&table);
    terminal::talk("");
    terminal::talk("run one with `host run NAME`; `host inspect NAME` shows what it may do");
}

//! `host inspect`: what a component asks for and why, what it imports in plain words, what it was granted.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::Context;
use crate::component::{self, ComponentFile, link};
use crate::grants::{Ask, Manifest, Permitted, host_toml_lines, permit};
use crate::outcome::{Ending, Result};
use crate::terminal::{self, Table};

const EXAMPLES: &str = "\
Examples:
  host inspect migrate              a command of this project
  host inspect ./report.wasm        any component, before it is let in
  host inspect report --json";

/// What the packages of imported interfaces mean to a person.
const MEANINGS: [(&str, &str); 36] = [
    ("host:sql/read", "read rows from databases it was granted"),
    ("host:sql/write", "insert, update and delete rows"),
    ("host:sql/schema", "create, change and drop tables, and run migration scripts"),
    ("host:sql/lock", "take advisory locks"),
    ("host:sql/admin", "replace a whole database"),
    ("host:sql/types", "open database connections by name"),
    ("host:redis/read", "read the Redis keys it was granted"),
    ("host:redis/write", "set and change Redis keys"),
    ("host:redis/delete", "delete Redis keys"),
    ("host:redis/publish", "publish messages on Redis channels"),
    ("host:redis/pipeline", "send many Redis commands at once, each as it was granted"),
    ("host:redis/types", "open Redis connections by name"),
    ("host:broadcast/list", "see how many websocket connections each label has"),
    ("host:broadcast/drop", "close websocket connections"),
    ("host:broadcast/", "tell browsers behind websocket connections to reload"),
    ("host:docker/inspect", "see the containers, images, networks and volumes of its compose project"),
    ("host:docker/logs", "read what its containers print"),
    ("host:docker/shared", "see who is attached to networks that projects share"),
    ("host:docker/start-stop", "start, stop and signal its containers"),
    ("host:docker/create", "create containers from granted images, mounts and ports"),
    ("host:docker/remove", "remove its containers and the images that were built for it"),
    ("host:docker/network", "create and remove its networks"),
    ("host:docker/volume", "create volumes, and remove them with what they hold"),
    ("host:docker/pull", "pull granted images"),
    ("host:docker/build", "build images from granted folders"),
    ("host:docker/exec", "run programs in its containers"),
    ("host:docker/types", "wait for the Docker engine's work"),
    ("host:terminal/", "ask questions and show progress on the terminal"),
    ("host:command/", "know its name and run, and set its exit code"),
    ("wasi:config/", "read the configuration values written for it"),
    ("wasi:filesystem/", "open files, of those that are granted"),
    ("wasi:sockets/", "open network connections: always refused"),
    ("wasi:cli/", "arguments, granted environment variables, standard streams"),
    ("wasi:clocks/", "tell the time"),
    ("wasi:random/", "draw random numbers"),
    ("wasi:io/", "wait for and copy streams"),
];

/// Show what a component asks for, imports and may do
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub struct Inspect {
    /// A command's name, or the path of a `.wasm` file
    #[arg(value_name = "NAME|FILE")]
    target: PathBuf,
}

pub fn run(verb: &Inspect, context: &Context) -> Result<u8> {
    let (name, path) = locate(&verb.target, context)?;
    let file = component::read(&path)?;
    let grants = context.project.grants_for(&name)?;
    let permitted = permit(&file.powers(), file.manifest.as_ref(), &grants);
    let missing = host_toml_lines(&name, permitted.missing.iter().map(|missing| &missing.wants), &grants);
    if context.json {
        terminal::json(&as_json(&name, &file, &permitted, &missing));
    } else {
        print(&name, &file, &permitted, &missing);
    }
    Ok(Ending::Ok.code())
}

fn locate(target: &Path, context: &Context) -> Result<(String, PathBuf)> {
    let is_path = target.components().count() > 1 || target.extension().is_some_and(|extension| extension == "wasm");
    if is_path {
        let name = target.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        return Ok((name, target.to_owned()));
    }
    let name = target.to_string_lossy().into_owned();
    let path = context.project.find_command(&name)?;
    Ok((name, path))
}

fn print(name: &str, file: &ComponentFile, permitted: &Permitted, missing: &[String]) {
    let manifest = file.manifest.as_ref();
    terminal::line(&format!("{name}  {}", file.path.display()));
    if let Some(manifest) = manifest {
        terminal::line(&format!("  {}", manifest.about));
    }
    terminal::line("");
    let effect = manifest.map_or("unknown: it carries no manifest", |manifest| manifest.effect.word());
    let mut facts = Table::new();
    facts
        .row(["  digest", &file.digest()])
        .row(["  size", &format!("{} bytes", file.bytes.len())])
        .row(["  effect", effect])
        .row(["  runs", if file.is_command() { "yes" } else { "no: it exports no `wasi:cli/run`" }]);
    terminal::table(&facts);
    print_asks(manifest, permitted);
    terminal::line("");
    terminal::line("imports, in plain words:");
    for meaning in meanings(file) {
        terminal::line(&format!("  {meaning}"));
    }
    print_missing(name, permitted, missing);
}

fn print_asks(manifest: Option<&Manifest>, permitted: &Permitted) {
    terminal::line("");
    let Some(manifest) = manifest else {
        terminal::line("asks for nothing by name: it carries no manifest");
        return;
    };
    if manifest.asks.is_empty() {
        terminal::line("asks for nothing");
        return;
    }
    terminal::line("asks for:");
    for ask in &manifest.asks {
        terminal::line(&format!("  {}: {}", ask.wants.in_words(), standing(ask, permitted)));
        terminal::line(&format!("      {}", ask.why));
    }
}

/// Whether an ask is granted; what is granted of it in part shows as what is missing.
fn standing(ask: &Ask, permitted: &Permitted) -> String {
    let lacking = permitted.missing.iter().chain(&permitted.without).find(|missing| missing.of(ask));
    match lacking {
        None => "granted".to_owned(),
        Some(missing) if ask.optional => format!("not granted, optional ({})", missing.wants.in_words()),
        Some(missing) => format!("NOT GRANTED ({})", missing.wants.in_words()),
    }
}

fn print_missing(name: &str, permitted: &Permitted, missing: &[String]) {
    for unused in &permitted.unused {
        terminal::line("");
        terminal::line(&format!("granted but never asked for, so without effect: {unused}"));
    }
    if missing.is_empty() {
        return;
    }
    terminal::line("");
    terminal::line(&format!("to allow what is missing, run `host grant {name}` or add to host.toml:"));
    for line in missing {
        terminal::line(&format!("  {line}"));
    }
}

/// What the imports mean, each meaning once; an interface that the host does not offer is said as such.
fn meanings(file: &ComponentFile) -> Vec<String> {
    let mut said: Vec<(&str, &str)> = Vec::new();
    for import in &file.imports {
        let meaning = match MEANINGS.iter().find(|(prefix, _)| import.starts_with(prefix)) {
            Some((prefix, meaning)) => (prefix.trim_end_matches('/'), *meaning),
            None if link::is_offered(import) => (import.as_str(), ""),
            None => (import.as_str(), "NOT OFFERED by this host: it cannot run"),
        };
        if !said.contains(&meaning) {
            said.push(meaning);
        }
    }
    let width = said.iter().map(|(package, _)| package.len()).max().unwrap_or_default();
    said.into_iter().map(|(package, meaning)| format!("{package:<width$}  {meaning}").trim_end().to_owned()).collect()
}

fn as_json(name: &str, file: &ComponentFile, permitted: &Permitted, missing: &[String]) -> Value {
    let asks: Vec<Value> = file.manifest.iter().flat_map(|manifest| &manifest.asks).map(|ask| {
        json!({"asks": ask.wants.in_words(), "why": ask.why, "optional": ask.optional, "granted": standing(ask, permitted) == "granted"})
    }).collect();
    json!({
        "v": 1,
        "name": name,
        "path": file.path.display().to_string(),
        "about": file.manifest.as_ref().map(|manifest| manifest.about.clone()),
        "digest": file.digest(),
        "size": file.bytes.len(),
        "effect": file.manifest.as_ref().map(|manifest| manifest.effect.word()),
        "runs": file.is_command(),
        "asks": asks,
        "imports": file.imports,
        "missing": missing,
        "unused": permitted.unused,
    })
}

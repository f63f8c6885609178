//! `include`: other projects' files as part of this one, with their own folder and `.env`.

use std::collections::BTreeMap;

use crate::dotenv;
use crate::error::{Error, Place};
use crate::files::{FileError, join, parent};
use crate::interpolate::warn_unset;
use crate::model_of::{Layer, layered};
use crate::node::{Map, Node, Value};

/// Deeper includes are a mistake.
const MAX_DEPTH: usize = 20;
const SECTIONS: [&str; 5] = ["services", "networks", "volumes", "secrets", "configs"];

/// One entry of the list.
struct Include {
    paths: Vec<String>,
    folder: String,
    env_files: Option<Vec<String>>,
    place: Place,
}

pub(crate) fn apply(layer: &Layer<'_>, document: &mut Node, open: &mut Vec<String>) -> Result<(), Error> {
    let Some(entry) = document.as_map_mut().and_then(|map| map.shift_remove("include")) else { return Ok(()) };
    if entry.node.is_null() {
        return Ok(());
    }
    let list = entry.node.as_list().ok_or_else(|| entry.node.expected("a list", "include"))?;
    for item in list {
        let include = read(layer, item)?;
        if let Some(again) = include.paths.iter().find(|path| open.contains(path)) {
            let chain: Vec<&str> = open.iter().map(String::as_str).chain([again.as_str()]).collect();
            return Err(Error::new(format!("files include one another: {}", chain.join(" -> "))).at(&include.place).key("include"));
        }
        if open.len() > MAX_DEPTH {
            return Err(Error::new(format!("includes go deeper than {MAX_DEPTH} files")).at(&include.place).key("include"));
        }
        if let Some(path) = include.paths.iter().find(|path| !layer.sources.exists(path)) {
            let denied = layer.sources.bytes(path, Some(&include.place)).err().filter(|error| error.denied);
            let error = denied.unwrap_or_else(|| Error::new(format!("there is no file `{path}`")).at(&include.place));
            return Err(error.key("include"));
        }
        let environment = environment(layer, &include)?;
        let Some(mut tree) = layered(layer.sources, &include.paths, &include.folder, &environment, open)? else { continue };
        crate::merge::settle(&mut tree);
        resolve_names(&mut tree, &environment);
        import(document, tree, &include.place)?;
    }
    Ok(())
}

fn read(layer: &Layer<'_>, item: &Node) -> Result<Include, Error> {
    let place = item.place.clone();
    let here = |path: &String| join(layer.folder, path);
    if let Some(path) = item.as_text() {
        let path = join(layer.folder, path);
        return Ok(Include { folder: parent(&path), paths: vec![path], env_files: None, place });
    }
    let map = item.as_map().ok_or_else(|| item.expected("a path, or a map with `path`", "include"))?;
    if let Some((key, entry)) =
        map.iter().find(|(key, _)| !["path", "project_directory", "env_file"].contains(&key.as_str()) && !key.starts_with("x-"))
    {
        return Err(Error::new("unknown key")
            .at(&entry.place)
            .key(format!("include.{key}"))
            .hint("`include` has `path`, `project_directory` and `env_file`"));
    }
    let paths: Vec<String> = texts(map, "path")?.unwrap_or_default().iter().map(here).collect();
    let Some(first) = paths.first() else { return Err(Error::new("`path` is missing").at(&place).key("include")) };
    let folder = match map.get("project_directory").and_then(|entry| entry.node.as_text()) {
        Some(folder) => join(layer.folder, folder),
        None => parent(first),
    };
    let env_files = texts(map, "env_file")?.map(|paths| paths.iter().filter(|path| *path != "/dev/null").map(here).collect());
    Ok(Include { folder, paths, env_files, place })
}

/// A string, or a list of strings.
fn texts(map: &Map, key: &str) -> Result<Option<Vec<String>>, Error> {
    let Some(entry) = map.get(key) else { return Ok(None) };
    let path = format!("include.{key}");
    let text = |node: &Node| node.as_text().map(str::to_owned).ok_or_else(|| node.expected("a string", &path));
    match &entry.node.value {
        Value::Null => Ok(None),
        Value::List(nodes) => nodes.iter().map(text).collect::<Result<_, _>>().map(Some),
        _ => text(&entry.node).map(|text| Some(vec![text])),
    }
}

/// What surrounds the include, and below it what the include's env files say: its folder's `.env`, if it names none.
fn environment(layer: &Layer<'_>, include: &Include) -> Result<BTreeMap<String, String>, Error> {
    let mut environment = layer.environment.clone();
    let default = || vec![join(&include.folder, ".env")];
    let mut said = BTreeMap::new();
    for path in include.env_files.clone().unwrap_or_else(default) {
        let bytes = match layer.sources.bytes_if_there(&path, Some(&include.place)).map_err(|error| error.key("include"))? {
            Some(bytes) => bytes,
            None if include.env_files.is_none() => continue,
            None => return Err(FileError::Missing.of(&format!("`{path}`"), &path).at(&include.place).key("include")),
        };
        let more = dotenv::parse(&path, &bytes, &said, &|name| layer.environment.get(name).cloned())?;
        warn_unset(more.unset, Some(&Place::start(&path)), layer.sources.notes);
        said.extend(more.variables);
    }
    for (name, value) in said {
        environment.entry(name).or_insert(value);
    }
    Ok(environment)
}

/// Names without a value in `environment` take it from the include's environment.
fn resolve_names(tree: &mut Node, environment: &BTreeMap<String, String>) {
    let services = tree.as_map_mut().and_then(|map| map.get_mut("services")).and_then(|entry| entry.node.as_map_mut());
    for service in services.into_iter().flat_map(|services| services.values_mut()) {
        let variables = service.node.as_map_mut().and_then(|map| map.get_mut("environment")).and_then(|entry| entry.node.as_map_mut());
        for (name, entry) in variables.into_iter().flatten().filter(|(_, entry)| entry.node.is_null()) {
            if let Some(value) = environment.get(name) {
                entry.node.value = Value::Text(value.clone());
            }
        }
    }
}

/// Adds what the document does not have; the same thing twice is fine, two different ones are not.
fn import(document: &mut Node, tree: Node, place: &Place) -> Result<(), Error> {
    let (Value::Map(to), Value::Map(mut from)) = (&mut document.value, tree.value) else { return Ok(()) };
    for section in SECTIONS {
        let Some(things) = from.shift_remove(section) else { continue };
        let Value::Map(new) = things.node.value else { return Err(things.node.expected("a map", section)) };
        let slot = to
            .entry(section.to_owned())
            .or_insert_with(|| crate::node::Entry { place: things.place.clone(), node: Node::map(&things.place, []) });
        if slot.node.is_null() {
            slot.node = Node::map(&things.place, []);
        }
        let Some(own) = slot.node.as_map_mut() else { return Err(slot.node.expected("a map", section)) };
        for (name, entry) in new {
            match own.get(&name) {
                Some(there) if !there.node.same(&entry.node) => {
                    let error =
                        Error::new(format!("is also in the included {}", entry.place)).at(&there.place).key(format!("{section}.{name}"));
                    return Err(
                        error.hint(format!("change it in a file of its own: `include` of {place} with `path: [file, override]`, or `-f`"))
                    );
                }
                Some(_) => {}
                None => {
                    own.insert(name, entry);
                }
            }
        }
    }
    Ok(())
}

//! `extends`: a service over another one, of the same file or of another.
//!
//! Relative paths of another file start from its own folder. What a service says wins, by the rules for merging.

use std::rc::Rc;
use std::sync::Arc;

use crate::error::{Error, Place};
use crate::files;
use crate::merge::{merge, settle};
use crate::model_of::Layer;
use crate::node::{Map, Node};
use crate::suggest;

/// Longer chains are a mistake.
const MAX_CHAIN: usize = 50;

pub(crate) fn apply(layer: &Layer<'_>, document: &mut Node, file: &str) -> Result<(), Error> {
    let Some(services) = document.as_map_mut().and_then(|map| map.get_mut("services")).and_then(|entry| entry.node.as_map_mut()) else {
        return Ok(());
    };
    let written = services.clone();
    for (name, entry) in services.iter_mut().filter(|(_, entry)| entry.node.get("extends").is_some()) {
        let start = Step { file: file.to_owned(), service: name.clone() };
        entry.node = extended(layer, &written, &start, layer.folder, &mut Vec::new())?;
    }
    Ok(())
}

#[derive(Clone, PartialEq)]
struct Step {
    file: String,
    service: String,
}

fn extended(layer: &Layer<'_>, services: &Map, step: &Step, folder: &str, chain: &mut Vec<Step>) -> Result<Node, Error> {
    let Some(entry) = services.get(&step.service) else { return Err(Error::new("no such service")) };
    let Some(extends) = entry.node.get("extends") else { return Ok(entry.node.clone()) };
    let path = format!("services.{}.extends", step.service);
    chain.push(step.clone());
    let text = |key: &str| match extends.get(key) {
        Some(node) if !node.is_null() => node.as_text().map(Some).ok_or_else(|| node.expected("a string", &format!("{path}.{key}"))),
        _ => Ok(None),
    };
    if let Some((key, entry)) = extends.as_map().into_iter().flatten().find(|(key, _)| !["service", "file"].contains(&key.as_str())) {
        return Err(Error::new("unknown key").at(&entry.place).key(format!("{path}.{key}")).hint("`extends` has `service` and `file`"));
    }
    let Some(service) = text("service")? else {
        return Err(Error::new("`service` is missing").at(&extends.place).key(path));
    };
    let other;
    let (base_services, base_file, base_folder) = match text("file")? {
        Some(file) => {
            let file = files::join(folder, file);
            let base_folder = files::clean(&files::parent(&file));
            other = services_of(layer, &file, &base_folder, &extends.place)?;
            (&*other, file, base_folder)
        }
        None => (services, step.file.clone(), folder.to_owned()),
    };
    let next = Step { file: base_file, service: service.to_owned() };
    check(base_services, &next, chain, &extends.place, &path)?;
    let mut base = extended(layer, base_services, &next, &base_folder, chain)?;
    layer.sources.spend(&base)?;
    settle(&mut base);
    if let Some(map) = base.as_map_mut() {
        map.shift_remove("extends");
    }
    let mut over = entry.node.clone();
    if let Some(map) = over.as_map_mut() {
        map.shift_remove("extends");
    }
    chain.pop();
    merge(base, over, &mut vec!["services", &step.service])
}

fn check(services: &Map, next: &Step, chain: &[Step], place: &Place, path: &str) -> Result<(), Error> {
    if !services.contains_key(&next.service) {
        let error = Error::new(format!("there is no service `{}` in {}", next.service, next.file)).at(place).key(path);
        return Err(match suggest::closest(&next.service, services.keys().map(String::as_str)) {
            Some(close) => error.hint(format!("did you mean `{close}`?")),
            None => error,
        });
    }
    if chain.contains(next) || chain.len() > MAX_CHAIN {
        let names: Vec<&str> = chain.iter().chain([next]).map(|step| step.service.as_str()).collect();
        return Err(Error::new(format!("services extend one another: {}", names.join(" -> "))).at(place).key(path));
    }
    Ok(())
}

/// The services of another file, its documents merged.
fn services_of(layer: &Layer<'_>, file: &str, folder: &str, place: &Place) -> Result<Rc<Map>, Error> {
    if let Some(services) = layer.extended.borrow().get(file) {
        return Ok(Rc::clone(services));
    }
    let mut tree: Option<Node> = None;
    for document in layer.sources.documents(file, folder, layer.environment, Some(place))? {
        tree = Some(match tree.take() {
            Some(tree) => merge(tree, document, &mut Vec::new())?,
            None => document,
        });
    }
    let services = tree
        .and_then(|mut tree| tree.as_map_mut().and_then(|map| map.shift_remove("services")))
        .and_then(|mut entry| entry.node.as_map_mut().map(std::mem::take));
    let services = services.ok_or_else(|| Error::new("has no services").at(&Place::new(&Arc::from(file), 1, 1)))?;
    let services = Rc::new(services);
    layer.extended.borrow_mut().insert(file.to_owned(), Rc::clone(&services));
    Ok(services)
}

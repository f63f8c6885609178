//! One tree of several files: each file's includes and extensions first, then merged over the files before it.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use crate::error::Error;
use crate::include;
use crate::merge::merge;
use crate::node::{Map, Node, Value};
use crate::source::Sources;
use crate::{extends, unique};

/// Files that are merged, with what all of them share.
pub(crate) struct Layer<'a> {
    pub(crate) sources: &'a Sources<'a>,
    /// What relative paths start from.
    pub(crate) folder: &'a str,
    pub(crate) environment: &'a BTreeMap<String, String>,
    /// Services of files that services extend, by path.
    pub(crate) extended: RefCell<HashMap<String, Rc<Map>>>,
}

/// The tree of a project.
pub(crate) fn project(
    sources: &Sources<'_>,
    files: &[String],
    folder: &str,
    environment: &BTreeMap<String, String>,
) -> Result<Node, Error> {
    let tree = layered(sources, files, folder, environment, &mut Vec::new())?;
    tree.ok_or_else(|| Error::new(format!("there is nothing in {}", files.join(", "))).hint("a Compose file is a map with `services:`"))
}

/// The tree of these files, none when they are empty. `open` are the files that include these.
pub(crate) fn layered(
    sources: &Sources<'_>,
    files: &[String],
    folder: &str,
    environment: &BTreeMap<String, String>,
    open: &mut Vec<String>,
) -> Result<Option<Node>, Error> {
    let layer = Layer { sources, folder, environment, extended: RefCell::default() };
    let mut tree: Option<Node> = None;
    for file in files {
        open.push(file.clone());
        for mut document in sources.documents(file, folder, environment, None)? {
            if let Some(entry) = document.as_map().and_then(|map| map.get("version")) {
                sources.notes.warn(Some(&entry.place), "`version` has no effect, it can be removed");
            }
            include::apply(&layer, &mut document, open)?;
            extends::apply(&layer, &mut document, file)?;
            let mut merged = match tree.take() {
                Some(tree) => merge(tree, document, &mut Vec::new())?,
                None => document,
            };
            unique::enforce(&mut merged);
            tree = Some(merged);
        }
        open.pop();
    }
    if let Some(tree) = &mut tree {
        default_contexts(tree, folder);
    }
    Ok(tree)
}

/// A build without a context has the project's folder.
fn default_contexts(tree: &mut Node, folder: &str) {
    let services = tree.as_map_mut().and_then(|map| map.get_mut("services")).and_then(|entry| entry.node.as_map_mut());
    for service in services.into_iter().flat_map(|services| services.values_mut()) {
        let Some(build) = service.node.as_map_mut().and_then(|map| map.get_mut("build")) else { continue };
        let place = build.place.clone();
        if let Value::Map(build) = &mut build.node.value
            && build.get("context").is_none_or(|entry| entry.node.is_null())
        {
            let context = Node::text(&place, crate::files::join(".", folder));
            build.insert("context".to_owned(), crate::node::Entry { place, node: context });
        }
    }
}

//! Files as trees: read, parsed, counted.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::canon::Canon;
use crate::error::{Error, Place};
use crate::files::{FileError, Files};
use crate::node::{Node, Value};
use crate::notes::Notes;
use crate::{interpolate, template, yaml};

/// A project of more files is a mistake, or an attack.
const MAX_FILES: usize = 500;
/// Nodes of all trees, copies by `extends` counted.
const MAX_NODES: usize = 1_000_000;

pub(crate) struct Sources<'a> {
    files: &'a dyn Files,
    pub(crate) notes: &'a Notes,
    read: RefCell<BTreeSet<String>>,
    opened: Cell<usize>,
    nodes: Cell<usize>,
}

impl<'a> Sources<'a> {
    pub(crate) fn new(files: &'a dyn Files, notes: &'a Notes) -> Self {
        Self { files, notes, read: RefCell::default(), opened: Cell::new(0), nodes: Cell::new(0) }
    }

    pub(crate) fn read(&self) -> BTreeSet<String> {
        self.read.borrow().clone()
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
        self.files.exists(path)
    }

    pub(crate) fn bytes(&self, path: &str, asked: Option<&Place>) -> Result<Vec<u8>, Error> {
        self.bytes_if_there(path, asked)?.ok_or_else(|| at(FileError::Missing.of(&format!("`{path}`"), path), asked))
    }

    /// None when there is no such file.
    pub(crate) fn bytes_if_there(&self, path: &str, asked: Option<&Place>) -> Result<Option<Vec<u8>>, Error> {
        let read = self.files.read(path);
        if read == Err(FileError::Missing) {
            return Ok(None);
        }
        self.opened.set(self.opened.get() + 1);
        if self.opened.get() > MAX_FILES {
            return Err(at(Error::new(format!("more than {MAX_FILES} files make up this project")), asked));
        }
        match read {
            Ok(bytes) => {
                self.read.borrow_mut().insert(path.to_owned());
                Ok(Some(bytes))
            }
            Err(error) => Err(at(error.of(&format!("`{path}`"), path), asked)),
        }
    }

    /// Counts a copy before it is made.
    pub(crate) fn spend(&self, node: &Node) -> Result<(), Error> {
        self.nodes.set(self.nodes.get() + size(node));
        if self.nodes.get() > MAX_NODES {
            return Err(Error::new(format!("more than {MAX_NODES} nodes in all files")).at(&node.place));
        }
        Ok(())
    }

    /// A file's documents as they are written.
    fn parsed(&self, path: &str, asked: Option<&Place>) -> Result<Vec<Node>, Error> {
        let bytes = self.bytes(path, asked)?;
        yaml::parse(&Arc::from(path), &bytes)
    }

    /// A file's documents, filled in and in their long form.
    pub(crate) fn documents(
        &self,
        path: &str,
        folder: &str,
        environment: &BTreeMap<String, String>,
        asked: Option<&Place>,
    ) -> Result<Vec<Node>, Error> {
        let mut documents = self.parsed(path, asked)?;
        // Documents with nothing in them do not count.
        documents.retain(|document| !document.is_null());
        for document in &mut documents {
            interpolate::document(document, environment, self.notes)?;
            Canon { folder, notes: self.notes }.document(document)?;
            self.spend(document)?;
        }
        Ok(documents)
    }

    /// `name:` of the last file that has one, and where it stands.
    pub(crate) fn project_name(&self, files: &[String], environment: &BTreeMap<String, String>) -> Result<Option<(String, Place)>, Error> {
        let mut name = None;
        for file in files {
            for document in self.parsed(file, None)? {
                let Some(node) = document.get("name").filter(|node| !node.is_null()) else { continue };
                let text = node.as_text().ok_or_else(|| node.expected("a string", "name"))?;
                let lookup = |name: &str| environment.get(name).cloned();
                let filled = template::substitute(text, &lookup, &mut Vec::new())
                    .map_err(|fault| interpolate::error(fault).at(&node.place).key("name"))?;
                if !filled.is_empty() {
                    name = Some((filled, node.place.clone()));
                }
            }
        }
        Ok(name)
    }
}

fn at(error: Error, asked: Option<&Place>) -> Error {
    match asked {
        Some(place) => error.at(place),
        None => error,
    }
}

fn size(node: &Node) -> usize {
    1 + match &node.value {
        Value::List(nodes) => nodes.iter().map(size).sum(),
        Value::Map(map) => map.values().map(|entry| size(&entry.node)).sum(),
        _ => 0,
    }
}

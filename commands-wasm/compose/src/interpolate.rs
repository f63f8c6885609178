//! Variables in all strings of a document: quoted ones, too, but never in keys.
//!
//! What a variable stands for stays a string; whoever reads a number or a truth value reads it from there.

use std::collections::BTreeMap;

use crate::error::{Error, Place};
use crate::node::{Node, Value};
use crate::notes::Notes;
use crate::template::{Fault, substitute};

/// All values of a document together, so that one variable used a million times is bounded as well.
const MAX_BYTES: usize = 32 << 20;

pub(crate) fn document(node: &mut Node, environment: &BTreeMap<String, String>, notes: &Notes) -> Result<(), Error> {
    Walk { environment, notes, left: MAX_BYTES }.node(node, &mut Vec::new())
}

/// The error for a text whose variables cannot be filled in.
pub(crate) fn error(fault: Fault) -> Error {
    match fault {
        Fault::Invalid => Error::new("not a form of `${VARIABLE}`").hint("write `$$` for a dollar sign that is meant as one"),
        Fault::Required { name, reason } if reason.is_empty() => missing(&name, String::new()),
        Fault::Required { name, reason } => missing(&name, format!(": {reason}")),
        Fault::TooLong => Error::new("too long with its variables filled in"),
    }
}

fn missing(name: &str, reason: String) -> Error {
    Error::new(format!("the variable `{name}` is required and has no value{reason}")).hint(format!("set it in `.env`: {name}=..."))
}

pub(crate) fn warn_unset(names: Vec<String>, place: Option<&Place>, notes: &Notes) {
    for name in names {
        notes.warn(place, format!("the variable `{name}` is not set, it is empty"));
    }
}

struct Walk<'a> {
    environment: &'a BTreeMap<String, String>,
    notes: &'a Notes,
    left: usize,
}

impl Walk<'_> {
    fn node(&mut self, node: &mut Node, path: &mut Vec<String>) -> Result<(), Error> {
        match &mut node.value {
            Value::Text(text) if text.contains('$') => {
                let mut unset = Vec::new();
                let lookup = |name: &str| self.environment.get(name).cloned();
                let filled = substitute(text, &lookup, &mut unset).map_err(|fault| error(fault).at(&node.place).key(path.join(".")))?;
                warn_unset(unset, Some(&node.place), self.notes);
                self.left = self.left.checked_sub(filled.len()).ok_or_else(|| error(Fault::TooLong).at(&node.place))?;
                *text = filled;
            }
            Value::List(nodes) => {
                for (index, node) in nodes.iter_mut().enumerate() {
                    path.push(index.to_string());
                    self.node(node, path)?;
                    path.pop();
                }
            }
            Value::Map(map) => {
                for (key, entry) in map {
                    path.push(key.clone());
                    self.node(&mut entry.node, path)?;
                    path.pop();
                }
            }
            _ => {}
        }
        Ok(())
    }
}

//! A tree of what a file says: every node knows where it stands.

use indexmap::IndexMap;

use crate::error::{Error, Place};
use crate::number;

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) tag: Tag,
    pub(crate) value: Value,
}

/// Compose's own tags, which say how a file is merged over the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tag {
    None,
    /// `!reset`: what earlier files say is taken away.
    Reset,
    /// `!override`: replaces what earlier files say instead of being merged with it.
    Override,
}

/// Numbers keep the text as it was written, so that a change of its form can be told.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64, String),
    Float(f64, String),
    Text(String),
    List(Vec<Node>),
    Map(Map),
}

pub(crate) type Map = IndexMap<String, Entry>;

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Where the key stands.
    pub(crate) place: Place,
    pub(crate) node: Node,
}

impl Node {
    pub(crate) fn new(place: &Place, value: Value) -> Self {
        Self { place: place.clone(), tag: Tag::None, value }
    }

    pub(crate) fn text(place: &Place, text: impl Into<String>) -> Self {
        Self::new(place, Value::Text(text.into()))
    }

    pub(crate) fn bool(place: &Place, value: bool) -> Self {
        Self::new(place, Value::Bool(value))
    }

    pub(crate) fn null(place: &Place) -> Self {
        Self::new(place, Value::Null)
    }

    /// A map of these keys, all at one place.
    pub(crate) fn map(place: &Place, entries: impl IntoIterator<Item = (&'static str, Node)>) -> Self {
        let entries = entries.into_iter().map(|(key, node)| (key.to_owned(), Entry { place: place.clone(), node }));
        Self::new(place, Value::Map(entries.collect()))
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    pub(crate) fn as_map_mut(&mut self) -> Option<&mut Map> {
        match &mut self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    pub(crate) fn as_list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.as_map()?.get(key).map(|entry| &entry.node)
    }

    /// A text, number or truth value as Compose prints it where a text is wanted: `0755` is 493 and `1.10` is 1.1.
    pub(crate) fn printed(&self) -> Option<String> {
        match &self.value {
            Value::Text(text) => Some(text.clone()),
            Value::Bool(value) => Some(value.to_string()),
            Value::Int(value, _) => Some(value.to_string()),
            Value::Float(value, _) => Some(number::printed(*value)),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The node's text in its file, when printing it changes it.
    pub(crate) fn changed_by_printing(&self) -> Option<&str> {
        let (Value::Int(_, written) | Value::Float(_, written)) = &self.value else { return None };
        (self.printed().as_ref() != Some(written)).then_some(written)
    }

    /// Whether both say the same, wherever they stand.
    pub(crate) fn same(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Value::List(left), Value::List(right)) => {
                left.len() == right.len() && left.iter().zip(right).all(|(left, right)| left.same(right))
            }
            (Value::Map(left), Value::Map(right)) => {
                left.len() == right.len()
                    && left.iter().all(|(key, entry)| right.get(key).is_some_and(|other| entry.node.same(&other.node)))
            }
            (Value::Null, Value::Null) => true,
            _ => self.kind() == other.kind() && self.printed().is_some() && self.printed() == other.printed(),
        }
    }

    /// What this is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a truth value",
            Value::Int(..) | Value::Float(..) => "a number",
            Value::Text(_) => "a string",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// An error that names what is expected here.
    pub(crate) fn expected(&self, what: &str, path: &str) -> Error {
        Error::new(format!("must be {what}, not {}", self.kind())).at(&self.place).key(path)
    }
}

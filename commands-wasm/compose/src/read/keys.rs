//! A map that is read key by key. What was not asked for is unknown, and an error.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::Context;
use crate::error::{Error, Place};
use crate::node::{Map, Node, Value};
use crate::{suggest, units, words};

pub(crate) struct Keys<'a> {
    map: &'a Map,
    pub(crate) path: String,
    pub(crate) place: Place,
    pub(crate) context: Context<'a>,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Keys<'a> {
    /// Of a node that must be a map.
    pub(crate) fn of(node: &'a Node, path: impl Into<String>, context: Context<'a>) -> Result<Self, Error> {
        let path = path.into();
        let map = node.as_map().ok_or_else(|| node.expected("a map", &path))?;
        Ok(Self { map, path, place: node.place.clone(), context, asked: RefCell::default() })
    }

    /// The key's node; nothing written is as good as not there.
    pub(crate) fn node(&self, key: &'static str) -> Option<&'a Node> {
        self.asked.borrow_mut().push(key);
        self.map.get(key).map(|entry| &entry.node).filter(|node| !node.is_null())
    }

    /// Whether the key stands there at all.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.map.contains_key(key)
    }

    pub(crate) fn places(&self) -> BTreeMap<String, Place> {
        self.map.iter().map(|(key, entry)| (key.clone(), entry.place.clone())).collect()
    }

    pub(crate) fn below(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn expected(&self, key: &str, node: &Node, what: &str) -> Error {
        node.expected(what, &self.below(key))
    }

    /// A string, and nothing that YAML takes for something else.
    pub(crate) fn text(&self, key: &'static str) -> Result<Option<String>, Error> {
        let Some(node) = self.node(key) else { return Ok(None) };
        match (&node.value, node.printed()) {
            (Value::Text(text), _) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
            (_, Some(printed)) => {
                let written = node.changed_by_printing().map_or(printed.clone(), str::to_owned);
                Err(self.expected(key, node, "a string").hint(format!("quote it: {key}: \"{written}\"")))
            }
            _ => Err(self.expected(key, node, "a string")),
        }
    }

    /// A string that must be there.
    pub(crate) fn required(&self, key: &'static str) -> Result<String, Error> {
        self.text(key)?.ok_or_else(|| Error::new(format!("`{key}` is missing")).at(&self.place).key(&self.path))
    }

    /// A string or number.
    pub(crate) fn word(&self, key: &'static str) -> Result<Option<String>, Error> {
        let Some(node) = self.node(key) else { return Ok(None) };
        match &node.value {
            Value::Bool(_) | Value::List(_) | Value::Map(_) => Err(self.expected(key, node, "a string or a number")),
            _ => Ok(node.printed().filter(|text| !text.is_empty())),
        }
    }

    /// One of these words.
    pub(crate) fn choice<T: Copy>(&self, key: &'static str, choices: &[(&str, T)]) -> Result<Option<T>, Error> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        match choices.iter().find(|(word, _)| *word == text) {
            Some((_, value)) => Ok(Some(*value)),
            None => {
                let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
                let error = self.wrong(key, format!("`{text}` is not one of {}", words.join(", ")));
                Err(match suggest::closest(&text, words) {
                    Some(close) => error.hint(format!("did you mean `{close}`?")),
                    None => error,
                })
            }
        }
    }

    /// An error at this key.
    pub(crate) fn wrong(&self, key: &str, message: impl Into<String>) -> Error {
        let place = self.map.get(key).map_or(&self.place, |entry| &entry.node.place);
        Error::new(message).at(place).key(self.below(key))
    }

    pub(crate) fn bool(&self, key: &'static str) -> Result<Option<bool>, Error> {
        let Some(node) = self.node(key) else { return Ok(None) };
        match &node.value {
            Value::Bool(value) => Ok(Some(*value)),
            Value::Text(text) => match text.to_ascii_lowercase().as_str() {
                "true" => Ok(Some(true)),
                "false" => Ok(Some(false)),
                word @ ("y" | "yes" | "on" | "n" | "no" | "off") => {
                    let value = matches!(word, "y" | "yes" | "on");
                    self.context
                        .notes
                        .warn(Some(&node.place), format!("`{}`: `{text}` is a string in YAML 1.2, write `{value}`", self.below(key)));
                    Ok(Some(value))
                }
                _ => Err(self.expected(key, node, "`true` or `false`")),
            },
            _ => Err(self.expected(key, node, "`true` or `false`")),
        }
    }

    pub(crate) fn flag(&self, key: &'static str) -> Result<bool, Error> {
        Ok(self.bool(key)?.unwrap_or(false))
    }

    pub(crate) fn int(&self, key: &'static str) -> Result<Option<i64>, Error> {
        let Some(node) = self.node(key) else { return Ok(None) };
        let value = match &node.value {
            Value::Int(value, _) => Some(*value),
            #[expect(clippy::cast_possible_truncation, reason = "a whole number")]
            Value::Float(value, _) if value.fract() == 0.0 && value.abs() < 1e15 => Some(*value as i64),
            Value::Text(text) => text.parse().ok(),
            _ => None,
        };
        value.map(Some).ok_or_else(|| self.expected(key, node, "a whole number"))
    }

    /// A whole number that fits `T`.
    pub(crate) fn number<T: TryFrom<i64>>(&self, key: &'static str, what: &str) -> Result<Option<T>, Error> {
        let Some(value) = self.int(key)? else { return Ok(None) };
        T::try_from(value).map(Some).map_err(|_| self.wrong(key, format!("must be {what}, not {value}")))
    }

    pub(crate) fn float(&self, key: &'static str) -> Result<Option<f64>, Error> {
        let Some(node) = self.node(key) else { return Ok(None) };
        let value = match &node.value {
            #[expect(clippy::cast_precision_loss, reason = "a number of processors")]
            Value::Int(value, _) => Some(*value as f64),
            Value::Float(value, _) => Some(*value),
            Value::Text(text) => text.parse().ok().filter(|value: &f64| value.is_finite()),
            _ => None,
        };
        value.map(Some).ok_or_else(|| self.expected(key, node, "a number"))
    }

    pub(crate) fn bytes(&self, key: &'static str) -> Result<Option<i64>, Error> {
        let Some(text) = self.word(key)? else { return Ok(None) };
        units::bytes(&text)
            .map(Some)
            .ok_or_else(|| self.wrong(key, format!("`{text}` is not a size")).hint("write a number of bytes, or 512k, 64m, 2g"))
    }

    pub(crate) fn duration(&self, key: &'static str) -> Result<Option<i64>, Error> {
        let Some(node) = self.node(key) else { return Ok(None) };
        let text = node.printed().ok_or_else(|| self.expected(key, node, "a duration like `30s`"))?;
        if text.is_empty() {
            return Ok(None);
        }
        match (&node.value, units::duration(&text)) {
            (Value::Text(_), Some(duration)) => Ok(Some(duration)),
            _ => Err(self.wrong(key, format!("`{text}` is not a duration")).hint(format!(
                "give it a unit: {key}: {}",
                if text.parse::<f64>().is_ok() { format!("{text}s") } else { "1m30s".to_owned() }
            ))),
        }
    }

    pub(crate) fn list(&self, key: &'static str) -> Result<&'a [Node], Error> {
        let Some(node) = self.node(key) else { return Ok(&[]) };
        node.as_list().ok_or_else(|| self.expected(key, node, "a list"))
    }

    /// A list of strings.
    pub(crate) fn texts(&self, key: &'static str) -> Result<Vec<String>, Error> {
        let path = self.below(key);
        self.list(key)?
            .iter()
            .map(|item| item.as_text().map(str::to_owned).ok_or_else(|| quote_hint(item, item.expected("a string", &path))))
            .collect()
    }

    /// A map of names and values; a value may be missing.
    pub(crate) fn pairs(&self, key: &'static str) -> Result<BTreeMap<String, Option<String>>, Error> {
        let Some(node) = self.node(key) else { return Ok(BTreeMap::new()) };
        let map = node.as_map().ok_or_else(|| self.expected(key, node, "a map or a list of `NAME=value`"))?;
        let value = |(name, entry): (&String, &crate::node::Entry)| {
            let path = format!("{}.{name}", self.below(key));
            if entry.node.is_null() {
                return Ok((name.clone(), None));
            }
            let printed = entry.node.printed().ok_or_else(|| entry.node.expected("a string, a number or a truth value", &path))?;
            if let Some(written) = entry.node.changed_by_printing() {
                self.context.notes.warn(
                    Some(&entry.node.place),
                    format!("`{path}`: {written} is a number, and {printed} to Compose: quote it to keep it as it is written"),
                );
            }
            Ok((name.clone(), Some(printed)))
        };
        map.iter().map(value).collect()
    }

    /// A map of names and values, a missing one empty.
    pub(crate) fn options(&self, key: &'static str) -> Result<BTreeMap<String, String>, Error> {
        Ok(self.pairs(key)?.into_iter().map(|(name, value)| (name, value.unwrap_or_default())).collect())
    }

    /// A command: a list of words, or a string that is split into them.
    pub(crate) fn command(&self, key: &'static str) -> Result<Option<Vec<String>>, Error> {
        let Some(node) = self.node(key) else { return Ok(None) };
        let Some(text) = node.as_text() else {
            if node.as_list().is_none() {
                return Err(self.expected(key, node, "a string or a list of strings"));
            }
            return self.texts(key).map(Some);
        };
        let split = words::split(text).ok_or_else(|| {
            self.wrong(key, "a quote or parenthesis of this command does not match")
                .hint("write it as a list, or for a shell as [\"sh\", \"-c\", \"...\"]")
        })?;
        if let Some(dropped) = split.dropped {
            self.context.notes.warn(
                Some(&node.place),
                format!(
                    "`{}` ends before `{dropped}`, as with Compose: no shell runs it; write [\"sh\", \"-c\", \"...\"]",
                    self.below(key)
                ),
            );
        }
        Ok(Some(split.words))
    }

    /// A map below this one.
    pub(crate) fn sub(&self, key: &'static str) -> Result<Option<Keys<'a>>, Error> {
        self.node(key).map(|node| Keys::of(node, self.below(key), self.context)).transpose()
    }

    /// Says which keys are accepted and have no effect here.
    pub(crate) fn without_effect(&self, keys: &[&'static str], why: &str) {
        for key in keys {
            if let Some(node) = self.node(key) {
                self.context.notes.warn(Some(&node.place), format!("`{}` has no effect: {why}", self.below(key)));
            }
        }
    }

    /// Refuses keys that Compose knows and this does not.
    pub(crate) fn unsupported(&self, keys: &[(&'static str, &str)]) -> Result<(), Error> {
        for (key, instead) in keys {
            self.asked.borrow_mut().push(key);
            if let Some(entry) = self.map.get(*key) {
                let error = Error::new("not supported").at(&entry.place).key(self.below(key));
                return Err(if instead.is_empty() { error } else { error.hint((*instead).to_owned()) });
            }
        }
        Ok(())
    }

    /// Refuses what was not asked for, except for extensions.
    pub(crate) fn finish(self) -> Result<(), Error> {
        let asked = self.asked.take();
        for (key, entry) in self.map {
            if asked.contains(&key.as_str()) || key.starts_with("x-") {
                continue;
            }
            let error = Error::new("unknown key").at(&entry.place).key(self.below(key));
            return Err(match suggest::closest(key, asked.iter().copied()) {
                Some(close) => error.hint(format!("did you mean `{close}`?")),
                None => error.hint(format!("keys of your own begin with `x-`: `x-{key}`")),
            });
        }
        Ok(())
    }
}

fn quote_hint(node: &Node, error: Error) -> Error {
    match (node.changed_by_printing(), node.printed()) {
        (Some(written), _) => error.hint(format!("quote it: \"{written}\"")),
        (None, Some(printed)) => error.hint(format!("quote it: \"{printed}\"")),
        _ => error,
    }
}

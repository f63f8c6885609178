//! Arguments and fields in JSON; what is absent is empty.

use std::time::Duration;

use host_sdk::docker::{Pair, pair};
use serde_json::Value;

use crate::field;

/// The words after the function's name, one after the other.
pub(crate) struct Arguments<'a>(std::slice::Iter<'a, String>);

impl<'a> Arguments<'a> {
    pub(crate) fn new(words: &'a [String]) -> Self {
        Self(words.iter())
    }

    pub(crate) fn value(&mut self) -> Value {
        let word = self.0.next().map(String::as_str).unwrap_or("null");
        serde_json::from_str(word).unwrap_or_else(|_| Value::String(word.to_owned()))
    }

    /// As it is: a name may look like a number.
    pub(crate) fn text(&mut self) -> String {
        self.0.next().cloned().unwrap_or_default()
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.value().as_u64().unwrap_or(0)
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.value().as_bool().unwrap_or(false)
    }

    pub(crate) fn seconds(&mut self) -> Option<Duration> {
        self.value().as_u64().map(Duration::from_secs)
    }
}

pub(crate) fn list<T>(value: &Value, of: impl Fn(&Value) -> T) -> Vec<T> {
    value.as_array().into_iter().flatten().map(of).collect()
}

pub(crate) fn texts(value: &Value) -> Vec<String> {
    list(value, |text| text.as_str().unwrap_or_default().to_owned())
}

pub(crate) fn text(of: &Value, name: &str) -> String {
    field(of, name).as_str().unwrap_or_default().to_owned()
}

pub(crate) fn flag(of: &Value, name: &str) -> bool {
    field(of, name).as_bool().unwrap_or(false)
}

pub(crate) fn number<N: TryFrom<i64> + Default>(of: &Value, name: &str) -> N {
    field(of, name).as_i64().and_then(|number| N::try_from(number).ok()).unwrap_or_default()
}

/// An object's names and texts.
pub(crate) fn pairs(of: &Value, name: &str) -> Vec<Pair> {
    let entries = field(of, name).as_object();
    entries.into_iter().flatten().map(|(name, value)| pair(name, value.as_str().unwrap_or_default())).collect()
}

pub(crate) fn words(of: &Value, name: &str) -> Vec<String> {
    texts(field(of, name))
}

//! JSON as Go writes it: no spaces, `<`, `>` and `&` escaped, empty fields left out.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::units;

/// An object whose fields stand in the order they are added.
#[derive(Debug, Default)]
pub(crate) struct Object(Vec<(String, String)>);

impl Object {
    /// A field whose value is JSON already.
    pub(crate) fn raw(&mut self, name: &str, json: String) {
        self.0.push((name.to_owned(), json));
    }

    pub(crate) fn some(&mut self, name: &str, json: Option<String>) {
        if let Some(json) = json {
            self.raw(name, json);
        }
    }

    pub(crate) fn text(&mut self, name: &str, text: Option<&String>) {
        self.some(name, text.filter(|text| !text.is_empty()).map(|text| string(text)));
    }

    pub(crate) fn texts(&mut self, name: &str, texts: &[String]) {
        if !texts.is_empty() {
            self.raw(name, strings(texts));
        }
    }

    pub(crate) fn flag(&mut self, name: &str, value: bool) {
        if value {
            self.raw(name, "true".to_owned());
        }
    }

    pub(crate) fn number(&mut self, name: &str, value: Option<i64>) {
        self.some(name, value.filter(|value| *value != 0).map(|value| value.to_string()));
    }

    /// A size, which Go prints as a string.
    pub(crate) fn bytes(&mut self, name: &str, value: Option<i64>) {
        self.some(name, value.filter(|value| *value != 0).map(|value| format!("\"{value}\"")));
    }

    pub(crate) fn duration(&mut self, name: &str, value: Option<i64>) {
        self.some(name, value.map(|value| string(&units::printed(value))));
    }

    /// A number of 32 bits, with the shortest digits that mean it.
    pub(crate) fn float(&mut self, name: &str, value: Option<f64>) {
        #[expect(clippy::cast_possible_truncation, reason = "Compose keeps 32 bits of it")]
        let narrow = value.map(|value| value as f32).filter(|value| *value != 0.0);
        self.some(name, narrow.map(|value| value.to_string()));
    }

    pub(crate) fn map(&mut self, name: &str, map: &BTreeMap<String, String>) {
        if !map.is_empty() {
            self.raw(name, object(map.iter().map(|(key, value)| (key.as_str(), string(value)))));
        }
    }

    /// A list of objects.
    pub(crate) fn list(&mut self, name: &str, items: impl IntoIterator<Item = String>) {
        let items: Vec<String> = items.into_iter().collect();
        if !items.is_empty() {
            self.raw(name, format!("[{}]", items.join(",")));
        }
    }

    /// The fields, and the JSON of each.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, json)| (name.as_str(), json.as_str()))
    }

    pub(crate) fn done(self) -> String {
        object(self.0.iter().map(|(name, json)| (name.as_str(), json.clone())))
    }
}

pub(crate) fn object<'a>(fields: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let fields: Vec<String> = fields.into_iter().map(|(name, json)| format!("{}:{json}", string(name))).collect();
    format!("{{{}}}", fields.join(","))
}

pub(crate) fn strings(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| string(text)).collect();
    format!("[{}]", texts.join(","))
}

pub(crate) fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                // Writing to a string does not fail.
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_go_does() {
        assert_eq!(string("a<b> & \"c\"\\\n\u{1}\u{2028}ü\u{7f}"), "\"a\\u003cb\\u003e \\u0026 \\\"c\\\"\\\\\\n\\u0001\\u2028ü\u{7f}\"");
    }

    #[test]
    fn empty_fields_are_left_out() {
        let mut out = Object::default();
        out.text("a", None);
        out.flag("b", false);
        out.number("c", Some(0));
        out.float("d", Some(0.5));
        out.float("e", Some(2.0));
        out.bytes("f", Some(7));
        out.duration("g", Some(0));
        assert_eq!(out.done(), "{\"d\":0.5,\"e\":2,\"f\":\"7\",\"g\":\"0s\"}");
    }
}

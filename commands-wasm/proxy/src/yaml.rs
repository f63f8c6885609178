//! A tree as YAML that Traefik reads.
//!
//! Traefik runs such files through Go's templates first, and labels come from strangers: no `{{` is ever written.

use std::fmt::Write as _;

use host_sdk::serde_json::Value;

pub(crate) fn write(value: &Value) -> String {
    let mut text = String::new();
    block(&mut text, value, 0);
    text
}

fn block(text: &mut String, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                text.push_str(&format!("{indent}{}:", quoted_key(key)));
                below(text, value, depth + 1);
            }
        }
        Value::Array(list) => {
            for value in list {
                text.push_str(&format!("{indent}-"));
                match value {
                    // Its first key would stand behind the hyphen; on a line of its own it needs no second form.
                    Value::Object(map) if !map.is_empty() => {
                        text.push('\n');
                        block(text, value, depth + 1);
                    }
                    value => below(text, value, depth + 1),
                }
            }
        }
        value => text.push_str(&scalar(value)),
    }
}

fn below(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(map) if map.is_empty() => text.push_str(" {}\n"),
        Value::Array(list) if list.is_empty() => text.push_str(" []\n"),
        Value::Object(_) | Value::Array(_) => {
            text.push('\n');
            block(text, value, depth);
        }
        value => text.push_str(&format!(" {}\n", scalar(value))),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        value => value.to_string(),
    }
}

/// A key without quotes where nobody could read it otherwise.
fn quoted_key(key: &str) -> String {
    let plain =
        key.starts_with(|c: char| c.is_ascii_alphabetic()) && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    // What YAML 1.1 takes for a truth value is no name.
    let word = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"].contains(&key.to_ascii_lowercase().as_str());
    if plain && !word { key.to_owned() } else { quoted(key) }
}

/// Double quotes, with JSON's escapes, which are YAML's too.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    let mut before = ' ';
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '{' if before == '{' => quoted.push_str("\\u007b"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                // Writing to a string does not fail.
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
        before = c;
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use host_sdk::serde_json::json;

    use super::*;

    #[test]
    fn a_tree_is_indented_and_texts_are_quoted() {
        let tree = json!({
            "http": {
                "routers": { "web": { "rule": "Host(`a.b`) && Path(\"/\")", "entryPoints": ["web", "websecure"], "priority": 7, "tls": {} } },
                "middlewares": { "on": { "compress": {} }, "x.y": { "stripPrefix": { "prefixes": [] } } },
            },
            "list": [{ "url": "http://a", "weight": 1 }, {}],
        });
        let expected = "http:\n  routers:\n    web:\n      rule: \"Host(`a.b`) && Path(\\\"/\\\")\"\n      entryPoints:\n        - \"web\"\n        - \"websecure\"\n      \
                        priority: 7\n      tls: {}\n  middlewares:\n    \"on\":\n      compress: {}\n    \"x.y\":\n      stripPrefix:\n        prefixes: []\n\
                        list:\n  -\n    url: \"http://a\"\n    weight: 1\n  - {}\n";
        assert_eq!(write(&tree), expected);
    }

    #[test]
    fn no_template_and_no_line_gets_in() {
        let text = write(&json!({ "{{ env \"A\" }}": "{{{ readFile }}\n- x\u{0}\u{2028}\u{85}" }));
        assert!(!text.contains("{{") && text.lines().count() == 1, "{text}");
        assert_eq!(text, "\"{\\u007b env \\\"A\\\" }}\": \"{\\u007b\\u007b readFile }}\\u000a- x\\u0000\\u2028\\u0085\"\n");
    }
}

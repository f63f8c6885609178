//! Values of variables in the images that instructions name: `ARG`s before the first `FROM`, what was given for them,
//! and what BuildKit says of the platform; pure.

use std::collections::HashMap;

use super::super::limits;

/// What a variable holds.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Known(String),
    /// Declared, and nothing more.
    Empty,
    /// Versions of Docker would put different things.
    Unsure(String),
    /// The builder's own, declared without a value: newer BuildKits keep it, older ones have nothing then.
    Again(String),
}

#[derive(Debug, Default)]
pub(super) struct Variables {
    values: HashMap<String, Value>,
    given: HashMap<String, String>,
}

impl Variables {
    /// `given` are the build's arguments; `machine` and `target` the platforms, where the builder tells instructions.
    pub(super) fn new(given: &[(String, String)], platforms: Option<(&str, &str)>) -> Self {
        let mut variables = Self { values: HashMap::new(), given: given.iter().cloned().collect() };
        for (side, platform) in platforms.into_iter().flat_map(|(machine, target)| [("BUILD", machine), ("TARGET", target)]) {
            for (part, value) in parts(platform) {
                let name = format!("{side}{part}");
                let value = match variables.given.contains_key(&name) {
                    true => Value::Unsure(format!("`{name}` is given and not declared by an `ARG` before the first `FROM`")),
                    false => value,
                };
                variables.values.insert(name, value);
            }
        }
        variables
    }

    /// One `ARG`: what it declares does not see itself, which builders do differently.
    pub(super) fn declare(&mut self, pairs: &[(String, Option<String>)]) -> Result<(), String> {
        let values: Vec<Value> = pairs.iter().map(|(name, default)| self.declared(name, default.as_deref())).collect();
        for ((name, _), value) in pairs.iter().zip(values) {
            self.values.insert(name.clone(), value);
        }
        match self.values.len() > limits::BUILD_VARIABLES {
            true => Err(format!("more than {} variables", limits::BUILD_VARIABLES)),
            false => Ok(()),
        }
    }

    fn declared(&self, name: &str, default: Option<&str>) -> Value {
        match (self.given.get(name), default) {
            (Some(given), _) => bounded(given.clone()).map_or_else(Value::Unsure, Value::Known),
            (None, Some(default)) => self.default(default).map_or_else(Value::Unsure, Value::Known),
            (None, None) => self.again(name),
        }
    }

    /// Declared without a value, and not given.
    fn again(&self, name: &str) -> Value {
        match self.values.get(name) {
            Some(Value::Known(value)) if is_filled(name) => Value::Again(value.clone()),
            Some(_) => Value::Unsure(format!("`{name}` is declared twice")),
            None if is_filled(name) => Value::Unsure(format!("some builders have a value for `{name}`; give it a default")),
            None => Value::Empty,
        }
    }

    fn default(&self, written: &str) -> Result<String, String> {
        if let Some(text) = written.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''))
            && !text.contains('\'')
        {
            return bounded(text.to_owned());
        }
        let text = written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(written);
        match text.contains(['"', '\'']) {
            true => Err(format!("`{written}` has quotes within")),
            false => self.expand(text),
        }
    }

    /// `$X`, `${X}`, `${X:-default}`, `${X:+other}`, `${X:?error}`, and the same without the colon.
    pub(super) fn expand(&self, text: &str) -> Result<String, String> {
        self.expand_at(text, 0)
    }

    /// The same of a platform: whoever has nothing for a variable that stands alone builds nothing.
    pub(super) fn platform(&self, text: &str) -> Result<String, String> {
        let name = text.strip_prefix('$').map(|name| name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or(name));
        match name.and_then(|name| self.values.get(name)) {
            Some(Value::Again(value)) => Ok(value.clone()),
            _ => self.expand(text),
        }
    }

    fn expand_at(&self, mut text: &str, depth: usize) -> Result<String, String> {
        if depth > limits::BUILD_VALUE_DEPTH {
            return Err(format!("variables lie more than {} deep", limits::BUILD_VALUE_DEPTH));
        }
        let mut out = String::new();
        while let Some((before, after)) = text.split_once('$') {
            out.push_str(before);
            let (value, rest) = match after.strip_prefix('{') {
                Some(braced) => {
                    let (inside, rest) = closed(braced).ok_or("a `${` without `}`")?;
                    (self.braced(inside, depth)?, rest)
                }
                None => {
                    let (name, rest) = name(after);
                    (self.value(name)?.unwrap_or_default().to_owned(), rest)
                }
            };
            out.push_str(&value);
            if out.len() > limits::BUILD_VALUE_BYTES {
                return Err(too_long());
            }
            text = rest;
        }
        bounded(out + text)
    }

    fn braced(&self, inside: &str, depth: usize) -> Result<String, String> {
        let (name, form) = name(inside);
        let value = self.value(name)?;
        let filled = value.filter(|value| !value.is_empty());
        let known = || value.ok_or_else(|| format!("whether `{name}` is set cannot be told; write `:` before the sign"));
        let (colon, form) = form.strip_prefix(':').map_or((false, form), |form| (true, form));
        let Some(sign) = form.chars().next() else {
            return if colon { Err(format!("`${{{inside}}}` is not understood")) } else { Ok(value.unwrap_or_default().to_owned()) };
        };
        let other = self.expand_at(form.get(sign.len_utf8()..).unwrap_or_default(), depth + 1)?;
        Ok(match (sign, colon) {
            ('-', true) => filled.map_or(other, str::to_owned),
            ('-', false) => known()?.to_owned(),
            ('+', true) => filled.map_or_else(String::new, |_| other),
            ('+', false) => known().map(|_| other)?,
            ('?', _) => filled.ok_or_else(|| format!("`{name}` is empty"))?.to_owned(),
            _ => return Err(format!("`${{{inside}}}` is not understood")),
        })
    }

    /// None for one that is declared and has no value.
    fn value(&self, name: &str) -> Result<Option<&str>, String> {
        match self.values.get(name) {
            Some(Value::Known(value)) => Ok(Some(value)),
            Some(Value::Empty) => Ok(None),
            Some(Value::Unsure(why)) => Err(why.clone()),
            Some(Value::Again(_)) => Err(format!("`ARG {name}` without a value empties it for some builders; leave that line out")),
            None if name.is_empty() => Err("no name of a variable follows `$`".to_owned()),
            None => Err(format!("`${name}` is not declared by an `ARG` before the first `FROM`")),
        }
    }
}

/// Names that builders fill by themselves, of the platform and the stage, of what they were told and of proxies: which
/// they are grows with every version.
fn is_filled(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["BUILD", "TARGET", "SOURCE_DATE"].iter().any(|begin| name.starts_with(begin)) || name.ends_with("_PROXY")
}

/// Some letters beyond ASCII, and those that steer, are dropped by readers at some places.
fn bounded(text: String) -> Result<String, String> {
    match text.bytes().all(|letter| letter == b' ' || letter.is_ascii_graphic()) {
        true if text.len() > limits::BUILD_VALUE_BYTES => Err(too_long()),
        true => Ok(text),
        false => Err(format!("`{}` holds more than plain letters of ASCII", text.escape_debug())),
    }
}

fn too_long() -> String {
    format!("a value has more than {} bytes", limits::BUILD_VALUE_BYTES)
}

/// A name and what follows it; none before what is one to Docker and not to us: `$1x` begins with `$1` there.
fn name(text: &str) -> (&str, &str) {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    match text.starts_with(|first: char| first.is_ascii_digit()) {
        true => ("", text),
        false => text.split_at(text.find(|letter| !is_name(letter)).unwrap_or(text.len())),
    }
}

/// What lies before the brace that closes, and what behind it.
fn closed(text: &str) -> Option<(&str, &str)> {
    let (mut depth, mut before) = (0_usize, ' ');
    for (at, letter) in text.char_indices() {
        match letter {
            // Others do not count: `${A:-{}` ends here for Docker.
            '{' if before == '$' => depth += 1,
            '}' if depth == 0 => return Some((text.get(..at)?, text.get(at + 1..)?)),
            '}' => depth -= 1,
            _ => {}
        }
        before = letter;
    }
    None
}

/// Only those that need no rules about names are known: `linux/x86_64` is `linux/amd64` to BuildKit.
fn parts(platform: &str) -> [(&'static str, Value); 4] {
    let known = |value: &str| Value::Known(value.to_owned());
    let unsure = || Value::Unsure(format!("what BuildKit makes of the platform `{platform}` cannot be told"));
    let Some(arch) = platform.strip_prefix("linux/").filter(|arch| ["amd64", "arm64", "ppc64le", "riscv64", "s390x"].contains(arch)) else {
        return ["PLATFORM", "OS", "ARCH", "VARIANT"].map(|part| (part, unsure()));
    };
    let variant = if arch == "amd64" { known("") } else { unsure() };
    [("PLATFORM", known(platform)), ("OS", known("linux")), ("ARCH", known(arch)), ("VARIANT", variant)]
}

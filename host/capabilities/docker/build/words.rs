//! The words of one instruction: what it is, its flags, and the rest; pure.

use super::lines::{Line, odd};

pub(super) const INSTRUCTIONS: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// Flags of the instructions that can take something from elsewhere. A new one may name an image in a new way.
const FLAGS: [(&str, &[&str]); 4] = [
    ("ADD", &["checksum", "chmod", "chown", "exclude", "keep-git-dir", "link", "unpack"]),
    ("COPY", &["chmod", "chown", "exclude", "from", "link", "parents"]),
    ("FROM", &["platform"]),
    ("RUN", &["device", "mount", "network", "security"]),
];

const MOUNT_KEYS: [&str; 19] = [
    "destination",
    "dst",
    "env",
    "from",
    "gid",
    "id",
    "mode",
    "readonly",
    "readwrite",
    "required",
    "ro",
    "rw",
    "sharing",
    "size",
    "source",
    "src",
    "target",
    "type",
    "uid",
];

#[derive(Debug)]
pub(super) struct Instruction {
    pub(super) number: usize,
    /// Put off to the builds that begin with the image.
    pub(super) is_late: bool,
    pub(super) word: String,
    pub(super) flags: Vec<(String, String)>,
    pub(super) rest: String,
}

impl Instruction {
    /// Of what is put off to later builds, what is done then.
    pub(super) fn new(line: &Line) -> Result<Self, String> {
        let (word, rest) = split(&line.text);
        if word.eq_ignore_ascii_case("onbuild") {
            let late = Self::plain(line.number, rest)?;
            return match late.word.as_str() {
                "FROM" | "ONBUILD" | "MAINTAINER" => Err(odd(line.number, &format!("`{}` cannot be put off", late.word))),
                _ => Ok(Self { is_late: true, ..late }),
            };
        }
        Self::plain(line.number, &line.text)
    }

    fn plain(number: usize, text: &str) -> Result<Self, String> {
        let (written, rest) = split(text);
        let word = written.to_ascii_uppercase();
        if !INSTRUCTIONS.contains(&word.as_str()) {
            return Err(odd(number, &format!("`{}` is no instruction", written.escape_debug())));
        }
        let (flags, rest) = match FLAGS.iter().find(|(of, _)| *of == word) {
            Some((_, known)) => flags(number, rest, known)?,
            None if ["ARG", "ONBUILD"].contains(&word.as_str()) && rest.starts_with("--") => {
                return Err(odd(number, &format!("`{word}` has no flags")));
            }
            None => (Vec::new(), rest),
        };
        Ok(Self { number, is_late: false, word, flags, rest: rest.to_owned() })
    }

    pub(super) fn odd(&self, what: &str) -> String {
        odd(self.number, what)
    }

    /// What follows the flags, where neither quotes nor escapes can make it something else.
    pub(super) fn plain_words(&self) -> Result<Vec<&str>, String> {
        match self.rest.find(['\\', '`', '"', '\'']) {
            Some(_) => Err(self.odd(&format!("write what follows `{}` without quotes, `\\` and `` ` ``", self.word))),
            None => Ok(self.rest.split([' ', '\t']).filter(|word| !word.is_empty()).collect()),
        }
    }

    /// What is copied from: the image, stage or its number in `--from=x`.
    pub(super) fn copied_from(&self) -> impl Iterator<Item = &str> {
        self.flags.iter().filter(|(name, _)| name == "from").map(|(_, value)| value.as_str())
    }

    /// The same of `--mount=type=bind,from=x`.
    pub(super) fn mounted_from(&self) -> Result<Vec<String>, String> {
        let mounts = self.flags.iter().filter(|(name, _)| name == "mount");
        let from = mounts.map(|(_, mount)| from_of(mount).map_err(|what| self.odd(&format!("`--mount={mount}`: {what}"))));
        from.filter_map(Result::transpose).collect()
    }
}

fn split(text: &str) -> (&str, &str) {
    let text = text.trim_matches([' ', '\t']);
    text.split_once([' ', '\t']).map_or((text, ""), |(word, rest)| (word, rest.trim_start_matches([' ', '\t'])))
}

type Flags<'t> = (Vec<(String, String)>, &'t str);

fn flags<'t>(number: usize, mut rest: &'t str, known: &[&str]) -> Result<Flags<'t>, String> {
    let mut flags = Vec::new();
    while rest.starts_with("--") {
        let (flag, after) = flag(rest).ok_or_else(|| odd(number, "write flags in plain letters, without `\\` and `` ` ``"))?;
        let (name, value) = flag.split_once('=').unwrap_or((&flag, ""));
        let name = name.trim_start_matches("--");
        if !known.contains(&name) {
            return Err(odd(number, &format!("the flag `--{name}` is not known here")));
        }
        flags.push((name.to_owned(), value.to_owned()));
        rest = after.trim_start_matches([' ', '\t']);
    }
    Ok((flags, rest))
}

/// The first word without its quotes, and what follows it.
fn flag(text: &str) -> Option<(String, &str)> {
    let (mut word, mut quote) = (String::new(), None);
    for (at, letter) in text.char_indices() {
        match (letter, quote) {
            (' ' | '\t', None) => return Some((word, text.get(at..)?)),
            ('"' | '\'', None) => quote = Some(letter),
            (letter, Some(open)) if letter == open => quote = None,
            // A quote within the other one would be read a second time.
            ('\\' | '`' | '"' | '\'', _) => return None,
            (letter, _) if letter.is_ascii_graphic() || letter == ' ' => word.push(letter),
            _ => return None,
        }
    }
    quote.is_none().then_some((word, ""))
}

fn from_of(mount: &str) -> Result<Option<String>, &'static str> {
    let (mut keys, mut from) = (Vec::new(), None);
    for field in mount.split(',') {
        let (key, value) = field.split_once('=').unwrap_or((field, ""));
        let key = key.to_ascii_lowercase();
        if !MOUNT_KEYS.contains(&key.as_str()) {
            return Err("a key is not known here");
        }
        if keys.contains(&key) {
            return Err("write each key once");
        }
        if key == "from" {
            from = Some(value.to_owned());
        }
        keys.push(key);
    }
    Ok(from.filter(|from| !from.is_empty()))
}

//! What containers, networks and volumes lack, as one error that tells all of it.

use serde_json::json;

use crate::docker::create::{Denial, Verdict};
use crate::{Ending, Error, Result};

impl Verdict {
    /// What both say, as one: each list has one line.
    pub fn and(mut self, other: Self) -> Self {
        self.denials.extend(other.denials);
        for line in other.lines {
            let merged = self.lines.iter_mut().find_map(|known| both(known, &line).map(|both| *known = both));
            if merged.is_none() {
                self.lines.push(line);
            }
        }
        self
    }

    /// Exit code 4 when anything is missing, with the lines that would allow all of it. `who` asks for it: `the compose file`.
    pub fn require(&self, who: &str) -> Result<()> {
        if self.denials.is_empty() {
            return Ok(());
        }
        let mut text = format!("{who} asks for what is not granted:");
        for (thing, subjects) in by_thing(&self.denials) {
            text += &format!("\n  {}: {thing}", subjects.join(", "));
        }
        let list = self.denials.iter().map(|denial| json!({ "subject": denial.subject, "field": denial.field, "thing": denial.thing }));
        let error = Error::new(Ending::Denied, text).detail("denials", list.collect::<Vec<_>>()).detail("lines", self.lines.clone());
        // A second table of the same name would be no TOML.
        let (section, lines) = self.lines.split_first().map_or(("", &[][..]), |(section, lines)| (section.as_str(), lines));
        let place = format!("to allow it, write under `{section}` in host.toml, in place of lines with the same keys:");
        Err(error.hint(format!("{place}\n{}", lines.join("\n"))))
    }
}

/// Two lines of one key; none where they are of two.
fn both(one: &str, other: &str) -> Option<String> {
    if one == other {
        return Some(one.to_owned());
    }
    let (key, list) = list(one)?;
    let (_, more) = self::list(other).filter(|(other, _)| *other == key)?;
    let mut items: Vec<&str> = list.split(", ").collect();
    for item in more.split(", ") {
        if !items.contains(&item) {
            items.push(item);
        }
    }
    Some(format!("{key} = [{}]", items.join(", ")))
}

/// `docker.images = ["a", "b"]`; nothing that is granted has a comma and a space in its name.
fn list(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(" = ")?;
    Some((key, value.strip_prefix('[')?.strip_suffix(']')?))
}

/// What is wanted by many is told once, in the order in which it is met first.
fn by_thing(denials: &[Denial]) -> Vec<(String, Vec<&str>)> {
    let mut found: Vec<(String, Vec<&str>)> = Vec::new();
    for Denial { subject, field, thing } in denials {
        let thing = format!("{field} `{thing}`");
        match found.iter_mut().find(|(known, _)| *known == thing) {
            Some((_, subjects)) if subjects.contains(&subject.as_str()) => {}
            Some((_, subjects)) => subjects.push(subject),
            None => found.push((thing, vec![subject])),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denial(subject: &str, field: &str, thing: &str) -> Denial {
        Denial { subject: subject.to_owned(), field: field.to_owned(), thing: thing.to_owned() }
    }

    #[test]
    fn two_verdicts_have_one_line_for_each_key() {
        let verdict = |lines: &[&str]| Verdict { denials: vec![], lines: lines.iter().map(ToString::to_string).collect() };
        let one = verdict(&["[commands.up]", "docker.images = [\"a\", \"b\"]", "docker.privileged = true"]);
        let other = verdict(&["[commands.up]", "docker.images = [\"a\", \"c\"]", "docker.tags = [\"x\"]"]);
        let lines = ["[commands.up]", "docker.images = [\"a\", \"b\", \"c\"]", "docker.privileged = true", "docker.tags = [\"x\"]"];
        assert_eq!(one.and(other).lines, lines);
    }

    #[test]
    fn what_many_ask_for_is_told_once() {
        let denials = vec![
            denial("db", "image", "postgres:16"),
            denial("web", "ports", "80"),
            denial("web", "image", "postgres:16"),
            denial("web", "ports", "80"),
            denial("networks.proxy", "name", "reverse-proxy"),
        ];
        let lines = vec!["[commands.up]".to_owned(), "docker.ports = [\"80\"]".to_owned()];
        let error = Verdict { denials, lines }.require("the compose file").unwrap_err();
        let Error::Failure(failure) = error else { panic!("{error}") };
        assert_eq!(
            failure.message,
            "the compose file asks for what is not granted:\n  db, web: image `postgres:16`\n  web: ports `80`\n  networks.proxy: name `reverse-proxy`"
        );
        let hint = "to allow it, write under `[commands.up]` in host.toml, in place of lines with the same keys:\ndocker.ports = [\"80\"]";
        assert_eq!((failure.ending, failure.hints.as_slice()), (Ending::Denied, [hint.to_owned()].as_slice()));
        assert_eq!(failure.details["denials"].as_array().map(Vec::len), Some(5));
        assert!(Verdict { denials: vec![], lines: vec![] }.require("it").is_ok());
    }
}

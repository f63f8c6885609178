//! What containers, networks and volumes lack, as one error that tells all of it.

use serde_json::json;

use crate::docker::create::{Denial, Verdict};
use crate::{Ending, Error, Result};

impl Verdict {
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
        Err(error.hint(format!("to allow it, add to host.toml:\n{}", self.lines.join("\n"))))
    }
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
    fn what_many_ask_for_is_told_once() {
        let denials = vec![
            denial("db", "image", "postgres:16"),
            denial("web", "ports", "80"),
            denial("web", "image", "postgres:16"),
            denial("web", "ports", "80"),
            denial("networks.proxy", "name", "reverse-proxy"),
        ];
        let error = Verdict { denials, lines: vec!["docker.ports = [\"80\"]".to_owned()] }.require("the compose file").unwrap_err();
        let Error::Failure(failure) = error else { panic!("{error}") };
        assert_eq!(
            failure.message,
            "the compose file asks for what is not granted:\n  db, web: image `postgres:16`\n  web: ports `80`\n  networks.proxy: name `reverse-proxy`"
        );
        assert_eq!(failure.ending, Ending::Denied);
        assert_eq!(failure.details["denials"].as_array().map(Vec::len), Some(5));
        assert!(Verdict { denials: vec![], lines: vec![] }.require("it").is_ok());
    }
}

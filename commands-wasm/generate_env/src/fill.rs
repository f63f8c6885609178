//! The template with a preview's own values in it. Pure, but for the random bytes of new secrets.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::address::{self, Becomes, sub_domain};
use crate::secret::{self, Kind};
use crate::template::{Assignment, assignments};

/// Either names the compose project.
const PROJECT: [&str; 2] = ["PROJECT_NAME", "COMPOSE_PROJECT_NAME"];
const HOSTS: [&str; 2] = ["HOST", "FRONTEND_HOST"];
const TLS: &str = "SSL";

#[derive(Debug, Default)]
pub(crate) struct Filled {
    pub(crate) text: String,
    /// Project, hosts and TLS as they are now, in the order of the file.
    pub(crate) set: Vec<(String, String)>,
    /// Keys of secrets that are new.
    pub(crate) generated: Vec<String>,
    /// Keys whose values the file had before.
    pub(crate) kept: Vec<String>,
    /// Keys whose values only others can give.
    pub(crate) issued: Vec<String>,
    pub(crate) warnings: Vec<String>,
}

/// `existing` is the file that would be replaced. An error is a sentence about the template.
pub(crate) fn fill(template: &str, label: &str, existing: Option<&str>, random: &mut dyn FnMut(&mut [u8])) -> Result<Filled, String> {
    let places = assignments(template);
    if let Some(own) = places.iter().find(|place| PROJECT.contains(&place.key.as_str()) && place.value(template) == label) {
        return Err(format!("its `{}` is `{label}` too: the preview would take the place of that project", own.key));
    }
    let before = existing.map(|text| before(text, label)).unwrap_or_default();
    let tls = places.iter().any(|place| HOSTS.contains(&place.key.as_str()) && address::is_public(place.value(template)));
    let mut filling = Filling { template, label, before, tls, secrets: BTreeMap::new(), filled: Filled::default(), random };
    let mut edits = Vec::new();
    for place in &places {
        edits.extend(filling.value(place)?);
    }
    filling.finish(&places, edits)
}

/// Raw values of a file of the same preview; of another's nothing is taken over, secrets least of all.
fn before(text: &str, label: &str) -> BTreeMap<String, String> {
    let places = assignments(text);
    let same = places.iter().any(|place| PROJECT.contains(&place.key.as_str()) && place.value(text) == label);
    let real = places.iter().filter(|place| same && !secret::is_placeholder(place.value(text)));
    real.map(|place| (place.key.clone(), place.raw(text).to_owned())).collect()
}

type Edit = (Range<usize>, String);

struct Filling<'a> {
    template: &'a str,
    label: &'a str,
    before: BTreeMap<String, String>,
    tls: bool,
    /// By group: what was chosen, and whether it is new.
    secrets: BTreeMap<String, (String, bool)>,
    filled: Filled,
    random: &'a mut dyn FnMut(&mut [u8]),
}

impl Filling<'_> {
    fn value(&mut self, place: &Assignment) -> Result<Option<Edit>, String> {
        let (key, value) = (place.key.as_str(), place.value(self.template));
        if PROJECT.contains(&key) {
            return Ok(Some(self.set(place, self.label.to_owned())));
        }
        if key == TLS {
            return Ok(Some(self.set(place, self.tls.to_string())));
        }
        if HOSTS.contains(&key) {
            return self.host(place);
        }
        if has_placeholder_password(value) {
            self.filled.warnings.push(format!("`{key}` has a placeholder as its password; refer to the secret's own key there: ${{KEY}}"));
        }
        if !secret::is_placeholder(value) {
            return Ok(None);
        }
        Ok(match secret::kind(key) {
            Kind::Own => Some(self.secret(place)),
            Kind::Issued => self.issued(place),
            Kind::NoSecret => None,
        })
    }

    fn set(&mut self, place: &Assignment, value: String) -> Edit {
        self.filled.set.push((place.key.clone(), value.clone()));
        (place.inner.clone(), value)
    }

    fn host(&mut self, place: &Assignment) -> Result<Option<Edit>, String> {
        let value = place.value(self.template);
        let known: Vec<&str> = PROJECT.into_iter().chain(HOSTS).filter(|key| *key != place.key).collect();
        match sub_domain(value, self.label, &known).map_err(|why| format!("its `{}` {why}", place.key))? {
            Becomes::SubDomain(name) => Ok(Some(self.set(place, name))),
            Becomes::Follows => {
                self.filled.set.push((place.key.clone(), value.to_owned()));
                Ok(None)
            }
            Becomes::Address => {
                self.filled.warnings.push(format!("`{}` is an address, which has no sub-domains: it stays `{value}`", place.key));
                Ok(None)
            }
        }
    }

    fn secret(&mut self, place: &Assignment) -> Edit {
        let group = secret::group(&place.key);
        if !self.secrets.contains_key(&group) {
            let same = |key: &&String| secret::group(key) == group && secret::kind(key) == Kind::Own;
            let kept = self.before.keys().find(same).and_then(|key| self.before.get(key));
            let chosen = kept.map_or_else(|| (secret::generate(self.random), true), |kept| (kept.clone(), false));
            self.secrets.insert(group.clone(), chosen);
        }
        let own = self.before.get(&place.key).map(|own| (own.clone(), false));
        let (value, new) = own.or_else(|| self.secrets.get(&group).cloned()).unwrap_or_default();
        let list = if new { &mut self.filled.generated } else { &mut self.filled.kept };
        list.push(place.key.clone());
        // A kept value brings its own quotes.
        (if new { place.inner.clone() } else { place.whole.clone() }, value)
    }

    fn issued(&mut self, place: &Assignment) -> Option<Edit> {
        let kept = self.before.get(&place.key).cloned();
        let list = if kept.is_some() { &mut self.filled.kept } else { &mut self.filled.issued };
        list.push(place.key.clone());
        kept.map(|value| (place.whole.clone(), value))
    }

    fn finish(mut self, places: &[Assignment], edits: Vec<Edit>) -> Result<Filled, String> {
        let mut text = String::with_capacity(self.template.len() + 64);
        let mut at = 0;
        for (range, value) in edits {
            text.push_str(self.template.get(at..range.start).unwrap_or_default());
            text.push_str(&value);
            at = range.end;
        }
        text.push_str(self.template.get(at..).unwrap_or_default());
        if !places.iter().any(|place| PROJECT.contains(&place.key.as_str())) {
            let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
            let gap = if text.is_empty() || text.ends_with('\n') { "" } else { end };
            text.push_str(&format!("{gap}PROJECT_NAME={}{end}", self.label));
            self.filled.set.push(("PROJECT_NAME".to_owned(), self.label.to_owned()));
        }
        if !places.iter().any(|place| HOSTS.contains(&place.key.as_str())) {
            self.filled.warnings.push("the template has neither `HOST` nor `FRONTEND_HOST`, so that no sub-domain was made".to_owned());
        }
        Ok(Filled { text, ..self.filled })
    }
}

/// `postgres://shop:changeme@db/shop`
fn has_placeholder_password(value: &str) -> bool {
    let user = value.split_once("://").and_then(|(_, rest)| rest.split(['/', '?']).next()?.rsplit_once('@'));
    user.and_then(|(user, _)| user.split_once(':')).is_some_and(|(_, password)| secret::is_placeholder(password))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "# The shop\r\n\
        export PROJECT_NAME=\"shop\"   # one per machine\r\n\
        HOST=api.example.com\r\n\
        FRONTEND_HOST = 'example.com'\r\n\
        WEB=https://${HOST}/\r\n\
        SSL=False\r\n\
        # SECRET_KEY=old\r\n\
        SECRET_KEY=changeme # keep it\r\n\
        POSTGRES_PASSWORD=\r\n\
        DB_PASSWORD=\"<secret>\"\r\n\
        STRIPE_API_KEY=\r\n\
        DEBUG=\r\n\
        last=ünïcode";

    fn filled(template: &str, existing: Option<&str>) -> Filled {
        let mut seed = 1_u32;
        let random = &mut |bytes: &mut [u8]| {
            for byte in bytes {
                seed = seed.wrapping_mul(1_103_515_245).wrapping_add(12_345);
                *byte = seed.to_be_bytes()[1];
            }
        };
        fill(template, "pr-1", existing, random).unwrap()
    }

    #[test]
    fn only_values_change_and_the_rest_stays_byte_for_byte() {
        let filled = filled(SAMPLE, None);
        let value = |key: &str| {
            let places = assignments(&filled.text);
            places.iter().find(|place| place.key == key).unwrap().value(&filled.text).to_owned()
        };
        assert_eq!(value("DB_PASSWORD"), value("POSTGRES_PASSWORD"));
        let expected = SAMPLE
            .replace("\"shop\"", "\"pr-1\"")
            .replace("=api.example.com", "=pr-1.api.example.com")
            .replace("'example.com'", "'pr-1.example.com'")
            .replace("SSL=False", "SSL=true")
            .replace("changeme", &value("SECRET_KEY"))
            .replace("POSTGRES_PASSWORD=", &format!("POSTGRES_PASSWORD={}", value("DB_PASSWORD")))
            .replace("<secret>", &value("DB_PASSWORD"));
        assert_eq!(filled.text, expected);
        assert_eq!(filled.generated, ["SECRET_KEY", "POSTGRES_PASSWORD", "DB_PASSWORD"]);
        assert_eq!(filled.issued, ["STRIPE_API_KEY"]);
    }

    #[test]
    fn the_second_time_it_is_the_same() {
        let first = filled(SAMPLE, None);
        let by_hand = first.text.replace("STRIPE_API_KEY=", "STRIPE_API_KEY='sk 1'");
        let second = filled(SAMPLE, Some(&by_hand));
        assert_eq!(second.text, by_hand);
        assert_eq!((second.generated.len(), second.kept.len(), second.issued.len()), (0, 4, 0));
    }

    #[test]
    fn secrets_of_another_project_are_not_taken_over() {
        let other = "PROJECT_NAME=shop\nSECRET_KEY=production\nSTRIPE_API_KEY=live\n";
        let filled = filled(SAMPLE, Some(other));
        assert!(!filled.text.contains("production") && !filled.text.contains("live"), "{}", filled.text);
    }

    #[test]
    fn a_preview_must_not_be_called_as_the_project_itself() {
        let error = fill("PROJECT_NAME=pr-1\n", "pr-1", None, &mut |_| {}).unwrap_err();
        assert!(error.contains("would take the place of that project"), "{error}");
    }

    #[test]
    fn a_template_without_a_project_gets_one_at_its_end() {
        for (template, text) in
            [("A=1", "A=1\nPROJECT_NAME=pr-1\n"), ("", "PROJECT_NAME=pr-1\n"), ("A=1\r\n", "A=1\r\nPROJECT_NAME=pr-1\r\n")]
        {
            let filled = filled(template, None);
            assert_eq!((filled.text.as_str(), filled.warnings.len()), (text, 1));
        }
    }

    #[test]
    fn hosts_that_cannot_be_one_are_said() {
        let error = |template: &str| fill(template, "pr-1", None, &mut |_| {}).unwrap_err();
        assert_eq!(error("HOST=\n"), "its `HOST` is empty, so that there is nothing to make a sub-domain of");
        assert!(error("HOST=<domain>\n").contains("no domain yet"));
        let filled = filled("HOST=0.0.0.0\nFRONTEND_HOST=localhost\nSSL=true\n", None);
        assert!(filled.text.starts_with("HOST=0.0.0.0\nFRONTEND_HOST=pr-1.localhost\nSSL=false\n"), "{}", filled.text);
        assert_eq!(filled.warnings.len(), 1);
    }

    #[test]
    fn one_value_that_follows_another_stays() {
        let filled = filled("HOST=example.com\nFRONTEND_HOST=www.${HOST}\n", None);
        assert!(filled.text.starts_with("HOST=pr-1.example.com\nFRONTEND_HOST=www.${HOST}\n"), "{}", filled.text);
    }

    #[test]
    fn a_placeholder_inside_of_an_address_is_warned_about() {
        let filled = filled("HOST=a.b\nDATABASE_URL=postgres://shop:changeme@db/shop\nREDIS_URL=redis://:${P}@r\n", None);
        assert!(filled.warnings.len() == 1 && filled.warnings[0].contains("DATABASE_URL"), "{:?}", filled.warnings);
    }
}

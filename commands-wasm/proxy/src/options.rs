//! What labels may say, as Traefik 3 documents it, and how each value is written in a file.

use host_sdk::serde_json::Value;

/// One a line: the path without the name of the router, service or middleware, and what its value is. `[]` is a place
/// in a list, `*` a name of the person's own.
const OPTIONS: &str = include_str!("options.txt");

/// One step of a path as Traefik's files spell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) key: String,
    pub(crate) index: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Number,
    Flag,
    List,
    Duration,
    Port,
    /// `true` is there, with nothing more said.
    Present,
}

/// Entries of a list in a label; no stack has so many.
const INDEX_BOUND: usize = 100;

/// The option that `path` names in whatever case: `http`, `routers`, `tls.domains[0].main`. None when there is none.
pub(crate) fn find(protocol: &str, section: &str, path: &str) -> Option<(Vec<Step>, Kind)> {
    let wanted: Vec<(&str, Option<usize>)> = path.split('.').map(indexed).collect::<Option<_>>()?;
    let prefix = format!("{protocol}.{section}.");
    OPTIONS.lines().filter_map(|line| line.strip_prefix(&prefix)).find_map(|line| {
        let (known, kind) = line.split_once(' ')?;
        let known: Vec<&str> = known.split('.').collect();
        if known.len() != wanted.len() {
            return None;
        }
        let steps: Vec<Step> = known.iter().zip(&wanted).map(|(known, wanted)| step(known, *wanted)).collect::<Option<_>>()?;
        Some((steps, kind_of(kind)?))
    })
}

fn indexed(segment: &str) -> Option<(&str, Option<usize>)> {
    match segment.split_once('[') {
        None => Some((segment, None)),
        Some((key, index)) => {
            let index: usize = index.strip_suffix(']')?.parse().ok()?;
            (index < INDEX_BOUND).then_some((key, Some(index)))
        }
    }
}

fn step(known: &str, (key, index): (&str, Option<usize>)) -> Option<Step> {
    if known == "*" {
        return (!key.is_empty() && index.is_none()).then(|| Step { key: key.to_owned(), index });
    }
    let name = known.strip_suffix("[]");
    let fits = name.unwrap_or(known).eq_ignore_ascii_case(key) && name.is_some() == index.is_some();
    fits.then(|| Step { key: name.unwrap_or(known).to_owned(), index })
}

fn kind_of(word: &str) -> Option<Kind> {
    Some(match word {
        "text" => Kind::Text,
        "number" => Kind::Number,
        "flag" => Kind::Flag,
        "list" => Kind::List,
        "duration" => Kind::Duration,
        "port" => Kind::Port,
        "present" => Kind::Present,
        _ => return None,
    })
}

/// The value as a file has it; none where the label says nothing; an error says what it should be.
pub(crate) fn value(kind: Kind, text: &str) -> Result<Option<Value>, &'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let value = match kind {
        Kind::Text => text.into(),
        Kind::Number => text.parse::<i64>().map_err(|_| "a whole number")?.into(),
        Kind::Flag => flag(text).ok_or("`true` or `false`")?.into(),
        Kind::List => text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(Value::from).collect(),
        Kind::Duration if is_duration(text) => text.into(),
        Kind::Duration => return Err("a time such as `10s`"),
        Kind::Port => text.parse::<u16>().ok().filter(|port| *port > 0).ok_or("a port")?.into(),
        Kind::Present if flag(text).ok_or("`true` or `false`")? => Value::Object(Default::default()),
        Kind::Present => return Ok(None),
    };
    Ok(Some(value))
}

/// As Go reads it, and with it Traefik.
fn flag(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// `1h30m`, `250ms`, or seconds.
fn is_duration(text: &str) -> bool {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return true;
    }
    let mut rest = text.strip_prefix('-').unwrap_or(text);
    while !rest.is_empty() {
        let unit = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let number = rest.get(..rest.len() - unit.len()).unwrap_or_default();
        let known = ["ns", "us", "µs", "ms", "s", "m", "h"].into_iter().filter(|known| unit.starts_with(known));
        let Some(longest) = known.max_by_key(|known| known.len()).filter(|_| number.parse::<f64>().is_ok()) else {
            return false;
        };
        rest = unit.get(longest.len()..).unwrap_or_default();
    }
    true
}

#[cfg(test)]
mod tests {
    use host_sdk::serde_json::json;

    use super::*;

    fn spelled(protocol: &str, section: &str, path: &str) -> Option<String> {
        let (steps, _) = find(protocol, section, path)?;
        let step = |step: &Step| step.index.map_or(step.key.clone(), |index| format!("{}[{index}]", step.key));
        Some(steps.iter().map(step).collect::<Vec<_>>().join("."))
    }

    #[test]
    fn options_are_found_in_any_case_and_spelled_as_files_do() {
        let cases = [
            ("http", "routers", "entrypoints", "entryPoints"),
            ("http", "routers", "TLS.CertResolver", "tls.certResolver"),
            ("http", "routers", "tls.domains[1].sans", "tls.domains[1].sans"),
            ("http", "services", "loadbalancer.server.port", "loadBalancer.server.port"),
            ("http", "services", "loadbalancer.healthcheck.headers.X-Probe", "loadBalancer.healthCheck.headers.X-Probe"),
            ("http", "middlewares", "headers.customrequestheaders.X-Script-Name", "headers.customRequestHeaders.X-Script-Name"),
            ("tcp", "middlewares", "ipallowlist.sourcerange", "ipAllowList.sourceRange"),
        ];
        for (protocol, section, path, expected) in cases {
            assert_eq!(spelled(protocol, section, path).as_deref(), Some(expected), "{path}");
        }
    }

    #[test]
    fn what_is_no_option_is_not_found() {
        let cases = [
            "rul",
            "tls.domains.main",
            "tls.domains[x].main",
            "tls.domains[100].main",
            "rule.more",
            "",
            "entrypoints[0]",
            "tls.domains[0]",
        ];
        for path in cases {
            assert_eq!(find("http", "routers", path), None, "{path}");
        }
        assert_eq!(find("udp", "routers", "service"), None);
        assert_eq!(find("http", "middlewares", "plugin.x.y"), None);
    }

    #[test]
    fn every_line_of_the_table_is_understood() {
        for line in OPTIONS.lines() {
            let (path, kind) = line.split_once(' ').unwrap();
            assert!(kind_of(kind).is_some() && path.split('.').count() > 2, "{line}");
        }
    }

    #[test]
    fn values_are_written_as_what_they_are() {
        let cases = [
            (Kind::Text, "Host(`a`)", json!("Host(`a`)")),
            (Kind::Number, "42", json!(42)),
            (Kind::Flag, "True", json!(true)),
            (Kind::List, "a, b,,c", json!(["a", "b", "c"])),
            (Kind::Duration, "1h30m0.5s", json!("1h30m0.5s")),
            (Kind::Duration, "10", json!("10")),
            (Kind::Port, "8000", json!(8000)),
            (Kind::Present, "true", json!({})),
        ];
        for (kind, text, expected) in cases {
            assert_eq!(value(kind, text), Ok(Some(expected)), "{text}");
        }
        for (kind, text) in [(Kind::Text, ""), (Kind::List, " "), (Kind::Present, "false")] {
            assert_eq!(value(kind, text), Ok(None), "{text}");
        }
        let wrong = [
            (Kind::Number, "4.2"),
            (Kind::Flag, "yes"),
            (Kind::Duration, "soon"),
            (Kind::Duration, "5 s"),
            (Kind::Port, "0"),
            (Kind::Port, "70000"),
        ];
        for (kind, text) in wrong {
            assert!(value(kind, text).is_err(), "{text}");
        }
    }
}

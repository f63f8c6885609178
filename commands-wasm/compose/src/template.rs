//! `$X ${X} ${X:-d} ${X-d} ${X:?e} ${X?e} ${X:+a} ${X+a} $$` in a text, nested in one another.
//!
//! As Compose v2 does it: a `$` before anything else stays a `$`, an unset variable is empty and noted. The result
//! is bounded by [`MAX_BYTES`], nesting by [`MAX_DEPTH`].

/// No value of a Compose file is larger than a file of them may be.
const MAX_BYTES: usize = 4 << 20;
const MAX_DEPTH: usize = 32;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// `${` without an end, or with something else than a name in it.
    Invalid,
    Required {
        name: String,
        reason: String,
    },
    TooLong,
}

/// What variables are looked up in.
pub(crate) type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// The text with its variables' values; names that have none are added to `unset`.
pub(crate) fn substitute(text: &str, lookup: &Lookup<'_>, unset: &mut Vec<String>) -> Result<String, Fault> {
    expand(text, lookup, unset, 0)
}

fn expand(text: &str, lookup: &Lookup<'_>, unset: &mut Vec<String>, depth: usize) -> Result<String, Fault> {
    if depth > MAX_DEPTH {
        return Err(Fault::Invalid);
    }
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some(inside) = after.strip_prefix('{') {
            let (body, after) = split_at_close(inside).ok_or(Fault::Invalid)?;
            out.push_str(&braced(body, lookup, unset, depth)?);
            rest = after;
        } else {
            let (name, after) = split_name(after);
            if name.is_empty() {
                out.push('$');
            } else {
                out.push_str(&value_or_empty(name, lookup, unset));
            }
            rest = after;
        }
        if out.len() > MAX_BYTES {
            return Err(Fault::TooLong);
        }
    }
    out.push_str(rest);
    if out.len() > MAX_BYTES { Err(Fault::TooLong) } else { Ok(out) }
}

fn braced(body: &str, lookup: &Lookup<'_>, unset: &mut Vec<String>, depth: usize) -> Result<String, Fault> {
    let (name, rest) = split_name(body);
    if name.is_empty() {
        return Err(Fault::Invalid);
    }
    if rest.is_empty() {
        return Ok(value_or_empty(name, lookup, unset));
    }
    // With a colon, empty counts as unset.
    let (colon, rest) = rest.strip_prefix(':').map_or((false, rest), |rest| (true, rest));
    let mut operands = rest.chars();
    let operator = operands.next();
    let operand = operands.as_str();
    let value = lookup(name).filter(|value| !colon || !value.is_empty());
    match (operator, value) {
        (Some('-' | '?'), Some(value)) => Ok(value),
        (Some('-'), None) | (Some('+'), Some(_)) => expand(operand, lookup, unset, depth + 1),
        (Some('+'), None) => Ok(String::new()),
        (Some('?'), None) => Err(Fault::Required { name: name.to_owned(), reason: expand(operand, lookup, unset, depth + 1)? }),
        _ => Err(Fault::Invalid),
    }
}

fn value_or_empty(name: &str, lookup: &Lookup<'_>, unset: &mut Vec<String>) -> String {
    lookup(name).unwrap_or_else(|| {
        unset.push(name.to_owned());
        String::new()
    })
}

fn split_name(text: &str) -> (&str, &str) {
    let is_part = |(at, letter): (usize, char)| letter == '_' || letter.is_ascii_alphabetic() || (at > 0 && letter.is_ascii_digit());
    let end = text.char_indices().find(|part| !is_part(*part)).map_or(text.len(), |(at, _)| at);
    text.split_at(end)
}

/// What is before the brace that closes, and after it. Braces between come in pairs.
fn split_at_close(text: &str) -> Option<(&str, &str)> {
    let mut open = 1_usize;
    for (at, letter) in text.char_indices() {
        match letter {
            '{' => open += 1,
            '}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some((text.get(..at)?, text.get(at + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Result<String, Fault> {
        let lookup = |name: &str| match name {
            "SET" => Some("value".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        substitute(text, &lookup, &mut Vec::new())
    }

    #[test]
    fn every_form_means_what_compose_says() {
        for (text, expected) in [
            ("$SET-${SET}", "value-value"),
            ("$$SET $${SET}", "$SET ${SET}"),
            ("${SET:-d} ${EMPTY:-d} ${NONE:-d}", "value d d"),
            ("${SET-d} ${EMPTY-d} ${NONE-d}", "value  d"),
            ("${SET:+a} ${EMPTY:+a} ${NONE:+a}", "a  "),
            ("${SET+a} ${EMPTY+a} ${NONE+a}", "a a "),
            ("${SET:?e} ${EMPTY?e}", "value "),
            ("${NONE:-${EMPTY:-${SET}}}", "value"),
            ("${NONE:-${SET}}/x", "value/x"),
            ("${NONE:-{\"a\": 1}}!", "{\"a\": 1}!"),
            ("${NONE:-a:-b}", "a:-b"),
            ("${NONE:-$$5}", "$5"),
            ("costs 5$, $1 and $", "costs 5$, $1 and $"),
            ("${NONE}$NONE.", "."),
        ] {
            assert_eq!(said(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_required_and_what_is_malformed_are_told() {
        let required = |name: &str, reason: &str| Err(Fault::Required { name: name.to_owned(), reason: reason.to_owned() });
        assert_eq!(said("${NONE?}"), required("NONE", ""));
        assert_eq!(said("${EMPTY:?set it to $SET}"), required("EMPTY", "set it to value"));
        for text in ["${", "${SET", "${}", "${1}", "${SET!x}", "${SET:}", "${ SET }"] {
            assert_eq!(said(text), Err(Fault::Invalid), "{text}");
        }
    }

    #[test]
    fn unset_variables_are_noted() {
        let mut unset = Vec::new();
        substitute("$A ${B} ${C:-d} ${D+x}", &|_| None, &mut unset).unwrap();
        assert_eq!(unset, ["A", "B"]);
    }

    #[test]
    fn values_do_not_grow_without_bound() {
        let lookup = |_: &str| Some("x".repeat(1 << 20));
        assert!(substitute("$A$A$A$A", &lookup, &mut Vec::new()).is_ok());
        assert_eq!(substitute("$A$A$A$A.", &lookup, &mut Vec::new()), Err(Fault::TooLong));
    }
}

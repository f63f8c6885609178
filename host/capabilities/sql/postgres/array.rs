//! Arrays of simple types in binary against Postgres' text form: `{1,NULL,"a b"}`.

use super::decode::text_of;

/// Appends the text form; None when the bytes are no array of such elements.
pub(super) fn to_text(element: u32, raw: &[u8], out: &mut String) -> Option<()> {
    let mut reader = Reader { raw };
    let dimensions = usize::try_from(reader.int()?).ok().filter(|count| *count <= 6)?;
    let _flags = reader.int()?;
    if u32::try_from(reader.int()?).ok()? != element && dimensions > 0 {
        return None;
    }
    let mut sizes = Vec::with_capacity(dimensions);
    for _ in 0..dimensions {
        sizes.push((reader.int()?, reader.int()?));
    }
    if dimensions == 0 {
        out.push_str("{}");
        return Some(());
    }
    if sizes.iter().any(|(_, lower)| *lower != 1) {
        for (size, lower) in &sizes {
            out.push_str(&format!("[{lower}:{}]", lower.checked_add(*size)?.checked_sub(1)?));
        }
        out.push('=');
    }
    level(element, &sizes, &mut reader, out)
}

fn level(element: u32, sizes: &[(i32, i32)], reader: &mut Reader<'_>, out: &mut String) -> Option<()> {
    let Some(((size, _), inner)) = sizes.split_first() else { return value(element, reader, out) };
    out.push('{');
    for index in 0..*size {
        if index > 0 {
            out.push(',');
        }
        level(element, inner, reader, out)?;
    }
    out.push('}');
    Some(())
}

fn value(element: u32, reader: &mut Reader<'_>, out: &mut String) -> Option<()> {
    let Ok(length) = usize::try_from(reader.int()?) else {
        out.push_str("NULL");
        return Some(());
    };
    let mut text = String::new();
    text_of(element, reader.take(length)?, &mut text)?;
    let special = |c: char| matches!(c, '{' | '}' | ',' | '"' | '\\') || c.is_ascii_whitespace() || c == '\u{b}';
    if text.is_empty() || text.eq_ignore_ascii_case("null") || text.contains(special) {
        out.push('"');
        for c in text.chars() {
            if matches!(c, '"' | '\\') {
                out.push('\\');
            }
            out.push(c);
        }
        out.push('"');
    } else {
        out.push_str(&text);
    }
    Some(())
}

struct Reader<'a> {
    raw: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.raw.split_at_checked(length)?;
        self.raw = rest;
        Some(taken)
    }

    fn int(&mut self) -> Option<i32> {
        Some(i32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }
}

/// The elements of a one-dimensional array in text form; None for anything else.
pub(super) fn elements(text: &str) -> Option<Vec<Option<String>>> {
    let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let mut elements = Vec::new();
    let mut rest = inner.trim_start().chars().peekable();
    if rest.peek().is_none() {
        return Some(elements);
    }
    loop {
        let mut element = String::new();
        let quoted = rest.next_if_eq(&'"').is_some();
        loop {
            match rest.peek().copied() {
                Some('"') if quoted => {
                    rest.next();
                    break;
                }
                Some(',') | None if !quoted => break,
                Some('{' | '}' | '"') if !quoted => return None,
                Some('\\') => {
                    rest.next();
                    element.push(rest.next()?);
                }
                Some(c) => {
                    rest.next();
                    element.push(c);
                }
                None => return None,
            }
        }
        let element = if quoted { element } else { element.trim().to_owned() };
        match (quoted, element.is_empty()) {
            (false, true) => return None,
            _ => elements.push((quoted || !element.eq_ignore_ascii_case("null")).then_some(element)),
        }
        while rest.next_if(char::is_ascii_whitespace).is_some() {}
        match rest.next() {
            Some(',') => while rest.next_if(char::is_ascii_whitespace).is_some() {},
            None => return Some(elements),
            Some(_) => return None,
        }
    }
}

/// The binary form of a one-dimensional array.
pub(super) fn to_binary(element: u32, values: &[Option<Vec<u8>>]) -> Option<Vec<u8>> {
    let has_nulls = i32::from(values.iter().any(Option::is_none));
    let mut raw = Vec::new();
    raw.extend(i32::from(!values.is_empty()).to_be_bytes());
    raw.extend(has_nulls.to_be_bytes());
    raw.extend(element.to_be_bytes());
    if !values.is_empty() {
        raw.extend(i32::try_from(values.len()).ok()?.to_be_bytes());
        raw.extend(1_i32.to_be_bytes());
    }
    for value in values {
        match value {
            Some(value) => {
                raw.extend(i32::try_from(value.len()).ok()?.to_be_bytes());
                raw.extend_from_slice(value);
            }
            None => raw.extend((-1_i32).to_be_bytes()),
        }
    }
    Some(raw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capabilities::sql::postgres::oid;

    #[test]
    fn arrays_come_back_in_postgres_text_form() {
        for text in ["{}", "{a,NULL,\"a b\",\"null\",\"\",\"q\\\"\\\\\"}", "{ä}"] {
            let values: Vec<_> = elements(text).unwrap().into_iter().map(|element| element.map(String::into_bytes)).collect();
            let mut out = String::new();
            to_text(oid::TEXT, &to_binary(oid::TEXT, &values).unwrap(), &mut out).unwrap();
            assert_eq!(out, text);
        }
    }

    #[test]
    fn what_is_no_flat_array_is_refused() {
        for text in ["", "1,2", "{1", "{{1},{2}}", "{1,}", "{\"a}", "{\"a\"b}"] {
            assert_eq!(elements(text), None, "{text}");
        }
    }
}

//! Scalars as Compose's YAML reader types them, and numbers as it prints them.
//!
//! Compose reads YAML 1.2's core words for truth and nothing (`yes`, `no`, `on`, `off` are strings), and of YAML
//! 1.1 it keeps octal numbers with a leading zero and `_` between digits. Numbers in base sixty (`22:22`) are
//! strings. Dates, which it makes a value of its own and then refuses, are strings here.

use crate::node::Value;

/// The value of a scalar without quotes.
pub(crate) fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let starts = text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.'));
    if !starts {
        return Value::Text(text.to_owned());
    }
    if let Some(value) = integer(text) {
        return Value::Int(value, text.to_owned());
    }
    if let Some(value) = float(text) {
        return Value::Float(value, text.to_owned());
    }
    Value::Text(text.to_owned())
}

fn integer(text: &str) -> Option<i64> {
    let plain = text.replace('_', "");
    let (negative, digits) = match plain.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    if !digits.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let lower = digits.to_ascii_lowercase();
    let (base, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, lower.get(2..)?),
        [b'0', b'o', ..] => (8, lower.get(2..)?),
        [b'0', b'b', ..] => (2, lower.get(2..)?),
        [b'0', _, ..] => (8, lower.get(1..)?),
        _ => (10, lower.as_str()),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let value = i128::from_str_radix(digits, base).ok()?;
    i64::try_from(if negative { -value } else { value }).ok()
}

fn float(text: &str) -> Option<f64> {
    match text {
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Some(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Some(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Some(f64::NAN),
        _ => {}
    }
    let plain = text.replace('_', "");
    let unsigned = plain.strip_prefix(['+', '-']).unwrap_or(&plain);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (unsigned.get(..at)?, unsigned.get(at + 1..)),
        None => (unsigned, None),
    };
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.map_or("0", |exponent| exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
    let shaped = all_digits(whole)
        && all_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && !exponent.is_empty()
        && all_digits(exponent);
    shaped.then(|| plain.parse().ok()).flatten()
}

/// A float as Go prints it: the shortest digits, with an exponent below 1e-4 and from 1e21.
pub(crate) fn printed(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let size = value.abs();
    if value == 0.0 || (1e-4..1e21).contains(&size) { format!("{value}") } else { with_exponent(&format!("{value:e}")) }
}

/// `1e-5` as Go writes it, `1e-05`.
fn with_exponent(text: &str) -> String {
    let Some((mantissa, exponent)) = text.split_once('e') else { return text.to_owned() };
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match resolve(text) {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => format!("bool {value}"),
            Value::Int(value, _) => format!("int {value}"),
            Value::Float(value, _) => format!("float {}", printed(value)),
            Value::Text(text) => text,
            Value::List(_) | Value::Map(_) => "collection".to_owned(),
        }
    }

    #[test]
    fn words_of_yaml_1_1_stay_strings() {
        for word in [
            "yes",
            "no",
            "on",
            "off",
            "y",
            "n",
            "22:22",
            "3306:3306",
            "1:30:00",
            "2024-05-01",
            "1.2.3",
            "-",
            ".",
            "+",
            "1e",
            "0x",
            "5432/tcp",
        ] {
            assert_eq!(shown(word), word);
        }
        assert_eq!([shown("true"), shown("False"), shown("~"), shown("")], ["bool true", "bool false", "null", "null"]);
    }

    #[test]
    fn numbers_are_read_and_printed_as_compose_does() {
        for (text, value) in [
            ("0755", "int 493"),
            ("0o755", "int 493"),
            ("0x1F", "int 31"),
            ("1_000", "int 1000"),
            ("-5", "int -5"),
            ("+5", "int 5"),
            ("0899", "float 899"),
            ("1.10", "float 1.1"),
            ("1e3", "float 1000"),
            ("1e21", "float 1e+21"),
            ("0.00001", "float 1e-05"),
            (".5", "float 0.5"),
            (".inf", "float +Inf"),
        ] {
            assert_eq!(shown(text), value, "{text}");
        }
    }
}

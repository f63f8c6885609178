//! Postgres' `numeric` in binary (digits to base 10,000) against decimal text.

const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const NEGATIVE_INFINITY: u16 = 0xF000;
const NEGATIVE: u16 = 0x4000;
/// Digits before and after the point that Postgres can store.
const WHOLE_DIGITS: i64 = 131_072;
const FRACTION_DIGITS: usize = 16_383;

/// Appends the decimal text of a binary numeric; None when the bytes are no numeric.
pub(super) fn to_text(raw: &[u8], out: &mut String) -> Option<()> {
    let mut words =
        raw.chunks_exact(2).map(|pair| u16::from_be_bytes([pair.first().copied().unwrap_or(0), pair.get(1).copied().unwrap_or(0)]));
    let (count, weight, sign, scale) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let special = [(NAN, "NaN"), (INFINITY, "Infinity"), (NEGATIVE_INFINITY, "-Infinity")];
    if let Some((_, text)) = special.iter().find(|(of, _)| *of == sign) {
        out.push_str(text);
        return Some(());
    }
    if sign == NEGATIVE {
        out.push('-');
    }
    let digits: Vec<u16> = words.collect();
    if digits.len() != usize::from(count) {
        return None;
    }
    let weight = i64::from(weight.cast_signed());
    let group = |position: i64| usize::try_from(weight - position).ok().and_then(|index| digits.get(index)).copied().unwrap_or(0);
    out.push_str(&group(weight.max(0)).to_string());
    for position in (0..weight.max(0)).rev() {
        out.push_str(&format!("{:04}", group(position)));
    }
    let scale = usize::from(scale);
    if scale > 0 {
        out.push('.');
        let end = out.len() + scale;
        let mut position = -1;
        while out.len() < end {
            out.push_str(&format!("{:04}", group(position)));
            position -= 1;
        }
        out.truncate(end);
    }
    Some(())
}

/// The binary form of decimal text (`-12.50`, `1e-7`, `NaN`, `Infinity`); None when it is no number.
pub(super) fn from_text(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (NEGATIVE, rest),
        None => (0, text.strip_prefix('+').unwrap_or(text)),
    };
    match unsigned.to_ascii_lowercase().as_str() {
        "nan" if sign == 0 => return Some(header(0, 0, NAN, 0)),
        "infinity" | "inf" => return Some(header(0, 0, if sign == 0 { INFINITY } else { NEGATIVE_INFINITY }, 0)),
        _ => {}
    }
    let (digits, point) = digits_and_point(unsigned)?;
    let scale = usize::try_from(i64::try_from(digits.len()).ok()? - point).unwrap_or(0);
    if scale > FRACTION_DIGITS || point > WHOLE_DIGITS {
        return None;
    }
    // Groups of four are counted from the point: pad on both sides.
    let lead = usize::try_from((4 - point.rem_euclid(4)) % 4).ok()?;
    let mut padded = vec![0_u8; lead];
    padded.extend_from_slice(&digits);
    padded.resize(padded.len().next_multiple_of(4), 0);
    let mut groups: Vec<u16> = padded.chunks_exact(4).map(|four| four.iter().fold(0, |sum, digit| sum * 10 + u16::from(*digit))).collect();
    let mut weight = (point + i64::try_from(lead).ok()?) / 4 - 1;
    let zeros = groups.iter().take_while(|group| **group == 0).count();
    groups.drain(..zeros);
    weight -= i64::try_from(zeros).ok()?;
    while groups.last() == Some(&0) {
        groups.pop();
    }
    let (sign, weight) = if groups.is_empty() { (0, 0) } else { (sign, weight) };
    let mut raw = header(u16::try_from(groups.len()).ok()?, i16::try_from(weight).ok()?, sign, u16::try_from(scale).ok()?);
    raw.extend(groups.iter().flat_map(|group| group.to_be_bytes()));
    Some(raw)
}

/// All digits, and how many of them stand before the point (negative: zeros follow the point first).
fn digits_and_point(text: &str) -> Option<(Vec<u8>, i64)> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut digits = Vec::with_capacity(whole.len() + fraction.len());
    for byte in whole.bytes().chain(fraction.bytes()) {
        digits.push(byte.is_ascii_digit().then(|| byte - b'0')?);
    }
    let point = i64::try_from(whole.len()).ok()? + i64::from(exponent);
    if !(-i64::try_from(FRACTION_DIGITS).ok()?..=WHOLE_DIGITS).contains(&point) {
        return None;
    }
    // 12e3 has more digits before its point than were written.
    let wanted = usize::try_from(point).unwrap_or(0);
    if digits.len() < wanted {
        digits.resize(wanted, 0);
    }
    Some((digits, point))
}

fn header(count: u16, weight: i16, sign: u16, scale: u16) -> Vec<u8> {
    [count.to_be_bytes(), weight.to_be_bytes(), sign.to_be_bytes(), scale.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(text: &str) -> Option<String> {
        let mut out = String::new();
        to_text(&from_text(text)?, &mut out)?;
        Some(out)
    }

    #[test]
    fn decimals_come_back_exactly() {
        for text in [
            "0",
            "0.00",
            "1",
            "-1.50",
            "12345678901234567890.123456789",
            "0.0001",
            "0.00001000",
            "10000",
            "100000000",
            "99999999.9999",
            "NaN",
            "Infinity",
            "-Infinity",
        ] {
            assert_eq!(round(text).as_deref(), Some(text));
        }
    }

    #[test]
    fn exponents_signs_and_missing_digits_are_read() {
        for (text, plain) in [("1e3", "1000"), ("1.5E-3", "0.0015"), ("+7", "7"), (".5", "0.5"), ("5.", "5"), ("12e-1", "1.2"), ("-0", "0")]
        {
            assert_eq!(round(text).as_deref(), Some(plain), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", ".", "-", "1x", "1e", "--1", "1e999999999", "-NaN", "0x10"] {
            assert_eq!(from_text(text), None, "{text}");
        }
    }
}

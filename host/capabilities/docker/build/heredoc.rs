//! Texts within a Dockerfile: `RUN <<EOF`, up to a line that is `EOF`; pure.
//!
//! Readers older than BuildKit's 1.4 know none, and read the text as instructions. To them its last line is an
//! instruction that does not exist, and they build nothing; that holds as long as the text hides no end from them.

use super::lines::{Line, continued, is_silent, odd};
use super::words::INSTRUCTIONS;

/// How a text ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct End {
    name: String,
    /// `<<-`: tabs before it do not count.
    tabs: bool,
}

/// The ends of the texts that an instruction begins, in their order.
pub(super) fn ends(line: &Line) -> Result<Vec<End>, String> {
    let mut words = line.text.split_ascii_whitespace().map(str::to_ascii_uppercase).skip_while(|word| word == "ONBUILD");
    let word = words.next().unwrap_or_default();
    if !takes_texts(&word) || !line.text.contains("<<") {
        return Ok(Vec::new());
    }
    let unsure =
        || odd(line.number, "it cannot be told what `<<` means here; write `<<NAME` as a word of its own, or put it into a script");
    let words = quoted_words(&line.text).ok_or_else(unsure)?;
    let mut ends = Vec::new();
    for word in words.iter().filter(|word| word.contains("<<")) {
        match end(word) {
            Some(end) => ends.push(end),
            None if is_no_end(word) => {}
            None => return Err(unsure()),
        }
    }
    // Some read an array before what looks like one of these.
    let mut arguments = words.iter().filter(|word| !word.is_empty()).skip_while(|word| is_before_arguments(word));
    let is_list = arguments.next().is_some_and(|first| first.starts_with('['));
    if !ends.is_empty() && is_list { Err(unsure()) } else { Ok(ends) }
}

fn is_before_arguments(word: &str) -> bool {
    let word = word.to_ascii_uppercase();
    word == "ONBUILD" || word.starts_with("--") || takes_texts(&word)
}

fn takes_texts(word: &str) -> bool {
    ["RUN", "COPY", "ADD"].contains(&word)
}

/// Words with their quotes. None where a quote does not end, and where readers differ: escapes, and values with rules.
fn quoted_words(text: &str) -> Option<Vec<String>> {
    let mut words = vec![String::new()];
    let mut quote = None;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            ('\\', None | Some('"')) => return None,
            ('$', None | Some('"')) if letters.peek() == Some(&'{') && !is_plain_value(letters.clone()) => return None,
            (' ' | '\t', None) => words.push(String::new()),
            _ => {
                quote = match quote {
                    None if letter == '\'' || letter == '"' => Some(letter),
                    Some(open) if open == letter => None,
                    quote => quote,
                };
                words.last_mut()?.push(letter);
            }
        }
    }
    quote.is_none().then_some(words)
}

/// `{X}`
fn is_plain_value(letters: impl Iterator<Item = char>) -> bool {
    let is_name = |letter: &char| letter.is_ascii_alphanumeric() || *letter == '_';
    let mut letters = letters.skip(1);
    let begun = letters.next().filter(is_name);
    begun.is_some() && letters.find(|letter| !is_name(letter)) == Some('}')
}

/// `<<EOF`, `<<-EOF`, `3<<"EOF"`, `<<'EOF'`
fn end(word: &str) -> Option<End> {
    let rest = word.trim_start_matches(|letter: char| letter.is_ascii_digit()).strip_prefix("<<")?;
    let (tabs, name) = rest.strip_prefix('-').map_or((false, rest), |name| (true, name));
    let unquoted = ['"', '\''].into_iter().find_map(|quote| name.strip_prefix(quote)?.strip_suffix(quote)).unwrap_or(name);
    let is_plain = unquoted.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    let is_instruction = INSTRUCTIONS.contains(&unquoted.to_ascii_uppercase().as_str());
    (!unquoted.is_empty() && is_plain && !is_instruction).then(|| End { name: unquoted.to_owned(), tabs })
}

/// Words that begin no text for any reader: `<<<`, `$((1<<2))`, `a<<b`, and what stands within quotes.
fn is_no_end(word: &str) -> bool {
    let begin = word.split("<<").next().unwrap_or_default();
    let is_value = begin.contains('$') && !begin.starts_with("$(");
    let is_more = word.trim_start_matches(|letter: char| letter.is_ascii_digit()).starts_with("<<<");
    // What ends so takes the next word along, for some.
    let is_open = word.ends_with("<<") && word != "<<<";
    !is_open && (is_more || (!is_value && begin.chars().any(|letter| !letter.is_ascii_digit())))
}

/// How many lines a text has, its end among them.
pub(super) fn length(number: usize, lines: &[&str], end: &End, escape: char) -> Result<usize, String> {
    let (mut is_open, mut is_instruction, mut has_texts) = (false, false, false);
    for (at, line) in lines.iter().enumerate() {
        let candidate = line.trim_end_matches('\r');
        let candidate = if end.tabs { candidate.trim_start_matches('\t') } else { candidate };
        if candidate == end.name {
            return match is_open || (is_instruction && has_texts) {
                true => Err(odd(number, "older readers take this text for instructions and do not find its end; put it into a file")),
                false => Ok(at + 1),
            };
        }
        let first = line.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        is_instruction |= takes_texts(&first) || first == "ONBUILD";
        has_texts |= line.contains("<<");
        if !(is_open && is_silent(line)) {
            is_open = !is_silent(line) && continued(line, escape).is_some();
        }
    }
    Err(odd(number, &format!("the text has no end: no line is `{}`", end.name)))
}

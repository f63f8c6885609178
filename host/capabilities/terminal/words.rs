//! What a guest says to people, made fit to be shown. Pure.

use crate::terminal::escapes;

/// Characters of a question.
const QUESTION_BOUND: usize = 2_000;
/// Characters of what stands on a line with other things: an item, a label, a flag.
const LABEL_BOUND: usize = 200;

/// A question may have several lines.
pub(super) fn question(text: &str) -> String {
    let text: String = escapes::strip(text).chars().filter(|character| *character != '\r').collect();
    cut(&text, QUESTION_BOUND)
}

/// A label has one line.
pub(super) fn label(text: &str) -> String {
    let text: String = escapes::strip(text).chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    cut(&text, LABEL_BOUND)
}

fn cut(text: &str, bound: usize) -> String {
    match text.char_indices().nth(bound) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_lose_what_steers_a_terminal_and_keep_their_lines() {
        assert_eq!(question("a\x1b[2Jb\r\nc\u{202E}"), "ab\nc");
        assert_eq!(label("a\nb\tc\x1b]0;x\x07"), "a b c");
    }

    #[test]
    fn texts_may_reach_their_bound_and_are_cut_past_it() {
        let at = "ü".repeat(QUESTION_BOUND);
        assert_eq!(question(&at), at);
        assert_eq!(question(&format!("{at}x")), format!("{at}…"));
        assert_eq!(label(&"x".repeat(LABEL_BOUND + 1)).chars().count(), LABEL_BOUND + 1);
    }
}

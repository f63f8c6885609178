//! Tables for people. A label may hold anything: nothing in it reaches a terminal as it is.

use std::fmt::Write as _;

use host_sdk::broadcast::{Delivery, LabelCount};

/// Width of the first column in the documents' sample.
const LABEL_WIDTH: usize = 34;
/// Characters of a label that are shown.
const LABEL_BOUND: usize = 120;

/// A label in one line: control characters escaped, cut where it is too long.
pub(crate) fn label(label: &str) -> String {
    let mut shown = String::new();
    for one in label.chars().take(LABEL_BOUND) {
        // Characters that change the direction of what follows are as confusing as escapes.
        let bends = matches!(one, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if one.is_control() || bends { shown.extend(one.escape_default()) } else { shown.push(one) }
    }
    if label.chars().nth(LABEL_BOUND).is_some() {
        shown.push('…');
    }
    shown
}

/// `label` and `est. number of connections`, as the documents show them, and the exact number where it was counted.
pub(crate) fn counts(labels: &[LabelCount]) -> String {
    let exact = labels.iter().any(|count| count.members.is_some());
    let shown: Vec<String> = labels.iter().map(|count| label(&count.label)).collect();
    let width = shown.iter().map(|label| label.chars().count()).max().unwrap_or(0).max(LABEL_WIDTH);
    let mut text = format!("{:width$} est. number of connections", "label");
    text.push_str(if exact { "  counted\n" } else { "\n" });
    for (label, count) in shown.iter().zip(labels) {
        let estimate = count.estimate.map_or_else(|| "none kept".to_owned(), |estimate| estimate.to_string());
        let mut line = format!("{label:width$} {estimate}");
        if let Some(members) = count.members {
            let place = width + 1 + "est. number of connections  ".len();
            let _ = write!(line, "{:pad$}{members}", "", pad = place.saturating_sub(line.chars().count()).max(1));
        }
        if !count.alive {
            line.push_str("  (no sign of life for a minute)");
        }
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// What became of each label's connections.
pub(crate) fn deliveries(deliveries: &[Delivery]) -> String {
    let shown: Vec<String> = deliveries.iter().map(|delivery| label(&delivery.label)).collect();
    let width = shown.iter().map(|label| label.chars().count()).max().unwrap_or(0).max(LABEL_WIDTH);
    let mut text = format!("{:width$} {:>11} {:>7} {:>5} {:>7} {:>8}\n", "label", "connections", "reached", "dead", "unknown", "not sent");
    for (label, delivery) in shown.iter().zip(deliveries) {
        let Delivery { members, sent, taken, dead, unknown, .. } = delivery;
        let left = members.saturating_sub(*sent);
        let _ = writeln!(text, "{label:width$} {members:>11} {taken:>7} {dead:>5} {unknown:>7} {left:>8}");
    }
    text
}

/// `1 connection`, `2 connections`.
pub(crate) fn number(count: u64, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(label: &str, estimate: i64, members: Option<u64>) -> LabelCount {
        LabelCount { label: label.to_owned(), estimate: Some(estimate), members, alive: true }
    }

    #[test]
    fn the_table_is_the_documents() {
        assert_eq!(
            counts(&[count("411b261.production", 3189, None)]),
            "label                              est. number of connections\n\
             411b261.production                 3189\n"
        );
    }

    #[test]
    fn zero_negative_counted_missing_and_silent_are_said_as_they_are() {
        let silent = LabelCount { alive: false, estimate: None, ..count("c", 0, Some(0)) };
        assert_eq!(
            counts(&[count("a", 0, Some(7)), count("b", -3, Some(12)), silent]),
            "label                              est. number of connections  counted\n\
             a                                  0                           7\n\
             b                                  -3                          12\n\
             c                                  none kept                   0  (no sign of life for a minute)\n"
        );
    }

    #[test]
    fn no_label_can_end_a_line_move_the_cursor_or_fill_the_screen() {
        assert_eq!(label("a\nb\x1b[2J\u{202e}c"), "a\\nb\\u{1b}[2J\\u{202e}c");
        assert_eq!(label("é.production"), "é.production");
        assert_eq!(label(&"x".repeat(1_000)).chars().count(), LABEL_BOUND + 1);
    }
}

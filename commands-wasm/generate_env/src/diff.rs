//! What would differ, line by line, with secrets hidden.

use crate::secret::is_hidden;
use crate::template::assignments;

/// Lines shown around a difference.
const AROUND: usize = 3;
/// Cells of the table that finds common lines; past it a stretch is shown as replaced as a whole.
const CELLS_BOUND: usize = 4_000_000;

/// As `diff -u` writes it; empty when both say the same. A missing file is an empty text.
pub(crate) fn unified(old: &str, new: &str, old_name: &str, new_name: &str) -> String {
    if old == new {
        return String::new();
    }
    let (old_shown, new_shown) = (hidden(old), hidden(new));
    let steps = steps(&lines(old), &lines(new));
    let (old_lines, new_lines) = (lines(&old_shown), lines(&new_shown));
    let mut text = format!("--- {old_name}\n+++ {new_name}\n");
    for hunk in hunks(&steps) {
        write_hunk(&mut text, hunk, &old_lines, &new_lines);
    }
    text
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Same(usize, usize),
    /// Gone, before this line of the new text.
    Old(usize, usize),
    /// New, before this line of the old text.
    New(usize, usize),
}

/// Lines with their ends, so that a difference in those is one.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// The text with every secret replaced; lines stay lines.
fn hidden(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut at = 0;
    for place in assignments(text) {
        let value = place.value(text);
        let cover = if value.is_empty() {
            None
        } else if is_hidden(&place.key) {
            Some((place.inner.clone(), cover(value)))
        } else {
            credentials(value).map(|range| (place.inner.start + range.start..place.inner.start + range.end, "***".to_owned()))
        };
        if let Some((range, cover)) = cover {
            shown.push_str(text.get(at..range.start).unwrap_or_default());
            shown.push_str(&cover);
            at = range.end;
        }
    }
    shown.push_str(text.get(at..).unwrap_or_default());
    // What was commented out was a secret once.
    let comment = |line: &str| {
        let bare = line.trim_start_matches([' ', '\t', '#']);
        let is_comment = line.trim_start().starts_with('#');
        match assignments(bare).first().filter(|place| is_comment && is_hidden(&place.key)) {
            Some(place) if !place.value(bare).is_empty() => {
                let head = line.len() - bare.len() + place.whole.start;
                format!("{}***{}", line.get(..head).unwrap_or_default(), line.get(line.trim_end().len()..).unwrap_or_default())
            }
            _ => line.to_owned(),
        }
    };
    lines(&shown).into_iter().map(comment).collect()
}

/// As many lines as the value has.
fn cover(value: &str) -> String {
    format!("***{}", "\n***".repeat(value.matches('\n').count()))
}

/// The password in `scheme://user:password@host`.
fn credentials(value: &str) -> Option<std::ops::Range<usize>> {
    let start = value.find("://")? + 3;
    let end = start + value.get(start..)?.find('@')?;
    let colon = start + value.get(start..end)?.find(':')?;
    (colon + 1 < end).then_some(colon + 1..end)
}

fn steps(old: &[&str], new: &[&str]) -> Vec<Step> {
    let head = old.iter().zip(new).take_while(|(one, other)| one == other).count();
    let most = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev()).take(most).take_while(|(one, other)| one == other).count();
    let (old_middle, new_middle) =
        (old.get(head..old.len() - tail).unwrap_or_default(), new.get(head..new.len() - tail).unwrap_or_default());
    let mut steps: Vec<Step> = (0..head).map(|place| Step::Same(place, place)).collect();
    middle(old_middle, new_middle, head, &mut steps);
    steps.extend((0..tail).map(|place| Step::Same(old.len() - tail + place, new.len() - tail + place)));
    steps
}

/// The longest common lines of what is between.
fn middle(old: &[&str], new: &[&str], offset: usize, steps: &mut Vec<Step>) {
    let width = new.len() + 1;
    let cells = (old.len() + 1).saturating_mul(width);
    let mut longest = vec![0_u32; if cells <= CELLS_BOUND { cells } else { 0 }];
    let at = |longest: &[u32], i: usize, j: usize| longest.get(i * width + j).copied().unwrap_or_default();
    if !longest.is_empty() {
        for (i, one) in old.iter().enumerate().rev() {
            for (j, other) in new.iter().enumerate().rev() {
                let value = if one == other { at(&longest, i + 1, j + 1) + 1 } else { at(&longest, i + 1, j).max(at(&longest, i, j + 1)) };
                if let Some(cell) = longest.get_mut(i * width + j) {
                    *cell = value;
                }
            }
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        let both = if longest.is_empty() { None } else { old.get(i).zip(new.get(j)) };
        if both.is_some_and(|(one, other)| one == other) {
            steps.push(Step::Same(offset + i, offset + j));
            (i, j) = (i + 1, j + 1);
        } else if i < old.len() && (j >= new.len() || at(&longest, i + 1, j) >= at(&longest, i, j + 1)) {
            steps.push(Step::Old(offset + i, offset + j));
            i += 1;
        } else {
            steps.push(Step::New(offset + i, offset + j));
            j += 1;
        }
    }
}

/// Stretches with a difference, and the lines around.
fn hunks(steps: &[Step]) -> Vec<&[Step]> {
    let changed = |step: &Step| !matches!(step, Step::Same(..));
    let mut ranges: Vec<std::ops::Range<usize>> = Vec::new();
    for (place, _) in steps.iter().enumerate().filter(|(_, step)| changed(step)) {
        let (start, end) = (place.saturating_sub(AROUND), (place + AROUND + 1).min(steps.len()));
        match ranges.last_mut() {
            Some(last) if start <= last.end => last.end = end,
            _ => ranges.push(start..end),
        }
    }
    ranges.into_iter().filter_map(|range| steps.get(range)).collect()
}

fn write_hunk(text: &mut String, hunk: &[Step], old: &[&str], new: &[&str]) {
    let (old_at, new_at) = match hunk.first() {
        Some(Step::Same(i, j) | Step::Old(i, j) | Step::New(i, j)) => (*i, *j),
        None => return,
    };
    let old_count = hunk.iter().filter(|step| !matches!(step, Step::New(..))).count();
    let new_count = hunk.iter().filter(|step| !matches!(step, Step::Old(..))).count();
    let first = |at: usize, count: usize| if count == 0 { at } else { at + 1 };
    text.push_str(&format!("@@ -{},{old_count} +{},{new_count} @@\n", first(old_at, old_count), first(new_at, new_count)));
    for step in hunk {
        let (mark, line) = match step {
            Step::Same(_, j) => (' ', new.get(*j)),
            Step::Old(i, _) => ('-', old.get(*i)),
            Step::New(_, j) => ('+', new.get(*j)),
        };
        text.push(mark);
        text.push_str(line.map_or("", |line| line.trim_end_matches(['\r', '\n'])));
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_nothing() {
        assert_eq!(unified("A=1\n", "A=1\n", "a", "b"), "");
    }

    #[test]
    fn a_difference_stands_between_three_lines_of_what_is_the_same() {
        let old = "1\n2\n3\n4\n5=a\n6\n7\n8\n9\n";
        let new = old.replace("5=a", "5=b") + "10\n";
        let text = unified(old, &new, ".env", "new");
        assert_eq!(text, "--- .env\n+++ new\n@@ -2,8 +2,9 @@\n 2\n 3\n 4\n-5=a\n+5=b\n 6\n 7\n 8\n 9\n+10\n");
        let far = unified(&format!("a\n{}", "x\n".repeat(9)), &format!("b\n{}c\n", "x\n".repeat(9)), "a", "b");
        assert_eq!(far.matches("@@ -").count(), 2, "{far}");
    }

    #[test]
    fn a_new_file_is_all_new() {
        assert_eq!(unified("", "A=1\nB=2\n", ".env", "new"), "--- .env\n+++ new\n@@ -0,0 +1,2 @@\n+A=1\n+B=2\n");
    }

    #[test]
    fn no_secret_is_shown() {
        let old = "A=1\nSECRET_KEY=oldvalue\n#API_TOKEN=commented\nURL=postgres://u:oldpass@h/d\nKEY_PEM=\"line-one\nline-two\"\n";
        let new = "A=2\nSECRET_KEY=newvalue\n# API_TOKEN=commented\nURL=postgres://u:newpass@h/d\nKEY_PEM=\"line-one\nline-three\"\n";
        let text = unified(old, new, "a", "b");
        for secret in ["oldvalue", "newvalue", "commented", "oldpass", "newpass", "line-"] {
            assert!(!text.contains(secret), "{secret}\n{text}");
        }
        assert!(
            text.contains("-SECRET_KEY=***\n") && text.contains("+URL=postgres://u:***@h/d\n") && text.contains("-#API_TOKEN=***\n"),
            "{text}"
        );
    }

    #[test]
    fn what_is_too_much_to_compare_is_shown_as_replaced() {
        let side = |c: char| (0..2_500).map(|n| format!("{c}{n}\n")).collect::<String>();
        let text = unified(&side('a'), &side('b'), "a", "b");
        assert_eq!((text.matches("\n-a").count(), text.matches("\n+b").count()), (2_500, 2_500));
    }
}

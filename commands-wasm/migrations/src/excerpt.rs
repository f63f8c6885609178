//! The lines of a script around the one that failed.

/// One line before and one after, numbered; the failed one marked with `>`.
pub(crate) fn around(script: &str, line: u32) -> Vec<String> {
    const CHARACTERS_MAX: usize = 120;
    let first = line.saturating_sub(1).max(1);
    let width = (line + 1).to_string().len();
    let numbered = script.lines().zip(1u32..).skip_while(|(_, number)| *number < first).take_while(|(_, number)| *number <= line + 1);
    numbered
        .map(|(text, number)| {
            let mark = if number == line { '>' } else { ' ' };
            let text: String = text.chars().take(CHARACTERS_MAX).collect();
            format!("{mark} {number:width$} | {text}").trim_end().to_owned()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::around;

    #[test]
    fn the_failed_line_stands_between_its_neighbours() {
        let script = (1..=12).map(|number| format!("line {number}\n")).collect::<String>();
        assert_eq!(around(&script, 9), ["   8 | line 8", ">  9 | line 9", "  10 | line 10"]);
        assert_eq!(around("a\nb", 1), ["> 1 | a", "  2 | b"]);
        assert_eq!(around("a", 7), [] as [&str; 0]);
    }
}

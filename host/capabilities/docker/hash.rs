//! Hashes of what a guest cannot write down whole, because it does not know where the project lies; pure.

use sha2::{Digest, Sha256};

/// Of pieces of JSON, every second of which is the text of a path of the project.
pub(super) fn of(pieces: &[String], root: &str) -> String {
    let mut digest = Sha256::new();
    for (at, piece) in pieces.iter().enumerate() {
        match at % 2 {
            0 => digest.update(piece),
            _ => digest.update(joined(&escaped(root), piece)),
        }
    }
    hex::encode(digest.finalize())
}

/// As Go writes it within JSON, which is Compose's way.
fn escaped(root: &str) -> String {
    let json = serde_json::Value::from(root).to_string();
    let inner = json.strip_prefix('"').and_then(|json| json.strip_suffix('"'));
    let mut text = inner.unwrap_or_default().to_owned();
    for (letter, escape) in [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026"), ('\u{2028}', "\\u2028"), ('\u{2029}', "\\u2029")] {
        text = text.replace(letter, escape);
    }
    text
}

/// The shortest path that means the same; nothing is looked up.
fn joined(root: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in root.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_second_piece_is_a_path_below_the_projects_folder() {
        let of_text = |text: &str| hex::encode(Sha256::digest(text));
        let of = |pieces: &[&str], root: &str| super::of(&pieces.iter().map(|piece| (*piece).to_owned()).collect::<Vec<_>>(), root);
        assert_eq!(of(&["{}"], "/srv/shop"), of_text("{}"));
        assert_eq!(
            of(&["[\"", "src", "\",\"", "../other", "\",\"", ".", "\"]"], "/srv/shop"),
            of_text(r#"["/srv/shop/src","/srv/other","/srv/shop"]"#)
        );
        assert_eq!(of(&["\"", "a", "\""], "/a&b/\"q\""), of_text(r#""/a\u0026b/\"q\"/a""#));
        assert_eq!(of(&[], "/srv"), of_text(""));
    }
}

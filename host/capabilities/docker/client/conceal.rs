//! Texts of the engine without what a guest must not learn: the project's own folder, the engine's socket, and the folder
//! in which the engine keeps its data, whose name stands in many of its errors.

use std::path::Path;

/// What lies in the engine's folder, and what must follow for it to be that.
const INSIDE: [Inside; 6] = [
    ("/overlay2/", |_| true),
    ("/overlay/", begins_with_id),
    ("/containers/", begins_with_id),
    ("/overlay-containers/", begins_with_id),
    ("/volumes/", |rest| rest.split(char::is_whitespace).next().is_some_and(|path| path.contains("/_data"))),
    ("/buildkit/", |_| true),
];
/// What stands before a path in a message, beside white space.
const BEFORE: [char; 8] = ['"', '\'', '`', '=', ',', ':', '(', '['];

type Inside = (&'static str, fn(&str) -> bool);

pub(super) fn conceal(text: &str, root: &Path, socket: Option<&Path>) -> String {
    let mut text = text.replace(&format!("{}/", root.display()), "./").replace(&*root.to_string_lossy(), ".");
    if let Some(path) = socket {
        text = text.replace(&*path.to_string_lossy(), "the engine's socket");
    }
    for (name, is_it) in INSIDE {
        text = without_folder(&text, name, is_it);
    }
    text
}

/// `/var/lib/docker/overlay2/x` becomes `(engine)/overlay2/x`.
fn without_folder(text: &str, name: &str, is_it: fn(&str) -> bool) -> String {
    let (mut told, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once(name) {
        let start = before.rfind(|c: char| c.is_whitespace() || BEFORE.contains(&c)).map_or(0, |at| at + 1);
        match before.split_at_checked(start) {
            Some((kept, path)) if path.starts_with('/') && is_it(after) => told.extend([kept, "(engine)"]),
            _ => told.push_str(before),
        }
        told.push_str(name);
        rest = after;
    }
    told + rest
}

fn begins_with_id(rest: &str) -> bool {
    rest.get(..64).is_some_and(super::super::scope::is_whole_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_nobody_gave_to_the_guest_are_not_told() {
        let told = |text: &str| conceal(text, Path::new("/srv/ann/shop"), Some(Path::new("/run/docker.sock")));
        let id = "3f".repeat(32);
        let table = [
            ("bind source path does not exist: /srv/ann/shop/data", "bind source path does not exist: ./data".to_owned()),
            ("dial unix /run/docker.sock: connect", "dial unix the engine's socket: connect".to_owned()),
            (
                "error mounting \"/var/lib/docker/volumes/shop_db/_data\" to rootfs at \"/data\"",
                "error mounting \"(engine)/volumes/shop_db/_data\" to rootfs at \"/data\"".to_owned(),
            ),
            (
                "mount overlay:/mnt/d/overlay2/x/merged, upperdir=/mnt/d/overlay2/x",
                "mount overlay:(engine)/overlay2/x/merged, upperdir=(engine)/overlay2/x".to_owned(),
            ),
            (&format!("open /data/containers/{id}/config"), format!("open (engine)/containers/{id}/config")),
            ("no such file: /srv/containers/a", "no such file: /srv/containers/a".to_owned()),
            ("mkdir /srv/volumes/a: no", "mkdir /srv/volumes/a: no".to_owned()),
            ("COPY app/overlay2/x: not found", "COPY app/overlay2/x: not found".to_owned()),
            ("", String::new()),
        ];
        for (text, expected) in table {
            assert_eq!(told(text), expected);
        }
    }
}

//! What `ADD` fetches over the network: the engine does it from where it runs, also for a build without a network; pure.

use super::words::Instruction;

/// Sources that are addresses, as they are written; variables are possible behind the host's name.
pub(super) fn sources(add: &Instruction) -> Result<Vec<String>, String> {
    let sources = match add.rest.starts_with('[') {
        true => serde_json::from_str(&add.rest).map_err(|_| add.odd("what follows `ADD` is no list of texts"))?,
        false => add.rest.split([' ', '\t']).filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<String>>(),
    };
    let count = sources.len().saturating_sub(1);
    let mut remote = Vec::new();
    for source in sources.into_iter().take(count).filter(|source| !is_path(source) && !source.starts_with("<<")) {
        let (certain, _) = source.split_once('$').unwrap_or((&source, ""));
        let is_remote = is_remote(certain);
        let is_fixed = certain.len() == source.len() || if is_remote { has_host(certain) } else { certain.contains('/') };
        if !is_fixed || source.contains(['\\', '`', '"', '\'']) {
            return Err(add.odd(&format!("`ADD {source}` could become an address; begin it with `./`, or write `COPY`")));
        }
        if is_remote {
            remote.push(source);
        }
    }
    Ok(remote)
}

fn is_path(source: &str) -> bool {
    source == "." || ["./", "../", "/"].iter().any(|begin| source.starts_with(begin))
}

/// `https://x/y`, `git@host:repository`, and `github.com/x`, which old versions take for one.
fn is_remote(source: &str) -> bool {
    let first = source.split('/').next().unwrap_or_default();
    first.contains(':') || (first.eq_ignore_ascii_case("github.com") && source.len() > first.len())
}

fn has_host(certain: &str) -> bool {
    let host = ["https://", "http://"].iter().find_map(|scheme| certain.strip_prefix(scheme)).and_then(|rest| rest.split_once('/'));
    let is_plain = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'.' | b'-' | b':');
    host.is_some_and(|(host, _)| !host.is_empty() && host.bytes().all(is_plain))
}

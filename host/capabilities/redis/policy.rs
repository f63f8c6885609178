//! Who may do what with which keys of which Redis: pure, no connection needed.
//!
//! A guest names `cache:1`; where the operator granted the hidden prefix `shop:`, the key is `shop:cache:1`.
//! Granted patterns are matched on that real key. A manifest may have patterns of its own, which narrow what is granted:
//! its author knows no prefix but may know its form (`${PROJECT_NAME}:*`), so that they are matched on the real key and on
//! the one that the guest names, and either is enough.

use std::collections::{BTreeMap, BTreeSet};

use crate::gate::Decision;
use crate::grants::{Power as _, RedisGrant, RedisPower, toml_key, toml_list};

use super::glob::{Glob, escape};

/// What is permitted on one Redis, ready to be asked.
#[derive(Clone, Debug)]
pub(super) struct Permit {
    command: String,
    /// The configured name of the Redis.
    name: String,
    grant: RedisGrant,
    keys: Vec<Glob>,
    asked: Vec<Glob>,
    channels: Vec<Glob>,
    prefix: Vec<u8>,
}

impl Permit {
    /// A pattern that is too long matches nothing.
    pub(super) fn new(command: &str, name: &str, grant: RedisGrant) -> Self {
        let prefix = grant.prefix.clone().unwrap_or_default().into_bytes();
        let globs = |patterns: &[String]| patterns.iter().filter_map(|pattern| Glob::new(pattern.as_bytes()).ok()).collect::<Vec<_>>();
        let behind_prefix = || Glob::new(&[escape(&prefix).as_slice(), b"*"].concat()).ok().into_iter().collect();
        Self {
            command: command.to_owned(),
            name: name.to_owned(),
            // A prefix without patterns is all that begins with it.
            keys: if grant.keys.is_empty() && !prefix.is_empty() { behind_prefix() } else { globs(&grant.keys) },
            asked: globs(&grant.asked_keys),
            channels: globs(&grant.channels),
            prefix,
            grant,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What stands before every key of the guest's.
    pub(super) fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// The patterns of which a key must match one.
    pub(super) fn patterns(&self) -> &[Glob] {
        &self.keys
    }

    pub(super) fn has(&self, power: RedisPower) -> bool {
        self.grant.powers.contains(&power)
    }

    /// Opening a connection: whatever is granted is enough.
    pub(super) fn any_power(&self) -> Decision {
        match self.grant.powers.is_empty() {
            true => self.no_power(RedisPower::Read, None),
            false => Decision::Allowed,
        }
    }

    pub(super) fn power(&self, power: RedisPower) -> Decision {
        match self.has(power) {
            true => Decision::Allowed,
            false => self.no_power(power, None),
        }
    }

    /// The power, and all of these keys (as the guest names them).
    pub(super) fn keyed<'k>(&self, power: RedisPower, keys: impl IntoIterator<Item = &'k [u8]>) -> Decision {
        match self.has(power) {
            true => self.keys(keys),
            false => self.no_power(power, keys.into_iter().next()),
        }
    }

    /// All of these keys, as the guest names them.
    pub(super) fn keys<'k>(&self, keys: impl IntoIterator<Item = &'k [u8]>) -> Decision {
        let mut real = self.prefix.clone();
        for key in keys {
            real.truncate(self.prefix.len());
            real.extend_from_slice(key);
            if !self.permits(&real) {
                return self.no_key(&real);
            }
        }
        Decision::Allowed
    }

    /// Whether the key, as the server has it, is permitted.
    pub(super) fn permits(&self, real: &[u8]) -> bool {
        let Some(named) = real.strip_prefix(self.prefix.as_slice()) else { return false };
        let is_asked = || self.asked.iter().any(|glob| glob.matches(named) || glob.matches(real));
        self.keys.iter().any(|glob| glob.matches(real)) && (self.asked.is_empty() || is_asked())
    }

    /// The granted patterns, then those that the manifest asks for, as the guest would write them.
    pub(super) fn patterns_shown(&self) -> Vec<Vec<u8>> {
        let granted = self.keys.iter().filter_map(|glob| self.without_prefix(glob));
        let asked = self.asked.iter().map(|glob| glob.without_head(&self.prefix).unwrap_or(glob.text()).to_vec());
        granted.chain(asked).collect()
    }

    /// Whether nothing leaves a key of the database out.
    pub(super) fn is_whole_database(&self) -> bool {
        let has_all = |globs: &[Glob]| globs.iter().any(|glob| glob.text().iter().all(|byte| *byte == b'*') && glob.stars() > 0);
        self.prefix.is_empty() && has_all(&self.keys) && (self.asked.is_empty() || has_all(&self.asked))
    }

    /// A pattern without the hidden prefix; none when no key that begins with the prefix matches.
    fn without_prefix(&self, glob: &Glob) -> Option<Vec<u8>> {
        if let Some(rest) = glob.without_head(&self.prefix) {
            return Some(rest.to_vec());
        }
        // `s*` behind the prefix `shop:` is everything; more exact than that would tell the prefix.
        self.prefix.starts_with(&glob.head()).then(|| b"*".to_vec())
    }

    pub(super) fn channel(&self, channel: &[u8]) -> Decision {
        let is_granted = self.channels.iter().any(|glob| glob.matches(channel));
        if is_granted && self.has(RedisPower::Publish) {
            return Decision::Allowed;
        }
        let powers = self.grant.powers.iter().copied().chain([RedisPower::Publish]).collect();
        let pattern = (!is_granted).then(|| pattern_of(channel));
        let line = line_with(&self.grant, &powers, None, pattern.as_deref());
        Decision::Denied(format!(
            "command `{}` may not `publish` on channel `{}` of Redis `{}`; to allow it, write {}",
            self.command,
            shown(channel),
            self.name,
            self.grant_line(&line)
        ))
    }

    /// `key` is what the guest wanted, for a line that grants it as well.
    fn no_power(&self, power: RedisPower, key: Option<&[u8]>) -> Decision {
        let powers: BTreeSet<RedisPower> = self.grant.powers.iter().copied().chain([power]).collect();
        let is_granted = |key: &[u8]| self.keys.iter().any(|glob| glob.matches(&[&self.prefix, key].concat()));
        let pattern = match key {
            _ if !self.prefix.is_empty() => None,
            Some(key) => (!is_granted(key)).then(|| pattern_of(key)),
            // host.toml takes no power over keys without a key.
            None => (self.grant.keys.is_empty() && power != RedisPower::Publish).then(|| "${PROJECT_NAME}:*".to_owned()),
        };
        let line = line_with(&self.grant, &powers, pattern.as_deref(), None);
        Decision::Denied(format!(
            "command `{}` may not `{}` on Redis `{}`; to allow it, write {}",
            self.command,
            power.word(),
            self.name,
            self.grant_line(&line)
        ))
    }

    pub(super) fn no_key(&self, real: &[u8]) -> Decision {
        // The guest reads this, and must not learn the prefix.
        let named = shown(real.strip_prefix(self.prefix.as_slice()).unwrap_or(real));
        if self.keys.iter().any(|glob| glob.matches(real)) {
            return Decision::Denied(format!(
                "command `{}` may not use key `{named}` of Redis `{}`: it is granted, but the command's manifest does not ask for it; \
                 to allow it, add `{}` to `keys` of its ask in command.toml",
                self.command,
                self.name,
                pattern_of(real.strip_prefix(self.prefix.as_slice()).unwrap_or(real))
            ));
        }
        let pattern = pattern_of(real.strip_prefix(self.prefix.as_slice()).unwrap_or(real));
        let pattern = if self.prefix.is_empty() { pattern } else { format!("...{pattern}") };
        let line = line_with(&self.grant, &self.grant.powers, Some(&pattern), None);
        Decision::Denied(format!(
            "command `{}` may not use key `{named}` of Redis `{}`; to allow it, write {}",
            self.command,
            self.name,
            self.grant_line(&line)
        ))
    }

    fn grant_line(&self, value: &str) -> String {
        format!("`redis.{} = {value}` under `[commands.{}]` in host.toml", toml_key(&self.name), toml_key(&self.command))
    }
}

/// The inline table that grants what is granted already and more.
fn line_with(grant: &RedisGrant, powers: &BTreeSet<RedisPower>, key: Option<&str>, channel: Option<&str>) -> String {
    // A hidden prefix stays hidden: the patterns are shown only where there is none.
    let open = grant.prefix.as_deref().unwrap_or_default().is_empty();
    let granted = |patterns: &[String], more: Option<&str>| -> Option<String> {
        let known = patterns.iter().map(String::as_str).filter(|_| open);
        let kept = (!open && !patterns.is_empty()).then_some("...");
        let words: Vec<&str> = known.chain(kept).chain(more).collect();
        (!words.is_empty()).then(|| toml_list(words))
    };
    let mut line = format!("{{ allow = {}", toml_list(powers.iter().map(|power| power.word())));
    if let Some(keys) = granted(&grant.keys, key) {
        line += &format!(", keys = {keys}");
    }
    if !open {
        line += ", prefix = \"...\"";
    }
    if let Some(channels) = granted(&grant.channels, channel) {
        line += &format!(", channels = {channels}");
    }
    line + " }"
}

/// The pattern to suggest for a key: everything with its first segment; a key without one stands for itself.
fn pattern_of(key: &[u8]) -> String {
    let segment = key.iter().position(|byte| *byte == b':').and_then(|at| key.get(..=at));
    let (literal, star) = segment.map_or((key, ""), |segment| (segment, "*"));
    cut(&String::from_utf8_lossy(&escape(literal))) + star
}

/// A key for people: cut, and without control characters.
fn shown(key: &[u8]) -> String {
    cut(&String::from_utf8_lossy(key)).escape_debug().to_string()
}

fn cut(text: &str) -> String {
    const CHARACTERS: usize = 80;
    match text.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The text for a name that is not configured: which names this command could have meant.
pub(super) fn unknown_redis(name: &str, urls: &BTreeMap<String, String>, permits: &BTreeMap<String, Permit>) -> String {
    let names: Vec<String> = permits.keys().filter(|name| urls.contains_key(*name)).map(|name| format!("`{name}`")).collect();
    match names.is_empty() {
        true => format!("no Redis `{name}` is configured; to configure it, add to host.toml: [redis.{}] url = \"...\"", toml_key(name)),
        false => format!("no Redis `{name}` is configured; granted to this command: {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permit(powers: &[RedisPower], keys: &[&str], prefix: &str, asked: &[&str]) -> Permit {
        let texts = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let grant = RedisGrant {
            powers: powers.iter().copied().collect(),
            keys: texts(keys),
            prefix: Some(prefix.to_owned()).filter(|prefix| !prefix.is_empty()),
            channels: vec!["news.*".to_owned()],
            asked_keys: texts(asked),
        };
        Permit::new("flush", "default", grant)
    }

    fn text(decision: Decision) -> String {
        match decision {
            Decision::Denied(text) => text,
            Decision::Allowed => panic!("allowed"),
        }
    }

    const READ: RedisPower = RedisPower::Read;

    #[test]
    fn every_power_is_allowed_when_granted_and_denied_without_grant() {
        for power in RedisPower::ALL {
            assert_eq!(permit(&[*power], &["*"], "", &[]).power(*power), Decision::Allowed);
            assert_eq!(permit(&[*power], &["*"], "", &[]).any_power(), Decision::Allowed);
            let others: Vec<RedisPower> = RedisPower::ALL.iter().copied().filter(|other| other != power).collect();
            let denied = permit(&others, &["*"], "", &[]);
            assert!(matches!(denied.power(*power), Decision::Denied(_)), "{power:?}");
            assert!(matches!(denied.keyed(*power, [b"k".as_slice()]), Decision::Denied(_)), "{power:?}");
        }
        assert!(matches!(permit(&[], &["*"], "", &[]).any_power(), Decision::Denied(_)));
    }

    #[test]
    fn one_key_outside_of_the_patterns_denies_the_whole_call() {
        let permit = permit(&[READ], &["shop:cache:*", "shop:x"], "", &[]);
        let keyed = |keys: &[&str]| permit.keyed(READ, keys.iter().map(|key| key.as_bytes()));
        assert_eq!(keyed(&["shop:cache:1", "shop:x"]), Decision::Allowed);
        assert_eq!(keyed(&[]), Decision::Allowed);
        for other in ["shop:session:1", "shop:xy", "shop:cache", "", "*"] {
            assert!(matches!(keyed(&["shop:cache:1", other]), Decision::Denied(_)), "{other}");
        }
        assert!(matches!(super::tests::permit(&[READ], &[], "", &[]).keyed(READ, [b"a".as_slice()]), Decision::Denied(_)));
    }

    #[test]
    fn patterns_are_matched_on_the_real_key_behind_the_hidden_prefix() {
        let permit = permit(&[READ], &["shop:cache:*"], "shop:", &[]);
        assert_eq!(permit.keyed(READ, [b"cache:1".as_slice()]), Decision::Allowed);
        for other in ["shop:cache:1", "session:1"] {
            let text = text(permit.keyed(READ, [other.as_bytes()]));
            assert!(!text.contains("`shop:shop") && text.contains(&format!("`{other}`")), "{text}");
        }
        let denied = text(permit.keyed(READ, [b"session:1".as_slice()]));
        assert!(!denied.contains("shop:"), "the prefix is told: {denied}");
    }

    #[test]
    fn a_prefix_without_patterns_is_all_that_begins_with_it() {
        let permit = permit(&[READ], &[], "a*b:", &[]);
        assert_eq!(permit.keyed(READ, [b"anything".as_slice()]), Decision::Allowed);
        assert!(permit.permits(b"a*b:x") && !permit.permits(b"axb:x"));
        assert_eq!(permit.patterns_shown(), [b"*"]);
    }

    #[test]
    fn a_line_that_would_allow_a_power_grants_the_key_as_well() {
        let denied = text(permit(&[], &[], "", &[]).keyed(READ, [b"shop:a".as_slice()]));
        assert!(denied.contains("{ allow = [\"read\"], keys = [\"shop:*\"], channels"), "{denied}");
        let denied = text(permit(&[], &[], "", &[]).any_power());
        assert!(denied.contains("keys = [\"${PROJECT_NAME}:*\"]"), "{denied}");
    }

    #[test]
    fn what_the_manifest_asks_for_narrows_what_is_granted() {
        let permit = permit(&[READ], &["shop:*"], "", &["*:cache:*"]);
        assert_eq!(permit.keyed(READ, [b"shop:cache:1".as_slice()]), Decision::Allowed);
        assert!(text(permit.keyed(READ, [b"shop:session:1".as_slice()])).contains("command.toml"));
        assert!(text(permit.keyed(READ, [b"other:cache:1".as_slice()])).contains("host.toml"));
        // The manifest's author knows no prefix, or only its form.
        let known = super::tests::permit(&[READ], &["shop:*"], "shop:", &["shop:cache:*"]);
        assert_eq!(known.keyed(READ, [b"cache:1".as_slice()]), Decision::Allowed);
        assert!(matches!(known.keyed(READ, [b"session:1".as_slice()]), Decision::Denied(_)));
        assert_eq!(known.patterns_shown(), [b"*".to_vec(), b"cache:*".to_vec()]);
        let hidden = super::tests::permit(&[READ], &["shop:*"], "shop:", &["cache:*"]);
        assert_eq!(hidden.keyed(READ, [b"cache:1".as_slice()]), Decision::Allowed);
        assert!(text(hidden.keyed(READ, [b"session:1".as_slice()])).contains("command.toml"));
        assert!(!hidden.permits(b"cache:1"));
        assert_eq!(hidden.patterns_shown(), [b"*".to_vec(), b"cache:*".to_vec()]);
    }

    #[test]
    fn a_denial_names_command_key_and_the_line_that_allows_it() {
        let permit = permit(&[READ], &["shop:cache:*"], "", &[]);
        assert_eq!(
            text(permit.keyed(READ, [b"shop:session:1".as_slice()])),
            "command `flush` may not use key `shop:session:1` of Redis `default`; to allow it, write \
             `redis.default = { allow = [\"read\"], keys = [\"shop:cache:*\", \"shop:*\"], channels = [\"news.*\"] }` \
             under `[commands.flush]` in host.toml"
        );
        assert_eq!(
            text(permit.power(RedisPower::Delete)),
            "command `flush` may not `delete` on Redis `default`; to allow it, write \
             `redis.default = { allow = [\"read\", \"delete\"], keys = [\"shop:cache:*\"], channels = [\"news.*\"] }` \
             under `[commands.flush]` in host.toml"
        );
    }

    #[test]
    fn channels_are_matched_by_their_own_patterns() {
        let permit = permit(&[RedisPower::Publish], &["*"], "", &[]);
        assert_eq!(permit.channel(b"news.today"), Decision::Allowed);
        let denied = text(permit.channel(b"orders"));
        assert!(denied.contains("channels = [\"news.*\", \"orders\"]"), "{denied}");
        assert!(text(super::tests::permit(&[READ], &["*"], "", &[]).channel(b"news.today")).contains("allow = [\"read\", \"publish\"]"));
    }

    #[test]
    fn the_scope_is_shown_without_the_prefix() {
        let shown = |keys: &[&str], prefix: &str, asked: &[&str]| {
            let permit = permit(&[READ], keys, prefix, asked);
            let patterns: Vec<String> = permit.patterns_shown().into_iter().map(|text| String::from_utf8(text).unwrap()).collect();
            (patterns.join(" "), permit.is_whole_database())
        };
        assert_eq!(shown(&["shop:cache:*", "x"], "", &[]), ("shop:cache:* x".to_owned(), false));
        assert_eq!(shown(&["shop:cache:*", "s*", "blog:*"], "shop:", &[]), ("cache:* *".to_owned(), false));
        assert_eq!(shown(&["a\\*b:[cd]*"], "a*b:", &[]), ("[cd]*".to_owned(), false));
        assert_eq!(shown(&["x", "**"], "", &[]), ("x **".to_owned(), true));
        assert_eq!(shown(&["*"], "", &["a*"]), ("* a*".to_owned(), false));
        assert_eq!(shown(&["*"], "p:", &[]), ("*".to_owned(), false));
        assert!(!shown(&[], "", &[]).1);
    }

    #[test]
    fn hostile_keys_are_shown_cut_and_without_control_characters() {
        let key = [b"\x1b[31m\n".as_slice(), &[b'x'; 4096]].concat();
        let denied = text(permit(&[READ], &["a"], "", &[]).keyed(READ, [key.as_slice()]));
        assert!(denied.len() < 600 && !denied.contains('\x1b') && !denied.contains('\n'), "{denied:?}");
    }

    #[test]
    fn an_unknown_name_lists_the_configured_names_that_are_granted() {
        let urls = BTreeMap::from([("default".to_owned(), String::new()), ("secret".to_owned(), String::new())]);
        let permits = BTreeMap::from([("default".to_owned(), permit(&[READ], &["*"], "", &[]))]);
        let text = unknown_redis("defualt", &urls, &permits);
        assert!(text.contains("`default`") && !text.contains("secret"), "{text}");
    }
}

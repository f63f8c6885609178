//! Where asks and grants of one kind of power meet: databases, Redis servers, or the broadcast.
//!
//! A kind without names (the broadcast is one thing) uses the name [`ONLY`].

use std::collections::{BTreeMap, BTreeSet};

use super::manifest::ANY;
use super::power::Power;

/// The name in a kind that has only one thing.
pub(super) const ONLY: &str = "";

/// Powers by configured name.
pub(super) type Named<P> = BTreeMap<String, BTreeSet<P>>;

/// One kind's asks, matched with its grants as they come.
pub(super) struct Meeting<'g, P> {
    granted: &'g Named<P>,
    /// The interfaces the component imports; it can use no others whatever it asks for.
    imports: &'g BTreeSet<P>,
    asked: Vec<(String, BTreeSet<P>)>,
    /// What is permitted; never an empty set.
    pub(super) permitted: Named<P>,
}

impl<'g, P: Power> Meeting<'g, P> {
    pub(super) fn new(granted: &'g Named<P>, imports: &'g BTreeSet<P>) -> Self {
        Self { granted, imports, asked: Vec::new(), permitted: BTreeMap::new() }
    }

    /// Permits what is granted of an ask; what is not granted comes back.
    pub(super) fn ask(&mut self, name: &str, powers: &BTreeSet<P>) -> Option<BTreeSet<P>> {
        self.asked.push((name.to_owned(), powers.clone()));
        let mut lacking = powers.clone();
        for (configured, granted) in self.granted.iter().filter(|(configured, _)| name == ANY || *configured == name) {
            lacking.retain(|power| !granted.contains(power));
            allow(&mut self.permitted, configured, granted.iter().filter(|power| powers.contains(power) && self.imports.contains(power)));
        }
        (!lacking.is_empty()).then_some(lacking)
    }

    /// Imports are the second way to ask: those that no ask names count as asked wherever they are granted.
    /// What is granted nowhere comes back.
    pub(super) fn imported(&mut self) -> Option<BTreeSet<P>> {
        let unasked: BTreeSet<P> = self.imports.iter().copied().filter(|power| !self.is_asked(*power, None)).collect();
        for (name, granted) in self.granted {
            allow(&mut self.permitted, name, granted.intersection(&unasked));
        }
        let lacking: BTreeSet<P> = unasked.into_iter().filter(|power| !self.is_permitted_somewhere(*power)).collect();
        (!lacking.is_empty()).then_some(lacking)
    }

    /// The interfaces to link: each power that is permitted somewhere, and those that are imported, not
    /// granted and not `missing` either, because they were only asked for optionally: each call of those is
    /// answered with access-denied.
    pub(super) fn linked<'m>(&self, missing: impl Iterator<Item = &'m BTreeSet<P>>) -> BTreeSet<P> {
        let missing: BTreeSet<P> = missing.flatten().copied().collect();
        let politely = self.imports.iter().copied().filter(|power| !missing.contains(power) && !self.is_permitted_somewhere(*power));
        self.permitted.values().flatten().copied().chain(politely).collect()
    }

    /// What is granted and neither asked for nor imported without being asked for.
    pub(super) fn unused(&self) -> Named<P> {
        let used =
            |power: P, name: &str| self.is_asked(power, Some(name)) || (self.imports.contains(&power) && !self.is_asked(power, None));
        let idle = |(name, granted): (&String, &BTreeSet<P>)| {
            let idle: BTreeSet<P> = granted.iter().copied().filter(|power| !used(*power, name)).collect();
            (!idle.is_empty()).then(|| (name.clone(), idle))
        };
        self.granted.iter().filter_map(idle).collect()
    }

    fn is_asked(&self, power: P, on: Option<&str>) -> bool {
        self.asked.iter().any(|(name, powers)| powers.contains(&power) && on.is_none_or(|on| name == on || name == ANY))
    }

    fn is_permitted_somewhere(&self, power: P) -> bool {
        self.permitted.values().any(|powers| powers.contains(&power))
    }
}

fn allow<'p, P: Power>(permitted: &mut Named<P>, name: &str, powers: impl Iterator<Item = &'p P>) {
    let mut powers = powers.copied().peekable();
    if powers.peek().is_some() {
        permitted.entry(name.to_owned()).or_default().extend(powers);
    }
}

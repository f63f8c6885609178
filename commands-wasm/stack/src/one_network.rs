//! One network of a name, though engines make several: two runs that make it at once end up with the same one.
//!
//! Both go by one rule: a network that a container is on comes first, then the older one, then the smaller id. Whoever
//! made another one takes that away again; nobody touches one that he did not make. The rule alone is not enough: an
//! engine may list a network later than one that is younger, so that its maker saw no other and is at work with it. So
//! the one who comes first waits until the other is gone, and gives way when it stays.

use std::time::{Duration, Instant};

use host_sdk::docker::{DockerError, inspect, network};
use host_sdk::{Error, Result};

use crate::plan::changed_keys;

/// Whoever sees two of them takes his away within this.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(100);
/// Each needs somebody else who makes or removes one at the same moment.
const ROUNDS: usize = 5;

/// The network that `own` was made for is the only one of its name afterwards, or there is another instead.
pub(crate) fn settle(spec: &network::Spec, own: &str) -> Result<()> {
    // Without an id it was not us who made it.
    if own.is_empty() || settled(&mut Engine { spec }, Some(own.to_owned()))?.is_some() {
        return Ok(());
    }
    Err(Error::failed(format!("the network `{}` is made and removed by somebody else all the time", spec.name)))
}

/// Another run was quicker: its network is ours too, when it is what we would have made. Without an id: it is not ours to
/// take away.
pub(crate) fn adopt(spec: &network::Spec, error: Error) -> Result<String> {
    let is_same = |network: &inspect::Network| network.name == spec.name && changed_keys(spec, network).is_empty();
    let there = inspect::networks()?;
    let may_be_ours = there.iter().any(is_same) || !there.iter().any(|network| network.name == spec.name);
    if may_be_ours && settled(&mut Engine { spec }, None)?.is_some() { Ok(String::new()) } else { Err(error) }
}

/// A network of the name, as far as the rule goes by it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Seen {
    is_free: bool,
    created_ns: i64,
    id: String,
}

trait Networks {
    fn list(&mut self) -> Result<Vec<Seen>>;
    /// None when its name is taken.
    fn create(&mut self) -> Result<Option<String>>;
    /// False when containers are on it.
    fn remove(&mut self, id: &str) -> Result<bool>;
    /// False when it was long enough.
    fn pause(&mut self, since: Instant) -> bool;
}

/// The id of the one that stays.
fn settled(engine: &mut impl Networks, mut own: Option<String>) -> Result<Option<String>> {
    for _ in 0..ROUNDS {
        let mut seen = engine.list()?;
        let is_own = |one: &Seen| own.as_ref() == Some(&one.id);
        if !seen.iter().any(is_own) {
            if let Some(first) = seen.into_iter().min() {
                return Ok(Some(first.id));
            }
            own = engine.create()?;
            continue;
        }
        let since = Instant::now();
        while seen.len() > 1 && seen.iter().min().is_some_and(is_own) && engine.pause(since) {
            seen = engine.list()?;
        }
        let id = own.take().unwrap_or_default();
        if seen.len() < 2 || !engine.remove(&id)? {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

struct Engine<'s> {
    spec: &'s network::Spec,
}

impl Networks for Engine<'_> {
    fn list(&mut self) -> Result<Vec<Seen>> {
        let named: Vec<_> = inspect::networks()?.into_iter().filter(|network| network.name == self.spec.name).collect();
        let containers = if named.len() > 1 { inspect::containers()? } else { Vec::new() };
        let is_on = |id: &str| containers.iter().flat_map(|container| &container.endpoints).any(|endpoint| endpoint.network_id == id);
        Ok(named.into_iter().map(|one| Seen { is_free: !is_on(&one.id), created_ns: one.created_ns, id: one.id }).collect())
    }

    fn create(&mut self) -> Result<Option<String>> {
        match network::create(self.spec)?.wait() {
            Err(error) if matches!(error.docker(), Some(DockerError::Conflict(_))) => Ok(None),
            made => made.map(Some),
        }
    }

    fn remove(&mut self, id: &str) -> Result<bool> {
        match network::remove(id)?.wait() {
            Err(error) if matches!(error.docker(), Some(DockerError::Conflict(_))) => Ok(false),
            removed => removed.map(|_| true),
        }
    }

    fn pause(&mut self, since: Instant) -> bool {
        std::thread::sleep(PAUSE);
        since.elapsed() < PATIENCE
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::VecDeque;

    use super::*;

    /// An engine on which others do something each time it is asked.
    #[derive(Default)]
    struct Acted {
        there: Vec<Seen>,
        others: VecDeque<fn(&mut Vec<Seen>)>,
        pauses: usize,
        done: RefCell<Vec<String>>,
    }

    fn seen(id: &str, created_ns: i64) -> Seen {
        Seen { is_free: true, created_ns, id: id.to_owned() }
    }

    impl Networks for Acted {
        fn list(&mut self) -> Result<Vec<Seen>> {
            if let Some(act) = self.others.pop_front() {
                act(&mut self.there);
            }
            Ok(self.there.clone())
        }

        fn create(&mut self) -> Result<Option<String>> {
            self.there.push(seen("anew", 100));
            self.done.borrow_mut().push("create".to_owned());
            Ok(Some("anew".to_owned()))
        }

        fn remove(&mut self, id: &str) -> Result<bool> {
            let is_free = self.there.iter().any(|one| one.id == id && one.is_free);
            self.there.retain(|one| one.id != id || !one.is_free);
            self.done.borrow_mut().push(format!("remove {id}"));
            Ok(is_free)
        }

        fn pause(&mut self, _since: Instant) -> bool {
            self.pauses += 1;
            self.pauses < 20
        }
    }

    /// Which stays, what was done, and how often it was waited.
    fn settling(there: Vec<Seen>, others: &[fn(&mut Vec<Seen>)]) -> (String, Vec<String>, usize) {
        let mut engine = Acted { there, others: others.iter().copied().collect(), ..Acted::default() };
        let stays = settled(&mut engine, Some("own".to_owned())).unwrap().unwrap();
        assert!(engine.there.iter().any(|one| one.id == stays), "{stays} is not there");
        (stays, engine.done.take(), engine.pauses)
    }

    #[test]
    fn the_only_one_stays() {
        assert_eq!(settling(vec![seen("own", 5)], &[]), ("own".to_owned(), vec![], 0));
    }

    #[test]
    fn the_younger_one_goes_and_of_two_as_old_that_with_the_greater_id() {
        let gone = ("other".to_owned(), vec!["remove own".to_owned()], 0);
        assert_eq!(settling(vec![seen("own", 5), seen("other", 4)], &[]), gone);
        assert_eq!(settling(vec![seen("own", 5), seen("other", 5)], &[]), gone);
    }

    #[test]
    fn one_that_is_in_use_stays_though_it_is_younger() {
        let used = Seen { is_free: false, ..seen("other", 9) };
        assert_eq!(settling(vec![seen("own", 5), used], &[]), ("other".to_owned(), vec!["remove own".to_owned()], 0));
        let own = Seen { is_free: false, ..seen("own", 9) };
        assert_eq!(settling(vec![own, seen("other", 5)], &[|_| (), |all| all.retain(|one| one.id == "own")]).0, "own");
    }

    #[test]
    fn the_older_one_waits_until_the_other_is_gone() {
        let other_goes: fn(&mut Vec<Seen>) = |all| all.retain(|one| one.id == "own");
        assert_eq!(settling(vec![seen("own", 4), seen("other", 5)], &[|_| (), |_| (), other_goes]), ("own".to_owned(), vec![], 2));
    }

    #[test]
    fn the_older_one_gives_way_to_one_that_stays() {
        assert_eq!(settling(vec![seen("own", 4), seen("other", 5)], &[]), ("other".to_owned(), vec!["remove own".to_owned()], 20));
    }

    #[test]
    fn when_both_gave_way_it_is_made_again() {
        let both_gone: fn(&mut Vec<Seen>) = |all| all.clear();
        let (stays, done, _) = settling(vec![seen("own", 5), seen("other", 4)], &[|_| (), both_gone]);
        assert_eq!((stays.as_str(), done), ("anew", vec!["remove own".to_owned(), "create".to_owned()]));
    }
}

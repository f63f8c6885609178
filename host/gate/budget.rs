//! Budgets: how much a run may change before it is stopped and rolled back.

use crate::grants::BudgetGrants;

/// What can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    RowsChanged,
    KeysDeleted,
    ConnectionsDropped,
}

impl Counter {
    const ALL: [Self; 3] = [Self::RowsChanged, Self::KeysDeleted, Self::ConnectionsDropped];

    /// The key in host.toml: `budgets.rows-changed`.
    pub fn key(self) -> &'static str {
        match self {
            Self::RowsChanged => "rows-changed",
            Self::KeysDeleted => "keys-deleted",
            Self::ConnectionsDropped => "connections-dropped",
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::RowsChanged => "rows changed",
            Self::KeysDeleted => "keys deleted",
            Self::ConnectionsDropped => "connections dropped",
        }
    }
}

/// The budgets of one command and what is spent of them.
#[derive(Clone, Debug, Default)]
pub struct Budgets {
    granted: BudgetGrants,
    spent: [u64; 3],
}

impl Budgets {
    pub fn new(granted: BudgetGrants) -> Self {
        Self { granted, spent: [0; 3] }
    }

    /// The ceiling of connections dropped a second.
    pub fn drop_rate(&self) -> Option<u64> {
        self.granted.connections_dropped_rate
    }

    /// How much may still be spent; none means no bound.
    pub fn left(&self, counter: Counter) -> Option<u64> {
        self.bound(counter).map(|bound| bound.saturating_sub(self.spent(counter)))
    }

    /// Counts `amount`; an error once the budget is exceeded (exactly at it is fine).
    pub fn spend(&mut self, counter: Counter, amount: u64) -> Result<(), String> {
        let spent = match counter {
            Counter::RowsChanged => &mut self.spent[0],
            Counter::KeysDeleted => &mut self.spent[1],
            Counter::ConnectionsDropped => &mut self.spent[2],
        };
        *spent = spent.saturating_add(amount);
        self.check()
    }

    /// Whether every budget still holds.
    pub fn check(&self) -> Result<(), String> {
        let broken = Counter::ALL.into_iter().find_map(|counter| {
            let bound = self.bound(counter).filter(|bound| self.spent(counter) > *bound)?;
            Some(format!("{} {}, the budget `{}` is {bound}", self.spent(counter), counter.in_words(), counter.key()))
        });
        broken.map_or(Ok(()), Err)
    }

    fn spent(&self, counter: Counter) -> u64 {
        let [rows, keys, connections] = self.spent;
        match counter {
            Counter::RowsChanged => rows,
            Counter::KeysDeleted => keys,
            Counter::ConnectionsDropped => connections,
        }
    }

    fn bound(&self, counter: Counter) -> Option<u64> {
        match counter {
            Counter::RowsChanged => self.granted.rows_changed,
            Counter::KeysDeleted => self.granted.keys_deleted,
            Counter::ConnectionsDropped => self.granted.connections_dropped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_holds_at_its_bound_and_breaks_past_it() {
        for counter in Counter::ALL {
            let granted =
                BudgetGrants { rows_changed: Some(3), keys_deleted: Some(3), connections_dropped: Some(3), ..BudgetGrants::default() };
            let mut budgets = Budgets::new(granted);
            assert_eq!(budgets.left(counter), Some(3));
            assert_eq!(budgets.spend(counter, 3), Ok(()));
            assert_eq!(budgets.left(counter), Some(0));
            let error = budgets.spend(counter, 1).unwrap_err();
            assert!(error.contains(counter.key()), "{error}");
            assert!(budgets.check().is_err());
        }
    }

    #[test]
    fn without_a_bound_anything_may_be_spent() {
        let mut budgets = Budgets::default();
        assert_eq!(budgets.spend(Counter::KeysDeleted, u64::MAX), Ok(()));
        assert_eq!(budgets.left(Counter::KeysDeleted), None);
    }
}

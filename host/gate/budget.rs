//! Budgets: how much a run may change before it is stopped and rolled back.

/// What can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    RowsChanged,
}

impl Counter {
    /// The key in host.toml: `budgets.rows-changed`.
    pub fn key(self) -> &'static str {
        match self {
            Self::RowsChanged => "rows-changed",
        }
    }
}

/// The budgets of one command. None means no bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Budgets {
    pub rows_changed: Option<u64>,
    rows_changed_so_far: u64,
}

impl Budgets {
    pub fn new(rows_changed: Option<u64>) -> Self {
        Self { rows_changed, rows_changed_so_far: 0 }
    }

    /// Counts `amount`; an error once the budget is exceeded (exactly at it is fine).
    pub fn spend(&mut self, counter: Counter, amount: u64) -> Result<(), String> {
        match counter {
            Counter::RowsChanged => self.rows_changed_so_far = self.rows_changed_so_far.saturating_add(amount),
        }
        self.check()
    }

    /// Whether every budget still holds.
    pub fn check(&self) -> Result<(), String> {
        match self.rows_changed {
            Some(bound) if self.rows_changed_so_far > bound => {
                Err(format!("{} rows changed, the budget `{}` is {bound}", self.rows_changed_so_far, Counter::RowsChanged.key()))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_holds_at_its_bound_and_breaks_past_it() {
        let mut budgets = Budgets::new(Some(3));
        assert_eq!(budgets.spend(Counter::RowsChanged, 3), Ok(()));
        assert!(budgets.spend(Counter::RowsChanged, 1).is_err());
        assert!(budgets.check().is_err());
    }
}

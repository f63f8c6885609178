//! Removing keys, as far as the budget `keys-deleted` goes.

use host_sdk::Result;
use host_sdk::redis::{Connection, Keys, RedisError};

/// Removes them, and tells after each call how many there were. A call that names more keys than the budget has left is
/// refused whole and nobody says in numbers how many those are: they are found by halves, and the last one is the error.
pub(crate) fn unlink(redis: &Connection, keys: &Keys, mut removed: impl FnMut(u64)) -> Result<()> {
    in_parts(keys, |part| redis.unlink(part).map(&mut removed), |error| matches!(error.redis(), Some(RedisError::LimitExceeded(_))))
}

fn in_parts<E>(keys: &Keys, mut work: impl FnMut(&Keys) -> Result<(), E>, too_much: impl Fn(&E) -> bool) -> Result<(), E> {
    let mut most = match work(keys) {
        Err(error) if keys.len() > 1 && too_much(&error) => keys.len() / 2,
        all => return all,
    };
    let mut done = 0;
    while done < keys.len() {
        let part: Keys = keys.iter().skip(done).take(most).collect();
        match work(&part) {
            Err(error) if most > 1 && too_much(&error) => most /= 2,
            Err(error) => return Err(error),
            Ok(()) => done += part.len(),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a budget of so many lets through, and in how many calls.
    fn within(budget: usize, count: usize) -> (Result<(), ()>, usize, usize) {
        let keys: Keys = (0..count).map(|number| number.to_string()).collect();
        let (mut left, mut next, mut calls) = (budget, 0, 0);
        let outcome = in_parts(
            &keys,
            |part| {
                calls += 1;
                left = left.checked_sub(part.len()).ok_or(())?;
                for key in part.iter() {
                    assert_eq!(key, next.to_string().as_bytes(), "each in its turn");
                    next += 1;
                }
                Ok(())
            },
            |()| true,
        );
        (outcome, next, calls)
    }

    #[test]
    fn all_go_in_one_call_where_the_budget_lasts() {
        assert_eq!(within(5_000, 5_000), (Ok(()), 5_000, 1));
        assert_eq!(within(1, 1), (Ok(()), 1, 1));
    }

    #[test]
    fn past_the_budget_exactly_what_it_allows_goes_in_few_calls() {
        for budget in [0, 1, 2, 99, 2_500, 4_999] {
            let (outcome, done, calls) = within(budget, 5_000);
            assert_eq!((outcome, done), (Err(()), budget));
            assert!(calls <= 30, "{calls} calls for {budget}");
        }
        assert_eq!(within(0, 1), (Err(()), 0, 1));
    }
}

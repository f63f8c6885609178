//! The present moment in UTC, as it stands in names of kept databases.

use std::time::{SystemTime, UNIX_EPOCH};

/// `20260102t030405z`: lower case, so that the name needs no quotes.
pub(crate) fn stamp(now: SystemTime) -> String {
    let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (year, month, day) = date(seconds / 86_400);
    let of_day = seconds % 86_400;
    format!("{year:04}{month:02}{day:02}t{:02}{:02}{:02}z", of_day / 3_600, of_day / 60 % 60, of_day % 60)
}

/// Days since 1970-01-01 to a date, by eras of 400 years that begin on a first of March.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::{date, stamp};

    #[test]
    fn days_become_dates() {
        assert_eq!([0, 59, 11_016, 20_454].map(date), [(1970, 1, 1), (1970, 3, 1), (2000, 2, 29), (2026, 1, 1)]);
    }

    #[test]
    fn a_stamp_sorts_by_time() {
        assert_eq!(stamp(UNIX_EPOCH + Duration::from_secs(20_454 * 86_400 + 3 * 3_600 + 4 * 60 + 5)), "20260101t030405z");
    }
}

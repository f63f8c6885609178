//! Postgres' dates and times in binary: days and microseconds since 2000-01-01, against the records of the WIT.

use crate::capabilities::sql::types::{Date, Time};

/// Days from 1970-01-01 to 2000-01-01.
const EPOCH_DAYS: i64 = 10_957;
pub(super) const DAY_MICROS: i64 = 86_400_000_000;

/// The civil date of a day counted from 2000-01-01 (proleptic Gregorian, year 0 is 1 BC).
pub(super) fn date_of(days: i64) -> Date {
    let shifted = days + EPOCH_DAYS + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    Date { year: i32::try_from(year).unwrap_or(i32::MAX), month: u8::try_from(month).unwrap_or(0), day: u8::try_from(day).unwrap_or(0) }
}

/// Days from 2000-01-01, or None when there is no such date.
pub(super) fn days_of(date: Date) -> Option<i64> {
    let (year, month, day) = (i64::from(date.year), i64::from(date.month), i64::from(date.day));
    if !(1..=12).contains(&month) || day < 1 {
        return None;
    }
    let shifted_year = year - i64::from(month <= 2);
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let month_index = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * month_index + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468 - EPOCH_DAYS;
    // 31 April is 1 May by this arithmetic: only a date that comes back unchanged exists.
    (date_of(days) == date).then_some(days)
}

pub(super) fn time_of(micros: i64) -> Time {
    let part = |unit: i64, count: i64| u8::try_from((micros / unit).rem_euclid(count)).unwrap_or(0);
    Time {
        // 24:00:00 is a time in Postgres.
        hour: part(3_600_000_000, 25),
        minute: part(60_000_000, 60),
        second: part(1_000_000, 60),
        nanosecond: u32::try_from(micros.rem_euclid(1_000_000) * 1000).unwrap_or(0),
    }
}

/// Microseconds since midnight, rounded down; None when there is no such time.
pub(super) fn micros_of(time: Time) -> Option<i64> {
    let micros = i64::from(time.hour) * 3_600_000_000
        + i64::from(time.minute) * 60_000_000
        + i64::from(time.second) * 1_000_000
        + i64::from(time.nanosecond / 1000);
    (time.minute < 60 && time.second <= 60 && time.nanosecond < 1_000_000_000 && micros <= DAY_MICROS).then_some(micros)
}

/// Date and time of microseconds since 2000-01-01.
pub(super) fn timestamp_of(micros: i64) -> (Date, Time) {
    (date_of(micros.div_euclid(DAY_MICROS)), time_of(micros.rem_euclid(DAY_MICROS)))
}

pub(super) fn timestamp_micros(date: Date, time: Time) -> Option<i64> {
    days_of(date)?.checked_mul(DAY_MICROS)?.checked_add(micros_of(time)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(year: i32, month: u8, day: u8) -> Date {
        Date { year, month, day }
    }

    #[test]
    fn days_and_dates_agree_in_both_directions() {
        for (days, civil) in [
            (0, date(2000, 1, 1)),
            (-1, date(1999, 12, 31)),
            (59, date(2000, 2, 29)),
            (-730_485, date(0, 1, 1)),
            (-10_957, date(1970, 1, 1)),
        ] {
            assert_eq!(date_of(days), civil);
            assert_eq!(days_of(civil), Some(days));
        }
        for days in (-3_000_000..3_000_000).step_by(997) {
            assert_eq!(days_of(date_of(days)), Some(days));
        }
    }

    #[test]
    fn dates_and_times_that_do_not_exist_are_refused() {
        assert_eq!(days_of(date(2023, 2, 29)), None);
        assert_eq!(days_of(date(2023, 13, 1)), None);
        assert_eq!(days_of(date(2023, 1, 0)), None);
        assert_eq!(micros_of(Time { hour: 24, minute: 0, second: 0, nanosecond: 1000 }), None);
        assert_eq!(micros_of(Time { hour: 1, minute: 60, second: 0, nanosecond: 0 }), None);
    }

    #[test]
    fn timestamps_before_the_epoch_keep_their_time() {
        let (day, time) = timestamp_of(-1);
        assert_eq!((day, time), (date(1999, 12, 31), Time { hour: 23, minute: 59, second: 59, nanosecond: 999_999_000 }));
        assert_eq!(timestamp_micros(day, time), Some(-1));
    }
}

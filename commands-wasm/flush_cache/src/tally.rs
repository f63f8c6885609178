//! Counts by segment, and how large the keys are: each one measured while there are few, some of them beyond that.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::class::Class;
use crate::segment::Segment;

/// Segments that are told apart; further ones share a row.
const SEGMENTS_BOUND: usize = 1_000;
/// Up to here every key is measured.
const EACH_UP_TO: u64 = 2_000;
/// Then the first of each segment, and one in so many.
const FIRST_OF_SEGMENT: u64 = 4;
const ONE_IN: u64 = 1_024;

/// What was counted.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    rows: Vec<Row>,
    places: HashMap<Box<[u8]>, usize, BuildHasherDefault<Fnv>>,
    /// Place of the row that was counted last: neighbours are often of the same segment.
    last: Option<usize>,
    others: Option<usize>,
    spared: [u64; Class::ALL.len()],
    pub(crate) found: u64,
    /// What the server said was removed.
    pub(crate) removed: u64,
    /// False when the server does not tell how large keys are.
    unmeasurable: bool,
    all: Measured,
}

#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: Name,
    pub(crate) count: u64,
    measured: Measured,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Segment(Box<[u8]>),
    /// Keys that begin with this and have no further `:`.
    Bare(Box<[u8]>),
    /// Of [`SEGMENTS_BOUND`] segments and more.
    Others,
}

#[derive(Clone, Copy, Debug, Default)]
struct Measured {
    keys: u64,
    bytes: u64,
}

/// How many bytes: `exact` when each key was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) bytes: u64,
    pub(crate) exact: bool,
}

impl Tally {
    /// Counts a key; its row's place when it should be measured.
    #[inline]
    pub(crate) fn count(&mut self, segment: Segment<'_>) -> Option<usize> {
        let place = self.place(segment);
        let row = self.rows.get_mut(place)?;
        self.found += 1;
        row.count += 1;
        let measure = self.found <= EACH_UP_TO || row.count <= FIRST_OF_SEGMENT || row.count.is_multiple_of(ONE_IN);
        (measure && !self.unmeasurable).then_some(place)
    }

    #[inline]
    fn place(&mut self, segment: Segment<'_>) -> usize {
        match self.last.and_then(|last| Some((last, self.rows.get(last)?))) {
            Some((last, row)) if row.name.is(segment) => last,
            _ => {
                let place = self.find(segment);
                self.last = Some(place);
                place
            }
        }
    }

    fn find(&mut self, segment: Segment<'_>) -> usize {
        if !segment.closed {
            let known = self.rows.iter().position(|row| matches!(&row.name, Name::Bare(text) if **text == *segment.text));
            return known.unwrap_or_else(|| self.add(Name::Bare(segment.text.into())));
        }
        if let Some(place) = self.places.get(segment.text) {
            return *place;
        }
        if self.places.len() >= SEGMENTS_BOUND {
            let others = self.others.unwrap_or_else(|| self.add(Name::Others));
            self.others = Some(others);
            return others;
        }
        let place = self.add(Name::Segment(segment.text.into()));
        self.places.insert(segment.text.into(), place);
        place
    }

    fn add(&mut self, name: Name) -> usize {
        self.rows.push(Row { name, count: 0, measured: Measured::default() });
        self.rows.len() - 1
    }

    pub(crate) fn measured(&mut self, place: usize, bytes: u64) {
        if let Some(row) = self.rows.get_mut(place) {
            for measured in [&mut row.measured, &mut self.all] {
                measured.keys += 1;
                measured.bytes = measured.bytes.saturating_add(bytes);
            }
        }
    }

    pub(crate) fn cannot_measure(&mut self) {
        self.unmeasurable = true;
    }

    pub(crate) fn spare(&mut self, class: Class, count: u64) {
        if let Some(spared) = self.spared.get_mut(class as usize) {
            *spared += count;
        }
    }

    /// The classes of which something was spared.
    pub(crate) fn spared(&self) -> impl Iterator<Item = (Class, u64)> {
        Class::ALL.into_iter().zip(self.spared).filter(|(_, count)| *count > 0)
    }

    /// The largest counts first.
    pub(crate) fn rows(&self) -> Vec<&Row> {
        let mut rows: Vec<&Row> = self.rows.iter().collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.count));
        rows
    }

    /// None when the server does not tell.
    pub(crate) fn size_of(&self, row: &Row) -> Option<Size> {
        (!self.unmeasurable).then(|| row.measured.of(row.count, self.all))
    }

    /// Of all keys that were found.
    pub(crate) fn size(&self) -> Option<Size> {
        let sizes: Option<Vec<Size>> = self.rows.iter().map(|row| self.size_of(row)).collect();
        let sum = |one: Size, other: Size| Size { bytes: one.bytes.saturating_add(other.bytes), exact: one.exact && other.exact };
        Some(sizes?.into_iter().fold(Size { bytes: 0, exact: true }, sum))
    }

    /// Of those that were removed: others may have removed or written some meanwhile, or the walk was cut short.
    pub(crate) fn size_removed(&self) -> Option<Size> {
        let found = self.size()?;
        if self.removed == self.found {
            return Some(found);
        }
        Some(Size { bytes: scaled(found.bytes, self.removed, self.found), exact: false })
    }
}

impl Name {
    #[inline]
    fn is(&self, segment: Segment<'_>) -> bool {
        match self {
            Self::Segment(text) => segment.closed && **text == *segment.text,
            Self::Bare(text) => !segment.closed && **text == *segment.text,
            Self::Others => false,
        }
    }
}

impl Measured {
    /// Of `count` keys; `all` stands in where none of these was measured.
    fn of(self, count: u64, all: Self) -> Size {
        let by = if self.keys == 0 { all } else { self };
        Size { bytes: scaled(by.bytes, count, by.keys), exact: self.keys == count }
    }
}

fn scaled(bytes: u64, count: u64, of: u64) -> u64 {
    if of == 0 {
        return 0;
    }
    u64::try_from(u128::from(bytes) * u128::from(count) / u128::from(of)).unwrap_or(u64::MAX)
}

/// Fowler, Noll and Vo's: a few bytes at a time, and nobody gains by making the rows of a table collide.
#[derive(Clone)]
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(text: &str) -> Segment<'_> {
        Segment { text: text.as_bytes(), closed: true }
    }

    fn bare() -> Segment<'static> {
        Segment { text: b"", closed: false }
    }

    #[test]
    fn few_keys_are_all_measured_and_their_size_is_exact() {
        let mut tally = Tally::default();
        for bytes in [100, 50, 70] {
            let place = tally.count(segment(if bytes == 50 { "b" } else { "a" })).unwrap();
            tally.measured(place, bytes);
        }
        assert_eq!(tally.size(), Some(Size { bytes: 220, exact: true }));
        let rows = tally.rows();
        assert_eq!((rows[0].count, rows[1].count), (2, 1));
        assert_eq!(tally.size_of(rows[0]), Some(Size { bytes: 170, exact: true }));
    }

    #[test]
    fn of_many_keys_some_are_measured_and_their_size_is_an_estimate() {
        let mut tally = Tally::default();
        let mut measured = 0;
        for _ in 0..1_000_000 {
            if let Some(place) = tally.count(segment("a")) {
                measured += 1;
                tally.measured(place, 64);
            }
        }
        assert!((2_900..3_100).contains(&measured), "{measured}");
        assert_eq!(tally.size(), Some(Size { bytes: 64_000_000, exact: false }));
        for _ in 0..FIRST_OF_SEGMENT {
            assert!(tally.count(segment("late")).is_some());
        }
        assert!(tally.count(segment("late")).is_none());
    }

    #[test]
    fn every_key_is_measured_at_the_bound_and_not_past_it() {
        let mut tally = Tally::default();
        let measured = (0..=EACH_UP_TO).filter(|_| tally.count(segment("a")).is_some()).count();
        assert_eq!(measured as u64, EACH_UP_TO);
    }

    #[test]
    fn segments_past_the_bound_share_a_row() {
        let mut tally = Tally::default();
        for number in 0..SEGMENTS_BOUND + 5 {
            tally.count(segment(&number.to_string()));
        }
        tally.count(segment("7"));
        tally.count(bare());
        tally.count(bare());
        assert_eq!(tally.rows.len(), SEGMENTS_BOUND + 2);
        let rows = tally.rows();
        assert_eq!((&rows[0].name, rows[0].count), (&Name::Others, 5));
        assert_eq!((rows[1].count, rows[2].count), (2, 2));
    }

    #[test]
    fn a_segment_that_was_not_measured_is_estimated_by_all() {
        let mut tally = Tally::default();
        let place = tally.count(segment("a")).unwrap();
        tally.measured(place, 10);
        tally.count(segment("b"));
        assert_eq!(tally.size(), Some(Size { bytes: 20, exact: false }));
        tally.cannot_measure();
        assert_eq!(tally.size(), None);
    }

    #[test]
    fn what_was_removed_is_a_part_of_what_was_found() {
        let mut tally = Tally::default();
        for _ in 0..4 {
            let place = tally.count(segment("a")).unwrap();
            tally.measured(place, 10);
        }
        tally.removed = 3;
        assert_eq!(tally.size_removed(), Some(Size { bytes: 30, exact: false }));
        tally.removed = 4;
        assert_eq!(tally.size_removed(), Some(Size { bytes: 40, exact: true }));
    }
}

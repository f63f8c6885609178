//! Many keys in one run of bytes, as they cross between guest and host.

use crate::capabilities::redis::error::invalid;
use crate::capabilities::redis::types::{Error, Keys};

/// The keys of a run whose ends are in order; the end of the last is the end of the bytes.
pub(super) fn parts(keys: &Keys) -> Result<impl ExactSizeIterator<Item = &[u8]> + Clone, Error> {
    let in_order = keys.ends.is_sorted() && keys.ends.last().map_or(0, |end| *end as usize) == keys.bytes.len();
    if !in_order {
        return Err(invalid("`ends` of the keys must rise up to the number of bytes"));
    }
    let mut start = 0;
    Ok(keys.ends.iter().map(move |end| {
        let end = *end as usize;
        let key = keys.bytes.get(start..end).unwrap_or_default();
        start = end;
        key
    }))
}

/// Adds a key; false when it would not fit into what `ends` can count.
pub(super) fn push(keys: &mut Keys, key: &[u8]) -> bool {
    let Ok(end) = u32::try_from(keys.bytes.len() + key.len()) else { return false };
    keys.bytes.extend_from_slice(key);
    keys.ends.push(end);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_packed_and_parted_again() {
        let mut keys = Keys { bytes: Vec::new(), ends: Vec::new() };
        for key in ["a", "", "bcd"] {
            assert!(push(&mut keys, key.as_bytes()));
        }
        assert_eq!(parts(&keys).ok().unwrap().collect::<Vec<_>>(), [b"a".as_slice(), b"", b"bcd"]);
        let none = Keys { bytes: Vec::new(), ends: Vec::new() };
        assert_eq!(parts(&none).ok().unwrap().count(), 0);
    }

    #[test]
    fn ends_that_lie_are_refused() {
        for (bytes, ends) in [(3, vec![2]), (3, vec![4]), (3, vec![2, 1, 3]), (1, vec![]), (0, vec![1])] {
            assert!(parts(&Keys { bytes: vec![b'x'; bytes], ends: ends.clone() }).is_err(), "{ends:?}");
        }
    }
}

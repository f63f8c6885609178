//! Many keys in one run of bytes, as they cross between host and guest.

use crate::bindings::host::redis::types;

/// Keys one behind the other. Reading one costs no memory of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Keys {
    pub(super) raw: types::Keys,
}

impl Keys {
    pub fn new() -> Self {
        Self { raw: types::Keys { bytes: Vec::new(), ends: Vec::new() } }
    }

    pub fn len(&self) -> usize {
        self.raw.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.raw.ends.is_empty()
    }

    /// Bytes of all keys together.
    pub fn byte_count(&self) -> usize {
        self.raw.bytes.len()
    }

    /// One run holds at most 4 GiB, which is more than a guest's memory.
    #[inline]
    pub fn push(&mut self, key: &[u8]) {
        self.raw.bytes.extend_from_slice(key);
        self.raw.ends.push(u32::try_from(self.raw.bytes.len()).unwrap_or(u32::MAX));
    }

    /// Keeps the memory for the next keys.
    pub fn clear(&mut self) {
        self.raw.bytes.clear();
        self.raw.ends.clear();
    }

    pub fn get(&self, index: usize) -> Option<&[u8]> {
        let start = match index.checked_sub(1) {
            Some(before) => *self.raw.ends.get(before)?,
            None => 0,
        };
        // On the guests' 32 bits nothing is cut off.
        self.raw.bytes.get(start as usize..*self.raw.ends.get(index)? as usize)
    }

    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.raw.ends.iter().filter_map(move |end| {
            let key = self.raw.bytes.get(start..*end as usize);
            start = *end as usize;
            key
        })
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: AsRef<[u8]>> Extend<K> for Keys {
    fn extend<I: IntoIterator<Item = K>>(&mut self, keys: I) {
        for key in keys {
            self.push(key.as_ref());
        }
    }
}

impl<K: AsRef<[u8]>> FromIterator<K> for Keys {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        let mut packed = Self::new();
        packed.extend(keys);
        packed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_were_packed() {
        let keys: Keys = ["a", "", "ccc"].into_iter().collect();
        let read: Vec<&[u8]> = keys.iter().collect();
        assert_eq!(read, [&b"a"[..], b"", b"ccc"]);
        assert_eq!((keys.len(), keys.byte_count()), (3, 4));
        assert_eq!((keys.get(0), keys.get(1), keys.get(2), keys.get(3)), (Some(&b"a"[..]), Some(&b""[..]), Some(&b"ccc"[..]), None));
    }

    #[test]
    fn a_cleared_run_starts_anew() {
        let mut keys: Keys = ["a", "b"].into_iter().collect();
        keys.clear();
        assert!(keys.is_empty());
        keys.push(b"next");
        assert_eq!(keys.iter().collect::<Vec<_>>(), [b"next"]);
    }
}

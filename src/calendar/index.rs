//! Constant-time search in a sorted list.

/// Finds the last of sorted keys that is not above a value, by dividing their range into equal buckets.
///
/// A bucket knows the keys it can hold. Most hold one, so that a search is a shift and two look-ups; where keys
/// crowd, a binary search among those of one bucket settles it, so that no list is slow.
#[derive(Debug)]
pub(super) struct Index {
    /// The second key: below it the answer is the first, which reaches down without end.
    origin: i64,
    /// Buckets are `1 << shift` wide.
    shift: u32,
    /// The answer at the beginning of each bucket; the first bucket is all that lies below `origin`.
    first: Box<[u32]>,
}

impl Index {
    /// The index of `len` keys, at least one, which never fall.
    pub(super) fn new(len: usize, key: impl Fn(usize) -> i64) -> Index {
        let last = len.saturating_sub(1);
        let (origin, end) = if last == 0 { (i64::MAX, i64::MAX) } else { (key(1), key(last)) };
        let span = end.abs_diff(origin);
        // Four buckets a key: then three buckets in four, or more, hold no key of their own.
        let wanted = 4 * len as u64;
        let mut shift = 0;
        while span >> shift > wanted {
            shift += 1;
        }
        let mut at = 0;
        let mut first = vec![0];
        for bucket in 0..=(span >> shift) {
            let start = origin.saturating_add_unsigned(bucket << shift);
            while at < last && key(at + 1) <= start {
                at += 1;
            }
            first.push(at as u32);
        }
        first.push(last as u32);
        Index { origin, shift, first: first.into_boxed_slice() }
    }

    /// The position of the last key that is at most `value`, or 0 if there is none.
    #[inline]
    pub(super) fn find(&self, value: i64, key: impl Fn(usize) -> i64) -> usize {
        if value < self.origin {
            return 0;
        }
        let bucket = (value.wrapping_sub(self.origin) as u64 >> self.shift) as usize + 1;
        let bucket = bucket.min(self.first.len() - 2);
        let (mut low, mut high) = (self.first[bucket] as usize, self.first[bucket + 1] as usize);
        while low < high {
            let middle = (low + high).div_ceil(2);
            if key(middle) <= value {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        low
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.first)
    }
}

#[cfg(test)]
mod tests {
    use super::Index;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn finds_what_a_scan_finds(
            mut keys in prop::collection::vec(prop_oneof![-50i64..50, -1_000_000i64..1_000_000, any::<i64>()], 1..60),
            values in prop::collection::vec(any::<i64>(), 1..20),
        ) {
            keys.sort_unstable();
            let index = Index::new(keys.len(), |i| keys[i]);
            let near = keys.iter().flat_map(|&key| [key.saturating_sub(1), key, key.saturating_add(1)]);
            for value in near.chain(values) {
                let scanned = keys.iter().rposition(|&key| key <= value).unwrap_or(0);
                prop_assert_eq!(index.find(value, |i| keys[i]), scanned, "{} in {:?}", value, keys);
            }
        }
    }
}

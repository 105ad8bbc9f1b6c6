//! Constant-time search in a sorted list.

/// Finds the last of sorted keys that is not above a value.
///
/// The range of the keys is divided into equal buckets, about one a key, and each bucket into slots, a few for each
/// of its own keys: so keys may crowd in one decade and be rare in the centuries around it. Nearly all slots hold two
/// keys or fewer, so that a search is two look-ups and two comparisons, without a branch to guess wrong: a wrong guess
/// would cost as much as the search. Where more share a slot, a binary search settles it, so that no list is slow.
#[derive(Debug)]
pub(super) struct Index {
    /// The second key: below it the answer is the first, which reaches down without end.
    origin: i64,
    /// The distance of the last key from `origin`.
    span: u64,
    /// Buckets are `1 << shift` wide.
    shift: u32,
    buckets: Box<[Bucket]>,
    /// The answer at the beginning of each slot, and whether more than two keys are in the slot.
    slots: Box<[u32]>,
    /// The position of the last key.
    last: u32,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// Slots are `1 << shift` wide.
    shift: u32,
    /// What to add to a distance in slots to find the slot, modulo 2^32: its first one's position, less the number
    /// of slots before it if all were as wide.
    offset: u32,
}

/// Slots for each key of a bucket.
const SLOTS: u32 = 4;

/// Marks a slot with more than two keys.
const CROWDED: u32 = 1 << 31;

impl Index {
    /// The index of a list by keys that never fall. It has at least one item and fewer than two thousand million.
    pub(super) fn new<T>(list: &[T], key: impl Fn(&T) -> i64) -> Index {
        let (len, key) = (list.len(), |i: usize| key(&list[i]));
        let last = len.saturating_sub(1);
        let (origin, end) = if last == 0 { (i64::MAX, i64::MAX) } else { (key(1), key(last)) };
        let span = end.abs_diff(origin);
        let mut shift = 0;
        while span >> shift > len as u64 {
            shift += 1;
        }
        let distance = |i: usize| key(i).abs_diff(origin);
        let (mut buckets, mut slots) = (Vec::new(), Vec::new());
        let mut next = 1;
        for bucket in 0..=(span >> shift) {
            let own = (next..len).take_while(|&i| distance(i) >> shift == bucket).count() as u32;
            let slot_shift = shift - (own * SLOTS).max(1).next_power_of_two().ilog2().min(shift);
            let first = (bucket << shift) >> slot_shift;
            buckets
                .push(Bucket { shift: slot_shift, offset: (slots.len() as u32).wrapping_sub(first as u32) });
            for slot in first..first + (1 << (shift - slot_shift)) {
                // A key at the very beginning of a slot is the answer there; it is not among those to compare with.
                next += (next..len).take_while(|&i| distance(i) <= slot << slot_shift).count();
                let within = (next..len).take_while(|&i| distance(i) >> slot_shift == slot).count();
                slots.push((next - 1) as u32 | if within > 2 { CROWDED } else { 0 });
                next += within;
            }
        }
        Index { origin, span, shift, buckets: buckets.into(), slots: slots.into(), last: last as u32 }
    }

    /// The position of the last key that is at most `value`, or 0 if there is none, in the list it is the index of.
    /// Values and keys are within 2^62 of zero.
    #[inline(always)]
    pub(super) fn find<T>(&self, list: &[T], value: i64, key: impl Fn(&T) -> i64) -> usize {
        // Below the origin the difference wraps, and is beyond every span.
        let distance = value.wrapping_sub(self.origin) as u64;
        if distance >= self.span {
            return if value < self.origin { 0 } else { self.last as usize };
        }
        let bucket = self.buckets[(distance >> self.shift) as usize];
        let slot = self.slots[((distance >> bucket.shift) as u32).wrapping_add(bucket.offset) as usize];
        let low = slot as usize;
        // A crowded slot is out of range, like one at the list's end.
        match list.get(low..low + 3) {
            Some([_, first, second]) => {
                low + usize::from(key(first) <= value) + usize::from(key(second) <= value)
            }
            _ => self.search(list, (slot & !CROWDED) as usize, value, key),
        }
    }

    /// The last key that is at most `value`, if the one at `low` is. Doubling steps find the crowd's end.
    #[cold]
    fn search<T>(&self, list: &[T], mut low: usize, value: i64, key: impl Fn(&T) -> i64) -> usize {
        let reaches = |at: usize| list.get(at).is_some_and(|item| key(item) <= value);
        let mut step = 1;
        while reaches(low + step) {
            low += step;
            step *= 2;
        }
        while step > 0 {
            if reaches(low + step) {
                low += step;
            }
            step /= 2;
        }
        low
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.buckets) + size_of_val(&*self.slots)
    }
}

#[cfg(test)]
mod tests {
    use super::Index;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn finds_what_a_scan_finds(
            mut keys in prop::collection::vec(prop_oneof![-50i64..50, -1_000_000i64..1_000_000, -1i64 << 62..1i64 << 62], 1..60),
            values in prop::collection::vec(-1i64 << 62..1i64 << 62, 1..20),
        ) {
            keys.sort_unstable();
            let index = Index::new(&keys, |&key| key);
            let near = keys.iter().flat_map(|&key| [key - 1, key, key + 1]);
            for value in near.chain(values) {
                let scanned = keys.iter().rposition(|&key| key <= value).unwrap_or(0);
                prop_assert_eq!(index.find(&keys, value, |&key| key), scanned, "{} in {:?}", value, keys);
            }
        }
    }
}

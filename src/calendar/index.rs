//! Near-constant-time search in a sorted list.

/// An index that finds the last sorted key less than or equal to a value.
///
/// The range of the keys is divided into equal buckets, about one per key. Each bucket is divided into slots, a few for
/// each key in it. The two levels allow for keys that are dense in one decade and sparse in the centuries around it.
///
/// Nearly all slots hold at most two keys. A search in such a slot takes two look-ups and two comparisons, without a
/// branch that the processor could mispredict: one misprediction would take as long as the whole search. In a slot with
/// more keys, the search doubles its step and then halves it, so its time stays logarithmic in the number of keys.
#[derive(Debug)]
pub(super) struct Index {
    /// The second key. For any value below it, the answer is position 0.
    origin: i64,
    /// The distance from `origin` to the last key.
    span: u64,
    /// Each bucket is `1 << shift` wide.
    shift: u32,
    buckets: Box<[Bucket]>,
    /// The answer at the start of each slot, with the [`CROWDED`] bit set if the slot holds more than two keys.
    slots: Box<[u32]>,
    /// The position of the last key.
    last: u32,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// Each slot of this bucket is `1 << shift` wide.
    shift: u32,
    /// Added modulo 2^32 to `distance >> shift` to get the position in `slots`. The value is the position of the
    /// bucket's first slot, minus the number of slots that would precede the bucket if all slots had its width.
    offset: u32,
}

/// The number of slots for each key in a bucket.
const SLOTS: u32 = 4;

/// The bit that marks a slot with more than two keys.
const CROWDED: u32 = 1 << 31;

impl Index {
    /// Builds the index of a list sorted by `key`. The list must have at least 1 and fewer than 2^31 items.
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
            let key_count = (next..len).take_while(|&i| distance(i) >> shift == bucket).count() as u32;
            let slot_shift = shift - (key_count * SLOTS).max(1).next_power_of_two().ilog2().min(shift);
            let first = (bucket << shift) >> slot_shift;
            buckets
                .push(Bucket { shift: slot_shift, offset: (slots.len() as u32).wrapping_sub(first as u32) });
            for slot in first..first + (1 << (shift - slot_shift)) {
                // A key equal to the start of a slot is the slot's answer, so no comparison with it is needed.
                next += (next..len).take_while(|&i| distance(i) <= slot << slot_shift).count();
                let within = (next..len).take_while(|&i| distance(i) >> slot_shift == slot).count();
                slots.push((next - 1) as u32 | if within > 2 { CROWDED } else { 0 });
                next += within;
            }
        }
        Index { origin, span, shift, buckets: buckets.into(), slots: slots.into(), last: last as u32 }
    }

    /// Returns the position of the last key less than or equal to `value`, or 0 if all keys are greater.
    ///
    /// `list` and `key` must be those that the index was built from. Keys and values must be within 2^62 of zero.
    #[inline(always)]
    pub(super) fn find<T>(&self, list: &[T], value: i64, key: impl Fn(&T) -> i64) -> usize {
        // For a value below the origin the difference wraps to a number greater than any span.
        let distance = value.wrapping_sub(self.origin) as u64;
        if distance >= self.span {
            return if value < self.origin { 0 } else { self.last as usize };
        }
        let bucket = self.buckets[(distance >> self.shift) as usize];
        let slot = self.slots[((distance >> bucket.shift) as u32).wrapping_add(bucket.offset) as usize];
        let low = slot as usize;
        // The `CROWDED` bit puts `low` out of range, as at the end of the list; both take the slow path.
        match list.get(low..low + 3) {
            Some([_, first, second]) => {
                low + usize::from(key(first) <= value) + usize::from(key(second) <= value)
            }
            _ => self.search(list, (slot & !CROWDED) as usize, value, key),
        }
    }

    /// Finds the last key less than or equal to `value`, starting at `low`, by doubling and then halving the step.
    #[cold]
    fn search<T>(&self, list: &[T], mut low: usize, value: i64, key: impl Fn(&T) -> i64) -> usize {
        let is_at_most = |at: usize| list.get(at).is_some_and(|item| key(item) <= value);
        let mut step = 1;
        while is_at_most(low + step) {
            low += step;
            step *= 2;
        }
        while step > 0 {
            if is_at_most(low + step) {
                low += step;
            }
            step /= 2;
        }
        low
    }

    /// Returns the size of the heap allocations in bytes.
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
        fn matches_a_linear_scan(
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

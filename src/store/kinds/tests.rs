use super::*;
use chrono::TimeDelta;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_603_600 + seconds, 0).unwrap()
}

fn stored(write: RecordWrite, version: u64) -> Record {
    Record { key: write.key, version, content: write.content.unwrap() }
}

/// Adopts one version for each pair: at the first instant, to apply from the second one on.
fn adopted(history: &[(i64, i64)], check: impl Fn(usize, Adoptions<'_>, Option<&Record>)) {
    let kind = DefinitionKind::Policy;
    let (mut newest, mut earlier): (Option<Record>, Option<Record>) = (None, None);
    for (count, (now, start)) in (1..).zip(history) {
        let before = Adoptions::read(kind, newest.as_ref()).unwrap();
        let version = before.newest().unwrap().map_or(1, |it| it.version + 1);
        assert_eq!(version, count);
        let (from, hash) = (at(*start), Fingerprint::of(count.to_string()));
        let adoption = Adoption { version, from, agreements_from: at(start - 1), hash };
        let outdated = before.outdated(at(*now)).unwrap();
        let write = before.adopt(&adoption, count == 1, outdated);
        assert_eq!(write.expected, expected(newest.as_ref()));
        if outdated > 0 {
            let archive = before.archive(outdated, earlier.as_ref());
            assert_eq!(archive.expected, expected(earlier.as_ref()));
            let version = earlier.as_ref().map_or(1, |it| it.version + 1);
            earlier = Some(stored(archive, version));
        }
        // The version of the record is not the number of adoptions: a repaired or moved record has another one.
        newest = Some(stored(write, count + 5));
        let after = Adoptions::read(kind, newest.as_ref()).unwrap();
        assert_eq!(after.newest().unwrap(), Some(adoption));
        assert!(after.migrates(), "the first version does");
        check(count as usize, after, earlier.as_ref());
    }
}

fn finds_each(history: &[(i64, i64)], instants: &[i64]) {
    adopted(history, |count, newest, archive| {
        for instant in instants {
            let wanted = history[..count].iter().rposition(|(_, start)| start <= instant);
            let found = newest.in_force(at(*instant)).unwrap();
            let found = match (found, newest.is_complete()) {
                (None, false) => newest.earlier(archive).unwrap().in_force(at(*instant)).unwrap(),
                (found, _) => found,
            };
            let version = found.map(|it| it.version as usize);
            assert_eq!(version, wanted.map(|place| place + 1), "second {instant} after {count}");
            assert!(found.is_none_or(|it| it.hash == Fingerprint::of(it.version.to_string())));
        }
    });
}

#[test]
fn the_version_in_force_is_the_last_adopted_one_that_applies() {
    // Version 3 applies from an earlier instant than version 2, and so replaces it from the start. Version 4 is in
    // the future.
    let starts = [0, 100, 50, 1_000].map(|start| (0, start));
    finds_each(&starts, &[-1, 0, 1, 49, 50, 51, 99, 100, 101, 999, 1_000, 9_999]);
}

#[test]
fn archived_versions_are_found() {
    let history: Vec<_> = (0..100).map(|n| (n * 10, n * 10)).collect();
    finds_each(&history, &(-1..101).map(|n| n * 10 + n % 2).collect::<Vec<_>>());
}

/// Regression: every command once read all versions ever adopted.
#[test]
fn outdated_versions_are_archived() {
    let history: Vec<_> = (0..100).map(|n| (n, n)).collect();
    adopted(&history, |count, newest, _| {
        assert!(newest.entries.len() <= 2 * KEPT && newest.entries.len() >= count.min(KEPT));
        let held = newest.in_force(at(i64::MAX >> 24)).unwrap();
        assert_eq!(held.map(|it| it.version as usize), Some(count));
    });
    // Versions that do not apply yet are not outdated.
    let planned: Vec<_> = (0..100).map(|n| (0, n)).collect();
    adopted(&planned, |count, newest, _| assert_eq!(newest.entries.len(), count));
}

#[test]
fn lost_archived_versions_are_reported_as_corrupt() {
    let history: Vec<_> = (0..40).map(|n| (n, n)).collect();
    adopted(&history, |_, newest, archive| {
        if newest.is_complete() {
            return;
        }
        let mut short = archive.unwrap().clone();
        short.content.facts.truncate(1);
        for record in [None, Some(&short)] {
            assert_eq!(newest.earlier(record).unwrap_err().kind(), ErrorKind::Corrupt);
        }
    });
}

#[test]
fn a_receipt_is_read_back_and_listed_after_it_expires() {
    let versions = [(0, 1), (3, 5), (127, 128), (16_383, 16_384), (u64::MAX - 1, u64::MAX)];
    for (before, after) in versions {
        for millis in [0, 1, 3_600_000] {
            let expires = at(0) + TimeDelta::milliseconds(millis);
            let (request, ticket) = (Fingerprint::of("it").into(), uuid::Uuid::from_u128(7).into());
            let kept = KeptReceipt { request, ticket, before, after, expires };
            let record = Record { key: "k".to_owned(), version: 1, content: kept.content() };
            assert_eq!(KeptReceipt::read(&record).unwrap(), kept);
            assert!(!KeptReceipt::expired(expires, 9).contains(&record), "the receipt is still valid");
            let later = expires + TimeDelta::milliseconds(1);
            assert!(KeptReceipt::expired(later, 9).contains(&record));
            let mut short = record.clone();
            short.content.facts.pop();
            assert_eq!(KeptReceipt::read(&short).unwrap_err().kind(), ErrorKind::Corrupt);
            let mut long = record.clone();
            long.content.facts.push(0);
            assert_eq!(KeptReceipt::read(&long).unwrap_err().kind(), ErrorKind::Corrupt);
        }
    }
}

#[test]
fn sortable_keys_sort_like_their_instants() {
    assert!(DIGITS.is_sorted());
    let (first, last) =
        (DateTime::<Utc>::MIN_UTC.timestamp_millis(), DateTime::<Utc>::MAX_UTC.timestamp_millis());
    let millis = [first, first + 1, -64, -1, 0, 1, 63, 64, 4_095, 1 << 40, (1 << 40) + 1, last];
    let instants = millis.map(|it| DateTime::from_timestamp_millis(it).unwrap());
    let keys = instants.map(sortable);
    assert!(keys.is_sorted() && keys.iter().all(|key| key.len() == WIDTH as usize), "{keys:?}");
    for (key, instant) in keys.iter().zip(instants) {
        assert_eq!(instant_of(key), Some(instant));
    }
    for (key, instant) in keys.iter().zip(instants).skip(1) {
        assert_eq!(sortable(instant - TimeDelta::microseconds(999)), *key);
    }
    let end = sortable(DateTime::<Utc>::MAX_UTC);
    assert!(end > keys[11]);
    assert_eq!(instant_of(&end), Some(DateTime::<Utc>::MAX_UTC));
    for other in ["", "é", "zzzzzzzzzzzzzzz", "not a key!"] {
        assert_ne!(instant_of(other).map(sortable).as_deref(), Some(other));
    }
}

/// The keys were the versions as texts, so many future adoptions could hide one that was due.
#[test]
fn migrations_are_listed_in_the_order_of_their_versions() {
    let from = DateTime::<Utc>::UNIX_EPOCH;
    let adoption = |version| Adoption { version, from, agreements_from: from, hash: Fingerprint::of("") };
    let keys = [2, 10, 199, 1_000].map(|version| migrate_clocks(&adoption(version)).key);
    assert!(keys.is_sorted(), "{keys:?}");
}

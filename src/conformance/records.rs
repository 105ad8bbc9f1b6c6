//! Records of a kind that no store has special code for.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Candidate;
use super::failure::{CheckFailure, Checked, holds, refused, same};
use super::scene::{ACME, SAMPLE, Scene, later, monday, paged};
use super::together::{PATIENCE, at_once, patiently};
use crate::operation::{Engine, Interrupt, Loaded, Operation};
use crate::store::{
    Answer, Changes, Claimed, Commit, Content, DataPolicy, DueRecord, Expected, Index, LockMode, Read,
    Record, RecordCursor, RecordKind, RecordRange, RecordWrite,
};
use crate::time::{Stopwatch, to_micros};

/// A second kind. Its code starts with the code of [`SAMPLE`], to catch prefix matches.
const OTHER: RecordKind =
    RecordKind::new("conformance.sample2", "other sample", Changes::Replaced, DataPolicy::IMPERSONAL);

fn put<C: Candidate>(scene: &Scene<'_, C>, desk: &str, write: RecordWrite) -> crate::Result<()> {
    scene.put(desk, [write].into_iter().collect())
}

pub(super) fn come_back<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let bytes = |count: usize| (0..count).map(|n| (n * 7 % 256) as u8).collect::<Vec<u8>>();
    let full = Content::new(bytes(300))
        .personal(bytes(40))
        .indexed(Index::First, "первый")
        .indexed(Index::Second, "2")
        .indexed(Index::Third, " ")
        .due(later(3) + TimeDelta::microseconds(7))
        .tried(4_000_000_000);
    // Small and large contents alternate, because stores may keep large ones elsewhere.
    let contents = [
        Content::default(),
        full.clone(),
        Content::new(bytes(100_000)).personal(bytes(1)),
        Content::new(bytes(801)).indexed(Index::Third, "only the third"),
        Content::new(bytes(1)).personal(bytes(50_000)).due(later(-86_400 * 365 * 60)),
        full,
        Content::new(*b"\0").personal(*b""),
        Content::new(bytes(1 << 20)),
    ];
    for (version, content) in (1..).zip(&contents) {
        let expected = if version == 1 { Expected::Absent } else { Expected::Version(version - 1) };
        put(scene, ACME, RecordWrite::put(SAMPLE, "rewritten", expected, content.clone()))?;
        let key = format!("kept {version}");
        put(scene, ACME, RecordWrite::put(SAMPLE, key, Expected::Absent, content.clone()))?;
        put(scene, ACME, RecordWrite::put(SAMPLE, "put anyhow", Expected::Any, content.clone()))?;
        for scene in [scene, &scene.twin()?] {
            for key in ["rewritten", "put anyhow"] {
                let wanted = Record { key: key.to_owned(), version, content: content.clone() };
                same(format_args!("the record {key:?}"), scene.record(ACME, SAMPLE, key)?, Some(wanted))?;
            }
        }
    }
    // Instants are stored to the microsecond, and an empty personal part reads back as `None`.
    let kept = Content::new(*b"precise").due(later(3) + TimeDelta::microseconds(7));
    let mut given = kept.clone().due(later(3) + TimeDelta::nanoseconds(7_999));
    given.personal = Some(Vec::new());
    put(scene, ACME, RecordWrite::put(SAMPLE, "precise", Expected::Absent, given))?;
    let precise = scene.record(ACME, SAMPLE, "precise")?;
    same("a record with nanoseconds and an empty personal part", precise.map(|it| it.content), Some(kept))?;
    let found = scene.records(ACME, RecordRange::by_key(SAMPLE).starting_with("kept "))?;
    let found: Vec<_> = found.into_iter().map(|it| it.content).collect();
    same("all records, as a range", found, contents.to_vec())?;
    same("a record of another kind", scene.record(ACME, OTHER, "rewritten")?, None)?;
    let others = scene.records(ACME, RecordRange::by_key(OTHER))?;
    same("records of another kind", others, Vec::new())?;
    for (key, expected) in
        [("rewritten", Expected::Version(contents.len() as u64)), ("kept 3", Expected::Any)]
    {
        put(scene, ACME, RecordWrite::delete(SAMPLE, key, expected))?;
        same("a record that was deleted", scene.record(ACME, SAMPLE, key)?, None)?;
        // A record written in its place inherits nothing from it.
        put(scene, ACME, RecordWrite::put(SAMPLE, key, Expected::Absent, Content::new(*b"new")))?;
        let wanted = Record { key: key.to_owned(), version: 1, content: Content::new(*b"new") };
        same("a record in place of a deleted one", scene.record(ACME, SAMPLE, key)?, Some(wanted))?;
    }
    Ok(())
}

pub(super) fn expect_versions<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let key = "k";
    let content = |word: &str| Content::new(word.as_bytes());
    let version = || Ok::<_, CheckFailure>(scene.record(ACME, SAMPLE, key)?.map(|it| it.version));
    let is_refused = |what: &str, expected, new: Option<&str>| -> Checked {
        let before = scene.record(ACME, SAMPLE, key)?;
        let content = new.map(content);
        let write = RecordWrite { kind: SAMPLE, key: key.to_owned(), expected, content };
        let error = refused(what, put(scene, ACME, write))?;
        holds(what, "a conflict", error.is_conflict())?;
        same(what, scene.record(ACME, SAMPLE, key)?, before)
    };
    is_refused("a change to a record that is not there", Expected::Version(1), Some("x"))?;
    is_refused("the deletion of a record that is not there", Expected::Version(1), None)?;
    put(scene, ACME, RecordWrite::delete(SAMPLE, key, Expected::Any))?;
    put(scene, ACME, RecordWrite::delete(SAMPLE, key, Expected::Absent))?;
    put(scene, ACME, RecordWrite::put(SAMPLE, key, Expected::Absent, content("one")))?;
    same("the version of a new record", version()?, Some(1))?;
    is_refused("a new record where there is one", Expected::Absent, Some("x"))?;
    is_refused("a deletion that expects no record", Expected::Absent, None)?;
    is_refused("a version that is not there yet", Expected::Version(2), Some("x"))?;
    put(scene, ACME, RecordWrite::put(SAMPLE, key, Expected::Version(1), content("two")))?;
    put(scene, ACME, RecordWrite::put(SAMPLE, key, Expected::Any, content("three")))?;
    same("the version after three writes", version()?, Some(3))?;
    is_refused("a stale version", Expected::Version(2), Some("x"))?;
    is_refused("the deletion of a stale version", Expected::Version(2), None)?;
    put(scene, ACME, RecordWrite::delete(SAMPLE, key, Expected::Version(3)))?;
    put(scene, ACME, RecordWrite::put(SAMPLE, key, Expected::Any, content("four")))?;
    same("the version after a deletion", version()?, Some(1))
}

/// Reads, pauses so that something else can run, then writes.
struct PausedOperation {
    reads: Vec<Read>,
    writes: Commit,
    pause: Pause,
}

/// A pause in an operation. It ends when the other side is done, or after 200 ms, because the other side may be waiting
/// for the operation.
struct Pause(Mutex<Option<(Sender<()>, Receiver<()>)>>);

impl Operation for PausedOperation {
    type Out = ();

    fn needs(&self, reads: &mut Vec<Read>) {
        reads.extend(self.reads.iter().cloned());
    }

    fn decide(&self, loaded: &Loaded) -> crate::Result<(Commit, ()), Interrupt> {
        loaded.need(self.reads.iter().cloned())?;
        // Pause once only: `decide` may run again.
        if let Some((reached, go_on)) = self.pause.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // The receiver is gone if the check has ended.
            let _ = reached.send(());
            let _ = go_on.recv_timeout(Duration::from_millis(200));
        }
        Ok((self.writes.clone(), ()))
    }
}

/// Runs an operation with these reads and writes, and runs `does` between the two if the store allows it.
fn beside<C: Candidate, T: Send>(
    scene: &Scene<'_, C>,
    reads: Vec<Read>,
    writes: impl IntoIterator<Item = RecordWrite>,
    does: impl FnOnce(&Scene<'_, C>) -> Checked<T> + Send,
) -> Checked<T> {
    let ((reached, has_reached), (done, go_on)) = (mpsc::channel(), mpsc::channel());
    let pause = Pause(Mutex::new(Some((reached, go_on))));
    let operation = PausedOperation { reads, writes: writes.into_iter().collect(), pause };
    let twin = scene.twin()?;
    thread::scope(|scope| {
        let running = scope.spawn(|| scene.run(ACME, operation));
        let does = scope.spawn(move || {
            // Fails if the operation ends before its pause.
            let _ = has_reached.recv();
            let outcome = does(&twin);
            let _ = done.send(());
            outcome
        });
        let joined = does.join().unwrap_or_else(|panic| Err(CheckFailure::panicked(panic.as_ref())));
        running.join().map_err(|panic| CheckFailure::panicked(panic.as_ref()))??;
        joined
    })
}

pub(super) fn clean_up<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let put = |expected, word: &[u8]| RecordWrite::put(SAMPLE, "k", expected, Content::new(word));
    let clear = |version| RecordWrite::delete(SAMPLE, "k", Expected::VersionOrSkip(version));
    let stored =
        |version, word: &[u8]| Some(Record { key: "k".to_owned(), version, content: Content::new(word) });
    for write in [clear(1), put(Expected::VersionOrSkip(1), b"nothing to change")] {
        scene.put(ACME, [write].into_iter().collect())?;
    }
    same("a record that was never written", scene.record(ACME, SAMPLE, "k")?, None)?;
    for write in [
        put(Expected::Absent, b"one"),
        put(Expected::VersionOrSkip(1), b"two"),
        put(Expected::VersionOrSkip(1), b"stale"),
        clear(1),
        clear(3),
    ] {
        scene.put(ACME, [write].into_iter().collect())?;
    }
    same("a record of another version", scene.record(ACME, SAMPLE, "k")?, stored(2, b"two"))?;
    // A clean-up lists the record. Another command renews the record before the clean-up is written.
    let list = vec![Read::Records(RecordRange::by_key(SAMPLE))];
    beside(scene, list, [clear(2)], |twin| {
        Ok(patiently(|| twin.put(ACME, [put(Expected::Any, b"renewed")].into_iter().collect()))?)
    })?;
    let renewed = scene.record(ACME, SAMPLE, "k")?;
    same(
        "a record that was renewed during a clean-up",
        renewed.map(|it| it.content),
        Some(Content::new(*b"renewed")),
    )?;
    // A command reads the record in order to write it. Meanwhile a clean-up deletes the version that was read.
    let version = scene.record(ACME, SAMPLE, "k")?.map_or(0, |it| it.version);
    beside(scene, vec![Read::record(SAMPLE, "k")], [put(Expected::Any, b"again")], |twin| {
        let cleaned = CleanUp(clear(version));
        Ok(patiently(|| twin.run(ACME, cleaned.clone()))?)
    })?;
    let again = scene.record(ACME, SAMPLE, "k")?;
    let wanted = Some(Content::new(*b"again"));
    same("a record that was written during its clean-up", again.map(|it| it.content), wanted)
}

/// Writes without reading first.
#[derive(Clone)]
struct CleanUp(RecordWrite);

impl Operation for CleanUp {
    type Out = ();

    fn decide(&self, _: &Loaded) -> crate::Result<(Commit, ()), Interrupt> {
        Ok((Commit::from_iter([self.0.clone()]), ()))
    }
}

/// Records with varied keys and index keys. Some share an index key.
fn many() -> Vec<Record> {
    let keys = ["a", "a1", "a\u{10ffff}", "aa", "b", "B", "z", "ä", "я", "\u{ffff}", "\u{10000}", "é", "e"];
    let record = |(n, key): (usize, &&str)| {
        let mut content = Content::new([n as u8]);
        if n % 4 != 3 {
            content = content.indexed(Index::First, ["m", "M", "ж"][n % 3]);
        }
        content = content.indexed(Index::Second, if n < 9 { "same" } else { "samé" });
        content = content.due(later(n as i64 % 4));
        Record { key: (*key).to_owned(), version: 1, content }
    };
    keys.iter().enumerate().map(record).collect()
}

fn fill<C: Candidate>(scene: &Scene<'_, C>, desk: &str, records: &[Record]) -> Checked {
    let write = |it: &Record| RecordWrite::put(SAMPLE, &*it.key, Expected::Absent, it.content.clone());
    scene.put(desk, records.iter().rev().map(write).collect())?;
    // Records of the other kind must not appear in the results.
    let write = |it: &Record| RecordWrite::put(OTHER, &*it.key, Expected::Absent, it.content.clone());
    Ok(scene.put(desk, records.iter().take(3).map(write).collect())?)
}

pub(super) fn in_order<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let all = many();
    fill(scene, ACME, &all)?;
    let ranges = || {
        let mut ranges = vec![
            RecordRange::by_key(SAMPLE),
            RecordRange::by_key(SAMPLE).starting_with("a"),
            RecordRange::by_key(SAMPLE).starting_with("a\u{10ffff}"),
            RecordRange::by_key(SAMPLE).equal_to("b"),
            RecordRange::by_key(SAMPLE)
                .from(Bound::Excluded("a".to_owned()))
                .until(Bound::Included("e".into())),
            RecordRange::by_key(SAMPLE)
                .from(Bound::Included("e".to_owned()))
                .until(Bound::Excluded("я".into())),
        ];
        // Stored texts never contain NUL, but the end of a range may.
        for key in ["a\0", "a\0z", "\0", "b\0"] {
            for end in [Bound::Included(key.to_owned()), Bound::Excluded(key.to_owned())] {
                ranges.push(RecordRange::by_key(SAMPLE).from(end.clone()));
                ranges.push(RecordRange::by_key(SAMPLE).until(end.clone()));
                ranges.push(RecordRange::by_index(SAMPLE, Index::First).from(end.clone()));
                ranges.push(RecordRange::by_index(SAMPLE, Index::Second).until(end));
            }
            for index in ["m", "m\0", "\0", "same\0x"] {
                let after = RecordCursor { index: index.to_owned(), key: key.to_owned() };
                ranges.push(RecordRange::by_index(SAMPLE, Index::First).after(after.clone()));
                ranges.push(RecordRange::by_index(SAMPLE, Index::First).equal_to("m").after(after.clone()));
                ranges.push(RecordRange::by_index(SAMPLE, Index::Second).after(after));
            }
            let after = RecordCursor { index: String::new(), key: key.to_owned() };
            ranges.push(RecordRange::by_key(SAMPLE).after(after));
        }
        for index in Index::ALL {
            let range = RecordRange::by_index(SAMPLE, index);
            ranges.extend([range.clone(), range.clone().equal_to("m"), range.starting_with("same")]);
        }
        ranges
    };
    for range in ranges().into_iter().chain(ranges().into_iter().map(RecordRange::descending)) {
        let mut wanted: Vec<_> = all.iter().filter(|it| range.contains(it)).cloned().collect();
        wanted.sort_by_key(|it| range.cursor_of(it));
        if range.descending {
            wanted.reverse();
        }
        for limit in [1, 2, 5, 100] {
            let found = paged(limit, |last: Option<&Record>| {
                let after: Option<RecordCursor> =
                    last.and_then(|last| range.cursor_of(last)).or(range.after.clone());
                scene.records(ACME, range.clone().after(after).limit(limit))
            })?;
            let keys = |it: &[Record]| it.iter().map(|it| it.key.clone()).collect::<Vec<_>>();
            same(format_args!("{range:?}, {limit} at a time"), keys(&found), keys(&wanted))?;
            same(format_args!("{range:?}"), found, wanted.clone())?;
        }
    }
    Ok(())
}

pub(super) fn counted<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let all = many();
    fill(scene, ACME, &all)?;
    let ends = [
        (Bound::Unbounded, Bound::Unbounded),
        (Bound::Included("m".to_owned()), Bound::Unbounded),
        (Bound::Excluded("m".to_owned()), Bound::Unbounded),
        (Bound::Unbounded, Bound::Excluded("samé".to_owned())),
        (Bound::Included("m\0".to_owned()), Bound::Included("same\0".to_owned())),
    ];
    for index in Index::ALL {
        for (from, until) in &ends {
            let range = RecordRange::by_index(SAMPLE, index).from(from.clone()).until(until.clone());
            let mut counts: BTreeMap<String, u64> = BTreeMap::new();
            for place in all.iter().filter(|it| range.contains(it)).filter_map(|it| range.cursor_of(it)) {
                *counts.entry(place.index).or_default() += 1;
            }
            for limit in [1, 2, 100] {
                let read = Read::CountRecords {
                    kind: SAMPLE,
                    index,
                    from: from.clone(),
                    until: until.clone(),
                    limit,
                };
                let wanted = counts.iter().take(limit);
                let wanted = wanted.map(|(it, count)| (it.clone(), *count));
                let what = format!("{read:?}");
                same(what, scene.read(ACME, read)?, Answer::Counts(wanted.collect()))?;
            }
        }
    }
    Ok(())
}

pub(super) fn due<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let mut all = Vec::new();
    for desk in ["beta", ACME, "Гамма"] {
        fill(scene, desk, &many())?;
        for record in many() {
            let due = record.content.due.unwrap_or_default();
            all.push(DueRecord { due, desk: desk.into(), key: record.key });
        }
        let idle = Content::new(*b"done");
        put(scene, desk, RecordWrite::put(SAMPLE, "done", Expected::Absent, idle))?;
    }
    all.sort();
    for until in [-1, 0, 2, 1_000] {
        let wanted: Vec<_> = all.iter().filter(|it| it.due <= later(until)).cloned().collect();
        for limit in [1, 4, 100] {
            let what = format!("records due until second {until}, {limit} at a time");
            let found = paged(limit, |after: Option<&DueRecord>| {
                let after = after.cloned().map(Box::new);
                match scene
                    .read("nobody", Read::DueRecords { kind: SAMPLE, until: later(until), after, limit })?
                {
                    Answer::DueRecords(due) => Ok(due),
                    other => Err(CheckFailure::new(&what, "due records", format_args!("{other:?}"))),
                }
            })?;
            same(&what, &found, &wanted)?;
        }
    }
    for key in ["a\0", "\0", "z\0z"] {
        let after = DueRecord { due: later(0), desk: ACME.into(), key: key.to_owned() };
        let wanted: Vec<_> = all.iter().filter(|it| **it > after).cloned().collect();
        let after = Some(Box::new(after));
        let read = Read::DueRecords { kind: SAMPLE, until: later(1_000), after, limit: 1_000 };
        same(format_args!("records due after {key:?}"), scene.read(ACME, read)?, Answer::DueRecords(wanted))?;
    }
    Ok(())
}

/// Claims records, and retries while the store is busy.
fn claim<C: Candidate>(scene: &Scene<'_, C>, limit: usize, lease: TimeDelta) -> Checked<Vec<Claimed>> {
    Ok(patiently(|| scene.wait(scene.store.claim(SAMPLE, limit, lease)))?)
}

pub(super) fn claims<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let hour = TimeDelta::hours(1);
    same("a claim while nothing is due", claim(scene, 9, hour)?, Vec::new())?;
    let now = scene.wait(scene.store.now())?;
    let due = |key: &str, minutes: i64| {
        let content = Content::new(vec![7; 2_000]).indexed(Index::First, key).personal(*b"words");
        RecordWrite::put(SAMPLE, key, Expected::Absent, content.due(now + TimeDelta::minutes(minutes)))
    };
    scene.put(ACME, [due("second", -20), due("later", 50), due("first", -30)].into_iter().collect())?;
    scene.put("beta", [due("third", -10)].into_iter().collect())?;
    let taken = |it: &[Claimed]| {
        let mut taken: Vec<_> =
            it.iter().map(|it| (it.record.key.clone(), it.desk.clone(), it.record.content.tries)).collect();
        taken.sort();
        taken
    };
    let first = claim(scene, 2, hour)?;
    let wanted = vec![("first".to_owned(), ACME.into(), 1), ("second".to_owned(), ACME.into(), 1)];
    same("the two that are due first", taken(&first), wanted)?;
    for Claimed { record, .. } in &first {
        same("the token of a first claim", record.version, 2)?;
        same(
            "a claimed record, as it is stored",
            scene.record(ACME, SAMPLE, &record.key)?.as_ref(),
            Some(record),
        )?;
        let until = record.content.due.unwrap_or_default() - now;
        holds(
            "the end of a lease",
            "an hour from now",
            until >= hour && until < hour + TimeDelta::minutes(10),
        )?;
    }
    let wanted = vec![("third".to_owned(), "beta".into(), 1)];
    same(
        "a claim of the remaining record",
        taken(&claim(&scene.twin()?, 9, TimeDelta::milliseconds(1))?),
        wanted,
    )?;
    // By the store's clock, the lease has expired, so the first token is no longer valid.
    let expired = scene.wait(scene.store.now())? + TimeDelta::milliseconds(10);
    let since = Stopwatch::start();
    while scene.wait(scene.store.now())? <= expired && since.elapsed() < PATIENCE {
        thread::sleep(Duration::from_millis(1));
    }
    let again = claim(scene, 9, hour)?;
    same("a claim after the lease has ended", taken(&again), vec![("third".to_owned(), "beta".into(), 2)])?;
    let Some(Claimed { record, .. }) = again.first() else { return Ok(()) };
    let late = RecordWrite::delete(SAMPLE, "third", Expected::Version(record.version - 1));
    let error = refused("an acknowledgement with an old token", put(scene, "beta", late))?;
    holds("an acknowledgement with an old token", "a conflict", error.is_conflict())?;
    put(scene, "beta", RecordWrite::delete(SAMPLE, "third", Expected::Version(record.version)))?;
    // Records that are given back can be claimed again at once.
    for Claimed { desk, record } in first {
        let content = record.content.clone().due(now - TimeDelta::minutes(1));
        let back = RecordWrite::put(SAMPLE, record.key, Expected::Version(record.version), content);
        put(scene, desk.as_str(), back)?;
    }
    let wanted = vec![("first".to_owned(), ACME.into(), 2), ("second".to_owned(), ACME.into(), 2)];
    same("a claim of records that were given back", taken(&claim(scene, 9, hour)?), wanted)?;
    same("a claim while all records are claimed", claim(scene, 9, hour)?, Vec::new())
}

pub(super) fn claim_extremes<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    // The second lease fits into microseconds, but ends after the last representable instant.
    for (key, lease) in [("a", TimeDelta::MAX), ("b", TimeDelta::days(365 * 261_000))] {
        let due = Content::new(*b"work").due(monday()).tried(u32::MAX);
        put(scene, ACME, RecordWrite::put(SAMPLE, key, Expected::Absent, due.clone()))?;
        let wanted =
            Record { key: key.to_owned(), version: 2, content: due.due(to_micros(DateTime::<Utc>::MAX_UTC)) };
        let claimed = claim(scene, 9, lease)?.into_iter().map(|it| it.record).collect::<Vec<_>>();
        same(format_args!("a claim for {lease}"), claimed, vec![wanted.clone()])?;
        same("the stored record after a claim", scene.record(ACME, SAMPLE, key)?, Some(wanted))?;
    }
    Ok(())
}

pub(super) fn held<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let due = Content::new(*b"to be sent").due(monday());
    for (n, mode) in [LockMode::Exclusive, LockMode::Shared].into_iter().enumerate() {
        let key = format!("k{n}");
        put(scene, ACME, RecordWrite::put(SAMPLE, &*key, Expected::Absent, due.clone()))?;
        let read = Read::Record { kind: SAMPLE, key: key.clone(), mode };
        // The record has not been claimed when the command reads it, so the command replaces it.
        let back = RecordWrite::put(SAMPLE, &*key, Expected::Version(1), Content::new(*b"taken back"));
        let claimed = beside(scene, vec![read], [back], |twin| claim(twin, 9, TimeDelta::hours(1)))?;
        same("a claim of a record that another command has read in order to write", claimed, Vec::new())?;
        let stored = scene.record(ACME, SAMPLE, &key)?;
        same("the version of the record after the command", stored.map(|it| it.version), Some(2))?;
    }
    Ok(())
}

pub(super) fn claims_at_once<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    const EACH: usize = 20;
    let now = scene.wait(scene.store.now())?;
    let mut all = Vec::new();
    for desk in [ACME, "beta", "gamma"] {
        let key = |n| format!("{desk} {n}");
        let write = |n| {
            let content = Content::new(*b"work").due(now - TimeDelta::minutes(n as i64));
            RecordWrite::put(SAMPLE, key(n), Expected::Absent, content)
        };
        scene.put(desk, (0..EACH).map(write).collect())?;
        all.extend((0..EACH).map(key));
    }
    let claimed = at_once(scene, |_, scene| {
        let mut mine = Vec::new();
        // A store may skip records that another worker is claiming, so a claim may be empty for a moment.
        let mut idle = 0;
        while idle < 3 {
            let claimed = claim(scene, 7, TimeDelta::hours(1))?;
            idle = if claimed.is_empty() { idle + 1 } else { 0 };
            mine.extend(claimed.into_iter().map(|it| it.record.key));
        }
        Ok(mine)
    })?;
    let mut claimed = claimed.concat();
    claimed.extend(claim(scene, 100, TimeDelta::hours(1))?.into_iter().map(|it| it.record.key));
    claimed.sort();
    all.sort();
    same("what eight workers claimed", claimed, all)
}

//! A new record kind in all stores without changes to them: index, claim, count, erasure.
#![cfg(all(feature = "conformance", feature = "sqlite"))]

use std::ops::Bound;

use firstline::conformance::Candidate;
use firstline::operation::Engine;
use firstline::store::{
    Answer, Changes, Commit, Content, DataPolicy, Erasure, Expected, Index, PersonalData, Read, RecordKind,
    RecordRange, RecordWrite,
};
use firstline::{DateTime, DeskId, TimeDelta};

#[allow(dead_code)]
#[path = "../conformance/blocking.rs"]
mod blocking;
#[allow(dead_code)]
#[path = "../../examples/custom_store.rs"]
mod custom_store;
#[cfg(feature = "postgres")]
#[allow(dead_code)]
#[path = "../conformance/postgres.rs"]
mod postgres;
#[cfg(feature = "postgres")]
use crate::server;
#[cfg(feature = "tokio")]
#[allow(dead_code)]
#[path = "../conformance/writer.rs"]
mod writer;

// A complete new kind and its use, from here to the end of `use_it`: at most 60 lines.
const PARCEL: RecordKind = RecordKind::new("shop.parcel", "parcel", Changes::Replaced, {
    let (personal, erasure) = (PersonalData::PersonalPart, Erasure::RemovePersonalPart);
    DataPolicy { personal, erasure, ..DataPolicy::IMPERSONAL }
});

fn use_it<C: Candidate>(candidate: C) {
    let (store, desk) = (candidate.create().unwrap(), DeskId::new("shop"));
    let save = |write| candidate.wait(store.save(&desk, Commit::from_iter([write])));
    let load = |read| candidate.wait(store.load(&desk, vec![read])).unwrap().remove(0);
    for (key, city) in [("p-1", "Berlin"), ("p-2", "Riga"), ("p-3", "Berlin")] {
        let parcel = Content::new(*b"lamp").personal(*b"Boris, Main Street 1").indexed(Index::First, city);
        save(RecordWrite::put(PARCEL, key, Expected::Absent, parcel.due(DateTime::UNIX_EPOCH))).unwrap();
    }
    // Index and count.
    let range = RecordRange::by_index(PARCEL, Index::First).equal_to("Berlin").descending();
    let Answer::Records(found) = load(Read::Records(range)) else { panic!("no records") };
    assert_eq!(found.iter().map(|it| &*it.key).collect::<Vec<_>>(), ["p-3", "p-1"]);
    let (index, from, until) = (Index::First, Bound::Unbounded, Bound::Unbounded);
    let counts = load(Read::CountRecords { kind: PARCEL, index, from, until, limit: 10 });
    let count = |index: &str, count: u64| (index.to_owned(), count);
    assert_eq!(counts, Answer::Counts(vec![count("Berlin", 2), count("Riga", 1)]));
    // Claim and acknowledgement: the version is the token.
    let claimed = candidate.wait(store.claim(PARCEL, 2, TimeDelta::hours(1))).unwrap();
    let rest = candidate.wait(store.claim(PARCEL, 9, TimeDelta::hours(1))).unwrap();
    assert_eq!((claimed.len(), rest.len()), (2, 1));
    let record = &claimed[0].record;
    let acknowledge = |version| save(RecordWrite::delete(PARCEL, &*record.key, Expected::Version(version)));
    assert!(acknowledge(record.version - 1).unwrap_err().is_conflict());
    acknowledge(record.version).unwrap();
    assert_eq!(load(Read::record(PARCEL, &*record.key)), Answer::Record(None));
    // Erasure according to the kind's handling: the address is removed, the lamp is kept.
    save(PARCEL.erase(&rest[0].record).unwrap()).unwrap();
    let Answer::Record(Some(erased)) = load(Read::record(PARCEL, &*rest[0].record.key)) else { panic!() };
    assert_eq!((&*erased.content.facts, &erased.content.personal), (&b"lamp"[..], &None));
    assert_eq!(PARCEL.erase(&erased), None);
}

#[test]
fn a_new_kind_works_in_every_store() {
    use_it(blocking::InMemory);
    use_it(blocking::Custom);
    use_it(blocking::sqlite::File::new());
    use_it(blocking::sqlite::InMemory);
    use_it(blocking::sqlite::InHost::new());
    #[cfg(feature = "tokio")]
    use_it(writer::Awaits::new());
    #[cfg(feature = "postgres")]
    if server::url().is_some() || server::required() {
        use_it(postgres::Own(postgres::Way::Direct));
        if server::pooler().is_some() || server::required() {
            use_it(postgres::Own(postgres::Way::Pooler));
        }
        use_it(postgres::InHost);
    }
    let own = include_str!("record_kind.rs").split("const PARCEL").nth(1).unwrap();
    let lines = own.split("\n#[test]").next().unwrap().trim_end().lines().count();
    assert!(lines <= 60, "{lines} lines");
}

/// Regression: a host's kind with a one-letter code deleted records of this crate, and later the six codes in
/// use were still accepted.
#[test]
fn codes_of_one_letter_are_reserved() {
    let store = firstline::memory::Memory::new();
    for code in ["a", "d", "r", "t", "x", "l", "z", "\u{e9}", ""] {
        let foreign = RecordKind::new(code, "note", Changes::Replaced, DataPolicy::IMPERSONAL);
        for write in [
            RecordWrite::put(foreign, "chat-9", Expected::Any, Content::new(*b"x")),
            RecordWrite::delete(foreign, "chat-9", Expected::Any),
        ] {
            let error = store.save(&DeskId::new("shop"), Commit::from_iter([write])).unwrap_err();
            assert!(error.to_string().contains("of the record kind \"note\" is reserved"), "{error}");
        }
    }
}

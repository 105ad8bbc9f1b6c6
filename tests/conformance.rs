//! The conformance suite over every store of this crate, in every mode of use, and over the example of a custom store.
//! Each check is a test.
//!
//! `FIRSTLINE_POSTGRES` is the URL of a PostgreSQL server; `bash .ci/postgres COMMAND` starts one for a command.
//! Without a server its tests are ignored, or fail if `CI` is true. A check that does not apply to a store is ignored
//! with the reason.

#[cfg(feature = "conformance")]
#[path = "conformance/blocking.rs"]
mod blocking;
#[cfg(feature = "conformance")]
#[allow(dead_code)] // In particular its `main`.
#[path = "../examples/custom_store.rs"]
mod custom_store;
#[cfg(all(feature = "conformance", feature = "postgres"))]
#[path = "conformance/postgres.rs"]
mod postgres;
#[cfg(all(feature = "conformance", feature = "postgres"))]
#[path = "common/postgres.rs"]
mod server;
#[cfg(all(feature = "conformance", feature = "tokio"))]
#[path = "conformance/writer.rs"]
mod writer;

use libtest_mimic::{Arguments, Trial, run};

#[cfg(feature = "conformance")]
fn trials<C>(store: &'static str, candidate: fn() -> C, ignored: bool) -> impl Iterator<Item = Trial>
where
    C: firstline::conformance::Candidate + 'static,
{
    let sample = candidate();
    firstline::conformance::Check::ALL.iter().map(move |check| {
        let checked = move || check.run(&candidate()).map_err(libtest_mimic::Failed::from);
        let trial = Trial::test(format!("{store}::{check}"), checked);
        match check.skipped_for(&sample) {
            Some(reason) => trial.with_ignored_flag(true).with_kind(format!("skipped: {reason}")),
            None => trial.with_ignored_flag(ignored),
        }
    })
}

#[cfg(feature = "conformance")]
fn all() -> Vec<Trial> {
    let mut all: Vec<Trial> = Vec::new();
    all.extend(trials("memory", || blocking::InMemory, false));
    all.extend(trials("custom_store", || blocking::Custom, false));
    #[cfg(feature = "sqlite")]
    {
        all.extend(trials("sqlite_file", blocking::sqlite::File::new, false));
        all.extend(trials("sqlite_in_memory", || blocking::sqlite::InMemory, false));
        all.extend(trials("sqlite_within", blocking::sqlite::InHost::new, false));
    }
    #[cfg(feature = "tokio")]
    {
        all.extend(trials("sqlite_async", writer::Awaits::new, false));
    }
    #[cfg(feature = "postgres")]
    {
        let ignored = server::url().is_none() && !server::required();
        all.extend(trials("postgres", || postgres::Own(postgres::Way::Direct), ignored));
        let without_pooler = server::pooler().is_none() && !server::required();
        all.extend(trials(
            "postgres_behind_pooler",
            || postgres::Own(postgres::Way::Pooler),
            ignored || without_pooler,
        ));
        all.extend(trials("postgres_within", || postgres::InHost, ignored));
    }
    all
}

#[cfg(not(feature = "conformance"))]
fn all() -> Vec<Trial> {
    Vec::new()
}

fn main() {
    run(&Arguments::from_args(), all()).exit()
}

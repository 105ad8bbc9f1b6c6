//! Traces and metrics of commands. Each command has one span and is counted, and neither traces nor metrics
//! contain names of people or text that people wrote.

#![cfg(any(feature = "tracing", feature = "metrics"))]

use firstline::memory::{Memory, MemoryTx};
use firstline::operation::async_store::{Async, AsyncStore, AsyncTx};
use firstline::store::{Answer, Commit, Mode, Read, Store, Tx};
use firstline::{Action, Actor, Desk, DeskId, Error, ErrorKind, InboundMessage, NewTicket, Result};

/// Runs various commands with personal words that must not appear in traces or metrics.
fn work() -> Result<()> {
    let desk = Memory::new().desk("acme");
    let anna = Actor::agent("anna-secret");
    let request = NewTicket::new("secret subject")
        .from("secret-boris")
        .thread("secret-chat")
        .idempotency_key("secret-key");
    let ticket = desk.open_ticket(request.clone())?;
    assert!(desk.open_ticket(request.clone())?.replayed());
    assert!(
        desk.open_ticket(request.tag("another")).is_err_and(|error| error.kind() == ErrorKind::KeyReused)
    );
    desk.act(ticket.id(), Action::reply("secret words"), &anna)?;
    for replayed in [false, true] {
        assert_eq!(
            desk.act(ticket.id(), Action::start(), anna.clone().idempotency_key("key-2"))?.replayed,
            replayed
        );
    }
    desk.receive(
        InboundMessage::new("secret").from("secret-boris").thread("secret-chat").subject("secret subject"),
    )?;
    assert!(desk.act(ticket.id(), Action::start(), &anna).unwrap_err().is_rejected());
    assert!(desk.act(ticket.id(), Action::tag("late"), anna.expected_version(1)).unwrap_err().is_conflict());
    assert!(desk.ticket("T-9").unwrap_err().is_not_found());
    desk.ticket("T-1").map(drop)
}

/// A store that is busy for the first two attempts.
struct Busy(Memory, std::sync::atomic::AtomicU32);

struct BusyTx(Memory, DeskId);

impl AsyncStore for Busy {
    type Tx<'a> = BusyTx;

    async fn begin(&self, desk: &DeskId, _: Mode) -> Result<BusyTx> {
        match self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 | 1 => Err(Error::new(ErrorKind::Busy, "not now")),
            _ => Ok(BusyTx(self.0.clone(), desk.clone())),
        }
    }

    async fn wait(&self, tries: u32, _: &Error) -> bool {
        tries < 5
    }
}

impl AsyncTx for BusyTx {
    async fn load(&mut self, reads: &[Read]) -> Result<Vec<Answer>> {
        let mut tx: MemoryTx<'_> = self.0.begin(&self.1, Mode::Read)?;
        tx.load(reads)
    }

    async fn commit(&mut self, commit: Commit) -> Result<()> {
        self.0.begin(&self.1, Mode::Write)?.commit(commit)
    }
}

/// Runs one async command that succeeds at the third attempt.
fn async_work() -> Result<()> {
    let desk = Desk::over(Async(Busy(Memory::new(), Default::default())), "beta");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async { desk.open_ticket(NewTicket::new("secret subject")).await.map(drop) })
}

/// Runs one command through a writer thread that must wait for another program, and one that is refused.
#[cfg(feature = "tokio")]
fn writer_thread_work() -> Result<()> {
    use firstline::sqlite::SqliteOptions;
    use std::time::Duration;

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("support.db");
    // Only a hang can reach this timeout.
    let options = SqliteOptions::new().acquire_timeout(Duration::from_secs(600));
    let desk = options.open(&file)?.into_async()?.desk("gamma");
    let other = rusqlite::Connection::open(&file).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    runtime.block_on(async {
        let both = async {
            // The command is in the queue. It waits for at least this time.
            tokio::time::sleep(Duration::from_millis(300)).await;
            other.execute_batch("COMMIT").unwrap();
        };
        let (received, ()) =
            tokio::join!(desk.receive(InboundMessage::new("").subject("secret subject")), both);
        let id = received?.ticket.id();
        desk.ticket(id).await?;
        assert!(
            desk.act(id, Action::confirm(), Actor::agent("anna-secret")).await.unwrap_err().is_rejected()
        );
        Ok(())
    })
}

/// Compares the tables in the documentation of traces and metrics with the code.
mod table {
    use std::collections::BTreeSet;
    use std::path::Path;

    const WATCH: &str = include_str!("../src/operation/watch.rs");

    /// Returns the names in the first column of the table under this heading.
    pub(crate) fn rows(heading: &str) -> BTreeSet<String> {
        let docs = WATCH.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
        let under = docs.skip_while(|line| *line != format!("# {heading}")).skip(1);
        let rows = under.take_while(|line| !line.starts_with("# ")).filter(|line| line.starts_with("| `"));
        let names = rows.flat_map(|row| row.split('|').nth(1).unwrap_or_default().split(','));
        names.map(|name| name.trim().trim_matches('`').to_owned()).collect()
    }

    /// Collects the string literals that follow `before` in the crate's code.
    fn spelled(folder: &Path, before: &str, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                spelled(&path, before, found);
            } else {
                let text = std::fs::read_to_string(&path).unwrap();
                let texts = text.split(before).skip(1).filter_map(|it| it.split('"').next());
                found.extend(texts.map(str::to_owned));
            }
        }
    }

    #[test]
    fn every_verb_is_in_the_table() {
        let mut verbs = BTreeSet::new();
        for before in ["OperationLabel::new(\"", "OperationLabel::of(\""] {
            spelled(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), before, &mut verbs);
        }
        assert_eq!(rows("Verbs"), verbs);
    }

    #[test]
    fn every_outcome_is_in_the_table() {
        let code = WATCH.split("fn word<").nth(1).unwrap();
        let words = code.split('"').skip(1).step_by(2).map(str::to_owned);
        assert_eq!(rows("Outcomes"), words.collect());
    }
}

#[cfg(feature = "tracing")]
mod spans {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fmt::Debug;
    use std::io::Write;
    use std::sync::{Arc, LazyLock, Mutex};

    use tracing::Dispatch;
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::subscriber::with_default;
    use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

    use firstline::Worker;

    use super::*;

    type Fields = BTreeMap<&'static str, String>;

    /// Keeps the fields of every span, in the order in which the spans began.
    #[derive(Clone, Default)]
    struct Collected(Arc<Mutex<Vec<(u64, Fields)>>>);

    struct Into<'f>(&'f mut Fields);

    impl Visit for Into<'_> {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            self.0.insert(field.name(), format!("{value:?}").trim_matches('"').to_owned());
        }
    }

    impl<S: tracing::Subscriber> Layer<S> for Collected {
        fn on_new_span(&self, span: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
            let meta = span.metadata();
            let mut fields = Fields::from([("(level)", meta.level().to_string())]);
            fields.insert("(name)", format!("{} of {}", meta.name(), meta.target()));
            span.record(&mut Into(&mut fields));
            self.0.lock().unwrap().push((id.into_u64(), fields));
        }

        fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
            let mut all = self.0.lock().unwrap();
            let (_, fields) = all.iter_mut().rev().find(|(span, _)| *span == id.into_u64()).unwrap();
            values.record(&mut Into(fields));
        }
    }

    /// With only one subscriber, `tracing` caches one answer for all threads: if the first thread at a span has
    /// a subscriber. The tests of metrics have none, so this second subscriber always exists.
    static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(tracing_subscriber::registry()));

    fn collected(run: impl FnOnce()) -> Vec<Fields> {
        LazyLock::force(&ANOTHER);
        let collected = Collected::default();
        with_default(tracing_subscriber::registry().with(collected.clone()), run);
        let all = collected.0.lock().unwrap();
        all.iter().map(|(_, fields)| fields.clone()).filter(|it| it.contains_key("verb")).collect()
    }

    #[test]
    fn every_command_is_a_span_without_personal_data() {
        let spans = collected(|| work().unwrap());
        let finished: Vec<_> = spans.iter().map(|it| (it["verb"].as_str(), it["outcome"].as_str())).collect();
        let wanted = [
            ("open_ticket", "ok"),
            ("open_ticket", "replayed"),
            ("open_ticket", "key_reused"),
            ("act", "ok"),
            ("act", "ok"),
            ("act", "replayed"),
            ("receive", "ok"),
            ("act", "rejected"),
            ("act", "conflict"),
            ("ticket", "not_found"),
            ("ticket", "ok"),
        ];
        assert_eq!(finished, wanted);
        assert!(spans.iter().all(|it| it["desk"] == "acme"), "{spans:?}");
        // Each span names the only ticket or none.
        let named: Vec<_> = spans.iter().map(|it| it.get("ticket")).collect();
        assert!(named[2].is_none() && named[9].is_none(), "{spans:?}");
        let named: BTreeSet<_> = named.into_iter().flatten().collect();
        assert_eq!(named.len(), 1, "{spans:?}");
        assert_eq!(spans.iter().filter(|it| it.contains_key("ticket")).count(), 9);
        let all = format!("{spans:?}");
        assert!(!all.contains("secret"), "{all}");
    }

    #[test]
    fn an_idle_worker_logs_nothing_at_info_and_names_no_desk() {
        let store = Memory::new();
        let desk = store.desk("worker"); // A tenant may have this name.
        let id = desk.open_ticket(NewTicket::new("No sound").from("boris")).unwrap().id();
        desk.act(id, Action::resolve("unmuted"), Actor::agent("anna")).unwrap();
        let worker = Worker::over(store);
        let drains = |at: &str| collected(|| drop(worker.tick(at.parse().unwrap()).unwrap()));
        let level = |span: &Fields| (span["verb"].clone(), span["(level)"].clone());
        let listing =
            ["list_all_migrations", "list_due_tickets"].map(|verb| (verb.to_owned(), "DEBUG".to_owned()));
        let idle = drains("2020-01-01T00:00:00Z");
        assert_eq!(idle.iter().map(level).collect::<Vec<_>>(), listing);
        assert!(idle.iter().all(|it| !it.contains_key("desk")), "{idle:?}");
        let busy = drains("2100-01-01T00:00:00Z");
        let [migrations, due] = listing;
        let expected = [migrations, due, ("tick".into(), "INFO".into())];
        assert_eq!(busy.iter().map(level).collect::<Vec<_>>(), expected);
        assert_eq!((busy[2]["desk"].as_str(), busy[2]["ticket"].clone()), ("worker", id.to_string()));
        let ticked = collected(|| drop(desk.tick("2100-01-01T00:00:00Z".parse().unwrap()).unwrap()));
        assert_eq!(
            ticked.iter().map(level).collect::<Vec<_>>(),
            [("list_migrations".into(), "DEBUG".into()), ("list_due".into(), "DEBUG".into())]
        );
    }

    /// Collects printed text.
    #[derive(Clone, Default)]
    struct Printed(Arc<Mutex<Vec<u8>>>);

    impl Write for Printed {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_documented_subscriber_prints_one_line_per_command() {
        use tracing_subscriber::fmt::format::FmtSpan;

        LazyLock::force(&ANOTHER);
        let printed = Printed::default();
        let out = printed.clone();
        let lines = tracing_subscriber::fmt().with_span_events(FmtSpan::CLOSE).with_ansi(false);
        with_default(lines.with_writer(move || out.clone()).finish(), || work().unwrap());
        let printed = String::from_utf8(printed.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<_> = printed.lines().collect();
        assert_eq!(lines.len(), 11, "{printed}");
        let first = " INFO firstline{desk=acme verb=\"open_ticket\" ticket=";
        assert!(lines[0].contains(first), "{printed}");
        assert!(lines[0].contains(" outcome=\"ok\"}: firstline: close time.busy="), "{printed}");
        assert!(lines.iter().all(|line| line.matches("ticket=").count() <= 1), "{printed}");
    }

    #[test]
    fn span_fields_match_the_table() {
        let fields = super::table::rows("Spans");
        for span in collected(|| work().unwrap()) {
            assert_eq!(span["(name)"], "firstline of firstline");
            let recorded = span.keys().filter(|it| !it.starts_with('('));
            assert!(recorded.clone().all(|it| fields.contains(*it)), "{span:?} has more than {fields:?}");
            assert!(super::table::rows("Verbs").contains(&span["verb"]));
            assert!(super::table::rows("Outcomes").contains(&span["outcome"]));
        }
        assert_eq!(fields.len(), 4);
    }

    #[test]
    fn a_retried_async_command_is_one_span() {
        let spans = collected(|| async_work().unwrap());
        assert_eq!(spans.len(), 1, "{spans:?}");
        assert_eq!((spans[0]["desk"].as_str(), spans[0]["outcome"].as_str()), ("beta", "ok"));
    }

    /// The writer thread has no subscriber here, and no current span.
    #[cfg(feature = "tokio")]
    #[test]
    fn a_writer_thread_command_is_in_the_callers_trace() {
        let spans = collected(|| super::writer_thread_work().unwrap());
        let finished: Vec<_> = spans.iter().map(|it| (it["verb"].as_str(), it["outcome"].as_str())).collect();
        assert_eq!(finished, [("receive", "ok"), ("ticket", "ok"), ("act", "rejected")]);
        assert!(spans.iter().all(|it| it["desk"] == "gamma"), "{spans:?}");
    }
}

#[cfg(feature = "metrics")]
mod figures {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::{Arc, Mutex};

    use metrics::{
        Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString,
        Unit,
    };

    use super::{async_work, work};

    /// The increments of a counter, or the values of a histogram.
    #[derive(Debug, Default)]
    struct Values(Mutex<Vec<f64>>);

    impl CounterFn for Values {
        fn increment(&self, by: u64) {
            self.0.lock().unwrap().push(by as f64);
        }

        fn absolute(&self, value: u64) {
            panic!("the total of a counter is set to {value}");
        }
    }

    impl HistogramFn for Values {
        fn record(&self, value: f64) {
            self.0.lock().unwrap().push(value);
        }
    }

    /// Keeps the values of all counters and histograms.
    #[derive(Debug, Clone, Default)]
    struct Collected(Arc<Mutex<BTreeMap<String, Arc<Values>>>>);

    impl Collected {
        fn values(&self, key: &Key) -> Arc<Values> {
            let labels: Vec<_> = key.labels().map(|it| it.value().to_owned()).collect();
            let name = format!("{} {}", key.name(), labels.join(" "));
            Arc::clone(self.0.lock().unwrap().entry(name).or_default())
        }

        fn found(&self) -> BTreeMap<String, Vec<f64>> {
            let all = self.0.lock().unwrap();
            all.iter().map(|(name, values)| (name.clone(), values.0.lock().unwrap().clone())).collect()
        }
    }

    impl Recorder for Collected {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
            Counter::from_arc(self.values(key))
        }

        fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
            panic!("a gauge: {key}");
        }

        fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::from_arc(self.values(key))
        }
    }

    /// Returns the counters and the number of values in each histogram, by name and labels.
    fn recorded(run: impl FnOnce()) -> BTreeMap<String, u64> {
        let recorder = Collected::default();
        metrics::with_local_recorder(&recorder, run);
        let figures = recorder.found().into_iter().map(|(name, values)| {
            if name.starts_with("firstline_store_seconds ") {
                assert!(values.iter().all(|it| (0.0..60.0).contains(it)), "{name}: {values:?}");
                return (name, values.len() as u64);
            }
            (name, values.iter().sum::<f64>() as u64)
        });
        figures.collect()
    }

    #[test]
    fn commands_are_counted_by_verb_and_outcome() {
        let figures = recorded(|| work().unwrap());
        let wanted = [
            ("firstline_commands_total act conflict", 1),
            ("firstline_commands_total act ok", 2),
            ("firstline_commands_total act rejected", 1),
            ("firstline_commands_total act replayed", 1),
            ("firstline_commands_total open_ticket key_reused", 1),
            ("firstline_commands_total open_ticket ok", 1),
            ("firstline_commands_total open_ticket replayed", 1),
            ("firstline_commands_total receive ok", 1),
            ("firstline_commands_total ticket not_found", 1),
            ("firstline_commands_total ticket ok", 1),
            ("firstline_conflicts_total act", 1),
            ("firstline_store_seconds act", 5),
            ("firstline_store_seconds open_ticket", 3),
            ("firstline_store_seconds receive", 1),
            ("firstline_store_seconds ticket", 2),
        ];
        assert_eq!(figures, wanted.into_iter().map(|(name, count)| (name.to_owned(), count)).collect());
    }

    #[test]
    fn metrics_match_the_table() {
        let mut names: BTreeSet<String> = BTreeSet::new();
        for figures in [recorded(|| work().unwrap()), recorded(|| async_work().unwrap())] {
            names.extend(figures.keys().filter_map(|it| it.split(' ').next()).map(str::to_owned));
        }
        assert_eq!(super::table::rows("Metrics"), names);
    }

    /// The writer thread records to the global recorder, also for the test of its spans.
    #[cfg(feature = "tokio")]
    #[test]
    fn waiting_for_the_writer_counts_as_store_time() {
        let recorder = Collected::default();
        metrics::set_global_recorder(recorder.clone()).unwrap();
        super::writer_thread_work().unwrap();
        let waited = recorder.found().remove("firstline_store_seconds receive").unwrap();
        // Other tests of this process record commands here too. Those do not wait.
        assert!(waited.iter().any(|seconds| *seconds > 0.2), "{waited:?}");
    }

    #[test]
    fn retries_of_an_async_command_are_counted() {
        let figures = recorded(|| async_work().unwrap());
        assert_eq!(figures.get("firstline_retries_total open_ticket"), Some(&2), "{figures:?}");
        assert_eq!(figures.get("firstline_commands_total open_ticket ok"), Some(&1), "{figures:?}");
    }
}

//! What is told of commands: a span each, figures of all, and never a word of what people wrote or are called.

#![cfg(any(feature = "tracing", feature = "metrics"))]

use firstline::flow::awaiting::{AsyncStore, AsyncTx, Awaiting};
use firstline::store::memory::{Memory, MemoryTx};
use firstline::store::{Answer, Commit, Mode, Read, Store, Tx};
use firstline::{Action, Actor, Desk, DeskId, Error, ErrorKind, NewTicket, Result};

/// Some of everything, with words that nobody may find again.
fn work() -> Result<()> {
    let desk = Memory::new().desk("acme");
    let anna = Actor::agent("anna-secret");
    let request =
        NewTicket::new("secret subject").from("secret-boris").thread("secret-chat").once("secret-key");
    let ticket = desk.open_ticket(request)?;
    desk.act(ticket.id(), Action::reply("secret words"), &anna)?;
    desk.act(ticket.id(), Action::start(), &anna)?;
    assert!(desk.act(ticket.id(), Action::start(), &anna).unwrap_err().is_rejected());
    assert!(desk.act(ticket.id(), Action::tag("late"), anna.expecting(1)).unwrap_err().is_conflict());
    assert!(desk.ticket("T-9").unwrap_err().is_not_found());
    Ok(())
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

/// One command, awaited, at the third attempt.
fn awaited_work() -> Result<()> {
    let desk = Desk::over(Awaiting(Busy(Memory::new(), Default::default())), "beta");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async { desk.open_ticket(NewTicket::new("secret subject")).await.map(drop) })
}

/// One command through a thread that writes, which has to wait for another program first. Another one is refused.
#[cfg(feature = "tokio")]
fn work_of_the_writer_thread() -> Result<()> {
    use firstline::store::sqlite::Sqlite;

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("support.db");
    let desk = Sqlite::open(&file)?.awaited()?.desk("gamma");
    let other = rusqlite::Connection::open(&file).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    runtime.block_on(async {
        let both = async {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            other.execute_batch("COMMIT").unwrap();
        };
        let (received, ()) = tokio::join!(desk.receive(NewTicket::new("secret subject")), both);
        let id = received?.ticket.id();
        desk.ticket(id).await?;
        assert!(
            desk.act(id, Action::confirm(), Actor::agent("anna-secret")).await.unwrap_err().is_rejected()
        );
        Ok(())
    })
}

#[cfg(feature = "tracing")]
mod spans {
    use std::collections::BTreeMap;
    use std::fmt::Debug;
    use std::sync::{Arc, LazyLock, Mutex};

    use tracing::Dispatch;
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::subscriber::with_default;
    use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

    use super::{awaited_work, work};

    type Fields = BTreeMap<&'static str, String>;

    /// Keeps the fields of every span, in the order of beginning.
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
            let mut fields = Fields::new();
            span.record(&mut Into(&mut fields));
            self.0.lock().unwrap().push((id.into_u64(), fields));
        }

        fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
            let mut all = self.0.lock().unwrap();
            let (_, fields) = all.iter_mut().rev().find(|(span, _)| *span == id.into_u64()).unwrap();
            values.record(&mut Into(fields));
        }
    }

    /// As long as there is but one subscriber, `tracing` asks the thread that comes first to a span whether anybody
    /// listens, and believes it for all threads. The tests of figures have none, so there are always two.
    static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(tracing_subscriber::registry()));

    fn collected(run: impl FnOnce()) -> Vec<Fields> {
        LazyLock::force(&ANOTHER);
        let collected = Collected::default();
        with_default(tracing_subscriber::registry().with(collected.clone()), run);
        let all = collected.0.lock().unwrap();
        all.iter().map(|(_, fields)| fields.clone()).filter(|it| it.contains_key("verb")).collect()
    }

    #[test]
    fn every_command_is_a_span_without_personal_words() {
        let spans = collected(|| work().unwrap());
        let said: Vec<_> = spans.iter().map(|it| (it["verb"].as_str(), it["outcome"].as_str())).collect();
        let wanted = [
            ("open_ticket", "ok"),
            ("act", "ok"),
            ("act", "ok"),
            ("act", "rejected"),
            ("act", "conflict"),
            ("ticket", "not_found"),
        ];
        assert_eq!(said, wanted);
        assert!(spans.iter().all(|it| it["desk"] == "acme"), "{spans:?}");
        assert!(spans[1].contains_key("ticket") && spans[0]["ticket"] == spans[1]["ticket"], "{spans:?}");
        let all = format!("{spans:?}");
        assert!(!all.contains("secret"), "{all}");
    }

    #[test]
    fn an_awaited_command_is_one_span_however_often_it_is_tried() {
        let spans = collected(|| awaited_work().unwrap());
        assert_eq!(spans.len(), 1, "{spans:?}");
        assert_eq!((spans[0]["desk"].as_str(), spans[0]["outcome"].as_str()), ("beta", "ok"));
    }

    /// The thread that writes has no subscriber here, as it has no current span anywhere.
    #[cfg(feature = "tokio")]
    #[test]
    fn a_command_of_the_writer_thread_is_in_its_callers_trace() {
        let spans = collected(|| super::work_of_the_writer_thread().unwrap());
        let said: Vec<_> = spans.iter().map(|it| (it["verb"].as_str(), it["outcome"].as_str())).collect();
        assert_eq!(said, [("receive", "ok"), ("ticket", "ok"), ("act", "rejected")]);
        assert!(spans.iter().all(|it| it["desk"] == "gamma"), "{spans:?}");
    }
}

#[cfg(feature = "metrics")]
mod figures {
    use std::collections::BTreeMap;

    use metrics_util::debugging::{DebugValue, DebuggingRecorder};

    use super::{awaited_work, work};

    /// Counters, and of histograms how many values there are. By name and labels.
    fn recorded(run: impl FnOnce()) -> BTreeMap<String, u64> {
        let recorder = DebuggingRecorder::new();
        metrics::with_local_recorder(&recorder, run);
        let figures = recorder.snapshotter().snapshot().into_vec().into_iter().map(|(key, _, _, value)| {
            let labels: Vec<_> = key.key().labels().map(|it| it.value().to_owned()).collect();
            let count = match value {
                DebugValue::Counter(count) => count,
                DebugValue::Histogram(values) => {
                    assert!(values.iter().all(|it| (0.0..60.0).contains(&it.into_inner())), "{values:?}");
                    values.len() as u64
                }
                DebugValue::Gauge(value) => panic!("a gauge: {value}"),
            };
            (format!("{} {}", key.key().name(), labels.join(" ")), count)
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
            ("firstline_commands_total open_ticket ok", 1),
            ("firstline_commands_total ticket not_found", 1),
            ("firstline_conflicts_total act", 1),
            ("firstline_store_seconds act", 4),
            ("firstline_store_seconds open_ticket", 1),
            ("firstline_store_seconds ticket", 1),
        ];
        assert_eq!(figures, wanted.into_iter().map(|(name, count)| (name.to_owned(), count)).collect());
    }

    /// What the thread that writes tells goes to the recorder of the whole program, from the test of its spans too.
    #[cfg(feature = "tokio")]
    #[test]
    fn the_time_in_which_a_command_waits_for_the_writer_is_the_stores() {
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        recorder.install().unwrap();
        super::work_of_the_writer_thread().unwrap();
        let told = snapshotter.snapshot().into_vec();
        let waited = told.iter().find_map(|(key, _, _, value)| match value {
            DebugValue::Histogram(values) if key.key().labels().any(|it| it.value() == "receive") => {
                Some(values.iter().map(|it| it.into_inner()).collect::<Vec<_>>())
            }
            _ => None,
        });
        let waited = waited.unwrap();
        assert!(!waited.is_empty() && waited.iter().all(|seconds| *seconds > 0.2), "{waited:?}");
    }

    #[test]
    fn retries_of_an_awaited_command_are_counted() {
        let figures = recorded(|| awaited_work().unwrap());
        assert_eq!(figures.get("firstline_retries_total open_ticket"), Some(&2), "{figures:?}");
        assert_eq!(figures.get("firstline_commands_total open_ticket ok"), Some(&1), "{figures:?}");
    }
}

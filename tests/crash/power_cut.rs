//! Power failures. Each unsynced write is lost, kept, or torn into pieces of 512 bytes.
//!
//! A virtual file system records every write and sync while a desk runs commands of all kinds, checkpoints, a
//! migration, closing and opening. Disk images are built from the trace up to a random point. Each image is opened, and
//! its state is compared with the state after each command.
#![cfg(feature = "sqlite")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use firstline::sqlite::{Durability, Sqlite, SqliteOptions, SqliteTx};
use firstline::store::{Answer, Commit, Mode, Read, Store, Tx};
use firstline::{DeskId, ErrorKind, Result};
use rusqlite::Connection;

use crate::script;
use crate::soak;
use crate::vfs;

use script::{KINDS, Script, digest, sound};
use vfs::{Op, Vfs};

/// An entry of the trace. Files are identified by the end of their name: "" is the database, "-wal" its log.
enum Entry {
    Made(String),
    Wrote(String, u64, Vec<u8>),
    Truncated(String, u64),
    Synced(String),
    Deleted(String, bool),
    /// The number of acknowledged transactions so far.
    Acknowledged(usize),
}

/// A trace, and the digest of the database at the start and after each transaction.
type Recorded = Arc<Mutex<(Vec<Entry>, Vec<u64>)>>;

/// A small generator (xorshift): the same images in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

/// A complete trace.
struct Story {
    /// The number of entries before the first command.
    begins: usize,
    trace: Vec<Entry>,
    after: Vec<u64>,
}

/// A store that records its acknowledged transactions. A sweep has several.
#[derive(Clone)]
struct Recording {
    store: Sqlite,
    recorded: Recorded,
    file: PathBuf,
}

struct RecordingTx<'a>(SqliteTx<'a>, &'a Recording);

impl Store for Recording {
    type Tx<'a> = RecordingTx<'a>;

    fn begin(&self, desk: &DeskId, mode: Mode) -> Result<RecordingTx<'_>> {
        Ok(RecordingTx(self.store.begin(desk, mode)?, self))
    }
}

impl Tx for RecordingTx<'_> {
    fn load(&mut self, reads: &[Read]) -> Result<Vec<Answer>> {
        self.0.load(reads)
    }

    fn commit(&mut self, commit: Commit) -> Result<()> {
        self.0.commit(commit)?;
        let digest = digest(&self.1.file);
        let mut recorded = self.1.recorded.lock().unwrap();
        let acknowledged = recorded.1.len();
        recorded.0.push(Entry::Acknowledged(acknowledged));
        recorded.1.push(digest);
        Ok(())
    }
}

/// Runs the commands and records every operation.
fn record(name: &str, durability: Durability, from: Option<&Path>) -> Story {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("support.db");
    let (vfs, recorded) = (Vfs::register(name), Recorded::default());
    let base = file.to_string_lossy().into_owned();
    let write_down = Recorded::clone(&recorded);
    if let Some(dump) = from {
        // The database of an older version, already on the disk.
        let connection = Connection::open(&file).unwrap();
        connection.execute_batch(&std::fs::read_to_string(dump).unwrap()).unwrap();
        drop(connection);
        let bytes = std::fs::read(&file).unwrap();
        let trace = &mut recorded.lock().unwrap().0;
        trace.push(Entry::Made(String::new()));
        trace.push(Entry::Wrote(String::new(), 0, bytes));
        trace.push(Entry::Synced(String::new()));
    }
    let begins = recorded.lock().unwrap().0.len();
    vfs.watch(move |path, op| {
        let which = path.strip_prefix(&base).map(str::to_owned)?;
        write_down.lock().unwrap().0.push(match op {
            Op::Open { makes: true } => Entry::Made(which),
            Op::Write { at, bytes } => Entry::Wrote(which, *at, bytes.to_vec()),
            Op::Truncate { length } => Entry::Truncated(which, *length),
            Op::Sync => Entry::Synced(which),
            Op::Delete { directory_synced } => Entry::Deleted(which, *directory_synced),
            _ => return None,
        });
        None
    });
    let open = || SqliteOptions::new().durability(durability).open(vfs.uri(&file)).unwrap();
    let script = Script::new();
    let mut store = open();
    recorded.lock().unwrap().1.push(digest(&file));
    for number in 0..6 * KINDS.len() {
        let recording =
            Recording { store: store.clone(), recorded: Recorded::clone(&recorded), file: file.clone() };
        script.play(&recording, number, KINDS[number % KINDS.len()]).unwrap();
        match number % 16 {
            5 => checkpoint(&vfs, &file, "PASSIVE"),
            11 => checkpoint(&vfs, &file, "TRUNCATE"),
            15 => {
                drop(store); // The last connection makes a checkpoint and deletes the log.
                store = open();
            }
            _ => {}
        }
    }
    assert!(sound(&store, &file) > 20);
    drop(store);
    vfs.end();
    let (trace, after) = std::mem::take(&mut *recorded.lock().unwrap());
    Story { begins, trace, after }
}

fn checkpoint(vfs: &Vfs, file: &Path, mode: &str) {
    let connection = Connection::open(vfs.uri(file)).unwrap();
    connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(())).unwrap();
}

/// A file: its synced content, and writes that may be lost.
#[derive(Default, Clone)]
struct OnDisk {
    synced: Vec<u8>,
    waiting: Vec<(u64, Option<Vec<u8>>)>,
    /// True if the file's name is synced in the directory.
    named: bool,
}

fn apply(content: &mut Vec<u8>, at: u64, bytes: &Option<Vec<u8>>) {
    let at = at as usize;
    match bytes {
        None => content.resize(at, 0),
        Some(bytes) => {
            content.resize(content.len().max(at + bytes.len()), 0);
            content[at..at + bytes.len()].copy_from_slice(bytes);
        }
    }
}

/// Returns the files as a power failure after these entries leaves them, and the number of commands that were
/// acknowledged before. `syncs_work` is false for a disk that ignores syncs.
fn image(trace: &[Entry], syncs_work: bool, random: &mut Random) -> (BTreeMap<String, Vec<u8>>, usize) {
    let mut files: BTreeMap<String, OnDisk> = BTreeMap::new();
    let mut ghosts: BTreeMap<String, OnDisk> = BTreeMap::new();
    let mut acknowledged = 0;
    for entry in trace {
        match entry {
            Entry::Made(which) => {
                ghosts.remove(which);
                files.insert(which.clone(), OnDisk::default());
            }
            Entry::Wrote(which, at, bytes) => {
                files.entry(which.clone()).or_default().waiting.push((*at, Some(bytes.clone())));
            }
            Entry::Truncated(which, length) => {
                files.entry(which.clone()).or_default().waiting.push((*length, None));
            }
            Entry::Synced(which) if syncs_work => {
                let file = files.entry(which.clone()).or_default();
                for (at, bytes) in std::mem::take(&mut file.waiting) {
                    apply(&mut file.synced, at, &bytes);
                }
                // The first sync of a new file syncs the directory too, including earlier deletions.
                if !std::mem::replace(&mut file.named, true) {
                    ghosts.clear();
                }
            }
            Entry::Synced(_) => {}
            Entry::Deleted(which, directory_synced) => {
                if let Some(file) = files.remove(which).filter(|_| !(*directory_synced && syncs_work)) {
                    ghosts.insert(which.clone(), file);
                }
            }
            Entry::Acknowledged(count) => acknowledged = *count,
        }
    }
    // The percentage of unsynced writes that reach the disk, and whether they may be torn.
    let (arrives, tears) = [(0, false), (20, true), (50, true), (95, true)][random.below(4)];
    let mut left = BTreeMap::new();
    let mut gone: Vec<String> = Vec::new();
    for (which, ghost) in ghosts {
        if !files.contains_key(&which) && random.below(2) == 0 {
            files.insert(which, ghost);
        } else {
            gone.push(which);
        }
    }
    for (which, file) in files {
        if !file.named && !which.is_empty() && random.below(4) == 0 {
            continue; // The name never reached the disk.
        }
        let mut content = file.synced;
        for (at, bytes) in &file.waiting {
            match (random.below(100), bytes) {
                (drawn, _) if drawn < arrives => apply(&mut content, *at, bytes),
                // A torn write: each piece of 512 bytes is kept or lost.
                (drawn, Some(bytes)) if tears && drawn % 2 == 0 => {
                    for (piece, at) in bytes.chunks(512).zip((*at..).step_by(512)) {
                        if random.below(2) == 0 {
                            apply(&mut content, at, &Some(piece.to_vec()));
                        }
                    }
                }
                _ => {}
            }
        }
        left.insert(which, content);
    }
    (left, acknowledged)
}

/// The state of an image.
enum Found {
    /// The state after this number of transactions.
    After(usize),
    /// A state that never existed, or a damaged file.
    Broken(String),
}

fn found(image: &BTreeMap<String, Vec<u8>>, story: &Story) -> Found {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("support.db");
    for (which, content) in image {
        std::fs::write(dir.path().join(format!("support.db{which}")), content).unwrap();
    }
    let opened: Result<Sqlite> = SqliteOptions::new().durability(Durability::Normal).open(&file);
    let store = match opened {
        Ok(store) => store,
        Err(error) if error.kind() == ErrorKind::Busy => panic!("{error}"),
        Err(error) => return Found::Broken(error.to_string()),
    };
    let looked = std::panic::catch_unwind(|| {
        sound(&store, &file);
        digest(&file)
    });
    match looked {
        // Take the last equal state, because a command may change nothing.
        Ok(digest) => match story.after.iter().rposition(|it| *it == digest) {
            Some(number) => Found::After(number),
            None => Found::Broken("a state that never existed".to_owned()),
        },
        Err(_) => Found::Broken("the file is damaged".to_owned()),
    }
}

/// The results for all images of a trace: the number with a lost acknowledged command, and the number broken.
#[derive(Debug, Default)]
struct Outcome {
    images: usize,
    lost: usize,
    broken: usize,
    first: Option<String>,
}

fn cut(story: &Story, syncs_work: bool, images: u32, seed: u64) -> Outcome {
    let (mut random, mut outcome) = (Random(seed), Outcome::default());
    let trace = &story.trace;
    for _ in 0..images {
        let until = story.begins + random.below(trace.len() + 1 - story.begins);
        let (image, acknowledged) = image(&trace[..until], syncs_work, &mut random);
        outcome.images += 1;
        match found(&image, story) {
            Found::After(number) if number < acknowledged => outcome.lost += 1,
            Found::After(_) => {}
            Found::Broken(why) => {
                outcome.broken += 1;
                outcome.first.get_or_insert(format!("cut after {until}: {why}"));
            }
        }
    }
    outcome
}

fn oldest_dump() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/house/schema/v1.sql")
}

#[test]
fn full_durability_loses_no_acknowledged_command() {
    let fresh = record("cut-full", Durability::Full, None);
    let migrated = record("cut-full-migrated", Durability::Full, Some(&oldest_dump()));
    for (name, story, images) in [("new", fresh, 120), ("migrated", migrated, 80)] {
        let outcome = cut(&story, true, soak::drawn(images), 0x5eed_0001);
        println!("FULL, {name}: {outcome:?} of a trace of {}", story.trace.len());
        assert_eq!((outcome.lost, outcome.broken), (0, 0), "{outcome:?}");
    }
}

#[test]
fn normal_durability_leaves_an_earlier_state() {
    let fresh = record("cut-normal", Durability::Normal, None);
    let outcome = cut(&fresh, true, soak::drawn(60), 0x5eed_0002);
    println!("NORMAL: {outcome:?}");
    assert_eq!(outcome.broken, 0, "{outcome:?}");
}

/// The control: if the disk ignores syncs, as with `synchronous = OFF`, the same test finds the losses.
#[test]
fn without_syncs_losses_are_detected() {
    let fresh = record("cut-off", Durability::Full, None);
    std::panic::set_hook(Box::new(|_| {})); // Damage is expected here. Its panics are caught.
    let outcome = cut(&fresh, false, soak::cases(20), 0x5eed_0003);
    let _ = std::panic::take_hook();
    println!("no syncs: {} images, {} lost, {} broken", outcome.images, outcome.lost, outcome.broken);
    assert!(outcome.lost > 0 && outcome.lost + outcome.broken > 5, "{outcome:?}");
}

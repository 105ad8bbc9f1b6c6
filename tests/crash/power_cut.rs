//! The power fails: what was written and not synced is lost, kept, or torn in pieces of 512 bytes, in any mixture.
//!
//! A file system between SQLite and the disk writes down every write and sync while a desk works through commands of
//! all kinds, checkpoints, a migration, closing and opening. Each image of the disk is made of that trace up to a
//! random point; today's code opens it, and what it finds is compared with what was there after each command.
#![cfg(feature = "sqlite")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use firstline::sqlite::{Durability, Options, Sqlite, SqliteTx};
use firstline::store::{Answer, Commit, Mode, Read, Store, Tx};
use firstline::{DeskId, ErrorKind, Result};
use rusqlite::Connection;

use crate::script;
use crate::soak;
use crate::vfs;

use script::{KINDS, Script, digest, sound};
use vfs::{Op, Vfs};

/// What happened, in order. Files are known by the end of their name: "" is the database, "-wal" its log.
enum Entry {
    Made(String),
    Wrote(String, u64, Vec<u8>),
    Truncated(String, u64),
    Synced(String),
    Deleted(String, bool),
    /// So many transactions are acknowledged.
    Acknowledged(usize),
}

/// A trace, and what the database held at first and after each transaction.
type Told = Arc<Mutex<(Vec<Entry>, Vec<u64>)>>;

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

/// The same, complete.
struct Story {
    /// How many entries were there before.
    begins: usize,
    trace: Vec<Entry>,
    after: Vec<u64>,
}

/// A store that writes down which transactions it has acknowledged: a sweep has several.
#[derive(Clone)]
struct Telling {
    store: Sqlite,
    told: Told,
    file: PathBuf,
}

struct TellingTx<'a>(SqliteTx<'a>, &'a Telling);

impl Store for Telling {
    type Tx<'a> = TellingTx<'a>;

    fn begin(&self, desk: &DeskId, mode: Mode) -> Result<TellingTx<'_>> {
        Ok(TellingTx(self.store.begin(desk, mode)?, self))
    }
}

impl Tx for TellingTx<'_> {
    fn load(&mut self, reads: &[Read]) -> Result<Vec<Answer>> {
        self.0.load(reads)
    }

    fn commit(&mut self, commit: Commit) -> Result<()> {
        self.0.commit(commit)?;
        let digest = digest(&self.1.file);
        let mut told = self.1.told.lock().unwrap();
        let acknowledged = told.1.len();
        told.0.push(Entry::Acknowledged(acknowledged));
        told.1.push(digest);
        Ok(())
    }
}

/// Works through the commands while every operation is written down.
fn told(name: &str, durability: Durability, from: Option<&Path>) -> Story {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("support.db");
    let (vfs, told) = (Vfs::register(name), Told::default());
    let base = file.to_string_lossy().into_owned();
    let write_down = Told::clone(&told);
    if let Some(dump) = from {
        // An older version's database, as it lay on the disk before.
        let connection = Connection::open(&file).unwrap();
        connection.execute_batch(&std::fs::read_to_string(dump).unwrap()).unwrap();
        drop(connection);
        let bytes = std::fs::read(&file).unwrap();
        let trace = &mut told.lock().unwrap().0;
        trace.push(Entry::Made(String::new()));
        trace.push(Entry::Wrote(String::new(), 0, bytes));
        trace.push(Entry::Synced(String::new()));
    }
    let begins = told.lock().unwrap().0.len();
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
    let open = || Options::new().durability(durability).open(vfs.uri(&file)).unwrap();
    let script = Script::new();
    let mut store = open();
    told.lock().unwrap().1.push(digest(&file));
    for number in 0..6 * KINDS.len() {
        let telling = Telling { store: store.clone(), told: Told::clone(&told), file: file.clone() };
        script.play(&telling, number, KINDS[number % KINDS.len()]).unwrap();
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
    let (trace, after) = std::mem::take(&mut *told.lock().unwrap());
    Story { begins, trace, after }
}

fn checkpoint(vfs: &Vfs, file: &Path, mode: &str) {
    let connection = Connection::open(vfs.uri(file)).unwrap();
    connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(())).unwrap();
}

/// A file: what is on the disk for certain, and what may be.
#[derive(Default, Clone)]
struct OnDisk {
    synced: Vec<u8>,
    waiting: Vec<(u64, Option<Vec<u8>>)>,
    /// Whether its name is in the directory for certain.
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

/// What a cut after so many entries leaves in the files; and how many commands were acknowledged before. `heeding`
/// says whether the disk heeds syncs.
fn image(trace: &[Entry], heeding: bool, random: &mut Random) -> (BTreeMap<String, Vec<u8>>, usize) {
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
            Entry::Synced(which) if heeding => {
                let file = files.entry(which.clone()).or_default();
                for (at, bytes) in std::mem::take(&mut file.waiting) {
                    apply(&mut file.synced, at, &bytes);
                }
                // The first sync of a new file syncs the directory too: names that are gone are gone for certain.
                if !std::mem::replace(&mut file.named, true) {
                    ghosts.clear();
                }
            }
            Entry::Synced(_) => {}
            Entry::Deleted(which, directory_synced) => {
                if let Some(file) = files.remove(which).filter(|_| !(*directory_synced && heeding)) {
                    ghosts.insert(which.clone(), file);
                }
            }
            Entry::Acknowledged(count) => acknowledged = *count,
        }
    }
    // In some images nothing unsynced arrives, in some nearly all of it, in most a mixture.
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
            continue; // Its name never arrived.
        }
        let mut content = file.synced;
        for (at, bytes) in &file.waiting {
            match (random.below(100), bytes) {
                (drawn, _) if drawn < arrives => apply(&mut content, *at, bytes),
                // Torn: each piece of 512 bytes has its own fate.
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

/// What was found in an image.
enum Found {
    /// The state after so many commands.
    After(usize),
    /// No state that there ever was, or a file that is damaged.
    Broken(String),
}

fn found(image: &BTreeMap<String, Vec<u8>>, story: &Story) -> Found {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("support.db");
    for (which, content) in image {
        std::fs::write(dir.path().join(format!("support.db{which}")), content).unwrap();
    }
    let opened: Result<Sqlite> = Options::new().durability(Durability::Normal).open(&file);
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
        // The last one that is the same: a command may leave everything as it was.
        Ok(digest) => match story.after.iter().rposition(|it| *it == digest) {
            Some(number) => Found::After(number),
            None => Found::Broken("a state that there never was".to_owned()),
        },
        Err(_) => Found::Broken("the file is damaged".to_owned()),
    }
}

/// How the images of a story came out: in how many was an acknowledged command lost, and how many were broken.
#[derive(Debug, Default)]
struct Outcome {
    images: usize,
    lost: usize,
    broken: usize,
    first: Option<String>,
}

fn cut(story: &Story, heeding: bool, images: u32, seed: u64) -> Outcome {
    let (mut random, mut outcome) = (Random(seed), Outcome::default());
    let trace = &story.trace;
    for _ in 0..images {
        let until = story.begins + random.below(trace.len() + 1 - story.begins);
        let (image, acknowledged) = image(&trace[..until], heeding, &mut random);
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
fn with_full_durability_a_power_cut_takes_nothing_that_was_acknowledged() {
    let fresh = told("cut-full", Durability::Full, None);
    let migrated = told("cut-full-migrated", Durability::Full, Some(&oldest_dump()));
    for (name, story, images) in [("new", fresh, 120), ("migrated", migrated, 80)] {
        let outcome = cut(&story, true, soak::cases(images), 0x5eed_0001);
        println!("FULL, {name}: {outcome:?} of a trace of {}", story.trace.len());
        assert_eq!((outcome.lost, outcome.broken), (0, 0), "{outcome:?}");
    }
}

#[test]
fn with_normal_durability_a_power_cut_leaves_a_state_that_there_was() {
    let fresh = told("cut-normal", Durability::Normal, None);
    let outcome = cut(&fresh, true, soak::cases(60), 0x5eed_0002);
    println!("NORMAL: {outcome:?}");
    assert_eq!(outcome.broken, 0, "{outcome:?}");
}

/// The control: if the disk heeds no sync, as with `synchronous = OFF`, the same harness finds what is lost.
#[test]
fn without_syncs_losses_are_found() {
    let fresh = told("cut-off", Durability::Full, None);
    std::panic::set_hook(Box::new(|_| {})); // Damage is expected here, and caught.
    let outcome = cut(&fresh, false, soak::cases(20), 0x5eed_0003);
    let _ = std::panic::take_hook();
    println!("no syncs: {} images, {} lost, {} broken", outcome.images, outcome.lost, outcome.broken);
    assert!(outcome.lost > 0 && outcome.lost + outcome.broken > 5, "{outcome:?}");
}

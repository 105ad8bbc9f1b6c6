//! Operations that only read or only write.

use crate::error::Result;
use crate::operation::{Interrupt, Loaded, Operation, OperationLabel};
use crate::store::{Answer, Commit, Mode, Read};

/// Answers reads and writes nothing.
///
/// ```
/// use firstline::operation::{Engine, Load, Save};
/// use firstline::memory::Memory;
/// use firstline::store::{Answer, Changes, Commit, Content, Expected, Handling, Read, RecordKind, RecordWrite};
///
/// const NOTE: RecordKind = RecordKind::new("shop.note", "note", Changes::Replaced, Handling::IMPERSONAL);
/// let (store, desk) = (Memory::new(), "acme".into());
/// let write = RecordWrite::put(NOTE, "n-1", Expected::Absent, Content::new(*b"remember the milk"));
/// store.run(&desk, Save(Commit::from_iter([write])))?;
///
/// let answers = store.run(&desk, Load(vec![Read::record(NOTE, "n-1")]))?;
/// assert!(matches!(&answers[..], [Answer::Record(Some(note))] if note.version == 1));
/// # Ok::<(), firstline::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Load(pub Vec<Read>);

impl Operation for Load {
    type Out = Vec<Answer>;

    fn label(&self) -> OperationLabel {
        OperationLabel::new("load")
    }

    fn mode(&self) -> Mode {
        Mode::Read
    }

    fn needs(&self, reads: &mut Vec<Read>) {
        reads.extend(self.0.iter().cloned());
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Vec<Answer>), Interrupt> {
        loaded.need(self.0.iter().cloned())?;
        let answers: Result<_, Interrupt> = self.0.iter().map(|read| loaded.answer(read).cloned()).collect();
        Ok((Commit::new(), answers?))
    }
}

/// Writes a commit. The commit itself states the versions that it expects.
#[derive(Debug, Clone)]
pub struct Save(pub Commit);

impl Operation for Save {
    type Out = ();

    fn label(&self) -> OperationLabel {
        OperationLabel::new("save")
    }

    fn decide(&self, _: &Loaded) -> Result<(Commit, ()), Interrupt> {
        Ok((self.0.clone(), ()))
    }
}

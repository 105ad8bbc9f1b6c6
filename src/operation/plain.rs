//! Operations that only read or only write.

use crate::error::Result;
use crate::operation::{Interrupt, Loaded, Operation, OperationLabel};
use crate::store::{Answer, Commit, Mode, Read};

/// Answers reads and writes nothing.
#[derive(Debug, Clone)]
pub(crate) struct Load(pub(crate) Vec<Read>);

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
pub(crate) struct Save(pub(crate) Commit);

impl Operation for Save {
    type Out = ();

    fn label(&self) -> OperationLabel {
        OperationLabel::new("save")
    }

    fn decide(&self, _: &Loaded) -> Result<(Commit, ()), Interrupt> {
        Ok((self.0.clone(), ()))
    }
}

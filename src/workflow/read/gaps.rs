//! What can still be said of a definition parts of which could not be read.

use crate::workflow::diagnostic::{Diagnostic, DiagnosticKind};

/// The paths of the parts that could not be read.
#[derive(Debug, Default)]
pub(super) struct Gaps(Vec<String>);

impl Gaps {
    pub(super) fn add(&mut self, path: &str) {
        self.0.push(path.to_owned());
    }

    /// Whether a finding of the later checks is the author's fault, and not that of what stands for a gap.
    pub(super) fn allow(&self, finding: &Diagnostic) -> bool {
        use DiagnosticKind as Kind;
        if self.0.is_empty() {
            return true;
        }
        let within = |part: &str| {
            finding.path.strip_prefix(part).is_some_and(|it| it.is_empty() || it.starts_with(['.', '[']))
        };
        if self.0.iter().any(|gap| within(gap)) {
            return false;
        }
        let any = |concerns: &dyn Fn(&str) -> bool| self.0.iter().any(|gap| concerns(gap));
        match finding.kind {
            // What is said of one word alone.
            Kind::BadName
            | Kind::BadVersion
            | Kind::TooMany
            | Kind::EmptyList
            | Kind::Repeated
            | Kind::BadCondition
            | Kind::NeverHolds
            | Kind::AlwaysHolds
            | Kind::DuplicateStatus
            | Kind::SimilarNames
            | Kind::UnknownField => true,
            // What is looked up among names.
            Kind::UnknownGuard => !any(&|gap| gap == "guards"),
            Kind::UnknownStatus => {
                !any(&|gap| gap.starts_with("statuses") && (!gap.contains('.') || gap.ends_with(".name")))
            }
            // What depends on the states of statuses, and on the part itself.
            Kind::ReasonWithoutHold
            | Kind::SeveralDefaults
            | Kind::NoStart
            | Kind::UnclearStart
            | Kind::NoEnd
            | Kind::DemandAtStart
            | Kind::NeverFilled
            | Kind::ForbiddenByState
            | Kind::WrongTarget
            | Kind::MoveBetweenStates
            | Kind::MoveToItself
            | Kind::EmptyRule => {
                !any(&|gap| gap.starts_with("statuses") || within(gap.split('.').next().unwrap_or(gap)))
            }
            // What depends on everything.
            _ => false,
        }
    }
}

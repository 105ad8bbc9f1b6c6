//! Suppresses diagnostics that are only consequences of unreadable parts.

use crate::workflow::diagnostic::{Diagnostic, DiagnosticKind};

/// The paths of the parts that could not be read.
#[derive(Debug, Default)]
pub(super) struct Gaps(Vec<String>);

impl Gaps {
    pub(super) fn add(&mut self, path: &str) {
        self.0.push(path.to_owned());
    }

    /// True if a diagnostic of the later checks is caused by the definition itself and not by a placeholder.
    pub(super) fn allow(&self, diagnostic: &Diagnostic) -> bool {
        use DiagnosticKind as Kind;
        if self.0.is_empty() {
            return true;
        }
        let within = |part: &str| {
            diagnostic.path.strip_prefix(part).is_some_and(|it| it.is_empty() || it.starts_with(['.', '[']))
        };
        if self.0.iter().any(|gap| within(gap)) {
            return false;
        }
        let any = |concerns: &dyn Fn(&str) -> bool| self.0.iter().any(|gap| concerns(gap));
        match diagnostic.kind {
            // These depend on a single part.
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
            // These depend on a set of names.
            Kind::UnknownGuard => !any(&|gap| gap == "guards"),
            Kind::UnknownStatus => {
                !any(&|gap| gap.starts_with("statuses") && (!gap.contains('.') || gap.ends_with(".name")))
            }
            // These depend on the states of statuses and on the part itself.
            Kind::ReasonWithoutHold
            | Kind::SeveralDefaults
            | Kind::NoStart
            | Kind::UnclearStart
            | Kind::NoEnd
            | Kind::RequiredAtStart
            | Kind::CannotBeFilled
            | Kind::ForbiddenByState
            | Kind::WrongTarget
            | Kind::MoveBetweenStates
            | Kind::MoveToItself
            | Kind::EmptyRule => {
                !any(&|gap| gap.starts_with("statuses") || within(gap.split('.').next().unwrap_or(gap)))
            }
            // All others depend on the whole definition.
            _ => false,
        }
    }
}

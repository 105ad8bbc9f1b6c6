//! What is wrong with a workflow, or suspicious: where, what, and how to mend it.

use std::fmt::{self, Write as _};

use crate::error::{Error, ErrorKind};

/// Declares the kinds of findings with the code of each.
macro_rules! findings {
    (errors { $($(#[$error_doc:meta])* $error:ident = $error_code:literal,)* }
     warnings { $($(#[$warning_doc:meta])* $warning:ident = $warning_code:literal,)* }) => {
        /// What sort of thing was found. The first sorts are errors, which a workflow is refused for; the rest are
        /// warnings: legal, but probably not what was meant.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum DiagnosticKind {
            $($(#[$error_doc])* $error,)*
            $($(#[$warning_doc])* $warning,)*
        }

        impl DiagnosticKind {
            /// All sorts, errors first.
            pub const ALL: &'static [DiagnosticKind] =
                &[$(DiagnosticKind::$error,)* $(DiagnosticKind::$warning,)*];

            /// The short name by which it can be looked up.
            pub const fn code(self) -> &'static str {
                match self {
                    $(DiagnosticKind::$error => $error_code,)*
                    $(DiagnosticKind::$warning => $warning_code,)*
                }
            }

            /// Whether a workflow is refused for it.
            pub const fn is_error(self) -> bool {
                matches!(self, $(DiagnosticKind::$error)|*)
            }
        }
    };
}

findings! {
    errors {
        /// The text is no TOML or JSON.
        Syntax = "syntax",
        /// A key that means nothing here.
        UnknownKey = "unknown-key",
        /// A key that must be there and is not.
        MissingKey = "missing-key",
        /// A key that is there twice.
        DuplicateKey = "duplicate-key",
        /// A value of another type than the key takes.
        WrongType = "wrong-type",
        /// A name that is empty, too long, has control characters or begins with `state:`.
        BadName = "bad-name",
        /// A version that is not from 1 to 4,294,967,295.
        BadVersion = "bad-version",
        /// More statuses, transitions or guards than there may be.
        TooMany = "too-many",
        /// A list that names nobody or nothing, where leaving it out means everybody or anything.
        EmptyList = "empty-list",
        /// The same thing twice in a list.
        Repeated = "repeated",
        /// No such state.
        UnknownState = "unknown-state",
        /// No such action.
        UnknownAction = "unknown-action",
        /// Nobody is called so.
        UnknownTaker = "unknown-taker",
        /// Nobody who is named may take such a step: the lifecycle leaves it to others.
        NobodyMay = "nobody-may",
        /// A guard's condition cannot be read, or compares what it cannot.
        BadCondition = "bad-condition",
        /// The condition of a guard can never hold.
        NeverHolds = "never-holds",
        /// Two statuses of one name.
        DuplicateStatus = "duplicate-status",
        /// A name that no status has.
        UnknownStatus = "unknown-status",
        /// A name that no guard has.
        UnknownGuard = "unknown-guard",
        /// A guard or an obligation names a field that no ticket has.
        UnknownField = "unknown-field",
        /// A hold reason on a status that is not on hold.
        ReasonWithoutHold = "reason-without-hold",
        /// Several defaults among the statuses of one state.
        SeveralDefaults = "several-defaults",
        /// No status of the state new, in which every ticket begins.
        NoStart = "no-start",
        /// Several statuses of the state new, and none of them is the default.
        UnclearStart = "unclear-start",
        /// No status of the state closed.
        NoEnd = "no-end",
        /// The first status demands fields on entering: a request is never refused.
        DemandAtStart = "demand-at-start",
        /// A field is demanded where nothing can, or need, have filled it.
        NeverFilled = "never-filled",
        /// The state does not accept this action.
        ForbiddenByState = "forbidden-by-state",
        /// The action leads to another state than that of the status named.
        WrongTarget = "wrong-target",
        /// A move between statuses of different states, or to one that waits for something else.
        MoveBetweenStates = "move-between-states",
        /// A move from a status to itself.
        MoveToItself = "move-to-itself",
        /// The same way twice.
        DuplicateTransition = "duplicate-transition",
        /// Two ways without a guard for one action, and none of them is the default.
        Ambiguous = "ambiguous",
        /// No way leads there from the start.
        Unreachable = "unreachable",
        /// No way leads out, and it is no end.
        DeadEnd = "dead-end",
        /// No end can be reached: the ways out lead round in a circle.
        Trap = "trap",
        /// An end can be reached only where guards hold: a ticket for which none does is stuck.
        OnlyGuarded = "only-guarded",
        /// A way goes round what it must pass.
        Bypass = "bypass",
        /// A rule that says nothing: both places are the same.
        EmptyRule = "empty-rule",
    }
    warnings {
        /// A guard that no transition uses.
        UnusedGuard = "unused-guard",
        /// A guard that always holds.
        AlwaysHolds = "always-holds",
        /// A way that is never taken unless its status is named: one with the same guards stands before it.
        Shadowed = "shadowed",
        /// Two statuses whose names differ in case or spaces alone.
        SimilarNames = "similar-names",
        /// A reason of the author's own that is nearly, but not quite, one that the crate knows.
        SimilarReason = "similar-reason",
        /// A ticket opened by mistake cannot be cancelled from the first status.
        NoCancel = "no-cancel",
        /// A requester's message does not reopen a ticket that was resolved here.
        MessageDoesNotReopen = "message-does-not-reopen",
        /// A requester's message does not end this wait for the customer.
        MessageDoesNotResume = "message-does-not-resume",
        /// A hold with a date does not end by itself here.
        HoldDoesNotEnd = "hold-does-not-end",
        /// Silence does not close a ticket that was resolved here.
        SilenceDoesNotClose = "silence-does-not-close",
        /// No way leads to a status of the state resolved: nothing is ever answered.
        NothingResolved = "nothing-resolved",
    }
}

impl fmt::Display for DiagnosticKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// One thing found in a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// What sort of thing.
    pub kind: DiagnosticKind,
    /// Which part of the definition: `transitions[2].to`; empty for the whole.
    pub path: String,
    /// Where in the text, if it was read from one that tells.
    pub place: Option<Place>,
    /// What is wrong, and how to mend it.
    pub message: String,
}

impl Diagnostic {
    pub(super) fn new(
        kind: DiagnosticKind,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic { kind, path: path.into(), place: None, message: message.into() }
    }
}

/// `error[unknown-status] line 12, column 6, transitions[2].to: …`
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", if self.kind.is_error() { "error" } else { "warning" }, self.kind)?;
        let mut before = " ";
        if let Some(place) = self.place {
            write!(f, "{before}{place}")?;
            before = ", ";
        }
        if !self.path.is_empty() {
            // A name may have a line break in it; a finding has none.
            f.write_str(before)?;
            for character in self.path.chars() {
                match character.is_control() {
                    true => write!(f, "{}", character.escape_default())?,
                    false => f.write_char(character)?,
                }
            }
        }
        write!(f, ": {}", self.message)
    }
}

/// Everything found in a workflow, in the order of the text where it is known, else errors first.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    pub(super) fn new(mut findings: Vec<Diagnostic>) -> Diagnostics {
        findings.sort_by_key(|it| (it.place, !it.kind.is_error()));
        Diagnostics(findings)
    }

    /// All of them.
    pub fn all(&self) -> &[Diagnostic] {
        &self.0
    }

    /// Those for which the workflow is refused.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter().filter(|it| it.kind.is_error())
    }

    /// Those that are legal, but suspicious.
    pub fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter().filter(|it| !it.kind.is_error())
    }
}

/// The errors, one a line.
impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, finding) in self.errors().enumerate() {
            if place > 0 {
                f.write_str("\n")?;
            }
            finding.fmt(f)?;
        }
        Ok(())
    }
}

impl From<Diagnostics> for Error {
    fn from(findings: Diagnostics) -> Error {
        Error::of(ErrorKind::Definition, findings)
    }
}

impl Error {
    /// What was found in a workflow that was refused, if this is such a refusal.
    ///
    /// ```
    /// use firstline::{StateKind, WorkflowDefinition};
    /// use firstline::workflow::Status;
    ///
    /// let error = WorkflowDefinition::new("empty").status(Status::new("New", StateKind::New)).build().unwrap_err();
    /// let codes: Vec<_> = error.findings().unwrap().errors().map(|it| it.kind.code()).collect();
    /// assert_eq!(codes, ["no-end", "dead-end"]);
    /// ```
    pub fn findings(&self) -> Option<&Diagnostics> {
        self.facts()
    }
}

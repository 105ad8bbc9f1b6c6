//! Diagnostics: errors and warnings about a policy, a workflow or a language, with their position and a remedy.

use std::fmt::{self, Write as _};

use crate::error::{Error, ErrorKind};

/// Declares the kinds of diagnostics and their codes.
macro_rules! diagnostics {
    (errors { $($(#[$error_doc:meta])* $error:ident = $error_code:literal,)* }
     warnings { $($(#[$warning_doc:meta])* $warning:ident = $warning_code:literal,)* }) => {
        /// The kind of a diagnostic.
        ///
        /// Errors come first: a policy or workflow with an error is refused. The other kinds are warnings: legal, but
        /// probably unintended.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum DiagnosticKind {
            $($(#[$error_doc])* $error,)*
            $($(#[$warning_doc])* $warning,)*
        }

        impl DiagnosticKind {
            /// All kinds, errors first.
            pub const ALL: &'static [DiagnosticKind] =
                &[$(DiagnosticKind::$error,)* $(DiagnosticKind::$warning,)*];

            /// Returns the short code of this kind, such as `unknown-status`.
            pub const fn code(self) -> &'static str {
                match self {
                    $(DiagnosticKind::$error => $error_code,)*
                    $(DiagnosticKind::$warning => $warning_code,)*
                }
            }

            /// True if a policy or workflow is refused for this kind.
            pub const fn is_error(self) -> bool {
                matches!(self, $(DiagnosticKind::$error)|*)
            }
        }
    };
}

diagnostics! {
    errors {
        /// The text is not valid TOML or JSON.
        Syntax = "syntax",
        /// A key is not allowed here.
        UnknownKey = "unknown-key",
        /// A required key is missing.
        MissingKey = "missing-key",
        /// A key occurs twice.
        DuplicateKey = "duplicate-key",
        /// A value has the wrong type for its key.
        WrongType = "wrong-type",
        /// A name is empty, too long, reserved, contains control characters or begins with `state:`.
        BadName = "bad-name",
        /// The version is not between 1 and 4,294,967,295.
        BadVersion = "bad-version",
        /// There are too many statuses, transitions, guards or rules, or a list has too many items.
        LimitExceeded = "limit-exceeded",
        /// A list is empty. Leaving the key out means everybody or anything; an empty list is ambiguous.
        EmptyList = "empty-list",
        /// A list contains the same item twice.
        DuplicateItem = "duplicate-item",
        /// The state does not exist.
        UnknownState = "unknown-state",
        /// The action does not exist.
        UnknownAction = "unknown-action",
        /// The performer does not exist.
        UnknownPerformer = "unknown-performer",
        /// The lifecycle allows none of the named performers to take this step.
        NoPermittedPerformer = "no-permitted-performer",
        /// A value is not valid: a time, a date, a percentage, a time zone.
        BadValue = "bad-value",
        /// A name is not known: a calendar, a modifier, a priority, a metric.
        UnknownName = "unknown-name",
        /// Two parts have the same name, or claim the same position.
        Duplicate = "duplicate",
        /// Something that must be complete has a gap: a cell of the priority matrix, a target without a time.
        Incomplete = "incomplete",
        /// A condition cannot be read, or compares values that cannot be compared.
        BadCondition = "bad-condition",
        /// A condition can never hold, or the guards of a transition can never hold together.
        NeverHolds = "never-holds",
        /// Two statuses have the same name.
        DuplicateStatus = "duplicate-status",
        /// No status has this name.
        UnknownStatus = "unknown-status",
        /// No guard has this name.
        UnknownGuard = "unknown-guard",
        /// A guard or a status names a field that tickets do not have.
        UnknownField = "unknown-field",
        /// A status that is not on hold has a hold reason.
        ReasonWithoutHold = "reason-without-hold",
        /// A state has several default statuses.
        MultipleDefaults = "multiple-defaults",
        /// There is no status in the state new, in which every ticket begins.
        NoStart = "no-start",
        /// There are several statuses in the state new, and none of them is the default.
        AmbiguousStart = "ambiguous-start",
        /// There is no status in the state closed.
        NoEnd = "no-end",
        /// The start status requires fields on entering. New requests are never refused, so these fields cannot be
        /// required.
        RequiredAtStart = "required-at-start",
        /// A field is required where it cannot have been filled, or where the requirement has no effect.
        CannotBeFilled = "cannot-be-filled",
        /// The state does not accept this action.
        ForbiddenByState = "forbidden-by-state",
        /// The action leads to a different state from the state of the target status.
        WrongTarget = "wrong-target",
        /// A move leads to another state, or to a status with another hold reason.
        MoveBetweenStates = "move-between-states",
        /// A move leads from a status to itself.
        MoveToItself = "move-to-itself",
        /// The same transition is defined twice.
        DuplicateTransition = "duplicate-transition",
        /// Two transitions without a guard serve the same action, and neither leads to a default status.
        Ambiguous = "ambiguous",
        /// The status cannot be reached from the start.
        Unreachable = "unreachable",
        /// The status has no transition out, and is not final.
        DeadEnd = "dead-end",
        /// No final status can be reached: the transitions out form a cycle.
        Trap = "trap",
        /// A final status can be reached only through guards that do not cover all tickets, so a ticket for which none
        /// holds is stuck.
        OnlyGuarded = "only-guarded",
        /// A path avoids a status or state that it must pass.
        Bypass = "bypass",
        /// The two selectors of a rule are the same, so the rule has no effect.
        EmptyRule = "empty-rule",
    }
    warnings {
        /// No transition uses this guard.
        UnusedGuard = "unused-guard",
        /// A guard always holds.
        AlwaysHolds = "always-holds",
        /// A transition is taken only if the action names its status, because an earlier one has the same or fewer
        /// guards.
        Shadowed = "shadowed",
        /// Two statuses have names that differ only in case or spaces.
        SimilarNames = "similar-names",
        /// A custom hold reason is very similar to a built-in one.
        SimilarReason = "similar-reason",
        /// A ticket opened by mistake cannot be cancelled from the start status.
        NoCancel = "no-cancel",
        /// A requester's message does not reopen a ticket from this resolved status.
        MessageDoesNotReopen = "message-does-not-reopen",
        /// A requester's message does not resume a ticket from this status, which waits for the customer.
        MessageDoesNotResume = "message-does-not-resume",
        /// A ticket that reaches this status can only be cancelled: neither resolved nor closed.
        OnlyCancel = "only-cancel",
        /// A hold with a date does not end by itself in this status.
        HoldDoesNotEnd = "hold-does-not-end",
        /// The end of the verification period does not close a ticket in this resolved status.
        VerificationDoesNotClose = "verification-does-not-close",
        /// There is no status in the state resolved, so no ticket can be answered.
        NothingResolved = "nothing-resolved",
    }
}

impl fmt::Display for DiagnosticKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// A position in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// An error or a warning about a policy or a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// The kind of the diagnostic.
    pub kind: DiagnosticKind,
    /// The part of the definition, such as `transitions[2].to`. Empty for the whole definition.
    pub path: String,
    /// The position in the text. `None` if it was not read from a text, or from a format without positions.
    pub position: Option<Position>,
    /// The problem and its remedy.
    pub message: String,
    /// The path of another part, and its offset in the message.
    pub(crate) other: Option<(usize, String)>,
}

impl Diagnostic {
    pub(crate) fn new(
        kind: DiagnosticKind,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic { kind, path: path.into(), position: None, message: message.into(), other: None }
    }

    /// Creates a diagnostic whose message names another part between its two halves: by the position if it is known,
    /// and by the path otherwise.
    pub(crate) fn about_two(
        kind: DiagnosticKind,
        path: impl Into<String>,
        [before, after]: [String; 2],
        other: String,
    ) -> Diagnostic {
        let diagnostic = Diagnostic::new(kind, path, format!("{before}{other}{after}"));
        Diagnostic { other: Some((before.len(), other)), ..diagnostic }
    }

    /// Prefixes the paths with the part that contains them.
    pub(crate) fn within(mut self, part: &str) -> Diagnostic {
        let joined = |path: &str| match path {
            "" => part.to_owned(),
            path => format!("{part}.{path}"),
        };
        self.path = joined(&self.path);
        if let Some((at, path)) = &mut self.other {
            let joined = joined(path);
            self.message.replace_range(*at..*at + path.len(), &joined);
            *path = joined;
        }
        self
    }

    /// Sets the position, and replaces the path of the other part by its position.
    pub(crate) fn locate(&mut self, position: impl Fn(&str) -> Option<Position>) {
        self.position = self.position.or_else(|| position(&self.path));
        if let Some((at, path)) = self.other.take()
            && let Some(other) = position(&path)
        {
            self.message.replace_range(at..at + path.len(), &other.to_string());
        }
    }

    /// True for an error, for which a workflow is refused. False for a warning: legal, but probably unintended.
    pub fn is_error(&self) -> bool {
        self.kind.is_error()
    }
}

/// `error[unknown-status] line 12, column 6, transitions[2].to: …`
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", if self.is_error() { "error" } else { "warning" }, self.kind)?;
        let mut before = " ";
        if let Some(position) = self.position {
            write!(f, "{before}{position}")?;
            before = ", ";
        }
        if !self.path.is_empty() {
            // A name may contain a line break, but a diagnostic is one line.
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

/// Sorts diagnostics: in the order of the text if positions are known, otherwise errors before warnings.
pub(crate) fn sorted(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    diagnostics.sort_by_key(|it| (it.position, !it.kind.is_error()));
    diagnostics
}

/// The diagnostics of a refused policy, workflow or language. `Display` prints the errors, one per line.
#[derive(Debug, thiserror::Error)]
pub(crate) struct Refused(pub(crate) Vec<Diagnostic>);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, diagnostic) in self.0.iter().filter(|it| it.is_error()).enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            diagnostic.fmt(f)?;
        }
        Ok(())
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Error {
        Error::of(ErrorKind::Definition, refused)
    }
}

impl Error {
    /// Returns the diagnostics of a refused policy, workflow or language, warnings included. `None` if this is another
    /// error.
    ///
    /// ```
    /// use firstline::{StateKind, WorkflowDefinition};
    /// use firstline::workflow::Status;
    ///
    /// let error = WorkflowDefinition::new("empty").status(Status::new("New", StateKind::New)).build().unwrap_err();
    /// let errors = error.diagnostics().unwrap().iter().filter(|it| it.is_error());
    /// let codes: Vec<_> = errors.map(|it| it.kind.code()).collect();
    /// assert_eq!(codes, ["no-end", "dead-end"]);
    /// ```
    pub fn diagnostics(&self) -> Option<&[Diagnostic]> {
        self.facts::<Refused>().map(|refused| &refused.0[..])
    }
}

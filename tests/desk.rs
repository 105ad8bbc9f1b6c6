//! Desks over every store.

#[path = "desk/adopted_later.rs"]
mod adopted_later;
#[path = "desk/after_the_end.rs"]
mod after_the_end;
#[path = "desk/assignment.rs"]
mod assignment;
#[path = "desk/bad_input.rs"]
mod bad_input;
#[path = "desk/board.rs"]
mod board;
#[path = "desk/clock.rs"]
mod clock;
#[path = "desk/complaints.rs"]
mod complaints;
#[path = "desk/condition.rs"]
mod condition;
#[path = "desk/conversations.rs"]
mod conversations;
#[path = "desk/counts.rs"]
mod counts;
#[path = "desk/decimal.rs"]
mod decimal;
#[path = "desk/declared_names.rs"]
mod declared_names;
#[path = "desk/expected_version.rs"]
mod expected_version;
#[path = "desk/followers.rs"]
mod followers;
#[path = "common/histories.rs"]
mod histories;
#[path = "desk/idempotency.rs"]
mod idempotency;
#[path = "desk/import_again.rs"]
mod import_again;
#[path = "desk/import_statuses.rs"]
mod import_statuses;
#[path = "desk/imports.rs"]
mod imports;
#[path = "desk/inbound.rs"]
mod inbound;
#[path = "desk/language.rs"]
mod language;
#[path = "desk/lifecycle.rs"]
mod lifecycle;
#[path = "desk/links.rs"]
mod links;
#[path = "desk/lookup_key.rs"]
mod lookup_key;
#[path = "desk/migration.rs"]
mod migration;
#[path = "desk/model.rs"]
mod model;
#[path = "desk/numbers.rs"]
mod numbers;
#[path = "desk/odd_mails.rs"]
mod odd_mails;
#[path = "desk/one_line.rs"]
mod one_line;
#[path = "desk/owners.rs"]
mod owners;
#[path = "desk/paging.rs"]
mod paging;
#[path = "desk/personal.rs"]
mod personal;
#[path = "desk/policy_parts.rs"]
mod policy_parts;
#[path = "desk/priority.rs"]
mod priority;
#[path = "desk/priority_matrix.rs"]
mod priority_matrix;
#[path = "desk/probing.rs"]
mod probing;
#[path = "desk/public_story.rs"]
mod public_story;
#[path = "desk/questions.rs"]
mod questions;
#[path = "desk/receive.rs"]
mod receive;
#[path = "desk/russian.rs"]
mod russian;
#[path = "desk/setup.rs"]
mod setup;
#[path = "common/soak.rs"]
mod soak;
#[path = "common/stage.rs"]
mod stage;
#[path = "desk/standing.rs"]
mod standing;
#[path = "desk/story.rs"]
mod story;
#[path = "desk/sweep.rs"]
mod sweep;
#[path = "desk/tenants.rs"]
mod tenants;
#[path = "desk/time_spent.rs"]
mod time_spent;
#[path = "desk/undo.rs"]
mod undo;
#[path = "desk/undo_after_others.rs"]
mod undo_after_others;
#[path = "desk/undo_timers.rs"]
mod undo_timers;
#[path = "desk/versions.rs"]
mod versions;
#[path = "desk/visibility.rs"]
mod visibility;
#[path = "desk/worker.rs"]
mod worker;

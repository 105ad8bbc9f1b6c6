//! The PostgreSQL store against what other programs, hosts and dropped futures do to it.
//!
//! `FIRSTLINE_POSTGRES` is the URL of a server on which schemas may be made; `bash .ci/postgres COMMAND` starts one for a
//! command. Where there is none the tests are reported as ignored, and fail if `CI` is true.

#[cfg(feature = "postgres")]
#[path = "postgres/claims.rs"]
mod claims;
#[cfg(feature = "postgres")]
#[path = "postgres/commands.rs"]
mod commands;
#[cfg(feature = "postgres")]
#[path = "postgres/dropped.rs"]
mod dropped;
#[cfg(feature = "postgres")]
#[path = "postgres/faults.rs"]
mod faults;
#[cfg(feature = "postgres")]
#[path = "postgres/hosts.rs"]
mod hosts;
#[cfg(feature = "postgres")]
#[path = "postgres/lines.rs"]
mod lines;
#[cfg(feature = "postgres")]
#[path = "postgres/plans.rs"]
mod plans;
#[cfg(feature = "postgres")]
#[path = "common/proxy.rs"]
mod proxy;
#[cfg(feature = "postgres")]
#[path = "postgres/schemas.rs"]
mod schemas;
#[cfg(feature = "postgres")]
#[path = "common/postgres.rs"]
mod server;
#[cfg(feature = "postgres")]
#[path = "common/soak.rs"]
mod soak;

#[cfg(feature = "postgres")]
macro_rules! trials {
    ($($module:ident: $($test:ident),* $(,)?;)*) => {
        vec![$($(
            libtest_mimic::Trial::test(stringify!($test), || {
                if server::url().is_none() {
                    return Err("no FIRSTLINE_POSTGRES: `bash .ci/postgres COMMAND` starts a server".into());
                }
                server::block_on($module::$test(server::Place::fresh()));
                Ok(())
            })
            .with_ignored_flag(server::url().is_none() && !server::required()),
        )*)*]
    };
}

#[cfg(feature = "postgres")]
fn main() {
    let trials = trials! {
        commands:
            the_same_verbs_are_awaited,
            one_key_at_once_is_one_ticket,
            a_stale_commit_is_a_conflict_and_writes_nothing,
            desks_are_apart,
            a_search_that_sifts_finds_all,
            text_that_no_row_can_hold_is_not_found,
            a_row_that_cannot_be_read_says_so,
            what_cannot_be_reached_says_so,
            a_read_waits_for_nobody,
            a_command_does_not_wait_for_ever,
            an_import_is_taken_in_once;
        claims:
            hot_tickets_lose_no_update,
            crossing_links_wait_in_turn,
            one_thread_key_opens_one_ticket,
            numbers_have_no_gap_and_no_twin,
            one_of_many_adoptions_wins,
            a_claim_waits_for_nobody,
            due_timers_fire_once_however_many_sweep,
            a_ticket_that_is_held_stands_in_no_workers_way,
            one_desks_long_transaction_keeps_no_other_desk_waiting,
            commands_that_wait_for_one_ticket_keep_no_other_desk_from_reading;
        dropped:
            dropped_futures_leave_all_or_nothing,
            dropped_futures_leave_all_or_nothing_within,
            dropped_futures_never_make_more_connections_than_there_may_be;
        faults:
            an_opening_beside_one_in_a_stricter_transaction_is_to_be_repeated,
            a_twin_in_a_table_of_the_hosts_is_not_to_be_repeated,
            what_takes_too_long_is_busy_and_says_what_it_waited_for,
            a_certificate_that_is_not_accepted_is_no_reason_to_try_again,
            options_of_the_url_that_are_not_understood_are_named;
        hosts:
            the_hosts_transaction_takes_both_or_neither,
            what_fails_half_way_leaves_nothing_behind,
            crossing_links_in_hosts_transactions,
            an_aborted_transaction_stays_aborted,
            a_claim_that_cannot_be_had_leaves_the_hosts_transaction_usable,
            commands_of_one_transaction_take_turns,
            receipts_that_a_host_forgets_keep_nobody_waiting;
        lines:
            a_server_that_vanishes_is_busy_in_time,
            connections_that_went_silent_are_not_used_again,
            a_commit_that_nothing_is_heard_of_is_looked_for,
            a_claim_that_nothing_is_heard_of_is_unknown,
            a_server_that_says_why_is_waited_for,
            locks_that_are_had_one_after_another_are_no_silence,
            a_lock_timeout_in_the_url_has_the_last_word,
            a_migration_that_nothing_is_heard_of_keeps_nobody_for_ever,
            silence_in_the_hosts_transaction_is_the_hosts;
        plans:
            records_are_read_counted_and_claimed_by_an_index,
            rows_are_found_by_an_index_and_written_by_one_statement;
        schemas:
            eight_programs_start_at_once_and_one_of_them_migrates,
            a_newer_schema_is_refused_untouched,
            tables_that_are_not_ours_are_refused_untouched,
            tables_that_are_only_verified_are_made_by_the_printed_statements,
            a_role_with_the_listed_rights_may_do_all_that_a_desk_does,
            faulty_options_are_refused,
            two_schemas_live_side_by_side;
    };
    libtest_mimic::run(&libtest_mimic::Arguments::from_args(), trials).exit()
}

#[cfg(not(feature = "postgres"))]
fn main() {
    libtest_mimic::run(&libtest_mimic::Arguments::from_args(), Vec::new()).exit()
}

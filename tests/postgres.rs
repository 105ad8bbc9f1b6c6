//! The PostgreSQL store with other programs, hosts, dropped futures and broken connections.
//!
//! `FIRSTLINE_POSTGRES` is the URL of a server on which the tests may create schemas; `bash .ci/postgres COMMAND`
//! starts one for a command. Without a server the tests are ignored, or fail if `CI` is true.

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
#[path = "postgres/poolers.rs"]
mod poolers;
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

/// True if the server that the tests of this module need is not there.
#[cfg(feature = "postgres")]
fn is_missing(module: &str) -> bool {
    server::url().is_none() || module == "poolers" && server::pooler().is_none()
}

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
            .with_ignored_flag(is_missing(stringify!($module)) && !server::required()),
        )*)*]
    };
}

#[cfg(feature = "postgres")]
fn main() {
    if let Ok(task) = std::env::var(poolers::PROGRAM) {
        return server::block_on(poolers::program(&task));
    }
    let trials = trials! {
        commands:
            the_same_methods_work_async,
            concurrent_commands_with_one_key_open_one_ticket,
            a_stale_commit_is_a_conflict_and_writes_nothing,
            desks_are_apart,
            a_filtering_search_finds_all,
            text_with_nul_is_not_found,
            an_unreadable_row_is_reported,
            connection_failures_are_explained,
            a_read_does_not_wait_for_writers,
            a_command_does_not_wait_forever,
            an_import_is_applied_once;
        claims:
            hot_tickets_lose_no_update,
            crossing_links_do_not_deadlock,
            one_thread_key_opens_one_ticket,
            numbers_have_no_gaps_or_duplicates,
            one_of_many_adoptions_wins,
            a_claim_skips_locked_records,
            due_timers_fire_once_in_concurrent_sweeps,
            a_locked_ticket_does_not_block_a_worker,
            a_long_transaction_at_one_desk_does_not_delay_other_desks,
            commands_waiting_for_one_ticket_do_not_block_reads;
        dropped:
            dropped_futures_leave_all_or_nothing,
            dropped_futures_leave_all_or_nothing_within,
            dropped_futures_do_not_exceed_the_connection_limit;
        faults:
            an_opening_in_a_stricter_transaction_is_retryable,
            a_duplicate_in_a_host_table_is_not_retryable,
            a_timeout_is_busy_and_names_what_it_waited_for,
            a_rejected_certificate_is_not_retryable,
            details_of_the_server_stay_out_of_errors,
            unknown_url_options_are_named;
        hosts:
            the_hosts_transaction_commits_both_or_neither,
            a_command_that_fails_midway_leaves_nothing_behind,
            crossing_links_in_hosts_transactions,
            an_aborted_transaction_stays_aborted,
            a_failed_lock_leaves_the_hosts_transaction_usable,
            commands_of_one_transaction_take_turns,
            clean_up_in_a_hosts_transaction_delays_no_other_command;
        lines:
            a_vanished_server_is_busy_within_the_limit,
            silent_connections_are_not_reused,
            the_store_looks_for_an_unacknowledged_commit,
            an_unanswered_claim_is_unknown,
            the_servers_own_error_is_awaited,
            waiting_for_several_locks_is_not_a_vanished_server,
            a_lock_timeout_in_the_url_overrides_the_acquire_timeout,
            an_unanswered_migration_fails_within_the_limit,
            the_hosts_transaction_has_no_limit_for_answers;
        plans:
            every_filter_is_served_by_an_index_of_its_desk,
            records_are_read_counted_and_claimed_by_an_index,
            rows_are_found_by_an_index_and_written_by_one_statement;
        poolers:
            a_pooler_in_transaction_mode_gives_each_transaction_another_session,
            programs_behind_one_pooler_get_their_own_answers,
            a_pooler_that_cannot_serve_a_desk_is_refused_and_not_busy,
            locks_behind_a_pooler_have_a_limit;
        schemas:
            eight_programs_start_at_once_and_one_migrates,
            a_newer_schema_is_refused_untouched,
            foreign_tables_are_refused_untouched,
            a_dropped_index_is_named_at_the_connection,
            the_printed_statements_create_verifiable_tables,
            a_role_with_the_documented_grants_can_run_a_desk,
            invalid_options_are_refused,
            two_schemas_coexist;
    };
    libtest_mimic::run(&libtest_mimic::Arguments::from_args(), trials).exit()
}

#[cfg(not(feature = "postgres"))]
fn main() {
    libtest_mimic::run(&libtest_mimic::Arguments::from_args(), Vec::new()).exit()
}

//! The tables and their migrations.

use std::time::Duration;

use firstline::postgres::{Migrations, PostgresOptions};
use firstline::*;

use crate::claims::clients;
use crate::server::Place;

/// Returns a description of everything in the schema.
async fn content(place: &Place) -> Vec<String> {
    let rows = place
        .host()
        .await
        .query(
            "SELECT concat_ws(' ', table_name, column_name, data_type) FROM information_schema.columns \
             WHERE table_schema = $1 ORDER BY 1",
            &[&place.schema],
        )
        .await
        .unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

async fn run(place: &Place, sql: &str) {
    place.host().await.batch_execute(&sql.replace("{s}", &place.schema)).await.unwrap();
}

pub(crate) async fn eight_programs_start_at_once_and_one_migrates(place: Place) {
    let numbers = clients(|n| {
        let (options, url) = (place.options(), place.url.clone());
        async move {
            let desk = options.connect(&url).await.unwrap().desk("main");
            desk.open_ticket(NewTicket::new(format!("From {n}"))).await.unwrap().number.value
        }
    })
    .await;
    let mut numbers = numbers;
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=8).collect::<Vec<_>>());
    assert_eq!(place.count("migration").await, 1);
}

pub(crate) async fn a_newer_schema_is_refused_untouched(place: Place) {
    drop(place.store().await);
    run(&place, "INSERT INTO {s}.migration (version, name, checksum) VALUES (99, 'later', '\\x00')").await;
    let before = content(&place).await;
    let error = place.options().connect(&place.url).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema);
    assert!(error.to_string().contains("left untouched"), "{error}");
    assert!(before.len() > 30 && before == content(&place).await);
    assert!(place.count("migration").await > 1);
}

/// Regression: without its index, every search read the whole table, and nothing said so.
pub(crate) async fn a_dropped_index_is_named_at_the_connection(place: Place) {
    drop(place.store().await);
    run(&place, "DROP INDEX {s}.ticket_team").await;
    let error = place.options().connect(&place.url).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema);
    let text = error.to_string();
    let (_, statement) = text.split_once('`').unwrap();
    let (statement, _) = statement.split_once('`').unwrap();
    assert!(statement.starts_with("CREATE INDEX ticket_team ON"), "{text}");
    run(&place, statement).await;
    place.options().connect(&place.url).await.unwrap();
}

pub(crate) async fn foreign_tables_are_refused_untouched(place: Place) {
    run(&place, "CREATE SCHEMA {s}; CREATE TABLE {s}.ticket (mine text)").await;
    let before = content(&place).await;
    let error = place.options().connect(&place.url).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Schema && error.to_string().contains("are there others"), "{error}");
    assert_eq!(before, content(&place).await);

    run(&place, "CREATE TABLE {s}.migration (mine text)").await;
    let before = content(&place).await;
    let error = place.options().connect(&place.url).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Schema && error.to_string().contains("not firstline's"), "{error}");
    assert_eq!(before, content(&place).await);

    // The checksum of an applied migration is compared, not only its number.
    let changed = Place::fresh();
    drop(changed.store().await);
    run(&changed, "UPDATE {s}.migration SET checksum = '\\x00'").await;
    assert_eq!(changed.options().connect(&changed.url).await.unwrap_err().kind(), ErrorKind::Schema);
}

pub(crate) async fn the_printed_statements_create_verifiable_tables(place: Place) {
    let verifying = || place.options().migrations(Migrations::Verify);
    let error = verifying().connect(&place.url).await.unwrap_err();
    assert!(
        error.kind() == ErrorKind::Schema
            && error.to_string().contains("`PostgresOptions::migrations_sql_from(0)`"),
        "{error}"
    );
    assert!(content(&place).await.is_empty());
    run(&place, &verifying().migrations_sql().unwrap()).await;
    let desk = verifying().connect(&place.url).await.unwrap().desk("main");
    desk.open_ticket(NewTicket::new("No sound")).await.unwrap();
    // A program creates the same tables.
    let other = Place::fresh();
    drop(other.store().await);
    assert_eq!(content(&place).await, content(&other).await);
    assert_eq!(
        other.options().migrations(Migrations::Verify).connect(&other.url).await.map(drop).ok(),
        Some(())
    );
}

/// The grants in the module docs are sufficient for a program that only verifies.
pub(crate) async fn a_role_with_the_documented_grants_can_run_a_desk(place: Place) {
    drop(place.store().await);
    let role = format!("{}_app", place.schema);
    run(
        &place,
        &format!(
            "CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA {{s}} TO {role}; \
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {{s}} TO {role}; \
             ALTER DEFAULT PRIVILEGES IN SCHEMA {{s}} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}; \
             CREATE TABLE {{s}}.later (n bigint)"
        ),
    )
    .await;
    let url = format!("{}?user={role}", place.url);
    let desk = place.options().migrations(Migrations::Verify).connect(&url).await.unwrap().desk("main");
    desk.setup().adopt(&Policy::new().prefix("A")).await.unwrap();
    let request =
        InboundMessage::new("").from("boris").thread("chat-9").idempotency_key("form-1").subject("No sound");
    let id = desk.receive(request).await.unwrap().ticket.id();
    let receipt = desk
        .act(id, Action::resolve("unmuted"), Actor::agent("anna").idempotency_key("click-1"))
        .await
        .unwrap();
    let later = receipt.ticket.updated_at + time::TimeDelta::days(40);
    assert_eq!(desk.tick(later).await.unwrap().fired, 1);
    let client = crate::server::connect(&url).await;
    client.batch_execute(&format!("INSERT INTO {}.later VALUES (1)", place.schema)).await.unwrap();
    let made = client.batch_execute(&format!("CREATE TABLE {}.mine (n bigint)", place.schema)).await;
    assert!(made.is_err(), "the role has more rights than the documented grants");
    run(&place, &format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
}

pub(crate) async fn invalid_options_are_refused(place: Place) {
    for bad in [
        "",
        "1st",
        "a-b",
        "Support",
        "pg_mine",
        "таблицы",
        "a\"b",
        "public",
        "information_schema",
        &"s".repeat(51),
    ] {
        let error = PostgresOptions::new().schema(bad).connect(&place.url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Definition, "{bad}");
        assert!(PostgresOptions::new().schema(bad).migrations_sql().is_err());
    }
    for bad in [0, 1_001] {
        let error = PostgresOptions::new().connections(bad).connect(&place.url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Definition, "{bad}");
    }
    for bad in [0, 99, 3_600_001].map(Duration::from_millis) {
        let error = PostgresOptions::new().acquire_timeout(bad).connect(&place.url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Definition, "{bad:?}");
    }
    // A keyword of SQL is a valid name.
    drop(place.options().schema("select").connect(&place.url).await.unwrap());
    run(&place, "DROP SCHEMA \"select\" CASCADE").await;
}

pub(crate) async fn two_schemas_coexist(place: Place) {
    let second = Place::fresh();
    let (first, second) = (place.store().await.desk("main"), second.store().await.desk("main"));
    first.open_ticket(NewTicket::new("Here")).await.unwrap();
    assert!(second.find(Query::newest()).await.unwrap().tickets.is_empty());
    assert_eq!(second.open_ticket(NewTicket::new("There")).await.unwrap().number.value, 1);
}

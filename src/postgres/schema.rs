//! The tables and their migrations, recorded in a history table.
//!
//! `contact` lists the contacts of tickets except the requesters, which are in `ticket`.
//!
//! Every key starts with the desk, so that a cluster can distribute the tables by desk. Times are microseconds since
//! 1970 in UTC. Text columns that are searched or sorted are compared byte by byte, regardless of the database's
//! collation. JSON is stored as text, because it must be read back byte for byte. `tries` is null for records that were
//! never claimed, and fixed-length columns come first. Both make the rows and the write-ahead log smaller.

use super::fault::Fault;
use super::options::{Migrations, PostgresOptions};
use super::sql::lock_id;
use super::wire::query_value;
use crate::codec::verify_indexes;
use crate::definition::Fingerprint;
use crate::error::{Error, ErrorKind, Result};

/// A migration. It is applied once, in order, and never changed after a release.
#[derive(Clone, Copy)]
struct Migration {
    version: i64,
    name: &'static str,
    sql: &'static str,
}

/// All migrations. `{s}` is replaced by the schema.
const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "foundation",
    sql: r#"
CREATE TABLE {s}.desk (
    desk text COLLATE "C" NOT NULL PRIMARY KEY,
    last_number bigint NOT NULL
);

CREATE TABLE {s}.ticket (
    desk text COLLATE "C" NOT NULL,
    id uuid NOT NULL,
    version bigint NOT NULL,
    number bigint NOT NULL,
    state text COLLATE "C" NOT NULL,
    open boolean NOT NULL,
    priority bigint NOT NULL,
    due_at bigint NOT NULL,
    opened_at bigint NOT NULL,
    team text COLLATE "C",
    assignee text COLLATE "C",
    requester text COLLATE "C",
    facts text NOT NULL,
    personal text,
    personal_key text,
    PRIMARY KEY (desk, id),
    CONSTRAINT ticket_number UNIQUE (desk, number)
) WITH (fillfactor = 85);
CREATE INDEX ticket_inbox ON {s}.ticket (desk, priority, due_at, opened_at, id) WHERE open;
CREATE INDEX ticket_team ON {s}.ticket (desk, team, priority, due_at, opened_at, id)
    WHERE open AND team IS NOT NULL;
CREATE INDEX ticket_assignee ON {s}.ticket (desk, assignee, priority, due_at, opened_at, id)
    WHERE open AND assignee IS NOT NULL;
CREATE INDEX ticket_of_team ON {s}.ticket (desk, team, id) WHERE team IS NOT NULL;
CREATE INDEX ticket_of_assignee ON {s}.ticket (desk, assignee, id) WHERE assignee IS NOT NULL;
CREATE INDEX ticket_requester ON {s}.ticket (desk, requester, id) WHERE requester IS NOT NULL;

CREATE TABLE {s}.contact (
    desk text COLLATE "C" NOT NULL,
    contact text COLLATE "C" NOT NULL,
    ticket uuid NOT NULL,
    PRIMARY KEY (desk, contact, ticket)
);

CREATE TABLE {s}.event (
    desk text COLLATE "C" NOT NULL,
    ticket uuid NOT NULL,
    version bigint NOT NULL,
    at bigint NOT NULL,
    facts text NOT NULL,
    personal text,
    personal_key text,
    chain bytea,
    PRIMARY KEY (desk, ticket, version)
);

CREATE TABLE {s}.timer (
    desk text COLLATE "C" NOT NULL,
    ticket uuid NOT NULL,
    kind text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    due_at bigint NOT NULL,
    armed_by bigint NOT NULL,
    PRIMARY KEY (desk, ticket, kind, subject)
);
CREATE INDEX timer_due ON {s}.timer (desk, due_at, kind, subject, ticket);
CREATE INDEX timer_all_desks ON {s}.timer (due_at, desk, ticket);

CREATE TABLE {s}.record (
    version bigint NOT NULL,
    due bigint,
    tries bigint,
    desk text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    i1 text COLLATE "C",
    i2 text COLLATE "C",
    i3 text COLLATE "C",
    facts bytea NOT NULL,
    personal bytea,
    personal_key text,
    PRIMARY KEY (desk, kind, key)
) WITH (fillfactor = 70);
CREATE INDEX record_i1 ON {s}.record (desk, kind, i1, key) WHERE i1 IS NOT NULL;
CREATE INDEX record_i2 ON {s}.record (desk, kind, i2) WHERE i2 IS NOT NULL;
CREATE INDEX record_i3 ON {s}.record (desk, kind, i3) WHERE i3 IS NOT NULL;
CREATE INDEX record_due ON {s}.record (kind, due) WHERE due IS NOT NULL;
"#,
}];

/// Returns the statement that creates the history of migrations.
fn history(schema: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS \"{schema}\".migration (\n    version bigint PRIMARY KEY,\n    name text NOT NULL,\n    \
         checksum bytea NOT NULL,\n    applied_at timestamptz NOT NULL DEFAULT now()\n);\n"
    )
}

/// Returns the statements of these migrations, with the entries for their history.
fn statements(schema: &str, migrations: &[Migration]) -> String {
    let mut all = String::new();
    for Migration { version, name, sql } in migrations {
        all.push_str(&sql.replace("{s}", &format!("\"{schema}\"")));
        let checksum = Fingerprint::of(sql);
        all.push_str(&format!(
            "\nINSERT INTO \"{schema}\".migration (version, name, checksum) \
             VALUES ({version}, '{name}', '\\x{checksum}');\n"
        ));
    }
    all
}

impl PostgresOptions {
    /// Returns all migrations as a script for `psql`, for deployments in which no program may create tables. For
    /// existing tables use [`migrations_sql_from`](PostgresOptions::migrations_sql_from).
    ///
    /// # Errors
    /// [`Definition`](ErrorKind::Definition) if the schema's name is invalid, or another option is out of range.
    pub fn migrations_sql(&self) -> Result<String> {
        self.migrations_sql_from(0)
    }

    /// Returns the migrations from `version` to the program's version, as a script for `psql`.
    ///
    /// The script is one transaction. It waits for other migrations of the schema, and fails without changing anything
    /// if the tables have another version than `version`. The error of [`connect`](PostgresOptions::connect) names the
    /// version to pass; 0 means that there are no tables.
    ///
    /// # Errors
    /// [`Definition`](ErrorKind::Definition) if there is no such version, the schema's name is invalid, or another
    /// option is out of range.
    pub fn migrations_sql_from(&self, version: usize) -> Result<String> {
        self.check()?;
        script(&self.schema, version)
    }
}

/// Returns the migrations after this version as one transaction. On tables of another version, the script changes
/// nothing and reports both facts.
///
/// # Errors
/// [`ErrorKind::Definition`] if there is no such version.
fn script(schema: &str, version: usize) -> Result<String> {
    script_of(schema, version, MIGRATIONS)
}

fn script_of(schema: &str, version: usize, all: &[Migration]) -> Result<String> {
    let Some(missing) = all.get(version..) else {
        return Err(Error::definition("version", format_args!("{version} of the tables is not known"))
            .allowing(format!("0 to {}", all.len())));
    };
    let begin = match version {
        0 => format!("CREATE SCHEMA IF NOT EXISTS \"{schema}\";\n{}", history(schema)),
        _ => String::new(),
    };
    let (lock, statements) = (lock_of(schema), statements(schema, missing));
    Ok(format!(
        "BEGIN;\n{begin}SELECT pg_advisory_xact_lock({lock});\nDO $$ BEGIN\n    \
         IF (SELECT count(*) FROM \"{schema}\".migration) <> {version} THEN\n        \
         RAISE EXCEPTION 'these statements are for version {version}, but the tables in the schema \"{schema}\" have another version';\n    \
         END IF;\nEND $$;\n{statements}COMMIT;\n"
    ))
}

/// Returns the id of the lock that serializes migrations of a schema.
fn lock_of(schema: &str) -> i64 {
    lock_id(schema, "migration", &[])
}

/// Migrates the tables to this version, in one transaction. Tables that are up to date are only read.
///
/// # Errors
/// [`ErrorKind::Schema`] if the tables are newer than this version, were not made by these migrations, lack an index, or
/// are older and may only be verified. The tables are then left untouched.
pub(super) async fn migrate(connection: &tokio_postgres::Client, options: &PostgresOptions) -> Result<()> {
    migrate_by(connection, options, MIGRATIONS).await
}

async fn migrate_by(
    connection: &tokio_postgres::Client,
    options: &PostgresOptions,
    all: &[Migration],
) -> Result<()> {
    let PostgresOptions { schema, migrations, .. } = options;
    let done = applied(connection, schema, all).await?;
    if done == all.len() {
        return verify(connection, schema, all).await;
    }
    if *migrations == Migrations::Verify {
        let problem = match done {
            0 => format!("the schema {schema:?} has no tables of firstline"),
            _ => format!(
                "the tables in the schema {schema:?} have version {done}, but version {} is needed",
                all.len()
            ),
        };
        let run =
            format!("tables migrated with the statements of `PostgresOptions::migrations_sql_from({done})`");
        let error =
            Error::new(ErrorKind::Schema, format!("{problem}, and this program may only verify them"));
        return Err(error.allowing(run));
    }
    let encoding: String = query_value(connection, "SHOW server_encoding", &[]).await?;
    if encoding != "UTF8" {
        let problem = format!("the database's encoding is {encoding}, which cannot represent every text");
        return Err(Error::new(ErrorKind::Schema, problem).allowing("a database in UTF8"));
    }
    let applied = apply(connection, schema, all).await;
    if applied.is_err() {
        // If this fails too, the connection is broken and the transaction lost with it.
        let _ = connection.batch_execute("ROLLBACK").await;
    }
    applied
}

async fn apply(connection: &tokio_postgres::Client, schema: &str, all: &[Migration]) -> Result<()> {
    // Several programs may start at once. The second one finds, inside the lock, that the tables are up to date.
    let lock = lock_of(schema);
    let begin = format!("BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock({lock})");
    connection.batch_execute(&begin).await.map_err(Fault::from)?;
    let done = applied(connection, schema, all).await?;
    let exists = "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1)";
    let there: bool = query_value(connection, exists, &[schema]).await?;
    if !there {
        // The check comes first, because `CREATE SCHEMA IF NOT EXISTS` needs the permission even if the schema exists.
        connection.batch_execute(&format!("CREATE SCHEMA \"{schema}\"")).await.map_err(Fault::from)?;
    }
    let history = if done == 0 { history(schema) } else { String::new() };
    let statements = history + &statements(schema, all.get(done..).unwrap_or_default());
    connection.batch_execute(&statements).await.map_err(|error| {
        let problem = format!("the tables cannot be created: are there others in the schema {schema:?}?");
        Error::new(ErrorKind::Schema, problem).caused_by(Fault::from(error).into_cause())
    })?;
    connection.batch_execute("COMMIT").await.map_err(|error| Fault::from(error).into_error())
}

/// Verifies that all indexes exist and are complete.
async fn verify(connection: &tokio_postgres::Client, schema: &str, all: &[Migration]) -> Result<()> {
    let existing = "SELECT it.relname::text FROM pg_catalog.pg_index AS entry \
                    JOIN pg_catalog.pg_class AS it ON it.oid = entry.indexrelid \
                    JOIN pg_catalog.pg_namespace AS place ON place.oid = it.relnamespace \
                    WHERE place.nspname = $1 AND entry.indisvalid";
    let rows = connection
        .query_typed(existing, &[(&schema, tokio_postgres::types::Type::TEXT)])
        .await
        .map_err(Fault::from)?;
    let existing = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().map_err(Fault::from)?;
    let schema = format!("\"{schema}\"");
    all.iter().try_for_each(|it| verify_indexes(&it.sql.replace("{s}", &schema), &existing))
}

/// Returns the number of applied migrations. Fails if they differ from the first migrations of `all`.
async fn applied(connection: &tokio_postgres::Client, schema: &str, all: &[Migration]) -> Result<usize> {
    let table = format!("\"{schema}\".migration");
    // `to_regclass` is not used: it may answer from the connection's cache, which is older than the lock.
    let known = "SELECT EXISTS (SELECT FROM pg_catalog.pg_class AS it JOIN pg_catalog.pg_namespace AS place \
                 ON place.oid = it.relnamespace WHERE place.nspname = $1 AND it.relname = 'migration')";
    let known: bool = query_value(connection, known, &[schema]).await?;
    if !known {
        return Ok(0);
    }
    let foreign = |error| {
        Error::new(ErrorKind::Schema, format!("the table {schema}.migration is not firstline's"))
            .caused_by(error)
    };
    let rows = connection
        .query_typed(&format!("SELECT version::bigint, checksum::bytea FROM {table} ORDER BY version"), &[])
        .await
        .map_err(|error| match Fault::from(error) {
            fault if fault.is_statement_error() => foreign(fault.into_error()),
            fault => fault.into_error(),
        })?;
    if rows.len() > all.len() {
        let problem = format!(
            "the tables in the schema {schema:?} have version {}, but this version of firstline supports up to {}; left untouched",
            rows.len(),
            all.len()
        );
        return Err(Error::new(ErrorKind::Schema, problem).allowing("a newer version of firstline"));
    }
    for (row, ours) in rows.iter().zip(all) {
        let version: i64 = row.try_get(0).map_err(Fault::from)?;
        let checksum: &[u8] = row.try_get(1).map_err(Fault::from)?;
        if version != ours.version || checksum != Fingerprint::of(ours.sql).as_bytes() {
            let problem =
                format!("migration {version} of the schema {schema:?} is not firstline's; left untouched");
            return Err(Error::new(ErrorKind::Schema, problem));
        }
    }
    Ok(rows.len())
}

#[cfg(test)]
mod tests {
    use super::super::test_server;
    use super::*;

    /// The first version.
    const FIRST: Migration = MIGRATIONS[0];

    /// A possible later version.
    const SECOND: Migration =
        Migration { version: 2, name: "colours", sql: "ALTER TABLE {s}.ticket ADD COLUMN colour text;" };

    async fn connect(url: &str) -> tokio_postgres::Client {
        let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// `Verify` names the statements to run for new and for older tables, and they work.
    #[test]
    fn tables_of_an_older_version_are_migrated_by_the_printed_statements() {
        let Some(url) = test_server::url() else { return };
        let schema = format!("firstline_test_{}_upgrade", std::process::id());
        let verifying = PostgresOptions::new().schema(&schema).migrations(Migrations::Verify);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = connect(&url).await;
            for (version, all) in [(0, &[FIRST][..]), (1, &[FIRST, SECOND])] {
                let error = migrate_by(&client, &verifying, all).await.unwrap_err();
                let run = format!("`PostgresOptions::migrations_sql_from({version})`");
                assert!(error.kind() == ErrorKind::Schema && error.to_string().contains(&run), "{error}");
                client.batch_execute(&script_of(&schema, version, all).unwrap()).await.unwrap();
                migrate_by(&client, &verifying, all).await.unwrap();
                // A second run, or a script for another version, changes nothing and fails with the reason.
                for other in 0..=version {
                    let again = script_of(&schema, other, all).unwrap();
                    let error = Fault::from(client.batch_execute(&again).await.unwrap_err()).into_error();
                    let why = format!("are for version {other}");
                    assert!(format!("{error:?}").contains(&why), "{error:?}");
                    client.batch_execute("ROLLBACK").await.unwrap();
                }
                migrate_by(&client, &verifying, all).await.unwrap();
            }
            // An older program reports that the tables are newer.
            let error = migrate_by(&client, &verifying, &[FIRST]).await.unwrap_err();
            assert!(error.to_string().contains("have version 2"), "{error}");
            // A program with `Apply` runs the second migration on tables of the first version.
            client.batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await.unwrap();
            let applying = verifying.clone().migrations(Migrations::Apply);
            migrate_by(&client, &applying, &[FIRST]).await.unwrap();
            migrate_by(&client, &applying, &[FIRST, SECOND]).await.unwrap();
            migrate_by(&client, &verifying, &[FIRST, SECOND]).await.unwrap();
            client.batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await.unwrap();
        });
    }

    #[test]
    fn statements_for_an_unknown_version_are_refused() {
        let error = PostgresOptions::new().migrations_sql_from(MIGRATIONS.len() + 1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Definition);
        assert!(error.to_string().contains("allowed: 0 to"), "{error}");
    }
}

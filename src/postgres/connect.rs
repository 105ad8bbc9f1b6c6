//! Connects a store to its database.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, QueueMode, RecyclingMethod, Runtime};
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Config, NoTls, Socket};

use super::connection::{Cancel, Limits, in_time};
use super::fault::Fault;
use super::options::PostgresOptions;
use super::permits::Permits;
use super::session::Sessions;
use super::sql::{Shared, Sql};
use super::wire::query_value;
use super::{Inner, Postgres, in_runtime, schema};
use crate::error::{Error, Result};

impl PostgresOptions {
    /// Connects to the database at a URL (`postgres://user:password@host/database`) without TLS.
    ///
    /// # Errors
    /// - [`Busy`](crate::ErrorKind::Busy): the server cannot be reached, or has no free connection;
    /// - [`Storage`](crate::ErrorKind::Storage): the server refuses the login, the database does not exist, or client
    ///   and server do not agree on TLS;
    /// - [`Schema`](crate::ErrorKind::Schema): the tables are newer than this version, not firstline's, or missing with
    ///   [`Migrations::Verify`](super::Migrations::Verify); they are left untouched;
    /// - [`Definition`](crate::ErrorKind::Definition): the URL, the schema's name, the number of connections or the
    ///   acquire timeout is invalid, or the URL has `sslmode=require`, which needs
    ///   [`connect_with`](PostgresOptions::connect_with).
    pub async fn connect(self, url: &str) -> Result<Postgres> {
        self.check()?;
        let config = config_of(url)?;
        if config.get_ssl_mode() == SslMode::Require {
            return Err(Error::definition("database URL", "`sslmode=require` needs a TLS connector")
                .allowing("`PostgresOptions::connect_with` with a TLS connector, or another `sslmode`"));
        }
        self.connect_to(config, NoTls).await
    }

    /// Connects over TLS with a connector for `tokio-postgres`, such as `tokio-postgres-rustls`; the [module
    /// docs](super) have an example. Without `sslmode=require` in the URL, the connection to a server without TLS is
    /// not encrypted.
    ///
    /// # Errors
    /// The conditions of [`connect`](PostgresOptions::connect), except for `sslmode=require`.
    pub async fn connect_with<T>(self, url: &str, tls: T) -> Result<Postgres>
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send + Sync,
        T::TlsConnect: Send + Sync,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        self.check()?;
        self.connect_to(config_of(url)?, tls).await
    }

    async fn connect_to<T>(self, mut config: Config, tls: T) -> Result<Postgres>
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send + Sync,
        T::TlsConnect: Send + Sync,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        in_runtime()?;
        if config.get_application_name().is_none() {
            config.application_name("firstline");
        }
        let acquire_timeout = self.acquire_timeout;
        let sessions = Sessions::new(acquire_timeout);
        let options = config.get_options().unwrap_or_default().to_owned();
        let without_options = config.clone();
        // Our settings come first, so that the settings in the URL override them.
        let ours =
            format!("-c lock_timeout={}ms {} {options}", acquire_timeout.as_millis(), sessions.option());
        config.options(ours.trim_end());
        let cancel = Cancel::over(tls.clone());
        let mut pool = self.pool(config, tls.clone())?;
        let mut connection = pool.get().await.map_err(Fault::from);
        // pgbouncer refuses settings for the connection, unless it is configured to drop them.
        if connection.as_ref().is_err_and(Fault::is_refused_option) {
            sessions.set_shared();
            pool = self.pool(without_options, tls)?;
            if options.is_empty() {
                connection = pool.get().await.map_err(Fault::from);
            }
        } else if let Ok(connection) = &connection {
            let setting =
                in_time(acquire_timeout * 2, query_value::<String>(connection, &Sessions::query(), &[]))
                    .await??;
            if !sessions.is_own(&setting) {
                sessions.set_shared();
            }
        }
        if sessions.are_shared() && !options.is_empty() {
            let problem = "has `options`, which the connection pooler does not pass on to the server";
            return Err(Error::definition("database URL", problem)
                .allowing("a URL without `options`; `ALTER ROLE … SET …` sets them at the server"));
        }
        let connection = connection?;
        if sessions.are_shared() {
            // A pooler in statement mode refuses transactions.
            in_time(acquire_timeout * 2, connection.batch_execute("BEGIN; COMMIT"))
                .await?
                .map_err(Fault::from)?;
        }
        let lock = match sessions.are_shared() {
            true => acquire_timeout,
            false => in_time(acquire_timeout * 2, lock_timeout(&connection)).await??,
        };
        // A `lock_timeout` below the acquire timeout does not shorten the wait for an answer.
        let limits = Limits { acquire_timeout, lock: lock.max(acquire_timeout) };
        in_time(limits.longest(), schema::migrate(&connection, &self)).await??;
        drop(connection);
        Ok(Postgres(Arc::new(Inner {
            pool,
            permits: Permits::new(self.connections),
            shared: Shared::new(Sql::new(&self.schema)),
            limits,
            cancel,
            sessions,
        })))
    }

    fn pool<T>(&self, config: Config, tls: T) -> Result<Pool>
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send + Sync,
        T::TlsConnect: Send + Sync,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        Pool::builder(Manager::from_config(config, tls, recycling))
            .max_size(self.connections)
            .queue_mode(QueueMode::Lifo) // The connection used last has the most prepared statements.
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(self.acquire_timeout))
            .create_timeout(Some(self.acquire_timeout))
            .build()
            .map_err(|error| Error::storage("the connection pool cannot be built", error))
    }
}

/// Returns the server's `lock_timeout` on this connection. It reflects the settings in the URL, so it is the same on
/// all connections.
async fn lock_timeout(connection: &tokio_postgres::Client) -> Result<Duration, Fault> {
    let setting = "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'lock_timeout'";
    Ok(match query_value::<String>(connection, setting, &[]).await?.parse() {
        Ok(milliseconds @ 1..) => Duration::from_millis(milliseconds),
        _ => Duration::MAX, // 0 means no limit.
    })
}

/// Parses a URL.
fn config_of(url: &str) -> Result<Config> {
    url.parse().map_err(|error: tokio_postgres::Error| {
        // The message leaves out the URL, which may hold a password. It names the option only if a TLS option is
        // unknown.
        let option = error.source().map(ToString::to_string);
        let option = option.filter(|it| it.contains("option `ssl"));
        let (problem, allowed) = match option {
            Some(option) => (
                format!("cannot be read: {option}"),
                "`sslmode=disable`, `prefer` or `require`; configure accepted certificates in the connector passed to \
                 `PostgresOptions::connect_with`",
            ),
            None => ("cannot be read".to_owned(), "postgres://user:password@host/database"),
        };
        Error::definition("database URL", problem)
            .allowing(allowed)
            .caused_by(Fault::from(error).into_cause())
    })
}

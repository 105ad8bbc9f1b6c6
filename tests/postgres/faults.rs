//! Error kinds and messages.

use std::error::Error as _;
use std::future::{Ready, ready};
use std::io;

use firstline::postgres::Postgres;
use firstline::*;
use futures_util::future::join;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_postgres::tls::{MakeTlsConnect, NoTlsStream, TlsConnect};
use tokio_postgres::{IsolationLevel, Socket};

use crate::server::{Place, with_options};

/// A transaction at a stricter isolation level sees the running numbers as of its start, even after it has locked them.
pub(crate) async fn an_opening_in_a_stricter_transaction_is_retryable(place: Place) {
    let desk = place.store().await.desk("acme");
    desk.open_ticket(NewTicket::new("Before")).await.unwrap();
    let mut host = place.host().await;
    for level in [IsolationLevel::RepeatableRead, IsolationLevel::Serializable] {
        let mut tx = host.build_transaction().isolation_level(level).start().await.unwrap();
        tx.query("SELECT 1 FROM pg_class LIMIT 1", &[]).await.unwrap();
        desk.open_ticket(NewTicket::new("Meanwhile")).await.unwrap();
        let error = desk.within(&mut tx).open_ticket(NewTicket::new("Refund")).await.unwrap_err();
        assert!(error.is_retryable(), "{level:?}: {error:?}");
        assert!(error.to_string().contains("at the same time"), "{error}");
        // As the error advises, repeat the whole transaction.
        tx.rollback().await.unwrap();
        let mut tx = host.build_transaction().isolation_level(level).start().await.unwrap();
        desk.within(&mut tx).open_ticket(NewTicket::new("Refund")).await.unwrap();
        tx.commit().await.unwrap();
    }
    assert_eq!(crate::claims::sound(&desk).await.len(), 5);
}

/// A unique violation in a table of the host is not retryable.
pub(crate) async fn a_duplicate_in_a_host_table_is_not_retryable(place: Place) {
    let desk = place.store().await.desk("acme");
    let mut host = place.host().await;
    let schema = &place.schema;
    let twin = format!(
        "CREATE TABLE {schema}.mine (n bigint PRIMARY KEY); INSERT INTO {schema}.mine VALUES (1); \
         CREATE FUNCTION {schema}.twin() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN INSERT INTO {schema}.mine VALUES (1); RETURN NEW; END $$; \
         CREATE TRIGGER twin BEFORE INSERT ON {schema}.ticket FOR EACH ROW EXECUTE FUNCTION {schema}.twin()"
    );
    host.batch_execute(&twin).await.unwrap();
    let mut tx = host.transaction().await.unwrap();
    let error = desk.within(&mut tx).open_ticket(NewTicket::new("Refund")).await.unwrap_err();
    assert!(error.is_storage() && !error.is_retryable(), "{error:?}");
}

pub(crate) async fn a_timeout_is_busy_and_names_what_it_waited_for(place: Place) {
    let desk = place.store().await.desk("acme");
    let id = desk.open_ticket(NewTicket::new("Held")).await.unwrap().id();
    let mut host = place.host().await;
    let mut tx = host.transaction().await.unwrap();
    desk.within(&mut tx).open_ticket(NewTicket::new("In a long transaction")).await.unwrap();
    desk.within(&mut tx).act(id, Action::start(), Actor::agent("anna")).await.unwrap();
    for (setting, words, state) in [
        ("lock_timeout", "the desk's next running number", "55P03"),
        ("statement_timeout", "`statement_timeout`", "57014"),
    ] {
        // The statements that connect must not take as long, even on a busy machine.
        let url = with_options(&place.url, &format!("-c {setting}=4s"));
        let desk = place.options().connect(&url).await.unwrap().desk("acme");
        let (opened, acted) = join(
            desk.open_ticket(NewTicket::new("Waits")),
            desk.act(id, Action::start(), Actor::agent("ben")),
        )
        .await;
        for error in [opened.map(drop).unwrap_err(), acted.map(drop).unwrap_err()] {
            assert!(error.is_retryable() && error.to_string().contains(words), "{error:?}");
            let source = error.source().unwrap().to_string();
            let code = format!("(SQLSTATE {state})");
            assert!(source.starts_with("ERROR: canceling") && source.ends_with(&code), "{source}");
        }
    }
}

/// A connector that fails with an error of this kind.
#[derive(Clone)]
struct Refusing(io::ErrorKind);

impl<S> TlsConnect<S> for Refusing {
    type Stream = NoTlsStream;
    type Error = io::Error;
    type Future = Ready<io::Result<NoTlsStream>>;

    fn connect(self, _: S) -> Self::Future {
        ready(Err(io::Error::new(self.0, "certificate not valid for name")))
    }
}

impl MakeTlsConnect<Socket> for Refusing {
    type Stream = NoTlsStream;
    type TlsConnect = Refusing;
    type Error = io::Error;

    fn make_tls_connect(&mut self, _: &str) -> io::Result<Refusing> {
        Ok(self.clone())
    }
}

/// A server that accepts TLS and then sends nothing.
async fn server_with_tls() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 8];
            if stream.read_exact(&mut request).await.is_ok() {
                let _ = stream.write_all(b"S").await;
            }
        }
    });
    format!("postgres://u@localhost:{}/db?sslmode=require", address.port())
}

pub(crate) async fn a_rejected_certificate_is_not_retryable(place: Place) {
    let with_tls = server_with_tls().await;
    let refused = place.options().connect_with(&with_tls, Refusing(io::ErrorKind::InvalidData)).await;
    let refused = refused.unwrap_err();
    assert!(refused.is_storage() && !refused.is_retryable(), "{refused:?}");
    assert!(refused.to_string().contains("TLS"), "{refused}");
    assert!(refused.to_string().contains("certificate not valid for name"), "{refused}");
    // A connection that breaks during the handshake is retryable.
    let broken = place.options().connect_with(&with_tls, Refusing(io::ErrorKind::ConnectionReset)).await;
    assert!(broken.unwrap_err().is_retryable());
    // A server without TLS is not retryable.
    let require = format!("{}?sslmode=require", place.url);
    let none =
        place.options().connect_with(&require, Refusing(io::ErrorKind::InvalidData)).await.unwrap_err();
    assert!(none.is_storage() && none.to_string().contains("does not support TLS"), "{none}");
}

pub(crate) async fn unknown_url_options_are_named(place: Place) {
    let error = Postgres::connect(&format!("{}?sslmode=require", place.url)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Definition, "{error:?}");
    assert!(error.to_string().contains("connect_with"), "{error}");
    let error = Postgres::connect(&format!("{}?sslmode=verify-full", place.url)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Definition, "{error:?}");
    assert!(error.to_string().contains("option `sslmode`"), "{error}");
    let error = Postgres::connect("postgres://u:pa@h?secret=7@host/db").await.unwrap_err();
    assert!(!error.to_string().contains("secret"), "{error}");
}

/// Regression D13: the source of an error had the server's details in its `Debug` output, with keys and rows.
pub(crate) async fn details_of_the_server_stay_out_of_errors(place: Place) {
    let desk = place.store().await.desk("acme");
    let host = place.host().await;
    let schema = &place.schema;
    let never = format!("ALTER TABLE {schema}.ticket ADD CONSTRAINT never CHECK (requester IS NULL)");
    host.batch_execute(&never).await.unwrap();
    let secret = NewTicket::new("secret-subject").from("secret-boris");
    let error = desk.open_ticket(secret).await.unwrap_err();
    let mut words = vec![format!("{error} {error:?}")];
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push(format!("{error} {error:?}"));
        cause = error.source();
    }
    assert!(words.iter().any(|words| words.contains("never")), "{words:?}");
    assert!(!words.iter().any(|words| words.contains("secret")), "{words:?}");
}

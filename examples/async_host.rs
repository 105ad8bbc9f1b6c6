//! A web host: requests are handlers that await the desk, and a worker task serves the clock of all desks.
//!
//! ```text
//! cargo run --example async_host --features tokio             # shows itself in a second
//! cargo run --example async_host --features tokio -- --serve  # stays until ctrl-c, for a client of yours
//! ```

use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use firstline::sqlite::{AsyncSqlite, Sqlite};
use firstline::time::{SystemTime, TimeDelta, TimeSource};
use firstline::{Action, Actor, DeskId, NewTicket, Query, Ticket, Worker};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

type Reply = Result<Json<Value>, (StatusCode, String)>;

/// What a browser is told of an error.
fn refused(error: firstline::Error) -> (StatusCode, String) {
    let code = match () {
        () if error.is_not_found() => StatusCode::NOT_FOUND,
        () if error.is_conflict() || error.is_rejected() => StatusCode::CONFLICT,
        () if error.is_retryable() => StatusCode::SERVICE_UNAVAILABLE,
        () if error.is_storage() => StatusCode::INTERNAL_SERVER_ERROR,
        () => StatusCode::UNPROCESSABLE_ENTITY,
    };
    (code, error.to_string())
}

fn shown(ticket: &Ticket) -> Value {
    json!({ "number": ticket.number, "subject": ticket.subject(), "state": ticket.state().to_string() })
}

async fn open(State(store): State<AsyncSqlite>, Path(desk): Path<String>, Json(asked): Json<Value>) -> Reply {
    let text = |name: &str| asked[name].as_str().unwrap_or_default().to_owned();
    let request = NewTicket::new(text("subject")).from(text("from"));
    let ticket = store.desk(DeskId::new(desk)).open_ticket(request).await.map_err(refused)?;
    Ok(Json(shown(&ticket.into_untyped())))
}

async fn snooze(State(store): State<AsyncSqlite>, Path((desk, number)): Path<(String, u64)>) -> Reply {
    let desk = store.desk(DeskId::new(desk));
    let ticket = desk.ticket(number).await.map_err(refused)?;
    let until = SystemTime.now() + TimeDelta::milliseconds(300);
    let snooze = Action::hold_until("a moment", until);
    let receipt = desk.act(ticket.id(), snooze, Actor::agent("anna")).await.map_err(refused)?;
    Ok(Json(shown(&receipt.ticket)))
}

async fn inbox(State(store): State<AsyncSqlite>, Path(desk): Path<String>) -> Reply {
    let page = store.desk(DeskId::new(desk)).find(Query::inbox()).await.map_err(refused)?;
    Ok(Json(page.tickets.iter().map(shown).collect()))
}

/// Looks every tenth of a second for what the clock owes, at all desks, until the host stops. What has begun is done.
async fn serve_the_clock(store: AsyncSqlite, mut stopped: watch::Receiver<()>) {
    let worker = Worker::over(store);
    loop {
        // A store that is busy for a moment ends no loop: what could not be done is still owed.
        match worker.drain(SystemTime.now()).await {
            Ok(report) => {
                report.failed.iter().for_each(|it| println!("    the worker could not serve {it}"));
                report.stopped.iter().for_each(|error| println!("    the worker will try again: {error}"));
                if report.fired > 0 {
                    println!("    the worker woke {} ticket", report.fired);
                }
            }
            Err(error) => println!("    the worker will try again: {error}"),
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(100)) => {}
            _ = stopped.changed() => return,
        }
    }
}

/// A client in five lines.
async fn ask(host: &str, line: &str, body: Value) -> std::io::Result<String> {
    let (mut stream, body) = (TcpStream::connect(host).await?, body.to_string());
    let head = format!("{line} HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: {}", body.len());
    stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer.split_once("\r\n\r\n").map_or(answer.clone(), |(_, body)| body.to_owned()))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let argument = std::env::args().nth(1);
    if argument.as_deref().is_some_and(|it| it != "--serve") {
        println!("usage: async_host [--serve]");
        return Ok(());
    }
    let directory = tempfile::tempdir()?;
    let store = Sqlite::open(directory.path().join("support.db"))?.awaited()?;
    let (stop, stopped) = watch::channel(());
    let clock = tokio::spawn(serve_the_clock(store.clone(), stopped.clone()));

    let routes = Router::new()
        .route("/{desk}/tickets", post(open))
        .route("/{desk}/tickets/{number}/snooze", post(snooze))
        .route("/{desk}/inbox", get(inbox))
        .with_state(store.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let host = listener.local_addr()?.to_string();
    println!("listening at http://{host}");
    let mut stopping = stopped;
    let until = async move { drop(stopping.changed().await) };
    let serving = tokio::spawn(async { axum::serve(listener, routes).with_graceful_shutdown(until).await });
    match argument {
        Some(_) => tokio::signal::ctrl_c().await?,
        None => demonstrate(&host).await?,
    }

    // No more requests, no more clock; then the last commands are done, and the file is closed.
    drop(stop);
    serving.await??;
    clock.await?;
    store.close().await;
    println!("stopped, and the file is closed");
    Ok(())
}

/// Two companies in one database, who do not see each other.
async fn demonstrate(host: &str) -> std::io::Result<()> {
    let asked = json!({ "subject": "Card declined", "from": "customer-77" });
    for (line, body) in [
        ("POST /acme/tickets", asked),
        ("POST /acme/tickets/1/snooze", json!({})),
        ("GET /globex/inbox", json!({})),
        ("POST /acme/tickets/9/snooze", json!({})),
    ] {
        println!("{line}\n    {}", ask(host, line, body).await?);
    }
    println!("(and now the clock has its say)");
    tokio::time::sleep(Duration::from_millis(800)).await;
    println!("GET /acme/inbox\n    {}", ask(host, "GET /acme/inbox", json!({})).await?);
    Ok(())
}

//! A web server with two desks in one database. Its handlers await the desk, and one worker task fires the timers of
//! all desks.
//!
//! ```text
//! cargo run --features tokio --example async_host             # sends itself a few requests and stops
//! cargo run --features tokio --example async_host -- --serve  # serves your requests until ctrl-c
//! ```

use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use firstline::sqlite::{AsyncSqlite, Sqlite};
use firstline::time::{SystemClock, TimeDelta, TimeSource};
use firstline::{Action, Actor, DeskId, NewTicket, Query, Ticket, Worker};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
#[path = "common/help.rs"]
mod help;

const SOURCE: &str = include_str!("async_host.rs");

type Reply = Result<Json<Value>, (StatusCode, String)>;

/// The HTTP status and the text for an error.
fn failure(error: firstline::Error) -> (StatusCode, String) {
    let code = match () {
        () if error.is_not_found() => StatusCode::NOT_FOUND,
        () if error.is_conflict() || error.is_rejected() => StatusCode::CONFLICT,
        () if error.is_retryable() => StatusCode::SERVICE_UNAVAILABLE,
        () if error.is_storage() => StatusCode::INTERNAL_SERVER_ERROR,
        () => StatusCode::UNPROCESSABLE_ENTITY,
    };
    (code, error.to_string())
}

/// A ticket as JSON.
fn view(ticket: &Ticket) -> Value {
    json!({ "number": ticket.number.to_string(), "subject": ticket.subject(), "state": ticket.state().to_string() })
}

async fn open(State(store): State<AsyncSqlite>, Path(desk): Path<String>, Json(body): Json<Value>) -> Reply {
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let request = NewTicket::new(text("subject")).from(text("from"));
    let ticket = store.desk(DeskId::new(desk)).open_ticket(request).await.map_err(failure)?;
    Ok(Json(view(&ticket.into_untyped())))
}

async fn snooze(State(store): State<AsyncSqlite>, Path((desk, number)): Path<(String, u64)>) -> Reply {
    let desk = store.desk(DeskId::new(desk));
    let ticket = desk.ticket(number).await.map_err(failure)?;
    let until = SystemClock.now() + TimeDelta::milliseconds(300);
    let snooze = Action::hold_until("a moment", until);
    let receipt = desk.act(ticket.id(), snooze, Actor::agent("anna")).await.map_err(failure)?;
    Ok(Json(view(&receipt.ticket)))
}

async fn inbox(State(store): State<AsyncSqlite>, Path(desk): Path<String>) -> Reply {
    let page = store.desk(DeskId::new(desk)).find(Query::inbox()).await.map_err(failure)?;
    Ok(Json(page.tickets.iter().map(view).collect()))
}

/// Fires the due timers of all desks ten times a second, until the server stops. A round that has begun is completed.
async fn fire_timers(store: AsyncSqlite, mut stopped: watch::Receiver<()>) {
    let worker = Worker::over(store);
    loop {
        // A busy store does not end the loop: the next round fires the timers that this one could not.
        match worker.tick(SystemClock.now()).await {
            Ok(report) => {
                report.failed.iter().for_each(|it| println!("    the worker could not process {it}"));
                report.stopped.iter().for_each(|error| println!("    the worker will try again: {error}"));
                if report.fired > 0 {
                    println!("    the worker resumed {} ticket", report.fired);
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

/// A minimal HTTP client.
async fn send(host: &str, line: &str, body: Value) -> std::io::Result<String> {
    let (mut stream, body) = (TcpStream::connect(host).await?, body.to_string());
    let head = format!("{line} HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: {}", body.len());
    stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer.split_once("\r\n\r\n").map_or(answer.clone(), |(_, body)| body.to_owned()))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let serve = match &*help::arguments(SOURCE) {
        [] => false,
        [option] if option == "--serve" => true,
        other => help::refuse(SOURCE, &format!("unknown arguments: {}", other.join(" "))),
    };
    let directory = tempfile::tempdir()?;
    let store = Sqlite::open(directory.path().join("support.db"))?.into_async()?;
    let (stop, stopped) = watch::channel(());
    let timers = tokio::spawn(fire_timers(store.clone(), stopped.clone()));

    let routes = Router::new()
        .route("/{desk}/tickets", post(open))
        .route("/{desk}/tickets/{number}/snooze", post(snooze))
        .route("/{desk}/inbox", get(inbox))
        .with_state(store.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let host = listener.local_addr()?.to_string();
    println!("The server listens at http://{host}\n");
    let mut stopping = stopped;
    let shutdown = async move { drop(stopping.changed().await) };
    let serving =
        tokio::spawn(async { axum::serve(listener, routes).with_graceful_shutdown(shutdown).await });
    match serve {
        true => {
            println!("Open a ticket, and stop with ctrl-c:");
            println!("  curl {host}/acme/tickets --json '{{\"subject\": \"Hello\", \"from\": \"vera\"}}'");
            tokio::signal::ctrl_c().await?;
        }
        false => demonstrate(&host).await?,
    }

    // Stop the server and the worker; then complete the last commands and close the file.
    drop(stop);
    serving.await??;
    timers.await?;
    store.close().await;
    println!("The server has stopped, and the file is closed.");
    Ok(())
}

/// Two companies share one database and do not see each other's tickets.
async fn demonstrate(host: &str) -> std::io::Result<()> {
    let question = json!({ "subject": "Card declined", "from": "vera" });
    for (line, body) in [
        ("POST /acme/tickets", question),
        ("POST /acme/tickets/1/snooze", json!({})),
        ("GET /globex/inbox", json!({})),
        ("POST /acme/tickets/9/snooze", json!({})),
    ] {
        println!("{line}\n    {}", send(host, line, body).await?);
    }
    println!("The hold of ticket 1 ends after 300 milliseconds:");
    tokio::time::sleep(Duration::from_millis(800)).await;
    println!("GET /acme/inbox\n    {}", send(host, "GET /acme/inbox", json!({})).await?);
    Ok(())
}

//! A proxy in front of the PostgreSQL server that can stop forwarding, or break a connection at a `COMMIT`.

#![allow(dead_code)] // No test target uses all of it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// The treatment of the next `COMMIT` on any connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The `COMMIT` does not reach the server, and the connection breaks.
    Before,
    /// The server commits, and the connection breaks before the client gets the answer.
    After,
    /// The server commits, and the connection stays open without an answer.
    Silent,
}

#[derive(Debug, Default)]
struct State {
    cut: Mutex<Option<Cut>>,
    /// The number of times that all existing connections went dead.
    deaths: AtomicU32,
    /// True if new connections are dead from the start: accepted, but nothing is forwarded.
    dead: Mutex<bool>,
    /// The tasks of the connections.
    made: Mutex<Vec<AbortHandle>>,
}

/// Forwards connections to a server, and can stop forwarding. Dropping it breaks all of them.
#[derive(Debug)]
pub(crate) struct Proxy {
    state: Arc<State>,
    /// The server's URL through this proxy.
    pub(crate) url: String,
}

impl Proxy {
    /// Starts a proxy in front of the server at this URL (`postgres://user@host:port/database`).
    pub(crate) async fn before(url: &str) -> Proxy {
        let (user, rest) = url.split_once('@').unwrap();
        let (server, database) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("{user}@{}/{database}", listener.local_addr().unwrap());
        let state = Arc::new(State::default());
        let proxy = Proxy { state: Arc::clone(&state), url };
        let server = server.to_owned();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let connection =
                    Connection { state: Arc::clone(&state), created_after: state.created_after() };
                let Ok(server) = TcpStream::connect(&server).await else { continue };
                let task = tokio::spawn(connection.forward(client, server));
                state.made.lock().unwrap().push(task.abort_handle());
            }
        });
        proxy
    }

    /// Discards everything that is sent on the existing connections, for ever.
    pub(crate) fn silence(&self) {
        self.state.deaths.fetch_add(1, Ordering::SeqCst);
    }

    /// Does the same, and for `true` also to new connections, until it is called with `false`.
    pub(crate) fn vanish(&self, vanished: bool) {
        *self.state.dead.lock().unwrap() = vanished;
        self.silence();
    }

    pub(crate) fn cut(&self, cut: Cut) {
        *self.state.cut.lock().unwrap() = Some(cut);
    }

    /// True if the requested cut has happened.
    pub(crate) fn has_cut(&self) -> bool {
        self.state.cut.lock().unwrap().is_none()
    }

    /// The number of connections so far.
    pub(crate) fn made(&self) -> usize {
        self.state.made.lock().unwrap().len()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.made.lock().unwrap().iter().for_each(AbortHandle::abort);
    }
}

impl State {
    fn created_after(&self) -> Option<u32> {
        (!*self.dead.lock().unwrap()).then(|| self.deaths.load(Ordering::SeqCst))
    }
}

/// One connection through the proxy.
struct Connection {
    state: Arc<State>,
    /// The number of deaths before this connection was made; `None` if it was dead from the start.
    created_after: Option<u32>,
}

/// The message that ends a transaction, as the driver sends it.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

/// The server's answer to a successful `COMMIT`.
const DONE: &[u8] = b"C\0\0\0\x0bCOMMIT\0";

impl Connection {
    fn alive(&self) -> bool {
        self.created_after == Some(self.state.deaths.load(Ordering::SeqCst))
    }

    /// Forwards in both directions until either side ends, then closes both.
    async fn forward(self, client: TcpStream, server: TcpStream) {
        let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
        let cut = Mutex::new(None);
        tokio::select! {
            () = self.forward_requests(from_client, to_server, &cut) => {}
            () = self.forward_answers(from_server, to_client, &cut) => {}
        }
    }

    async fn forward_requests(
        &self,
        mut client: OwnedReadHalf,
        mut server: OwnedWriteHalf,
        cut: &Mutex<Option<Cut>>,
    ) {
        let mut buffer = Vec::new();
        loop {
            match client.read_buf(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) if !self.alive() => buffer.clear(),
                Ok(_) => {}
            }
            let commit = buffer.windows(COMMIT.len()).position(|it| it == COMMIT);
            let cut_at = commit.and_then(|at| Some((at, self.state.cut.lock().unwrap().take()?)));
            // A partly received `COMMIT` waits for the rest.
            let part =
                (1..COMMIT.len()).rev().find(|length| buffer.ends_with(&COMMIT[..*length])).unwrap_or(0);
            let until = match cut_at {
                Some((at, Cut::Before)) => at,
                Some((at, rest)) => {
                    *cut.lock().unwrap() = Some(rest);
                    at + COMMIT.len()
                }
                None => buffer.len() - part,
            };
            if server.write_all(&buffer[..until]).await.is_err() || matches!(cut_at, Some((_, Cut::Before))) {
                return;
            }
            buffer.drain(..until);
        }
    }

    async fn forward_answers(
        &self,
        mut server: OwnedReadHalf,
        mut client: OwnedWriteHalf,
        cut: &Mutex<Option<Cut>>,
    ) {
        let (mut buffer, mut withheld) = (vec![0; 16_384], Vec::new());
        loop {
            let Ok(read @ 1..) = server.read(&mut buffer).await else { return };
            let cut = *cut.lock().unwrap();
            if cut.is_some() {
                withheld.extend_from_slice(&buffer[..read]);
                // The server has committed.
                let done = withheld.windows(DONE.len()).any(|it| it == DONE);
                if done && cut == Some(Cut::After) {
                    return;
                }
            } else if self.alive() && client.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    }
}

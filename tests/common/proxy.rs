//! A line to the server that can go dead, or break at a `COMMIT`.

#![allow(dead_code)] // Every test target uses its own part of it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// What happens to the next `COMMIT` on any connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It does not get to the server, and the connection breaks.
    Before,
    /// It gets there and is done, and the connection breaks before anybody hears of it.
    After,
    /// The same, and the connection stays up without a word.
    Silent,
}

#[derive(Debug, Default)]
struct State {
    cut: Mutex<Option<Cut>>,
    /// How often all connections there were have gone dead.
    deaths: AtomicU32,
    /// Whether those that are made now are dead from the beginning: they are accepted, and nothing is forwarded.
    dead: Mutex<bool>,
    /// The connections that were made.
    made: Mutex<Vec<AbortHandle>>,
}

/// Forwards connections to a server, and can stop it. When it is dropped all of them break.
#[derive(Debug)]
pub(crate) struct Proxy {
    state: Arc<State>,
    /// The server's URL, by way of this.
    pub(crate) url: String,
}

impl Proxy {
    /// Before the server at this URL (`postgres://user@host:port/database`).
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
                let line = Line { state: Arc::clone(&state), born: state.born() };
                let Ok(server) = TcpStream::connect(&server).await else { continue };
                let task = tokio::spawn(line.carry(client, server));
                state.made.lock().unwrap().push(task.abort_handle());
            }
        });
        proxy
    }

    /// Whatever is sent on the connections that there are is swallowed, for ever.
    pub(crate) fn silence(&self) {
        self.state.deaths.fetch_add(1, Ordering::SeqCst);
    }

    /// The same, and for connections yet to be made, until it is said otherwise.
    pub(crate) fn vanish(&self, vanished: bool) {
        *self.state.dead.lock().unwrap() = vanished;
        self.silence();
    }

    pub(crate) fn cut(&self, cut: Cut) {
        *self.state.cut.lock().unwrap() = Some(cut);
    }

    /// Whether what was cut has come by.
    pub(crate) fn has_cut(&self) -> bool {
        self.state.cut.lock().unwrap().is_none()
    }

    /// How many connections were made until now.
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
    fn born(&self) -> Option<u32> {
        (!*self.dead.lock().unwrap()).then(|| self.deaths.load(Ordering::SeqCst))
    }
}

/// One connection through the proxy.
struct Line {
    state: Arc<State>,
    /// After how many deaths of all others it was made; `None` if it never lived.
    born: Option<u32>,
}

/// The message that ends a transaction, as a driver sends it.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

/// What the server says when it has done so.
const DONE: &[u8] = b"C\0\0\0\x0bCOMMIT\0";

impl Line {
    fn alive(&self) -> bool {
        self.born == Some(self.state.deaths.load(Ordering::SeqCst))
    }

    /// Ends when either side does, which closes both.
    async fn carry(self, client: TcpStream, server: TcpStream) {
        let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
        let cut = Mutex::new(None);
        tokio::select! {
            () = self.there(from_client, to_server, &cut) => {}
            () = self.back(from_server, to_client, &cut) => {}
        }
    }

    async fn there(&self, mut client: OwnedReadHalf, mut server: OwnedWriteHalf, cut: &Mutex<Option<Cut>>) {
        let mut buffer = Vec::new();
        loop {
            match client.read_buf(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) if !self.alive() => buffer.clear(),
                Ok(_) => {}
            }
            let commit = buffer.windows(COMMIT.len()).position(|it| it == COMMIT);
            let struck = commit.and_then(|at| Some((at, self.state.cut.lock().unwrap().take()?)));
            // A `COMMIT` that has come in part waits for the rest of it.
            let part =
                (1..COMMIT.len()).rev().find(|length| buffer.ends_with(&COMMIT[..*length])).unwrap_or(0);
            let until = match struck {
                Some((at, Cut::Before)) => at,
                Some((at, rest)) => {
                    *cut.lock().unwrap() = Some(rest);
                    at + COMMIT.len()
                }
                None => buffer.len() - part,
            };
            if server.write_all(&buffer[..until]).await.is_err() || matches!(struck, Some((_, Cut::Before))) {
                return;
            }
            buffer.drain(..until);
        }
    }

    async fn back(&self, mut server: OwnedReadHalf, mut client: OwnedWriteHalf, cut: &Mutex<Option<Cut>>) {
        let (mut buffer, mut unheard) = (vec![0; 16_384], Vec::new());
        loop {
            let Ok(read @ 1..) = server.read(&mut buffer).await else { return };
            let cut = *cut.lock().unwrap();
            if cut.is_some() {
                unheard.extend_from_slice(&buffer[..read]);
                // The server says that it is done.
                let done = unheard.windows(DONE.len()).any(|it| it == DONE);
                if done && cut == Some(Cut::After) {
                    return;
                }
            } else if self.alive() && client.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    }
}

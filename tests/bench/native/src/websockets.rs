//! Websockets to measure a gateway with: a server that echoes, clients that send, clients that stay idle.
//!
//! `websockets serve ADDRESS`: echoes every frame; prints `serving ADDRESS`.
//! `websockets echo URL CLIENTS SECONDS BYTES`: each client sends a binary frame and waits for its echo; prints round trips a second.
//! `websockets hold URL CLIENTS`: opens them, prints `open COUNT`, then for each thing that happened to all of them a
//! line `WHAT COUNT FIRST LAST` with WHAT `reloaded` or `closed` and the times in microseconds since 1970.
//! Ends when all are closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, accept_async_with_config, connect_async_with_config};

/// Handshakes under way at once: more than a listener's backlog would only wait for each other.
const HANDSHAKES: usize = 64;
const RELOAD: &str = "[\"connection.reload\",{}]";

fn main() -> Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match words.as_slice() {
            ["serve", address] => serve(address).await,
            ["echo", url, clients, seconds, bytes] => echo(url, clients.parse()?, seconds.parse()?, bytes.parse()?).await,
            ["hold", url, clients] => hold(url, clients.parse()?).await,
            _ => bail!("usage: websockets serve ADDRESS | echo URL CLIENTS SECONDS BYTES | hold URL CLIENTS"),
        }
    })
}

/// Small buffers, so that tens of thousands fit.
fn config() -> WebSocketConfig {
    WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(0)
}

async fn serve(address: &str) -> Result<()> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("failed to listen on {address}"))?;
    println!("serving {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            stream.set_nodelay(true)?;
            let mut socket = accept_async_with_config(stream, Some(config())).await?;
            while let Some(Ok(message)) = socket.next().await {
                if message.is_text() || message.is_binary() {
                    socket.send(message).await?;
                }
            }
            anyhow::Ok(())
        });
    }
}

async fn connect(url: &str) -> Result<WebSocketStream<MaybeTlsStream<TcpStream>>> {
    let (socket, _) = connect_async_with_config(url, Some(config()), true).await.with_context(|| format!("failed to connect to {url}"))?;
    Ok(socket)
}

async fn echo(url: &str, clients: usize, seconds: u64, bytes: usize) -> Result<()> {
    let mut sockets = Vec::new();
    for _ in 0..clients {
        sockets.push(connect(url).await?);
    }
    let started = Instant::now();
    let end = started + Duration::from_secs(seconds);
    let tasks: Vec<_> = sockets.into_iter().map(|mut socket| {
        tokio::spawn(async move {
            let message = Message::binary(vec![7_u8; bytes]);
            let mut trips = 0_u64;
            while Instant::now() < end {
                socket.send(message.clone()).await?;
                let answer = socket.next().await.context("the connection was closed")??;
                anyhow::ensure!(answer == message, "the echo is not what was sent");
                trips += 1;
            }
            anyhow::Ok(trips)
        })
    }).collect();
    let mut trips = 0;
    for task in tasks {
        trips += task.await??;
    }
    println!("{:.0}", trips as f64 / started.elapsed().as_secs_f64());
    Ok(())
}

/// How often something happened, and when first and last.
#[derive(Default)]
struct Happened {
    count: AtomicU64,
    first: AtomicU64,
    last: AtomicU64,
}

impl Happened {
    fn note(&self, what: &str, of: u64) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64);
        let _ = self.first.compare_exchange(0, now, Ordering::SeqCst, Ordering::SeqCst);
        self.last.store(now, Ordering::SeqCst);
        if self.count.fetch_add(1, Ordering::SeqCst) + 1 == of {
            println!("{what} {of} {} {now}", self.first.load(Ordering::SeqCst));
        }
    }
}

async fn hold(url: &str, clients: u64) -> Result<()> {
    let permits = Arc::new(Semaphore::new(HANDSHAKES));
    let (reloaded, closed) = (Arc::new(Happened::default()), Arc::new(Happened::default()));
    let mut opening = tokio::task::JoinSet::new();
    for _ in 0..clients {
        let permit = Arc::clone(&permits).acquire_owned().await?;
        let url = url.to_owned();
        opening.spawn(async move {
            let socket = connect(&url).await;
            drop(permit);
            socket
        });
    }
    let mut holding = tokio::task::JoinSet::new();
    while let Some(socket) = opening.join_next().await {
        let mut socket = socket??;
        let (reloaded, closed) = (Arc::clone(&reloaded), Arc::clone(&closed));
        holding.spawn(async move {
            while let Some(Ok(message)) = socket.next().await {
                if message.to_text().is_ok_and(|text| text == RELOAD) {
                    reloaded.note("reloaded", clients);
                }
            }
            closed.note("closed", clients);
        });
    }
    println!("open {clients}");
    while holding.join_next().await.is_some() {}
    Ok(())
}

//! A client and a server on threads of their own, over a Unix socket, of which only one runs at a time: when one has nothing
//! left to do, it is the other's turn. So each run is the same, whatever else the machine does, and each side is counted alone.

use crate::kept::Cell;
use carnegie::Server;
use carnegie_bench::Failure;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use tokio::runtime::{Builder, Runtime};

/// Bytes that each call carries, both ways.
const PAYLOAD: usize = 32;

#[carnegie::service]
trait Echo {
    async fn echo(&self, payload: Vec<u8>) -> Vec<u8>;
    #[rpc(idempotent)]
    async fn same(&self, payload: Vec<u8>) -> Vec<u8>;
}

struct Echoes;

impl Echo for Echoes {
    async fn echo(&self, payload: Vec<u8>) -> Vec<u8> {
        payload
    }
    async fn same(&self, payload: Vec<u8>) -> Vec<u8> {
        payload
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

/// Whose turn it is.
struct Baton {
    turn: Mutex<Side>,
    handed: Condvar,
}

impl Baton {
    /// Lets the other side run, and returns when that has nothing left to do.
    fn hand_over(&self, from: Side) {
        let other = if from == Side::Client { Side::Server } else { Side::Client };
        *self.turn.lock().unwrap_or_else(PoisonError::into_inner) = other;
        self.handed.notify_all();
        self.wait(from);
    }

    fn wait(&self, side: Side) {
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.handed.wait_while(turn, |turn| *turn != side).unwrap_or_else(PoisonError::into_inner));
    }
}

fn runtime(baton: &Arc<Baton>, side: Side) -> Result<Runtime, Failure> {
    let baton = baton.clone();
    Ok(Builder::new_current_thread().enable_all().on_thread_park(move || baton.hand_over(side)).build()?)
}

/// So many calls, then the end of the process.
pub(crate) fn run(cell: Cell, calls: u64) -> Result<bool, Failure> {
    let baton = Arc::new(Baton { turn: Mutex::new(Side::Server), handed: Condvar::new() });
    let folder = std::env::temp_dir().join(format!("carnegie-instructions-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let address = format!("unix:{}", folder.join("s").display());
    let (served, at) = (baton.clone(), address.clone());
    std::thread::spawn(move || {
        if let Err(failure) = serve(&served, at) {
            eprintln!("error: {failure}");
            std::process::exit(2);
        }
    });
    baton.wait(Side::Client);
    let called = runtime(&baton, Side::Client)?.block_on(call(cell, calls, address));
    remove(&folder);
    called.map(|()| true)
}

fn remove(folder: &Path) {
    // What stays in the folder of temporary files does no harm.
    let _ = std::fs::remove_dir_all(folder);
}

fn serve(baton: &Arc<Baton>, address: String) -> Result<(), Failure> {
    runtime(baton, Side::Server)?
        .block_on(async { Ok(Server::new().add(EchoServer::new(Echoes)).bind(address).await?.run().await?) })
}

async fn call(cell: Cell, calls: u64, address: String) -> Result<(), Failure> {
    let client: EchoClient = carnegie::connect(address).await?;
    let each = calls / cell.in_flight;
    let task = |number: u64| {
        let client = client.clone();
        tokio::spawn(async move {
            for call in 0..each {
                let payload = vec![(number + call) as u8; PAYLOAD];
                let sent = payload.clone();
                let reply =
                    if cell.idempotent { client.same(payload).await? } else { client.echo(payload).await? };
                assert_eq!(reply, sent, "a reply of another call");
            }
            Ok::<_, Failure>(())
        })
    };
    let tasks: Vec<_> = (0..cell.in_flight).map(task).collect();
    for task in tasks {
        task.await??;
    }
    Ok(())
}

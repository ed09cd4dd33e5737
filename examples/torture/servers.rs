//! What the servers that are tortured have in common: they serve until they are told to end, and then in order.

use crate::Result;
use crate::process::stdin_closed;
use crate::service::{KeyValue, KeyValueServer};
use crate::store::{Store, Written};
use carnegie::Server;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};

/// How long a server that ends waits for its handlers and clients.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// Serves at a port of its own, which it prints, until SIGTERM; or until standard input is closed: the process that started
/// this one is done with it, or dead.
pub(crate) async fn serve(server: Server) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let server = server.grace(GRACE).bind("127.0.0.1:0").await?;
    println!("{}", server.local_addr());
    let told = async {
        tokio::select! {
            _ = terminate.recv() => {}
            () = stdin_closed() => {}
        }
    };
    Ok(server.run_until(told).await?)
}

/// The store of the example `kv`.
pub(crate) async fn keep(file: &Path, stale: bool) -> Result<()> {
    let store = Store::open(file, false)?;
    let server = match stale {
        false => Server::new().add(KeyValueServer::new(store)),
        true => Server::new().add(KeyValueServer::new(Stale { store, seen: Mutex::default() })),
    };
    serve(server).await
}

/// How long a value that was read is read again.
const STALE: Duration = Duration::from_millis(50);

/// A store with a mistake in it: it answers reads from what it has read before. For `--stale-reads`, which must be condemned.
struct Stale {
    store: Store,
    seen: Mutex<BTreeMap<String, (Instant, Option<String>)>>,
}

impl KeyValue for Stale {
    async fn get(&self, key: &str) -> Option<String> {
        let mut seen = self.seen.lock().expect("nobody panics with it");
        match seen.get(key) {
            Some((when, value)) if when.elapsed() < STALE => value.clone(),
            _ => {
                let value = self.store.value(key);
                seen.insert(key.to_owned(), (Instant::now(), value.clone()));
                value
            }
        }
    }

    async fn put(&self, key: &str, value: &str) -> Written {
        self.store.put(key, value).await
    }

    async fn compare_and_set(&self, key: &str, old: Option<String>, new: &str) -> Written {
        self.store.compare_and_set(key, old, new).await
    }

    async fn append(&self, key: &str, more: &str) -> Written {
        self.store.append(key, more).await
    }

    async fn delete(&self, key: &str) -> Written {
        self.store.delete(key).await
    }
}

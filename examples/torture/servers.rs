//! What the servers that are tortured have in common: they serve until they are told to end, and then in order.

use crate::Result;
use crate::dice::Dice;
use crate::process::stdin_closed;
use crate::service::{KeyValue, KeyValueServer};
use crate::store::{Store, Written};
use carnegie::{Server, stop_signal};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long a server that ends waits for its handlers and clients.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// Serves at a port of its own, which it prints, until SIGTERM; or until standard input is closed: the process that started
/// this one is done with it, or dead.
pub(crate) async fn serve(server: Server) -> Result<()> {
    let server = server.grace(GRACE).bind("127.0.0.1:0").await?;
    println!("{}", server.local_addr());
    let told = async {
        tokio::select! {
            () = stop_signal() => {}
            () = stdin_closed() => {}
        }
    };
    Ok(server.run_until(told).await?)
}

/// The store of the example `kv`, in which some writes take a while.
pub(crate) async fn keep(file: &Path, stale: bool) -> Result<()> {
    let store = Store::open(file, false)?;
    let tortured = Tortured { store, writes: AtomicU64::new(0), seen: stale.then(Mutex::default) };
    serve(Server::new().add(KeyValueServer::new(tortured))).await
}

/// Of so many writes one takes a while before it is in the log, and one a while after: so that all that can befall a call
/// befalls some in the middle.
const SLOW: u64 = 20;
const WHILE: Range<Duration> = Duration::from_millis(5)..Duration::from_millis(200);

/// How long a value that was read is read again.
const STALE: Duration = Duration::from_millis(50);

/// What was read before, and when.
type Seen = BTreeMap<String, (Instant, Option<String>)>;

struct Tortured {
    store: Store,
    writes: AtomicU64,
    /// For `--stale-reads`: a mistake that must be condemned.
    seen: Option<Mutex<Seen>>,
}

impl Tortured {
    /// Writes have threads of their own, so this one may sleep.
    async fn write(&self, written: impl Future<Output = Written>) -> Written {
        let mut dice = Dice::new(self.writes.fetch_add(1, Ordering::Relaxed), 0);
        let slow = dice.below(SLOW);
        if slow == 0 {
            std::thread::sleep(dice.time(WHILE));
        }
        let written = written.await;
        if slow == 1 {
            std::thread::sleep(dice.time(WHILE));
        }
        written
    }
}

impl KeyValue for Tortured {
    async fn get(&self, key: &str) -> Option<String> {
        let Some(seen) = &self.seen else { return self.store.value(key) };
        let mut seen = seen.lock().expect("nobody panics with it");
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
        self.write(self.store.put(key, value)).await
    }

    async fn compare_and_set(&self, key: &str, old: Option<String>, new: &str) -> Written {
        self.write(self.store.compare_and_set(key, old, new)).await
    }

    async fn append(&self, key: &str, more: &str) -> Written {
        self.write(self.store.append(key, more)).await
    }

    async fn delete(&self, key: &str) -> Written {
        self.write(self.store.delete(key)).await
    }
}

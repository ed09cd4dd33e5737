//! What the example shows when it is asked for nothing: a store, clients, and the store opened again from its log.

use crate::Result;
use crate::service::{KeyValueClient, KeyValueServer, Refused};
use crate::store::Store;
use carnegie::{CallError, Client, Server};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

/// Clients that count at the same time, and how far each counts.
const CLIENTS: u32 = 8;
const EACH: u32 = 100;

pub(crate) async fn show() -> Result<()> {
    let folder = Folder::create()?;
    let file = folder.0.join("store.log");

    let (server, address) = Running::start(&file).await?;
    let store: KeyValueClient = carnegie::connect(address.as_str()).await?;
    println!("put conductor: replaced {:?}", store.put("conductor", "Tchaikovsky").await?);
    println!("append conductor: replaced {:?}", store.append("conductor", ", Pyotr").await?);
    println!("get conductor: {:?}", store.get("conductor").await?);
    match store.compare_and_set("conductor", None, "Walter Damrosch").await {
        Err(CallError::Application(Refused::Differs { found })) => {
            println!("compare_and_set conductor from nothing: refused, since it is {found:?}");
        }
        other => return Err(format!("set although it was there: {other:?}").into()),
    }

    let before = std::time::Instant::now();
    count_together(&address).await?;
    let count = store.get("count").await?;
    println!(
        "{CLIENTS} clients added 1 to `count` {EACH} times each in {:.1?}: it is {count:?}",
        before.elapsed()
    );
    if count != Some((CLIENTS * EACH).to_string()) {
        return Err("an update was lost, or ran twice".into());
    }

    if let Err(error) = store.put("conductor", "nobody").timeout(Duration::ZERO).await {
        println!("a call that fails says whether it ran: {error}");
    }

    store.channel().close();
    server.stop().await?;
    let (server, address) = Running::start(&file).await?;
    let store: KeyValueClient = carnegie::connect(address.as_str()).await?;
    let (conductor, again) = (store.get("conductor").await?, store.get("count").await?);
    println!("opened again from its log: conductor {conductor:?}, count {again:?}");
    store.channel().close();
    server.stop().await?;
    if again != count {
        return Err("the log does not hold what the store held".into());
    }
    Ok(())
}

/// A server of this process.
struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Running {
    async fn start(file: &Path) -> Result<(Running, String)> {
        let store = KeyValueServer::new(Store::open(file, false)?);
        let server = Server::new().add(store).bind("127.0.0.1:0").await?;
        let address = server.local_addr().to_string();
        let (stop, stopped) = oneshot::channel();
        Ok((Running { stop, task: tokio::spawn(server.run_until(stopped)) }, address))
    }

    async fn stop(self) -> Result<()> {
        drop(self.stop);
        Ok(self.task.await??)
    }
}

/// All add to one number, each over a connection of its own, by `compare_and_set`: who comes second looks again.
async fn count_together(address: &str) -> Result<()> {
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let store: KeyValueClient = carnegie::connect(address).await?;
        clients.spawn(async move {
            for _ in 0..EACH {
                increment(&store).await?;
            }
            Result::Ok(())
        });
    }
    while let Some(client) = clients.join_next().await {
        client??;
    }
    Ok(())
}

async fn increment(store: &KeyValueClient) -> Result<()> {
    let mut old = store.get("count").await?;
    loop {
        let number: u32 = old.as_deref().map_or(Ok(0), str::parse)?;
        match store.compare_and_set("count", old, &(number + 1).to_string()).await {
            Ok(_) => return Ok(()),
            Err(CallError::Application(Refused::Differs { found })) => old = found,
            Err(error) => return Err(error.into()),
        }
    }
}

/// A folder of its own, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn create() -> Result<Folder> {
        let path = std::env::temp_dir().join(format!("carnegie-kv-{}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|e| format!("cannot create {}: {e}", path.display()))?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Of what is left the system disposes.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

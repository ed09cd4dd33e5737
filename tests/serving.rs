//! A server's life: where it listens, how it stops, and what strangers cannot do to it.

use carnegie::{BindError, Client, Code, Limits, Server, ServerHandle, connect_over, in_process, service};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

#[service]
trait Office {
    async fn seat(&self) -> u32;
    /// Ends when it is let.
    async fn slow(&self) -> u32;
}

#[service]
trait Bank {
    async fn pay(&self, cents: u32) -> u32;
}

#[derive(Default)]
struct Desk {
    started: Notify,
    go: Notify,
}

impl Office for Desk {
    async fn seat(&self) -> u32 {
        7
    }

    async fn slow(&self) -> u32 {
        self.started.notify_one();
        self.go.notified().await;
        8
    }
}

impl Bank for Desk {
    async fn pay(&self, cents: u32) -> u32 {
        cents
    }
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("within a minute")
}

struct World {
    desk: Arc<Desk>,
    address: String,
    server: ServerHandle,
    stop: oneshot::Sender<()>,
    run: JoinHandle<std::io::Result<()>>,
}

async fn world(server: Server) -> World {
    let desk = Arc::new(Desk::default());
    let server = server.add(OfficeServer::from(desk.clone())).add(BankServer::from(desk.clone()));
    let bound = server.bind("127.0.0.1:0").await.unwrap();
    let (stop, stopped) = oneshot::channel();
    let (address, server) = (bound.local_addr().to_string(), bound.handle());
    World { desk, address, server, stop, run: tokio::spawn(bound.run_until(stopped)) }
}

impl World {
    async fn office(&self) -> OfficeClient {
        carnegie::connect(self.address.as_str()).await.unwrap()
    }
}

async fn connect_once(address: &str) -> Result<OfficeClient, BindError> {
    carnegie::connect(address).timeout(Duration::from_secs(2)).await
}

#[tokio::test]
async fn several_services_share_one_connection() {
    let world = world(Server::new()).await;
    let office = world.office().await;
    let bank: BankClient = office.channel().bind().await.unwrap();
    assert_eq!((office.seat().await.unwrap(), bank.pay(90).await.unwrap()), (7, 90));
    let stats = world.server.stats();
    assert_eq!((stats.connections, stats.calls), (1, 2));
    assert!(stats.bytes_in > 0 && stats.bytes_out > 0);
}

#[tokio::test]
async fn what_a_session_did_still_counts_when_it_is_over() {
    let world = world(Server::new()).await;
    let office = world.office().await;
    office.seat().await.unwrap();
    office.channel().close();
    soon(async {
        while world.server.stats().connections > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(world.server.stats().calls, 1);
}

#[tokio::test]
async fn a_stop_lets_running_handlers_end_and_answers_them() {
    let world = world(Server::new()).await;
    let call = tokio::spawn(world.office().await.slow().into_owned());
    soon(world.desk.started.notified()).await;
    world.stop.send(()).unwrap();
    soon(async {
        // New clients are let in no more, but told so.
        let refused = |error: &BindError| error.to_string().contains("the server is going away");
        while !connect_once(&world.address).await.is_err_and(|error| refused(&error)) {}
    })
    .await;
    assert!(!world.run.is_finished());
    world.desk.go.notify_one();
    assert_eq!(soon(call).await.unwrap().unwrap(), 8);
    soon(world.run).await.unwrap().unwrap();
    assert_eq!(world.server.stats().connections, 0);
    assert!(TcpStream::connect(&world.address).await.is_err());
}

#[tokio::test]
async fn an_idle_client_does_not_hold_a_stop_up() {
    let world = world(Server::new().grace(Duration::from_secs(600))).await;
    let office = world.office().await;
    office.seat().await.unwrap();
    soon(world.server.stop()).await;
    soon(world.run).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stranger_who_says_nothing_does_not_hold_a_stop_up() {
    let limits = Limits::default().handshake(Duration::from_secs(600));
    let world = world(Server::new().limits(limits).grace(Duration::from_secs(600))).await;
    let _silent = TcpStream::connect(&world.address).await.unwrap();
    world.office().await.seat().await.unwrap();
    soon(world.server.stop()).await;
}

#[tokio::test]
async fn a_handler_that_never_ends_is_left_at_the_end_of_the_grace() {
    let world = world(Server::new().grace(Duration::from_millis(50))).await;
    let call = tokio::spawn(world.office().await.slow().timeout(Duration::from_secs(3)).into_owned());
    soon(world.desk.started.notified()).await;
    world.stop.send(()).unwrap();
    soon(world.run).await.unwrap().unwrap();
    assert!(soon(call).await.unwrap().is_err());
}

#[tokio::test]
async fn a_server_whose_run_is_dropped_closes_its_connections() {
    let world = world(Server::new()).await;
    let call = tokio::spawn(world.office().await.slow().timeout(Duration::from_secs(3)).into_owned());
    soon(world.desk.started.notified()).await;
    world.run.abort();
    assert!(soon(call).await.unwrap().is_err());
    soon(async {
        while world.server.stats().connections > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_stream_of_ones_own_is_served_without_an_address() {
    let server = Server::new().add(BankServer::new(Desk::default())).start().unwrap();
    let (near, far) = in_process();
    server.serve_stream(far, "the other end");
    let bank: BankClient = connect_over(near).await.unwrap();
    assert_eq!(bank.pay(5).await.unwrap(), 5);
    soon(server.stop()).await;
    assert!(bank.pay(5).timeout(Duration::from_secs(1)).await.is_err());
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_is_served_and_its_file_goes_with_the_server() {
    let folder = std::env::temp_dir().join(format!("carnegie-serving-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("office.sock");
    // The file of a process that was killed: nobody listens there.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let address = format!("unix:{}", path.display());
    let bound = Server::new()
        .add(BankServer::new(Desk::default()))
        .bind(format!("{address}, 127.0.0.1:0"))
        .await
        .unwrap();
    assert_eq!(bound.local_addresses()[0], address);
    assert_eq!(bound.local_addresses()[1], bound.local_addr().to_string());
    let twice = Server::new().add(BankServer::new(Desk::default())).bind(address.as_str()).await;
    assert!(matches!(twice, Err(BindError::Listen { .. })), "{twice:?}");
    let server = bound.handle();
    let run = tokio::spawn(bound.run());
    let bank: BankClient = carnegie::connect(address).await.unwrap();
    assert_eq!(bank.pay(5).await.unwrap(), 5);
    soon(server.stop()).await;
    soon(run).await.unwrap().unwrap();
    assert!(!path.exists());
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let world = world(Server::new()).await;
    let error = Server::new().bind(world.address.as_str()).await.unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with(&format!("cannot listen on {}: ", world.address)), "{text}");
}

#[tokio::test]
async fn a_service_that_is_added_twice_is_refused() {
    let bank = || BankServer::new(Desk::default());
    let error = Server::new().add(bank()).add(bank()).bind("127.0.0.1:0").await.unwrap_err();
    assert_eq!(error.to_string(), "cannot listen on any address: Bank 1.x was added twice");
}

/// Everything that the server has to say to a peer that sent `bytes`.
async fn say(world: &World, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(&world.address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    soon(stream.read_to_end(&mut answer)).await.unwrap();
    answer
}

#[tokio::test]
async fn a_stranger_is_told_why_he_is_turned_away_and_others_are_served_on() {
    let world = world(Server::new()).await;
    let office = world.office().await;
    let answer = say(&world, b"EHLO hall\r\n").await;
    let text = String::from_utf8_lossy(&answer).into_owned();
    assert!(text.contains("does not speak Carnegie's protocol") && text.contains("EHLO hall"), "{text}");
    assert_eq!(office.seat().await.unwrap(), 7);
}

#[tokio::test]
async fn a_stranger_who_says_nothing_is_sent_away_after_the_handshakes_time() {
    // Long enough for a good client's handshake.
    let limits = Limits::default().handshake(Duration::from_secs(1));
    let world = world(Server::new().limits(limits)).await;
    let (nothing, little) = tokio::join!(say(&world, b""), say(&world, b"\x40\0"));
    for answer in [nothing, little] {
        assert!(String::from_utf8_lossy(&answer).contains("no Hello came in time"), "{answer:?}");
    }
    assert_eq!(world.office().await.seat().await.unwrap(), 7);
}

#[tokio::test]
async fn a_server_that_is_full_says_so() {
    let limits = Limits::default().connections_max(1);
    let world = world(Server::new().limits(limits)).await;
    let office = world.office().await;
    let refused = carnegie::connect::<OfficeClient>(world.address.as_str()).await.unwrap_err();
    assert!(matches!(refused, BindError::Rejected { .. }), "{refused}");
    assert_eq!(office.seat().await.unwrap(), 7);
}

#[tokio::test]
async fn more_replies_than_may_wait_at_once_are_all_delivered() {
    let limits = Limits::default().outgoing_max(64 << 10);
    let world = world(Server::new().limits(limits)).await;
    let office = world.office().await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..5000 {
        calls.spawn(office.seat().into_owned());
    }
    assert!(soon(calls.join_all()).await.into_iter().all(|seat| seat.unwrap() == 7));
}

#[tokio::test]
async fn a_call_to_a_server_that_has_gone_fails_without_having_run() {
    let world = world(Server::new()).await;
    let office = world.office().await;
    soon(world.server.stop()).await;
    soon(world.run).await.unwrap().unwrap();
    let error = soon(office.seat().timeout(Duration::from_secs(1))).await.unwrap_err();
    assert_eq!(error.execution(), carnegie::Execution::NotExecuted, "{error}");
    assert!(matches!(error.code(), Code::Unavailable | Code::DeadlineExceeded), "{error}");
}

//! What a caller meets: large messages, lost servers, lists of addresses, calls that are given up.

use carnegie::{
    BindError, Client, CodecId, Error, Execution, Limits, Server, ServerHandle, connect, service,
};
use std::future::IntoFuture;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::task::JoinHandle;

/// The last one that is compiled in: with the feature `postcard` these tests pass with that codec too.
const CODEC: CodecId = CodecId::AVAILABLE[CodecId::AVAILABLE.len() - 1];

#[service]
trait Store {
    async fn echo(&self, data: Vec<u8>) -> Vec<u8>;
    async fn never(&self);
    #[rpc(idempotent)]
    async fn name(&self) -> String;
}

struct Shelf(&'static str);

impl Store for Shelf {
    async fn echo(&self, data: Vec<u8>) -> Vec<u8> {
        data
    }

    async fn never(&self) {
        std::future::pending().await
    }

    async fn name(&self) -> String {
        self.0.to_owned()
    }
}

/// Limits of a client that gives its server time: a busy machine may hold a living one up for longer than a dead one is
/// waited for.
fn patient() -> Limits {
    Limits::default().probe_after(Duration::from_secs(60))
}

async fn soon<T>(what: impl IntoFuture<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), what.into_future()).await.expect("within a minute")
}

struct Running {
    address: SocketAddr,
    server: ServerHandle,
    run: JoinHandle<std::io::Result<()>>,
}

async fn start(server: Server, name: &'static str, address: &str) -> Running {
    let server = server.add(StoreServer::new(Shelf(name))).grace(Duration::ZERO);
    let bound = server.bind(address).await.unwrap();
    Running { address: bound.local_addr(), server: bound.handle(), run: tokio::spawn(bound.run()) }
}

async fn store(name: &'static str) -> Running {
    start(Server::new(), name, "127.0.0.1:0").await
}

impl Running {
    async fn stop(self) {
        soon(self.server.stop()).await;
        soon(self.run).await.unwrap().unwrap();
    }
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|index| (index * 31 + index / 251) as u8).collect()
}

#[tokio::test]
async fn a_large_message_goes_there_and_back_while_small_ones_pass_it() {
    let store = store("a").await;
    let client: StoreClient = soon(connect(store.address).limits(patient()).codec(CODEC)).await.unwrap();
    let large = pattern(15 << 20);
    let (back, ()) = tokio::join!(client.echo(large.clone()).timeout(Duration::from_secs(60)), async {
        for _ in 0..20 {
            assert_eq!(soon(client.name()).await.unwrap(), "a");
        }
    });
    assert!(back.unwrap() == large);
}

#[tokio::test]
async fn a_message_beyond_the_limit_is_refused_before_it_is_sent_with_both_sizes() {
    let store = store("a").await;
    let client: StoreClient = soon(connect(store.address).limits(patient()).codec(CODEC)).await.unwrap();
    let error = soon(client.echo(vec![0; 17 << 20])).await.unwrap_err();
    let Error::TooLarge { size, limit, execution, .. } = &error else { panic!("{error}") };
    assert!(*size > 17 << 20 && *limit == 16 << 20, "{error}");
    assert_eq!(*execution, Execution::NotExecuted);
    assert_eq!(soon(client.name()).await.unwrap(), "a");
}

#[tokio::test]
async fn a_server_that_comes_back_at_its_address_is_found_again() {
    let first = store("first").await;
    let address = first.address;
    let client: StoreClient = soon(connect(address)).await.unwrap();
    assert_eq!(soon(client.name()).await.unwrap(), "first");
    first.stop().await;
    let second = start(Server::new(), "second", &address.to_string()).await;
    assert_eq!(soon(client.name()).await.unwrap(), "second");
    assert_eq!(client.channel().server_address(), Some(second.address.to_string()));
    assert_eq!(client.channel().stats().connections, 2);
}

#[tokio::test]
async fn when_the_first_server_of_a_list_is_gone_the_second_one_serves() {
    let (first, second) = (store("first").await, store("second").await);
    let list = format!("{}, {}", first.address, second.address);
    let client: StoreClient = soon(connect(list)).await.unwrap();
    assert_eq!(soon(client.name()).await.unwrap(), "first");
    first.stop().await;
    assert_eq!(soon(client.name()).await.unwrap(), "second");
}

#[tokio::test]
async fn a_server_that_turns_clients_away_leads_to_the_next_one_of_the_list() {
    let limits = Limits::default().connections_max(0);
    let full = start(Server::new().limits(limits), "full", "127.0.0.1:0").await;
    let free = store("free").await;
    let client: StoreClient = soon(connect(format!("{}, {}", full.address, free.address))).await.unwrap();
    assert_eq!(soon(client.name()).await.unwrap(), "free");
    let alone = soon(connect::<StoreClient>(full.address)).await.unwrap_err();
    assert!(matches!(alone, BindError::Rejected { .. }), "{alone}");
}

#[tokio::test]
async fn calls_that_are_given_up_do_not_use_up_the_sessions_slots() {
    let store = store("a").await;
    let limits = patient().slots(16);
    let client: StoreClient = soon(connect(store.address).limits(limits)).await.unwrap();
    for _ in 0..200 {
        let mut call = client.name();
        tokio::select! {
            biased;
            _ = &mut call => {}
            () = tokio::task::yield_now() => {}
        }
        let mut call = client.echo(vec![1]);
        tokio::select! {
            biased;
            _ = &mut call => {}
            () = tokio::task::yield_now() => {}
        }
    }
    assert_eq!(soon(client.echo(vec![2])).await.unwrap(), [2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_from_many_threads_that_end_in_every_way_leave_the_channel_in_order() {
    let store = store("a").await;
    let client: StoreClient = soon(connect(store.address).limits(patient()).codec(CODEC)).await.unwrap();
    let tasks: Vec<_> = (0..8_u32)
        .map(|task| {
            let client = client.clone();
            tokio::spawn(async move {
                for number in 0..300_u32 {
                    let data = [task.to_le_bytes(), number.to_le_bytes()].concat();
                    match number % 4 {
                        0 => drop(client.name().timeout(Duration::from_micros(50)).await),
                        1 => {
                            let gone = tokio::time::timeout(Duration::ZERO, client.echo(data));
                            let _ = gone.await;
                        }
                        _ => assert_eq!(client.echo(data.clone()).await.unwrap(), data),
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        soon(task).await.unwrap();
    }
    assert_eq!(soon(client.echo(vec![3])).await.unwrap(), [3]);
}

#[tokio::test]
async fn a_call_without_time_is_never_sent() {
    let store = store("a").await;
    let client: StoreClient = soon(connect(store.address).limits(patient()).codec(CODEC)).await.unwrap();
    let error = soon(client.never().timeout(Duration::ZERO)).await.unwrap_err();
    assert_eq!(error.execution(), Execution::NotExecuted);
    let error = soon(client.never().timeout(Duration::from_secs(1))).await.unwrap_err();
    assert_eq!(error.execution(), Execution::Unknown);
    assert_eq!(store.server.stats().calls, 1);
}

//! Who is faster than the other side holds no more for it than the limits say, and is told so.

use crate::support::*;
use allocation_counter::measure;
use carnegie::testing::{Direction, pair};
use carnegie::{Code, Error, Execution, Limits, Retry, Server, connect, connect_over, service};
use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

#[service]
trait Dam {
    /// Waits until the test lets it go.
    async fn hold(&self, payload: Vec<u8>) -> u32;
    async fn store(&self, payload: Vec<u8>) -> u32;
    async fn fetch(&self, bytes: u32) -> Vec<u8>;
    #[rpc(idempotent)]
    async fn endless(&self, payload: Vec<u8>) -> u32;
}

struct Sluice(Arc<Semaphore>);

impl Dam for Sluice {
    async fn hold(&self, payload: Vec<u8>) -> u32 {
        let _passes = self.0.acquire().await.unwrap();
        payload.len() as u32
    }
    async fn store(&self, payload: Vec<u8>) -> u32 {
        payload.len() as u32
    }
    async fn fetch(&self, bytes: u32) -> Vec<u8> {
        vec![7; bytes as usize]
    }
    async fn endless(&self, _: Vec<u8>) -> u32 {
        pending().await
    }
}

const MEBIBYTE: u64 = 1 << 20;

fn dam(limits: Limits) -> (Arc<Semaphore>, impl FnOnce() -> Server + Send) {
    let open = Arc::new(Semaphore::new(0));
    let sluice = Sluice(open.clone());
    (open, move || Server::new().add(DamServer::new(sluice)).limits(limits))
}

type Calls<R> = JoinSet<Result<R, Error>>;

/// Starts calls, each in a task, and counts those that are refused meanwhile.
async fn start<R, C>(calls: &mut Calls<R>, count: usize, call: impl Fn() -> C) -> usize
where
    R: Send + 'static,
    C: Future<Output = Result<R, Error>> + Send + 'static,
{
    let mut refused = 0;
    for _ in 0..count {
        calls.spawn(call());
        // A refusal is told by the driver, whose turn it is now.
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        while let Some(ended) = calls.try_join_next() {
            let Err(error) = ended.unwrap() else { continue };
            let kind = (error.code(), error.execution());
            assert_eq!(kind, (Code::ResourceExhausted, Execution::NotExecuted), "{error}");
            refused += 1;
        }
    }
    refused
}

async fn all_end_well<R: 'static>(mut calls: Calls<R>) {
    while let Some(call) = calls.join_next().await {
        call.unwrap().unwrap();
    }
}

#[test]
fn a_client_faster_than_its_server_holds_as_many_calls_as_it_may_and_refuses_the_others() {
    const CALLS: usize = 4000;
    const PAYLOAD: usize = 16 << 10;
    let (open, dam) = dam(quiet());
    let server = ServerThread::start(dam);
    let runtime = runtime();
    let limits = quiet().slots(64).waiting_max(192);
    let client: DamClient = runtime.block_on(connect(server.address).limits(limits).into_future()).unwrap();
    let mut calls = JoinSet::new();
    let mut refused = 0;
    let held = measure(|| {
        runtime.block_on(async {
            refused = start(&mut calls, CALLS, || client.hold(vec![7; PAYLOAD]).into_owned()).await;
            until("all slots are used", || server.handle.stats().executing == 64).await;
        });
    });
    assert_eq!((calls.len(), refused), (256, CALLS - 256));
    let far = server.count();
    // 62 MiB were offered; 4 MiB may wait, and as much again is on its way or room for more.
    assert!(held.bytes_max < 8 * MEBIBYTE, "the client held {} bytes", held.bytes_max);
    assert!(far.bytes_max < 3 * MEBIBYTE, "the server held {} bytes", far.bytes_max);
    open.add_permits(1);
    runtime.block_on(all_end_well(calls));
    assert_eq!(server.handle.stats().calls, 256);
}

#[test]
fn a_server_that_does_not_read_makes_its_client_wait_and_then_refuse() {
    const CALLS: usize = 4000;
    const PAYLOAD: usize = 16 << 10;
    let (_open, dam) = dam(quiet());
    let runtime = runtime();
    let mut refused = 0;
    let held = measure(|| {
        runtime.block_on(async {
            let server = dam().start().unwrap();
            let (near, far, line) = pair();
            server.serve_stream(far, "the test");
            let limits = quiet().slots(64).outgoing_max(64 << 10).waiting_max(192);
            let client: DamClient = connect_over(near).limits(limits).await.unwrap();
            line.hold(Direction::ToServer);
            let mut calls = JoinSet::new();
            refused = start(&mut calls, CALLS, || client.store(vec![7; PAYLOAD]).into_owned()).await;
            line.release(Direction::ToServer);
            all_end_well(calls).await;
            assert_eq!(server.stats().calls as usize, CALLS - refused);
        });
    });
    assert!(refused > CALLS - 300, "{refused} were refused");
    assert!(held.bytes_max < 12 * MEBIBYTE, "both held {} bytes", held.bytes_max);
}

#[test]
fn a_client_that_does_not_read_makes_its_server_wait() {
    const CALLS: usize = 1000;
    const REPLY: u32 = 48 << 10;
    let mut limits = quiet().outgoing_max(64 << 10).replies_max(1 << 20);
    limits.replies_all_max = 1 << 20;
    let (_open, dam) = dam(limits);
    let runtime = runtime();
    let held = measure(|| {
        runtime.block_on(async {
            let server = dam().start().unwrap();
            let (near, far, line) = pair();
            server.serve_stream(far, "the test");
            let client: DamClient = connect_over(near).limits(quiet()).await.unwrap();
            line.hold(Direction::ToClient);
            let mut calls = JoinSet::new();
            assert_eq!(start(&mut calls, CALLS, || client.fetch(REPLY).into_owned()).await, 0);
            until("the line is full", || line.on_the_way(Direction::ToClient) >= 256 << 10).await;
            // The server has its turns, and does not use them for more of the calls.
            for _ in 0..1000 {
                tokio::task::yield_now().await;
            }
            assert!(
                server.stats().calls < 100,
                "{} calls were run for a client that reads nothing",
                server.stats().calls
            );
            line.release(Direction::ToClient);
            while let Some(call) = calls.join_next().await {
                assert_eq!(call.unwrap().unwrap().len(), REPLY as usize);
            }
        });
    });
    // 47 MiB were asked for.
    assert!(held.bytes_max < 8 * MEBIBYTE, "both held {} bytes", held.bytes_max);
}

/// Calls whose handlers do not end, in bunches; each ends at its deadline or is refused.
async fn in_vain(call: impl AsyncFn() -> Result<u32, Error>) {
    for _ in 0..8 {
        let calls = (0..64).map(|_| call());
        let mut calls: Vec<_> = calls.map(|call| Some(Box::pin(call))).collect();
        poll_fn(|cx| {
            for slot in &mut calls {
                let Some(call) = slot else { continue };
                if let Poll::Ready(ended) = call.as_mut().poll(cx) {
                    let code = ended.unwrap_err().code();
                    assert!(matches!(code, Code::DeadlineExceeded | Code::ResourceExhausted), "{code:?}");
                    *slot = None;
                }
            }
            if calls.iter().all(Option::is_none) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

#[test]
fn handlers_that_never_end_take_the_places_that_they_may_and_no_more() {
    const PAYLOAD: usize = 16 << 10;
    let (open, dam) = dam(quiet().executing_max(16).queued_max(16));
    let server = ServerThread::start(dam);
    let runtime = runtime();
    let never = Retry::default().attempts(1);
    let connected = runtime.block_on(connect(server.address).limits(quiet()).retry(never).into_future());
    let client: DamClient = connected.unwrap();
    let within = Duration::from_millis(100);
    server.count();
    // Those that may run again are dropped at their deadlines.
    runtime.block_on(in_vain(async || client.endless(vec![7; PAYLOAD]).timeout(within).await));
    runtime.block_on(until("none runs", || server.handle.stats().executing == 0));
    // The others run on, unheard.
    runtime.block_on(in_vain(async || client.hold(vec![7; PAYLOAD]).timeout(within).await));
    let stats = server.handle.stats();
    assert!(stats.executing == 16 && stats.queued <= 16, "{stats:?}");
    let held = server.count();
    // 16 MiB were sent.
    assert!(held.bytes_max < 4 * MEBIBYTE, "the server held {} bytes", held.bytes_max);
    open.add_permits(1);
    let none = || server.handle.stats().executing + server.handle.stats().queued == 0;
    runtime.block_on(until("none runs and none waits", none));
    assert_eq!(runtime.block_on(client.store(vec![7; PAYLOAD]).into_future()).unwrap(), PAYLOAD as u32);
}

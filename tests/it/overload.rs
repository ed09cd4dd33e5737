//! More calls than a server may run: the others wait for their turn, or are refused before they start, and say so.

use crate::support::{Running, patient, run, soon, until};
use carnegie::{
    Client, Code, Error, Execution, Limits, Retry, Server, connect, connect_over, in_process, service,
};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Semaphore;

#[service]
trait Hall {
    /// Runs until the test lets it go.
    async fn hold(&self, name: u32);
    #[rpc(blocking)]
    async fn block(&self, name: u32);
}

/// What the test sees of the handlers.
struct Watch {
    entered: Mutex<Vec<u32>>,
    inside: AtomicUsize,
    most: AtomicUsize,
    /// Each permit lets one handler go.
    exit: Semaphore,
}

impl Watch {
    fn new() -> Arc<Self> {
        let (entered, inside, most) = Default::default();
        Arc::new(Self { entered, inside, most, exit: Semaphore::new(0) })
    }

    fn entered(&self) -> Vec<u32> {
        self.entered.lock().unwrap().clone()
    }
}

struct Porter(Arc<Watch>);

impl Hall for Porter {
    async fn hold(&self, name: u32) {
        let watch = &self.0;
        watch.entered.lock().unwrap().push(name);
        watch.most.fetch_max(watch.inside.fetch_add(1, SeqCst) + 1, SeqCst);
        watch.exit.acquire().await.unwrap().forget();
        watch.inside.fetch_sub(1, SeqCst);
    }

    async fn block(&self, name: u32) {
        self.hold(name).await;
    }
}

async fn hall(limits: Limits) -> (Running, HallClient, Arc<Watch>) {
    let watch = Watch::new();
    let server = run(Server::new().add(HallServer::new(Porter(watch.clone()))).limits(limits)).await;
    let never = Retry::default().attempts(1);
    let hall = soon(connect(server.address).limits(patient()).retry(never).timeout(MINUTE)).await.unwrap();
    (server, hall, watch)
}

const MINUTE: Duration = Duration::from_secs(60);

type Call = tokio::task::JoinHandle<Result<(), Error>>;

fn hold(hall: &HallClient, names: std::ops::Range<u32>) -> Vec<Call> {
    names.map(|name| tokio::spawn(hall.hold(name).into_owned())).collect()
}

async fn all_are_served(calls: Vec<Call>) {
    for call in calls {
        soon(call).await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_more_handlers_run_than_may_and_all_calls_are_served() {
    let (server, hall, watch) = hall(Limits::default().executing_max(3)).await;
    let mut calls = hold(&hall, 0..20);
    calls.extend((20..40).map(|name| tokio::spawn(hall.block(name).into_owned())));
    until(|| server.server.stats().queued == 37).await;
    assert_eq!(server.server.stats().executing, 3);
    watch.exit.add_permits(40);
    all_are_served(calls).await;
    assert_eq!(watch.most.load(SeqCst), 3);
    let stats = server.server.stats();
    assert_eq!((stats.executing, stats.queued, stats.bytes_held), (0, 0, 0));
}

#[tokio::test]
async fn a_call_that_finds_no_place_to_wait_was_not_executed_and_says_why() {
    let (server, hall, watch) = hall(Limits::default().executing_max(1).queued_max(2)).await;
    let calls = hold(&hall, 0..3);
    until(|| server.server.stats().queued == 2).await;
    let error = soon(hall.hold(3)).await.unwrap_err();
    assert_eq!((error.code(), error.execution()), (Code::ResourceExhausted, Execution::NotExecuted));
    let text = error.to_string();
    assert!(
        text.contains("the server is full: no room for more requests that wait for their turn"),
        "{text}"
    );
    assert!(error.is_retryable());
    watch.exit.add_permits(3);
    all_are_served(calls).await;
    assert_eq!(watch.entered().len(), 3);
}

#[tokio::test]
async fn a_refused_call_is_tried_again_by_the_channel_and_served_when_there_is_a_place() {
    let (server, first, watch) = hall(Limits::default().executing_max(1).queued_max(1)).await;
    let calls = hold(&first, 0..2);
    until(|| server.server.stats().queued == 1).await;
    // Not in its default: this call is to try for as long as the machine takes to let the others go.
    let retry = Retry::default().attempts(255);
    let hall: HallClient =
        soon(connect(server.address).limits(patient()).retry(retry).timeout(MINUTE)).await.unwrap();
    let refused = hold(&hall, 2..3);
    until(|| hall.channel().stats().retried > 0).await;
    watch.exit.add_permits(3);
    all_are_served(calls).await;
    all_are_served(refused).await;
    assert_eq!(watch.entered(), [0, 1, 2]);
}

#[tokio::test]
async fn peers_take_turns() {
    let watch = Watch::new();
    let limits = Limits::default().executing_max(1);
    let server = Server::new().add(HallServer::new(Porter(watch.clone()))).limits(limits).start().unwrap();
    let mut clients = Vec::new();
    for peer in ["greedy", "modest"] {
        let (near, far) = in_process();
        server.serve_stream(far, peer);
        let hall: HallClient = soon(connect_over(near).limits(patient()).timeout(MINUTE)).await.unwrap();
        clients.push(hall);
    }
    let mut calls = hold(&clients[0], 0..50);
    until(|| server.stats().queued == 49).await;
    calls.extend(hold(&clients[1], 100..102));
    until(|| server.stats().queued == 51).await;
    watch.exit.add_permits(52);
    all_are_served(calls).await;
    let entered = watch.entered();
    let place = |name| entered.iter().position(|entered| *entered == name).unwrap();
    assert!(place(100) <= 3 && place(101) <= 5, "{entered:?}");
}

#[tokio::test]
async fn a_call_that_is_dropped_while_it_waits_never_runs_and_leaves_its_place() {
    let (server, hall, watch) = hall(Limits::default().executing_max(1).queued_max(1)).await;
    let calls = hold(&hall, 0..1);
    until(|| server.server.stats().executing == 1).await;
    let waiting = hold(&hall, 1..2);
    until(|| server.server.stats().queued == 1).await;
    let read = server.server.stats().bytes_in;
    waiting[0].abort();
    until(|| server.server.stats().bytes_in > read).await;
    watch.exit.add_permits(1);
    all_are_served(calls).await;
    until(|| server.server.stats().queued == 0).await;
    watch.exit.add_permits(1);
    all_are_served(hold(&hall, 2..3)).await;
    assert_eq!(watch.entered(), [0, 2]);
}

#[tokio::test]
async fn a_server_that_closes_while_calls_wait_leaves_nobody_waiting_and_nothing_behind() {
    let (server, hall, watch) = hall(Limits::default().executing_max(1)).await;
    let calls = hold(&hall, 0..5);
    until(|| server.server.stats().queued == 4).await;
    server.stop().await;
    for call in calls {
        let error = soon(call).await.unwrap().unwrap_err();
        assert_ne!(error.execution(), Execution::Executed, "{error}");
    }
    assert_eq!(watch.entered(), [0]);
    watch.exit.add_permits(1);
    drop(hall);
    until(|| Arc::strong_count(&watch) == 1).await;
}

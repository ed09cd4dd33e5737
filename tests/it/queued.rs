//! Requests that wait for their handler's turn: one that is cancelled meanwhile never starts, and its slot is free at once.

use crate::raw::{Raw, index};
use crate::support::{run, soon, until};
use carnegie::{Limits, Server, ServerHandle, service};
use rpc_core::SlotId;
use rpc_core::frame::{Answer, Cancel, Checksum, Close, CloseCode, Kind, Reply, Request};
use std::future::Future;
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::mpsc;

/// A handler that holds its thread until the test lets it go, beside some that do not.
#[service]
trait Gate {
    async fn hold(&self);
    #[rpc(blocking)]
    async fn block(&self);
    async fn pass(&self, number: u32);
    #[rpc(idempotent)]
    async fn look(&self);
    async fn fill(&self, mebibytes: u8) -> Vec<u8>;
}

struct Porter {
    events: mpsc::UnboundedSender<String>,
    released: Mutex<std::sync::mpsc::Receiver<()>>,
}

/// The test's ends of a [`Porter`].
struct Watch {
    events: mpsc::UnboundedReceiver<String>,
    release: std::sync::mpsc::Sender<()>,
}

fn porter() -> (Porter, Watch) {
    let ((events, seen), (release, released)) = (mpsc::unbounded_channel(), std::sync::mpsc::channel());
    (Porter { events, released: Mutex::new(released) }, Watch { events: seen, release })
}

impl Porter {
    fn say(&self, what: impl Into<String>) {
        self.events.send(what.into()).unwrap();
    }

    fn wait(&self) {
        self.say("held");
        self.released.lock().unwrap().recv_timeout(Duration::from_secs(10)).unwrap();
    }
}

impl Gate for Porter {
    async fn hold(&self) {
        self.wait();
    }
    async fn block(&self) {
        self.wait();
    }
    async fn pass(&self, number: u32) {
        self.say(format!("pass {number}"));
    }
    async fn look(&self) {
        self.say("look");
    }
    async fn fill(&self, mebibytes: u8) -> Vec<u8> {
        self.say("fill");
        vec![0; usize::from(mebibytes) << 20]
    }
}

impl Watch {
    async fn next(&mut self) -> String {
        soon(self.events.recv()).await.unwrap()
    }

    fn so_far(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }
}

fn request(slot: u32, method: &str, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let (id, method) = (SlotId { slot, sequence: 1 }, index::<GateClient>(method));
    let idempotent = method == index::<GateClient>("look");
    let request = Request { id, method, deadline: 60_000, payload, idempotent, ..Default::default() };
    request.write(&mut out, Checksum::Whole);
    out
}

fn cancel(slot: u32) -> Vec<u8> {
    let mut out = Vec::new();
    Cancel { id: SlotId { slot, sequence: 1 }, want_reply: true }.write(&mut out);
    out
}

/// Runs a test with a server all of whose handlers have one thread, which is not the test's.
fn with_one_thread<F: Future<Output = ()>>(test: impl FnOnce(Raw, Watch, ServerHandle) -> F) {
    let (porter, watch) = porter();
    let limits = Limits::default().slots(4);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = Server::new().add(GateServer::new(porter)).limits(limits);
    let bound = runtime.block_on(server.bind("127.0.0.1:0")).unwrap();
    let (address, handle) = (bound.local_addr(), bound.handle());
    let served = std::thread::spawn(move || runtime.block_on(bound.run()));
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        test(Raw::bound::<GateClient>(address).await, watch, handle.clone()).await;
        soon(handle.stop()).await;
    });
    served.join().unwrap().unwrap();
}

/// The server gets everything in one read, and the cancels while its only thread is held by the first request.
#[test]
fn a_request_that_is_cancelled_behind_a_slow_handler_never_starts() {
    with_one_thread(async |mut raw, mut watch, _| {
        let behind = [request(1, "pass", &[1]), request(2, "look", &[]), request(3, "pass", &[3])];
        raw.send(&[request(0, "hold", &[]), behind.concat()].concat()).await;
        assert_eq!(watch.next().await, "held");
        raw.send(&[cancel(1), cancel(2)].concat()).await;
        // A server looks up only from handlers that take longer than a moment.
        tokio::time::sleep(Duration::from_millis(5)).await;
        watch.release.send(()).unwrap();
        let mut answers = Vec::new();
        for _ in 0..4 {
            answers.push(raw.reply(|reply| (reply.id.slot, reply.answer)).await);
        }
        answers.sort_by_key(|(slot, _)| *slot);
        let expected = [(0, Answer::Ok), (1, Answer::Fenced), (2, Answer::Fenced), (3, Answer::Ok)];
        assert_eq!(answers, expected);
        assert_eq!(watch.so_far(), ["pass 3"]);
    });
}

#[test]
fn a_server_that_stops_waits_for_requests_behind_a_slow_handler() {
    with_one_thread(async |mut raw, mut watch, handle| {
        raw.send(&[request(0, "hold", &[]), request(1, "pass", &[1])].concat()).await;
        assert_eq!(watch.next().await, "held");
        let stopping = tokio::spawn(async move { handle.stop().await });
        // Longer than a session without a call may be silent.
        tokio::time::sleep(Duration::from_millis(800)).await;
        watch.release.send(()).unwrap();
        let mut answered = Vec::new();
        while let Some((header, body)) = raw.frame().await {
            if header.kind == Kind::Reply {
                answered.push(Reply::read(&header, &body).unwrap().answer);
            }
        }
        assert_eq!(answered, [Answer::Ok; 2]);
        soon(stopping).await.unwrap();
    });
}

#[test]
fn a_call_that_is_given_up_while_it_waits_for_a_thread_never_starts_and_its_slot_is_free_at_once() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).max_blocking_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let (porter, mut watch) = porter();
        let limits = Limits::default().slots(2);
        let server = run(Server::new().add(GateServer::new(porter)).limits(limits)).await;
        let gate: GateClient = server.client().await;
        let first = tokio::spawn(gate.block().into_owned());
        assert_eq!(watch.next().await, "held");
        assert!(tokio::time::timeout(Duration::from_millis(100), gate.block()).await.is_err());
        // The other slot is that of the call which was given up, and the thread is still held.
        soon(gate.pass(1)).await.unwrap();
        watch.release.send(()).unwrap();
        assert!(soon(first).await.unwrap().is_ok());
        watch.release.send(()).unwrap();
        soon(gate.block()).await.unwrap();
        assert_eq!(watch.so_far(), ["pass 1", "held"], "the first and the last have held the thread");
    });
}

#[test]
fn a_request_that_was_taken_back_while_it_waited_for_a_thread_does_not_hold_a_stop_up() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).max_blocking_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        // The only thread belongs to somebody else.
        let (release, released) = std::sync::mpsc::channel::<()>();
        let other = tokio::task::spawn_blocking(move || released.recv());
        let (porter, mut watch) = porter();
        // Nobody answers the server's pings.
        let (hour, limits) = (Duration::from_secs(3600), Limits::default());
        let server = Server::new().add(GateServer::new(porter)).limits(limits.keep_alive(hour)).grace(hour);
        let bound = server.bind("127.0.0.1:0").await.unwrap();
        let (address, handle) = (bound.local_addr(), bound.handle());
        let served = tokio::spawn(bound.run());
        let (mut stays, mut leaves) =
            (Raw::bound::<GateClient>(address).await, Raw::bound::<GateClient>(address).await);
        for client in [&mut stays, &mut leaves] {
            client.send(&[request(0, "block", &[]), cancel(0)].concat()).await;
            assert_eq!(client.reply(|reply| reply.answer).await, Answer::Fenced);
        }
        drop(leaves);
        soon(handle.stop()).await;
        soon(served).await.unwrap().unwrap();
        assert!(!other.is_finished());
        release.send(()).unwrap();
        assert!(watch.so_far().is_empty());
    });
}

#[tokio::test]
async fn a_server_that_stops_waits_for_a_handler_that_blocks_though_its_client_is_gone() {
    let (porter, mut watch) = porter();
    let server = Server::new().add(GateServer::new(porter)).grace(Duration::from_secs(3600));
    let bound = server.bind("127.0.0.1:0").await.unwrap();
    let (address, handle) = (bound.local_addr(), bound.handle());
    let served = tokio::spawn(bound.run());
    let mut raw = Raw::bound::<GateClient>(address).await;
    raw.send(&request(0, "block", &[])).await;
    assert_eq!(watch.next().await, "held");
    let session = raw.welcome.clone().unwrap();
    drop(raw);
    until(|| handle.stats().connections == 0).await;
    let stopping = tokio::spawn(async move { handle.stop().await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!stopping.is_finished());
    watch.release.send(()).unwrap();
    // Its reply is waited for as well, until its client says that it needs nothing more.
    let mut again = Raw::resumed(address, &session, 1).await;
    let mut out = Vec::new();
    Close { code: CloseCode::GoingAway, reason: "done".into() }.write(&mut out);
    again.send(&out).await;
    soon(stopping).await.unwrap();
    soon(served).await.unwrap().unwrap();
}

#[tokio::test]
async fn requests_that_wait_for_their_client_to_take_replies_run_once_when_its_connection_is_gone() {
    let (porter, mut watch) = porter();
    let server = run(Server::new().add(GateServer::new(porter))).await;
    let mut raw = Raw::bound::<GateClient>(server.address).await;
    let fills: Vec<_> = (0..100).flat_map(|slot| request(slot, "fill", &[1])).collect();
    raw.send(&fills).await;
    assert_eq!(watch.next().await, "fill");
    drop(raw);
    until(|| server.server.stats().calls == 100).await;
    until(|| server.server.stats().connections == 0).await;
    server.stop().await;
    assert_eq!(watch.so_far().len(), 99, "and the first");
}

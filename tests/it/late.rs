//! Handlers whose turn comes after their callers have stopped waiting are not started, whatever held them up.

use crate::support::{Running, run, soon};
use carnegie::{Code, Execution, Server, service};
use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

#[service]
trait Slow {
    /// Holds the connection's task until the test lets go, or for some time at least.
    async fn spin(&self);
    /// Holds a thread of its own until the test lets go.
    #[rpc(blocking)]
    async fn block(&self);
    /// What was sent before has come when this is answered.
    async fn look(&self);
}

struct Worker {
    started: Arc<AtomicU32>,
    tell: UnboundedSender<()>,
    held: Mutex<mpsc::Receiver<()>>,
}

impl Worker {
    fn work(&self, longest: Duration) {
        self.started.fetch_add(1, SeqCst);
        // The test may have ended.
        self.tell.send(()).unwrap_or_default();
        // Ends with an error, and at once from then on, when the test lets go.
        self.held.lock().unwrap().recv_timeout(longest).unwrap_or_default();
    }
}

impl Slow for Worker {
    async fn spin(&self) {
        // Not for ever: it may hold the thread that drives the runtime's clock, by which the test lets go.
        self.work(10 * BRIEF);
    }
    async fn block(&self) {
        self.work(Duration::from_secs(60));
    }
    async fn look(&self) {}
}

struct World {
    _server: Running,
    slow: SlowClient,
    started: Arc<AtomicU32>,
    starts: UnboundedReceiver<()>,
    /// Dropped, it lets all handlers go.
    hold: mpsc::Sender<()>,
}

/// Runs a test with a server all of whose blocking handlers have one thread.
fn with_one_blocking_thread<F: Future<Output = ()>>(test: impl FnOnce(World) -> F) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).max_blocking_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let started = Arc::new(AtomicU32::new(0));
        let (tell, starts) = unbounded_channel();
        let (hold, held) = mpsc::channel();
        let worker = Worker { started: started.clone(), tell, held: Mutex::new(held) };
        let server = run(Server::new().add(SlowServer::new(worker))).await;
        let slow = server.client().await;
        test(World { _server: server, slow, started, starts, hold }).await;
    });
}

/// Long enough that a request often comes while there is time, and short enough to wait for its end.
const BRIEF: Duration = Duration::from_millis(200);

/// On the wire deadlines are rounded up to whole milliseconds, so the server's may be over this much later.
const ROUNDED: Duration = Duration::from_millis(5);

#[test]
fn a_request_behind_a_slow_handler_is_not_started_after_its_deadline() {
    with_one_blocking_thread(async |world| {
        let slow = &world.slow;
        let behind = async {
            let error = slow.spin().timeout(BRIEF).await.unwrap_err();
            tokio::time::sleep(ROUNDED).await;
            drop(world.hold);
            error
        };
        // Polled in this order, and so written in this order.
        let (first, error) = soon(async { tokio::join!(biased; slow.spin(), behind) }).await;
        assert!(first.is_ok());
        assert_eq!(error.code(), Code::DeadlineExceeded, "{error}");
        assert!(soon(slow.look()).await.is_ok(), "by now the server has seen them all");
        assert_eq!(world.started.load(SeqCst), 1);
    });
}

#[test]
fn a_blocking_request_that_waits_for_a_thread_is_not_started_after_its_deadline() {
    with_one_blocking_thread(async |mut world| {
        let slow = &world.slow;
        let first = tokio::spawn(slow.block().into_owned());
        soon(world.starts.recv()).await.expect("the first one has the thread");
        let error = soon(slow.block().timeout(BRIEF)).await.unwrap_err();
        assert_eq!(error.code(), Code::DeadlineExceeded, "{error}");
        assert_ne!(error.execution(), Execution::Executed, "{error}");
        tokio::time::sleep(ROUNDED).await;
        drop(world.hold);
        assert!(soon(first).await.unwrap().is_ok());
        assert!(soon(slow.block()).await.is_ok(), "the thread is free again");
        assert_eq!(world.started.load(SeqCst), 2, "the first and the last");
    });
}

#[test]
fn a_blocking_request_that_is_given_up_while_it_waits_for_a_thread_is_not_started() {
    with_one_blocking_thread(async |mut world| {
        let slow = &world.slow;
        let first = tokio::spawn(slow.block().into_owned());
        soon(world.starts.recv()).await.expect("the first one has the thread");
        let mut given_up = slow.block();
        tokio::select! {
            biased;
            _ = &mut given_up => panic!("there is no thread for it"),
            looked = soon(slow.look()) => looked.unwrap(),
        }
        drop(given_up);
        assert!(soon(slow.look()).await.is_ok(), "by now the server knows");
        drop(world.hold);
        assert!(soon(first).await.unwrap().is_ok());
        assert!(soon(slow.block()).await.is_ok());
        assert_eq!(world.started.load(SeqCst), 2, "the first and the last");
    });
}

//! Handlers whose turn comes after their callers have stopped waiting are not started, whatever held them up.

use crate::support::run;
use carnegie::{Context, Execution, Server, service};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};

#[service]
trait Slow {
    async fn spin(&self, cx: &Context, ms: u64);
    #[rpc(blocking)]
    async fn block(&self, cx: &Context, ms: u64);
}

#[derive(Clone, Default)]
struct Worker {
    started: Arc<AtomicU32>,
    late: Arc<AtomicU32>,
}

impl Worker {
    fn work(&self, cx: &Context, ms: u64) {
        self.started.fetch_add(1, SeqCst);
        // Between the look at the clock and this one the thread may have been put aside.
        if Instant::now() > cx.deadline() + Duration::from_millis(20) {
            self.late.fetch_add(1, SeqCst);
        }
        std::thread::sleep(Duration::from_millis(ms));
    }
}

impl Slow for Worker {
    async fn spin(&self, cx: &Context, ms: u64) {
        self.work(cx, ms);
    }
    async fn block(&self, cx: &Context, ms: u64) {
        self.work(cx, ms);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_behind_slow_handlers_is_not_started_after_its_deadline() {
    let worker = Worker::default();
    let server = run(Server::new().add(SlowServer::new(worker.clone()))).await;
    let slow: SlowClient = server.client().await;
    let timeout = Duration::from_millis(150);
    let calls: Vec<_> = (0..40).map(|_| tokio::spawn(slow.spin(30).timeout(timeout).into_owned())).collect();
    for call in calls {
        let _ = call.await.unwrap();
    }
    assert!(slow.spin(0).await.is_ok(), "by now the server has seen them all");
    assert_eq!(worker.late.load(SeqCst), 0);
    assert!(worker.started.load(SeqCst) < 40, "some could not start in time");
}

#[test]
fn a_blocking_request_that_waits_for_a_thread_is_not_started_after_its_deadline() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).max_blocking_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let worker = Worker::default();
        let server = run(Server::new().add(SlowServer::new(worker.clone()))).await;
        let slow: SlowClient = server.client().await;
        let timeout = Duration::from_millis(200);
        let first = slow.block(600).timeout(timeout);
        let second = slow.block(0).timeout(timeout);
        let (first, second) = tokio::join!(first, second);
        assert_eq!(first.unwrap_err().execution(), Execution::Unknown);
        // Its copy had arrived, so the client cannot know yet that it did not start.
        assert_eq!(second.unwrap_err().execution(), Execution::Unknown);
        assert!(slow.block(0).await.is_ok(), "the thread is free again");
        assert_eq!((worker.started.load(SeqCst), worker.late.load(SeqCst)), (2, 0));
    });
}

#[test]
fn a_blocking_request_that_is_given_up_while_it_waits_for_a_thread_is_not_started() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).max_blocking_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let worker = Worker::default();
        let server = run(Server::new().add(SlowServer::new(worker.clone()))).await;
        let slow: SlowClient = server.client().await;
        let first = tokio::spawn(slow.block(400).into_owned());
        let given_up = slow.block(0);
        assert!(tokio::time::timeout(Duration::from_millis(100), given_up).await.is_err());
        assert!(first.await.unwrap().is_ok());
        assert!(slow.block(0).await.is_ok());
        assert_eq!(worker.started.load(SeqCst), 2, "the first and the last");
    });
}

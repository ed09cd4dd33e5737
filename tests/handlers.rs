//! How handlers are run: at once where they are ready, in tasks of their own where they are not, dropped or told when
//! nobody waits, and never able to take the connection down with them.

use carnegie::{Client, Code, CodecId, Context, Error, Execution, Server, ServerHandle, service};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Barrier, Mutex, Notify};

/// The last one that is compiled in: with the feature `postcard` these tests pass with that codec too.
const CODEC: CodecId = CodecId::AVAILABLE[CodecId::AVAILABLE.len() - 1];

#[service]
trait Stage {
    /// The task that runs the handler.
    #[rpc(idempotent)]
    async fn task(&self) -> String;
    /// The same, after a lock that is free.
    async fn locked_task(&self) -> String;
    /// The same, after a moment.
    async fn later_task(&self) -> String;
    /// Ends when as many calls as the barrier counts are there.
    async fn meet(&self) -> u32;
    async fn panics(&self, when: u8) -> u32;
    #[rpc(blocking)]
    async fn blocks(&self) -> String;
    /// Ends when it is let.
    #[rpc(idempotent)]
    async fn rehearse(&self);
    /// Ends when its caller has gone.
    async fn perform(&self, cx: &Context) -> bool;
}

#[derive(Default)]
struct Events {
    started: Notify,
    dropped: Notify,
    cancelled: Notify,
    ended: Notify,
}

struct House {
    lock: Mutex<u32>,
    barrier: Barrier,
    curtain: std::sync::Mutex<std::sync::mpsc::Receiver<()>>,
    events: Arc<Events>,
}

/// Tells of its drop.
struct OnDrop(Arc<Events>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.dropped.notify_one();
    }
}

/// Its drop panics too.
struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("again");
    }
}

fn this_task() -> String {
    tokio::task::id().to_string()
}

impl Stage for House {
    async fn task(&self) -> String {
        this_task()
    }

    async fn locked_task(&self) -> String {
        *self.lock.lock().await += 1;
        this_task()
    }

    async fn later_task(&self) -> String {
        tokio::task::yield_now().await;
        this_task()
    }

    async fn meet(&self) -> u32 {
        u32::from(self.barrier.wait().await.is_leader())
    }

    async fn panics(&self, when: u8) -> u32 {
        match when {
            0 => panic!("at once"),
            1 => {
                tokio::task::yield_now().await;
                panic!("late, with {when}")
            }
            _ => std::panic::panic_any(Grenade),
        }
    }

    async fn blocks(&self) -> String {
        // Would hold up every other task of the only thread, if it ran there.
        let _ = self.curtain.lock().unwrap().recv();
        std::thread::current().name().unwrap_or_default().to_owned()
    }

    async fn rehearse(&self) {
        let _dropped = OnDrop(self.events.clone());
        self.events.started.notify_one();
        std::future::pending().await
    }

    async fn perform(&self, cx: &Context) -> bool {
        self.events.started.notify_one();
        cx.cancelled().await;
        self.events.cancelled.notify_one();
        // It is not dropped now: it runs to its end.
        tokio::task::yield_now().await;
        self.events.ended.notify_one();
        cx.is_cancelled()
    }
}

struct World {
    stage: StageClient,
    server: ServerHandle,
    events: Arc<Events>,
    curtain: std::sync::mpsc::Sender<()>,
}

async fn world() -> World {
    let events = Arc::new(Events::default());
    let (curtain, receiver) = std::sync::mpsc::channel();
    let house = House {
        lock: Mutex::default(),
        barrier: Barrier::new(300),
        curtain: std::sync::Mutex::new(receiver),
        events: events.clone(),
    };
    let bound = Server::new().add(StageServer::new(house)).bind("127.0.0.1:0").await.unwrap();
    let (address, server) = (bound.local_addr(), bound.handle());
    tokio::spawn(bound.run());
    World { stage: carnegie::connect(address).codec(CODEC).await.unwrap(), server, events, curtain }
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("within a minute")
}

#[tokio::test]
async fn a_handler_that_is_ready_runs_in_the_task_of_its_connection() {
    let world = world().await;
    let first = world.stage.task().await.unwrap();
    assert_eq!(world.stage.locked_task().await.unwrap(), first);
}

#[tokio::test]
async fn a_handler_that_is_not_ready_goes_on_in_a_task_of_its_own() {
    let world = world().await;
    let connection = world.stage.task().await.unwrap();
    let (one, other) = tokio::join!(world.stage.later_task(), world.stage.later_task());
    let (one, other) = (one.unwrap(), other.unwrap());
    assert!(one != connection && other != connection && one != other);
}

#[tokio::test]
async fn a_batch_of_requests_served_in_one_poll_does_not_use_up_its_own_budget() {
    let world = world().await;
    let connection = world.stage.task().await.unwrap();
    // Tokio lets a task take 128 ready locks in one poll; the 129th looks as if it were taken.
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..500 {
        calls.spawn(world.stage.locked_task().into_owned());
    }
    let moved =
        calls.join_all().await.into_iter().filter(|task| *task.as_ref().unwrap() != connection).count();
    assert_eq!(moved, 0);
}

#[tokio::test]
async fn handlers_of_one_connection_run_at_the_same_time() {
    let world = world().await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..300 {
        calls.spawn(world.stage.meet().into_owned());
    }
    let leaders: u32 = soon(calls.join_all()).await.into_iter().map(Result::unwrap).sum();
    assert_eq!(leaders, 1);
}

#[tokio::test]
async fn a_panic_is_the_result_of_the_call_and_the_connection_lives_on() {
    let world = world().await;
    for (when, said) in [
        (0, "panicked: at once"),
        (1, "panicked: late, with 1"),
        (2, "panicked: with a value that is no text"),
    ] {
        let error = soon(world.stage.panics(when)).await.unwrap_err();
        assert!(matches!(&error, Error::Internal { message, .. } if message == said), "{error}");
        assert_eq!((error.code(), error.execution()), (Code::Internal, Execution::Executed));
    }
    world.stage.task().await.unwrap();
    assert_eq!(world.server.stats().connections, 1);
}

#[tokio::test]
async fn a_handler_that_blocks_holds_nobody_up() {
    let world = world().await;
    let blocked = tokio::spawn(world.stage.blocks().into_owned());
    while world.server.stats().calls == 0 {
        tokio::task::yield_now().await;
    }
    soon(world.stage.task()).await.unwrap();
    world.curtain.send(()).unwrap();
    let here = std::thread::current().name().unwrap_or_default().to_owned();
    assert_ne!(soon(blocked).await.unwrap().unwrap(), here);
}

#[tokio::test]
async fn an_idempotent_handler_whose_caller_gives_up_is_dropped() {
    let world = world().await;
    let call = tokio::spawn(world.stage.rehearse().into_owned());
    soon(world.events.started.notified()).await;
    call.abort();
    soon(world.events.dropped.notified()).await;
}

#[tokio::test]
async fn an_idempotent_handler_is_dropped_at_its_deadline() {
    let world = world().await;
    let error = soon(world.stage.rehearse().timeout(Duration::from_secs(1))).await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    soon(world.events.dropped.notified()).await;
}

#[tokio::test]
async fn an_idempotent_handler_is_dropped_with_the_connection() {
    let world = world().await;
    let call = tokio::spawn(world.stage.rehearse().into_owned());
    soon(world.events.started.notified()).await;
    world.stage.channel().close();
    soon(world.events.dropped.notified()).await;
    assert!(soon(call).await.unwrap().is_err());
}

#[tokio::test]
async fn any_other_handler_whose_caller_gives_up_is_told_and_runs_to_its_end() {
    let world = world().await;
    let call = tokio::spawn(world.stage.perform().into_owned());
    soon(world.events.started.notified()).await;
    call.abort();
    soon(world.events.cancelled.notified()).await;
    soon(world.events.ended.notified()).await;
}

#[tokio::test]
async fn any_other_handler_is_told_of_its_deadline() {
    let world = world().await;
    let error = soon(world.stage.perform().timeout(Duration::from_secs(1))).await.unwrap_err();
    assert_eq!((error.code(), error.execution()), (Code::DeadlineExceeded, Execution::Unknown));
    soon(world.events.ended.notified()).await;
}

#[tokio::test]
async fn any_other_handler_outlives_its_connection() {
    let world = world().await;
    let _call = tokio::spawn(world.stage.perform().into_owned());
    soon(world.events.started.notified()).await;
    world.stage.channel().close();
    soon(world.events.ended.notified()).await;
}

/// A small generator of random numbers (xorshift), so that a run can be repeated from its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_of_every_kind_end_when_handlers_and_connections_run_on_several_threads() {
    let seed = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64 | 1;
    println!("seed {seed}");
    let world = world().await;
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..32 {
        let stage = world.stage.clone();
        callers.spawn(async move {
            let mut random = Random(seed.wrapping_mul(2 * caller + 1));
            for _ in 0..200 {
                let brief = Duration::from_micros(random.below(500));
                match random.below(6) {
                    0 => drop(stage.task().await.unwrap()),
                    1 => drop(stage.locked_task().await.unwrap()),
                    2 => drop(stage.later_task().await.unwrap()),
                    3 => drop(tokio::time::timeout(brief, stage.rehearse()).await),
                    4 => drop(tokio::time::timeout(brief, stage.perform()).await),
                    _ => drop(stage.later_task().timeout(brief).await),
                }
            }
        });
    }
    let ended = tokio::time::timeout(Duration::from_secs(120), callers.join_all()).await;
    assert!(ended.is_ok(), "a call hangs");
    // Nothing is left running, so nothing holds the server up.
    soon(world.server.stop()).await;
}

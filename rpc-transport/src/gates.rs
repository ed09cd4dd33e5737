//! What a call does not do: arm a timer, wait for a lock that other clients use, keep its thread awake unless it is told to. What
//! else is counted of it stands in `tests/gates`, outside of this crate.

mod lanes;
mod polls;
mod turns;

use crate::incoming::{Handler, Incoming, Service};
use crate::{Binding, Call, Client, Server, arguments, connect_over, in_process};
use rpc_core::service::{Argument, Descriptor, Method, Returns, Wire};
use std::cell::Cell;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

thread_local! {
    static ASKED: Cell<u64> = const { Cell::new(0) };
    static POLLS: Cell<u64> = const { Cell::new(0) };
}

/// Somebody has asked the clock for a time as the runtime counts it, as whoever arms a timer does.
pub(crate) fn count_timer() {
    ASKED.set(ASKED.get() + 1);
}

/// A task that has nothing to do does not sleep.
pub(crate) fn count_busy_poll() {
    POLLS.set(POLLS.get() + 1);
}

const fn method(name: &'static str, path: &'static str, idempotent: bool) -> Method {
    Method {
        name,
        path,
        idempotent,
        blocking: false,
        timeout: None,
        since: None,
        arguments: &[Argument { name: "number", describe: <u32 as Wire>::describe }],
        returns: <u32 as Returns>::describe,
    }
}

static SERVICE: Descriptor = Descriptor {
    name: "Echo",
    version: (1, 0),
    methods: &[
        method("echo", "Echo.echo", false),
        method("peek", "Echo.peek", true),
        method("later", "Echo.later", false),
        Method {
            arguments: &[Argument { name: "bytes", describe: <Vec<u8> as Wire>::describe }],
            ..method("count", "Echo.count", false)
        },
    ],
};

/// [`ECHO`] and `peek` answer at once.
const ECHO: u16 = 0;
const PEEK: u16 = 1;

/// Answers when it is let.
const LATER: u16 = 2;

/// Says how many bytes it has got.
const COUNT: u16 = 3;

struct EchoServer {
    /// One for each call of [`LATER`] that may end.
    may_end: Arc<Semaphore>,
}

impl EchoServer {
    fn new() -> Self {
        Self { may_end: Arc::new(Semaphore::new(0)) }
    }
}

impl Service for EchoServer {
    fn descriptor(&self) -> &'static Descriptor {
        &SERVICE
    }

    fn dispatch(&self, method: u16, call: Incoming) -> Pin<Box<Handler>> {
        let may_end = self.may_end.clone();
        Box::pin(async move {
            if method == LATER {
                may_end.acquire().await.expect("it is never closed").forget();
            }
            let number = match method {
                COUNT => call.read(<Vec<u8> as Wire>::read).map(|bytes| bytes.len() as u32),
                _ => call.read(<u32 as Wire>::read),
            };
            match number {
                Ok(number) => call.reply(number, <u32 as Returns>::encode),
                Err(error) => call.malformed(error),
            }
        })
    }
}

#[derive(Clone)]
struct EchoClient(Binding);

impl Client for EchoClient {
    fn descriptor() -> &'static Descriptor {
        &SERVICE
    }
    fn from_binding(binding: Binding) -> Self {
        Self(binding)
    }
    fn as_binding(client: &Self) -> &Binding {
        &client.0
    }
}

impl EchoClient {
    fn call(&self, method: u16, number: u32) -> Call<'_, u32> {
        arguments(&self.0).value(&number, <u32 as Wire>::write).call(method)
    }

    fn count(&self, bytes: &Vec<u8>) -> Call<'_, u32> {
        arguments(&self.0).value(bytes, <Vec<u8> as Wire>::write).call(COUNT)
    }
}

#[tokio::test]
async fn calls_arm_no_timers_of_their_own() {
    const CALLS: u32 = 10_000;
    let server = Server::new().add(EchoServer::new()).start().unwrap();
    let (near, far) = in_process();
    server.serve_stream(far, "the test");
    let client: EchoClient = connect_over(near).await.unwrap();
    for method in [ECHO, PEEK] {
        let before = ASKED.get();
        for number in 0..CALLS {
            assert_eq!(client.call(method, number).await.unwrap(), number);
        }
        // Each side has one timer, which fires every second or so and is armed again then.
        let armed = ASKED.get() - before;
        assert!(armed < u64::from(CALLS) / 10, "{armed} timers for {CALLS} calls");
    }
}

#[test]
fn a_call_waits_for_no_lock_that_other_clients_use() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = Server::new().add(EchoServer::new()).start().unwrap();
    let client = || async {
        let (near, far) = in_process();
        server.serve_stream(far, "the test");
        let client: EchoClient = connect_over(near).await.unwrap();
        assert_eq!(client.call(ECHO, 1).await.unwrap(), 1);
        client
    };
    let _first = runtime.block_on(client());
    // The first one's, and what all have in common.
    let with_locks_held = server.hold_locks();
    let second = runtime.block_on(client());
    let (ended, end) = std::sync::mpsc::channel();
    with_locks_held(&mut || {
        let (client, ended) = (second.clone(), ended.clone());
        runtime.spawn(async move {
            for number in 0..1000 {
                assert_eq!(client.call(ECHO, number).await.unwrap(), number);
                assert_eq!(client.call(PEEK, number).await.unwrap(), number);
            }
            ended.send(()).unwrap();
        });
        end.recv_timeout(Duration::from_secs(60)).expect("its calls do not wait");
    });
}

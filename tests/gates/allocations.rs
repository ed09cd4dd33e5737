//! Heap allocations of a call: those of a further call, once everything is warm.

use crate::support::*;
use allocation_counter::measure;
use carnegie::{Error, Server};

/// The shorter of the two runs whose difference is taken.
const CALLS: u64 = 2048;

/// The server allocates the future of each handler; nothing else, and the client nothing.
const SERVERS: f64 = 1.0;
const CLIENTS: f64 = 0.0;

/// Now and then a buffer grows, when more calls than ever before meet at one place.
const SLACK: f64 = 0.02;

/// Allocations a call of the client's thread and of the server's.
fn a_call(
    in_flight: u64,
    call: impl AsyncFn(&EchoClient) -> Result<(), Error> + Clone + 'static,
) -> (f64, f64) {
    let server = ServerThread::start(|| Server::new().add(EchoServer::new(Echoes)).limits(quiet()));
    let runtime = runtime();
    let client: EchoClient =
        runtime.block_on(carnegie::connect(server.address).limits(quiet()).into_future()).unwrap();
    let run = |calls: u64| {
        let count = measure(|| {
            let tasks = tokio::task::LocalSet::new();
            for _ in 0..in_flight {
                let (client, call) = (client.clone(), call.clone());
                tasks.spawn_local(async move {
                    for _ in 0..calls / in_flight {
                        call(&client).await.unwrap();
                    }
                });
            }
            runtime.block_on(tasks);
        });
        (count.count_total, server.count().count_total)
    };
    run(4 * CALLS);
    let (once, twice) = (run(CALLS), run(2 * CALLS));
    let slope = |twice: u64, once: u64| (twice as f64 - once as f64) / CALLS as f64;
    (slope(twice.0, once.0), slope(twice.1, once.1))
}

fn assert_few(in_flight: u64, (client, server): (f64, f64), (clients, servers): (f64, f64)) {
    println!(
        "{in_flight} in flight: {client:.3} allocations a call at the client, {server:.3} at the server"
    );
    let few = client <= clients + SLACK && server <= servers + SLACK;
    assert!(
        few,
        "{in_flight} in flight: {client:.3} a call at the client ({clients}), {server:.3} at the server ({servers})"
    );
}

#[test]
fn a_call_allocates_no_more_than_its_handlers_future_however_many_are_in_flight() {
    for in_flight in [1, 64, 512] {
        let array = a_call(in_flight, async |client| client.array([7; 32]).await.map(drop));
        assert_few(in_flight, array, (CLIENTS, SERVERS));
    }
}

#[test]
fn an_idempotent_call_allocates_no_more_than_any_other() {
    for in_flight in [1, 64] {
        let again = a_call(in_flight, async |client| client.again([7; 32]).await.map(drop));
        assert_few(in_flight, again, (CLIENTS, SERVERS));
    }
}

#[test]
fn values_that_own_memory_cost_their_own_allocation_and_no_more() {
    for in_flight in [1, 64] {
        let bytes = a_call(in_flight, async |client| client.bytes(vec![7; 32]).await.map(drop));
        // At the client the argument, which the caller makes, and the result; at the server the argument, which is the result.
        assert_few(in_flight, bytes, (CLIENTS + 2.0, SERVERS + 1.0));
    }
}

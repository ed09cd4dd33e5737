//! What connections hold that were busy and are idle.

use crate::support::*;
use allocation_counter::measure;
use carnegie::{Limits, Server};
use std::time::Duration;

const CONNECTIONS: usize = 200;

/// Calls of a burst. A session keeps its slots, so there are as many before it as in it.
const CALLS: usize = 33;
const SMALL: [usize; CALLS] = [32; CALLS];

/// What one side may keep of it all for one connection, beyond what it had before the burst.
const MOST_EACH: i64 = 2 << 10;

/// Buffers that a thread keeps for whichever connection is busy next (rpc-transport/src/pipe.rs): now and then one more than before.
const MORE_POOLED: i64 = 1 << 20;

const MOST: i64 = CONNECTIONS as i64 * MOST_EACH + MORE_POOLED;

/// What has been idle for so long asks whether the other side is there, and lets go what it holds.
fn asks() -> Limits {
    quiet().keep_alive(Duration::from_millis(100)).lease(Duration::ZERO)
}

/// As many calls at once as there are sizes.
async fn burst(client: &EchoClient, sizes: &[usize]) {
    let call = |&size: &usize| tokio::spawn(client.bytes(vec![7; size]).into_owned());
    let calls: Vec<_> = sizes.iter().map(call).collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
}

/// Bytes that clients and server hold after such a burst of each client, more than before it; once they are few, or in vain after a minute.
fn held_by_idle(limits: Limits, sizes: [usize; CALLS], are_few: impl Fn(i64, i64) -> bool) -> (i64, i64) {
    let server = ServerThread::start(|| Server::new().add(EchoServer::new(Echoes)).limits(asks()));
    let runtime = runtime();
    let connect =
        async || carnegie::connect::<EchoClient>(server.address).limits(limits.clone()).await.unwrap();
    let mut clients = Vec::new();
    runtime.block_on(async {
        // Fills what threads keep.
        burst(&connect().await, &sizes).await;
        until("the first client is gone", || server.handle.stats().sessions == 0).await;
        for _ in 0..CONNECTIONS {
            let client = connect().await;
            burst(&client, &SMALL).await;
            clients.push(client);
        }
    });
    server.count();
    let bursts = async || {
        for client in &clients {
            burst(client, &sizes).await;
        }
    };
    let mut near = measure(|| runtime.block_on(bursts())).bytes_current;
    let mut far = server.count().bytes_current;
    for _ in 0..1200 {
        if are_few(near, far) {
            break;
        }
        let turn = || runtime.block_on(async { tokio::time::sleep(Duration::from_millis(50)).await });
        near += measure(turn).bytes_current;
        far += server.count().bytes_current;
    }
    assert_eq!(server.handle.stats().connections as usize, CONNECTIONS);
    (near, far)
}

#[test]
fn connections_that_were_busy_hold_no_buffers_once_they_are_idle() {
    let mut large = [12 << 10; CALLS];
    large[CALLS - 1] = 1 << 20;
    let (near, far) = held_by_idle(asks(), large, |near, far| near <= MOST && far <= MOST);
    let each = |bytes: i64| bytes / CONNECTIONS as i64;
    assert!(near <= MOST, "an idle client holds {} bytes more than before it was busy", each(near));
    assert!(
        far <= MOST,
        "a server holds {} bytes more for an idle client than before it was busy",
        each(far)
    );
}

#[test]
fn a_client_that_the_server_asks_first_holds_no_buffers_either() {
    let (near, _) = held_by_idle(quiet(), [4 << 10; CALLS], |near, _| near <= MOST);
    let each = near / CONNECTIONS as i64;
    assert!(near <= MOST, "an idle client holds {each} bytes more than before it was busy");
}

//! Both ends poll busily: nothing else of their threads stands still meanwhile.

use crate::box_office::{OfficeClient, hall};
use crate::support::{patient, run, soon};
use carnegie::{Server, connect};
use std::time::Duration;

/// Longer than any of these tests: whoever polls never sleeps.
const ALWAYS: Duration = Duration::from_secs(3600);

async fn calls_and_others() {
    let (office, mut events) = hall();
    let server = run(Server::new().add(office).busy_poll(ALWAYS)).await;
    let busy: OfficeClient = soon(connect(server.address).limits(patient()).busy_poll(ALWAYS)).await.unwrap();
    assert_eq!(soon(busy.sell(1, "Ada")).await.unwrap().order, 1);
    // A handler in a task of its own, whose caller and whose server poll while it waits.
    let later = tokio::spawn(busy.sell_later(2).into_owned());
    while !events.so_far().contains(&("sell_later", 2)) {
        tokio::task::yield_now().await;
    }
    // Timers fire, and connections are accepted.
    tokio::time::sleep(Duration::from_millis(1)).await;
    let other: OfficeClient = server.client().await;
    assert_eq!(soon(other.sell(3, "Eve")).await.unwrap().order, 3);
    events.doors.send_replace(true);
    assert_eq!(soon(later).await.unwrap().unwrap(), 2);
    let error = soon(busy.sell_slowly(4).timeout(Duration::from_millis(1))).await.unwrap_err();
    // Whoever is first to see that it is over says so.
    assert!(
        ["no answer within 1ms", "time was over"].iter().any(|why| error.to_string().contains(why)),
        "{error}"
    );
    server.stop().await;
}

#[tokio::test]
async fn a_thread_whose_connections_poll_busily_does_everything_else_as_well() {
    calls_and_others().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_do_two_workers() {
    calls_and_others().await;
}

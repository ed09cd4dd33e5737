//! Connections that are dead, and of which nobody is told: both sides notice by themselves. Over sockets, through a line that lets
//! nothing pass any more. Run with `--nocapture`, these tests tell how long it took.

use crate::box_office::{OfficeClient, hall};
use crate::support::{run, soon, until};
use carnegie::testing::{Direction, Proxy};
use carnegie::{Client, Limits, Server, connect};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Far more than a dead connection needs to be noticed, far less than TCP's own patience, and less than the half minute for which a
/// line is waited for of which nothing is known.
const NOTICED: Duration = Duration::from_secs(20);

async fn through(proxy: &Proxy, limits: Limits) -> OfficeClient {
    soon(connect(proxy.address()).limits(limits).timeout(Duration::from_secs(60))).await.unwrap()
}

fn noticed(what: &str, since: Instant) {
    let took = since.elapsed();
    println!("{:>6.2} s until {what}", took.as_secs_f64());
    assert!(took < NOTICED, "{took:?} until {what}");
}

#[tokio::test]
async fn a_client_with_a_call_in_flight_notices_a_dead_line_and_gets_its_one_result_over_another() {
    let (office, mut events) = hall();
    let server = run(Server::new().add(office)).await;
    let proxy = Proxy::start(server.address.to_string()).await.unwrap();
    let office = through(&proxy, Limits::default()).await;
    let call = tokio::spawn(office.sell_later(7).into_owned());
    assert_eq!(soon(events.did.recv()).await, Some(("sell_later", 7)));
    proxy.black_hole(Direction::Both);
    let begin = Instant::now();
    events.doors.send(true).unwrap();
    assert_eq!(soon(call).await.unwrap().unwrap(), 7);
    noticed("the result came over another connection", begin);
    assert_eq!(events.so_far(), [("sell_later done", 7)], "it ran once");
    assert!(office.channel().stats().resumed >= 1);
}

#[tokio::test]
async fn a_server_notices_that_an_idle_client_is_dead_and_keeps_its_session() {
    let limits = Limits::default().keep_alive(Duration::from_millis(300));
    let server = run(Server::new().add(hall().0).limits(limits)).await;
    let proxy = Proxy::start(server.address.to_string()).await.unwrap();
    let office = through(&proxy, Limits::default()).await;
    assert_eq!(soon(office.sell(1, "Ada")).await.unwrap().order, 1);
    proxy.black_hole(Direction::Both);
    let begin = Instant::now();
    until(|| server.server.stats().connections == 0).await;
    noticed("the server had left the client", begin);
    // The client knows nothing of it before it calls.
    assert_eq!(soon(office.sell(2, "Ada")).await.unwrap().order, 2);
    assert_eq!(server.server.stats().resumed, 1);
}

#[tokio::test]
async fn an_idle_client_notices_that_its_server_is_dead() {
    let server = run(Server::new().add(hall().0)).await;
    let proxy = Proxy::start(server.address.to_string()).await.unwrap();
    let office = through(&proxy, Limits::default().keep_alive(Duration::from_millis(300))).await;
    assert_eq!(soon(office.sell(1, "Ada")).await.unwrap().order, 1);
    proxy.black_hole(Direction::Both);
    let begin = Instant::now();
    until(|| office.channel().server_address().is_none()).await;
    noticed("the client had left the server", begin);
    assert_eq!(soon(office.sell(2, "Ada")).await.unwrap().order, 2);
    assert_eq!(office.channel().stats().resumed, 1);
}

/// Uploads of the largest size one behind the other, four at a time, for ever.
fn upload(office: &OfficeClient) -> JoinSet<()> {
    let mut uploads = JoinSet::new();
    for _ in 0..4 {
        let office = office.clone();
        uploads.spawn(async move {
            while let Ok(length) = office.store(vec![7; 16_000_000]).await {
                assert_eq!(length, 16_000_000);
            }
        });
    }
    uploads
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_in_the_middle_of_large_uploads_notices_a_dead_line_as_soon() {
    let (office, _events) = hall();
    let server = run(Server::new().add(office)).await;
    let proxy = Proxy::start(server.address.to_string()).await.unwrap();
    let office = through(&proxy, Limits::default()).await;
    let _uploads = upload(&office);
    until(|| office.channel().stats().bytes_out > 100_000_000).await;
    let before = office.channel().stats().resumed;
    proxy.black_hole(Direction::Both);
    let begin = Instant::now();
    until(|| office.channel().stats().resumed > before).await;
    noticed("the uploads went on over another connection", begin);
}

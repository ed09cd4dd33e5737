//! A server that stops: whom it waits for, and what it says.

use crate::box_office::{Events, OfficeClient, hall};
use crate::raw::{Raw, hello, said};
use crate::resume::{FIRST, World, request};
use crate::seen::watch;
use crate::support::{Running, patient, soon, until};
use carnegie::{Client, Execution, Server, connect};
use rpc_core::frame::{Answer, Close, CloseCode, Kind};
use std::time::Duration;
use tokio::task::JoinHandle;

/// A server that stops, and takes its time.
async fn serving(grace: Duration) -> (Running, Events) {
    let (office, events) = hall();
    // A busy machine may hold a living client up for longer than a dead one is waited for.
    let bound = Server::new().add(office).grace(grace).limits(patient()).bind("127.0.0.1:0").await.unwrap();
    (Running { address: bound.local_addr(), server: bound.handle(), run: tokio::spawn(bound.run()) }, events)
}

const LONG: Duration = Duration::from_secs(3600);

/// The same, with a client of bytes.
async fn world() -> World {
    let (server, events) = serving(LONG).await;
    let raw = Raw::bound::<OfficeClient>(server.address).await;
    let session = raw.welcome.clone().unwrap();
    World { server, events, raw, session }
}

impl World {
    /// Tells the server to stop, and returns when it drains.
    async fn drain(&self) -> JoinHandle<()> {
        let handle = self.server.server.clone();
        let stop = tokio::spawn(async move { handle.stop().await });
        soon(async {
            loop {
                let mut new = Raw::connect(self.server.address).await;
                let mut opening = Vec::new();
                hello().write(&mut opening);
                new.send(&opening).await;
                let (header, body) = new.frame().await.expect("an answer");
                if header.kind == Kind::Reject {
                    assert_eq!(said(&header, &body), "the server is going away");
                    return;
                }
            }
        })
        .await;
        stop
    }

    async fn over(self, stop: JoinHandle<()>) {
        soon(stop).await.unwrap();
        soon(self.server.run).await.unwrap().unwrap();
    }
}

async fn leave(raw: &mut Raw) {
    let mut out = Vec::new();
    Close { code: CloseCode::GoingAway, reason: "done".into() }.write(&mut out);
    raw.send(&out).await;
}

#[tokio::test]
async fn a_server_that_stops_lets_a_client_come_back_for_its_reply() {
    let mut world = world().await;
    world.left_running("sell_later", &[5]).await;
    let stop = world.drain().await;
    let mut again = world.resume(2).await;
    assert_eq!(again.frame().await.map(|(header, _)| header.kind), Some(Kind::GoAway));
    again.send(&request(FIRST, "sell_later", &[5])).await;
    world.events.doors.send(true).unwrap();
    assert_eq!(again.reply(|reply| reply.answer).await, Answer::Ok);
    assert!(!stop.is_finished());
    leave(&mut again).await;
    world.over(stop).await;
}

#[tokio::test]
async fn a_reply_that_nobody_has_fetched_holds_a_stop_up_until_its_client_has_come_for_it() {
    let mut world = world().await;
    world.left_running("sell_later", &[5]).await;
    world.events.doors.send(true).unwrap();
    assert_eq!(soon(world.events.did.recv()).await, Some(("sell_later done", 5)));
    let stop = world.drain().await;
    // Longer than a server waits that has nothing for its client.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert!(!stop.is_finished());
    let mut again = world.resume(2).await;
    assert_eq!(again.frame().await.map(|(header, _)| header.kind), Some(Kind::GoAway));
    again.send(&request(FIRST, "sell_later", &[5])).await;
    assert_eq!(again.reply(|reply| (reply.answer, reply.replayed)).await, (Answer::Ok, true));
    leave(&mut again).await;
    world.over(stop).await;
}

#[tokio::test]
async fn a_client_that_is_away_and_has_nothing_to_fetch_does_not_hold_a_stop_up() {
    let mut world = world().await;
    world.raw.send(&request(FIRST, "look", &[])).await;
    assert_eq!(world.raw.reply(|reply| reply.answer).await, Answer::Ok);
    world.lose().await;
    let stop = world.drain().await;
    world.over(stop).await;
}

#[tokio::test]
async fn a_client_that_stays_is_waited_for_however_silent_it_is() {
    let mut world = world().await;
    let stop = world.drain().await;
    assert_eq!(world.raw.frame().await.map(|(header, _)| header.kind), Some(Kind::GoAway));
    tokio::time::sleep(Duration::from_millis(700)).await;
    // A request that was on its way when the server began to drain gets its own answer.
    world.raw.send(&request(FIRST, "sell", &[5, 0])).await;
    assert_eq!(world.raw.reply(|reply| reply.answer).await, Answer::Ok);
    assert!(!stop.is_finished());
    leave(&mut world.raw).await;
    world.over(stop).await;
}

#[tokio::test]
async fn a_client_that_does_not_leave_is_left_at_the_end_of_the_grace_and_the_log_says_so() {
    let (lines, _guard) = watch();
    let (server, mut events) = serving(Duration::from_millis(300)).await;
    let mut raw = Raw::bound::<OfficeClient>(server.address).await;
    raw.send(&request(FIRST, "sell_later", &[5])).await;
    assert_eq!(soon(events.did.recv()).await, Some(("sell_later", 5)));
    soon(server.server.stop()).await;
    assert_eq!(raw.end().await, "the server has stopped");
    soon(server.run).await.unwrap().unwrap();
    let lines = lines.lock().unwrap();
    for said in ["draining: ", "the grace is over: "] {
        let said = format!("message={said}1 clients are connected, 1 calls run or wait");
        assert!(lines.iter().any(|line| line.contains(&said)), "{said}: {lines:#?}");
    }
}

#[tokio::test]
async fn the_log_says_when_all_have_left() {
    let (lines, _guard) = watch();
    let (server, _events) = serving(LONG).await;
    let client: OfficeClient = server.client().await;
    soon(client.sell(1, "Ada")).await.unwrap();
    soon(server.server.stop()).await;
    let lines = lines.lock().unwrap();
    assert!(lines.iter().any(|line| line.contains("message=drained: all clients have left")), "{lines:#?}");
}

#[tokio::test]
async fn a_server_that_is_closed_ends_its_drain_at_once() {
    let (server, mut events) = serving(LONG).await;
    let client: OfficeClient = server.client().await;
    let call = tokio::spawn(client.sell_later(1).timeout(Duration::from_secs(60)).into_owned());
    assert_eq!(soon(events.did.recv()).await, Some(("sell_later", 1)));
    let handle = server.server.clone();
    let stop = tokio::spawn(async move { handle.stop().await });
    until(|| client.channel().server_address().is_none()).await;
    assert!(!stop.is_finished());
    server.server.close();
    let error = soon(call).await.unwrap().unwrap_err();
    assert_eq!(error.execution(), Execution::Unknown, "{error}");
    soon(stop).await.unwrap();
    soon(server.run).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_server_that_is_closed_while_it_serves_ends_too() {
    let (server, _events) = serving(LONG).await;
    let client: OfficeClient = server.client().await;
    soon(client.sell(1, "Ada")).await.unwrap();
    server.server.close();
    soon(server.run).await.unwrap().unwrap();
    assert!(connect::<OfficeClient>(server.address).await.is_err());
}

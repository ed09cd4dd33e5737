//! Calls that are given up: nothing happens twice, nothing happens by half, and what was never sent never happens.

use crate::box_office::{OfficeClient, hall};
use crate::support::{run, soon};
use carnegie::Server;
use std::time::Duration;

#[tokio::test]
async fn a_call_that_was_never_polled_is_never_sent() {
    let (office, mut events) = hall();
    let server = run(Server::new().add(office)).await;
    let office: OfficeClient = server.client().await;
    drop(office.sell(1, "Ada"));
    soon(office.sell(2, "Bob")).await.unwrap();
    assert_eq!(events.so_far(), [("sell", 2)]);
}

#[tokio::test]
async fn an_at_most_once_handler_whose_caller_has_gone_has_its_whole_effect_once() {
    let (office, mut events) = hall();
    let server = run(Server::new().add(office)).await;
    let office: OfficeClient = server.client().await;
    let call = tokio::spawn(office.sell_later(1).into_owned());
    assert_eq!(soon(events.did.recv()).await, Some(("sell_later", 1)));
    call.abort();
    assert!(soon(call).await.unwrap_err().is_cancelled());
    // The cancel has come: this answer came behind it.
    soon(office.look()).await.unwrap();
    events.doors.send(true).unwrap();
    assert_eq!(soon(events.did.recv()).await, Some(("look", 0)));
    assert_eq!(soon(events.did.recv()).await, Some(("sell_later done", 1)));
    soon(office.look()).await.unwrap();
    assert_eq!(events.so_far(), [("look", 0)]);
}

#[tokio::test]
async fn an_idempotent_handler_whose_caller_has_gone_is_dropped_before_its_end() {
    let (office, mut events) = hall();
    let server = run(Server::new().add(office)).await;
    let office: OfficeClient = server.client().await;
    let mut call = office.look_later();
    tokio::select! {
        _ = &mut call => panic!("the doors are shut"),
        started = events.did.recv() => assert_eq!(started, Some(("look_later", 0))),
    }
    drop(call);
    assert_eq!(soon(events.did.recv()).await, Some(("look_later dropped", 0)));
}

#[tokio::test]
async fn a_call_that_loses_a_race_is_given_up_and_the_next_one_has_its_own_answer() {
    let (office, mut events) = hall();
    let server = run(Server::new().add(office)).await;
    let office: OfficeClient = server.client().await;
    for order in 0..20 {
        tokio::select! {
            _ = office.sell_later(order) => panic!("the doors are shut"),
            started = events.did.recv() => assert_eq!(started, Some(("sell_later", order))),
        }
        let ticket = soon(office.sell(1_000 + order, "Ada")).await.unwrap();
        assert_eq!(ticket.order, 1_000 + order);
        assert_eq!(events.so_far(), [("sell", 1_000 + order)]);
    }
    events.doors.send(true).unwrap();
    for _ in 0..20 {
        assert!(matches!(soon(events.did.recv()).await, Some(("sell_later done", _))));
    }
}

#[tokio::test]
async fn calls_that_wait_for_a_slot_are_given_up_without_having_run() {
    let (office, mut events) = hall();
    let limits = carnegie::Limits::default().slots(1);
    let server = run(Server::new().add(office).limits(limits)).await;
    let office: OfficeClient = server.client().await;
    let running = tokio::spawn(office.sell_later(1).into_owned());
    assert_eq!(soon(events.did.recv()).await, Some(("sell_later", 1)));
    let error = soon(office.sell(2, "Ada").timeout(Duration::from_millis(50))).await.unwrap_err();
    assert_eq!(error.execution(), carnegie::Execution::NotExecuted, "{error}");
    assert_eq!(error.to_string(), "Office.sell: no answer within 50ms (not executed)");
    let dropped = tokio::time::timeout(Duration::from_millis(20), office.sell(3, "Ada")).await;
    assert!(dropped.is_err());
    events.doors.send(true).unwrap();
    assert_eq!(soon(running).await.unwrap().unwrap(), 1);
    soon(office.sell(4, "Ada")).await.unwrap();
    assert_eq!(events.so_far(), [("sell_later done", 1), ("sell", 4)]);
}

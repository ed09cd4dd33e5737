//! Calls and channels that do not wait for a connection.

use crate::box_office::{OfficeClient, hall};
use crate::process::{Setup, start};
use crate::support::{patient, run, soon, until};
use carnegie::{Client, Code, Error, Execution, Server, connect};
use std::time::Duration;

/// They have time enough for another process to start.
const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_hurried_call_to_a_server_that_is_gone_ends_at_once_and_says_which_addresses_were_tried() {
    let server = start(Setup { doors_open: true, ..Setup::default() }).await;
    let address = server.address;
    let office: OfficeClient = soon(connect(address).limits(patient()).timeout(LONG)).await.unwrap();
    server.kill().await;
    until(|| office.channel().server_address().is_none()).await;
    let error = soon(office.sell(1, "Ada").fail_fast()).await.unwrap_err();
    assert_eq!((error.execution(), error.code()), (Execution::NotExecuted, Code::Unavailable), "{error}");
    // It has asked for a connection, which cannot be had; the next one hears why.
    until_refused(&office, &address.to_string()).await;
    let waits = tokio::spawn(office.sell(2, "Ada").into_owned());
    let successor = start(Setup { address: Some(address), doors_open: true, ..Setup::default() }).await;
    assert_eq!(soon(waits).await.unwrap().unwrap().order, 2, "by default calls wait");
    assert_eq!(soon(office.sell(3, "Ada").fail_fast()).await.unwrap().order, 3);
    assert_eq!(successor.kill().await, ["sell 2", "sell 3"]);
}

/// Returns once a hurried call is told that the address refuses.
async fn until_refused(office: &OfficeClient, address: &str) {
    soon(async {
        loop {
            let error = office.sell(1, "Ada").fail_fast().await.unwrap_err();
            assert_eq!(error.execution(), Execution::NotExecuted, "{error}");
            let Error::Unavailable { source, .. } = &error else { panic!("{error}") };
            if source.to_string().starts_with(&format!("no server answers: {address}: ")) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_hurried_channel_goes_to_another_server_by_itself() {
    let first = start(Setup { doors_open: true, ..Setup::default() }).await;
    let (office, _events) = hall();
    let second = run(Server::new().add(office)).await;
    let connecting = connect([first.address, second.address]).limits(patient()).timeout(LONG);
    let office: OfficeClient = soon(connecting.fail_fast(true)).await.unwrap();
    assert_eq!(office.channel().server_address(), Some(first.address.to_string()));
    first.kill().await;
    until(|| office.channel().server_address() == Some(second.address.to_string())).await;
    // It calls only once the second server has let it in.
    let ticket = soon(async {
        loop {
            match office.sell(1, "Ada").await {
                Ok(ticket) => return ticket,
                Err(error) => assert_eq!(error.execution(), Execution::NotExecuted, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    assert_eq!(ticket.await.order, 1);
}

#[tokio::test]
async fn a_written_call_waits_for_its_session_however_hurried_it_is() {
    let mut server = start(Setup::default()).await;
    let address = server.address;
    let connecting = connect(address).limits(patient()).timeout(LONG);
    let office: OfficeClient = soon(connecting.fail_fast(true)).await.unwrap();
    let call = tokio::spawn(office.sell_later(1).into_owned());
    assert_eq!(server.next().await, "sell_later 1");
    server.kill().await;
    until(|| office.channel().server_address().is_none()).await;
    assert!(!call.is_finished(), "it may have run");
    let successor = start(Setup { address: Some(address), ..Setup::default() }).await;
    let error = soon(call).await.unwrap().unwrap_err();
    assert_eq!(error.execution(), Execution::Unknown, "{error}");
    assert_eq!(successor.kill().await, [""; 0]);
}

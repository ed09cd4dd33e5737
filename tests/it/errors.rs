//! Values that cannot be sent or read, panics, and servers that are not there: what the caller reads.

use crate::box_office::{Chain, OfficeClient, hall};
use crate::support::{run, said, soon};
use carnegie::{CallError, Client, Code, Error, Execution, Server, service};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use tokio::sync::Notify;

/// Goes out as a number; 13 cannot be sent, and 26 cannot be read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Row(u32);

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        if self.0 == 13 {
            return Err(S::Error::custom("there is no row 13"));
        }
        self.0.serialize(out)
    }
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match u32::deserialize(from)? {
            26 => Err(D::Error::custom("row 26 was taken out")),
            row => Ok(Row(row)),
        }
    }
}

#[service]
trait Rows {
    async fn count(&self, #[rpc(opaque)] row: Row) -> u32;
    #[rpc(opaque)]
    async fn row(&self, number: u32) -> Row;
    #[rpc(opaque)]
    async fn free(&self, number: u32) -> Result<Row, Row>;
}

#[derive(Default)]
struct House(AtomicU32);

impl Rows for House {
    async fn count(&self, row: Row) -> u32 {
        self.0.fetch_add(1, SeqCst);
        row.0
    }
    async fn row(&self, number: u32) -> Row {
        self.0.fetch_add(1, SeqCst);
        Row(number)
    }
    async fn free(&self, number: u32) -> Result<Row, Row> {
        self.0.fetch_add(1, SeqCst);
        if number.is_multiple_of(2) { Err(Row(number)) } else { Ok(Row(number)) }
    }
}

async fn rows() -> (crate::support::Running, RowsClient, Arc<House>) {
    let house = Arc::new(House::default());
    let server = run(Server::new().add(RowsServer::from(house.clone()))).await;
    let client = server.client().await;
    (server, client, house)
}

#[tokio::test]
async fn an_argument_that_cannot_be_sent_fails_here() {
    let (server, rows, house) = rows().await;
    let error = soon(rows.count(Row(13))).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Rows.count: the arguments cannot be sent: there is no row 13 (not executed)"
    );
    assert_eq!((error.code(), error.execution()), (Code::InvalidArgument, Execution::NotExecuted));
    assert_eq!(soon(rows.count(Row(14))).await.unwrap(), 14);
    assert_eq!((house.0.load(SeqCst), server.server.stats().calls), (1, 1));
}

#[tokio::test]
async fn an_argument_that_cannot_be_read_is_refused_and_its_handler_does_not_run() {
    let (server, rows, house) = rows().await;
    let error = soon(rows.count(Row(26))).await.unwrap_err();
    let address = server.address;
    assert_eq!(
        said(&error),
        format!("Rows.count: refused by {address}: row 26 was taken out (not executed)")
    );
    assert_eq!((error.code(), error.execution()), (Code::InvalidArgument, Execution::NotExecuted));
    assert!(!error.is_retryable() && error.request_id().is_some());
    assert_eq!(house.0.load(SeqCst), 0);
    assert_eq!((rows.channel().stats().shed, server.server.stats().shed), (1, 1));
    assert_eq!(soon(rows.count(Row(14))).await.unwrap(), 14);
    assert_eq!(rows.channel().stats().connections, 1);
}

#[tokio::test]
async fn a_result_that_cannot_be_sent_fails_its_call_which_was_executed() {
    let (server, rows, house) = rows().await;
    let error = soon(rows.row(13)).await.unwrap_err();
    let address = server.address;
    assert_eq!(
        said(&error),
        format!(
            "Rows.row: the handler at {address} failed: the reply cannot be sent: there is no row 13 (executed)"
        )
    );
    assert_eq!((error.code(), error.execution()), (Code::Internal, Execution::Executed));
    assert_eq!((soon(rows.row(14)).await.unwrap(), house.0.load(SeqCst)), (Row(14), 2));
}

#[tokio::test]
async fn a_result_that_cannot_be_read_fails_its_call_alone_which_was_executed() {
    let (_server, rows, house) = rows().await;
    let (bad, good) = tokio::join!(rows.row(26), rows.row(14));
    let error = bad.unwrap_err();
    assert_eq!(said(&error), "Rows.row: the reply cannot be read: row 26 was taken out (executed)");
    assert!(matches!(error, Error::Undecodable { .. }));
    assert_eq!((error.code(), error.execution()), (Code::Internal, Execution::Executed));
    assert_eq!((good.unwrap(), house.0.load(SeqCst)), (Row(14), 2));
    let CallError::Failed(error) = soon(rows.free(26)).await.unwrap_err() else {
        panic!("it cannot be read")
    };
    assert!(matches!(error, Error::Undecodable { .. }), "{error}");
    assert_eq!(soon(rows.free(14)).await, Err(CallError::Application(Row(14))));
    assert_eq!(rows.channel().stats().connections, 1);
}

#[tokio::test]
async fn a_value_that_nests_too_deep_is_refused_before_or_when_it_comes() {
    let (office, mut events) = hall();
    let server = run(Server::new().add(office)).await;
    let office: OfficeClient = server.client().await;
    let chain =
        |depth: u32| (0..depth).fold(Chain { next: None }, |next, _| Chain { next: Some(Box::new(next)) });
    assert_eq!(soon(office.chain(chain(50))).await.unwrap(), 50);
    let error = soon(office.chain(chain(500))).await.unwrap_err();
    assert!(error.to_string().contains("128 deep"), "{error}");
    assert_eq!(error.execution(), Execution::NotExecuted);
    assert_eq!(events.so_far(), [("chain", 50)]);
}

#[tokio::test]
async fn a_panic_at_once_or_later_is_told_in_its_own_words_and_nothing_else_suffers() {
    let (office, _events) = hall();
    let server = run(Server::new().add(office)).await;
    let office: OfficeClient = server.client().await;
    for late in [false, true] {
        let (panicked, sold) = tokio::join!(office.panic(late), office.sell(1, "Ada"));
        let error = panicked.unwrap_err();
        let address = server.address;
        assert_eq!(
            said(&error),
            format!(
                "Office.panic: the handler at {address} failed: panicked: the hall is on fire (executed)"
            )
        );
        assert_eq!(error.execution(), Execution::Executed);
        sold.unwrap();
    }
    assert_eq!(office.channel().stats().connections, 1);
}

#[tokio::test]
async fn a_panic_while_a_value_is_read_or_written_is_a_panic_of_its_call() {
    #[derive(Debug)]
    pub(crate) struct Mine(bool);
    impl Serialize for Mine {
        fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
            assert!(!self.0, "the mine went off as it was sent");
            self.0.serialize(out)
        }
    }
    impl<'de> Deserialize<'de> for Mine {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            bool::deserialize(from).map(Mine)
        }
    }
    #[service]
    trait Pit {
        #[rpc(opaque)]
        async fn dig(&self, armed: bool) -> Mine;
    }
    struct Ground;
    impl Pit for Ground {
        async fn dig(&self, armed: bool) -> Mine {
            Mine(armed)
        }
    }
    let server = run(Server::new().add(PitServer::new(Ground))).await;
    let pit: PitClient = server.client().await;
    let error = soon(pit.dig(true)).await.unwrap_err();
    assert!(error.to_string().contains("panicked: the mine went off as it was sent"), "{error}");
    assert_eq!((error.code(), error.execution()), (Code::Internal, Execution::Executed));
    assert!(!soon(pit.dig(false)).await.unwrap().0);
}

#[tokio::test]
async fn a_drop_that_panics_after_a_panic_does_not_end_the_connection() {
    struct Grenade;
    impl Drop for Grenade {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("again");
            }
        }
    }
    #[service]
    trait Bomb {
        async fn payload(&self);
        #[rpc(idempotent)]
        async fn held(&self);
        async fn ok(&self) -> u32;
    }
    struct Bunker(Arc<Notify>);
    impl Bomb for Bunker {
        async fn payload(&self) {
            std::panic::panic_any(Grenade)
        }
        async fn held(&self) {
            let _grenade = Grenade;
            self.0.notify_one();
            std::future::pending().await
        }
        async fn ok(&self) -> u32 {
            1
        }
    }
    let started = Arc::new(Notify::new());
    let server = run(Server::new().add(BombServer::new(Bunker(started.clone())))).await;
    let bomb: BombClient = server.client().await;
    let error = soon(bomb.payload()).await.unwrap_err();
    assert_eq!((error.code(), error.execution()), (Code::Internal, Execution::Executed));
    // Dropped where it waits, because nobody waits for it: the drop panics.
    let call = tokio::spawn(bomb.held().into_owned());
    soon(started.notified()).await;
    call.abort();
    assert_eq!(soon(bomb.ok()).await.unwrap(), 1);
    assert_eq!(server.server.stats().connections, 1);
}

#[tokio::test]
async fn an_address_that_is_not_ours_cannot_be_listened_on() {
    let error = Server::new().add(hall().0).bind("192.0.2.1:0").await.unwrap_err();
    assert!(error.to_string().starts_with("cannot listen on 192.0.2.1:0: "), "{error}");
}

#[tokio::test]
async fn errors_convert_with_one_question_mark_into_a_boxed_error() {
    async fn main() -> Result<u32, Box<dyn std::error::Error + Send + Sync>> {
        let (_server, rows, _) = rows().await;
        let row = rows.free(1).await?;
        rows.free(2).await?;
        Ok(row.0)
    }
    assert_eq!(main().await.unwrap_err().to_string(), "refused: Row(2)");
}

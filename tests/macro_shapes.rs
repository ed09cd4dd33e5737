//! Every shape of argument, of result and of trait arrives as it was meant.

use carnegie::{CallError, CodecId, Context, Schema, Server, connect_over, in_process, service};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// The last one that is compiled in: with the feature `postcard` these tests pass with that codec too.
const CODEC: CodecId = CodecId::AVAILABLE[CodecId::AVAILABLE.len() - 1];

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
struct Ticket {
    seat: u32,
}
#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
enum Refused {
    SoldOut,
}
/// A type of another crate: it knows serde alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Foreign(i8);

type Booked<T> = Result<T, Refused>;

/// Written with every option of the attribute.
#[service(version = "2.3", name = "shapes.All", crate = "carnegie")]
pub(crate) trait Shapes: Sized {
    async fn owned(&self, seat: u32, name: Option<String>, text: Cow<'static, str>) -> (u32, String);
    async fn lent(&self, ticket: &Ticket, all: &[Ticket], name: &str, photo: &[u8], blob: Vec<u8>)
    -> Vec<u8>;
    #[rpc(idempotent, blocking, timeout = "1500us", since = "2.1")]
    async fn options(&self) -> u8;
    async fn context(&self, cx: &Context, tag: &str) -> String;
    async fn context_unnamed(&self, _: &carnegie::Context) -> bool;
    #[rpc(opaque)]
    async fn opaque(&self, #[rpc(opaque)] point: Foreign, #[rpc(opaque)] all: &[Foreign]) -> Foreign;
    #[rpc(opaque)]
    async fn opaque_result(&self, #[rpc(opaque)] lent: &Foreign) -> Result<Foreign, Refused>;
    async fn alias(&self, seat: u32) -> Booked<Ticket>;
    /// A body in the trait, with everything that may stand in one.
    async fn default_body(&self, mut seat: u32) -> Result<u32, String> {
        seat += u32::from(self.options().await);
        if seat == 1 {
            return Err("one".to_owned());
        }
        let small: u8 = seat.try_into().map_err(|_| "large".to_owned())?;
        Ok(small.into())
    }
    /// A body that never ends in a value.
    async fn unfinished(&self, ticket: Ticket) -> Ticket {
        panic!("no {ticket:?}")
    }
}

struct Hall;
impl Shapes for Hall {
    async fn owned(&self, seat: u32, name: Option<String>, text: Cow<'static, str>) -> (u32, String) {
        (seat, name.unwrap_or_default() + &text)
    }
    async fn lent(
        &self,
        ticket: &Ticket,
        all: &[Ticket],
        name: &str,
        photo: &[u8],
        mut blob: Vec<u8>,
    ) -> Vec<u8> {
        blob.extend([ticket.seat as u8, all.len() as u8, name.len() as u8, photo.len() as u8]);
        blob
    }
    async fn options(&self) -> u8 {
        1
    }
    async fn context(&self, cx: &Context, tag: &str) -> String {
        format!("{} {tag}", cx.peer())
    }
    async fn context_unnamed(&self, _: &Context) -> bool {
        true
    }
    async fn opaque(&self, point: Foreign, all: &[Foreign]) -> Foreign {
        Foreign(all.iter().fold(point.0, |sum, each| sum + each.0))
    }
    async fn opaque_result(&self, lent: &Foreign) -> Result<Foreign, Refused> {
        if lent.0 < 0 { Err(Refused::SoldOut) } else { Ok(lent.clone()) }
    }
    async fn alias(&self, seat: u32) -> Booked<Ticket> {
        if seat == 0 { Err(Refused::SoldOut) } else { Ok(Ticket { seat }) }
    }
}

async fn hall() -> (ShapesClient, carnegie::ServerHandle) {
    let server = Server::new().add(ShapesServer::from(Arc::new(Hall))).start().unwrap();
    let (here, there) = in_process();
    server.serve_stream(there, "a test");
    (connect_over(here).codec(CODEC).await.unwrap(), server)
}

#[tokio::test]
async fn arguments_arrive_owned_and_lent() {
    let (hall, _server) = hall().await;
    let name = Some("Ada".to_owned());
    assert_eq!(hall.owned(7, name, "!".into()).await.unwrap(), (7, "Ada!".to_owned()));
    let lent = {
        let ticket = Ticket { seat: 9 };
        hall.lent(&ticket, &[ticket.clone(), ticket.clone()], "Ada", &[0; 5], vec![1]) // and here the loan ends
    };
    assert_eq!(lent.await.unwrap(), [1, 9, 2, 3, 5]);
}

#[tokio::test]
async fn the_context_is_a_parameter_of_the_handler_alone() {
    let (hall, _server) = hall().await;
    assert_eq!(hall.context("tag").await.unwrap(), "a test tag");
    assert!(hall.context_unnamed().await.unwrap());
}

#[tokio::test]
async fn opaque_types_need_no_schema() {
    let (hall, _server) = hall().await;
    assert_eq!(hall.opaque(Foreign(1), &[Foreign(2), Foreign(3)]).await.unwrap(), Foreign(6));
    assert_eq!(hall.opaque_result(&Foreign(4)).await.unwrap(), Foreign(4));
    let refused = hall.opaque_result(&Foreign(-1)).await;
    assert!(matches!(refused, Err(CallError::Application(Refused::SoldOut))), "{refused:?}");
}

#[tokio::test]
async fn the_type_that_is_returned_decides_and_not_its_spelling() {
    let (hall, _server) = hall().await;
    assert_eq!(hall.alias(3).await.unwrap(), Ticket { seat: 3 });
    assert!(matches!(hall.alias(0).await, Err(CallError::Application(Refused::SoldOut))));
}

#[tokio::test]
async fn a_body_in_the_trait_is_a_default() {
    let (hall, _server) = hall().await;
    assert_eq!(hall.default_body(4).await.unwrap(), 5);
    assert!(matches!(hall.default_body(0).await, Err(CallError::Application(said)) if said == "one"));
    assert!(matches!(hall.default_body(300).await, Err(CallError::Application(said)) if said == "large"));
}

#[test]
fn the_table_says_what_the_attributes_said() {
    let service = <ShapesClient as carnegie::Client>::descriptor();
    assert_eq!((service.name, service.version), ("shapes.All", (2, 3)));
    let options = &service.methods[2];
    assert!(options.idempotent && options.blocking);
    assert_eq!((options.timeout, options.since), (Some(Duration::from_micros(1500)), Some((2, 1))));
    let plain = &service.methods[0];
    assert!(!plain.idempotent && !plain.blocking);
    assert_eq!((plain.timeout, plain.since), (None, None));
    let names: Vec<_> = plain.arguments.iter().map(|argument| argument.name).collect();
    assert_eq!(names, ["seat", "name", "text"]);
}

/// A service written by a macro of the user's, which passes types and literals on.
macro_rules! echo {
    ($name:ident, $ty:ty, $timeout:literal) => {
        #[service]
        trait $name {
            #[rpc(timeout = $timeout)]
            async fn echo(&self, value: $ty, lent: &$ty) -> ($ty, $ty);
        }
    };
}
echo!(Echo, Option<u64>, "3s");

struct Same;
impl Echo for Same {
    async fn echo(&self, value: Option<u64>, lent: &Option<u64>) -> (Option<u64>, Option<u64>) {
        (value, *lent)
    }
}

#[tokio::test]
async fn a_service_may_be_written_by_another_macro() {
    let server = Server::new().add(EchoServer::new(Same)).start().unwrap();
    let (here, there) = in_process();
    server.serve_stream(there, "a test");
    let echo: EchoClient = connect_over(here).codec(CODEC).await.unwrap();
    assert_eq!(echo.echo(Some(1), &None).await.unwrap(), (Some(1), None));
}

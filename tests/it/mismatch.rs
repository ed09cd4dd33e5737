//! What becomes of a method that client and server know differently: which differences disable it, how they are named, and
//! which values of an enum with appended variants cross.

use crate::support::{Running, run, said, soon};
use carnegie::{CallError, Client, Code, CodecId, Error, Execution, Schema, Server};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is compiled into a server of the first version, and into its clients.
mod old {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
    pub(crate) struct Ticket {
        pub(crate) row: u32,
        pub(crate) seat: u32,
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Schema)]
    pub(crate) enum Section {
        Stalls,
        Box { number: u8 },
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
    pub(crate) enum Refused {
        SoldOut,
        Limit { limit: u32 },
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
    pub(crate) enum Tree<T> {
        Leaf(T),
        Node(Vec<Tree<T>>),
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
    pub(crate) struct Seat {
        pub(crate) number: u32,
        pub(crate) next: Option<Box<Seat>>,
    }

    pub(crate) type Plan = BTreeMap<Section, Vec<Option<Tree<Section>>>>;

    #[carnegie::service(name = "BoxOffice", version = "1.0")]
    pub(crate) trait Office {
        async fn sit(&self, seat: Seat) -> u32;
        async fn sell(&self, order: u64, section: Ticket) -> Result<Ticket, Refused>;
        async fn count(&self, a: u8, b: u8) -> u8;
        #[rpc(idempotent)]
        async fn free(&self, order: u64, section: Section) -> u32;
        async fn reserve(&self, section: Section) -> Result<Section, Section>;
        async fn plan(&self, plan: Plan) -> Plan;
        async fn inserted(&self, section: Section) -> u32;
        async fn reordered(&self, section: Section) -> u32;
        async fn renamed(&self, section: Section) -> u32;
        async fn blind(&self, #[rpc(opaque)] what: Vec<u8>, section: Section) -> u32;
        #[rpc(opaque)]
        async fn hidden(&self) -> Section;
    }
}

/// The same a while later.
mod new {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
    pub(crate) struct Billet {
        pub(crate) row: u64,
        pub(crate) seat: u64,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
    pub(crate) struct Place {
        pub(crate) row: u16,
    }

    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Schema)]
    pub(crate) enum Section {
        Stalls,
        Box { number: u8 },
        Balcony,
        Tier(Vec<Option<String>>),
    }

    #[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Schema)]
    pub(crate) enum Inserted {
        Stalls,
        Balcony,
        Box { number: u8 },
    }

    #[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Schema)]
    pub(crate) enum Reordered {
        Box { number: u8 },
        Stalls,
    }

    #[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Schema)]
    pub(crate) enum Renamed {
        Stalls,
        Loge { number: u8 },
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
    pub(crate) enum Refused {
        SoldOut,
        Limit { limit: u64 },
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
    pub(crate) enum Tree<T> {
        Leaf(T),
        Node(Vec<Tree<T>>),
        Bare(Place),
    }

    /// `Seat` under another name.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
    pub(crate) struct Stool {
        pub(crate) number: u32,
        pub(crate) next: Option<Box<Stool>>,
    }

    pub(crate) type Plan = BTreeMap<Section, Vec<Option<Tree<Section>>>>;

    #[carnegie::service(name = "BoxOffice", version = "1.3")]
    pub(crate) trait Office {
        async fn blind(&self, #[rpc(opaque)] what: Vec<u8>, section: Section) -> u32;
        #[rpc(opaque)]
        async fn hidden(&self) -> Section;
        async fn renamed(&self, section: Renamed) -> u32;
        async fn reordered(&self, section: Reordered) -> u32;
        async fn inserted(&self, section: Inserted) -> u32;
        async fn plan(&self, plan: Plan) -> Plan;
        async fn reserve(&self, section: Section) -> Result<Section, Section>;
        #[rpc(idempotent)]
        async fn free(&self, order: u64, section: Section) -> u32;
        async fn count(&self, a: u16, b: u16) -> u8;
        async fn sell(&self, order: u64, section: Billet) -> Result<Billet, Refused>;
        async fn sit(&self, seat: Stool) -> u32;
    }
}

/// Counts the handlers that ran.
#[derive(Clone, Default)]
struct Hall(Arc<AtomicUsize>);

impl Hall {
    fn ran<T>(&self, value: T) -> T {
        self.0.fetch_add(1, Ordering::SeqCst);
        value
    }

    fn runs(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl old::Office for Hall {
    async fn sit(&self, seat: old::Seat) -> u32 {
        self.ran(seat.number)
    }
    async fn sell(&self, _: u64, section: old::Ticket) -> Result<old::Ticket, old::Refused> {
        self.ran(Ok(section))
    }
    async fn count(&self, a: u8, _: u8) -> u8 {
        self.ran(a)
    }
    async fn free(&self, order: u64, _: old::Section) -> u32 {
        self.ran(order as u32)
    }
    async fn reserve(&self, section: old::Section) -> Result<old::Section, old::Section> {
        self.ran(Ok(section))
    }
    async fn plan(&self, plan: old::Plan) -> old::Plan {
        self.ran(plan)
    }
    async fn inserted(&self, _: old::Section) -> u32 {
        self.ran(1)
    }
    async fn reordered(&self, _: old::Section) -> u32 {
        self.ran(1)
    }
    async fn renamed(&self, _: old::Section) -> u32 {
        self.ran(1)
    }
    async fn hidden(&self) -> old::Section {
        self.ran(old::Section::Stalls)
    }
    async fn blind(&self, what: Vec<u8>, _: old::Section) -> u32 {
        self.ran(what.len() as u32)
    }
}

impl new::Office for Hall {
    async fn sit(&self, seat: new::Stool) -> u32 {
        self.ran(seat.next.map_or(0, |next| next.number))
    }
    async fn sell(&self, _: u64, section: new::Billet) -> Result<new::Billet, new::Refused> {
        self.ran(Ok(section))
    }
    async fn count(&self, a: u16, _: u16) -> u8 {
        self.ran(a as u8)
    }
    async fn free(&self, order: u64, _: new::Section) -> u32 {
        self.ran(order as u32)
    }
    /// Stalls are there; a box is answered with a balcony, and a balcony is refused with a tier.
    async fn reserve(&self, section: new::Section) -> Result<new::Section, new::Section> {
        self.ran(match section {
            new::Section::Stalls => Ok(section),
            new::Section::Box { number: 0 } => Ok(new::Section::Balcony),
            _ => Err(new::Section::Tier(vec![Some("2".to_owned())])),
        })
    }
    async fn plan(&self, mut plan: new::Plan) -> new::Plan {
        if let Some(trees) = plan.get_mut(&new::Section::Box { number: 7 }) {
            trees.push(Some(new::Tree::Node(vec![new::Tree::Bare(new::Place { row: 1 })])));
        }
        self.ran(plan)
    }
    async fn inserted(&self, _: new::Inserted) -> u32 {
        self.ran(1)
    }
    async fn reordered(&self, _: new::Reordered) -> u32 {
        self.ran(1)
    }
    async fn renamed(&self, _: new::Renamed) -> u32 {
        self.ran(1)
    }
    async fn hidden(&self) -> new::Section {
        self.ran(new::Section::Balcony)
    }
    async fn blind(&self, what: Vec<u8>, _: new::Section) -> u32 {
        self.ran(what.len() as u32)
    }
}

async fn old_server() -> (Running, Hall) {
    let hall = Hall::default();
    (run(Server::new().add(old::OfficeServer::new(hall.clone()))).await, hall)
}

async fn new_server() -> (Running, Hall) {
    let hall = Hall::default();
    (run(Server::new().add(new::OfficeServer::new(hall.clone()))).await, hall)
}

/// A client that speaks the last codec that was compiled in: with the feature `postcard` all of this is tested with it.
async fn client<C: Client>(server: &Running) -> C {
    let codec = CodecId::AVAILABLE.last().copied().unwrap_or_default();
    soon(carnegie::connect(server.address).codec(codec)).await.unwrap()
}

/// What both ends of the text say.
fn there(server: &Running) -> String {
    format!(" (here: this client, there: the server at {}) (not executed)", server.address)
}

fn failed<T, E: std::fmt::Debug>(result: Result<T, CallError<E>>) -> Error {
    match result {
        Err(CallError::Failed(error)) => error,
        Err(CallError::Application(refusal)) => panic!("a failure of the framework, not {refusal:?}"),
        Ok(_) => panic!("a failure of the framework"),
    }
}

#[tokio::test]
async fn renamed_types_and_reordered_methods_are_harmless() {
    let (server, _) = new_server().await;
    let office: old::OfficeClient = client(&server).await;
    let next = Some(Box::new(old::Seat { number: 8, next: None }));
    assert_eq!(soon(office.sit(old::Seat { number: 7, next })).await.unwrap(), 8);
}

#[tokio::test]
async fn all_places_where_a_method_differs_are_named() {
    let (server, hall) = new_server().await;
    let office: old::OfficeClient = client(&server).await;
    assert!(!office.supports("sell"));
    let sent = office.channel().stats().bytes_out;
    let error = failed(soon(office.sell(1, old::Ticket { row: 1, seat: 2 })).await);
    let Error::SignatureMismatch { differences, runs_once: false, .. } = &error else {
        panic!("a mismatch, not {error}")
    };
    let all: Vec<String> = differences.iter().map(ToString::to_string).collect();
    let expected = [
        "sell: argument 2 (section).row: u32 here, u64 there",
        "sell: argument 2 (section).seat: u32 here, u64 there",
        "sell: result.row: u32 here, u64 there",
        "sell: result.seat: u32 here, u64 there",
        "sell: error.Limit.limit: u32 here, u64 there",
    ];
    assert_eq!(all, expected);
    let text = "BoxOffice.sell: argument 2 (section).row: u32 here, u64 there; argument 2 (section).seat: u32 here, \
                u64 there; result.row: u32 here, u64 there; result.seat: u32 here, u64 there; error.Limit.limit: \
                u32 here, u64 there";
    assert_eq!(error.to_string(), format!("{text}{}", there(&server)));
    assert_eq!((error.execution(), error.code()), (Execution::NotExecuted, Code::FailedPrecondition));
    assert_eq!((office.channel().stats().bytes_out, hall.runs()), (sent, 0), "nothing was sent");
}

#[tokio::test]
async fn two_arguments_that_changed_alike_are_both_named() {
    let (server, _) = old_server().await;
    let office: new::OfficeClient = client(&server).await;
    let error = soon(office.count(1, 2)).await.unwrap_err();
    let text = "BoxOffice.count: argument 1 (a): u16 here, u8 there; argument 2 (b): u16 here, u8 there";
    assert_eq!(error.to_string(), format!("{text}{}", there(&server)));
}

#[tokio::test]
async fn variants_inserted_reordered_or_renamed_disable_their_method_alone() {
    let (server, hall) = new_server().await;
    let office: old::OfficeClient = client(&server).await;
    let stalls = old::Section::Stalls;
    for (error, place) in [
        (
            soon(office.inserted(stalls)).await.unwrap_err(),
            "inserted: argument 1 (section).Balcony: nothing here, variant 2 there",
        ),
        (
            soon(office.reordered(stalls)).await.unwrap_err(),
            "reordered: argument 1 (section), order of variants: Stalls before Box here, Box before Stalls there",
        ),
        (
            soon(office.renamed(stalls)).await.unwrap_err(),
            "renamed: argument 1 (section), variant 2: `Box` here, `Loge` there",
        ),
    ] {
        assert_eq!(error.to_string(), format!("BoxOffice.{place}{}", there(&server)));
        assert_eq!(error.execution(), Execution::NotExecuted);
    }
    assert_eq!(hall.runs(), 0);
    assert_eq!(soon(office.free(7, stalls)).await.unwrap(), 7);
}

#[tokio::test]
async fn a_client_whose_server_has_appended_variants_calls_on() {
    let (server, hall) = new_server().await;
    let office: old::OfficeClient = client(&server).await;
    assert!(office.supports("free") && office.supports("reserve") && office.supports("plan"));
    assert_eq!(soon(office.free(7, old::Section::Box { number: 3 })).await.unwrap(), 7);
    assert_eq!(soon(office.reserve(old::Section::Stalls)).await.unwrap(), old::Section::Stalls);
    let plan =
        old::Plan::from([(old::Section::Stalls, vec![None, Some(old::Tree::Leaf(old::Section::Stalls))])]);
    assert_eq!(soon(office.plan(plan.clone())).await.unwrap(), plan);
    assert_eq!(hall.runs(), 3);
}

#[tokio::test]
async fn a_client_that_has_appended_variants_calls_an_older_server_with_all_others() {
    let (server, _) = old_server().await;
    let office: new::OfficeClient = client(&server).await;
    assert!(office.supports("free") && office.supports("reserve") && office.supports("plan"));
    assert_eq!(soon(office.free(7, new::Section::Box { number: 3 })).await.unwrap(), 7);
    let section = soon(office.reserve(new::Section::Stalls)).await.unwrap();
    assert_eq!(section, new::Section::Stalls);
}

#[tokio::test]
async fn an_argument_that_the_server_does_not_know_fails_alone_and_is_not_sent() {
    let (server, hall) = old_server().await;
    let office: new::OfficeClient = client(&server).await;
    let sent = office.channel().stats().bytes_out;
    let error = soon(office.free(7, new::Section::Balcony)).await.unwrap_err();
    let address = server.address;
    assert_eq!(
        error.to_string(),
        format!(
            "BoxOffice.free: the server at {address} does not know Section::Balcony (argument 2 (section)); it knows \
             2 variants of Section (not executed)"
        )
    );
    assert_eq!((error.execution(), error.code()), (Execution::NotExecuted, Code::InvalidArgument));
    assert!(!error.is_retryable());
    assert_eq!((office.channel().stats().bytes_out, hall.runs()), (sent, 0), "nothing was sent");
    assert_eq!(soon(office.free(8, new::Section::Stalls)).await.unwrap(), 8);
    assert_eq!(server.server.stats().connections, 1);
}

#[tokio::test]
async fn an_argument_that_is_not_known_is_found_wherever_it_is() {
    let (server, hall) = old_server().await;
    let office: new::OfficeClient = client(&server).await;
    let (stalls, tier) = (new::Section::Stalls, new::Section::Tier(vec![]));
    let nested =
        new::Tree::Node(vec![new::Tree::Leaf(stalls.clone()), new::Tree::Bare(new::Place { row: 1 })]);
    let deep = new::Tree::Node(vec![new::Tree::Node(vec![new::Tree::Leaf(tier.clone())])]);
    for (plan, what) in [
        (new::Plan::from([(tier, vec![])]), "Section::Tier (argument 1 (plan)[key])"),
        (
            new::Plan::from([(stalls.clone(), vec![None, Some(nested)])]),
            "Tree::Bare (argument 1 (plan)[value][]?.Node[])",
        ),
        (
            new::Plan::from([(stalls, vec![Some(deep)])]),
            "Section::Tier (argument 1 (plan)[value][]?.Node[].Node[].Leaf)",
        ),
    ] {
        let error = soon(office.plan(plan)).await.unwrap_err();
        let begin = format!(
            "BoxOffice.plan: the server at {} does not know {what}; it knows 2 variants of ",
            server.address
        );
        assert!(error.to_string().starts_with(&begin), "{error}");
        assert_eq!(error.execution(), Execution::NotExecuted);
    }
    assert_eq!(hall.runs(), 0);
}

#[tokio::test]
async fn an_argument_that_the_client_cannot_judge_is_refused_by_the_server_before_the_handler_starts() {
    let (server, hall) = old_server().await;
    let office: new::OfficeClient = client(&server).await;
    assert_eq!(soon(office.blind(vec![1, 2], new::Section::Stalls)).await.unwrap(), 2);
    let error = soon(office.blind(vec![1, 2], new::Section::Balcony)).await.unwrap_err();
    let text = format!(
        "BoxOffice.blind: refused by {}: Section has no variant with index 2: the side \
         that reads knows 2 variants, the side that wrote is likely newer (not executed)",
        server.address
    );
    assert_eq!(said(&error), text);
    assert_eq!((error.execution(), error.code()), (Execution::NotExecuted, Code::InvalidArgument));
    assert_eq!(hall.runs(), 1);
    assert_eq!(soon(office.blind(vec![1], new::Section::Stalls)).await.unwrap(), 1);
}

#[tokio::test]
async fn a_result_that_the_client_does_not_know_fails_alone_as_executed() {
    let (server, hall) = new_server().await;
    let office: old::OfficeClient = client(&server).await;
    let error = failed(soon(office.reserve(old::Section::Box { number: 0 })).await);
    let address = server.address;
    assert_eq!(
        said(&error),
        format!(
            "BoxOffice.reserve: this client does not know Section::Balcony (result), which the server at {address} \
             sent; it knows 2 variants of Section (executed)"
        )
    );
    assert_eq!((error.execution(), error.code(), hall.runs()), (Execution::Executed, Code::Internal, 1));
    assert!(error.request_id().is_some() && !error.is_retryable());
    assert_eq!(soon(office.reserve(old::Section::Stalls)).await.unwrap(), old::Section::Stalls);
    assert_eq!(server.server.stats().connections, 1, "the connection lives on");
}

#[tokio::test]
async fn a_refusal_that_the_client_does_not_know_fails_alone_as_executed() {
    let (server, hall) = new_server().await;
    let office: old::OfficeClient = client(&server).await;
    let error = failed(soon(office.reserve(old::Section::Box { number: 9 })).await);
    let text = error.to_string();
    assert!(text.contains("this client does not know Section::Tier (error), which"), "{text}");
    assert_eq!((error.execution(), hall.runs()), (Execution::Executed, 1));
}

#[tokio::test]
async fn a_result_that_is_not_known_is_found_wherever_it_is() {
    let (server, _) = new_server().await;
    let office: old::OfficeClient = client(&server).await;
    let plan = old::Plan::from([(old::Section::Box { number: 7 }, vec![None])]);
    let text = soon(office.plan(plan)).await.unwrap_err().to_string();
    assert!(text.contains("this client does not know Tree::Bare (result[value][]?.Node[]), which"), "{text}");
}

#[tokio::test]
async fn a_result_behind_a_type_without_a_structure_says_what_is_known_and_that_it_was_executed() {
    let (server, hall) = new_server().await;
    let office: old::OfficeClient = client(&server).await;
    let error = soon(office.hidden()).await.unwrap_err();
    let text = "BoxOffice.hidden: the reply cannot be read: Section has no variant with index 2: the side that reads knows \
                2 variants, the side that wrote is likely newer (executed)";
    assert_eq!(said(&error), text);
    assert_eq!((error.execution(), hall.runs()), (Execution::Executed, 1));
}

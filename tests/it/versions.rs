//! What a change of a trait does to clients and servers of the other version: the rows of `docs/versions.md` that other
//! files do not test already, each in both directions.

use crate::support::{Running, closed_address, patient, run, run_at, soon};
use carnegie::{Client, Error, Execution, Schema, Server, connect};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::future::IntoFuture;
use std::time::Duration;

macro_rules! types {
    ($($name:ident { $($field:ident: $type:ty),* })*) => { $(
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Schema)]
        pub(crate) struct $name { $(pub(crate) $field: $type),* }
    )* };
}

/// The first version.
mod old {
    use super::*;

    types! {
        Added { row: u8 }
        Removed { row: u8, seat: u8 }
        Swapped { row: u8, seat: u8 }
        Renamed { row: u8 }
    }

    #[carnegie::service(name = "Rows", version = "1.0")]
    pub(crate) trait Rows {
        async fn argument_added(&self, row: u8) -> u8;
        async fn argument_removed(&self, row: u8, seat: u8) -> u8;
        async fn arguments_swapped(&self, row: u8, seat: u8) -> u8;
        async fn argument_renamed(&self, row: u8) -> u8;
        async fn field_added(&self, place: Added) -> u8;
        async fn field_removed(&self, place: Removed) -> u8;
        async fn fields_swapped(&self, place: Swapped) -> u8;
        async fn field_renamed(&self, place: Renamed) -> u8;
        async fn made_optional(&self, row: u8) -> u8;
        async fn made_fallible(&self) -> u8;
        async fn looks_alike(&self, name: String, rows: Vec<u16>, count: u64) -> Vec<u16>;
        async fn removed(&self, row: u8) -> u8;
        #[rpc(timeout = "5s")]
        async fn options(&self, row: u8) -> u8;
    }
}

/// The second one.
mod new {
    use super::*;

    types! {
        Added { row: u8, seat: u8 }
        Removed { row: u8 }
        Swapped { seat: u8, row: u8 }
        Renamed { line: u8 }
    }

    /// A newtype is what it holds.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
    pub(crate) struct Count(pub(crate) usize);

    #[carnegie::service(name = "Rows", version = "1.1")]
    pub(crate) trait Rows {
        async fn argument_added(&self, row: u8, seat: u8) -> u8;
        async fn argument_removed(&self, row: u8) -> u8;
        async fn arguments_swapped(&self, seat: u8, row: u8) -> u8;
        async fn argument_renamed(&self, line: u8) -> u8;
        async fn field_added(&self, place: Added) -> u8;
        async fn field_removed(&self, place: Removed) -> u8;
        async fn fields_swapped(&self, place: Swapped) -> u8;
        async fn field_renamed(&self, place: Renamed) -> u8;
        async fn made_optional(&self, row: Option<u8>) -> u8;
        async fn made_fallible(&self) -> Result<u8, String>;
        async fn looks_alike(&self, name: &str, rows: VecDeque<u16>, count: Count) -> Box<[u16]>;
        #[rpc(timeout = "7s", blocking)]
        async fn options(&self, row: u8) -> u8;
        #[rpc(since = "1.1")]
        async fn added(&self, row: u8) -> u8;
    }
}

struct Hall;

impl old::Rows for Hall {
    async fn argument_added(&self, row: u8) -> u8 {
        row
    }
    async fn argument_removed(&self, row: u8, _: u8) -> u8 {
        row
    }
    async fn arguments_swapped(&self, row: u8, _: u8) -> u8 {
        row
    }
    async fn argument_renamed(&self, row: u8) -> u8 {
        row
    }
    async fn field_added(&self, place: old::Added) -> u8 {
        place.row
    }
    async fn field_removed(&self, place: old::Removed) -> u8 {
        place.row
    }
    async fn fields_swapped(&self, place: old::Swapped) -> u8 {
        place.row
    }
    async fn field_renamed(&self, place: old::Renamed) -> u8 {
        place.row
    }
    async fn made_optional(&self, row: u8) -> u8 {
        row
    }
    async fn made_fallible(&self) -> u8 {
        1
    }
    async fn looks_alike(&self, _: String, rows: Vec<u16>, _: u64) -> Vec<u16> {
        rows
    }
    async fn removed(&self, row: u8) -> u8 {
        row
    }
    async fn options(&self, row: u8) -> u8 {
        row
    }
}

impl new::Rows for Hall {
    async fn argument_added(&self, row: u8, _: u8) -> u8 {
        row
    }
    async fn argument_removed(&self, row: u8) -> u8 {
        row
    }
    async fn arguments_swapped(&self, _: u8, row: u8) -> u8 {
        row
    }
    async fn argument_renamed(&self, line: u8) -> u8 {
        line
    }
    async fn field_added(&self, place: new::Added) -> u8 {
        place.row
    }
    async fn field_removed(&self, place: new::Removed) -> u8 {
        place.row
    }
    async fn fields_swapped(&self, place: new::Swapped) -> u8 {
        place.row
    }
    async fn field_renamed(&self, place: new::Renamed) -> u8 {
        place.line
    }
    async fn made_optional(&self, row: Option<u8>) -> u8 {
        row.unwrap_or_default()
    }
    async fn made_fallible(&self) -> Result<u8, String> {
        Ok(1)
    }
    async fn looks_alike(&self, _: &str, rows: VecDeque<u16>, _: new::Count) -> Box<[u16]> {
        Vec::from(rows).into()
    }
    async fn options(&self, row: u8) -> u8 {
        row
    }
    async fn added(&self, row: u8) -> u8 {
        row
    }
}

fn old_rows() -> Server {
    Server::new().add(old::RowsServer::new(Hall))
}

fn new_rows() -> Server {
    Server::new().add(new::RowsServer::new(Hall))
}

/// An old client with a new server, and a new client with an old one.
struct Both {
    old: old::RowsClient,
    new: new::RowsClient,
    new_server: Running,
    old_server: Running,
}

async fn both() -> Both {
    let (new_server, old_server) = (run(new_rows()).await, run(old_rows()).await);
    Both { old: new_server.client().await, new: old_server.client().await, new_server, old_server }
}

/// The method is disabled on either side, and each client names the place as it sees it.
fn differ<T: std::fmt::Debug>(both: &Both, old: Result<T, Error>, new: Result<T, Error>, texts: [&str; 2]) {
    for (result, server, text) in [(old, &both.new_server, texts[0]), (new, &both.old_server, texts[1])] {
        let error = result.unwrap_err();
        assert!(matches!(error, Error::SignatureMismatch { .. }), "{error}");
        let ends = format!("(here: this client, there: the server at {}) (not executed)", server.address);
        assert_eq!(error.to_string(), format!("Rows.{text} {ends}"));
        assert_eq!(error.execution(), Execution::NotExecuted);
    }
}

#[tokio::test]
async fn an_argument_that_was_added_or_removed_disables_its_method() {
    let both = both().await;
    let (old, new) = (soon(both.old.argument_added(1)).await, soon(both.new.argument_added(1, 2)).await);
    let texts = [
        "argument_added: argument 2 (seat): nothing here, u8 there",
        "argument_added: argument 2 (seat): u8 here, nothing there",
    ];
    differ(&both, old, new, texts);
    let (old, new) = (soon(both.old.argument_removed(1, 2)).await, soon(both.new.argument_removed(1)).await);
    let texts = [
        "argument_removed: argument 2 (seat): u8 here, nothing there",
        "argument_removed: argument 2 (seat): nothing here, u8 there",
    ];
    differ(&both, old, new, texts);
}

#[tokio::test]
async fn arguments_that_changed_places_or_names_disable_their_method() {
    let both = both().await;
    let (old, new) =
        (soon(both.old.arguments_swapped(1, 2)).await, soon(both.new.arguments_swapped(1, 2)).await);
    let texts = [
        "arguments_swapped: order of arguments: row before seat here, seat before row there",
        "arguments_swapped: order of arguments: seat before row here, row before seat there",
    ];
    differ(&both, old, new, texts);
    let (old, new) = (soon(both.old.argument_renamed(1)).await, soon(both.new.argument_renamed(1)).await);
    let texts = [
        "argument_renamed: argument 1: `row` here, `line` there",
        "argument_renamed: argument 1: `line` here, `row` there",
    ];
    differ(&both, old, new, texts);
}

#[tokio::test]
async fn a_field_that_was_added_or_removed_disables_the_methods_that_use_it() {
    let both = both().await;
    let (old, new) = (
        soon(both.old.field_added(Default::default())).await,
        soon(both.new.field_added(Default::default())).await,
    );
    let texts = [
        "field_added: argument 1 (place).seat: nothing here, u8 there",
        "field_added: argument 1 (place).seat: u8 here, nothing there",
    ];
    differ(&both, old, new, texts);
    let (old, new) = (
        soon(both.old.field_removed(Default::default())).await,
        soon(both.new.field_removed(Default::default())).await,
    );
    let texts = [
        "field_removed: argument 1 (place).seat: u8 here, nothing there",
        "field_removed: argument 1 (place).seat: nothing here, u8 there",
    ];
    differ(&both, old, new, texts);
}

#[tokio::test]
async fn fields_that_changed_places_or_names_disable_the_methods_that_use_them() {
    let both = both().await;
    let (old, new) = (
        soon(both.old.fields_swapped(Default::default())).await,
        soon(both.new.fields_swapped(Default::default())).await,
    );
    let texts = [
        "fields_swapped: argument 1 (place), order of fields: row before seat here, seat before row there",
        "fields_swapped: argument 1 (place), order of fields: seat before row here, row before seat there",
    ];
    differ(&both, old, new, texts);
    let (old, new) = (
        soon(both.old.field_renamed(Default::default())).await,
        soon(both.new.field_renamed(Default::default())).await,
    );
    let texts = [
        "field_renamed: argument 1 (place), field 1: `row` here, `line` there",
        "field_renamed: argument 1 (place), field 1: `line` here, `row` there",
    ];
    differ(&both, old, new, texts);
}

#[tokio::test]
async fn a_type_that_became_optional_or_fallible_disables_the_methods_that_use_it() {
    let both = both().await;
    let (old, new) = (soon(both.old.made_optional(1)).await, soon(both.new.made_optional(Some(1))).await);
    let texts = [
        "made_optional: argument 1 (row): u8 here, Option<u8> there",
        "made_optional: argument 1 (row): Option<u8> here, u8 there",
    ];
    differ(&both, old, new, texts);
    let new = soon(both.new.made_fallible()).await.map_err(|error| match error {
        carnegie::CallError::Failed(error) => error,
        carnegie::CallError::Application(refusal) => panic!("no handler ran: {refusal}"),
    });
    let texts = [
        "made_fallible: result: u8 here, Result<u8, String> there",
        "made_fallible: result: Result<u8, String> here, u8 there",
    ];
    differ(&both, soon(both.old.made_fallible()).await, new, texts);
}

#[tokio::test]
async fn types_that_look_alike_on_the_wire_may_stand_for_each_other() {
    let both = both().await;
    let rows = vec![1, 2, 300];
    let old = soon(both.old.looks_alike("a".to_owned(), rows.clone(), 3)).await.unwrap();
    let new = soon(both.new.looks_alike("a", rows.clone().into(), new::Count(3))).await.unwrap();
    assert_eq!((&old, &*new), (&rows, &*rows));
}

#[tokio::test]
async fn a_method_that_was_removed_is_missing_to_old_clients_alone() {
    let both = both().await;
    let error = soon(both.old.removed(1)).await.unwrap_err();
    assert!(matches!(error, Error::Unimplemented { .. }), "{error}");
    assert_eq!(error.execution(), Execution::NotExecuted);
    assert!(!both.old.supports("removed") && both.new.supports("options"));
}

#[tokio::test]
async fn timeouts_and_how_a_handler_runs_are_each_sides_own() {
    let both = both().await;
    assert_eq!(soon(both.old.options(1)).await.unwrap(), 1);
    assert_eq!(soon(both.new.options(2)).await.unwrap(), 2);
}

/// Binds before there is a server, then starts the server.
async fn client_first<C: Client>(server: Server) -> (C, Running) {
    let (_held, address) = closed_address();
    let waiting = connect::<C>(address).limits(patient()).wait_for_server(Duration::from_secs(60));
    let waiting = tokio::spawn(waiting.into_future());
    tokio::task::yield_now().await;
    let server = run_at(server, &address.to_string()).await;
    (soon(waiting).await.unwrap().unwrap(), server)
}

#[tokio::test]
async fn clients_and_servers_of_two_versions_may_be_started_in_either_order() {
    let servers_first = both().await;
    let (old, new_server) = client_first(new_rows()).await;
    let (new, old_server) = client_first(old_rows()).await;
    for both in [servers_first, Both { old, new, new_server, old_server }] {
        assert_eq!(soon(both.old.options(1)).await.unwrap(), 1);
        assert_eq!(soon(both.new.options(2)).await.unwrap(), 2);
        assert!(!both.old.supports("removed") && !both.new.supports("added"));
        let error = soon(both.new.added(1)).await.unwrap_err();
        let address = both.old_server.address;
        assert_eq!(
            error.to_string(),
            format!(
                "the server at {address} has no method Rows.added (Rows 1.0): it is there since 1.1; this client was \
                 compiled against Rows 1.1; update the server (not executed)"
            )
        );
        assert_eq!(error.execution(), Execution::NotExecuted);
    }
}

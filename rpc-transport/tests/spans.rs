//! What an observer sees of a call.

mod support;

use rpc_transport::connect;
use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};
use support::{Act, EchoClient, server, soon};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Writes the fields of everything that concerns calls into one text.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<String>>);

impl Visit for Notes {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        writeln!(self.0.lock().unwrap(), "{}={value:?}", field.name()).unwrap();
    }
}

impl Subscriber for Notes {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "carnegie::call"
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut self.clone());
        Id::from_u64(1)
    }
    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }
    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn a_calls_span_names_its_method_its_request_id_and_its_end() {
    let (address, _seen) = server(Act::Echo).await;
    let client: EchoClient = soon(connect(address)).await.unwrap();
    let notes = Notes::default();
    let _observed = tracing::subscriber::set_default(notes.clone());
    soon(client.echo(b"seat 7")).await.unwrap();
    let noted = notes.0.lock().unwrap().clone();
    for said in ["method=\"Echo.echo\"", "request_id=7-0-1", "verdict=Ok"] {
        assert_eq!(noted.matches(said).count(), 1, "{said} is not there once\n{noted}");
    }
}

//! What a handler knows of its call, and what its own calls inherit.

use carnegie::{Code, CodecId, Context, Error, Execution, Server, context, service};
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The last one that is compiled in: with the feature `postcard` these tests pass with that codec too.
const CODEC: CodecId = CodecId::AVAILABLE[CodecId::AVAILABLE.len() - 1];

#[service]
trait Relay {
    async fn facts(&self, cx: &Context, key: &str) -> Vec<String>;
    /// Milliseconds that the last of so many handlers has left.
    async fn left(&self, hops: u8) -> u64;
    /// The same, asked for in a task that the handler spawns.
    async fn left_in_a_task(&self, inherits: bool) -> u64;
    /// Fails after so many hops, each of which passes the failure on.
    async fn fails(&self, hops: u8) -> Result<(), Error>;
    async fn panics(&self);
}

#[derive(Default)]
struct Node {
    next: OnceLock<RelayClient>,
}

fn left() -> u64 {
    context::inherited()
        .map_or(0, |deadline| deadline.saturating_duration_since(Instant::now()).as_millis() as u64)
}

impl Node {
    fn next(&self) -> &RelayClient {
        self.next.get().expect("set before the first call")
    }
}

impl Relay for Node {
    async fn facts(&self, cx: &Context, key: &str) -> Vec<String> {
        // The context is lent across this.
        tokio::task::yield_now().await;
        let all: Vec<_> = cx.metadata_all().map(|(key, value)| format!("{key}={value}")).collect();
        vec![
            cx.request_id().to_string(),
            cx.attempt().to_string(),
            cx.peer().to_owned(),
            format!("{:?}", cx.metadata(key)),
            all.join(" "),
            cx.remaining().as_millis().to_string(),
            (cx.deadline() > Instant::now() && !cx.is_cancelled()).to_string(),
        ]
    }

    async fn left(&self, hops: u8) -> u64 {
        if hops == 0 {
            return left();
        }
        if hops.is_multiple_of(2) {
            // Half of the handlers are moved to a task of their own before they call on.
            tokio::task::yield_now().await;
        }
        self.next().left(hops - 1).await.unwrap()
    }

    async fn left_in_a_task(&self, inherits: bool) -> u64 {
        let next = self.next().clone();
        let call = async move { next.left(0).await.unwrap() };
        let task = if inherits { tokio::spawn(context::inherit(call)) } else { tokio::spawn(call) };
        task.await.unwrap()
    }

    async fn fails(&self, hops: u8) -> Result<(), Error> {
        match hops {
            0 => self.next().panics().await,
            _ => self.next().fails(hops - 1).await,
        }
    }

    async fn panics(&self) {
        panic!("the vault is shut")
    }
}

/// A server that is its own next hop.
async fn relay() -> (RelayClient, SocketAddr) {
    let node = std::sync::Arc::new(Node::default());
    let bound = Server::new().add(RelayServer::from(node.clone())).bind("127.0.0.1:0").await.unwrap();
    let address = bound.local_addr();
    tokio::spawn(bound.run());
    let client: RelayClient = carnegie::connect(address).codec(CODEC).await.unwrap();
    node.next.set(carnegie::connect(address).codec(CODEC).await.unwrap()).unwrap();
    (client, address)
}

#[tokio::test]
async fn a_handler_knows_its_call_its_caller_and_how_long_it_has() {
    let (relay, _) = relay().await;
    let facts = relay
        .facts("language")
        .metadata("language", "de")
        .metadata("seat", "7")
        .metadata("language", "en")
        .timeout(Duration::from_secs(3))
        .await
        .unwrap();
    let [id, attempt, peer, language, all, remaining, waits] = facts.try_into().unwrap();
    assert_eq!(id.split('-').count(), 3, "{id}");
    assert_eq!(attempt, "1");
    assert!(peer.starts_with("127.0.0.1:"), "{peer}");
    assert_eq!(language, r#"Some("de")"#);
    assert_eq!(all, "language=de seat=7 language=en");
    assert!((1..=3000).contains(&remaining.parse::<u64>().unwrap()), "{remaining}");
    assert_eq!(waits, "true");
}

#[tokio::test]
async fn a_call_without_metadata_has_none() {
    let (relay, _) = relay().await;
    let facts = relay.facts("language").await.unwrap();
    assert_eq!((facts[3].as_str(), facts[4].as_str()), ("None", ""));
}

#[tokio::test]
async fn nested_calls_inherit_the_budget_whether_their_handler_was_moved_or_not() {
    let (relay, _) = relay().await;
    for hops in 0..6 {
        let left = relay.left(hops).timeout(Duration::from_secs(5)).await.unwrap();
        // A part of a millisecond counts as a whole one, at every hop.
        assert!((1..=5_006).contains(&left), "{hops} hops: {left} ms");
    }
    assert_eq!(context::inherited(), None);
}

#[tokio::test]
async fn a_task_that_a_handler_spawns_inherits_if_it_is_told_to() {
    let (relay, _) = relay().await;
    let window = Duration::from_secs(5);
    let left = relay.left_in_a_task(true).timeout(window).await.unwrap();
    assert!((1..=5_002).contains(&left), "{left} ms");
    let left = relay.left_in_a_task(false).timeout(window).await.unwrap();
    assert!(left > 5_002, "{left} ms");
}

#[tokio::test]
async fn a_failure_that_handlers_pass_on_names_every_hop_and_its_reason_once() {
    let (relay, address) = relay().await;
    let error = relay.fails(2).await.unwrap_err();
    let hops: Vec<_> = error.hops().iter().map(ToString::to_string).collect();
    let hop = |method| format!("Relay.{method} {address}");
    assert_eq!(hops, [hop("fails"), hop("fails"), hop("panics")]);
    assert_eq!((error.code(), error.execution()), (Code::Internal, Execution::Executed));
    let text = error.to_string();
    assert_eq!(text.matches("the vault is shut").count(), 1, "{text}");
}

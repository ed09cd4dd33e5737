//! Sizes: what is beyond a limit is refused where it costs least, with both numbers, and nothing else suffers.

use crate::box_office::{Chain, Events, OfficeClient, hall};
use crate::support::{Running, patient, run, soon};
use carnegie::{Code, Error, Execution, Limits, Server, connect, service};
use std::time::Duration;

fn limits(message_max: usize) -> Limits {
    Limits::default().message_max(message_max)
}

async fn office(server: Limits, mut client: Limits) -> (Running, OfficeClient, Events) {
    let (office, events) = hall();
    let server = run(Server::new().add(office).limits(server)).await;
    client.probe_after = patient().probe_after;
    let client = soon(connect(server.address).limits(client)).await.unwrap();
    (server, client, events)
}

/// As many bytes as make a request of that size: one for a short length, three for a longer one.
fn data(request: usize) -> Vec<u8> {
    vec![7; request - if request <= 251 { 1 } else { 3 }]
}

#[tokio::test]
async fn a_request_beyond_the_servers_limit_is_not_sent() {
    let (server, office, mut events) = office(limits(10_000), Limits::default()).await;
    assert_eq!(soon(office.store(data(10_000))).await.unwrap(), 9_997);
    let sent = server.server.stats().bytes_in;
    let error = soon(office.store(data(10_001))).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Office.store: the request has 10001 bytes, but the server's limit is 10000 (not executed)"
    );
    assert_eq!((error.code(), error.execution()), (Code::ResourceExhausted, Execution::NotExecuted));
    soon(office.look()).await.unwrap();
    assert!(server.server.stats().bytes_in - sent < 100);
    assert_eq!(events.so_far(), [("store", 9_997), ("look", 0)]);
}

#[tokio::test]
async fn a_request_beyond_the_clients_own_limit_is_not_sent() {
    let (_server, office, mut events) = office(Limits::default(), limits(10_000)).await;
    let error = soon(office.store(data(10_001))).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Office.store: the request has 10001 bytes, but this client's limit is 10000 (not executed)"
    );
    assert_eq!(soon(office.store(data(10_000))).await.unwrap(), 9_997);
    assert_eq!(events.so_far(), [("store", 9_997)]);
}

#[tokio::test]
async fn a_reply_beyond_the_clients_limit_fails_its_call_alone_which_was_executed() {
    let (_server, office, mut events) = office(Limits::default(), limits(10_000)).await;
    assert_eq!(soon(office.fetch(9_997)).await.unwrap().len(), 9_997);
    let error = soon(office.fetch(9_998)).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("the reply has 10001 bytes, but the client's limit is 10000 (executed)"), "{text}");
    assert_eq!((error.code(), error.execution()), (Code::ResourceExhausted, Execution::Executed));
    soon(office.look()).await.unwrap();
    assert_eq!(events.so_far(), [("fetch", 9_997), ("fetch", 9_998), ("look", 0)]);
}

#[tokio::test]
async fn a_reply_beyond_the_servers_limit_fails_its_call_alone_which_was_executed() {
    let (_server, office, _events) = office(limits(10_000), Limits::default()).await;
    let error = soon(office.fetch(100_000)).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("the reply has 100003 bytes") || text.contains("the reply has 100005 bytes"),
        "{text}"
    );
    assert!(text.contains("this server's limit is 10000 (executed)"), "{text}");
    soon(office.look()).await.unwrap();
}

#[tokio::test]
async fn metadata_of_eight_kibibytes_passes_and_a_byte_more_does_not() {
    let (_server, office, mut events) = office(Limits::default(), Limits::default()).await;
    let value = "x".repeat((8 << 10) - 5);
    soon(office.sell(1, "Ada").metadata("k", &value)).await.unwrap();
    let error = soon(office.sell(2, "Ada").metadata("ke", &value)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Office.sell: the metadata has 8193 bytes, but the protocol's limit is 8192 (not executed)"
    );
    assert_eq!((error.code(), error.execution()), (Code::ResourceExhausted, Execution::NotExecuted));
    assert_eq!(events.so_far(), [("sell", 1)]);
}

#[tokio::test]
async fn messages_around_the_length_of_a_chunk_arrive_whole() {
    let (_server, office, _events) = office(Limits::default(), Limits::default()).await;
    for len in [0, 1, 65_530, 65_533, 65_536, 65_537, 131_072, 200_001] {
        assert_eq!(soon(office.store(vec![7; len])).await.unwrap(), len as u64);
        assert_eq!(soon(office.fetch(len as u64)).await.unwrap(), vec![7; len]);
    }
}

#[tokio::test]
async fn less_metadata_may_be_allowed_on_either_side() {
    let less = || Limits::default().metadata_max(100);
    let call = |office: OfficeClient, len: usize| async move {
        soon(office.sell(1, "Ada").metadata("k", "x".repeat(len - 5))).await
    };
    let (_server, strict, mut events) = office(Limits::default(), less()).await;
    call(strict.clone(), 100).await.unwrap();
    let error = call(strict, 101).await.unwrap_err();
    let told = "Office.sell: the metadata has 101 bytes, but this client's limit is 100 (not executed)";
    assert_eq!((error.to_string().as_str(), error.code()), (told, Code::ResourceExhausted));
    assert_eq!(events.so_far().len(), 1);

    let (_server, office, mut events) = office(less(), Limits::default()).await;
    call(office.clone(), 100).await.unwrap();
    let error = call(office, 101).await.unwrap_err();
    assert!(error.to_string().contains("101 bytes of metadata, at most 100 are accepted"), "{error}");
    assert_eq!((error.code(), error.execution()), (Code::ResourceExhausted, Execution::NotExecuted));
    assert_eq!(events.so_far().len(), 1);
}

fn chain(length: usize) -> Chain {
    (1..length).fold(Chain { next: None }, |next, _| Chain { next: Some(Box::new(next)) })
}

#[tokio::test]
async fn what_nests_deeper_than_one_side_allows_fails_alone_and_both_may_allow_more() {
    let (_server, strict, _events) = office(Limits::default(), Limits::default().nesting_max(20)).await;
    // A link is two levels: the structure, and its option.
    assert_eq!(soon(strict.chain(chain(10))).await.unwrap(), 9);
    let error = soon(strict.chain(chain(11))).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Office.chain: the arguments cannot be sent: values nest more than 20 deep (not executed)"
    );
    assert_eq!(error.execution(), Execution::NotExecuted);

    let (_server, office_of_few, _events) =
        office(Limits::default().nesting_max(20), Limits::default()).await;
    let error = soon(office_of_few.chain(chain(11))).await.unwrap_err();
    assert!(error.to_string().contains("values nest more than 20 deep"), "{error}");
    assert_eq!((error.code(), error.execution()), (Code::InvalidArgument, Execution::NotExecuted));
    assert_eq!(soon(office_of_few.chain(chain(10))).await.unwrap(), 9);

    let deep = || Limits::default().nesting_max(200);
    let (_server, office, _events) = office(deep(), deep()).await;
    assert_eq!(soon(office.chain(chain(100))).await.unwrap(), 99);
}

#[tokio::test]
async fn elements_of_size_zero_may_be_fewer_or_more_than_the_default() {
    let few = Limits::default().zero_sized_max(10);
    let (_server, strict, _events) = office(few, Limits::default()).await;
    assert_eq!(soon(strict.units(vec![(); 10])).await.unwrap(), 10);
    let error = soon(strict.units(vec![(); 11])).await.unwrap_err();
    assert_eq!((error.code(), error.execution()), (Code::InvalidArgument, Execution::NotExecuted));

    let many = || Limits::default().zero_sized_max(100_000);
    let (_server, office, _events) = office(many(), many()).await;
    assert_eq!(soon(office.units(vec![(); 100_000])).await.unwrap(), 100_000);
}

#[tokio::test]
async fn more_calls_than_slots_are_all_served() {
    let (_server, office, mut events) = office(Limits::default().slots(2), Limits::default()).await;
    let mut calls = tokio::task::JoinSet::new();
    for order in 0..100 {
        calls.spawn(office.sell(order, "Ada").into_owned());
    }
    let mut sold: Vec<_> =
        soon(calls.join_all()).await.into_iter().map(|ticket| ticket.unwrap().order).collect();
    sold.sort();
    assert!(sold.into_iter().eq(0..100));
    assert_eq!(events.so_far().len(), 100);
}

#[service]
trait Door {
    async fn knock(&self);
}

struct Wood;

impl Door for Wood {
    async fn knock(&self) {}
}

/// Every field is either this size or this time.
fn all(size: usize, time: Duration) -> Limits {
    let mut limits = Limits::default();
    limits.message_max = size;
    limits.slots = u32::try_from(size).unwrap_or(u32::MAX);
    limits.waiting_max = size;
    limits.outgoing_max = size;
    limits.gathering_max = size;
    limits.replies_max = size;
    limits.replies_all_max = size;
    limits.lease = time;
    limits.handshake = time;
    limits.call_timeout = time;
    limits.keep_alive = time;
    limits.probe_after = time;
    limits.pong_wait_min = time;
    // No connections or sessions at all are a limit that can be meant.
    limits.connections_max = size.max(16);
    limits.sessions_max = size.max(16);
    limits
}

#[tokio::test]
async fn a_call_works_whatever_the_limits_are() {
    let (none, endless) = (all(0, Duration::ZERO), all(usize::MAX, Duration::MAX));
    for (ours, theirs) in [(&none, &none), (&endless, &endless), (&none, &endless), (&endless, &none)] {
        let server = run(Server::new().add(DoorServer::new(Wood)).limits(theirs.clone())).await;
        // The shortest times do not outlast the pauses of a busy machine: then the next attempt does.
        let knock = async || {
            let door: DoorClient = connect(server.address).limits(ours.clone()).await.ok()?;
            door.knock().timeout(Duration::from_secs(5)).await.ok()
        };
        soon(async { while knock().await.is_none() {} }).await;
    }
}

#[tokio::test]
async fn a_call_too_many_in_the_queue_fails_at_once() {
    let (one_slot, short_queue) = (Limits::default().slots(1), Limits::default().waiting_max(2));
    let (_server, office, mut events) = office(one_slot, short_queue).await;
    let mut calls = vec![tokio::spawn(office.sell_later(0).into_owned())];
    assert_eq!(soon(events.did.recv()).await, Some(("sell_later", 0)));
    for order in 1..=2 {
        calls.push(tokio::spawn(office.sell_later(order).into_owned()));
        tokio::task::yield_now().await;
    }
    let error = soon(office.sell_later(3)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Office.sell_later: not sent: too many calls wait for a connection already (not executed)"
    );
    assert_eq!((error.code(), error.execution()), (Code::ResourceExhausted, Execution::NotExecuted));
    assert!(matches!(error, Error::NotSent { .. }) && error.is_retryable());
    events.doors.send(true).unwrap();
    for (order, call) in calls.into_iter().enumerate() {
        assert_eq!(soon(call).await.unwrap().unwrap(), order as u64);
    }
}

#[tokio::test]
async fn large_messages_of_many_calls_at_once_arrive_whole() {
    let (_server, office, _events) = office(Limits::default(), Limits::default()).await;
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..12_u64 {
        let (len, store, fetch) =
            (300_000 + number, office.store(vec![7; 300_000 + number as usize]), office.clone());
        let store = store.into_owned();
        calls.spawn(async move {
            assert_eq!(store.await.unwrap(), len);
            assert_eq!(fetch.fetch(len).await.unwrap().len() as u64, len);
        });
    }
    soon(calls.join_all()).await;
}

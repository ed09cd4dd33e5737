//! What became of calls that ended as unknown: told once it is certain, however the connection fares.

use crate::process::{Setup, start};
use crate::relay::Relay;
use crate::support::{CODEC, Running, patient, run, soon};
use carnegie::{CallError, Client, Error, Execution, Limits, RequestId, Resolution, Server, service};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;

/// Everything that takes long waits for its doors.
#[service]
trait Booth {
    /// Sells to those with an even order.
    async fn sell(&self, order: u64) -> Result<String, u64>;
    async fn burn(&self, order: u64) -> u64;
    #[rpc(idempotent)]
    async fn look(&self, order: u64) -> u64;
    async fn count(&self) -> u64;
}

struct Hall {
    started: UnboundedSender<u64>,
    doors: watch::Receiver<bool>,
}

impl Hall {
    async fn wait(&self, order: u64) {
        // The test may have ended.
        let _ = self.started.send(order);
        let _ = self.doors.clone().wait_for(|open| *open).await;
    }
}

impl Booth for Hall {
    async fn sell(&self, order: u64) -> Result<String, u64> {
        self.wait(order).await;
        if order.is_multiple_of(2) { Ok(format!("seat {order}")) } else { Err(order) }
    }
    async fn burn(&self, order: u64) -> u64 {
        self.wait(order).await;
        panic!("the hall is on fire")
    }
    async fn look(&self, order: u64) -> u64 {
        self.wait(order).await;
        order
    }
    async fn count(&self) -> u64 {
        7
    }
}

/// A booth, its client, and what is between them.
struct World {
    server: Running,
    relay: Relay,
    booth: BoothClient,
    started: UnboundedReceiver<u64>,
    doors: watch::Sender<bool>,
}

impl World {
    async fn new() -> Self {
        Self::with(Limits::default()).await
    }

    /// With these limits of the server.
    async fn with(limits: Limits) -> Self {
        let ((started, seen), (doors, opened)) = (unbounded_channel(), watch::channel(false));
        let booth = BoothServer::new(Hall { started, doors: opened });
        let server = run(Server::new().add(booth).limits(limits)).await;
        let relay = Relay::to(server.address).await;
        let booth = soon(carnegie::connect(relay.address).limits(patient()).codec(CODEC)).await.unwrap();
        Self { server, relay, booth, started: seen, doors }
    }

    fn has_started(&mut self, order: u64) -> bool {
        std::iter::from_fn(|| self.started.try_recv().ok()).any(|started| started == order)
    }

    /// A call that has started and run out of time. On a busy machine some come too late to be started.
    async fn left<T, E: Into<CallError<u64>>>(
        &mut self,
        odd: bool,
        call: impl AsyncFn(&BoothClient, u64, Duration) -> Result<T, E>,
    ) -> (u64, RequestId) {
        for round in 0..8 {
            let order = 2 * round + u64::from(odd);
            let timeout = Duration::from_millis(100 << round);
            let Err(error) = soon(call(&self.booth, order, timeout)).await else {
                panic!("the doors are shut")
            };
            let error: CallError<u64> = error.into();
            if self.has_started(order) {
                assert_eq!(error.execution(), Execution::Unknown);
                return (order, error.request_id().expect("it was sent"));
            }
        }
        panic!("no call has started")
    }

    async fn left_sale(&mut self, odd: bool) -> (u64, RequestId) {
        self.left(odd, async |booth, order, timeout| booth.sell(order).timeout(timeout).await.map(drop)).await
    }

    /// A sale that was written, run out of time, and has not come to the server.
    async fn underway(&mut self) -> RequestId {
        self.relay.hold();
        for round in 0..8 {
            let error =
                soon(self.booth.sell(0).timeout(Duration::from_millis(100 << round))).await.unwrap_err();
            if error.execution() == Execution::Unknown {
                return error.request_id().expect("it was sent");
            }
        }
        panic!("no call was written")
    }
}

type Sale = Result<String, u64>;

/// Polls it once: it waits.
async fn waits<F: Future>(mut resolving: Pin<&mut F>) {
    assert!(poll_fn(|cx| Poll::Ready(resolving.as_mut().poll(cx).is_pending())).await);
}

fn seat(order: u64) -> Resolution<Result<String, CallError<u64>>> {
    Resolution::Executed(Some(Ok(format!("seat {order}"))))
}

#[tokio::test]
async fn a_call_that_ran_out_of_time_while_it_ran_is_resolved_with_its_reply() {
    let mut world = World::new().await;
    let (order, call) = world.left_sale(false).await;
    let booth = world.booth.clone();
    let mut resolving = pin!(booth.resolve::<Sale>(call));
    waits(resolving.as_mut()).await;
    world.doors.send_replace(true);
    assert_eq!(soon(resolving).await, seat(order));
    assert_eq!(soon(world.booth.resolve::<Sale>(call)).await, seat(order), "asked for again");
    let stats = world.booth.channel().stats();
    assert_eq!((stats.resolved, stats.retried, world.has_started(order)), (1, 0, false));
}

#[tokio::test]
async fn a_refusal_by_the_application_is_what_the_call_would_have_given() {
    let mut world = World::new().await;
    let (order, call) = world.left_sale(true).await;
    world.doors.send_replace(true);
    let refused = Resolution::Executed(Some(Err(CallError::Application(order))));
    assert_eq!(soon(world.booth.resolve::<Sale>(call)).await, refused);
}

#[tokio::test]
async fn a_handler_that_panicked_was_executed_and_its_panic_is_told() {
    let mut world = World::new().await;
    let burn = async |booth: &BoothClient, order, timeout| booth.burn(order).timeout(timeout).await;
    let (_, call) = world.left(false, burn).await;
    world.doors.send_replace(true);
    let resolution = soon(world.booth.resolve::<u64>(call)).await;
    let Resolution::Executed(Some(Err(error))) = resolution else { panic!("{resolution:?}") };
    assert_eq!(error.execution(), Execution::Executed);
    assert!(error.to_string().contains("panicked: the hall is on fire"), "{error}");
}

#[tokio::test]
async fn the_reply_comes_over_another_connection_if_the_first_one_is_lost() {
    let mut world = World::new().await;
    let (order, call) = world.left_sale(false).await;
    let booth = world.booth.clone();
    let mut resolving = pin!(booth.resolve::<Sale>(call));
    waits(resolving.as_mut()).await;
    world.relay.cut();
    world.doors.send_replace(true);
    assert_eq!(soon(resolving).await, seat(order));
    let stats = world.booth.channel().stats();
    assert_eq!((stats.connections, stats.resumed), (2, 1));
    assert!(!world.has_started(order));
}

#[tokio::test]
async fn a_request_that_comes_late_is_resolved_as_never_executed() {
    let mut world = World::new().await;
    let call = world.underway().await;
    let booth = world.booth.clone();
    let mut resolving = pin!(booth.resolve::<Sale>(call));
    waits(resolving.as_mut()).await;
    world.relay.let_go();
    assert_eq!(soon(resolving).await, Resolution::NotExecuted);
    soon(world.booth.count()).await.unwrap();
    assert!(!world.has_started(0));
}

#[tokio::test]
async fn a_request_that_was_lost_is_resolved_as_never_executed_over_the_next_connection() {
    let mut world = World::new().await;
    let call = world.underway().await;
    world.relay.cut();
    world.relay.let_go();
    assert_eq!(soon(world.booth.resolve::<Sale>(call)).await, Resolution::NotExecuted);
    assert_eq!(soon(world.booth.count()).await.unwrap(), 7);
    assert!(!world.has_started(0));
}

#[tokio::test]
async fn all_who_ask_are_told_and_one_who_does_not_wait_is_no_trouble() {
    let mut world = World::new().await;
    let (order, call) = world.left_sale(false).await;
    let asking: Vec<_> = (0..3)
        .map(|_| {
            let booth = world.booth.clone();
            tokio::spawn(async move { booth.resolve::<Sale>(call).await })
        })
        .collect();
    let impatient = tokio::time::timeout(Duration::from_millis(20), world.booth.resolve::<Sale>(call)).await;
    assert!(impatient.is_err());
    world.doors.send_replace(true);
    for asked in asking {
        assert_eq!(soon(asked).await.unwrap(), seat(order));
    }
}

#[tokio::test]
async fn a_reply_is_not_read_as_what_the_method_does_not_return() {
    let mut world = World::new().await;
    let (order, call) = world.left_sale(false).await;
    world.doors.send_replace(true);
    // The bytes would do.
    let resolution = soon(world.booth.resolve::<String>(call)).await;
    let Resolution::Executed(Some(Err(Error::Undecodable { why, .. }))) = resolution else {
        panic!("{resolution:?}")
    };
    assert!(why.starts_with("Booth.sell does not return "), "{why}");
    assert_eq!(soon(world.booth.resolve::<Sale>(call)).await, seat(order));
}

#[tokio::test]
async fn of_other_calls_nothing_is_known() {
    let mut world = World::new().await;
    let look = async |booth: &BoothClient, order, timeout| booth.look(order).timeout(timeout).await;
    let (_, idempotent) = world.left(false, look).await;
    for call in [idempotent, RequestId::default()] {
        let unknown = Resolution::Unknown { settled: false };
        assert_eq!(soon(world.booth.resolve::<u64>(call)).await, unknown);
    }
}

/// On a busy machine the client may take the lease to be over before it has a new connection, or the server after it has one.
#[tokio::test]
async fn a_server_that_has_ended_the_session_can_only_say_that_nothing_starts_any_more() {
    for round in 0..6 {
        let lease = Duration::from_millis(100 << round);
        let mut world = World::with(Limits::default().lease(lease)).await;
        let (_, call) = world.left_sale(false).await;
        world.relay.hold();
        world.relay.cut();
        tokio::time::sleep(lease * 2).await;
        world.relay.let_go();
        // What came of the session is known with the connection.
        assert_eq!(soon(world.booth.count()).await.unwrap(), 7);
        let mut resolving = pin!(world.booth.resolve::<Sale>(call));
        match poll_fn(|cx| Poll::Ready(resolving.as_mut().poll(cx))).await {
            Poll::Ready(Resolution::Unknown { settled: true }) => return,
            Poll::Ready(Resolution::Unknown { settled: false }) | Poll::Pending => {}
            Poll::Ready(other) => panic!("{other:?}"),
        }
    }
    panic!("the server has never said so");
}

#[tokio::test]
async fn when_the_server_is_replaced_it_stays_unknown_and_unsettled() {
    let mut first = start(Setup::default()).await;
    let connecting = carnegie::connect(first.address).limits(patient());
    let office: crate::box_office::OfficeClient = soon(connecting).await.unwrap();
    let error = soon(office.sell_later(1).timeout(Duration::from_secs(3))).await.unwrap_err();
    assert_eq!(error.execution(), Execution::Unknown, "{error}");
    assert_eq!(first.next().await, "sell_later 1");
    let call = error.request_id().expect("it was sent");
    let mut resolving = pin!(office.resolve::<u64>(call));
    waits(resolving.as_mut()).await;
    let address = first.address;
    first.kill().await;
    let _second = start(Setup { address: Some(address), doors_open: true, ..Setup::default() }).await;
    assert_eq!(soon(resolving).await, Resolution::Unknown { settled: false });
    assert_eq!(soon(office.look()).await.unwrap(), 7);
}

#[tokio::test]
async fn when_the_channel_is_closed_nobody_waits_any_more() {
    let mut world = World::new().await;
    let (_, call) = world.left_sale(false).await;
    let mut resolving = pin!(world.booth.resolve::<Sale>(call));
    waits(resolving.as_mut()).await;
    world.booth.channel().close();
    assert_eq!(soon(resolving).await, Resolution::Unknown { settled: false });
    assert_eq!(soon(world.booth.resolve::<Sale>(call)).await, Resolution::Unknown { settled: false });
    world.server.stop().await;
}

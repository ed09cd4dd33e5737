//! Sessions that outlive their connections, as the server keeps them: over sockets, with handlers that run.

use crate::box_office::{Events, OfficeClient, hall};
use crate::raw::{Raw, hello, index, said};
use crate::support::{Running, run, soon, until};
use carnegie::{Limits, Server};
use rpc_core::SlotId;
use rpc_core::frame::{Answer, Checksum, Close, CloseCode, Hello, Kind, Request, SessionWish, Welcome};
use std::time::Duration;

pub(crate) const FIRST: SlotId = SlotId { slot: 0, sequence: 1 };

/// A server with a client of bytes, and the session of that.
pub(crate) struct World {
    pub(crate) server: Running,
    pub(crate) events: Events,
    pub(crate) raw: Raw,
    pub(crate) session: Welcome,
}

async fn world(limits: Limits) -> World {
    let (office, events) = hall();
    let server = run(Server::new().add(office).limits(limits)).await;
    let raw = Raw::bound::<OfficeClient>(server.address).await;
    let session = raw.welcome.clone().unwrap();
    World { server, events, raw, session }
}

pub(crate) fn request(id: SlotId, method: &str, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let idempotent = method.starts_with("look");
    let method = index::<OfficeClient>(method);
    Request { id, method, deadline: 60_000, idempotent, payload, ..Default::default() }
        .write(&mut out, Checksum::Whole);
    out
}

impl World {
    /// A call whose handler waits for the doors, and whose connection is gone.
    pub(crate) async fn left_running(&mut self, method: &'static str, payload: &[u8]) {
        self.raw.send(&request(FIRST, method, payload)).await;
        let order = payload.first().copied().unwrap_or(0).into();
        assert_eq!(soon(self.events.did.recv()).await, Some((method, order)));
        self.lose().await;
    }

    /// The connection breaks, and the server knows.
    pub(crate) async fn lose(&mut self) {
        let stranger = Raw::connect(self.server.address).await;
        drop(std::mem::replace(&mut self.raw, stranger));
        // Only the new one is left, and that has said nothing.
        until(|| self.server.server.stats().connections <= 1).await;
    }

    pub(crate) async fn resume(&self, connection: u32) -> Raw {
        let raw = Raw::resumed(self.server.address, &self.session, connection).await;
        assert!(raw.welcome.as_ref().is_some_and(|welcome| welcome.resumed));
        raw
    }
}

#[tokio::test]
async fn a_call_whose_connection_breaks_is_answered_over_the_next_one_and_runs_once() {
    for (method, payload) in [("sell_later", &[5][..]), ("look_later", &[])] {
        let mut world = world(Limits::default()).await;
        world.left_running(method, payload).await;
        let mut again = world.resume(2).await;
        again.send(&request(FIRST, method, payload)).await;
        until(|| world.server.server.stats().attached == 1).await;
        world.events.doors.send(true).unwrap();
        assert_eq!(again.reply(|reply| (reply.id, reply.answer)).await, (FIRST, Answer::Ok));
        assert_eq!(world.server.server.stats().calls, 1);
    }
}

#[tokio::test]
async fn a_reply_that_nobody_waited_for_is_kept() {
    let mut world = world(Limits::default()).await;
    world.left_running("sell_later", &[5]).await;
    world.events.doors.send(true).unwrap();
    assert_eq!(soon(world.events.did.recv()).await, Some(("sell_later done", 5)));
    for connection in 2..4 {
        let mut again = world.resume(connection).await;
        again.send(&request(FIRST, "sell_later", &[5])).await;
        assert_eq!(again.reply(|reply| (reply.answer, reply.payload.to_vec())).await, (Answer::Ok, vec![5]));
    }
    assert_eq!(world.events.so_far(), []);
}

#[tokio::test]
async fn a_session_without_a_connection_ends_with_its_lease_and_makes_room() {
    let limits = Limits::default().lease(Duration::from_millis(50)).sessions_max(1);
    let mut world = world(limits).await;
    world.left_running("look_later", &[]).await;
    assert_eq!(soon(world.events.did.recv()).await, Some(("look_later dropped", 0)));
    // It asks for the old one, and gets another.
    let again = Raw::resumed(world.server.address, &world.session, 2).await;
    let new = again.welcome.unwrap();
    assert!(!new.resumed && new.session != world.session.session);
    assert_eq!((new.domain, new.incarnation), (world.session.domain, world.session.incarnation));
}

#[tokio::test]
async fn without_a_connection_an_idempotent_handler_is_dropped_at_its_deadline() {
    let mut world = world(Limits::default()).await;
    let hurried = Request {
        id: FIRST,
        method: index::<OfficeClient>("look_later"),
        deadline: 4000,
        idempotent: true,
        ..Default::default()
    };
    let mut out = Vec::new();
    hurried.write(&mut out, Checksum::Whole);
    world.raw.send(&out).await;
    assert_eq!(soon(world.events.did.recv()).await, Some(("look_later", 0)));
    world.lose().await;
    assert_eq!(soon(world.events.did.recv()).await, Some(("look_later dropped", 0)));
    world.resume(2).await;
}

#[tokio::test]
async fn a_fifth_connection_takes_the_place_of_the_oldest_and_an_older_one_is_refused() {
    let mut world = world(Limits::default()).await;
    let mut others = Vec::new();
    for connection in 1..=4 {
        others.push(world.resume(connection).await);
    }
    assert_eq!(soon(world.raw.frame()).await.map(|(header, _)| header.kind), None, "closed without a word");
    let mut late = Raw::connect(world.server.address).await;
    late.wish(&world.session, 0).await;
    let (header, body) = late.frame().await.expect("an answer");
    assert_eq!(
        (header.kind, said(&header, &body).as_str()),
        (Kind::Reject, "the session has four later connections")
    );
    for (slot, other) in (0..).zip(&mut others) {
        other.send(&request(SlotId { slot, sequence: 1 }, "look", &[])).await;
        assert_eq!(other.reply(|reply| (reply.id.slot, reply.answer)).await, (slot, Answer::Ok));
    }
    until(|| world.server.server.stats().connections == 4).await;
}

/// All at once, so that many lose their place before they have said what they came for.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn connections_that_crowd_each_other_out_get_only_answers_that_they_asked_for() {
    let world = world(Limits::default()).await;
    let mut all = tokio::task::JoinSet::new();
    for connection in 1..200_u32 {
        let (address, session) = (world.server.address, world.session.clone());
        all.spawn(async move {
            let mut raw = Raw::connect(address).await;
            let wish = SessionWish::Resume { id: session.session, token: session.token };
            let mut out = Vec::new();
            Hello { connection, session: wish, ..hello() }.write(&mut out);
            for sequence in 1..=20 {
                out.extend(request(SlotId { slot: connection, sequence }, "look", &[]));
            }
            raw.send(&out).await;
            let mut answers = 0;
            while answers < 20 {
                let (header, _) = raw.frame().await?;
                if header.kind == Kind::Reply {
                    assert_eq!(header.id.slot, connection, "another connection's answer");
                    answers += 1;
                }
            }
            // Not dropped here, or the next one would find a free place.
            Some(raw)
        });
    }
    let answered = soon(all.join_all()).await;
    assert!(answered.iter().flatten().count() >= 4, "the last four are there at least");
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_session_on_all_connections() {
    let mut world = world(Limits::default()).await;
    let mut other = world.resume(2).await;
    world.raw.send(&request(FIRST, "look_later", &[])).await;
    assert_eq!(soon(world.events.did.recv()).await, Some(("look_later", 0)));
    let mut out = Vec::new();
    Close { code: CloseCode::GoingAway, reason: "done".into() }.write(&mut out);
    world.raw.send(&out).await;
    assert_eq!(other.end().await, "the client has closed the session");
    assert_eq!(soon(world.events.did.recv()).await, Some(("look_later dropped", 0)));
    let again = Raw::resumed(world.server.address, &world.session, 3).await;
    assert!(!again.welcome.unwrap().resumed);
}

#[tokio::test]
async fn what_a_session_did_counts_while_it_waits_for_its_client() {
    let mut world = world(Limits::default()).await;
    world.raw.send(&request(FIRST, "sell", &[5, 0])).await;
    assert_eq!(world.raw.reply(|reply| reply.answer).await, Answer::Ok);
    world.lose().await;
    assert_eq!(world.server.server.stats().calls, 1);
}

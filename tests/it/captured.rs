//! What somebody who has read a connection's bytes can do with them, and what not. Without TLS there is nothing secret in them.

use crate::box_office::{Events, OfficeClient, hall};
use crate::raw::{Raw, hello};
use crate::support::{CODEC, Running, patient, run, soon};
use carnegie::Server;
use rpc_core::frame::{self, Answer, Checksum, Hello, Kind, SessionWish, Welcome};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A connection over which one ticket was sold, and which is still open.
struct Captured {
    server: Running,
    events: Events,
    _office: OfficeClient,
    /// All that the client has sent.
    client: Vec<u8>,
    /// What the server has answered the handshake with.
    welcome: Welcome,
}

/// All whole frames of a kind.
fn frames(mut bytes: &[u8], kind: Kind) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while let Some((header, _)) = frame::split(bytes, Checksum::Whole).expect("a client wrote it") {
        let (frame, rest) = bytes.split_at(header.length as usize);
        all.extend((header.kind == kind).then(|| frame.to_vec()));
        bytes = rest;
    }
    all
}

async fn captured() -> Captured {
    let (office, mut events) = hall();
    let server = run(Server::new().add(office)).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = listener.local_addr().unwrap();
    let address = server.address;
    // What has been sent in either direction so far.
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        let (mut near, mut far) =
            (listener.accept().await.unwrap().0, tokio::net::TcpStream::connect(address).await.unwrap());
        let (mut up, mut down) = (Vec::new(), Vec::new());
        loop {
            let (sent, received) = (up.len(), down.len());
            let read = tokio::select! {
                read = near.read_buf(&mut up) => read,
                read = far.read_buf(&mut down) => read,
            };
            if read.is_ok_and(|read| read == 0) {
                return;
            }
            tell.send((up.clone(), down.clone())).unwrap_or_default();
            far.write_all(&up[sent..]).await.unwrap();
            near.write_all(&down[received..]).await.unwrap();
        }
    });
    let office: OfficeClient = soon(carnegie::connect(proxy).limits(patient()).codec(CODEC)).await.unwrap();
    assert_eq!(soon(office.sell(1, "Ada")).await.unwrap().order, 1);
    assert_eq!(events.so_far(), [("sell", 1)]);
    let (mut client, mut server_said) = (Vec::new(), Vec::new());
    while let Ok((up, down)) = told.try_recv() {
        (client, server_said) = (up, down);
    }
    let welcome = frames(&server_said, Kind::Welcome).remove(0);
    let (header, body) = frame::split(&welcome, Checksum::Whole).unwrap().unwrap();
    let welcome = Welcome::read(&header, body).unwrap();
    Captured { server, events, _office: office, client, welcome }
}

#[tokio::test]
async fn captured_requests_run_nothing_twice_in_their_session_but_their_replies_are_told() {
    let mut captured = captured().await;
    let Welcome { session: id, token, codec, .. } = captured.welcome;
    let hello =
        Hello { session: SessionWish::Resume { id, token }, codecs: vec![codec], connection: 7, ..hello() };
    let mut raw = Raw::connect(captured.server.address).await;
    let mut out = Vec::new();
    hello.write(&mut out);
    raw.send(&out).await;
    let (header, body) = raw.frame().await.expect("a welcome");
    assert!(Welcome::read(&header, &body).unwrap().resumed);
    raw.send(&frames(&captured.client, Kind::Request).concat()).await;
    raw.reply(|reply| assert_eq!((reply.answer, reply.replayed), (Answer::Ok, true))).await;
    assert_eq!(captured.events.so_far(), []);
}

#[tokio::test]
async fn a_captured_connection_that_is_sent_again_from_its_first_byte_runs_again() {
    let mut captured = captured().await;
    let mut raw = Raw::connect(captured.server.address).await;
    for (said, answer) in [(Kind::Hello, Kind::Welcome), (Kind::Bind, Kind::Bound)] {
        raw.send(&frames(&captured.client, said).concat()).await;
        assert_eq!(raw.frame().await.expect("it is answered").0.kind, answer);
    }
    raw.send(&frames(&captured.client, Kind::Request).concat()).await;
    raw.reply(|reply| assert_eq!((reply.answer, reply.replayed), (Answer::Ok, false))).await;
    assert_eq!(captured.events.so_far(), [("sell", 1)]);
}

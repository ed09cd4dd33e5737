//! Servers that are not there, or not yet, or without the service: what the client learns, in which words, and that it does
//! not take long. Run with `--nocapture`, these tests tell how long each error took.

use crate::box_office::{OfficeClient, hall};
use crate::hostile_server::says;
use crate::process::{Setup, start};
use crate::streams::silent;
use crate::support::{closed_address, run, run_at, soon};
use carnegie::{BindError, Client, Limits, Server, connect, service};
use std::fmt::Display;
use std::future::IntoFuture;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Far more than any of these errors needs, far less than the kernel's own patience.
const BOUNDED: Duration = Duration::from_secs(5);

/// The error of an attempt, and how long it took to come.
pub(crate) async fn failure<C: Client>(
    what: &str,
    connecting: carnegie::Connect<C>,
) -> (BindError, Duration) {
    let begin = Instant::now();
    let Err(error) = soon(connecting).await else { panic!("{what}: it connects") };
    let took = begin.elapsed();
    println!("{:>9.1} ms until: {what}", took.as_secs_f64() * 1e3);
    (error, took)
}

/// Without the times, which no two runs have alike: `(after 1.2ms)` becomes `(after _)`.
pub(crate) fn timeless(error: impl Display) -> String {
    let text = error.to_string();
    let mut parts = text.split("(after ");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("(after _)");
        out.push_str(part.split_once(')').expect("the time ends").1);
    }
    out
}

/// What this system says of a port where nobody listens.
async fn refused() -> String {
    let (_held, address) = closed_address();
    TcpStream::connect(address).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_told_at_once_in_the_systems_words() {
    let (_held, address) = closed_address();
    let (error, took) = failure("refused port", connect::<OfficeClient>(address)).await;
    assert_eq!(timeless(&error), format!("no server answers: {address}: {} (after _)", refused().await));
    assert!(error.is_retryable() && took < BOUNDED);
}

#[tokio::test]
async fn every_address_of_a_list_is_told() {
    let ((_held, one), (_held_too, other)) = (closed_address(), closed_address());
    let (error, _) = failure("list of refused ports", connect::<OfficeClient>([one, other])).await;
    let refused = refused().await;
    let said = format!("no server answers: {one}: {refused} (after _); {other}: {refused} (after _)");
    assert_eq!(timeless(&error), said);
    let BindError::Unreachable { tried, attempts: 2 } = error else { panic!("{error}") };
    assert_eq!([&tried[0].address, &tried[1].address], [&one.to_string(), &other.to_string()]);
}

#[tokio::test]
async fn every_address_of_a_name_is_told() {
    let (_held, address) = closed_address();
    let name = format!("localhost:{}", address.port());
    let (error, _) = failure("name, all addresses refused", connect::<OfficeClient>(&name)).await;
    let text = timeless(&error);
    let refused = refused().await;
    let mut all = 0;
    for address in tokio::net::lookup_host(&name).await.unwrap() {
        all += 1;
        // A machine without IPv6 may have its address, and says so in its own words.
        let told = if address.is_ipv4() {
            format!("{name} ({address}): {refused} (after _)")
        } else {
            format!("{name} ({address}): ")
        };
        assert!(text.contains(&told), "{text} lacks {told}");
    }
    let BindError::Unreachable { attempts, .. } = error else { panic!("{error}") };
    assert_eq!(attempts, all);
}

#[tokio::test]
async fn an_address_that_swallows_everything_is_given_up_when_the_window_ends() {
    let (dead, _queued) = silent("127.0.0.1:0").await;
    let address = dead.local_addr().unwrap();
    let window = Duration::from_millis(150);
    let connecting = connect::<OfficeClient>(address).connect_window(window);
    let (error, took) = failure("black hole, window of 150 ms", connecting).await;
    assert!(took >= window && took < BOUNDED, "{took:?}");
    let text = timeless(&error);
    assert!(text.starts_with(&format!("no server answers: {address}: no answer within ")), "{text}");
    assert!(text.ends_with("ms (after _)"), "{text}");
}

#[tokio::test]
async fn an_address_that_swallows_everything_leaves_the_next_one_its_share_of_the_window() {
    let server = run(Server::new().add(hall().0)).await;
    let (dead, _queued) = silent("127.0.0.1:0").await;
    let list = [dead.local_addr().unwrap(), server.address];
    let office: OfficeClient = soon(connect(list).connect_window(Duration::from_secs(4))).await.unwrap();
    assert_eq!(office.channel().server_address(), Some(server.address.to_string()));
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_told_as_such() {
    let (error, took) = failure("unknown name", connect::<OfficeClient>("no-such-hall.invalid:7000")).await;
    // Its window is 5 s, the kernel's and the resolver's patience are longer.
    assert!(took < 3 * BOUNDED, "{took:?}");
    let text = timeless(&error);
    // The resolver's words are the system's. One that cannot be reached may say nothing at all.
    let begin = "no server answers: no-such-hall.invalid:7000: ";
    assert!(text.starts_with(begin) && text.ends_with(" (after _)"), "{text}");
    assert!(
        text.contains("failed to lookup address information") || text.contains("no answer within"),
        "{text}"
    );
}

#[tokio::test]
async fn a_bad_address_says_what_is_expected_on_either_side() {
    for (bad, why) in [
        ("hall", "no port; write hall:7000"),
        ("hall:", r#"the port "" is no number from 0 to 65535"#),
        ("hall:70000", r#"the port "70000" is no number from 0 to 65535"#),
        ("http://hall:80", "an address has no scheme; write hall:80"),
        ("::1", "no port, or no brackets; write [::1]:7000"),
        ("", "it is empty; write hall:7000"),
        ("unix:", "no path; write unix:/run/hall.sock"),
    ] {
        let said = format!("cannot read the address {bad:?}: {why}");
        let (error, _) = failure("bad address", connect::<OfficeClient>(bad)).await;
        assert_eq!(error.to_string(), said);
        assert_eq!(Server::new().add(hall().0).bind(bad).await.unwrap_err().to_string(), said);
        assert!(!error.is_retryable());
    }
}

#[tokio::test]
async fn a_wait_for_a_server_that_does_not_come_ends_with_its_attempts() {
    let (_held, address) = closed_address();
    let window = Duration::from_millis(300);
    let connecting = connect::<OfficeClient>(address).wait_for_server(window);
    let (error, took) = failure("server absent, waited for 300 ms", connecting).await;
    assert!(took >= window && took < BOUNDED, "{took:?}");
    let BindError::Unreachable { tried, attempts } = &error else { panic!("{error}") };
    assert!(*attempts >= 2 && tried.len() <= 8, "{error}");
    let one = format!("{address}: {} (after _)", refused().await);
    assert_eq!(timeless(&error), format!("no server answers: {}", vec![one; *attempts].join("; ")));
}

#[tokio::test]
async fn a_server_that_is_waited_for_and_lacks_the_service_is_told_by_that_alone() {
    let (_held, address) = closed_address();
    let waiting = connect::<BoxOfficeClient>(address).wait_for_server(Duration::from_secs(50));
    let connecting = tokio::spawn(waiting.into_future());
    tokio::task::yield_now().await;
    let _office = start(Setup { address: Some(address), ..Setup::default() }).await;
    let error = soon(connecting).await.unwrap().map(|_| ()).unwrap_err();
    let said = format!(
        "the server at {address} has no service BoxOffice; it offers: Office 1.0; did you mean Office?"
    );
    assert_eq!(error.to_string(), said);
}

mod banks {
    use carnegie::service;

    #[service(version = "3.2")]
    pub(crate) trait Bank {
        async fn pay(&self) -> u64;
    }
}

mod boxes {
    use carnegie::service;

    #[service(name = "BoxOfice")]
    pub(crate) trait Misspelt {
        async fn sell(&self, order: u64) -> u64;
    }
}

#[service(version = "1.4")]
trait BoxOffice {
    async fn sell(&self, order: u64) -> u64;
}

struct House;

impl BoxOffice for House {
    async fn sell(&self, order: u64) -> u64 {
        order
    }
}

impl banks::Bank for House {
    async fn pay(&self) -> u64 {
        1
    }
}

#[tokio::test]
async fn a_missing_service_is_told_with_what_there_is_and_with_the_nearest_name() {
    let server = Server::new().add(banks::BankServer::new(House)).add(BoxOfficeServer::new(House));
    let server = run(server).await;
    let (error, _) = failure("service absent", connect::<boxes::MisspeltClient>(server.address)).await;
    let address = server.address;
    assert_eq!(
        error.to_string(),
        format!(
            "the server at {address} has no service BoxOfice; it offers: Bank 3.2; BoxOffice 1.4; \
             did you mean BoxOffice?"
        )
    );
    assert!(!error.is_retryable());
    let (error, _) = failure(
        "service absent, no name near",
        connect::<OfficeClient>(run(Server::new().add(banks::BankServer::new(House))).await.address),
    )
    .await;
    assert!(error.to_string().ends_with("has no service Office; it offers: Bank 3.2"), "{error}");
}

/// A list of servers that are of no use, each for a reason of its own. The socket keeps a port free of listeners.
async fn useless() -> (TcpSocket, Vec<(SocketAddr, String)>) {
    let lacking = run(Server::new().add(banks::BankServer::new(House))).await.address;
    let limits = Limits::default().connections_max(0);
    let full = run(Server::new().add(hall().0).limits(limits)).await.address;
    let web = says("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let (held, closed) = closed_address();
    let list = vec![
        (closed, refused().await),
        (lacking, "no service Office, it offers Bank 3.2".to_owned()),
        (full, "it refuses the connection: 0 connections are open already".to_owned()),
        (web, r#"no common protocol: the peer speaks HTTP, not Carnegie's protocol: its first bytes are "HTTP/1.1 400 Bad Request\r\n\r\n""#.to_owned()),
    ];
    (held, list)
}

#[tokio::test]
async fn a_list_in_which_no_server_will_do_is_told_whole() {
    let (_held, list) = useless().await;
    let addresses: Vec<_> = list.iter().map(|(address, _)| *address).collect();
    let (error, took) = failure("list of four useless servers", connect::<OfficeClient>(addresses)).await;
    let told: Vec<_> = list.iter().map(|(address, why)| format!("{address}: {why} (after _)")).collect();
    assert_eq!(timeless(&error), format!("no server can be used: {}", told.join("; ")));
    assert!(took < BOUNDED && error.is_retryable());
    assert!(matches!(error, BindError::NoServer { attempts: 4, .. }));
}

#[tokio::test]
async fn a_list_leads_past_servers_of_no_use_to_the_one_that_serves() {
    let good = run(Server::new().add(hall().0)).await;
    let (_held, useless) = useless().await;
    let useless = useless.into_iter().map(|(address, _)| address);
    // The mute server costs a quarter of the window, the others next to nothing.
    let list: Vec<_> = [says("").await].into_iter().chain(useless).chain([good.address]).collect();
    let window = Duration::from_secs(4);
    let begin = Instant::now();
    let office: OfficeClient = soon(connect(list).connect_window(window)).await.unwrap();
    println!("{:>9.1} ms past a mute server and four useless ones", begin.elapsed().as_secs_f64() * 1e3);
    assert_eq!(office.channel().server_address(), Some(good.address.to_string()));
    assert_eq!(soon(office.look()).await.unwrap(), 7);
}

#[tokio::test]
async fn a_list_of_mute_servers_takes_one_window_in_all() {
    let list = [says("").await, says("").await, says("").await];
    let window = Duration::from_millis(600);
    let connecting = connect::<OfficeClient>(list).connect_window(window);
    let (error, took) = failure("three mute servers, window of 600 ms", connecting).await;
    assert!(took >= window && took < BOUNDED, "{took:?}");
    let BindError::NoServer { tried, attempts: 3, .. } = &error else { panic!("{error}") };
    assert!(tried.iter().all(|one| one.error.starts_with("no answer to the handshake within ")), "{error}");
}

#[tokio::test]
async fn after_a_loss_servers_without_the_service_are_passed_over_too() {
    let bank = run(Server::new().add(banks::BankServer::new(House))).await;
    let first = run(Server::new().add(hall().0)).await;
    let address = first.address;
    let office: OfficeClient = soon(connect([bank.address, address])).await.unwrap();
    first.stop().await;
    let _second = run_at(Server::new().add(hall().0), &address.to_string()).await;
    assert_eq!(soon(office.look()).await.unwrap(), 7);
    assert_eq!(office.channel().server_address(), Some(address.to_string()));
}

/// Passes bytes on, and notes in which direction they go each time that it changes.
async fn between(server: SocketAddr, turns: tokio::sync::mpsc::UnboundedSender<&'static str>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut near, _) = listener.accept().await.unwrap();
        let mut far = TcpStream::connect(server).await.unwrap();
        let (mut up, mut down) = ([0; 4096], [0; 4096]);
        let mut last = "";
        loop {
            let (way, into, bytes) = tokio::select! {
                Ok(count @ 1..) = near.read(&mut up) => ("up", &mut far, &up[..count]),
                Ok(count @ 1..) = far.read(&mut down) => ("down", &mut near, &down[..count]),
                else => return,
            };
            // Before it can arrive, so that whoever has it finds the note.
            if last != way {
                turns.send(way).unwrap();
                last = way;
            }
            into.write_all(bytes).await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn connecting_takes_one_round_trip_in_all() {
    let server = run(Server::new().add(hall().0)).await;
    let (turns, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let office: OfficeClient = soon(connect(between(server.address, turns).await)).await.unwrap();
    let mut ways = Vec::new();
    while let Ok(way) = seen.try_recv() {
        ways.push(way);
    }
    assert_eq!(ways, ["up", "down"]);
    assert_eq!(soon(office.look()).await.unwrap(), 7);
}

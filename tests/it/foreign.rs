//! Somebody else's port, and strangers at ours. Run with `--nocapture`, these tests tell how long each error took.

use crate::absent::failure;
use crate::box_office::{OfficeClient, hall};
use crate::hostile::Random;
use crate::hostile_server::{says, server};
use crate::process::{Setup, start};
use crate::raw::{Raw, hello};
use crate::seen::watch;
use crate::support::{Running, run, soon, until};
use carnegie::{BindError, Limits, Server, connect};
use rpc_core::frame::{Close, CloseCode, Reject, RejectCode};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// The handshake's limit where a test waits for it.
const LIMIT: Duration = Duration::from_millis(300);

fn limits() -> Limits {
    Limits::default().handshake(LIMIT)
}

async fn bind_error(what: &str, address: SocketAddr) -> BindError {
    failure(what, connect::<OfficeClient>(address)).await.0
}

#[tokio::test]
async fn a_web_server_is_told_to_speak_http() {
    let address = server(|mut stream| async move {
        let mut request = [0; 1024];
        let _ = stream.read(&mut request).await;
        let answer = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        let _ = stream.write_all(answer).await;
    })
    .await;
    let error = bind_error("web server", address).await;
    assert_eq!(
        error.to_string(),
        format!(
            "no common protocol with {address}: the peer speaks HTTP, not Carnegie's protocol: its first bytes are \
             \"HTTP/1.1 400 Bad Request\\r\\nConnec\""
        )
    );
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn a_server_of_http_2_is_told_to_speak_it() {
    let address = says(b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64").await;
    let error = bind_error("HTTP/2 server", address).await;
    let begin =
        format!("no common protocol with {address}: the peer speaks HTTP/2, not Carnegie's protocol: ");
    assert!(error.to_string().starts_with(&begin), "{error}");
}

#[tokio::test]
async fn a_tls_server_is_told_to_speak_tls() {
    let made = rcgen::generate_simple_self_signed(["carnegie.example".to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = ServerConfig::builder().with_no_client_auth();
    let acceptor =
        TlsAcceptor::from(Arc::new(config.with_single_cert(vec![made.cert.der().clone()], key).unwrap()));
    let address = server(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            // It sends its alert and is done.
            let _ = acceptor.accept(stream).await;
        }
    })
    .await;
    let error = bind_error("TLS server", address).await;
    let begin = format!(
        "no common protocol with {address}: the peer speaks TLS, not Carnegie's protocol: its first bytes are 15 03 0"
    );
    assert!(error.to_string().starts_with(&begin), "{error}");
    assert!(matches!(error, BindError::ProtocolMismatch { .. }));
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up_after_the_handshakes_time() {
    let address = says("").await;
    let connecting = connect::<OfficeClient>(address).limits(limits());
    let (error, took) = failure("mute server, handshake limit of 300 ms", connecting).await;
    let said = format!(
        "the connection to {address} ended before the binding was agreed: no answer to the handshake within 300.0ms"
    );
    assert_eq!(error.to_string(), said);
    assert!(error.is_retryable() && took >= LIMIT && took < Duration::from_secs(4), "{took:?}");
}

#[tokio::test]
async fn a_server_that_sends_random_bytes_is_reported_with_the_first_of_them() {
    let mut random = Random::new();
    for _ in 0..20 {
        let mut bytes = random.bytes(3_000);
        // Enough to decide by, and no length that a first frame may have: that would be waited for.
        bytes.extend_from_slice(&[0xff; 32]);
        bytes[3] |= 1;
        let address = says(bytes).await;
        let error = bind_error("server that sends random bytes", address).await;
        let text = error.to_string();
        let begin = format!("no common protocol with {address}: the peer ");
        assert!(text.starts_with(&begin) && text.contains(": its first bytes are "), "{text}");
        assert!(matches!(error, BindError::ProtocolMismatch { .. }), "{text}");
    }
}

#[tokio::test]
async fn a_server_that_closes_at_once_is_reported_as_one_that_broke_off() {
    let address = server(|stream| async move { drop(stream) }).await;
    let error = bind_error("server that closes at once", address).await;
    let text = error.to_string();
    let begin = format!("the connection to {address} ended before the binding was agreed: ");
    // With the Hello unread in its socket, a close is a reset.
    let ends = ["closed by the peer", "Connection reset by peer (os error 104)", "Broken pipe (os error 32)"];
    let why = text.strip_prefix(&begin).expect("that is how it begins");
    assert!(!cfg!(target_os = "linux") || ends.contains(&why), "{text}");
    assert!(matches!(error, BindError::Interrupted { .. }) && error.is_retryable(), "{text}");
}

#[tokio::test]
async fn a_server_of_a_later_protocol_version_is_reported_with_both_ranges() {
    let (code, reason) = (RejectCode::Protocol, "version 1 is no longer spoken".to_owned());
    let mut out = Vec::new();
    Reject { code, protocol_min: 7, protocol_max: 9, retry_after_ms: 0, reason }.write(&mut out);
    let address = says(out).await;
    let error = bind_error("server of a later version", address).await;
    assert_eq!(
        error.to_string(),
        format!(
            "no common protocol with {address}: this client speaks versions 1 to 1, the server 7 to 9: \
             version 1 is no longer spoken"
        )
    );
    assert!(matches!(error, BindError::ProtocolMismatch { .. }) && !error.is_retryable());
}

#[tokio::test]
async fn a_server_that_closes_with_a_reason_is_reported_with_it() {
    let mut out = Vec::new();
    Close { code: CloseCode::GoingAway, reason: "no more today".to_owned() }.write(&mut out);
    let address = says(out).await;
    let error = bind_error("server that says Close", address).await;
    let said = format!(
        "the connection to {address} ended before the binding was agreed: closed by the server: no more today"
    );
    assert_eq!(error.to_string(), said);
    assert!(matches!(error, BindError::Interrupted { .. }));
}

async fn ours() -> Running {
    run(Server::new().add(hall().0)).await
}

/// All that a server says until it closes, and how long that took.
async fn answer(address: SocketAddr, said: &[u8]) -> (Vec<u8>, Duration) {
    let begin = Instant::now();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(said).await.unwrap();
    let mut bytes = Vec::new();
    soon(stream.read_to_end(&mut bytes)).await.unwrap();
    (bytes, begin.elapsed())
}

#[tokio::test]
async fn a_browser_is_answered_in_http_and_closed() {
    let server = ours().await;
    let request = b"GET / HTTP/1.1\r\nHost: hall:7000\r\nUser-Agent: Mozilla/5.0\r\n\r\n";
    let (bytes, took) = answer(server.address, request).await;
    println!("{:>9.1} ms until: browser at our port is closed", took.as_secs_f64() * 1e3);
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{text}");
    assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())), "{text}");
    assert_eq!(body, "This port speaks Carnegie's RPC protocol, not HTTP. Use its client.\n");
    until(|| server.server.stats().connections == 0).await;
}

#[tokio::test]
async fn a_tls_client_is_turned_away() {
    let (lines, _guard) = watch();
    let server = ours().await;
    let config = ClientConfig::builder().with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    let begin = Instant::now();
    let stream = TcpStream::connect(server.address).await.unwrap();
    let name = ServerName::try_from("carnegie.example").unwrap();
    let tls = soon(TlsConnector::from(Arc::new(config)).connect(name, stream)).await;
    println!("{:>9.1} ms until: TLS client at our port fails", begin.elapsed().as_secs_f64() * 1e3);
    tls.map(|_| ()).unwrap_err();
    until(|| server.server.stats().connections == 0).await;
    let told = told(&lines.lock().unwrap());
    assert!(told.len() == 1 && told[0].contains("the peer speaks TLS, not Carnegie's protocol"), "{told:?}");
}

/// What the log tells of strangers.
fn told(lines: &[String]) -> Vec<String> {
    let of_strangers = |line: &&String| line.contains("a connection ended in its handshake");
    lines.iter().filter(of_strangers).cloned().collect()
}

#[tokio::test]
async fn a_port_scanner_is_logged_once_however_often_it_comes() {
    let (lines, _guard) = watch();
    let server = ours().await;
    let begin = Instant::now();
    for turn in 0..2_000 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        if turn % 2 == 1 {
            stream.write_all(b"\0").await.unwrap();
        }
    }
    println!("{:>9.1} ms for 2,000 visits of a port scanner", begin.elapsed().as_secs_f64() * 1e3);
    let office: OfficeClient = server.client().await;
    assert_eq!(soon(office.look()).await.unwrap(), 7);
    until(|| server.server.stats().connections == 1).await;
    let told = told(&lines.lock().unwrap());
    assert!(told.len() == 1 && told[0].contains("more=0"), "{told:?}");
}

#[tokio::test]
async fn a_client_that_says_nothing_is_closed_after_the_handshakes_time() {
    let (lines, _guard) = watch();
    let server = run(Server::new().add(hall().0).limits(limits())).await;
    let begin = Instant::now();
    let mut raw = Raw::connect(server.address).await;
    assert_eq!(raw.end().await, "no Hello came in time");
    assert!(begin.elapsed() >= LIMIT);
    println!("{:>9.1} ms until: mute client is closed, limit of 300 ms", begin.elapsed().as_secs_f64() * 1e3);
    assert_eq!(told(&lines.lock().unwrap()).len(), 1);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn clients_that_begin_a_handshake_and_wait_cost_no_more_than_what_they_sent() {
    const MANY: usize = 400;
    let office = start(Setup { handshake_seconds: Some(1), ..Setup::default() }).await;
    let mut out = Vec::new();
    hello().write(&mut out);
    // What every connection needs once is there before anything is measured.
    answer(office.address, b"GET / HTTP/1.1\r\n\r\n").await;
    let before = office.memory_asked_for();
    let mut waiting = Vec::new();
    for turn in 1..=MANY {
        let mut stream = TcpStream::connect(office.address).await.unwrap();
        stream.write_all(&out[..40]).await.unwrap();
        waiting.push(stream);
        // The server takes them in order: after this it has taken all so far, and its queue does not overflow.
        if turn % 100 == 0 {
            answer(office.address, b"GET / HTTP/1.1\r\n\r\n").await;
        }
    }
    let mut told = Vec::new();
    let last = waiting.last_mut().unwrap();
    let grown = office.memory_asked_for().saturating_sub(before);
    soon(last.read_to_end(&mut told)).await.unwrap();
    assert!(!told.is_empty(), "it is told why it is closed");
    println!("{grown} MiB for {MANY} half handshakes");
    assert!(grown < 16, "a read buffer each would be 25 MiB: {grown} MiB");
}

#[tokio::test]
async fn a_listener_that_never_accepts_is_a_server_that_says_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connecting = connect::<OfficeClient>(address).connect_window(LIMIT);
    let (error, _) = failure("server that never accepts, window of 300 ms", connecting).await;
    let begin = format!(
        "the connection to {address} ended before the binding was agreed: no answer to the handshake"
    );
    assert!(error.to_string().starts_with(&begin), "{error}");
}

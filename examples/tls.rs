//! Calls over TLS: the program makes the streams, with tokio-rustls, and hands them over. The certificate is made at
//! start, so there is nothing to prepare.
//!
//! `cargo run --example tls`
//!
//! It exits with 1 if the trusted call fails, or if a client that does not know the certificate gets through.

use carnegie::{Server, ServerHandle, service};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

/// The name in the certificate.
const HALL: &str = "carnegie.example";
/// How long a client may take for its TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(5);

#[service]
trait Safe {
    async fn whisper(&self, secret: &str) -> String;
}

struct Discreet;

impl Safe for Discreet {
    async fn whisper(&self, secret: &str) -> String {
        format!("{} characters, and nobody read them on the way", secret.chars().count())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([HALL.to_owned()])?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![cert.der().clone()], key)?;

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = Server::new().add(SafeServer::new(Discreet)).start()?;
    tokio::spawn(accept(listener, TlsAcceptor::from(Arc::new(config)), server));

    // The channel dials by this closure, now and whenever the connection is lost.
    let knowing = TlsConnector::from(trusting([cert.der().clone()])?);
    let safe: SafeClient = carnegie::connect_with(move || dial(knowing.clone(), address)).await?;
    println!("with the certificate: {}", safe.whisper("the seats are sold").await?);

    let stranger = TlsConnector::from(trusting([])?);
    match carnegie::connect_with::<SafeClient>(move || dial(stranger.clone(), address)).await {
        Ok(_) => Err("a client that does not know the certificate got through".into()),
        Err(error) if error.to_string().contains("certificate") => {
            println!("without it: {error}");
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// The server's side: TCP and TLS are the program's own, the streams are the framework's.
async fn accept(listener: TcpListener, acceptor: TlsAcceptor, server: ServerHandle) {
    loop {
        let (tcp, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                eprintln!("cannot accept: {error}");
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (acceptor, server) = (acceptor.clone(), server.clone());
        // In a task of its own, so that a slow handshake keeps nobody else waiting.
        tokio::spawn(async move {
            match shake_hands(acceptor, tcp).await {
                Ok(tls) => server.serve_stream(tls, peer),
                Err(error) => eprintln!("the server lets {} go: {error}", peer.ip()),
            }
        });
    }
}

async fn shake_hands(acceptor: TlsAcceptor, tcp: TcpStream) -> io::Result<server::TlsStream<TcpStream>> {
    tcp.set_nodelay(true)?;
    timeout(HANDSHAKE, acceptor.accept(tcp)).await?
}

/// The client's side: one connection.
async fn dial(connector: TlsConnector, address: SocketAddr) -> io::Result<client::TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(address).await?;
    tcp.set_nodelay(true)?;
    let name = ServerName::try_from(HALL).map_err(io::Error::other)?;
    connector.connect(name, tcp).await
}

/// Trusts these certificates and no others, not even the system's.
fn trusting(
    certificates: impl IntoIterator<Item = CertificateDer<'static>>,
) -> Result<Arc<ClientConfig>, Box<dyn Error>> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate)?;
    }
    Ok(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}

//! Opening a byte stream to one of a channel's addresses, within its share of the connect window.

use crate::address::Endpoint;
use crate::clock::Clock;
use crate::stream::{ByteStream, Stream};
use rpc_core::{BindError, Instant, Tried};
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::Poll;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// When an address of a name has not answered after this long, the next one is tried beside it (RFC 8305, section 5).
const STAGGER: Duration = Duration::from_millis(250);

/// A stream, and the address that it leads to.
pub(crate) type Dialled = Result<(Stream, String), BindError>;

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What a [`Dialer`] returns: a stream that is being opened.
pub type Opening = Pin<Box<dyn Future<Output = io::Result<Pin<Box<dyn ByteStream>>>> + Send>>;

/// Opens streams of the user's own, again after each loss: `|| async { Ok(tls.connect(name, tcp().await?).await?) }`.
///
/// Implemented for every closure that returns a future of an `io::Result` of a [`ByteStream`].
pub trait Dialer: Send + Sync + 'static {
    /// Opens one stream. It is given up when the connect window ends, of which the handshake needs a part too.
    fn dial(&self) -> Opening;
}

impl<F, D, S> Dialer for F
where
    F: Fn() -> D + Send + Sync + 'static,
    D: Future<Output = io::Result<S>> + Send + 'static,
    S: ByteStream,
{
    fn dial(&self) -> Opening {
        let opening = self();
        Box::pin(async move { Ok(Box::pin(opening.await?) as Pin<Box<dyn ByteStream>>) })
    }
}

/// Where a channel's streams come from.
pub(crate) enum Source {
    Endpoints(Vec<Endpoint>),
    /// One stream, which cannot be opened again.
    Once(Mutex<Option<Stream>>),
    Dialer(Box<dyn Dialer>),
}

impl Source {
    /// How many servers it may lead to.
    pub(crate) fn len(&self) -> usize {
        match self {
            Source::Endpoints(endpoints) => endpoints.len(),
            Source::Once(_) | Source::Dialer(_) => 1,
        }
    }

    /// Opens a stream to the endpoint with this index, within `window`.
    pub(crate) async fn open(&self, name: &str, index: usize, window: Duration) -> Dialled {
        match self {
            Source::Endpoints(endpoints) => match endpoints.get(index % endpoints.len().max(1)) {
                Some(endpoint) => dial_endpoint(endpoint, window).await.map_err(none_of),
                None => Err(none_of(Vec::new())),
            },
            Source::Once(stream) => {
                let stream = stream.lock().unwrap_or_else(|e| e.into_inner()).take();
                // Not `Unreachable`: calls shall not wait for what cannot come.
                stream.map(|stream| (stream, name.to_owned())).ok_or_else(|| ended(name))
            }
            Source::Dialer(dialer) => {
                let since = Clock::now();
                let opened = timeout(window, dialer.dial()).await.unwrap_or_else(|_| Err(silent(window)));
                let opened = opened.map(|stream| (Stream::Other(stream), name.to_owned()));
                opened.map_err(|error| none_of(vec![tried(name.to_owned(), &error, Clock::now() - since)]))
            }
        }
    }
}

fn ended(address: &str) -> BindError {
    BindError::StreamEnded { address: address.to_owned() }
}

fn none_of(tried: Vec<Tried>) -> BindError {
    let attempts = tried.len();
    BindError::Unreachable { tried, attempts }
}

fn tried(address: String, error: &io::Error, after: Duration) -> Tried {
    Tried { address, error: error.to_string(), after }
}

fn silent(within: Duration) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {within:.1?}"))
}

async fn dial_endpoint(endpoint: &Endpoint, window: Duration) -> Result<(Stream, String), Vec<Tried>> {
    let since = Clock::now();
    match endpoint {
        Endpoint::Ip(address) => Race::new(endpoint, vec![*address], since).run(window).await,
        Endpoint::Name { host, port } => {
            let failed = |error| vec![tried(endpoint.to_string(), &error, Clock::now() - since)];
            let looked_up = timeout(window, tokio::net::lookup_host((host.as_str(), *port))).await;
            let addresses: Vec<_> = match looked_up {
                Ok(Ok(addresses)) => addresses.collect(),
                Ok(Err(error)) => return Err(failed(error)),
                Err(_) => return Err(failed(silent(window))),
            };
            if addresses.is_empty() {
                return Err(failed(io::Error::other("the name has no address")));
            }
            let left = window.saturating_sub(Clock::now() - since);
            Race::new(endpoint, interleave(addresses), since).run(left).await
        }
        Endpoint::Unix(path) => {
            let opened = timeout(window, unix(path)).await.unwrap_or_else(|_| Err(silent(window)));
            let address = endpoint.to_string();
            match opened {
                Ok(stream) => Ok((stream, address)),
                Err(error) => Err(vec![tried(address, &error, Clock::now() - since)]),
            }
        }
    }
}

#[cfg(unix)]
async fn unix(path: &std::path::Path) -> io::Result<Stream> {
    Ok(Stream::Unix(tokio::net::UnixStream::connect(path).await?))
}

#[cfg(not(unix))]
async fn unix(_: &std::path::Path) -> io::Result<Stream> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no Unix sockets"))
}

/// Alternates between the two families, beginning with that of the first address (RFC 8305, section 4): if one of them
/// leads nowhere, the second attempt is already of the other.
fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let six_first = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (preferred, others): (Vec<_>, Vec<_>) =
        addresses.iter().copied().partition(|a| a.is_ipv6() == six_first);
    let mut all = Vec::with_capacity(addresses.len());
    let (mut preferred, mut others) = (preferred.into_iter(), others.into_iter());
    loop {
        match (preferred.next(), others.next()) {
            (None, None) => return all,
            (one, other) => all.extend(one.into_iter().chain(other)),
        }
    }
}

/// The addresses of one endpoint, tried side by side but not all at once. The first stream wins, the others are dropped.
struct Race<'a> {
    endpoint: &'a Endpoint,
    waiting: std::vec::IntoIter<SocketAddr>,
    running: Vec<Attempt>,
    tried: Vec<Tried>,
    since: Instant,
}

struct Attempt {
    address: SocketAddr,
    since: Instant,
    connecting: Boxed<io::Result<TcpStream>>,
}

impl<'a> Race<'a> {
    fn new(endpoint: &'a Endpoint, addresses: Vec<SocketAddr>, since: Instant) -> Self {
        Self { endpoint, waiting: addresses.into_iter(), running: Vec::new(), tried: Vec::new(), since }
    }

    async fn run(mut self, window: Duration) -> Result<(Stream, String), Vec<Tried>> {
        let won = timeout(window, self.first_stream()).await;
        match won {
            Ok(Some((stream, address))) => return Ok((Stream::tcp(stream), address.to_string())),
            Ok(None) => {}
            Err(_) => self.give_up(),
        }
        Err(self.tried)
    }

    /// `None` when every address has failed.
    async fn first_stream(&mut self) -> Option<(TcpStream, SocketAddr)> {
        loop {
            if let Some(address) = self.waiting.next() {
                let connecting = Box::pin(TcpStream::connect(address));
                self.running.push(Attempt { address, since: Clock::now(), connecting });
            } else if self.running.is_empty() {
                return None;
            }
            let stagger = if self.waiting.len() > 0 { STAGGER } else { Duration::MAX };
            // Time over: the next address is tried too.
            let Ok((attempt, result)) = timeout(stagger, first_of(&mut self.running)).await else { continue };
            match result {
                Ok(stream) => return Some((stream, attempt.address)),
                Err(error) => self.failed(attempt.address, &error, attempt.since),
            }
        }
    }

    fn failed(&mut self, address: SocketAddr, error: &io::Error, since: Instant) {
        let address = match self.endpoint {
            Endpoint::Name { .. } => format!("{} ({address})", self.endpoint),
            _ => address.to_string(),
        };
        self.tried.push(tried(address, error, Clock::now() - since));
    }

    fn give_up(&mut self) {
        for attempt in std::mem::take(&mut self.running) {
            let error = silent(Clock::now() - attempt.since);
            self.failed(attempt.address, &error, attempt.since);
        }
        for address in std::mem::take(&mut self.waiting) {
            self.failed(address, &io::Error::other("not tried: no time was left"), self.since);
        }
    }
}

/// Takes out the first attempt that ends, and its result.
async fn first_of(running: &mut Vec<Attempt>) -> (Attempt, io::Result<TcpStream>) {
    poll_fn(|cx| {
        for index in 0..running.len() {
            if let Poll::Ready(result) = running[index].connecting.as_mut().poll(cx) {
                return Poll::Ready((running.swap_remove(index), result));
            }
        }
        Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Addresses;
    use tokio::net::{TcpListener, TcpSocket};

    async fn open(address: &str, window: Duration) -> Dialled {
        let source = Source::Endpoints(Addresses::from(address).endpoints().unwrap());
        source.open("", 0, window).await
    }

    /// A port of this machine where nobody listens, nor anybody else while the socket is held.
    fn closed_port() -> (TcpSocket, SocketAddr) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = socket.local_addr().unwrap();
        (socket, address)
    }

    const WINDOW: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn a_failure_is_reported_with_the_systems_error() {
        let (_held, closed) = closed_port();
        let Err(BindError::Unreachable { tried, .. }) = open(&closed.to_string(), WINDOW).await else {
            panic!("nobody listens there")
        };
        assert_eq!(tried[0].address, closed.to_string());
        assert!(tried[0].error.contains("refused"), "{tried:?}");
    }

    #[tokio::test]
    async fn a_name_is_resolved_and_named_with_the_address_that_failed() {
        let (_held, closed) = closed_port();
        let Err(BindError::Unreachable { tried, .. }) =
            open(&format!("localhost:{}", closed.port()), WINDOW).await
        else {
            panic!("nobody listens there")
        };
        assert!(tried.iter().any(|t| t.address == format!("localhost:{0} (127.0.0.1:{0})", closed.port())));
    }

    #[tokio::test]
    async fn a_name_leads_to_whichever_family_answers() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open_at = listener.local_addr().unwrap();
        let (_, address) = open(&format!("localhost:{}", open_at.port()), WINDOW).await.unwrap();
        assert_eq!(address, open_at.to_string());
    }

    #[tokio::test]
    async fn a_dialler_that_never_answers_ends_with_the_window() {
        let never = || std::future::pending::<io::Result<TcpStream>>();
        let window = Duration::from_millis(20);
        let opened = Source::Dialer(Box::new(never)).open("hall", 0, window).await;
        let error = opened.err().unwrap().to_string();
        assert!(error.starts_with("no server answers: hall: no answer within 20.0ms (after "), "{error}");
    }

    #[tokio::test]
    async fn a_single_stream_is_handed_out_once() {
        let (near, _far) = crate::stream::in_process();
        let source = Source::Once(Mutex::new(Some(Stream::other(near))));
        assert!(source.open("pair", 0, WINDOW).await.is_ok());
        assert_eq!(source.open("pair", 0, WINDOW).await.err(), Some(ended("pair")));
    }

    /// An address that takes connections into its queue until that is full, and then answers nothing: as a dead host does.
    async fn silent_address() -> (SocketAddr, (TcpListener, Vec<TcpStream>)) {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let listener = socket.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        while let Ok(stream) = timeout(Duration::from_millis(50), TcpStream::connect(address)).await {
            queued.push(stream.unwrap());
        }
        (address, (listener, queued))
    }

    /// Races the addresses that a name would have.
    async fn race(addresses: Vec<SocketAddr>, window: Duration) -> Result<String, Vec<Tried>> {
        let name = Endpoint::Name { host: "hall".to_owned(), port: 7000 };
        let won = Race::new(&name, addresses, Clock::now()).run(window).await;
        won.map(|(_, address)| address)
    }

    #[tokio::test]
    async fn an_address_that_is_silent_is_overtaken_by_the_next_one_long_before_it_is_given_up() {
        let (silent, _held) = silent_address().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open_at = listener.local_addr().unwrap();
        let since = Clock::now();
        assert_eq!(race(vec![silent, open_at], Duration::from_secs(60)).await, Ok(open_at.to_string()));
        let took = Clock::now() - since;
        assert!((STAGGER..Duration::from_secs(20)).contains(&took), "{took:?}");
    }

    #[tokio::test]
    async fn an_address_that_refuses_is_followed_by_the_next_one_and_each_is_named() {
        let refusing = tokio::net::TcpSocket::new_v4().unwrap();
        refusing.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let refused = refusing.local_addr().unwrap();
        let tried = race(vec![refused, refused], WINDOW).await.unwrap_err();
        let named = |tried: &Tried| (tried.address.clone(), tried.error.contains("refused"));
        let expected = (format!("hall:7000 ({refused})"), true);
        assert_eq!(tried.iter().map(named).collect::<Vec<_>>(), [expected.clone(), expected]);
    }

    #[test]
    fn families_alternate_beginning_with_the_preferred_one() {
        let four = |n| SocketAddr::from(([10, 0, 0, n], 1));
        let six = |n| SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, n], 1));
        let all = interleave(vec![six(1), six(2), six(3), four(1), four(2)]);
        assert_eq!(all, [six(1), four(1), six(2), four(2), six(3)]);
    }
}

//! A line between clients and servers that breaks on demand: for tests of your own services. With the feature `testing`.
//!
//! A [`Proxy`] stands before a server; a [`pair`] is the same inside the process, without sockets. Both obey [`Line`]: it delays,
//! limits bandwidth, cuts in the middle of a frame, resets, half-closes, corrupts, swallows, holds back and reorders, on order or drawn
//! from a seed by [`Chaos`]. Whatever was done is [counted](Counts).
//!
//! ```
//! use carnegie::testing::{Direction, Fault, Proxy};
//! # use carnegie::{Server, service};
//! # use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
//! # #[service]
//! # pub trait BoxOffice {
//! #     async fn sell(&self, holder: &str) -> u32;
//! # }
//! # struct Hall(AtomicU32);
//! # impl BoxOffice for Hall {
//! #     async fn sell(&self, _: &str) -> u32 {
//! #         self.0.fetch_add(1, Relaxed)
//! #     }
//! # }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::new().add(BoxOfficeServer::new(Hall(0.into()))).bind("127.0.0.1:0").await?;
//! let proxy = Proxy::start(server.local_addr().to_string()).await?;
//! tokio::spawn(server.run());
//! let office: BoxOfficeClient = carnegie::connect(proxy.address()).await?;
//!
//! // The answer is cut off in the middle of its frame: the seat is sold, and nobody was told.
//! proxy.cut_after(Direction::ToClient, 10);
//! assert_eq!(office.sell("Ada").await?, 0, "asked for again over the next connection, and not sold twice");
//! // One bit of the request is wrong.
//! proxy.corrupt(Direction::ToServer, 20);
//! assert_eq!(office.sell("Bob").await?, 1);
//! assert_eq!((proxy.counts().of(Fault::Cut), proxy.counts().of(Fault::Corruption)), (1, 1));
//! # Ok(())
//! # }
//! ```
//!
//! Or all kinds of faults, from a seed that brings them again: `Proxy::builder(address).chaos(Chaos::seeded(7)).start()`.
//!
//! Inside the process, with connections that are made again by the client itself:
//!
//! ```
//! use carnegie::testing::Line;
//! # use carnegie::{Server, service};
//! # #[service]
//! # pub trait Greeter {
//! #     async fn greet(&self, name: &str) -> String;
//! # }
//! # struct Polite;
//! # impl Greeter for Polite {
//! #     async fn greet(&self, name: &str) -> String {
//! #         format!("Good evening, {name}")
//! #     }
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::new().add(GreeterServer::new(Polite)).start()?;
//! let line = Line::new();
//! let (served, between) = (server.clone(), line.clone());
//! let greeter: GreeterClient = carnegie::connect_with(move || {
//!     let (client, far) = between.pair();
//!     served.serve_stream(far, "a test");
//!     async { Ok(client) }
//! })
//! .await?;
//! line.cut();
//! assert_eq!(greeter.greet("Ada").await?, "Good evening, Ada");
//! # server.stop().await;
//! # Ok(())
//! # }
//! ```

use rpc_core::frame::{self, Checksum, Hello, Kind, SessionWish};
pub use rpc_testing::{Chaos, Counts, Direction, Fault, Happened, Line, Proxy, ProxyBuilder, pair};

/// Whether these are the bytes of a client that was let in to its old session: such that their [replay](Proxy::replay) executes
/// nothing twice. Those of a client with a new session would, since they open another one, in which its requests are new calls;
/// only TLS keeps others from sending them. To be given to [`ProxyBuilder::replayable`].
///
/// A client that wishes for its old session gets a new one where the server's process is another. It has to bind its services anew
/// then, which is how this tells; so a client that has bound one more service in its old session is not recognised.
pub fn is_resumption(client: &[u8]) -> bool {
    let mut rest = client;
    let mut resumes = false;
    // The last frame may be there in part, like whatever the line has broken.
    while let Ok(Some((header, body))) = frame::split(rest, Checksum::Whole) {
        rest = rest.get(header.length as usize..).unwrap_or_default();
        match header.kind {
            Kind::Hello => {
                let hello = Hello::read(&header, body);
                resumes = hello.is_ok_and(|hello| matches!(hello.session, SessionWish::Resume { .. }));
            }
            Kind::Bind => return false,
            _ => {}
        }
    }
    resumes
}

//! No name is reserved: not for methods, not for arguments, not for types, not for the trait.

use carnegie::{Client, Schema, Server, ServerHandle, connect_over, in_process, service};
use serde::{Deserialize, Serialize};

/// A client of `server`, over a stream in memory.
async fn client<C: Client>(server: Server) -> (C, ServerHandle) {
    let handle = server.start().expect("a server");
    let (here, there) = in_process();
    handle.serve_stream(there, "a test");
    (connect_over(here).await.expect("a binding"), handle)
}

#[service]
trait Odd {
    async fn new(&self, n: u32) -> u32;
    async fn clone(&self, n: u32) -> u32;
    async fn call(&self, n: u32) -> u32;
    async fn serve(&self, n: u32) -> u32;
    async fn timeout(&self, n: u32) -> u32;
    async fn r#type(&self, n: u32) -> u32;
    async fn drop(&self, n: u32) -> u32;
    async fn poll(&self, n: u32) -> u32;
    async fn into_future(&self, n: u32) -> u32;
    async fn from(&self, n: u32) -> u32;
    async fn fmt(&self, n: u32) -> u32;
    async fn bind(&self, n: u32) -> u32;
    async fn channel(&self, n: u32) -> u32;
    async fn supports(&self, n: u32) -> u32;
    async fn resolve(&self, n: u32) -> u32;
    async fn descriptor(&self, n: u32) -> u32;
    async fn from_binding(&self, n: u32) -> u32;
    async fn as_binding(&self, n: u32) -> u32;
    async fn dispatch(&self, n: u32) -> u32;
    async fn arguments(&self, n: u32) -> u32;
    async fn context(&self, n: u32) -> u32;
    async fn value(&self, n: u32) -> u32;
    async fn main(&self, n: u32) -> u32;
}

struct Numbers;

/// Each method adds a number of its own, so that one that is taken for another is noticed.
macro_rules! numbers {
    ($($method:ident = $number:literal),* $(,)?) => {
        impl Odd for Numbers {
            $(async fn $method(&self, n: u32) -> u32 { n + $number })*
        }

        #[tokio::test]
        async fn a_method_of_any_name_is_really_called() {
            let (odd, _server) = client::<OddClient>(Server::new().add(OddServer::new(Numbers))).await;
            $(assert_eq!(odd.$method(1000).await.unwrap(), 1000 + $number, stringify!($method));)*
        }
    };
}

numbers! {
    new = 1, clone = 2, call = 3, serve = 4, timeout = 5, r#type = 6, drop = 7, poll = 8, into_future = 9, from = 10,
    fmt = 11, bind = 12, channel = 13, supports = 14, resolve = 15, descriptor = 16, from_binding = 17, as_binding = 18,
    dispatch = 19, arguments = 20, context = 21, value = 22, main = 23,
}

#[tokio::test]
async fn what_the_framework_offers_is_reached_through_the_trait() {
    let (odd, _server) = client::<OddClient>(Server::new().add(OddServer::new(Numbers))).await;
    let again = Clone::clone(&odd);
    assert_eq!(again.new(1).timeout(std::time::Duration::from_secs(5)).await.unwrap(), 2);
    assert_eq!(format!("{odd:?}"), "OddClient");
}

/// A type that is called as a type parameter is.
#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
struct S {
    r#type: u8,
}

#[service]
trait Arguments {
    #[allow(clippy::too_many_arguments)]
    async fn sum(
        &self,
        service: u8,
        call: u8,
        args: u8,
        all: u8,
        error: u8,
        reply: u8,
        context: u8,
        types: u8,
    ) -> u32;
    async fn raw(&self, r#type: u8, r#async: &str, s: S) -> S;
}

struct Adder;
impl Arguments for Adder {
    async fn sum(&self, a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8) -> u32 {
        [a, b, c, d, e, f, g, h].map(u32::from).iter().fold(0, |sum, n| sum * 10 + n)
    }
    async fn raw(&self, r#type: u8, r#async: &str, s: S) -> S {
        assert_eq!(r#async, "no");
        S { r#type: r#type + s.r#type }
    }
}

#[tokio::test]
async fn an_argument_of_any_name_arrives() {
    let (adder, _server) = client::<ArgumentsClient>(Server::new().add(ArgumentsServer::new(Adder))).await;
    assert_eq!(adder.sum(1, 2, 3, 4, 5, 6, 7, 8).await.unwrap(), 12_345_678);
    assert_eq!(adder.raw(1, "no", S { r#type: 2 }).await.unwrap(), S { r#type: 3 });
}

mod named_as_a_parameter {
    /// A trait that is called as a type parameter is.
    #[carnegie::service]
    pub(crate) trait S {
        async fn s(&self, s: super::S) -> super::S;
    }
    pub(crate) struct Same;
    impl S for Same {
        async fn s(&self, s: super::S) -> super::S {
            s
        }
    }
}

#[tokio::test]
async fn a_trait_of_any_name_is_a_service() {
    use named_as_a_parameter::{SClient, SServer, Same};
    let (same, _server) = client::<SClient>(Server::new().add(SServer::new(Same))).await;
    assert_eq!(same.s(S { r#type: 7 }).await.unwrap(), S { r#type: 7 });
}

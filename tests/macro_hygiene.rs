//! The expansion assumes nothing of what is in scope: no prelude, and the user's own names where the prelude's would be.

/// No prelude here, and other things by its names.
#[allow(dead_code, reason = "some of the names are there only to be in the way")]
mod odd {
    #![no_implicit_prelude]

    #[derive(
        ::serde::Serialize, ::serde::Deserialize, ::carnegie::Schema, ::std::fmt::Debug, ::std::cmp::PartialEq,
    )]
    pub(super) enum Result {
        Odd,
        Even { option: Option },
    }
    #[derive(
        ::serde::Serialize, ::serde::Deserialize, ::carnegie::Schema, ::std::fmt::Debug, ::std::cmp::PartialEq,
    )]
    pub(super) struct Option(pub u32);
    #[derive(
        ::serde::Serialize, ::serde::Deserialize, ::carnegie::Schema, ::std::fmt::Debug, ::std::cmp::PartialEq,
    )]
    pub(super) struct Vec {
        pub r#type: u8,
    }
    #[derive(
        ::serde::Serialize, ::serde::Deserialize, ::carnegie::Schema, ::std::fmt::Debug, ::std::cmp::PartialEq,
    )]
    pub(super) struct String<Clone>(pub Clone, #[serde(skip)] pub ::std::marker::PhantomData<Clone>);

    // Each of these would be taken for the prelude's if a path were not absolute.
    pub(super) trait Send {}
    pub(super) trait Sync {}
    pub(super) trait Future {}
    pub(super) trait Clone {}
    pub(super) trait From {}
    pub(super) struct Box;
    pub(super) struct Arc;
    pub(super) struct Ok;
    pub(super) struct Err;
    pub(super) struct Some;
    pub(super) struct None;
    pub(super) mod core {}
    pub(super) mod std {}
    pub(super) mod carnegie {}

    #[::carnegie::service(lock = "tests/schemas/odd.schema")]
    pub(super) trait Odd {
        async fn halve(&self, n: u32) -> Result;
        async fn option(&self, option: Option, vec: &Vec, all: &[Vec]) -> Option;
        async fn generic(&self, string: String<u8>, name: &str, data: &[u8]) -> String<u8>;
        #[rpc(idempotent, timeout = "3s", since = "1.0")]
        async fn nothing(&self);
        async fn default_body(&self) -> u32 {
            let Option(n) = self.option(Option(4), &Vec { r#type: 1 }, &[]).await;
            n
        }
    }

    pub(super) struct Implementation;
    impl Odd for Implementation {
        async fn halve(&self, n: u32) -> Result {
            if n % 2 == 1 { Result::Odd } else { Result::Even { option: Option(n / 2) } }
        }
        async fn option(&self, option: Option, vec: &Vec, all: &[Vec]) -> Option {
            Option(option.0 + vec.r#type as u32 + all.len() as u32)
        }
        async fn generic(&self, string: String<u8>, name: &str, data: &[u8]) -> String<u8> {
            String(string.0 + name.len() as u8 + data.len() as u8, string.1)
        }
        async fn nothing(&self) {}
    }
}

use carnegie::{Server, connect_over, in_process};
use odd::{Odd, OddClient, OddServer};

#[tokio::test]
async fn a_service_works_without_a_prelude_and_among_names_of_its_own() {
    let server = Server::new().add(OddServer::new(odd::Implementation)).start().unwrap();
    let (here, there) = in_process();
    server.serve_stream(there, "a test");
    let odd: OddClient = connect_over(here).await.unwrap();
    assert_eq!(odd.halve(3).await.unwrap(), odd::Result::Odd);
    assert_eq!(odd.halve(4).await.unwrap(), odd::Result::Even { option: odd::Option(2) });
    let vec = || odd::Vec { r#type: 1 };
    assert_eq!(odd.option(odd::Option(1), &vec(), &[vec(), vec()]).await.unwrap(), odd::Option(4));
    let string = odd::String(1, std::marker::PhantomData);
    assert_eq!(odd.generic(string, "two", &[0; 4]).await.unwrap().0, 8);
    odd.nothing().await.unwrap();
    assert_eq!(odd.default_body().await.unwrap(), 5);
    assert_eq!(odd::Implementation.default_body().await, 5);
}

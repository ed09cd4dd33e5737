//! `#[cfg]` and `#[deprecated]` on a method, on the trait and on parts of types reach everything that stands for them.

use carnegie::{Client, Schema, Server, connect_over, in_process, service};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
struct Seat {
    number: u32,
    #[cfg(any())]
    gone: DoesNotExist,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
enum Section {
    #[cfg(any())]
    Gone(DoesNotExist),
    Stalls,
    Balcony,
}

#[service]
trait Conditional {
    #[cfg(any())]
    async fn gone(&self, of: DoesNotExist) -> DoesNotExist;
    /// There.
    #[cfg(not(any()))]
    async fn there(&self) -> u32;
    #[cfg(any())]
    async fn either(&self) -> u8;
    #[cfg(not(any()))]
    async fn either(&self, seat: Seat) -> Section;
    #[deprecated(note = "use `there`")]
    async fn old(&self) -> u32;
    #[cfg_attr(not(any()), deprecated)]
    async fn older(&self) -> u32;
    async fn last(&self) -> u32;
}

/// All of it is gone, whichever attribute comes first.
#[service]
#[cfg(any())]
pub trait Gone {
    async fn gone(&self) -> DoesNotExist;
}

struct Hall;
impl Conditional for Hall {
    async fn there(&self) -> u32 {
        1
    }
    async fn either(&self, seat: Seat) -> Section {
        if seat.number < 100 { Section::Stalls } else { Section::Balcony }
    }
    async fn old(&self) -> u32 {
        2
    }
    async fn older(&self) -> u32 {
        3
    }
    async fn last(&self) -> u32 {
        4
    }
}

#[tokio::test]
#[expect(deprecated, reason = "the stub of a deprecated method is deprecated")]
async fn methods_that_are_not_there_do_not_shift_the_others() {
    let server = Server::new().add(ConditionalServer::new(Hall)).start().unwrap();
    let (here, there) = in_process();
    server.serve_stream(there, "a test");
    let hall: ConditionalClient = connect_over(here).await.unwrap();
    assert_eq!(hall.there().await.unwrap(), 1);
    assert_eq!(hall.either(Seat { number: 7 }).await.unwrap(), Section::Stalls);
    assert_eq!(hall.either(Seat { number: 700 }).await.unwrap(), Section::Balcony);
    assert_eq!(hall.old().await.unwrap(), 2);
    assert_eq!(hall.older().await.unwrap(), 3);
    assert_eq!(hall.last().await.unwrap(), 4);
}

#[test]
fn the_table_holds_the_methods_that_are_there_in_their_order() {
    let names: Vec<_> = ConditionalClient::descriptor().methods.iter().map(|method| method.name).collect();
    assert_eq!(names, ["there", "either", "old", "older", "last"]);
}

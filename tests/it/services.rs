//! Several services on one server, versions of a service, and what a client learns when the two sides differ.

use crate::support::{patient, run, soon, until};
#[cfg(feature = "postcard")]
use carnegie::CodecId;
use carnegie::{BindError, Client, Code, Context, Error, Execution, Server, service};

mod current {
    #[carnegie::service(name = "BoxOffice", version = "1.2")]
    pub(crate) trait Office {
        async fn sell(&self, order: u64) -> u64;
        #[rpc(since = "1.2")]
        async fn refund(&self, order: u64) -> u64;
        async fn price(&self, section: u8) -> u32;
        #[rpc(idempotent)]
        async fn look(&self) -> u64;
    }
}

/// The same service a while ago: without `refund`, in another order, with other types in one method, and with a promise
/// less in another.
mod past {
    #[carnegie::service(name = "BoxOffice", version = "1.0")]
    pub(crate) trait Office {
        async fn price(&self, section: String) -> u32;
        async fn sell(&self, order: u64) -> u64;
        async fn look(&self) -> u64;
    }
}

mod next {
    #[carnegie::service(name = "BoxOffice", version = "2.0")]
    pub(crate) trait Office {
        async fn sell(&self, orders: Vec<u64>) -> u64;
    }
}

#[service(version = "3.1")]
trait Bank {
    async fn pay(&self, cents: u32) -> u32;
    async fn request_id(&self, cx: &Context) -> String;
}

struct Hall;

impl past::Office for Hall {
    async fn price(&self, section: String) -> u32 {
        section.len() as u32
    }
    async fn sell(&self, order: u64) -> u64 {
        order
    }
    async fn look(&self) -> u64 {
        1
    }
}

impl current::Office for Hall {
    async fn sell(&self, order: u64) -> u64 {
        order
    }
    async fn refund(&self, order: u64) -> u64 {
        order
    }
    async fn price(&self, section: u8) -> u32 {
        section.into()
    }
    async fn look(&self) -> u64 {
        1
    }
}

impl next::Office for Hall {
    async fn sell(&self, orders: Vec<u64>) -> u64 {
        orders.len() as u64
    }
}

impl Bank for Hall {
    async fn pay(&self, cents: u32) -> u32 {
        cents
    }
    async fn request_id(&self, cx: &Context) -> String {
        cx.request_id().to_string()
    }
}

#[tokio::test]
async fn services_share_one_connection_and_one_session() {
    let server = Server::new().add(past::OfficeServer::new(Hall)).add(BankServer::new(Hall));
    let server = run(server).await;
    let office: past::OfficeClient = server.client().await;
    let bank: BankClient = soon(office.channel().bind()).await.unwrap();
    assert_eq!((soon(office.sell(3)).await.unwrap(), soon(bank.pay(4)).await.unwrap()), (3, 4));
    let (first, second) = (soon(bank.request_id()).await.unwrap(), soon(bank.request_id()).await.unwrap());
    let session = |id: &str| id.split('-').next().unwrap().to_owned();
    assert_eq!(session(&first), session(&second));
    assert_eq!(server.server.stats().connections, 1);
    assert_eq!(bank.channel().stats(), office.channel().stats());
    assert_eq!(bank.channel().server_address(), Some(server.address.to_string()));
}

#[tokio::test]
async fn services_are_bound_again_on_a_new_connection() {
    let servers = || Server::new().add(past::OfficeServer::new(Hall)).add(BankServer::new(Hall));
    let first = run(servers()).await;
    let address = first.address;
    let office: past::OfficeClient = first.client().await;
    let bank: BankClient = soon(office.channel().bind()).await.unwrap();
    first.stop().await;
    let _second = crate::support::run_at(servers(), &address.to_string()).await;
    assert_eq!((soon(bank.pay(4)).await.unwrap(), soon(office.sell(3)).await.unwrap()), (4, 3));
    assert_eq!(office.channel().stats().connections, 2);
}

#[tokio::test]
async fn a_service_that_is_not_there_is_answered_with_those_that_are() {
    let server =
        run(Server::new().add(past::OfficeServer::new(Hall)).add(next::OfficeServer::new(Hall))).await;
    let error = soon(carnegie::connect::<BankClient>(server.address)).await.unwrap_err();
    let address = server.address;
    assert_eq!(
        error.to_string(),
        format!("the server at {address} has no service Bank; it offers: BoxOffice 1.0; BoxOffice 2.0")
    );
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn a_channel_whose_bind_failed_serves_its_other_services_on() {
    let server = run(Server::new().add(past::OfficeServer::new(Hall))).await;
    let office: past::OfficeClient = server.client().await;
    let error = soon(office.channel().bind::<BankClient>()).await.unwrap_err();
    assert!(matches!(error, BindError::ServiceNotFound { .. }), "{error}");
    assert_eq!(soon(office.sell(3)).await.unwrap(), 3);
    assert_eq!(server.server.stats().connections, 1);
}

#[tokio::test]
async fn a_service_that_is_not_there_may_be_asked_for_again_and_again() {
    let server = run(Server::new().add(past::OfficeServer::new(Hall))).await;
    let office: past::OfficeClient = server.client().await;
    // More often than the session's table of methods has places.
    for _ in 0..20_000 {
        let error = soon(office.channel().bind::<BankClient>()).await.unwrap_err();
        assert!(matches!(error, BindError::ServiceNotFound { .. }), "{error}");
    }
    assert_eq!(soon(office.sell(3)).await.unwrap(), 3);
}

#[tokio::test]
async fn a_service_that_nobody_used_for_a_while_is_bound_again_on_the_present_connection() {
    let first = run(Server::new().add(past::OfficeServer::new(Hall)).add(BankServer::new(Hall))).await;
    let address = first.address;
    let office: past::OfficeClient = first.client().await;
    let bank: BankClient = soon(office.channel().bind()).await.unwrap();
    soon(bank.pay(4)).await.unwrap();
    drop(bank);
    first.stop().await;
    let second = crate::support::run_at(
        Server::new().add(past::OfficeServer::new(Hall)).add(BankServer::new(Hall)),
        &address.to_string(),
    )
    .await;
    assert_eq!(soon(office.sell(3)).await.unwrap(), 3);
    // And is there again for whoever wants it.
    let bank: BankClient = soon(office.channel().bind()).await.unwrap();
    assert_eq!(soon(bank.pay(5)).await.unwrap(), 5);
    assert_eq!(second.server.stats().connections, 1);
}

/// Repeats what it is asked, or never ends, and says so.
#[service]
trait Echo {
    #[rpc(idempotent)]
    async fn echo(&self, number: u32) -> u32;
}

struct Echoes(Option<tokio::sync::mpsc::UnboundedSender<()>>);

impl Echo for Echoes {
    async fn echo(&self, number: u32) -> u32 {
        if let Some(begun) = &self.0 {
            begun.send(()).unwrap();
            std::future::pending::<()>().await;
        }
        number
    }
}

#[tokio::test]
async fn a_service_that_was_let_go_and_bound_again_is_asked_for_on_the_next_connection() {
    let (begun, mut began) = tokio::sync::mpsc::unbounded_channel();
    let first = run(Server::new().add(EchoServer::new(Echoes(Some(begun))))).await;
    let without = run(Server::new().add(BankServer::new(Hall))).await;
    let last = run(Server::new().add(EchoServer::new(Echoes(None)))).await;
    let list = format!("{}, {}, {}", first.address, without.address, last.address);
    let echo: EchoClient = soon(carnegie::connect(list).limits(patient())).await.unwrap();
    let channel = echo.channel().clone();
    drop(echo);
    let echo: EchoClient = soon(channel.bind()).await.unwrap();
    let call = tokio::spawn(echo.echo(4).into_owned());
    soon(began.recv()).await.unwrap();
    first.stop().await;
    // The server without the service is passed over only by who asks for it in the handshake.
    assert_eq!(soon(call).await.unwrap().unwrap(), 4);
    assert_eq!(channel.server_address(), Some(last.address.to_string()));
}

#[tokio::test]
async fn a_service_cannot_be_bound_while_no_server_is_there() {
    let server = run(Server::new().add(BankServer::new(Hall))).await;
    let bank: BankClient = server.client().await;
    server.stop().await;
    until(|| bank.channel().server_address().is_none()).await;
    let error = soon(bank.channel().bind::<BankClient>()).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
}

#[tokio::test]
async fn another_major_version_does_not_bind_and_both_versions_are_named() {
    let server = run(Server::new().add(past::OfficeServer::new(Hall))).await;
    let error = soon(carnegie::connect::<next::OfficeClient>(server.address)).await.unwrap_err();
    let address = server.address;
    assert_eq!(
        error.to_string(),
        format!("BoxOffice 2.0 is wanted, but the server at {address} has BoxOffice 1.0")
    );
}

#[tokio::test]
async fn two_major_versions_of_a_service_stand_side_by_side() {
    let server = Server::new().add(current::OfficeServer::new(Hall)).add(next::OfficeServer::new(Hall));
    let server = run(server).await;
    let old: current::OfficeClient = server.client().await;
    let new: next::OfficeClient = soon(old.channel().bind()).await.unwrap();
    assert_eq!((soon(old.sell(7)).await.unwrap(), soon(new.sell(vec![1, 2])).await.unwrap()), (7, 2));
}

#[tokio::test]
async fn one_major_version_twice_is_refused_when_the_server_is_bound() {
    let server = Server::new().add(past::OfficeServer::new(Hall)).add(current::OfficeServer::new(Hall));
    let error = server.bind("127.0.0.1:0").await.unwrap_err();
    assert!(error.to_string().ends_with("BoxOffice 1.x was added twice"), "{error}");
}

#[tokio::test]
async fn a_method_that_the_server_does_not_have_yet_is_known_to_be_missing_before_it_is_called() {
    let server = run(Server::new().add(past::OfficeServer::new(Hall))).await;
    let office: current::OfficeClient = server.client().await;
    assert!(office.supports("sell") && !office.supports("refund") && !office.supports("steal"));
    let sent = office.channel().stats().bytes_out;
    let error = soon(office.refund(1)).await.unwrap_err();
    assert_eq!(office.channel().stats().bytes_out, sent, "nothing is sent");
    let address = server.address;
    assert_eq!(
        error.to_string(),
        format!(
            "the server at {address} has no method BoxOffice.refund (BoxOffice 1.0): it is there since 1.2; this \
             client was compiled against BoxOffice 1.2; update the server (not executed)"
        )
    );
    assert!(matches!(error, Error::Unimplemented { .. }));
    assert_eq!((error.code(), error.execution()), (Code::Unimplemented, Execution::NotExecuted));
    assert_eq!(soon(office.sell(8)).await.unwrap(), 8);
}

#[tokio::test]
async fn a_method_whose_types_differ_is_refused_alone_before_anything_is_sent() {
    let server = run(Server::new().add(past::OfficeServer::new(Hall))).await;
    let office: current::OfficeClient = server.client().await;
    assert!(!office.supports("price"));
    let sent = office.channel().stats().bytes_out;
    let error = soon(office.price(4)).await.unwrap_err();
    assert_eq!(office.channel().stats().bytes_out, sent, "nothing is sent");
    assert!(matches!(error, Error::SignatureMismatch { .. }), "{error}");
    let address = server.address;
    assert_eq!(
        error.to_string(),
        format!(
            "BoxOffice.price: argument 1 (section): u8 here, String there (here: this client, there: the server at \
             {address}) (not executed)"
        )
    );
    assert_eq!((error.code(), error.execution()), (Code::FailedPrecondition, Execution::NotExecuted));
    assert!(!error.is_retryable());
    assert_eq!(soon(office.sell(8)).await.unwrap(), 8);
}

#[tokio::test]
async fn a_client_that_takes_a_method_for_idempotent_may_not_call_one_that_is_not() {
    let server = run(Server::new().add(past::OfficeServer::new(Hall))).await;
    let office: current::OfficeClient = server.client().await;
    assert!(!office.supports("look"));
    let error = soon(office.look()).await.unwrap_err();
    assert!(matches!(error, Error::SignatureMismatch { .. }), "{error}");
    let address = server.address;
    assert_eq!(
        error.to_string(),
        format!(
            "BoxOffice.look: idempotent here, at most once there (here: this client, there: the server at {address}) \
             (not executed)"
        )
    );
    assert_eq!(error.execution(), Execution::NotExecuted);
    // The other way round does no harm.
    let server = run(Server::new().add(current::OfficeServer::new(Hall))).await;
    let office: past::OfficeClient = server.client().await;
    assert_eq!(soon(office.look()).await.unwrap(), 1);
}

#[tokio::test]
async fn an_older_client_calls_a_newer_server_whose_methods_stand_in_another_order() {
    let server = run(Server::new().add(current::OfficeServer::new(Hall))).await;
    let office: past::OfficeClient = server.client().await;
    assert_eq!(soon(office.sell(5)).await.unwrap(), 5);
    let error = soon(office.price("stalls".to_owned())).await.unwrap_err();
    assert!(matches!(error, Error::SignatureMismatch { .. }), "{error}");
}

/// Methods that were renamed, beside one that came and one that went.
mod renamed {
    #[carnegie::service(name = "BoxOffice", version = "1.3")]
    pub(crate) trait Office {
        async fn sell_seat(&self, order: u64, holder: String) -> u64;
        async fn give_back(&self, order: u64) -> u64;
        async fn price(&self, section: u8) -> u32;
        async fn close(&self) -> u8;
    }
}

mod named_before {
    #[carnegie::service(name = "BoxOffice", version = "1.1")]
    pub(crate) trait Office {
        async fn sell(&self, order: u64, holder: String) -> u64;
        async fn price(&self, section: u8) -> u32;
        async fn give_bakc(&self, order: u32) -> u64;
        async fn open(&self) -> u8;
        async fn steal(&self, seats: Vec<u16>) -> u64;
    }
}

impl renamed::Office for Hall {
    async fn sell_seat(&self, order: u64, _: String) -> u64 {
        order
    }
    async fn give_back(&self, order: u64) -> u64 {
        order
    }
    async fn price(&self, section: u8) -> u32 {
        section.into()
    }
    async fn close(&self) -> u8 {
        0
    }
}

#[tokio::test]
async fn a_renamed_method_is_missing_under_its_old_name_and_the_new_one_is_suggested() {
    let server = run(Server::new().add(renamed::OfficeServer::new(Hall))).await;
    let office: named_before::OfficeClient = server.client().await;
    let begin = format!("the server at {} has no method BoxOffice.", server.address);
    for (error, rest) in [
        (
            soon(office.sell(1, "Ada".to_owned())).await.unwrap_err(),
            "sell (BoxOffice 1.3); did you mean sell_seat, which takes the same arguments?",
        ),
        (soon(office.give_bakc(1)).await.unwrap_err(), "give_bakc (BoxOffice 1.3); did you mean give_back?"),
        // that both take nothing is no reason to think that they are the same
        (soon(office.open()).await.unwrap_err(), "open (BoxOffice 1.3)"),
        (soon(office.steal(vec![])).await.unwrap_err(), "steal (BoxOffice 1.3)"),
    ] {
        assert_eq!(error.to_string(), format!("{begin}{rest} (not executed)"));
        assert_eq!((error.code(), error.execution()), (Code::Unimplemented, Execution::NotExecuted));
    }
    assert!(!office.supports("sell") && office.supports("price"));
    assert_eq!(soon(office.price(4)).await.unwrap(), 4);
}

/// One method of [`named_before`] is there under a name of its own, and takes more.
mod only_one_renamed {
    #[carnegie::service(name = "BoxOffice", version = "1.2")]
    pub(crate) trait Office {
        async fn sell(&self, order: u64, holder: String) -> u64;
        async fn price(&self, section: u8) -> u32;
        async fn give_bakc(&self, order: u32) -> u64;
        async fn open(&self) -> u8;
        async fn withdraw(&self, seats: Vec<u16>, reason: String) -> u64;
    }
}

impl only_one_renamed::Office for Hall {
    async fn sell(&self, order: u64, _: String) -> u64 {
        order
    }
    async fn price(&self, section: u8) -> u32 {
        section.into()
    }
    async fn give_bakc(&self, order: u32) -> u64 {
        order.into()
    }
    async fn open(&self) -> u8 {
        0
    }
    async fn withdraw(&self, seats: Vec<u16>, _: String) -> u64 {
        seats.len() as u64
    }
}

#[tokio::test]
async fn the_only_method_that_a_missing_one_can_be_is_suggested_whatever_it_is_called() {
    let server = run(Server::new().add(only_one_renamed::OfficeServer::new(Hall))).await;
    let office: named_before::OfficeClient = server.client().await;
    let text = soon(office.steal(vec![])).await.unwrap_err().to_string();
    assert!(
        text.ends_with(
            "has no method BoxOffice.steal (BoxOffice 1.2); did you mean withdraw? (not executed)"
        ),
        "{text}"
    );
}

#[cfg(feature = "postcard")]
#[tokio::test]
async fn each_client_chooses_the_codec_of_its_connection_from_those_of_the_server() {
    let server = run(Server::new().add(BankServer::new(Hall))).await;
    for codec in [CodecId::Bincode, CodecId::Postcard] {
        let bank: BankClient = soon(carnegie::connect(server.address).codec(codec)).await.unwrap();
        assert_eq!(soon(bank.pay(100_000)).await.unwrap(), 100_000);
    }
    let server = run(Server::new().add(BankServer::new(Hall)).codecs([CodecId::Bincode])).await;
    let refused = soon(carnegie::connect::<BankClient>(server.address).codec(CodecId::Postcard)).await;
    let text = refused.err().unwrap().to_string();
    assert!(text.contains("no common codec: the client offers [2], the server has Bincode"), "{text}");
}

//! Calls that handlers make: what they inherit, and how their failures come back to the first caller.

use crate::support::{Running, closed_address, run, said, soon};
use carnegie::{
    BindError, CallError, Client, Code, Context, Error, Execution, Limits, Server, connect, connect_over,
    service,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{copy_bidirectional, duplex};
use tokio::sync::Notify;

#[service]
trait Bank {
    async fn pay(&self, cents: u32) -> u32;
    async fn refuse(&self, cents: u32) -> Result<u32, String>;
    async fn ponder(&self) -> u32;
    async fn collapse(&self) -> u32;
    async fn patience(&self, cx: &Context) -> u64;
}

#[service]
trait Hall {
    /// Passes the bank's failures on.
    async fn sell(&self, how: u8) -> Result<u32, Error>;
    /// Has refusals of its own besides.
    async fn sell_politely(&self, how: u8) -> Result<u32, CallError<String>>;
    /// Milliseconds that the bank may take, asked at once or after a wait.
    async fn patience(&self, late: bool) -> Result<u64, Error>;
    /// The same, when the hall wishes to wait so long itself.
    async fn own_patience(&self, ms: u64) -> Result<u64, Error>;
}

#[derive(Default)]
struct Vault {
    asked: Notify,
}

impl Bank for Vault {
    async fn pay(&self, cents: u32) -> u32 {
        cents
    }
    async fn refuse(&self, cents: u32) -> Result<u32, String> {
        Err(format!("{cents} cents are too few"))
    }
    async fn ponder(&self) -> u32 {
        self.asked.notify_one();
        std::future::pending().await
    }
    async fn collapse(&self) -> u32 {
        panic!("no gold")
    }
    async fn patience(&self, cx: &Context) -> u64 {
        cx.remaining().as_millis() as u64
    }
}

struct Carnegie(BankClient);

impl Hall for Carnegie {
    async fn sell(&self, how: u8) -> Result<u32, Error> {
        match how {
            0 => self.0.pay(45).await,
            1 => self.0.collapse().await,
            2 => self.0.ponder().timeout(Duration::from_secs(1)).await,
            _ => self.0.ponder().await,
        }
    }

    async fn sell_politely(&self, how: u8) -> Result<u32, CallError<String>> {
        match how {
            0 => Err(CallError::Application("sold out".to_owned())),
            1 => Ok(self.0.collapse().await?),
            _ => self.0.refuse(3).await,
        }
    }

    async fn patience(&self, late: bool) -> Result<u64, Error> {
        if late {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.0.patience().await
    }

    async fn own_patience(&self, ms: u64) -> Result<u64, Error> {
        self.0.patience().timeout(Duration::from_millis(ms)).await
    }
}

struct World {
    vault: Arc<Vault>,
    bank: Running,
    hall: Running,
    client: HallClient,
}

async fn world() -> World {
    let vault = Arc::new(Vault::default());
    let bank = run(Server::new().add(BankServer::from(vault.clone()))).await;
    let carnegie = Carnegie(bank.client().await);
    let hall = run(Server::new().add(HallServer::new(carnegie))).await;
    let client = hall.client().await;
    World { vault, bank, hall, client }
}

#[tokio::test]
async fn a_server_is_a_client_too() {
    let world = world().await;
    assert_eq!(soon(world.client.sell(0)).await.unwrap(), 45);
    assert_eq!((world.hall.server.stats().calls, world.bank.server.stats().calls), (1, 1));
}

#[tokio::test]
async fn a_nested_call_inherits_what_is_left_whether_its_handler_has_waited_or_not() {
    let world = world().await;
    let window = Duration::from_secs(5);
    let at_once = soon(world.client.patience(false).timeout(window)).await.unwrap();
    // A part of a millisecond counts as a whole one.
    assert!((1..=5_001).contains(&at_once), "{at_once} ms");
    let late = soon(world.client.patience(true).timeout(window)).await.unwrap();
    assert!((1..=4_997).contains(&late), "{late} ms");
}

#[tokio::test]
async fn a_nested_call_may_ask_for_less_than_what_is_left_but_not_for_more() {
    let world = world().await;
    let less = soon(world.client.own_patience(3_000)).await.unwrap();
    assert!((1..=3_001).contains(&less), "{less} ms");
    let more = soon(world.client.own_patience(60_000).timeout(Duration::from_secs(5))).await.unwrap();
    assert!((1..=5_001).contains(&more), "{more} ms");
}

#[tokio::test]
async fn a_panic_further_on_names_both_hops() {
    let world = world().await;
    let error = soon(world.client.sell(1)).await.unwrap_err();
    let bank = world.bank.address;
    assert_eq!(
        said(&error),
        format!("Hall.sell -> Bank.collapse {bank}: panicked: no gold; Hall.sell was executed")
    );
    assert_eq!((error.code(), error.execution()), (Code::Internal, Execution::Executed));
}

#[tokio::test]
async fn a_deadline_further_on_names_the_server_that_did_not_answer() {
    let world = world().await;
    let error = soon(world.client.sell(2)).await.unwrap_err();
    let bank = world.bank.address;
    assert_eq!(
        said(&error),
        format!(
            "Hall.sell -> Bank.ponder {bank}: no answer within 1s (execution unknown); Hall.sell was executed"
        )
    );
    assert_eq!((error.code(), error.execution()), (Code::DeadlineExceeded, Execution::Executed));
}

#[tokio::test]
async fn a_connection_that_is_lost_further_on_is_told_with_both_hops() {
    let world = world().await;
    let call = tokio::spawn(world.client.sell(3).into_owned());
    soon(world.vault.asked.notified()).await;
    let bank = world.bank.address;
    world.bank.run.abort();
    let error = soon(call).await.unwrap().unwrap_err();
    let text = said(&error);
    assert!(text.starts_with(&format!("Hall.sell -> Bank.ponder {bank}: ")), "{text}");
    assert!(text.ends_with("(execution unknown); Hall.sell was executed"), "{text}");
    assert_eq!((error.code(), error.execution()), (Code::Unavailable, Execution::Executed));
    let hops: Vec<_> = error.hops().iter().map(|hop| (hop.method.as_str(), hop.address.clone())).collect();
    assert_eq!(hops, [("Bank.ponder", bank.to_string())]);
}

#[tokio::test]
async fn a_server_that_is_silent_further_on_is_named_with_its_address_and_the_ping() {
    let vault = Arc::new(Vault::default());
    let bank = Server::new().add(BankServer::from(vault.clone())).start().unwrap();
    let ((near, mut left), (mut right, far)) = (duplex(1 << 16), duplex(1 << 16));
    let (cut, cuts) = tokio::sync::oneshot::channel::<()>();
    // Once it is cut, both ends stay open and hear nothing more.
    let line = tokio::spawn(async move {
        tokio::select! {
            _ = copy_bidirectional(&mut left, &mut right) => {}
            _ = cuts => std::future::pending().await,
        }
    });
    bank.serve_stream(far, "the hall");
    let limits = Limits::default().probe_after(Duration::from_millis(20));
    let carnegie = soon(connect_over(near).server_name("10.0.0.7:7001").limits(limits)).await.unwrap();
    let hall = run(Server::new().add(HallServer::new(Carnegie(carnegie)))).await;
    let client: HallClient = hall.client().await;
    let call = tokio::spawn(client.sell(3).into_owned());
    soon(vault.asked.notified()).await;
    cut.send(()).unwrap();
    let error = soon(call).await.unwrap().unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("Hall.sell -> Bank.ponder 10.0.0.7:7001: no answer to a ping for "), "{text}");
    assert_eq!((error.code(), error.execution()), (Code::Unavailable, Execution::Executed));
    line.abort();
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_further_on_is_named_once_with_the_systems_words() {
    let world = world().await;
    let bank = world.bank.address;
    world.bank.stop().await;
    let error = soon(world.client.sell(0).timeout(Duration::from_secs(2))).await.unwrap_err();
    // The hall's own time is over when its call's is: either may be told.
    assert!(matches!(error.code(), Code::Unavailable | Code::DeadlineExceeded), "{error}");
    if let Error::Nested { message, .. } = &error {
        assert!(message.contains(&bank.to_string()) && message.contains("refused"), "{error}");
        assert!(!error.to_string().contains("unknown address"), "{error}");
    }
}

#[tokio::test]
async fn a_handler_with_refusals_of_its_own_passes_failures_and_refusals_on() {
    let world = world().await;
    let own = soon(world.client.sell_politely(0)).await.unwrap_err();
    assert_eq!(own, CallError::Application("sold out".to_owned()));
    let passed = soon(world.client.sell_politely(2)).await.unwrap_err();
    assert_eq!(passed, CallError::Application("3 cents are too few".to_owned()));
    let CallError::Failed(failed) = soon(world.client.sell_politely(1)).await.unwrap_err() else {
        panic!("the bank collapsed")
    };
    assert!(failed.to_string().contains(" -> Bank.collapse "), "{failed}");
}

#[tokio::test]
async fn two_servers_may_call_each_other() {
    #[service]
    trait Ping {
        async fn ping(&self, left: u32) -> u32;
    }
    struct Player(std::sync::OnceLock<PingClient>);
    impl Ping for Player {
        async fn ping(&self, left: u32) -> u32 {
            match left {
                0 => 0,
                _ => 1 + self.0.get().expect("set before the first call").ping(left - 1).await.unwrap(),
            }
        }
    }
    let (one, other) = (Arc::new(Player(Default::default())), Arc::new(Player(Default::default())));
    let first = run(Server::new().add(PingServer::from(one.clone()))).await;
    let second = run(Server::new().add(PingServer::from(other.clone()))).await;
    one.0.set(second.client().await).unwrap();
    other.0.set(first.client().await).unwrap();
    let client: PingClient = first.client().await;
    assert_eq!(soon(client.ping(9)).await.unwrap(), 9);
    assert_eq!((first.server.stats().calls, second.server.stats().calls), (5, 5));
}

#[tokio::test]
async fn a_handler_that_binds_inside_its_call_gets_the_binding_error_as_its_own() {
    #[service]
    trait Finder {
        async fn find(&self, address: String) -> Result<u32, String>;
    }
    struct Seeker;
    impl Finder for Seeker {
        async fn find(&self, address: String) -> Result<u32, String> {
            let bank: BankClient = connect(address).await.map_err(|error| error.to_string())?;
            bank.pay(1).await.map_err(|error| error.to_string())
        }
    }
    let world = world().await;
    let finder = run(Server::new().add(FinderServer::new(Seeker))).await;
    let client: FinderClient = finder.client().await;
    assert_eq!(soon(client.find(world.bank.address.to_string())).await, Ok(1));
    let (_held, closed) = closed_address();
    let Err(CallError::Application(text)) = soon(client.find(closed.to_string())).await else {
        panic!("nobody listens there")
    };
    assert!(text.starts_with(&format!("no server answers: {closed}: ")), "{text}");
    let unbound = soon(world.client.channel().bind::<BankClient>()).await.unwrap_err();
    assert!(matches!(unbound, BindError::ServiceNotFound { .. }), "{unbound}");
}

//! What a handler knows of its call: who calls, with which metadata, until when, whether anyone still waits. And what
//! becomes of it when the handler calls on: a hall that has its tickets paid by a bank.
//!
//! `cargo run --example context`
//!
//! It exits with 1 if anything is not as it says.

use carnegie::{Code, Context, Error, Execution, Schema, Server, service};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{sleep, timeout};

#[service]
trait Bank {
    /// How much time its caller still has, in milliseconds.
    #[rpc(idempotent)]
    async fn budget(&self, cx: &Context) -> u64;

    async fn charge(&self, cents: u32) -> u32;
}

#[derive(Clone, Debug, Serialize, Deserialize, Schema)]
struct Caller {
    address: String,
    language: Option<String>,
    attempt: u8,
}

/// Time left in milliseconds, as each of the two sees it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, Schema)]
struct Budgets {
    hall: u64,
    bank: u64,
}

#[service]
trait Hall {
    #[rpc(idempotent)]
    async fn who_am_i(&self, cx: &Context) -> Caller;

    /// Passes a failure of the bank on, as any method may whose error is the framework's.
    #[rpc(idempotent)]
    async fn budgets(&self, cx: &Context) -> Result<Budgets, Error>;

    /// Charges the bank. At most once, as all that is not marked.
    async fn pay(&self, cents: u32) -> Result<u32, Error>;

    /// Takes an hour, and may be broken off.
    #[rpc(idempotent)]
    async fn count_the_house(&self) -> u32;

    /// Takes until its caller has gone, and then a moment more.
    async fn print_ticket(&self, cx: &Context) -> u32;
}

struct Vault;

impl Bank for Vault {
    async fn budget(&self, cx: &Context) -> u64 {
        cx.remaining().as_millis() as u64
    }

    async fn charge(&self, cents: u32) -> u32 {
        panic!("the vault is shut, and {cents} cents are outside")
    }
}

/// What happens in handlers after their caller has gone, for the story.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Started,
    Dropped,
    SawCancelled,
    RanToItsEnd,
}

struct Carnegie {
    bank: BankClient,
    events: UnboundedSender<Event>,
}

impl Carnegie {
    fn tell(&self, event: Event) {
        // The story may be over already.
        let _ = self.events.send(event);
    }
}

/// Tells that a handler was dropped where it stood.
struct Counting<'a>(&'a Carnegie);

impl Drop for Counting<'_> {
    fn drop(&mut self) {
        self.0.tell(Event::Dropped);
    }
}

impl Hall for Carnegie {
    async fn who_am_i(&self, cx: &Context) -> Caller {
        Caller {
            address: cx.peer().to_string(),
            language: cx.metadata("language").map(str::to_owned),
            attempt: cx.attempt(),
        }
    }

    async fn budgets(&self, cx: &Context) -> Result<Budgets, Error> {
        sleep(Duration::from_millis(20)).await;
        let hall = cx.remaining().as_millis() as u64;
        Ok(Budgets { hall, bank: self.bank.budget().await? })
    }

    async fn pay(&self, cents: u32) -> Result<u32, Error> {
        self.bank.charge(cents).await
    }

    async fn count_the_house(&self) -> u32 {
        let _counting = Counting(self);
        self.tell(Event::Started);
        sleep(Duration::from_secs(3600)).await;
        2790
    }

    async fn print_ticket(&self, cx: &Context) -> u32 {
        self.tell(Event::Started);
        cx.cancelled().await;
        self.tell(Event::SawCancelled);
        sleep(Duration::from_millis(20)).await;
        self.tell(Event::RanToItsEnd);
        1
    }
}

/// An expectation of the story: told if it holds, the end of the program if not.
fn expect(holds: bool, what: &str) -> Result<(), String> {
    if !holds {
        return Err(format!("this does not hold: {what}"));
    }
    println!("  {what}");
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bank = Server::new().add(BankServer::new(Vault)).bind("127.0.0.1:0").await?;
    let bank_address = bank.local_addr();
    tokio::spawn(bank.run());

    let (events, mut happened) = unbounded_channel();
    let carnegie = Carnegie { bank: carnegie::connect(bank_address).await?, events };
    let server = Server::new().add(HallServer::new(carnegie)).bind("127.0.0.1:0").await?;
    let address = server.local_addr();
    tokio::spawn(server.run());
    let hall: HallClient = carnegie::connect(address).await?;

    who_calls(&hall).await?;
    until_when(&hall).await?;
    given_up(&hall, &mut happened).await?;
    failed_further_on(&hall, bank_address).await?;
    Ok(())
}

async fn who_calls(hall: &HallClient) -> Result<(), Box<dyn std::error::Error>> {
    println!("Who calls?");
    let caller = hall.who_am_i().metadata("language", "de").await?;
    let address: SocketAddr = caller.address.parse()?;
    expect(address.ip().is_loopback(), &format!("the hall is called from {address}"))?;
    expect(caller.language.as_deref() == Some("de"), "the metadata says: language de")?;
    expect(caller.attempt == 1, "this is the first attempt")?;
    let silent = hall.who_am_i().await?;
    expect(silent.language.is_none(), "the next call has no metadata")?;
    Ok(())
}

async fn until_when(hall: &HallClient) -> Result<(), Box<dyn std::error::Error>> {
    println!("Until when?");
    let Budgets { hall: mine, bank } = hall.budgets().timeout(Duration::from_millis(700)).await?;
    expect(mine <= 680, &format!("of 700 ms the hall has {mine} ms left when it calls the bank"))?;
    // A deadline travels in whole milliseconds.
    expect(
        bank <= mine + 1,
        &format!("and the bank has {bank} ms: the deadline went with the call, unasked"),
    )?;
    Ok(())
}

async fn given_up(
    hall: &HallClient,
    happened: &mut UnboundedReceiver<Event>,
) -> Result<(), Box<dyn std::error::Error>> {
    println!("Does anyone still wait?");
    tokio::select! {
        early = hall.count_the_house() => return Err(format!("nobody gave up: {early:?}").into()),
        event = next(happened) => expect(event? == Event::Started, "the house is being counted; we leave")?,
    }
    expect(next(happened).await? == Event::Dropped, "counting is idempotent: the handler was dropped")?;

    tokio::select! {
        early = hall.print_ticket() => return Err(format!("nobody gave up: {early:?}").into()),
        event = next(happened) => expect(event? == Event::Started, "a ticket is being printed; we leave")?,
    }
    expect(next(happened).await? == Event::SawCancelled, "printing is at most once: the handler was told")?;
    expect(next(happened).await? == Event::RanToItsEnd, "and ran to its end: no half ticket")?;
    Ok(())
}

async fn next(happened: &mut UnboundedReceiver<Event>) -> Result<Event, Box<dyn std::error::Error>> {
    let event = timeout(Duration::from_secs(5), happened.recv()).await;
    Ok(event.map_err(|_| "nothing happened for 5 s")?.ok_or("the hall is gone")?)
}

async fn failed_further_on(hall: &HallClient, bank: SocketAddr) -> Result<(), Box<dyn std::error::Error>> {
    println!("What if it fails further on?");
    // The bank's handler panics: it is caught, and answered as a failure. The panic's own message is not for this story.
    std::panic::set_hook(Box::new(|_| {}));
    let Err(error) = hall.pay(4500).await else { return Err("the bank took the money".into()) };
    let _ = std::panic::take_hook();
    println!("  the client reads: {error}");
    let hop = error.hops().first().ok_or("the failure names no hop")?;
    expect(error.hops().len() == 1 && hop.address == bank.to_string(), &format!("one hop: {hop}"))?;
    expect(error.code() == Code::Internal, "its class is the bank's: Internal")?;
    expect(error.execution() == Execution::Executed, "our own call was executed: it is not to be retried")?;
    Ok(())
}

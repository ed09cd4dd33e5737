//! The office as a client sees it, under the promise that it has chosen.

use crate::orders::Order;
use crate::service::{BoxOfficeClient, CarelessBoxOfficeClient, Refused, Ticket};
use crate::{Plan, Result};
use carnegie::{CallError, Client, Error, Execution, Resolution, Stats};
use std::time::Duration;
use tokio::time::timeout;

/// While connections break all the time a call is given so long only, so that some calls do run out of it.
const HURRY: Duration = Duration::from_millis(300);

/// How long a client waits for its first connection, which may break too, and for what became of a call.
const PATIENCE: Duration = Duration::from_secs(20);

/// What came of a call.
pub(crate) type Sale = std::result::Result<Ticket, CallError<Refused>>;

/// Connected with the office.
pub(crate) struct Desk {
    office: Office,
    /// `None`: the framework's own.
    timeout: Option<Duration>,
}

enum Office {
    AtMostOnce(BoxOfficeClient),
    /// Its `sell` is marked idempotent, which is not true.
    Careless(CarelessBoxOfficeClient),
}

impl Desk {
    pub(crate) async fn connect(address: &str, plan: &Plan) -> Result<Desk> {
        let office = match plan.without_dedup {
            false => Office::AtMostOnce(carnegie::connect(address).wait_for_server(PATIENCE).await?),
            true => Office::Careless(carnegie::connect(address).wait_for_server(PATIENCE).await?),
        };
        Ok(Desk { office, timeout: plan.faulty().then_some(HURRY) })
    }

    /// One call. What it came to is not known if it ended as [`Execution::Unknown`]; see [`Desk::became_of`].
    pub(crate) async fn sell(&self, Order { number, section, holder }: &Order) -> Sale {
        let call = match &self.office {
            Office::AtMostOnce(office) => office.sell(*number, *section, holder),
            Office::Careless(office) => office.sell(*number, *section, holder),
        };
        match self.timeout {
            Some(timeout) => call.timeout(timeout).await,
            None => call.await,
        }
    }

    /// What came of a failed call for good, asked for if need be. `None`: it may be made again.
    pub(crate) async fn became_of(&self, error: &Error) -> Option<Sale> {
        match (error.execution(), &self.office) {
            (Execution::NotExecuted, _) => None,
            // It may have run, and the trait says that once more does no harm.
            (Execution::Unknown, Office::Careless(_)) => None,
            (Execution::Unknown, Office::AtMostOnce(office)) => resolve(office, error).await,
            (Execution::Executed, _) => Some(Err(CallError::Failed(error.clone()))),
        }
    }

    /// What the framework counted.
    pub(crate) fn stats(&self) -> Stats {
        match &self.office {
            Office::AtMostOnce(office) => office.channel().stats(),
            Office::Careless(office) => office.channel().stats(),
        }
    }
}

async fn resolve(office: &BoxOfficeClient, error: &Error) -> Option<Sale> {
    let failed = Some(Err(CallError::Failed(error.clone())));
    let Some(call) = error.request_id() else { return failed };
    let resolving = office.resolve::<std::result::Result<Ticket, Refused>>(call);
    match timeout(PATIENCE, resolving).await {
        Ok(Resolution::Executed(Some(sale))) => Some(sale),
        Ok(Resolution::NotExecuted) => None,
        Ok(Resolution::Executed(None) | Resolution::Unknown { .. }) | Err(_) => failed,
    }
}

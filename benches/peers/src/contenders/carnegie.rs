//! Carnegie, as its README shows it: ordinary methods, at most once, so that the server records every reply; and the same echo
//! marked idempotent, which nothing is recorded of.

use super::{Handle, announce, burn, nap};
use crate::Failure;
use crate::cli::Call;
use crate::payload::Order;
use bytes::Bytes;
use carnegie::Server;
use std::time::Duration;

#[carnegie::service]
pub(crate) trait Peers {
    async fn echo(&self, payload: Bytes) -> Bytes;
    #[rpc(idempotent)]
    async fn echo_freely(&self, payload: Bytes) -> Bytes;
    async fn book(&self, order: Order) -> Order;
    async fn nap(&self, payload: Bytes) -> Bytes;
    async fn burn(&self, payload: Bytes) -> Bytes;
}

struct Office;

impl Peers for Office {
    async fn echo(&self, payload: Bytes) -> Bytes {
        payload
    }
    async fn echo_freely(&self, payload: Bytes) -> Bytes {
        payload
    }
    async fn book(&self, order: Order) -> Order {
        order
    }
    async fn nap(&self, payload: Bytes) -> Bytes {
        nap().await;
        payload
    }
    async fn burn(&self, payload: Bytes) -> Bytes {
        burn();
        payload
    }
}

/// What "busy" sets on both sides.
pub(crate) const BUSY_POLL: Duration = Duration::from_micros(100);

pub(crate) async fn serve(busy_poll: Duration) -> Result<(), Failure> {
    let server = Server::new().add(PeersServer::new(Office)).busy_poll(busy_poll).bind("127.0.0.1:0").await?;
    announce(server.local_addr())?;
    Ok(server.run().await?)
}

/// A channel, and so a connection, each.
pub(crate) async fn connect(call: &Call, busy_poll: Duration) -> Result<Vec<PeersClient>, Failure> {
    let mut clients = Vec::new();
    for _ in 0..call.cell.connections {
        clients.push(carnegie::connect(call.server).busy_poll(busy_poll).await?);
    }
    Ok(clients)
}

impl Handle for PeersClient {
    async fn echo(&mut self, payload: Bytes) -> Result<Bytes, Failure> {
        Ok(PeersClient::echo(self, payload).await?)
    }
    async fn book(&mut self, order: Order) -> Result<Order, Failure> {
        Ok(PeersClient::book(self, order).await?)
    }
    async fn nap(&mut self, payload: Bytes) -> Result<Bytes, Failure> {
        Ok(PeersClient::nap(self, payload).await?)
    }
    async fn burn(&mut self, payload: Bytes) -> Result<Bytes, Failure> {
        Ok(PeersClient::burn(self, payload).await?)
    }
}

/// Calls the method that is marked idempotent.
#[derive(Clone)]
pub(crate) struct Freely(PeersClient);

pub(crate) async fn connect_freely(call: &Call) -> Result<Vec<Freely>, Failure> {
    Ok(connect(call, Duration::ZERO).await?.into_iter().map(Freely).collect())
}

impl Handle for Freely {
    async fn echo(&mut self, payload: Bytes) -> Result<Bytes, Failure> {
        Ok(self.0.echo_freely(payload).await?)
    }
    async fn book(&mut self, order: Order) -> Result<Order, Failure> {
        Handle::book(&mut self.0, order).await
    }
    async fn nap(&mut self, payload: Bytes) -> Result<Bytes, Failure> {
        Handle::nap(&mut self.0, payload).await
    }
    async fn burn(&mut self, payload: Bytes) -> Result<Bytes, Failure> {
        Handle::burn(&mut self.0, payload).await
    }
}

//! volo-thrift, as its documentation shows it: with its default, one connection for each call in flight out of a pool, and
//! multiplexed, all calls over one connection. Both set `TCP_NODELAY` themselves.

use super::{Handle, announce, burn, nap};
use crate::Failure;
use crate::cli::Call;
use crate::payload::Order;
use bytes::Bytes;
use tokio::net::TcpListener;
use volo::net::Address;
use volo::net::incoming::DefaultIncoming;
use volo_thrift::ServerError;

/// The code that is made of `idl/peers.thrift`.
#[allow(unsafe_code, unreachable_pub, dead_code, rust_2018_idioms, clippy::all)]
mod idl {
    include!(concat!(env!("OUT_DIR"), "/peers_thrift.rs"));
}

use idl::peers_thrift::peers::{Order as Wire, Peers, PeersClient, PeersClientBuilder, PeersServer};

struct Office;

impl Peers for Office {
    async fn echo(&self, payload: Bytes) -> Result<Bytes, ServerError> {
        Ok(payload)
    }
    async fn book(&self, order: Wire) -> Result<Wire, ServerError> {
        Ok(order)
    }
    async fn nap(&self, payload: Bytes) -> Result<Bytes, ServerError> {
        nap().await;
        Ok(payload)
    }
    async fn burn(&self, payload: Bytes) -> Result<Bytes, ServerError> {
        burn();
        Ok(payload)
    }
}

pub(crate) async fn serve(multiplexed: bool) -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    announce(listener.local_addr()?)?;
    let server = PeersServer::new(Office).multiplex(multiplexed);
    server.run(DefaultIncoming::from(listener)).await
}

/// Clients with a pool of connections each: of one if multiplexed.
pub(crate) fn connect(call: &Call, multiplexed: bool) -> Vec<PeersClient> {
    let connections = if multiplexed { call.cell.connections } else { 1 };
    let client = || {
        PeersClientBuilder::new("peers").address(Address::from(call.server)).multiplex(multiplexed).build()
    };
    std::iter::repeat_with(client).take(connections).collect()
}

impl Handle for PeersClient {
    async fn echo(&mut self, payload: Bytes) -> Result<Bytes, Failure> {
        Ok(PeersClient::echo(self, payload).await?)
    }
    async fn book(&mut self, order: Order) -> Result<Order, Failure> {
        let Order { number, seat, holder, price, paid } = order;
        let wire = Wire {
            number: number.cast_signed(),
            seat: seat.cast_signed(),
            holder: holder.into(),
            price,
            paid,
        };
        let Wire { number, seat, holder, price, paid } = PeersClient::book(self, wire).await?;
        Ok(Order {
            number: number.cast_unsigned(),
            seat: seat.cast_unsigned(),
            holder: holder.to_string(),
            price,
            paid,
        })
    }
    async fn nap(&mut self, payload: Bytes) -> Result<Bytes, Failure> {
        Ok(PeersClient::nap(self, payload).await?)
    }
    async fn burn(&mut self, payload: Bytes) -> Result<Bytes, Failure> {
        Ok(PeersClient::burn(self, payload).await?)
    }
}

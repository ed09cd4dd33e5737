//! tarpc, as its README shows it, a task for each request, over its serde transport with bincode. It never sets `TCP_NODELAY`
//! itself, so the streams are made here. Its limits are raised so that no call waits for another one.

use super::{Handle, announce, burn, connection, nap};
use crate::Failure;
use crate::cli::Call;
use crate::payload::Order;
use bytes::Bytes;
use futures::StreamExt;
use tarpc::server::{self, BaseChannel, Channel};
use tarpc::{client, context, serde_transport};
use tokio::net::TcpListener;
use tokio_serde::formats::Bincode;

/// Calls in flight that no limit of tarpc's touches.
const IN_FLIGHT: usize = 2048;

#[tarpc::service]
pub(crate) trait Peers {
    async fn echo(payload: Bytes) -> Bytes;
    async fn book(order: Order) -> Order;
    async fn nap(payload: Bytes) -> Bytes;
    async fn burn(payload: Bytes) -> Bytes;
}

#[derive(Clone)]
struct Office;

impl Peers for Office {
    async fn echo(self, _: context::Context, payload: Bytes) -> Bytes {
        payload
    }
    async fn book(self, _: context::Context, order: Order) -> Order {
        order
    }
    async fn nap(self, _: context::Context, payload: Bytes) -> Bytes {
        nap().await;
        payload
    }
    async fn burn(self, _: context::Context, payload: Bytes) -> Bytes {
        burn();
        payload
    }
}

pub(crate) async fn serve() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    announce(listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let transport = serde_transport::Transport::from((stream, Bincode::default()));
        let config = server::Config { pending_response_buffer: IN_FLIGHT };
        let channel = BaseChannel::new(config, transport);
        tokio::spawn(channel.execute(Office.serve()).for_each(|response| async {
            tokio::spawn(response);
        }));
    }
}

pub(crate) async fn connect(call: &Call) -> Result<Vec<PeersClient>, Failure> {
    let mut clients = Vec::new();
    for _ in 0..call.cell.connections {
        let transport =
            serde_transport::Transport::from((connection(call.server).await?, Bincode::default()));
        let mut config = client::Config::default();
        config.max_in_flight_requests = IN_FLIGHT;
        config.pending_request_buffer = IN_FLIGHT;
        clients.push(PeersClient::new(config, transport).spawn());
    }
    Ok(clients)
}

impl Handle for PeersClient {
    async fn echo(&mut self, payload: Bytes) -> Result<Bytes, Failure> {
        Ok(PeersClient::echo(self, context::current(), payload).await?)
    }
    async fn book(&mut self, order: Order) -> Result<Order, Failure> {
        Ok(PeersClient::book(self, context::current(), order).await?)
    }
    async fn nap(&mut self, payload: Bytes) -> Result<Bytes, Failure> {
        Ok(PeersClient::nap(self, context::current(), payload).await?)
    }
    async fn burn(&mut self, payload: Bytes) -> Result<Bytes, Failure> {
        Ok(PeersClient::burn(self, context::current(), payload).await?)
    }
}

//! tonic with prost, as its documentation shows it: payloads are `Bytes`, so that prost does not copy them once more, and the
//! windows of flow control are raised, which are 64 KiB otherwise and make large messages wait for each other.

use super::{Handle, announce, burn, nap};
use crate::Failure;
use crate::cli::Call;
use crate::payload::Order;
use bytes::Bytes;
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};

/// The code that is made of `idl/peers.proto`.
#[allow(unreachable_pub, clippy::all)]
mod idl {
    tonic::include_proto!("peers");
}

use idl::peers_client::PeersClient;
use idl::peers_server::{Peers, PeersServer};

/// Flow control of a stream and of a connection.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 32 << 20;

struct Office;

#[tonic::async_trait]
impl Peers for Office {
    async fn echo(&self, request: Request<idl::Bytes>) -> Result<Response<idl::Bytes>, Status> {
        Ok(Response::new(request.into_inner()))
    }
    async fn book(&self, request: Request<idl::Order>) -> Result<Response<idl::Order>, Status> {
        Ok(Response::new(request.into_inner()))
    }
    async fn nap(&self, request: Request<idl::Bytes>) -> Result<Response<idl::Bytes>, Status> {
        nap().await;
        Ok(Response::new(request.into_inner()))
    }
    async fn burn(&self, request: Request<idl::Bytes>) -> Result<Response<idl::Bytes>, Status> {
        burn();
        Ok(Response::new(request.into_inner()))
    }
}

pub(crate) async fn serve() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    announce(listener.local_addr()?)?;
    let server = Server::builder()
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .add_service(PeersServer::new(Office));
    Ok(server.serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true))).await?)
}

pub(crate) async fn connect(call: &Call) -> Result<Vec<PeersClient<Channel>>, Failure> {
    let endpoint = Endpoint::from_shared(format!("http://{}", call.server))?
        .tcp_nodelay(true)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    let mut clients = Vec::new();
    for _ in 0..call.cell.connections {
        clients.push(PeersClient::new(endpoint.connect().await?));
    }
    Ok(clients)
}

impl Handle for PeersClient<Channel> {
    async fn echo(&mut self, payload: Bytes) -> Result<Bytes, Failure> {
        Ok(PeersClient::echo(self, idl::Bytes { payload }).await?.into_inner().payload)
    }
    async fn book(&mut self, order: Order) -> Result<Order, Failure> {
        let Order { number, seat, holder, price, paid } = order;
        let order = idl::Order { number, seat, holder, price, paid };
        let idl::Order { number, seat, holder, price, paid } =
            PeersClient::book(self, order).await?.into_inner();
        Ok(Order { number, seat, holder, price, paid })
    }
    async fn nap(&mut self, payload: Bytes) -> Result<Bytes, Failure> {
        Ok(PeersClient::nap(self, idl::Bytes { payload }).await?.into_inner().payload)
    }
    async fn burn(&mut self, payload: Bytes) -> Result<Bytes, Failure> {
        Ok(PeersClient::burn(self, idl::Bytes { payload }).await?.into_inner().payload)
    }
}

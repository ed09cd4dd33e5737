//! tarpc, as its README shows it, over its serde transport with bincode. It never sets `TCP_NODELAY` itself, so the
//! streams are made here. Limits are raised to the depth, so that no call waits for another one.

use crate::Failure;
use crate::contender::{Echo, PAYLOAD, announce};
use futures::StreamExt;
use std::net::SocketAddr;
use tarpc::server::{BaseChannel, Channel};
use tarpc::{client, context, serde_transport};
use tokio::net::{TcpListener, TcpStream};
use tokio_serde::formats::Bincode;

#[tarpc::service]
pub(crate) trait Bench {
    async fn echo(payload: Vec<u8>) -> Vec<u8>;
}

#[derive(Clone)]
struct Server;

impl Bench for Server {
    async fn echo(self, _: context::Context, payload: Vec<u8>) -> Vec<u8> {
        payload
    }
}

pub(crate) async fn serve() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    announce(listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let channel =
            BaseChannel::with_defaults(serde_transport::Transport::from((stream, Bincode::default())));
        tokio::spawn(channel.execute(Server.serve()).for_each(|response| async {
            tokio::spawn(response);
        }));
    }
}

/// Handles of one connection.
pub(crate) async fn connect(server: SocketAddr, handles: usize) -> Result<Vec<BenchClient>, Failure> {
    let stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    let mut config = client::Config::default();
    config.max_in_flight_requests = config.max_in_flight_requests.max(handles);
    config.pending_request_buffer = config.pending_request_buffer.max(handles);
    let transport = serde_transport::Transport::from((stream, Bincode::default()));
    let client = BenchClient::new(config, transport).spawn();
    Ok(vec![client; handles])
}

impl Echo for BenchClient {
    async fn echo(&mut self, payload: [u8; PAYLOAD]) -> Result<Vec<u8>, Failure> {
        Ok(BenchClient::echo(self, context::current(), payload.to_vec()).await?)
    }
}

//! Carnegie, as its README shows it: an ordinary method, at most once, so that the server records every reply; and the same
//! method marked idempotent, which nothing is recorded of.

use crate::Failure;
use crate::contender::{Echo, PAYLOAD, announce};
use carnegie::Server;
use std::net::SocketAddr;

#[carnegie::service]
pub(crate) trait Bench {
    async fn echo(&self, payload: Vec<u8>) -> Vec<u8>;
    #[rpc(idempotent)]
    async fn echo_freely(&self, payload: Vec<u8>) -> Vec<u8>;
}

struct Echoing;

impl Bench for Echoing {
    async fn echo(&self, payload: Vec<u8>) -> Vec<u8> {
        payload
    }
    async fn echo_freely(&self, payload: Vec<u8>) -> Vec<u8> {
        payload
    }
}

/// Calls the method that is marked idempotent.
pub(crate) struct Freely(BenchClient);

pub(crate) async fn serve() -> Result<(), Failure> {
    let server = Server::new().add(BenchServer::new(Echoing)).bind("127.0.0.1:0").await?;
    announce(server.local_addr())?;
    Ok(server.run().await?)
}

/// Handles of one channel, and so of one connection.
pub(crate) async fn connect(server: SocketAddr, handles: usize) -> Result<Vec<BenchClient>, Failure> {
    let client: BenchClient = carnegie::connect(server).await?;
    Ok(vec![client; handles])
}

impl Echo for BenchClient {
    async fn echo(&mut self, payload: [u8; PAYLOAD]) -> Result<Vec<u8>, Failure> {
        Ok(BenchClient::echo(self, payload.to_vec()).await?)
    }
}

pub(crate) async fn connect_freely(server: SocketAddr, handles: usize) -> Result<Vec<Freely>, Failure> {
    Ok(connect(server, handles).await?.into_iter().map(Freely).collect())
}

impl Echo for Freely {
    async fn echo(&mut self, payload: [u8; PAYLOAD]) -> Result<Vec<u8>, Failure> {
        Ok(self.0.echo_freely(payload.to_vec()).await?)
    }
}

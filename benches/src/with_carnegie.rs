//! Carnegie, as its README shows it. The method is an ordinary one, at most once: the server records every reply.

use crate::Failure;
use crate::contender::{Echo, PAYLOAD, announce};
use carnegie::Server;
use std::net::SocketAddr;

#[carnegie::service]
pub(crate) trait Bench {
    async fn echo(&self, payload: Vec<u8>) -> Vec<u8>;
}

struct Echoing;

impl Bench for Echoing {
    async fn echo(&self, payload: Vec<u8>) -> Vec<u8> {
        payload
    }
}

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

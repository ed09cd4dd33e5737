//! An old client with a new server, and a new client with an old server, started in either order: four processes at a
//! time. Methods that fit go on working; each of the others is named with what does not fit.
//!
//! `cargo run --release --example versions`
//!
//! It exits with 1 if anything is not as it must be.

#[path = "versions/clients.rs"]
mod clients;
#[path = "versions/past.rs"]
mod past;
#[path = "versions/present.rs"]
mod present;
#[path = "box_office/process.rs"]
#[allow(dead_code)]
mod process;

use carnegie::{Client, Server};
use clap::{Parser, ValueEnum};
use process::{Output, Process, stdin_closed};
use std::process::ExitCode;
use std::time::Duration;

/// Any error, in words for the person who started the example.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// How long a client waits for a server that is not there yet.
const WINDOW: Duration = Duration::from_secs(10);

/// Shows what clients and servers of different versions make of each other.
#[derive(Parser)]
struct Arguments {
    /// The example starts itself again in these.
    #[arg(long, value_enum, requires = "address", hide = true)]
    role: Option<Role>,
    #[arg(long, hide = true)]
    address: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Role {
    OldServer,
    NewServer,
    OldClient,
    NewClient,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Arguments { role, address } = Arguments::parse();
    let address = address.unwrap_or_default();
    let done = match role {
        None => story().await,
        Some(Role::OldServer) => {
            serve(Server::new().add(past::BoxOfficeServer::new(past::Hall)), &address).await
        }
        Some(Role::NewServer) => {
            serve(Server::new().add(present::BoxOfficeServer::new(present::Hall)), &address).await
        }
        Some(Role::OldClient) => call(&address, clients::old).await,
        Some(Role::NewClient) => call(&address, clients::new).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("versions: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Two servers, two clients, each client with the server of the other version, in both orders.
async fn story() -> Result<()> {
    for servers_first in [true, false] {
        let (old, new) = (free_address()?, free_address()?);
        let servers = [(Role::OldServer, &old), (Role::NewServer, &new)];
        let clients = [(Role::OldClient, &new), (Role::NewClient, &old)];
        println!("== {} first", if servers_first { "servers" } else { "clients" });
        let (servers, clients) = if servers_first {
            let servers = start(servers).await?;
            (servers, start(clients).await?)
        } else {
            let clients = start(clients).await?;
            (start(servers).await?, clients)
        };
        for child in clients {
            listen(child).await?;
        }
        for (server, _) in servers {
            server.stop().await?;
        }
    }
    println!("== all as it must be");
    Ok(())
}

/// An address where nobody listens yet.
fn free_address() -> Result<String> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

/// Starts two processes, and waits until both say that they run.
async fn start(roles: [(Role, &String); 2]) -> Result<Vec<(Process, Output)>> {
    let mut started = Vec::new();
    for (role, address) in roles {
        let name = role.to_possible_value().ok_or("a role without a name")?.get_name().to_owned();
        let (mut child, mut output) = Process::start(name.clone(), ["--role", &name, "--address", address])?;
        child.first_line(&mut output).await?;
        started.push((child, output));
    }
    Ok(started)
}

/// Passes on what a client prints until its end, which must be a success.
async fn listen((mut client, mut output): (Process, Output)) -> Result<()> {
    println!("{}", client.name);
    while let Some(line) = output.next_line().await? {
        println!("{line}");
    }
    let status = client.ended().await?;
    if status.success() { Ok(()) } else { Err(format!("{} failed ({status})", client.name).into()) }
}

/// Serves until standard input is closed.
async fn serve(server: Server, address: &str) -> Result<()> {
    let server = server.bind(address).await?;
    println!("ready");
    server.run_until(stdin_closed()).await?;
    Ok(())
}

/// Connects, waiting for a server that is not there yet, and asks what there is to ask.
async fn call<C: Client>(address: &str, ask: impl AsyncFnOnce(C) -> Result<()>) -> Result<()> {
    println!("started");
    let office = carnegie::connect(address).wait_for_server(WINDOW).await?;
    tokio::select! {
        done = ask(office) => done,
        () = stdin_closed() => Err("the process that started this client is gone".into()),
    }
}

//! From the command line to the summary.

use crate::Arguments;
use crate::live::Live;
use crate::load::Load;
use crate::method::{Chosen, MethodClient};
use crate::report::{self, Window};
use crate::service::{BenchServer, Echo};
use crate::words::{counted, number};
use carnegie::{BindError, Client, Server};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::task::JoinSet;

/// Callers of each connection, unless it is said.
const CLOSED_LOOP: u32 = 64;
const OPEN_LOOP: u32 = 1024;

/// Beyond a call's own deadline. Then it is given up.
const PATIENCE: Duration = Duration::from_secs(1);

/// What it takes to close a connection in order.
const FAREWELL: Duration = Duration::from_millis(100);

/// Why there is nothing to show.
pub(crate) enum Failure {
    /// The command line, or a file that it names.
    Mistake(String),
    /// There is no server, or it does not have the method.
    Server(String),
}

/// Whether every call was answered.
pub(crate) async fn run(arguments: Arguments) -> Result<bool, Failure> {
    let Some(address) = arguments.server.clone() else { return serve(arguments).await };
    let method = chosen(&arguments).map_err(|why| Failure::Mistake(why.to_string()))?;
    let path = method.path;
    if arguments.method.is_some() && !method.idempotent && !arguments.yes {
        return Err(Failure::Mistake(format!(
            "{path} is not idempotent: every call is executed, once, and changes what the server keeps. If that is meant: --yes"
        )));
    }
    let servers = connect(&arguments, &address, &method).await?;
    let in_flight =
        arguments.in_flight.unwrap_or(if arguments.rate.is_some() { OPEN_LOOP } else { CLOSED_LOOP });
    let address = servers[0].channel().server_address().unwrap_or(address);
    let title = format!("{path} at {address}, {}", how(&arguments, in_flight));

    let processor_before = report::processor_time();
    let load = Load::new(method, servers.len(), arguments.rate);
    let live = Live::start(load.clone(), arguments.duration);
    let mut callers = load.callers(&servers, in_flight);
    let interrupted = tokio::select! {
        () = tokio::time::sleep(arguments.duration) => false,
        () = carnegie::stop_signal() => true,
    };
    let window = Window::until_now(&load, processor_before);
    load.stop();
    live.end();
    let given_up = wait_for_the_last(&load, &mut callers, arguments.timeout, interrupted).await;
    report::print(&load, &window, given_up, &title);
    drop(callers);
    again(&servers);
    drop(servers);
    tokio::time::sleep(FAREWELL).await;
    Ok(given_up == 0 && load.failed().is_empty())
}

async fn serve(arguments: Arguments) -> Result<bool, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::Server(error.to_string());
    let server = Server::new().busy_poll(arguments.busy_poll).add(BenchServer::new(Echo));
    let server = server.bind(arguments.serve.unwrap_or_default()).await.map_err(|e| failed(&e))?;
    println!("Bench, at {}", server.local_addresses().join(", "));
    server.run_until(carnegie::stop_signal()).await.map_err(|e| failed(&e))?;
    Ok(true)
}

fn chosen(arguments: &Arguments) -> Result<Chosen, Box<dyn std::error::Error + Send + Sync>> {
    match (&arguments.lock, &arguments.method) {
        (Some(file), Some(method)) => Chosen::of_file(file, method, &arguments.args),
        _ => Chosen::echo(arguments.payload),
    }
}

fn how(arguments: &Arguments, in_flight: u32) -> String {
    let connections = counted(arguments.connections.into(), "connection");
    let each = if arguments.connections == 1 { "" } else { " each" };
    match arguments.rate {
        None => format!("{connections}, {in_flight} in flight{each}"),
        Some(rate) if rate < 10.0 => format!("{connections}, {rate} calls a second"),
        Some(rate) => format!("{connections}, {} calls a second", number(rate as u64)),
    }
}

async fn connect(
    arguments: &Arguments,
    address: &str,
    method: &Chosen,
) -> Result<Vec<MethodClient>, Failure> {
    let mut servers = Vec::new();
    for _ in 0..arguments.connections {
        let connect = carnegie::connect::<MethodClient>(address.to_owned());
        let connected = connect.timeout(arguments.timeout).busy_poll(arguments.busy_poll).await;
        servers.push(connected.map_err(|error| Failure::Server(why(&error, arguments.method.is_none())))?);
    }
    if !method.is_there(&servers[0])
        && let Err(error) = method.call(&servers[0], 0).await
    {
        return Err(Failure::Server(error.to_string()));
    }
    Ok(servers)
}

/// What is to be done about it, too, if it is the bench's own service that is missing.
fn why(error: &BindError, own: bool) -> String {
    match error {
        BindError::ServiceNotFound { .. } if own => format!(
            "{error}\nAdd the service of examples/bench/service.rs to the server, `.add(BenchServer::new(Echo))`, or name a \
             method that it has: --lock FILE --method Service.method --args JSON"
        ),
        _ => error.to_string(),
    }
}

/// Waits for calls that are under way. How many there are that do not end: after a second Ctrl-C, or long after their deadlines.
async fn wait_for_the_last(
    load: &Load,
    callers: &mut JoinSet<()>,
    timeout: Duration,
    interrupted: bool,
) -> u64 {
    let ended = || {
        let answered = crate::latencies::Latencies::count(load.counts.iter().map(|counts| &counts.latencies));
        answered.total() + load.failed().iter().map(|failed| failed.count).sum::<u64>()
    };
    let under_way = || load.started.load(Relaxed).saturating_sub(ended());
    let last = async { while callers.join_next().await.is_some() {} };
    if interrupted && under_way() > 0 {
        eprintln!("waiting for {} under way; Ctrl-C again gives up", counted(under_way(), "call"));
    }
    tokio::select! {
        () = last => {}
        () = tokio::time::sleep(timeout + PATIENCE) => {}
        () = carnegie::stop_signal() => {}
    }
    under_way()
}

/// What the channels did beside calling.
fn again(servers: &[MethodClient]) {
    let all: Vec<_> = servers.iter().map(|server| server.channel().stats()).collect();
    let connections: u64 = all.iter().map(|stats| stats.connections.saturating_sub(1)).sum();
    let retried: u64 = all.iter().map(|stats| stats.retried).sum();
    if connections + retried > 0 {
        println!(
            "Lost connections that were made again: {}; calls that were tried again: {}.",
            number(connections),
            number(retried)
        );
    }
}

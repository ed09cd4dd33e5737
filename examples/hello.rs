//! A service, its server and its client, in one file: `cargo run --example hello`

use carnegie::{Server, service};

#[service]
trait Greeter {
    async fn greet(&self, name: &str) -> String;
}

struct English;

impl Greeter for English {
    async fn greet(&self, name: &str) -> String {
        format!("Hello, {name}!")
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::new().add(GreeterServer::new(English)).bind("127.0.0.1:0").await?;
    let address = server.local_addr();
    tokio::spawn(server.run());

    let greeter: GreeterClient = carnegie::connect(address).await?;
    println!("{}", greeter.greet("Ada").await?);
    Ok(())
}

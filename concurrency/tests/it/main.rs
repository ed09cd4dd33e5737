//! The driver as it ships, client and server, under many interleavings of its tasks and of the threads of its callers.

mod client;
mod hall;
mod harness;
mod mutants;
mod server;
mod world;

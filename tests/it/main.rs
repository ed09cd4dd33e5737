//! The facade over real sockets: what the issue promises, each promise by a test. One binary, so that it links once.

mod absent;
mod box_office;
mod cancellation;
mod captured;
mod errors;
mod foreign;
mod hostile;
mod hostile_server;
mod late;
mod limits;
mod losses;
mod mismatch;
mod nested;
mod process;
mod queued;
mod raw;
mod relay;
mod resolve;
mod resume;
mod seen;
mod services;
mod streams;
mod support;
mod timeouts;
mod unread;
mod versions;

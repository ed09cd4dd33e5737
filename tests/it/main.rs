//! The facade over real sockets: what the issue promises, each promise by a test. One binary, so that it links once.

mod absent;
mod box_office;
mod busy_poll;
mod cancellation;
mod captured;
mod draining;
mod errors;
mod faults;
mod foreign;
mod half_open;
mod hostile;
#[cfg(target_os = "linux")]
mod hostile_peers;
mod hostile_server;
mod hurried;
mod late;
mod limits;
mod losses;
mod mismatch;
mod nested;
mod overload;
mod process;
mod queued;
mod raw;
mod relay;
mod resolve;
mod resume;
mod rolling;
mod seen;
mod services;
mod streams;
mod support;
mod timeouts;
mod unread;
mod versions;

//! The command line, in each of the program's three roles.

use crate::Failure;
use crate::contender::Contender;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

pub(crate) const HELP: &str = "\
cargo run --release --manifest-path benches/Cargo.toml -- [options]
  --quick          3 rounds of short measurements: is it alive? not for figures
  --rounds N       rounds (default 10); each measures every contender twice
  --seconds S      length of one measurement (default 1.0)
  --only NAME      raw, tarpc or carnegie; may be repeated
  --in-flight N    one depth in place of 1, 64 and 512; may be repeated
  --check          exit code 1 if a floor is missed
";

/// What this process is to do.
pub(crate) enum Role {
    Direct(Plan),
    Serve(Contender),
    Call(Call),
    Help,
}

/// A whole run, as the person asked for it.
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) warmup: Duration,
    pub(crate) window: Duration,
    pub(crate) contenders: Vec<Contender>,
    pub(crate) depths: Vec<usize>,
    pub(crate) check: bool,
}

/// One client process: one measurement.
pub(crate) struct Call {
    pub(crate) contender: Contender,
    pub(crate) server: SocketAddr,
    pub(crate) server_pid: i32,
    pub(crate) in_flight: usize,
    pub(crate) warmup: Duration,
    pub(crate) window: Duration,
}

impl Role {
    pub(crate) fn from_command_line() -> Result<Role, Failure> {
        let mut words = std::env::args().skip(1).peekable();
        match words.peek().map(String::as_str) {
            Some("serve") => Ok(Role::Serve(value("serve", words.nth(1))?)),
            Some("call") => call(words.skip(1)).map(Role::Call),
            Some("--help" | "-h") => Ok(Role::Help),
            _ => plan(words).map(Role::Direct),
        }
    }
}

fn call(mut words: impl Iterator<Item = String>) -> Result<Call, Failure> {
    Ok(Call {
        contender: value("contender", words.next())?,
        server: value("server", words.next())?,
        server_pid: value("server's process", words.next())?,
        in_flight: value("in flight", words.next())?,
        warmup: Duration::from_millis(value("warm-up in ms", words.next())?),
        window: Duration::from_millis(value("window in ms", words.next())?),
    })
}

fn plan(mut words: impl Iterator<Item = String>) -> Result<Plan, Failure> {
    let (mut rounds, mut seconds, mut quick, mut check) = (None, None, false, false);
    let (mut contenders, mut depths) = (Vec::new(), Vec::new());
    while let Some(word) = words.next() {
        match word.as_str() {
            "--quick" => quick = true,
            "--check" => check = true,
            "--rounds" => rounds = Some(value::<usize>(&word, words.next())?.max(1)),
            "--seconds" => seconds = Some(value::<f64>(&word, words.next())?.clamp(0.05, 600.0)),
            "--only" => contenders.push(value(&word, words.next())?),
            "--in-flight" => depths.push(value::<usize>(&word, words.next())?.max(1)),
            _ => return Err(format!("unknown option {word:?}\n{HELP}").into()),
        }
    }
    if contenders.is_empty() {
        contenders = Contender::ALL.to_vec();
    }
    if depths.is_empty() {
        depths = vec![1, 64, 512];
    }
    let window = Duration::from_secs_f64(seconds.unwrap_or(if quick { 0.2 } else { 1.0 }));
    Ok(Plan {
        rounds: rounds.unwrap_or(if quick { 3 } else { 10 }),
        warmup: window.mul_f64(0.3),
        window,
        contenders,
        depths,
        check,
    })
}

fn value<T: FromStr>(name: &str, word: Option<String>) -> Result<T, Failure>
where
    T::Err: std::fmt::Display,
{
    let word = word.ok_or_else(|| format!("{name} wants a value\n{HELP}"))?;
    word.parse().map_err(|error| format!("{name}: {word:?}: {error}").into())
}

//! The clients as the parent sees them: what they say is gathered until they have finished.

use crate::answer::Answer;
use crate::buyer::ORDERS;
use crate::never::Never;
use crate::process::{Output, Process};
use crate::tally::Tally;
use crate::{Plan, Result};
use std::ffi::OsString;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Of the offices.
    Buyer,
    /// Of the store.
    Keeper,
}

/// A client's process.
pub(crate) struct Client {
    kind: Kind,
    number: u32,
    process: Process,
    output: Output,
}

impl Client {
    pub(crate) fn start(kind: Kind, number: u32, arguments: Vec<OsString>, plan: &Plan) -> Result<Client> {
        let numbered = ["--number".into(), number.to_string().into()];
        let all = arguments.into_iter().chain(numbered).chain(plan.arguments());
        let (process, output) = Process::start(format!("{kind:?} {number}"), all)?;
        Ok(Client { kind, number, process, output })
    }

    pub(crate) async fn ready(&mut self) -> Result<()> {
        self.process.first_line(&mut self.output).await.map(|_| ())
    }

    /// Passes on what it says, tells it to finish when that is the word, and waits for its good end.
    async fn follow(
        mut self,
        mut finish: watch::Receiver<bool>,
        send: mpsc::Sender<Result<Said>>,
    ) -> Result<()> {
        let mut told = false;
        loop {
            tokio::select! {
                line = self.output.next_line() => {
                    let Some(line) = line? else { break };
                    let said = self.understand(&line)
                        .map_err(|e| format!("{} says what nobody understands: {e}", self.process.name))?;
                    // There is no receiver if another client failed first.
                    let _ = send.send(Ok(said)).await;
                }
                _ = finish.changed(), if !told => {
                    self.process.go().await?;
                    told = true;
                }
            }
        }
        match self.process.ended().await? {
            status if status.success() && told => Ok(()),
            status => Err(format!("{} ended before it was told to ({status})", self.process.name).into()),
        }
    }

    fn understand(&self, line: &str) -> std::result::Result<Said, String> {
        if let Some((order, request)) = line.strip_prefix("never,").and_then(|rest| rest.split_once(',')) {
            let order = order.parse().map_err(|e| format!("`{order}`: {e}"))?;
            return Ok(Said::Never(Never { order, request: request.to_owned() }));
        }
        match line.starts_with('{') {
            true => serde_json::from_str(line)
                .map(|tally| Said::Tally(self.kind, self.number, tally))
                .map_err(|e| e.to_string()),
            false => line.parse().map(Said::Answer),
        }
    }
}

/// A line from a client.
enum Said {
    Answer(Answer),
    Never(Never),
    /// All that it has counted so far.
    Tally(Kind, u32, Tally),
}

/// What all clients have said.
pub(crate) struct Gathered {
    clients: Vec<Client>,
    followers: JoinSet<()>,
    finish: watch::Sender<bool>,
    receive: Option<mpsc::Receiver<Result<Said>>>,
    pub(crate) answers: Vec<Answer>,
    pub(crate) never: Vec<Never>,
    tallies: Vec<(Kind, u32, Tally)>,
}

impl Gathered {
    pub(crate) fn new(clients: Vec<Client>) -> Gathered {
        let tallies = clients.iter().map(|client| (client.kind, client.number, Tally::default())).collect();
        Gathered {
            clients,
            followers: JoinSet::new(),
            finish: watch::Sender::new(false),
            receive: None,
            answers: Vec::new(),
            never: Vec::new(),
            tallies,
        }
    }

    /// Lets all clients begin.
    pub(crate) async fn go(&mut self) -> Result<()> {
        let (send, receive) = mpsc::channel(1024);
        self.receive = Some(receive);
        for mut client in self.clients.drain(..) {
            client.process.go().await?;
            let (finish, send) = (self.finish.subscribe(), send.clone());
            self.followers.spawn(async move {
                if let Err(error) = client.follow(finish, send.clone()).await {
                    let _ = send.send(Err(error)).await;
                }
            });
        }
        Ok(())
    }

    /// Waits for the next thing that a client says. `false`: all have ended, and well.
    pub(crate) async fn next(&mut self) -> Result<bool> {
        let Some(receive) = &mut self.receive else { return Ok(false) };
        let Some(said) = receive.recv().await else { return Ok(false) };
        match said? {
            Said::Answer(answer) => {
                self.answers.push(answer);
            }
            Said::Never(never) => self.never.push(never),
            Said::Tally(kind, number, tally) => {
                let known = self.tallies.iter_mut().find(|(k, n, _)| (*k, *n) == (kind, number));
                known.into_iter().for_each(|(.., known)| *known = tally);
            }
        }
        Ok(true)
    }

    /// Lets all clients come to their end, and takes what they still say.
    pub(crate) async fn finish(&mut self) -> Result<()> {
        self.finish.send_replace(true);
        while self.next().await? {}
        Ok(())
    }

    /// What all clients of a kind have counted.
    pub(crate) fn tally(&self, of: Kind) -> Tally {
        self.tallies.iter().filter(|(kind, ..)| *kind == of).fold(Tally::default(), |mut sum, (.., tally)| {
            sum += *tally;
            sum
        })
    }

    /// The numbers of all orders that were given.
    pub(crate) fn orders(&self) -> impl Iterator<Item = u64> {
        let buyers = self.tallies.iter().filter(|(kind, ..)| *kind == Kind::Buyer);
        buyers.flat_map(|(_, number, tally)| (0..tally.wanted).map(move |n| u64::from(*number) * ORDERS + n))
    }
}

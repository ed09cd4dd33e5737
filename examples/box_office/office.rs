//! The ticket office, a process of its own.

use crate::Result;
use crate::counts::Counts;
use crate::process::stdin_closed;
use crate::service::{
    BoxOffice, BoxOfficeServer, CarelessBoxOffice, CarelessBoxOfficeServer, Refused, Section, Ticket,
};
use carnegie::{Context, Server};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// In a slow office every so-manieth ticket takes so long to print: long enough for a client to lose its connection
/// meanwhile, to come back, and to ask for it once more.
const SLOW: u64 = 20;
const PRINTING: Duration = Duration::from_millis(120);

/// Serves until standard input is closed: the process that started this one is done with it, or dead.
pub(crate) async fn serve(journal: &Path, slow: bool) -> Result<()> {
    let hall = Arc::new(Hall::open(journal, slow)?);
    let (office, careless) = (BoxOfficeServer::new(hall.clone()), CarelessBoxOfficeServer::new(hall));
    let server = Server::new().add(office).add(careless).bind("127.0.0.1:0").await?;
    println!("{}", server.local_addr());
    let handle = server.handle();
    server.run_until(stdin_closed()).await?;
    println!("{}", Counts::from(handle.stats()));
    Ok(())
}

/// What the handler answers.
type Sale = std::result::Result<Ticket, Refused>;

/// The hall on the evening.
struct Hall {
    /// Seats sold, by section. Seats are sold in the order of their numbers.
    sold: [AtomicU32; Section::ALL.len()],
    journal: File,
    slow: bool,
}

impl Hall {
    fn open(journal: &Path, slow: bool) -> Result<Hall> {
        // Each append is one write to the end of the file, so lines stay whole and none is overwritten.
        let file = OpenOptions::new().append(true).create(true).open(journal);
        let journal = file.map_err(|e| format!("cannot open the journal {}: {e}", journal.display()))?;
        Ok(Hall { sold: Default::default(), journal, slow })
    }

    /// Notes one execution. A panic here is answered as a failed call: an office that cannot write sells nothing.
    fn write(&self, cx: &Context, order: u64, section: Section, seat: Option<u32>) {
        let seat = seat.map_or("sold out".to_owned(), |seat| seat.to_string());
        let line = format!("{},{},{order},{section},{seat}\n", cx.incarnation(), cx.request_id());
        let written = (&self.journal).write(line.as_bytes());
        assert!(written.as_ref().is_ok_and(|n| *n == line.len()), "the journal took {written:?} of {line:?}");
    }

    /// Whether this order was served before is not asked: that it runs once is the framework's promise.
    async fn sell(&self, cx: &Context, order: u64, section: Section, holder: &str) -> Sale {
        let next = |sold| (sold < section.seats()).then_some(sold + 1);
        let sold = self.sold[section as usize].fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        let seat = sold.ok().map(|before| before + 1);
        self.write(cx, order, section, seat);
        if self.slow && order.is_multiple_of(SLOW) {
            tokio::time::sleep(PRINTING).await;
        }
        let seat = seat.ok_or(Refused::SoldOut)?;
        Ok(Ticket { section, seat, holder: holder.to_owned() })
    }
}

impl BoxOffice for Arc<Hall> {
    async fn free_seats(&self, section: Section) -> u32 {
        section.seats() - self.sold[section as usize].load(Ordering::Relaxed)
    }

    async fn sell(&self, cx: &Context, order: u64, section: Section, holder: &str) -> Sale {
        Hall::sell(self, cx, order, section, holder).await
    }
}

impl CarelessBoxOffice for Arc<Hall> {
    async fn sell(&self, cx: &Context, order: u64, section: Section, holder: &str) -> Sale {
        Hall::sell(self, cx, order, section, holder).await
    }
}

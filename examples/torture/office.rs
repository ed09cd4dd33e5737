//! A ticket office, a process of its own, whose journal outlives it: what it has sold is not sold again by its successor.

use crate::Result;
use crate::dice::Dice;
use crate::hall::{
    BoxOffice, BoxOfficeServer, CarelessBoxOffice, CarelessBoxOfficeServer, Refused, Section, Ticket,
};
use carnegie::{Context, Server};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::time::sleep;

/// Of so many sales one takes a while before it is in the journal, and one a while after: so that all that can befall a
/// call befalls some in the middle.
const SLOW: u64 = 10;
const PRINTING: std::ops::Range<Duration> = Duration::from_millis(5)..Duration::from_millis(200);

/// Seats are sold in the order of their numbers, each office those of its own: every `OFFICES`th.
pub(crate) const OFFICES: u32 = 2;

/// Serves until it is told to end, and then to its end.
pub(crate) async fn serve(journal: &Path, number: u32) -> Result<()> {
    let hall = Arc::new(Hall::open(journal, number)?);
    let (office, careless) = (BoxOfficeServer::new(hall.clone()), CarelessBoxOfficeServer::new(hall));
    super::servers::serve(Server::new().add(office).add(careless)).await
}

/// What the handler answers.
type Sale = std::result::Result<Ticket, Refused>;

struct Hall {
    number: u32,
    /// How many seats were sold, by section.
    sold: [AtomicU32; Section::ALL.len()],
    journal: File,
}

impl Hall {
    /// Takes over from the process that wrote the journal before.
    fn open(path: &Path, number: u32) -> Result<Hall> {
        let shown = path.display();
        // Each append is one write to the end of the file, so lines stay whole and none is overwritten.
        let opened = OpenOptions::new().read(true).append(true).create(true).open(path);
        let mut journal = opened.map_err(|e| format!("cannot open the journal {shown}: {e}"))?;
        let mut bytes = Vec::new();
        journal.read_to_end(&mut bytes)?;
        // The kill may have torn the last line. Nobody was told of that sale.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        journal.set_len(whole as u64)?;
        let hall = Hall { number, sold: Default::default(), journal };
        for line in std::str::from_utf8(&bytes[..whole])?.lines() {
            let section =
                Section::ALL.into_iter().find(|section| line.split(',').nth(3) == Some(section.name()));
            let section = section.ok_or_else(|| format!("no line of the journal {shown}: {line}"))?;
            hall.sold[section as usize].fetch_add(1, Ordering::Relaxed);
        }
        Ok(hall)
    }

    /// Whether this order was served before is not asked: that it runs once is the framework's promise.
    async fn sell(&self, cx: &Context, order: u64, section: Section, holder: &str) -> Sale {
        let mut dice = Dice::new(order, 0);
        let slow = dice.below(SLOW);
        if slow == 0 {
            sleep(dice.time(PRINTING)).await;
        }
        let sold = self.sold[section as usize].fetch_add(1, Ordering::Relaxed);
        let seat = sold * OFFICES + self.number + 1;
        self.write(&format!("{},{},{order},{section},{seat}\n", cx.incarnation(), cx.request_id()));
        if slow == 1 {
            sleep(dice.time(PRINTING)).await;
        }
        Ok(Ticket { section, seat, holder: holder.to_owned() })
    }

    /// A panic here is answered as a failed call: an office that cannot write sells nothing.
    fn write(&self, line: &str) {
        let written = (&self.journal).write(line.as_bytes());
        assert!(written.as_ref().is_ok_and(|n| *n == line.len()), "the journal took {written:?} of {line:?}");
    }
}

impl BoxOffice for Arc<Hall> {
    async fn free_seats(&self, section: Section) -> u32 {
        u32::MAX - self.sold[section as usize].load(Ordering::Relaxed)
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

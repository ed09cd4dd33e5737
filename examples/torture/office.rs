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

/// How many seats of its section an office has taken once it has written this line. They are written in any order, and by the
/// kill some are not: so lines are not counted.
fn sold_with(line: &str, number: u32) -> Option<(Section, u32)> {
    let mut words = line.split(',').skip(3);
    let (section, seat) = (words.next()?, words.next()?.parse::<u32>().ok()?);
    let section = Section::ALL.into_iter().find(|known| known.name() == section)?;
    Some((section, seat.checked_sub(number + 1)? / OFFICES + 1))
}

struct Hall {
    number: u32,
    /// How many seats were taken, by section.
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
            let (section, sold) =
                sold_with(line, number).ok_or_else(|| format!("no line of the journal {shown}: {line}"))?;
            hall.sold[section as usize].fetch_max(sold, Ordering::Relaxed);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_is_not_sold_again_though_the_line_of_one_before_it_was_lost() {
        let path = std::env::temp_dir().join(format!("carnegie-office-{}.csv", std::process::id()));
        // Whoever took seat 3 of the parquet was killed before it wrote so, when 5 was in the journal.
        std::fs::write(&path, "7,1,1,Parquet,1\n7,2,2,Parquet,5\n7,3,3,Balcony,1\n7,4,4,Balc").unwrap();
        let hall = Hall::open(&path, 0);
        std::fs::remove_file(&path).unwrap();
        let next = hall.unwrap().sold.map(AtomicU32::into_inner);
        assert_eq!(next[Section::Parquet as usize], 3, "seat 7 is next");
        assert_eq!(next[Section::Balcony as usize], 1, "seat 3 is next");
    }
}

//! No order is served two seats, and every ticket that a caller got stands in the journal.

use crate::hall;
use crate::journal::End;
use crate::world::World;

impl World {
    /// Looks at all calls.
    pub(crate) fn check_seats(&mut self) {
        let mut broken = Vec::new();
        for (tag, call) in self.journal.calls.iter().enumerate() {
            if call.method != hall::SELL {
                continue;
            }
            if call.seats.len() > 1 {
                broken.push(format!("call {tag} was sold the seats {:?}", call.seats));
            }
            if let Some((_, End::Result { refused: false, seat, .. })) = call.end
                && seat != call.seats.first().copied()
            {
                broken
                    .push(format!("call {tag} has a ticket for {seat:?}, the journal says {:?}", call.seats));
            }
        }
        for what in broken {
            self.violate("seats", what);
        }
    }
}

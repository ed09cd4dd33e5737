//! Two engines that follow the protocol never accuse each other of not doing so.

use crate::network::{Way, Wire, WireId};
use crate::world::World;
use rpc_core::ProtocolError;
use rpc_core::frame::Close;

impl World {
    /// Nothing was done to a connection, or to its session, that an end may complain about in these words.
    fn is_legal(&self, id: WireId, words: &str) -> bool {
        let forged = |wire: &Wire| wire.session.is_some_and(|key| self.forged.contains(&key));
        // The rest of a frame has vanished, and with it all that would tell the server that its client has left.
        let half = |wire: &Wire| wire.up.black_hole && words.contains("a frame was not complete");
        self.wires.get(&id).is_some_and(|wire| !wire.corrupted && !forged(wire) && !half(wire))
    }

    /// A server says what is wrong with a client.
    pub(crate) fn complain(&mut self, id: WireId, error: &ProtocolError) {
        if self.is_legal(id, &error.to_string()) {
            self.violate("protocol", format!("the server's end of {id}: {error}"));
        }
    }

    /// An end tells the other that it is wrong.
    pub(crate) fn check_close(&mut self, id: WireId, way: Way, close: &Close) {
        if self.is_legal(id, &close.reason) {
            self.violate("protocol", format!("{id} {way:?}: {:?} {}", close.code, close.reason));
        }
    }
}

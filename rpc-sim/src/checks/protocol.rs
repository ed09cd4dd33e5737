//! Two engines that follow the protocol never accuse each other of not doing so.

use crate::network::{Way, WireId};
use crate::world::World;
use rpc_core::ProtocolError;
use rpc_core::frame::Close;

impl World {
    /// A server says what is wrong with a client.
    pub(crate) fn complain(&mut self, id: WireId, error: &ProtocolError) {
        let corrupted = self.wires.get(&id).is_none_or(|wire| wire.corrupted);
        if !corrupted {
            self.violate("protocol", format!("the server's end of {id}: {error}"));
        }
    }

    /// An end tells the other that it is wrong.
    pub(crate) fn check_close(&mut self, id: WireId, way: Way, close: &Close) {
        let corrupted = self.wires.get(&id).is_none_or(|wire| wire.corrupted);
        if !corrupted {
            self.violate("protocol", format!("{id} {way:?}: {:?} {}", close.code, close.reason));
        }
    }
}

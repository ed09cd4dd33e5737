//! Services of a box office, in the versions that the tests need.

use rpc_core::schema::Describe;
use rpc_core::service::{Argument, Descriptor, Method};

const U32: Describe = |types| types.leaf("u32");
const U64: Describe = |types| types.leaf("u64");

const fn method(
    name: &'static str,
    path: &'static str,
    idempotent: bool,
    seat: &'static [Argument],
) -> Method {
    Method {
        name,
        path,
        idempotent,
        blocking: false,
        timeout: None,
        since: None,
        arguments: seat,
        returns: U32,
    }
}

const SEAT: &[Argument] = &[Argument { name: "seat", describe: U32 }];
const WIDE_SEAT: &[Argument] = &[Argument { name: "seat", describe: U64 }];

/// Index of the at-most-once method.
pub const SELL: u16 = 0;
/// Index of the idempotent method.
pub const FREE: u16 = 1;
/// Index of the method that came with version 1.1.
pub const REFUND: u16 = 2;

const SELL_METHOD: Method = method("sell", "Hall.sell", false, SEAT);
const FREE_METHOD: Method = method("free", "Hall.free", true, SEAT);
const REFUND_METHOD: Method = Method { since: Some((1, 1)), ..method("refund", "Hall.refund", false, SEAT) };

pub static HALL: Descriptor =
    Descriptor { name: "Hall", version: (1, 1), methods: &[SELL_METHOD, FREE_METHOD, REFUND_METHOD] };

/// The same methods in another order: a trait may be reordered freely.
pub static HALL_REORDERED: Descriptor =
    Descriptor { name: "Hall", version: (1, 1), methods: &[REFUND_METHOD, FREE_METHOD, SELL_METHOD] };

/// Before `refund` came.
pub static HALL_1_0: Descriptor =
    Descriptor { name: "Hall", version: (1, 0), methods: &[SELL_METHOD, FREE_METHOD] };

pub static HALL_2: Descriptor = Descriptor { name: "Hall", version: (2, 0), methods: &[SELL_METHOD] };

/// `free` takes another type of seat.
pub static HALL_WIDE: Descriptor = Descriptor {
    name: "Hall",
    version: (1, 1),
    methods: &[SELL_METHOD, method("free", "Hall.free", true, WIDE_SEAT), REFUND_METHOD],
};

/// `free` may run once only.
pub static HALL_ONCE: Descriptor = Descriptor {
    name: "Hall",
    version: (1, 1),
    methods: &[SELL_METHOD, method("free", "Hall.free", false, SEAT), REFUND_METHOD],
};

pub static BANK: Descriptor =
    Descriptor { name: "Bank", version: (3, 2), methods: &[method("pay", "Bank.pay", false, SEAT)] };

pub static OPERA: Descriptor =
    Descriptor { name: "Opera", version: (1, 0), methods: &[method("sing", "Opera.sing", false, SEAT)] };

/// A service of as many methods as one may have.
pub fn large_service(number: usize) -> &'static rpc_core::service::Descriptor {
    let method = |method: usize| rpc_core::service::Method {
        name: format!("m{method}").leak(),
        path: "?",
        idempotent: false,
        blocking: false,
        timeout: None,
        since: None,
        arguments: &[],
        returns: |types| types.leaf("u32"),
    };
    let methods: Vec<_> = (0..rpc_core::limits::METHODS_MAX).map(method).collect();
    let name = format!("Large{number}").leak();
    Box::leak(Box::new(rpc_core::service::Descriptor { name, version: (1, 0), methods: methods.leak() }))
}

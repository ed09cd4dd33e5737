//! What all fuzz targets have in common: the fuzzer, and a limit to the memory that one input may take.
//!
//! What is done with the bytes stands in `targets/`, so that `cargo test` can do it too, without a fuzzer.

use cap::Cap;
use std::alloc::System;

pub use fuzz_targets;
pub use libfuzzer_sys;

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

/// To be called once, before the first input: whoever panics may take as much memory as the report of it needs.
pub fn prepare() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        lift();
        report(panic);
    }));
}

/// Runs a target with one input. Whatever takes more memory than the target's bound gets none, and aborts.
pub fn run(target: &fuzz_targets::Target, input: &[u8]) {
    let most = MEMORY.allocated().saturating_add((target.memory)(input.len()));
    // Either limit is above what is allocated now.
    MEMORY.set_limit(most).unwrap_or_default();
    (target.run)(input);
    lift();
}

fn lift() {
    MEMORY.set_limit(usize::MAX).unwrap_or_default();
}

/// The entry point of the target of this name.
#[macro_export]
macro_rules! fuzzed {
    ($name:ident) => {
        use $crate::libfuzzer_sys;
        libfuzzer_sys::fuzz_target!(
            init: $crate::prepare(),
            |input: &[u8]| $crate::run(&$crate::fuzz_targets::$name::TARGET, input)
        );
    };
}

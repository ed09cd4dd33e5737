#![no_main]
#![allow(missing_docs)]
fuzzed::fuzzed!(engines);

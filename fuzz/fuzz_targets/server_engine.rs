#![no_main]
#![allow(missing_docs)]
fuzzed::fuzzed!(server_engine);

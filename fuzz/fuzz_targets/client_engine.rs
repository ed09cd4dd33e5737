#![no_main]
#![allow(missing_docs)]
fuzzed::fuzzed!(client_engine);

//! See `crates/fuzz-targets/src/words`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_targets::words(data));

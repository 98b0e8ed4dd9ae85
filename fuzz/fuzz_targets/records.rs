//! See `crates/fuzz-targets/src/records`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_targets::records(data));

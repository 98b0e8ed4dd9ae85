//! See `crates/fuzz-targets/src/operations`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_targets::operations(data));

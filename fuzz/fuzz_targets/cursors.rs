//! See `crates/fuzz-targets/src/cursors`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_targets::cursors(data));

//! See `crates/fuzz-targets/src/recovery`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_targets::recovery(data));

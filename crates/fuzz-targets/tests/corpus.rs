//! Everything that fuzzing found worth keeping, replayed.

use std::{fs, path::Path};

fn replay(name: &str) {
    let (_, target) = fuzz_targets::TARGETS.iter().find(|(known, _)| *known == name).expect("a target");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let mut inputs: Vec<_> = fs::read_dir(folder)
        .expect("each target has a corpus")
        .map(|entry| entry.expect("it is there").path())
        .collect();
    inputs.sort();
    assert!(inputs.len() >= 5, "{name}: {} inputs", inputs.len());
    for input in inputs {
        let data = fs::read(&input).expect("it is a file");
        if let Err(panic) = std::panic::catch_unwind(|| target(&data)) {
            eprintln!("replaying {}", input.display());
            std::panic::resume_unwind(panic);
        }
    }
}

macro_rules! targets {
    ($($name:ident),*) => {
        $(#[test]
        fn $name() {
            replay(stringify!($name));
        })*

        #[test]
        fn every_target_is_replayed() {
            let replayed = [$(stringify!($name)),*];
            let known: Vec<&str> = fuzz_targets::TARGETS.iter().map(|(name, _)| *name).collect();
            assert_eq!(known, replayed);
        }
    };
}

targets!(bodies, cursors, frames, ledger, operations, records, recovery, tokens, words);

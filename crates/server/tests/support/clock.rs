//! A server whose wall clock a test can make jump, while its other clocks go on.

use super::server::Setup;
use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    process::Command,
};
use tempfile::TempDir;

const SHIM: &str = include_str!("clock_shim.c");

/// The clock of one server, over its restarts.
pub(crate) struct WallClock {
    directory: TempDir,
    file: File,
}

impl WallClock {
    /// Compiles what is preloaded, and sets the clock right.
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (source, library) = (directory.path().join("shim.c"), directory.path().join("shim.so"));
        fs::write(&source, SHIM).unwrap();
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o"])
            .args([&library, &source])
            .status()
            .expect("a C compiler, as Rust needs one to link");
        assert!(compiled.success());
        let path = directory.path().join("jump");
        fs::write(&path, 0_i64.to_ne_bytes()).unwrap();
        let file = File::options().write(true).open(path).unwrap();
        Self { directory, file }
    }

    /// A server that goes by this clock.
    pub(crate) fn of(&self, setup: Setup) -> Setup {
        let path = |name| self.directory.path().join(name).to_str().unwrap().to_owned();
        setup.env("LD_PRELOAD", &path("shim.so")).env("CLOCK_JUMP_FILE", &path("jump"))
    }

    /// From now on the clock is wrong by so many seconds.
    pub(crate) fn jump(&self, seconds: i64) {
        self.file.write_all_at(&seconds.to_ne_bytes(), 0).unwrap();
    }
}

//! What stands between a server and the C library, so that a test can have the system behave as it seldom does.

use super::server::Setup;
use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    process::Command,
};
use tempfile::TempDir;

/// A shim, and the number in a file that tells it what to do.
pub(crate) struct Shim {
    directory: TempDir,
    file: File,
}

impl Shim {
    /// Compiles what is preloaded. It is told 0.
    pub(crate) fn new(source: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (path, library) = (directory.path().join("shim.c"), directory.path().join("shim.so"));
        fs::write(&path, source).unwrap();
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o"])
            .args([&library, &path])
            .status()
            .expect("a C compiler, as Rust needs one to link");
        assert!(compiled.success());
        let path = directory.path().join("told");
        fs::write(&path, 0_i64.to_ne_bytes()).unwrap();
        let file = File::options().write(true).open(path).unwrap();
        Self { directory, file }
    }

    /// A server in front of which it stands.
    pub(crate) fn before(&self, setup: Setup) -> Setup {
        let path = |name| self.directory.path().join(name).to_str().unwrap().to_owned();
        setup.env("LD_PRELOAD", &path("shim.so")).env("SHIM_FILE", &path("told"))
    }

    /// From now on it does as this says.
    pub(crate) fn tell(&self, number: i64) {
        self.file.write_all_at(&number.to_ne_bytes(), 0).unwrap();
    }
}

//! Who runs beside whom: tests that measure run alone, all others together.

use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use rustix::process::{Resource, getrlimit, setrlimit};

static TURNS: RwLock<()> = RwLock::new(());

/// Held by a test for as long as it measures.
pub(crate) fn alone() -> RwLockWriteGuard<'static, ()> {
    take_descriptors();
    TURNS.write()
}

/// Held by every other test that takes more than a moment of the machine.
pub(crate) fn together() -> RwLockReadGuard<'static, ()> {
    take_descriptors();
    TURNS.read()
}

/// Thousands of connections are thousands of descriptors on this side too.
fn take_descriptors() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}

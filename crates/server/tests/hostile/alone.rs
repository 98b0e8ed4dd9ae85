//! Who runs beside whom: tests that measure run alone, all others together.

use parking_lot::{RwLock, RwLockReadGuard};

static TURNS: RwLock<()> = RwLock::new(());

/// Held by every test that takes more than a moment of the machine and does not measure.
pub(crate) fn together() -> RwLockReadGuard<'static, ()> {
    TURNS.read()
}

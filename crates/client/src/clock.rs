//! The only place of the client that asks the system what time it is; everything else takes it as an argument.
#![expect(clippy::disallowed_methods, reason = "tokens begin now, and notices are judged by now")]

use std::time::SystemTime;

/// Now, by the wall.
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

//! What was counted, by name, and with what.

use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, process::Command};

/// Figures by their names.
pub(crate) type ByName = BTreeMap<String, f64>;

/// All counts, for one operation each.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Figures {
    /// What the code was made and counted with.
    pub(crate) made_with: MadeWith,
    /// Instructions of user space.
    pub(crate) instructions: ByName,
    /// Allocations and reallocations.
    pub(crate) allocations: ByName,
    /// Bytes that an idle socket keeps allocated.
    pub(crate) bytes: ByName,
    /// Where callgrind wrote what an entry of `instructions` consists of.
    #[serde(skip)]
    pub(crate) profiles: BTreeMap<String, String>,
}

/// Another compiler makes other code, and another C library copies bytes in another way.
#[derive(Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MadeWith {
    pub(crate) architecture: String,
    pub(crate) rustc: String,
    pub(crate) c_library: String,
    pub(crate) valgrind: String,
}

impl Default for MadeWith {
    fn default() -> Self {
        Self {
            architecture: std::env::consts::ARCH.into(),
            rustc: first_line("rustc", "--version"),
            c_library: first_line("getconf", "GNU_LIBC_VERSION"),
            valgrind: first_line("valgrind", "--version"),
        }
    }
}

fn first_line(program: &str, argument: &str) -> String {
    let output = Command::new(program).arg(argument).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().unwrap_or("unknown").to_owned()
}

impl Figures {
    /// Keeps the least of several counts: what comes by the clock (a tick, a table that grows) is not in each.
    pub(crate) fn least_instructions(&mut self, name: &str, count: f64, profile: String) {
        let least = self.instructions.entry(name.to_owned()).or_insert(f64::INFINITY);
        if count < *least {
            *least = count;
            self.profiles.insert(name.to_owned(), profile);
        }
    }

    /// The same for allocations.
    pub(crate) fn least_allocations(&mut self, name: &str, count: f64) {
        let least = self.allocations.entry(name.to_owned()).or_insert(f64::INFINITY);
        *least = least.min(count);
    }
}

//! Starts that may fail, on data that somebody else keeps.

use super::{START_PATIENCE, Server, Setup, read_lines};
use std::{process::ExitStatus, sync::Arc, time::Instant};
use tempfile::TempDir;

impl Setup {
    /// Keeps its data below this folder, and keeps the folder.
    pub(crate) fn data_below(mut self, folder: &Arc<TempDir>, name: &str) -> Self {
        self.data = Some(Arc::clone(folder));
        self.env("DOWNLINK_DATA_DIR", folder.path().join(name).to_str().unwrap())
    }

    /// Starts, and waits until it listens, or has ended by itself.
    ///
    /// # Errors
    /// How it ended. What it complained of is where [`log_to`](Setup::log_to) has it.
    pub(crate) fn attempt(self) -> Result<Server, ExitStatus> {
        let (mut child, log) = self.spawn();
        let said = read_lines(child.stdout.take().unwrap());
        let deadline = Instant::now() + START_PATIENCE;
        loop {
            // Standard output ends when the process does, and not before.
            let left = deadline.saturating_duration_since(Instant::now());
            match said.recv_timeout(left) {
                Ok(line) => {
                    if let Some(address) = self.listening(&line) {
                        return Ok(Server { child, address, said, log, setup: self });
                    }
                }
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return Err(child.wait().unwrap()),
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
                    let _ = child.kill();
                    panic!("it neither started nor ended: {:?}", child.wait());
                }
            }
        }
    }
}

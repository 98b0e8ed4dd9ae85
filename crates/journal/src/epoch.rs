//! Which life of the log goes on: the one that was left, or a new one.
//!
//! What belongs to an older epoch is set aside under another name, one generation of it, and never
//! deleted before the next epoch begins. The state file says *replacing* from before the first file is
//! renamed until after the last, so a crash between two of them changes nothing.

use std::io;

use crate::address::Offset;
use crate::disk::{Disk, TEMPORARY};
use crate::error::{OpenError, failed};
use crate::keys;
use crate::options::{Options, RecoveryReport};
use crate::segment::{self, HEADER_BYTES};
use crate::state::{STATE_FILE, State};

/// Between the old name and the number of the epoch for which the file was set aside.
const ASIDE: &str = ".before-";

/// The state with which the start goes on. Files of another epoch are out of the way afterwards.
pub(crate) fn settle(
    disk: &dyn Disk,
    options: &Options,
    force_new: bool,
    report: &mut RecoveryReport,
) -> Result<State, OpenError> {
    let names = disk.list().map_err(failed(disk, "list the files"))?;
    for name in names.iter().filter(|name| name.ends_with(TEMPORARY)) {
        disk.remove(name).map_err(failed(disk, "remove an unfinished file"))?;
    }
    let left = match State::load(disk) {
        Ok(left) => left,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if !names.iter().any(|name| is_of_log(name)) {
                return store(disk, fresh(options, None, false));
            }
            None
        }
        Err(error) => return Err(failed(disk, "read the state")(error)),
    };
    if left.is_none() && !force_new {
        return Err(OpenError::Corrupt { segment: STATE_FILE.to_owned(), offset: Offset(0) });
    }
    let mut state = match left {
        // A new epoch that is still beginning is new enough.
        Some(left) if left.replacing || (!force_new && !may_have_lost(&left, options)) => left,
        left => store(disk, fresh(options, left.as_ref(), true))?,
    };
    if state.replacing {
        report.epoch_is_new = true;
        // A start that was cut off may have left it under a name that is not stored yet.
        disk.sync_dir().map_err(failed(disk, "store the directory"))?;
        report.set_aside = set_aside(disk, state.epoch).map_err(failed(disk, "set old files aside"))?;
        state = store(disk, State { replacing: false, ..state })?;
    }
    Ok(state)
}

/// Whether what was answered for may be lost: it was left open, without syncs, in another kernel's life.
fn may_have_lost(left: &State, options: &Options) -> bool {
    !left.clean && !left.durable && left.boot_id != options.boot_id
}

fn fresh(options: &Options, left: Option<&State>, replacing: bool) -> State {
    let mut epoch = u64::from(options.fresh_epoch.max(1));
    if left.is_some_and(|left| left.epoch == epoch) {
        epoch += 1;
    }
    let boot_id = options.boot_id.clone();
    State { epoch, clean: true, end: HEADER_BYTES, durable: options.durable, replacing, boot_id }
}

fn store(disk: &dyn Disk, state: State) -> Result<State, OpenError> {
    state.store(disk).map_err(failed(disk, "write the state"))?;
    Ok(state)
}

fn is_of_log(name: &str) -> bool {
    segment::base_of(name).is_some() || keys::base_of(name).is_some()
}

/// Renames all files of the log, and removes those that were set aside for an earlier epoch.
fn set_aside(disk: &dyn Disk, epoch: u64) -> io::Result<usize> {
    let suffix = format!("{ASIDE}{epoch:08x}");
    let names = disk.list()?;
    let mut moved = Vec::new();
    for name in names.iter().filter(|name| is_of_log(name)) {
        match segment::base_of(name) {
            // A generation that nothing was written to must not take the place of one that tells something.
            Some(base) if !segment::has_content(disk, base)? => disk.remove(name)?,
            _ => moved.push(name),
        }
    }
    let is_earlier = |name: &&String| name.contains(ASIDE) && !name.ends_with(&suffix);
    for name in names.iter().filter(is_earlier).filter(|_| !moved.is_empty()) {
        disk.remove(name)?;
    }
    for name in &moved {
        disk.rename(name, &format!("{name}{suffix}"))?;
    }
    disk.sync_dir()?;
    Ok(moved.len())
}

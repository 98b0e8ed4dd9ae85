//! Who runs beside whom: tests that measure run alone, all others together.

use crate::support::server::Server;
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use rustix::{
    process::{Resource, getrlimit, setrlimit},
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
};
use std::{process::Command, sync::OnceLock, thread};

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

/// Starts a server that has all cores but the last for itself; this thread, and what it starts from now on, has the last one. With
/// one core there is nothing to share out.
pub(crate) fn apart(start: impl FnOnce() -> Server) -> Server {
    let (mut others, last) = (cores(), last_core());
    others.unset(last);
    if others.count() == 0 {
        return start();
    }
    sched_setaffinity(None, &others).unwrap();
    let server = start();
    let mut only = CpuSet::new();
    only.set(last);
    sched_setaffinity(None, &only).unwrap();
    server
}

/// Puts this thread before all others of its core: into the real-time class. Honest clients have machines of their own. Where they share
/// a core with attackers they would wait for those a turn of some milliseconds each, and that would count as the server's.
pub(crate) fn ahead() {
    if may_be_ahead() {
        assert!(class(&["--fifo", "--pid", "10"]), "this thread may be ahead as others may");
    }
}

/// Whether threads may be put ahead: root may, but not in every container; elsewhere `sudo` is asked, as in scripts/test.
pub(crate) fn may_be_ahead() -> bool {
    static MAY: OnceLock<bool> = OnceLock::new();
    *MAY.get_or_init(|| {
        let may = thread::spawn(|| class(&["--fifo", "--pid", "10"])).join().unwrap();
        if !may {
            println!("the real-time class is not allowed here: honest clients wait for attackers too");
        }
        may
    })
}

/// Puts this thread behind all others of its core. The lowest priority is not enough: a thread that has it keeps its turn, also when the
/// kernel's thread wakes up that brings packets to the honest.
pub(crate) fn behind() {
    assert!(class(&["--idle", "--pid", "0"]), "chrt, of util-linux, puts a thread into another class");
}

fn class(options: &[&str]) -> bool {
    let thread = rustix::thread::gettid().to_string();
    let mut sudo = Command::new("sudo");
    sudo.args(["-n", "chrt"]);
    let is_done = |command: &mut Command| {
        command.args(options).arg(&thread).output().is_ok_and(|done| done.status.success())
    };
    is_done(&mut Command::new("chrt")) || is_done(&mut sudo)
}

/// The cores that this process had when it was first asked: tests may run on its first thread, which then loses some.
fn cores() -> CpuSet {
    static CORES: OnceLock<CpuSet> = OnceLock::new();
    *CORES.get_or_init(|| sched_getaffinity(Some(rustix::process::getpid())).unwrap())
}

fn last_core() -> usize {
    let cores = cores();
    (0..CpuSet::MAX_CPU).rfind(|core| cores.is_set(*core)).unwrap()
}

/// Thousands of connections are thousands of descriptors on this side too.
fn take_descriptors() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}

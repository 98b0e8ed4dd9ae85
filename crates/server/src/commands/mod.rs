//! The commands beside the server itself: one file each, with its `Args` and its `run`.

pub(crate) mod bench;
pub(crate) mod channel;
pub(crate) mod check;
pub(crate) mod doctor;
pub(crate) mod init;
pub(crate) mod listen;
pub(crate) mod presence;
pub(crate) mod send;

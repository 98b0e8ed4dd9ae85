//! Listening: a state machine without I/O and clock (`course`), what it reads (`lines`, `frame`), and the driver that
//! gives it bytes and time (`listener`).

pub(crate) mod backoff;
pub(crate) mod course;
pub(crate) mod event;
pub(crate) mod frame;
pub(crate) mod lines;
pub(crate) mod listener;
pub(crate) mod token;

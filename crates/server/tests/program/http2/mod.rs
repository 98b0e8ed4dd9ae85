//! HTTP/2: the same promises, many at once on one connection.

mod agreed;
mod bounds;
mod endings;
mod floods;
mod frames;
mod raw;
mod slow;

pub(super) use frames::CARRIED;

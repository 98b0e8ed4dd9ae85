//! Those that measure: how long, how much. They run while nothing else does.

mod restarts;
mod slow;
mod storm;

//! Killed at any moment, and started again on what is left.

mod restarts;

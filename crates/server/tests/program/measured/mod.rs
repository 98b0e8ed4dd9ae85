//! How quick it is beside thousands of others. These run while nothing else does.

mod burst;
mod console;
mod presence;

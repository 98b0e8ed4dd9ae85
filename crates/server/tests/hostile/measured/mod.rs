//! Those that measure how long others wait meanwhile. They run while nothing else does.

mod floods;
mod slow_peers;

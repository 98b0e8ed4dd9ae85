//! The program `downlink`.

fn main() {}

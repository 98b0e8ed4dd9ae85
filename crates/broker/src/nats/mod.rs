//! The broker of several equal nodes: a NATS JetStream that all of them share.

pub mod connect;

//! Presence notices: who comes and goes, told to the application by a signed POST (docs/api.md).
//!
//! | file | holds |
//! |---|---|
//! | `verifier` | whether a notice is Downlink's, and fresh |
//! | `secret` | the secrets that it is judged by |
//! | `body` | what a signed body says |
//! | `form` | bodies of the format `appengine` |

mod body;
mod form;
pub(crate) mod secret;
pub(crate) mod verifier;

//! Items of the acceptance list (channel-api.md, section 9) that are not a page's or an SDK's matter, each with its
//! number. Others stand where their subject does: presence, the development wire, the cases that all parts share.

mod delivery;
mod server_calls;
mod tokens;

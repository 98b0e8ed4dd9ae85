//! The application is told who comes and goes: channel-api.md, items 49 to 54, and design.md, section 6.

mod answers;
mod application;
mod comings;
mod endings;
mod handlers;
mod restarts;

use crate::support::{
    application::{Application, SECRET},
    server::{Server, Setup, memory},
};

/// `dev` in front of an application.
fn in_front_of(app: &Application) -> Server {
    Setup::new("dev")
        .env("DOWNLINK_DURABILITY", "memory")
        .env("DOWNLINK_PRESENCE_SECRET", SECRET)
        .arg("--app")
        .arg(&app.url())
        .start()
}

/// A server that tells an application, after a short grace.
pub(crate) fn telling(app: &Application) -> Setup {
    tells(memory(), app)
}

fn tells(setup: Setup, app: &Application) -> Setup {
    setup
        .env("DOWNLINK_PRESENCE_URL", &app.url())
        .env("DOWNLINK_PRESENCE_SECRET", SECRET)
        .env("DOWNLINK_PRESENCE_GRACE_SECONDS", "1")
}

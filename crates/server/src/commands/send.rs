//! Placeholder while the real file is being written.
#[derive(clap::Args)]
pub(crate) struct Args {}
pub(crate) async fn run(_: Args, _: crate::cli::Connection) -> Result<(), String> {
    Err(String::new())
}

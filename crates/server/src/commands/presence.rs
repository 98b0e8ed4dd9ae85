//! `presence`: who has a socket open.

use crate::cli::{Connection, say};

#[derive(clap::Args)]
#[command(after_help = "\
Prints the client ids that have a socket open, one a line:

  downlink presence | wc -l
  downlink presence --json")]
pub(crate) struct Args {
    /// Print one JSON object, {"client_ids":[…]}.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: Args, connection: Connection) -> Result<(), String> {
    let client = connection.client()?;
    if args.json {
        let client_ids = client.presence().await.map_err(|error| error.to_string())?;
        say(&serde_json::json!({ "client_ids": client_ids }).to_string());
        return Ok(());
    }
    let mut after = None;
    loop {
        let page = client.presence_page(after.as_deref()).await.map_err(|error| error.to_string())?;
        if !page.client_ids.is_empty() {
            say(&page.client_ids.join("\n"));
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

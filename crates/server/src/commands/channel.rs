//! `channel create`: a token with which a page opens the channel of a client id.

use crate::cli::{Connection, say};
use protocol::limits::TOKEN_MINUTES_MAX;
use std::io::{self, Write};

#[derive(clap::Args)]
#[command(after_help = "\
The token alone goes to standard output, so that scripts can take it:

  TOKEN=$(downlink channel create ada --minutes 30)
  downlink listen \"$TOKEN\"

A page opens it with: new goog.appengine.Channel(token).open()")]
pub(crate) struct Args {
    /// The client id: your application's name for who listens, 1 to 256 bytes.
    #[arg(value_name = "ID")]
    client_id: String,
    /// How long the token can open the channel; 2 hours unless given, a day at most.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(TOKEN_MINUTES_MAX)))]
    minutes: Option<u32>,
    /// Print the server's answer: client_id, token, expires_at and cursor.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: Args, connection: Connection) -> Result<(), String> {
    let client = connection.client()?;
    let channel =
        client.create_channel(&args.client_id, args.minutes).await.map_err(|error| error.to_string())?;
    if args.json {
        say(&serde_json::to_string(&channel).map_err(|error| error.to_string())?);
        return Ok(());
    }
    say(&channel.token);
    // A note for people. Who closed standard error does not want it.
    let _ = writeln!(
        io::stderr(),
        "Opens the channel of {:?} until {}. Try: downlink listen TOKEN",
        channel.client_id,
        channel.expires_at
    );
    Ok(())
}

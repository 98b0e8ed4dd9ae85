//! `send`: a message, or a line a message from standard input.

mod lines;

use crate::cli::Connection;
use client::{Client, Data, Item, ItemResult, SendOptions, Sent, To};
use lines::{Line, Read};
use protocol::{id::ClientId, token::looks_like_token};
use std::{
    io::{self, IsTerminal, Read as _, Write},
    thread,
};

use super::listen::print;

/// The largest message that a server can be configured to take; it says itself if its limit is lower.
const INPUT_BYTES_MAX: usize = 1024 * 1024;

#[derive(clap::Args)]
#[command(after_help = "\
The id of each stored message goes to standard output. Sending to somebody who
is not there succeeds: the message waits for them as long as the server keeps it.

  downlink send ada 'hello'
  tail -f access.log | downlink send ops     a line a message, as they come
  downlink send ada 'typing…' --ttl 0        for who is there now; not stored
  downlink send ada --binary < picture.png   one message of bytes")]
pub(crate) struct Args {
    /// To whom: a client id, or a token.
    #[arg(value_name = "ID")]
    to: String,
    /// The message. Without it standard input is read, a line a message; empty lines are left out.
    #[arg(value_name = "DATA", allow_negative_numbers = true)]
    data: Option<String>,
    /// Seconds after which nobody gets it any more; 0 stores nothing.
    #[arg(long, value_name = "SECONDS")]
    ttl: Option<u32>,
    /// Store it once, however often this is sent within ten minutes. With lines, KEY.1 is the first one's, and so on.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Send standard input whole, as bytes.
    #[arg(long, conflicts_with = "data")]
    binary: bool,
}

pub(crate) async fn run(mut args: Args, connection: Connection) -> Result<(), String> {
    if !looks_like_token(&args.to) {
        args.to.parse::<ClientId>().map_err(|error| error.to_string())?;
    }
    let client = connection.client()?;
    match args.data.take() {
        Some(text) => send_one(&client, args, Data::Text(text.into())).await,
        None if args.binary => {
            let bytes = whole_input().await?;
            send_one(&client, args, Data::Binary(bytes.into())).await
        }
        None => send_lines(&client, &args).await,
    }
}

// === One message ===

async fn send_one(client: &Client, args: Args, data: Data) -> Result<(), String> {
    let options = SendOptions { ttl: args.ttl, idempotency_key: args.idempotency_key };
    let sent = client.send(&args.to, data, options).await.map_err(|error| error.to_string())?;
    let stored = if sent.id.is_some() { "stored" } else { "not stored" };
    print_ids(std::iter::once(&sent))?;
    let sockets = match sent.sockets {
        1 => "1 socket is open".to_owned(),
        n => format!("{n} sockets are open"),
    };
    note(&format!("{stored}; {sockets} now"));
    Ok(())
}

/// Standard input to its end, read where it may block. One byte more than fits is enough for the server to refuse it.
async fn whole_input() -> Result<Vec<u8>, String> {
    let read = tokio::task::spawn_blocking(|| {
        let mut bytes = Vec::new();
        io::stdin().take(INPUT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map(|_| bytes)
    });
    read.await.map_err(|error| error.to_string())?.map_err(|error| cannot_read(&error))
}

// === A line a message ===

async fn send_lines(client: &Client, args: &Args) -> Result<(), String> {
    if io::stdin().is_terminal() {
        note("each line you type is a message; Ctrl-D ends");
    }
    // One read may wait while another is sent; what nobody has taken yet stays in the pipe.
    let (reader, mut reads) = tokio::sync::mpsc::channel(1);
    // A thread of its own: a read from a terminal or a pipe cannot be given up, and must not hold up the end.
    thread::spawn(move || {
        lines::read(io::stdin().lock(), INPUT_BYTES_MAX, |read| reader.blocking_send(read).is_ok());
    });
    let mut tally = Tally::default();
    while let Some(read) = reads.recv().await {
        let ended = match read {
            Read::Lines(lines) => !tally.send(client, args, lines).await?,
            Read::Failed(error) => return Err(cannot_read(&error)),
        };
        if ended {
            return Ok(());
        }
    }
    tally.finish(&args.to)
}

/// What became of the lines so far.
#[derive(Default)]
struct Tally {
    sent: u64,
    refused: u64,
    empty: u64,
}

impl Tally {
    /// Sends the lines of one read in one call. False if nobody reads the ids any more.
    async fn send(&mut self, client: &Client, args: &Args, lines: Vec<(u64, Line)>) -> Result<bool, String> {
        let (mut numbers, mut items) = (Vec::new(), Vec::new());
        for (number, line) in lines {
            match line {
                Line::Text(text) => {
                    numbers.push(number);
                    items.push(item(args, number, text));
                }
                Line::Empty => self.empty += 1,
                Line::NotUtf8 => self.refuse(number, "is not UTF-8; --binary sends bytes"),
                Line::TooLong => self.refuse(number, "is longer than any message (1 MiB)"),
            }
        }
        let Some(first) = numbers.first() else { return Ok(true) };
        let results = client.send_many(items).await;
        let results = results.map_err(|error| {
            format!("{error}; {} sent, and none from line {first} on", messages(self.sent))
        })?;
        let mut taken = Vec::new();
        for (number, result) in numbers.into_iter().zip(results) {
            match result {
                ItemResult::Sent(sent) => taken.push(sent),
                ItemResult::Refused { code, detail } => {
                    self.refuse(number, &format!("was refused: {detail} ({code})"));
                }
                ItemResult::SentToMany { .. } => self.refuse(number, "was answered as if sent to many"),
            }
        }
        self.sent += taken.len() as u64;
        print_ids(&taken)
    }

    fn refuse(&mut self, number: u64, why: &str) {
        self.refused += 1;
        note(&format!("line {number} {why}"));
    }

    fn finish(&self, to: &str) -> Result<(), String> {
        let to = if looks_like_token(to) { "the token's client".into() } else { format!("{to:?}") };
        let mut summary = format!("{} sent to {to}", messages(self.sent));
        if self.empty > 0 {
            summary += &format!(", {} empty left out", self.empty);
        }
        if self.refused > 0 {
            return Err(format!("{summary}, {} refused", messages(self.refused)));
        }
        note(&summary);
        Ok(())
    }
}

fn item(args: &Args, number: u64, text: String) -> Item {
    Item {
        to: To::One(args.to.clone()),
        data: Data::Text(text.into()),
        ttl: args.ttl,
        idempotency_key: args.idempotency_key.as_ref().map(|key| format!("{key}.{number}")),
    }
}

// === What is said ===

/// The ids of stored messages, a line each; false if nobody reads them any more.
fn print_ids<'a>(sent: impl IntoIterator<Item = &'a Sent>) -> Result<bool, String> {
    let ids: String =
        sent.into_iter().filter_map(|sent| sent.id.as_ref()).map(|id| format!("{id}\n")).collect();
    print(ids.as_bytes())
}

fn messages(count: u64) -> String {
    format!("{count} {}", if count == 1 { "message" } else { "messages" })
}

/// A line for people. Who closed standard error does not want it.
fn note(line: &str) {
    let _ = writeln!(io::stderr(), "-- {line}");
}

fn cannot_read(error: &io::Error) -> String {
    format!("cannot read standard input: {error}")
}

//! `listen`: opens a channel and prints what arrives, across restarts of the server.

use crate::cli::Connection;
use client::{Cursor, Event, GapReason, Listener, TokenSource};
use protocol::{
    encode::json,
    frame::{Frame, Placed},
    token::looks_like_token,
};
use std::{
    io::{self, Write},
    pin::pin,
};

#[derive(clap::Args)]
#[command(after_help = "\
With a client id, tokens are made with the API key, a new one whenever the last
has timed out; with a token no key is needed, and the command ends with it. A
lost connection is resumed: nothing is missed, nothing is printed twice.

  downlink listen ada                   what is sent to ada, until Ctrl-C
  downlink listen ada --count 1         the next message, then end
  downlink listen \"$TOKEN\" --json       {\"id\":\"k3f.17\",\"data\":\"hello\"}
  downlink listen ada --after k3f.17    what came after that message")]
pub(crate) struct Args {
    /// A client id, or a token as `downlink channel create` prints it.
    #[arg(value_name = "TOKEN|ID")]
    channel: String,
    /// Start after this place: the id of the last message you had.
    #[arg(long, value_name = "CURSOR")]
    after: Option<Cursor>,
    /// End after so many messages.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Print frames as JSON, a line each, instead of the bare data.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: Args, connection: Connection) -> Result<(), String> {
    let client = connection.client()?;
    let tokens = if looks_like_token(&args.channel) {
        TokenSource::from(args.channel)
    } else {
        client.token_source(&args.channel, None)
    };
    let mut printing = Printing { json: args.json, left: args.count, opened: false };
    let mut listener = client.listen(tokens, args.after);
    tokio::select! {
        ended = follow(&mut listener, &mut printing) => ended,
        interrupted = pin!(tokio::signal::ctrl_c()) => interrupted.map_err(|error| error.to_string()),
    }
}

async fn follow(listener: &mut Listener, printing: &mut Printing) -> Result<(), String> {
    while let Some(event) = listener.next().await {
        let event = event.map_err(|error| error.to_string())?;
        if let Some(line) = printing.line(&event)
            && !print(&line)?
        {
            return Ok(());
        }
        match printing.told(&event)? {
            Next::GoOn => {}
            Next::End => return Ok(()),
        }
    }
    Ok(())
}

/// How events are shown, and when they were enough.
struct Printing {
    json: bool,
    /// Messages still to come; without a count they never end.
    left: Option<u64>,
    /// Whether the channel was open once. Before that a failure is a mistake of whoever typed, not of the network.
    opened: bool,
}

enum Next {
    GoOn,
    End,
}

impl Printing {
    /// What goes to standard output.
    fn line(&self, event: &Event) -> Option<Vec<u8>> {
        let mut line = match event {
            Event::Message { data, .. } if !self.json => data.bytes().to_vec(),
            _ if self.json => frame(event)?,
            _ => return None,
        };
        line.push(b'\n');
        Some(line)
    }

    /// What people are told on standard error, and whether it goes on.
    fn told(&mut self, event: &Event) -> Result<Next, String> {
        match event {
            Event::Message { .. } => {
                self.left = self.left.map(|left| left.saturating_sub(1));
                return Ok(if self.left == Some(0) { Next::End } else { Next::GoOn });
            }
            Event::Open { .. } => {
                note(if self.opened { "open again" } else { "open; Ctrl-C ends" });
                self.opened = true;
            }
            Event::Gap { cursor, reason } => {
                note(&format!(
                    "gap: messages before {cursor} may be missing, since {}",
                    match reason {
                        GapReason::Trimmed => "they are no longer kept",
                        GapReason::Epoch => "the server's log began anew",
                    }
                ));
            }
            Event::Lost { reason, .. } if !self.opened => return Err(reason.clone()),
            Event::Lost { reason, retry_in } => {
                note(&format!("{reason}; trying again in {:.1} s", retry_in.as_secs_f64()));
            }
            Event::Closed { code, reason } => {
                return Err(format!("the channel is closed: {reason} ({})", code.0));
            }
        }
        Ok(Next::GoOn)
    }
}

/// The frame that an event came as, as the server would write it; a lost connection is none.
fn frame(event: &Event) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    match event {
        // Without the socket's name, which is a secret of its client.
        Event::Open { cursor } => write!(out, r#"{{"type":"open","cursor":"{cursor}"}}"#).ok()?,
        Event::Message { cursor, data } => json::message(&mut out, Placed { cursor: *cursor, data }),
        Event::Gap { cursor, reason } => {
            json::frame(&mut out, &Frame::Gap { cursor: *cursor, reason: *reason })
        }
        Event::Closed { code, reason } => {
            json::frame(&mut out, &Frame::Close { code: *code, reason, retry_after_ms: None });
        }
        Event::Lost { .. } => return None,
    }
    Some(out)
}

/// A line for people. Who closed standard error does not want it.
fn note(line: &str) {
    let _ = writeln!(io::stderr(), "-- {line}");
}

/// Writes to standard output, at once. False if nobody reads it any more, as behind `| head -1`: a reason to end, not
/// an error.
pub(super) fn print(bytes: &[u8]) -> Result<bool, String> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(format!("cannot write to standard output: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use client::{CloseCode, Data};
    use std::time::Duration;

    fn message(text: &str) -> Event {
        Event::Message { cursor: "k3f.17".parse().ok(), data: Data::Text(text.to_owned().into()) }
    }

    fn printing(json: bool, left: Option<u64>) -> Printing {
        Printing { json, left, opened: false }
    }

    fn lost() -> Event {
        Event::Lost { reason: "nothing answers".into(), retry_in: Duration::from_millis(400) }
    }

    #[test]
    fn plain_output_is_the_data_and_nothing_else() {
        let printing = printing(false, None);
        assert_eq!(printing.line(&message("two\nlines")), Some(b"two\nlines\n".to_vec()));
        let cursor = "k3f.1".parse().unwrap();
        for event in [Event::Open { cursor }, Event::Gap { cursor, reason: GapReason::Epoch }, lost()] {
            assert_eq!(printing.line(&event), None);
        }
    }

    #[test]
    fn json_output_is_the_frames() {
        let printing = printing(true, None);
        let cursor = "k3f.17".parse().unwrap();
        for (event, line) in [
            (message("hi"), Some(r#"{"id":"k3f.17","data":"hi"}"#)),
            (Event::Open { cursor }, Some(r#"{"type":"open","cursor":"k3f.17"}"#)),
            (
                Event::Gap { cursor, reason: GapReason::Epoch },
                Some(r#"{"type":"gap","cursor":"k3f.17","reason":"epoch"}"#),
            ),
            (
                Event::Closed { code: CloseCode::GONE, reason: "Gone.".into() },
                Some(r#"{"type":"close","code":4410,"reason":"Gone."}"#),
            ),
            (lost(), None),
        ] {
            assert_eq!(printing.line(&event), line.map(|line| format!("{line}\n").into_bytes()));
        }
    }

    #[test]
    fn only_messages_count() {
        let mut printing = printing(false, Some(2));
        assert!(matches!(printing.told(&Event::Open { cursor: "k3f.1".parse().unwrap() }), Ok(Next::GoOn)));
        assert!(matches!(printing.told(&message("one")), Ok(Next::GoOn)));
        assert!(matches!(printing.told(&lost()), Ok(Next::GoOn)));
        assert!(matches!(printing.told(&message("two")), Ok(Next::End)));
    }

    #[test]
    fn a_failure_before_the_first_open_is_an_error() {
        let mut printing = printing(false, None);
        assert_eq!(printing.told(&lost()).err(), Some("nothing answers".into()));
        let closed = Event::Closed { code: CloseCode::UNAUTHORIZED, reason: "Token timed out.".into() };
        assert_eq!(
            printing.told(&closed).err(),
            Some("the channel is closed: Token timed out. (4401)".into())
        );
    }
}

//! Checks a history that was written down, one event a line.

use std::{fs, io, process::ExitCode};

const HELP: &str = "\
downlink-checker [--may-trim] [--may-change-epoch] [FILE]

Reads a history (one JSON event a line, from FILE or standard input) and says which promise it breaks.

  --may-trim          retention was exceeded in this run: a `trimmed` gap is right if something is missing
  --may-change-epoch  the log was lost or restored in this run: an `epoch` gap is right

Ends with 0 if every promise was kept, 1 if one was broken, 2 if the history cannot be read.
";

fn main() -> ExitCode {
    let (mut rules, mut file) = (checker::Rules::default(), None);
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--may-trim" => rules.may_trim = true,
            "--may-change-epoch" => rules.may_change_epoch = true,
            "-h" | "--help" => return say(HELP, ExitCode::SUCCESS),
            option if option.starts_with('-') => return say(HELP, ExitCode::from(2)),
            name => file = Some(name.to_owned()),
        }
    }
    match read(file) {
        Err(error) => say(&format!("downlink-checker: {error}\n"), ExitCode::from(2)),
        Ok(events) => {
            let report = checker::check(&events, rules);
            let code = if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
            say(&format!("{report}\n"), code)
        }
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "a program's own argument; the ban is for what the journal keeps"
)]
fn read(file: Option<String>) -> Result<Vec<checker::Event>, Box<dyn std::error::Error>> {
    Ok(match file {
        Some(name) => {
            let opened = fs::File::open(&name).map_err(|error| format!("{name}: {error}"))?;
            checker::History::read(io::BufReader::new(opened))?
        }
        None => checker::History::read(io::stdin().lock())?,
    })
}

#[allow(clippy::print_stdout, reason = "this is what the program is for")]
fn say(text: &str, code: ExitCode) -> ExitCode {
    print!("{text}");
    code
}

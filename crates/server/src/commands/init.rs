//! `init`: a commented configuration with fresh keys.

use crate::{
    cli::{Failure, say},
    config::{
        Secret,
        options::{OPTIONS, OptionSpec},
    },
};
use base64::{Engine, prelude::BASE64_STANDARD};
use std::{
    fmt::Write as _,
    fs::OpenOptions,
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
};

#[derive(clap::Args)]
#[command(after_help = "Then: downlink serve --config downlink.toml")]
pub(crate) struct Args {
    /// The file to write. One that is there already is left alone.
    #[arg(default_value = "downlink.toml")]
    file: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let name = args.file.display();
    // The keys in it are for its owner alone.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&args.file);
    let mut file = file.map_err(|error| {
        Failure::new(match error.kind() {
            ErrorKind::AlreadyExists => {
                format!("{name} is there already; name another file, or move it away")
            }
            _ => format!("{name} cannot be written: {error}"),
        })
    })?;
    file.write_all(text().as_bytes()).map_err(|error| Failure::new(format!("{name}: {error}")))?;
    say(&format!("Wrote {name}, with fresh keys. Start with: downlink serve --config {name}"));
    Ok(())
}

/// The file, written from the table of options: what has a default stands there as a comment.
fn text() -> String {
    let mut text = String::from(
        "# Configuration of Downlink. Each option is also an environment variable, named behind it; a variable is over\n\
         # the file, the command line over both. Check it with `downlink config check --config FILE`.\n",
    );
    let mut section = "";
    for option in OPTIONS {
        let (of, name) = option.path.split_once('.').unwrap_or(("", option.path));
        if of != section {
            section = of;
            let _ = write!(text, "\n[{section}]\n");
        }
        let _ = write!(text, "\n# {} ({})\n{}\n", option.help, option.variable, line(option, name));
    }
    text
}

fn line(option: &OptionSpec, name: &str) -> String {
    match (option.path, option.default) {
        ("admin_listen", _) => format!("# {name} = \"127.0.0.1:7172\""),
        ("data_dir", _) => format!("{name} = \"/var/lib/downlink\""),
        ("api.keys", _) => format!("{name} = [\"{}\"]", Secret::random().expose()),
        ("token.key", _) => format!("{name} = \"{}\"", Secret::random().expose()),
        ("token.key_set", _) => format!("# {name} = \"/etc/downlink/jwks.json\""),
        ("tls.certificate", _) => format!("# {name} = \"/etc/downlink/fullchain.pem\""),
        ("tls.key", _) => format!("# {name} = \"/etc/downlink/privkey.pem\""),
        ("acme.email", _) => format!("# {name} = \"you@example.com\""),
        ("acme.ca_file", _) => format!("# {name} = \"/etc/downlink/authority.pem\""),
        ("presence.url", _) => format!("# {name} = \"http://127.0.0.1:8080\""),
        ("presence.secret", _) => {
            format!("{name} = \"whsec_{}\"", BASE64_STANDARD.encode(Secret::random().expose()))
        }
        ("broker.servers", _) => format!("# {name} = [\"nats://10.0.0.1:4222\"]"),
        ("broker.user" | "broker.password" | "broker.token", _) => format!("# {name} = \"\""),
        ("broker.credentials", _) => format!("# {name} = \"/etc/downlink/nats.creds\""),
        ("broker.tls_ca", _) => format!("# {name} = \"/etc/downlink/nats-ca.pem\""),
        ("trace.otlp", _) => format!("# {name} = \"http://127.0.0.1:4318\""),
        ("edge.threads", _) => format!("# {name} = 1"),
        (_, default) => format!("# {name} = {default}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Sources};

    #[test]
    fn what_init_writes_is_right_as_it_stands_and_with_every_comment_taken_away() {
        let open: String = text()
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(rest) if rest.split_once(" = ").is_some_and(|(name, _)| !name.contains(' ')) => {
                    format!("{rest}\n")
                }
                _ => format!("{line}\n"),
            })
            .collect();
        assert_ne!(open, text());
        // Files that are not there.
        let open = open.replace("key_set = ", "# key_set = ");
        let open =
            open.replace("certificate = ", "# certificate = ").replace("key = \"/etc", "# key = \"/etc");
        // NATS takes one kind of login, and only a broker of that kind has servers.
        let mut open = open.replace("kind = \"local\"", "kind = \"nats\"");
        for login in ["user", "password", "credentials"] {
            open = open.replace(&format!("\n{login} = "), &format!("\n# {login} = "));
        }
        for text in [text(), open] {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let sources = Sources {
                file: Some(file.path()),
                environment: &|_| None,
                overrides: &Vec::new(),
                make_secrets: false,
            };
            Config::load(&sources).unwrap_or_else(|mistakes| panic!("{mistakes:?}\n{text}"));
        }
    }
}

//! Running a program under callgrind, and reading what it wrote.

use crate::{figures::Figures, measure::COUNTED};
use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The C library chooses how to copy by what the processor offers; here it is to choose the same on each.
const SAME_COPIES: (&str, &str) = (
    "GLIBC_TUNABLES",
    "glibc.cpu.hwcaps=-AVX2_Usable,-AVX2,-AVX512F,-AVX512VL,-AVX_Fast_Unaligned_Load,-ERMS,-FSRM",
);

/// A program under callgrind that writes to `out`, with an environment that is the same everywhere.
pub(crate) fn command(out: &Path, options: &[&str], program: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command.args(["--quiet", "--tool=callgrind"]).args(options);
    command.arg(format!("--callgrind-out-file={}", out.display())).arg(program);
    command.env_clear().env("PATH", "/usr/bin:/bin").env(SAME_COPIES.0, SAME_COPIES.1);
    command.stderr(Stdio::inherit());
    command
}

/// Why valgrind did not run.
pub(crate) fn not_started(error: &std::io::Error) -> String {
    format!("valgrind cannot be started ({error}); `scripts/test` installs it, or `apt-get install valgrind`")
}

/// An empty directory for what callgrind writes, beside this program.
pub(crate) fn directory(name: &str) -> Result<PathBuf, String> {
    let directory = built("guard-profiles")?.join(name);
    let failed = |error| format!("{}: {error}", directory.display());
    if directory.exists() {
        fs::remove_dir_all(&directory).map_err(failed)?;
    }
    fs::create_dir_all(&directory).map_err(failed)?;
    Ok(directory)
}

/// The path of what was built beside this program.
pub(crate) fn built(name: &str) -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| format!("this program has no path: {error}"))?;
    Ok(own.with_file_name(name))
}

/// Has [`work`](crate::work) counted: instructions by callgrind, allocations by itself.
pub(crate) fn count_work(figures: &mut Figures) -> Result<(), String> {
    let out = directory("work")?.join("callgrind.out");
    let options = [&format!("--toggle-collect={COUNTED}"), &format!("--dump-after={COUNTED}")];
    let mut command = command(&out, &options.map(String::as_str), &built("guard")?);
    let output = command.arg("work").output().map_err(|error| not_started(&error))?;
    if !output.status.success() {
        return Err("the work to be counted failed under valgrind, see above".into());
    }
    let lines = String::from_utf8_lossy(&output.stdout);
    for (number, line) in lines.lines().enumerate() {
        let mut words = line.split(' ');
        let mut next = || words.next().ok_or("a line of `guard work` has three words");
        let name = next()?;
        let operations = number_of(next()?)?;
        let allocations = number_of(next()?)?;
        // A file for each time that the counted function was left.
        let profile = format!("{}.{}", out.display(), number + 1);
        let counted = Counted::read(Path::new(&profile))?;
        figures.least_instructions(name, counted.instructions / operations, profile);
        figures.least_allocations(name, allocations / operations);
    }
    Ok(())
}

fn number_of(word: &str) -> Result<f64, String> {
    word.parse().map_err(|_| format!("{word:?} is no number"))
}

/// What is in a file of callgrind's.
pub(crate) struct Counted {
    pub(crate) instructions: f64,
    /// How often functions were called, by name.
    calls: HashMap<String, f64>,
}

impl Counted {
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::parse(&text).ok_or_else(|| format!("{} has no total: not a file of callgrind", path.display()))
    }

    /// The format is described in valgrind's manual, "Callgrind Format Specification".
    fn parse(text: &str) -> Option<Self> {
        let mut names: HashMap<&str, &str> = HashMap::new();
        let mut calls: HashMap<String, f64> = HashMap::new();
        let (mut instructions, mut called) = (None, "");
        for line in text.lines() {
            if let Some(total) = line.strip_prefix("summary: ").or_else(|| line.strip_prefix("totals: ")) {
                instructions = instructions.or(total.trim().parse().ok());
            } else if let Some(name) = line.strip_prefix("cfn=").or_else(|| line.strip_prefix("fn=")) {
                // "(12) name" where it is named first, then "(12)".
                let (id, name) = name.split_once(' ').unwrap_or((name, ""));
                if !name.is_empty() {
                    names.insert(id, name);
                }
                called = names.get(id).copied().unwrap_or("");
            } else if let Some(count) = line.strip_prefix("calls=") {
                let count: f64 = count.split(' ').next()?.parse().ok()?;
                *calls.entry(called.to_owned()).or_default() += count;
            }
        }
        Some(Self { instructions: instructions?, calls })
    }

    /// How often any of these functions was called.
    pub(crate) fn calls(&self, functions: &[&str]) -> f64 {
        functions.iter().filter_map(|name| self.calls.get(*name)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_and_calls_are_read() {
        let text = "events: Ir\nsummary: 1200\n\nfn=(1) main\n0 10\ncfn=(2) malloc\ncalls=3 0\n0 90\n\
                    cfn=(2)\ncalls=4 0\n0 100\nfn=(2)\n0 1000\n";
        let counted = Counted::parse(text).unwrap();
        assert_eq!(counted.instructions, 1200.0);
        assert_eq!(counted.calls(&["malloc", "free"]), 7.0);
        assert!(Counted::parse("events: Ir\n").is_none());
    }
}

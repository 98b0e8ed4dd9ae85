//! The figures behind docs/decisions/002-journal.md: `cargo run --release --example spike [parts]`.
//!
//! Parts: `append`, `keys`, `restart`, `resume`; all without an argument. It writes about 1.2 GB below the
//! system's temporary directory, and takes about two minutes.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::disallowed_methods, reason = "a measurement")]

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use journal::{
    After, Disk, DiskFile, DiskLock, Entry, FileDisk, Key, MemoryDisk, Offset, Opened, Options, open,
};

const KEYS: u64 = 1_000_000;
const RECORDS: u64 = 4_000_000;
const NOW: u64 = 1_800_000_000_000;
/// With its header of 64 bytes, a record takes 256 bytes: four million are a gigabyte.
const PAYLOAD: [u8; 192] = [b'x'; 192];

fn main() {
    let parts: Vec<String> = std::env::args().skip(1).collect();
    let wants = |part: &str| parts.is_empty() || parts.iter().any(|one| one == part);
    let directory = tempfile::tempdir().unwrap();
    if wants("keys") {
        // First, while no memory has been freed that it could grow into.
        bytes_of_keys(&directory.path().join("keys"));
    }
    if wants("append") {
        append(directory.path());
    }
    if wants("restart") || wants("resume") {
        big(&directory.path().join("big"));
    }
}

fn options(durable: bool) -> Options {
    Options { durable, retention_bytes: 8 << 30, ..Options::default() }
}

/// The key of a number, spread as a keyed hash would spread it.
fn key(number: u64) -> Key {
    let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let high = (mixed ^ (mixed >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    Key(u128::from(high) << 64 | u128::from(high ^ (high >> 29)))
}

/// Pseudo-random numbers.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

// === Appending ===

fn append(directory: &Path) {
    println!("\nappend: 128-byte payloads to random ones of a million keys");
    println!("| disk | batch | records/s | batches/s | ms a batch | µs of processor a record |");
    println!("|---|---:|---:|---:|---:|---:|");
    for batch in [1, 8, 64, 512, 4096] {
        let disk = Arc::new(FileDisk::new(directory.join(format!("synced-{batch}"))).unwrap());
        run("fsync", disk, &options(true), batch);
    }
    for batch in [1, 64] {
        let files = FileDisk::new(directory.join(format!("unallocated-{batch}"))).unwrap();
        run("fsync, no room taken ahead", Arc::new(Unallocated(files)), &options(true), batch);
    }
    for batch in [1, 64] {
        let disk = Arc::new(FileDisk::new(directory.join(format!("unsynced-{batch}"))).unwrap());
        run("os", disk, &options(false), batch);
        run("memory", Arc::new(MemoryDisk::new()), &Options::in_memory(), batch);
    }
}

fn run(name: &str, disk: Arc<dyn Disk>, options: &Options, size: usize) {
    let mut opened = open(disk, options.clone(), NOW).unwrap();
    let payload = [b'x'; 128];
    let mut random = Random(size as u64);
    let (mut batches, cpu, started) = (0_u64, cpu_ms(), Instant::now());
    while started.elapsed() < Duration::from_secs(2) {
        let keys: Vec<[Key; 1]> = (0..size).map(|_| [key(random.below(KEYS))]).collect();
        let entries: Vec<Entry<'_>> = keys.iter().map(|keys| entry(keys, &payload)).collect();
        opened.writer.append(&entries, NOW).unwrap();
        if options.durable {
            opened.writer.sync().unwrap();
        }
        batches += 1;
        if batches.is_multiple_of(1024) {
            opened.writer.retain(NOW).unwrap();
        }
    }
    let rate = batches as f64 / started.elapsed().as_secs_f64();
    let cpu = (cpu_ms() - cpu) as f64 * 1e3 / (batches * size as u64) as f64;
    println!("| {name} | {size} | {:.0} | {rate:.0} | {:.3} | {cpu:.2} |", rate * size as f64, 1e3 / rate);
}

fn entry<'a>(keys: &'a [Key], payload: &'a [u8]) -> Entry<'a> {
    Entry { kind: 1, ttl_seconds: 0, keys, payload, idempotency: None }
}

// === Memory of the index ===

fn bytes_of_keys(directory: &Path) {
    let disk = Arc::new(FileDisk::new(directory).unwrap());
    let mut opened = open(disk, options(false), NOW).unwrap();
    opened.writer.append_one(entry(&[key(KEYS)], b"x"), NOW).unwrap();
    let before = resident_bytes();
    for number in 0..KEYS {
        opened.writer.append_one(entry(&[key(number)], b"x"), NOW).unwrap();
    }
    let per_key = (resident_bytes() - before) as f64 / KEYS as f64;
    println!("index: {per_key:.1} resident bytes a key, {} keys", opened.reader.keys());

    // Again in memory, where nothing but the index's growth can hold an append up.
    let mut opened = open(Arc::new(MemoryDisk::new()), Options::in_memory(), NOW).unwrap();
    let mut took: Vec<Duration> = Vec::with_capacity(KEYS as usize);
    for number in 0..KEYS {
        let before = Instant::now();
        opened.writer.append_one(entry(&[key(number)], b"x"), NOW).unwrap();
        took.push(before.elapsed());
    }
    took.sort_unstable();
    let slowest: Vec<String> = took[took.len() - 10..].iter().map(|took| format!("{took:.1?}")).collect();
    println!("growing to a million keys: the ten slowest appends took {}", slowest.join(", "));
}

fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

/// Processor time of this process so far, in milliseconds: it tells the cost also on a busy machine.
fn cpu_ms() -> u64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = text.rsplit(')').next().unwrap();
    let ticks = |index| after_name.split_whitespace().nth(index).unwrap().parse::<u64>().unwrap();
    (ticks(11) + ticks(12)) * 10
}

// === Restart and resume ===

fn big(directory: &Path) {
    let disk = || -> Arc<dyn Disk> { Arc::new(FileDisk::new(directory.join("journal")).unwrap()) };
    let mut opened = open(disk(), options(false), NOW).unwrap();
    let mut random = Random(1);
    let (mut slowest, mut chores) = (Duration::ZERO, String::new());
    let (started, cpu) = (Instant::now(), cpu_ms());
    for number in 0..RECORDS {
        // Every key once, then random ones.
        let to = if number < KEYS { number } else { random.below(KEYS) };
        let before = Instant::now();
        opened.writer.append_one(entry(&[key(to)], &PAYLOAD), NOW).unwrap();
        slowest = slowest.max(before.elapsed());
        if number % 10_000 == 0
            && let Some(chore) = opened.writer.take_chore(NOW)
        {
            let before = Instant::now();
            chore.run().unwrap();
            write!(chores, " {:.0}", before.elapsed().as_secs_f64() * 1e3).unwrap();
        }
    }
    let took = started.elapsed().as_secs_f64() / RECORDS as f64 * 1e6;
    let cpu = (cpu_ms() - cpu) as f64 / RECORDS as f64 * 1e3;
    println!(
        "\nfilled: {RECORDS} records, {KEYS} keys; {took:.2} µs each ({cpu:.2} of processor), chores included"
    );
    println!("slowest append: {slowest:.1?}");
    println!("files of keys, ms each:{chores}");
    resume("big journal", &opened, KEYS);
    lookups_while_writing(&mut opened);
    drop(opened);
    restart("after kill -9", disk());
    restart("after kill -9, again", disk());
    let mut opened = open(disk(), options(false), NOW).unwrap();
    opened.writer.append_one(entry(&[key(1)], &PAYLOAD), NOW).unwrap();
    opened.writer.close().unwrap();
    restart("after a clean close", disk());
    for name in disk().list().unwrap().iter().filter(|name| name.ends_with(".keys")) {
        disk().remove(name).unwrap();
    }
    restart("without files of keys", disk());

    let small: Arc<dyn Disk> = Arc::new(FileDisk::new(directory.join("small")).unwrap());
    let mut opened = open(small, options(false), NOW).unwrap();
    for number in 0..10_000 {
        opened.writer.append_one(entry(&[key(number % 1000)], &PAYLOAD), NOW).unwrap();
    }
    resume("small journal", &opened, 1000);
}

/// What it costs when somebody comes back and has missed up to ten messages.
fn resume(name: &str, opened: &Opened, keys: u64) {
    const TIMES: u64 = 100_000;
    let mut random = Random(7);
    let (mut records, cpu, started) = (0, cpu_ms(), Instant::now());
    for _ in 0..TIMES {
        let of = key(random.below(keys));
        let end = opened.reader.end();
        let walk = opened.reader.walk(of, After::Offset(Offset(0)), end, 10).unwrap();
        for offset in walk.offsets {
            records += opened.reader.read(offset, of).unwrap().payload.len() / PAYLOAD.len();
        }
    }
    let took = started.elapsed().as_secs_f64() * 1e6;
    let cpu = (cpu_ms() - cpu) as f64 * 1e3 / TIMES as f64;
    let (each, found) = (took / TIMES as f64, records as f64 / TIMES as f64);
    println!("resume, {name}: {each:.1} µs ({cpu:.1} of processor) for {found:.1} records");
}

/// How much a reader and the writer are in each other's way.
fn lookups_while_writing(opened: &mut Opened) {
    let (reader, stop, lookups) = (opened.reader.clone(), AtomicBool::new(false), AtomicU64::new(0));
    let appends = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut random = Random(3);
            while !stop.load(Ordering::Relaxed) {
                std::hint::black_box(reader.newest(key(random.below(KEYS)), Offset(u64::MAX)));
                lookups.fetch_add(1, Ordering::Relaxed);
            }
        });
        let (mut random, mut appends, started) = (Random(4), 0_u64, Instant::now());
        while started.elapsed() < Duration::from_secs(2) {
            opened.writer.append_one(entry(&[key(random.below(KEYS))], b"x"), NOW).unwrap();
            appends += 1;
        }
        stop.store(true, Ordering::Relaxed);
        appends
    });
    let lookups = lookups.load(Ordering::Relaxed);
    println!("at once, a second: {} appends, {} lookups by one other thread", appends / 2, lookups / 2);
}

fn restart(name: &str, disk: Arc<dyn Disk>) {
    let (started, before) = (Instant::now(), cpu_ms());
    let opened = open(disk, options(false), NOW).unwrap();
    let (took, cpu, report) = (started.elapsed(), cpu_ms() - before, &opened.report);
    println!(
        "restart {name}: {took:.2?}, {cpu} ms of processor, {} segments, {} keys, {} records scanned",
        report.segments, report.keys, report.records_scanned
    );
}

// === A disk that takes no room ahead ===

struct Unallocated(FileDisk);
struct UnallocatedFile(Arc<dyn DiskFile>);

impl Disk for Unallocated {
    fn place(&self) -> String {
        self.0.place()
    }
    fn lock(&self) -> io::Result<DiskLock> {
        self.0.lock()
    }
    fn list(&self) -> io::Result<Vec<String>> {
        self.0.list()
    }
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(UnallocatedFile(self.0.open(name)?)))
    }
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(UnallocatedFile(self.0.create(name)?)))
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.rename(from, to)
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.remove(name)
    }
    fn sync_dir(&self) -> io::Result<()> {
        self.0.sync_dir()
    }
}

impl DiskFile for UnallocatedFile {
    fn size(&self) -> io::Result<u64> {
        self.0.size()
    }
    fn read_at(&self, position: u64, into: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(position, into)
    }
    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_at(position, bytes)
    }
    fn set_size(&self, bytes: u64) -> io::Result<()> {
        self.0.set_size(bytes)
    }
    fn allocate(&self, _bytes: u64) -> io::Result<()> {
        Ok(())
    }
    fn sync(&self) -> io::Result<()> {
        self.0.sync()
    }
}

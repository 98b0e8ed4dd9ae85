//! Opening a journal: which epoch goes on, what a crash has torn, and which keys there are.
//!
//! A start reads the files of keys of the sealed segments and scans the last segment only. Everything it
//! does can be interrupted and done again. Nothing is read by anybody before it is stored for good.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::sync::Arc;

use crate::address::Offset;
use crate::disk::Disk;
use crate::epoch;
use crate::error::{OpenError, corrupt, failed};
use crate::files::{self, Active, Files, Span};
use crate::index::Index;
use crate::load::Load;
use crate::log::Log;
use crate::options::{Options, RecoveryReport};
use crate::reader::Reader;
use crate::scan::{self, Scan};
use crate::segment::{self, BadHeader, HEADER_BYTES, Header, Segment};
use crate::state::State;
use crate::writer::Writer;

/// A journal that has been opened.
pub struct Opened {
    /// The one that appends.
    pub writer: Writer,
    /// The first of any number that read.
    pub reader: Reader,
    /// Which life of the log this is; fits 32 bits but for the rarest of chances.
    pub epoch: u64,
    /// What the start found.
    pub report: RecoveryReport,
}

/// Opens the journal on a disk, or makes one. `now_ms` is the time, in milliseconds of the Unix epoch.
pub fn open(disk: Arc<dyn Disk>, mut options: Options, now_ms: u64) -> Result<Opened, OpenError> {
    // It is kept as a line of the state file.
    options.boot_id.retain(|character| !character.is_control());
    let lock = disk.lock().map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => OpenError::Locked { place: disk.place() },
        _ => failed(&*disk, "lock the directory")(error),
    })?;
    let found = match Found::on(&*disk, &options, options.new_epoch, now_ms) {
        Err(OpenError::Corrupt { .. }) if options.accept_loss => Found::on(&*disk, &options, true, now_ms),
        found => found,
    }?;
    let epoch = found.state.epoch;
    let forgotten = found.forgotten();
    let log = Arc::new(Log::new(epoch, found.index, found.segments, found.last.0, forgotten));
    let files = Files {
        in_use: false,
        must_leap: !found.state.clean,
        disk,
        lock: Arc::new(lock),
        log: Arc::clone(&log),
        options,
        active: found.active,
        sealed: found.sealed,
        state: found.state,
        unlisted: found.unlisted,
        unsynced: Vec::new(),
        poisoned: false,
        dropped: found.dropped,
        orphans: found.orphans,
        forgotten: Offset(0),
        // As if a sweep had just ended.
        sweep: (usize::MAX, Offset(0)),
        swept: Offset(0),
    };
    let (writer, reader) = (Writer::new(files, found.last.1), Reader::new(log));
    Ok(Opened { writer, reader, epoch, report: found.report })
}

/// What a start finds on the disk, whole and stored for good.
struct Found {
    state: State,
    segments: Vec<Arc<Segment>>,
    active: Active,
    sealed: VecDeque<Span>,
    unlisted: VecDeque<Arc<Segment>>,
    dropped: VecDeque<Span>,
    orphans: VecDeque<u64>,
    index: Index,
    last: (Offset, u64),
    report: RecoveryReport,
}

impl Found {
    /// Up to where keys may be unknown: what was dropped before the oldest file of keys is known of by nobody. Where a
    /// file of keys is the oldest, the record before it is not known, and may be taken for one that is forgotten.
    fn forgotten(&self) -> Offset {
        match (self.dropped.front(), self.segments.first()) {
            (Some(span), _) => Offset(span.base.saturating_sub(1)),
            (None, Some(segment)) => segment.header.last_offset,
            (None, None) => Offset(0),
        }
    }

    fn on(disk: &dyn Disk, options: &Options, force_new: bool, now_ms: u64) -> Result<Self, OpenError> {
        let mut report = RecoveryReport::default();
        let state = epoch::settle(disk, options, force_new, &mut report)?;
        report.was_unclean = !state.clean;
        // A process that was killed may have removed a segment and not stored that. What is told from here on counts on
        // its being gone, also after a power loss.
        disk.sync_dir().map_err(failed(disk, "store the list of files"))?;
        let segments = open_segments(disk, &state)?;
        let Some(last) = segments.last() else {
            // `open_segments` makes the first one.
            return Err(OpenError::Corrupt { segment: segment::name(0), offset: Offset(0) });
        };
        let mut load = Load::new(disk, options, state.epoch, now_ms);
        let scanned = load.active(last)?;
        repair(disk, &state, &segments, &scanned, &mut report)?;
        let sealed = load.sealed(&segments)?;
        load.orphans(segments[0].base())?;
        let active = Active {
            segment: Arc::clone(last),
            used: scanned.end,
            allocated: scanned.end,
            first_time_ms: scanned.first_time_ms,
        };
        report.segments = segments.len();
        report.records_scanned = load.records_scanned;
        report.keys = load.index.len();
        report.idempotency = load.take_idempotency();
        let before = (last.header.last_offset, last.header.last_time_ms);
        let Load { index, unlisted, dropped, orphans, .. } = load;
        let last = scanned.last.unwrap_or(before);
        Ok(Self { state, active, sealed, unlisted, dropped, orphans, index, last, report, segments })
    }
}

/// Opens all segments and checks that they follow each other. Makes the first one if there never was one.
fn open_segments(disk: &dyn Disk, state: &State) -> Result<Vec<Arc<Segment>>, OpenError> {
    let names = disk.list().map_err(failed(disk, "list the segments"))?;
    let mut bases: BTreeSet<u64> = names.iter().filter_map(|name| segment::base_of(name)).collect();
    let unused = match bases.last().copied() {
        // The crash came while it was made. The one before it goes on.
        Some(base) if was_never_used(disk, base).map_err(failed(disk, "open a segment"))? => Some(base),
        _ => None,
    };
    if let Some(base) = unused {
        bases.remove(&base);
    }
    if bases.is_empty() && state.clean && state.end == HEADER_BYTES {
        remove_unused(disk, unused)?;
        let first =
            Header { epoch: state.epoch, base: 0, previous_end: 0, last_offset: Offset(0), last_time_ms: 0 };
        // The state may have been found under a name that is not stored yet, and segments without a state are damage.
        disk.sync_dir().map_err(failed(disk, "store the directory"))?;
        let segment = files::create(disk, first, true).map_err(failed(disk, "make the first segment"))?;
        return Ok(vec![Arc::new(segment)]);
    }
    let mut segments: Vec<Arc<Segment>> = Vec::new();
    for base in bases {
        let segment = match Segment::open(disk, base).map_err(failed(disk, "open a segment"))? {
            Ok(segment) if segment.header.epoch == state.epoch => segment,
            Err(BadHeader::Version(version)) => {
                return Err(OpenError::Version { segment: segment::name(base), version });
            }
            _ => return Err(corrupt(base, base)),
        };
        if let Some(before) = segments.last() {
            let size = before.file.size().map_err(failed(disk, "open a segment"))?;
            let end = segment.header.previous_end;
            if end < before.first() || end > base || size < end - before.base() {
                return Err(corrupt(before.base(), end));
            }
        }
        segments.push(Arc::new(segment));
    }
    // Not before all others are in order: a start that is refused must leave everything as it is, or the next one
    // would find other damage, or none.
    remove_unused(disk, unused)?;
    Ok(segments)
}

fn remove_unused(disk: &dyn Disk, base: Option<u64>) -> Result<(), OpenError> {
    let Some(base) = base else { return Ok(()) };
    files::remove(disk, &segment::name(base)).map_err(failed(disk, "remove an unused segment"))
}

/// Whether a segment's file has neither a whole header nor anything behind it.
fn was_never_used(disk: &dyn Disk, base: u64) -> io::Result<bool> {
    let is_damaged = matches!(Segment::open(disk, base)?, Err(BadHeader::Damaged));
    Ok(is_damaged && !segment::has_content(disk, base)?)
}

/// Cuts off what a crash has torn, and stores what is left for good.
fn repair(
    disk: &dyn Disk,
    state: &State,
    segments: &[Arc<Segment>],
    scanned: &Scan,
    report: &mut RecoveryReport,
) -> Result<(), OpenError> {
    let Some((last, sealed)) = segments.split_last() else { return Ok(()) };
    let end = last.base() + scanned.end;
    let tail = scan::inspect_tail(last, state.epoch, scanned.end).map_err(failed(disk, "read a segment"))?;
    let is_as_left = end == state.end && tail.bytes == 0;
    if tail.is_damage || (state.clean && !is_as_left) {
        return Err(corrupt(last.base(), end));
    }
    // The state of a fresh log is written before its first segment, whose header may be in memory alone.
    if state.clean && end != HEADER_BYTES {
        return Ok(());
    }
    report.torn_bytes = tail.bytes;
    cut(last, scanned).map_err(failed(disk, "store the recovered tail"))?;
    if !state.durable {
        for segment in sealed {
            segment.file.sync().map_err(failed(disk, "store a segment"))?;
        }
    }
    disk.sync_dir().map_err(failed(disk, "store the directory"))
}

/// Makes the good records durable, and the cut behind them.
fn cut(last: &Segment, scanned: &Scan) -> io::Result<()> {
    // After a sync that failed, the kernel may hold bytes that it takes for stored and that are not:
    // what no sync has confirmed is written anew, and the header too if no record proves that it was stored.
    let mut position = if scanned.confirmed > HEADER_BYTES { scanned.confirmed } else { 0 };
    let mut bytes = vec![0; 1024 * 1024];
    while position < scanned.end {
        let left = usize::try_from(scanned.end - position).unwrap_or(usize::MAX);
        let wanted = left.min(bytes.len());
        let filled = crate::disk::read_full(&*last.file, position, &mut bytes[..wanted])?;
        if filled == 0 {
            // The last record is whole, but the file ended within the zeros that fill it up.
            break;
        }
        last.file.write_at(position, &bytes[..filled])?;
        position += filled as u64;
    }
    last.file.set_size(scanned.end)?;
    last.file.sync()
}

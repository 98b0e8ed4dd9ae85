use super::*;
use journal::MemoryDisk;

mod synced;

const NOON: u64 = 1_800_000_000_000;

fn id(text: &str) -> ClientId {
    text.parse().unwrap()
}

fn book(disk: &Arc<MemoryDisk>) -> Book {
    let disk = Arc::clone(disk) as Arc<dyn Disk>;
    Book::open(disk, Durability::Fsync, false, Duration::from_secs(7_200), NOON).unwrap()
}

fn change(text: &str, connected: bool) -> Change {
    Change { id: id(text), connected }
}

/// Tries and tells everything that waits of one client id: `true` for connected.
fn tell(book: &Book, text: &str) -> Vec<bool> {
    let mut told = Vec::new();
    while let Some(notice) = book.begin(&id(text)) {
        told.push(notice.connected);
        let more = book.settle(&[notice]);
        assert_eq!(more, if book.waiting().contains(&id(text)) { vec![id(text)] } else { vec![] });
    }
    told
}

#[test]
fn a_change_is_told_once_and_what_is_none_is_not() {
    let book = book(&Arc::default());
    assert_eq!(book.record(&[change("a", true), change("b", false)], NOON).unwrap(), [id("a")]);
    assert!(book.record(&[change("a", true)], NOON).unwrap().is_empty());
    assert_eq!(book.standing(), Standing { connected: 1, waiting: 1 });
    assert_eq!(tell(&book, "a"), [true]);
    assert_eq!(book.standing(), Standing { connected: 1, waiting: 0 });
    assert!(book.begin(&id("a")).is_none());
    book.record(&[change("a", false)], NOON).unwrap();
    assert_eq!(tell(&book, "a"), [false]);
    assert_eq!(book.standing(), Standing::default());
}

#[test]
fn pairs_that_nobody_heard_of_are_dropped_and_the_last_state_is_told() {
    let book = book(&Arc::default());
    for round in 0..5 {
        book.record(&[change("a", round % 2 == 0)], NOON).unwrap();
        assert!(book.standing().waiting <= 1);
    }
    assert_eq!(tell(&book, "a"), [true]);
}

#[test]
fn what_was_tried_is_not_dropped() {
    let book = book(&Arc::default());
    book.record(&[change("a", true)], NOON).unwrap();
    let first = book.begin(&id("a")).unwrap();
    // The application may know that it came, so it must hear that it went; coming again cancels that.
    for round in 0..7 {
        book.record(&[change("a", round % 2 == 1)], NOON).unwrap();
        assert!(book.standing().waiting <= 2);
        assert_eq!(book.begin(&id("a")).unwrap().generation, first.generation, "in order");
    }
    assert_eq!(tell(&book, "a"), [true, false]);
}

#[test]
fn generations_rise_also_over_restarts_and_over_a_lost_ledger() {
    let disk = Arc::new(MemoryDisk::new());
    let mut last = 0;
    for round in 0..6 {
        let book = if round == 3 { book(&Arc::default()) } else { book(&disk) };
        let connected = !book.is_connected(&id("a"));
        book.record(&[change("a", connected)], NOON).unwrap();
        let notice = book.begin(&id("a")).unwrap();
        assert!(round == 3 || notice.generation > last, "{} after {last}", notice.generation);
        assert!(notice.generation < 1 << 53);
        last = notice.generation;
        book.settle(&[notice]);
    }
}

#[test]
fn after_a_lost_ledger_generations_begin_above_all_earlier_ones() {
    let mut last = 0;
    for second in 0..3 {
        let disk = Arc::new(MemoryDisk::new());
        let now_ms = NOON + second * 1000;
        let book = Book::open(disk, Durability::Fsync, false, Duration::from_secs(7_200), now_ms).unwrap();
        for round in 0..10 {
            book.record(&[change("a", round % 2 == 0)], now_ms).unwrap();
            let notice = book.begin(&id("a")).unwrap();
            assert!(notice.generation > last, "{} after {last}", notice.generation);
            last = notice.generation;
            book.settle(&[notice]);
        }
    }
}

#[test]
fn a_restart_knows_everything() {
    let disk = Arc::new(MemoryDisk::new());
    let deletion =
        Deletion { at: Cursor::new(protocol::cursor::Epoch(3), protocol::cursor::Offset(40)), time_ms: NOON };
    let (told, untold) = {
        let book = book(&disk);
        book.record(&[change("told", true), change("untold", true), change("gone", true)], NOON).unwrap();
        tell(&book, "told");
        tell(&book, "gone");
        book.record(&[change("gone", false)], NOON + 5).unwrap();
        book.delete(ChannelKey(9), deletion).unwrap();
        book.keep_position(77, deletion.at, NOON / 1000 + 60);
        (book.begin(&id("gone")), book.begin(&id("untold")))
    };
    for _ in 0..2 {
        let book = book(&disk);
        assert_eq!((book.begin(&id("gone")), book.begin(&id("untold"))), (told.clone(), untold.clone()));
        let (mut connected, mut waiting) = (book.connected(), book.waiting());
        connected.sort();
        waiting.sort();
        assert_eq!((connected, waiting), (vec![id("told"), id("untold")], vec![id("gone"), id("untold")]));
        assert_eq!(book.deletion(ChannelKey(9)), Some(deletion));
        assert_eq!(book.position(77), Some(deletion.at));
        assert_eq!(book.standing(), Standing { connected: 2, waiting: 2 });
    }
}

#[test]
fn after_a_restart_nothing_that_waits_is_dropped() {
    let disk = Arc::new(MemoryDisk::new());
    book(&disk).record(&[change("a", true)], NOON).unwrap();
    let book = book(&disk);
    // It may have been told right before the end.
    book.record(&[change("a", false)], NOON).unwrap();
    assert_eq!(tell(&book, "a"), [true, false]);
}

#[test]
fn a_dropped_pair_is_dropped_for_good() {
    let disk = Arc::new(MemoryDisk::new());
    {
        let book = book(&disk);
        book.record(&[change("a", true)], NOON).unwrap();
        book.record(&[change("a", false)], NOON).unwrap();
    }
    assert_eq!(book(&disk).standing(), Standing::default());
}

#[test]
fn what_no_token_can_ask_for_is_forgotten() {
    let book = book(&Arc::default());
    let at = Cursor::new(protocol::cursor::Epoch(3), protocol::cursor::Offset(40));
    book.delete(ChannelKey(9), Deletion { at, time_ms: NOON }).unwrap();
    book.keep_position(77, at, NOON / 1000 + 60);
    book.tick(NOON + 59_000);
    assert!(book.position(77).is_some());
    book.tick(NOON + 60_000);
    assert!(book.position(77).is_none());
    book.tick(NOON + 24 * 3_600_000);
    assert!(book.deletion(ChannelKey(9)).is_some());
    book.tick(NOON + 24 * 3_600_000 + 61_000);
    assert!(book.deletion(ChannelKey(9)).is_none());
}

/// The tick comes every second and holds up whoever records: it must not look at all that is kept.
#[test]
#[expect(clippy::disallowed_methods, reason = "it is about how long a tick takes")]
fn a_tick_costs_nothing_where_nothing_is_over() {
    let book = book(&Arc::default());
    let at = Cursor::new(protocol::cursor::Epoch(3), protocol::cursor::Offset(40));
    for number in 0..100_000 {
        book.keep_position(number, at, NOON / 1000 + 3600);
        book.delete(ChannelKey(number), Deletion { at, time_ms: NOON }).unwrap();
    }
    book.tick(NOON);
    let start = std::time::Instant::now();
    (0..3_000).for_each(|second| book.tick(NOON + second * 1000));
    let took = start.elapsed();
    assert!(took < Duration::from_millis(300), "0.1 ms a tick at most: {took:?}");
    assert!(book.position(7).is_some() && book.deletion(ChannelKey(7)).is_some());
}

#[test]
fn tokens_from_before_a_deletion_are_told_from_those_after() {
    let cursor =
        |epoch, offset| Some(Cursor::new(protocol::cursor::Epoch(epoch), protocol::cursor::Offset(offset)));
    let deletion = Deletion { at: cursor(3, 40).unwrap(), time_ms: 10_500 };
    assert!(deletion.refuses(cursor(3, 39), 11), "made before, whatever the clock said");
    assert!(!deletion.refuses(cursor(3, 40), 10), "made in the same second, but after it");
    assert!(deletion.refuses(None, 10));
    assert!(!deletion.refuses(None, 11));
    assert!(deletion.refuses(cursor(2, 99), 10), "a position of another life says nothing");
    assert!(!deletion.refuses(cursor(4, 1), 11));
}

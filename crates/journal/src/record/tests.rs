use super::*;

const EPOCH: u64 = 9;
const OFFSET: Offset = Offset(64);

fn link(key: u128) -> Link {
    Link { key: Key(key), previous: Offset(8), ordinal: 3 }
}

fn encoded(links: &[Link], idempotency: Option<Idempotency>, payload: &[u8]) -> Vec<u8> {
    let entry = Entry { kind: 5, ttl_seconds: 60, keys: &[], payload, idempotency };
    let numbered = Numbered { epoch: EPOCH, offset: OFFSET, time_ms: 1234, links, confirmed: true };
    let mut bytes = Vec::new();
    encode(&entry, &numbered, &mut bytes);
    bytes
}

fn is_intact(bytes: &[u8]) -> bool {
    let Some(head) = Head::parse(bytes) else { return false };
    let Some(header) = bytes.get(..head.header_bytes()) else { return false };
    let Some(payload) = bytes.get(head.header_bytes()..head.length as usize) else { return false };
    head.header_is_intact(EPOCH, OFFSET, header) && head.payload_is_intact(payload)
}

#[test]
fn a_record_reads_back_as_it_was_laid_down() {
    let hashes = Idempotency { key: 1 << 100, body: 2 };
    let bytes = encoded(&[link(1), link(7)], Some(hashes), b"hello");
    let head = Head::parse(&bytes).unwrap();
    assert!(is_intact(&bytes));
    assert_eq!((head.kind, head.ttl_seconds, head.time_ms), (5, 60, 1234));
    assert!(head.is_confirmed());
    assert_eq!(head.payload_bytes(), 5);
    assert_eq!(&bytes[head.header_bytes()..head.length as usize], b"hello");
    assert_eq!(links(&head, &bytes).collect::<Vec<_>>(), [link(1), link(7)]);
    assert_eq!(head.idempotency(&bytes), Some(hashes));
    assert_eq!(bytes.len() as u64, head.stride());
}

#[test]
fn a_record_without_hashes_has_none() {
    let bytes = encoded(&[link(1)], None, b"hello");
    let head = Head::parse(&bytes).unwrap();
    assert_eq!(head.idempotency(&bytes), None);
    assert_eq!(head.header_bytes(), 64);
}

#[test]
fn the_header_of_a_record_of_one_key_is_one_small_read() {
    let bytes = encoded(&[link(1)], Some(Idempotency { key: 1, body: 1 }), &[0; 999]);
    assert_eq!(Head::parse(&bytes).unwrap().header_bytes(), SINGLE_HEADER_BYTES);
}

#[test]
fn every_flipped_bit_is_noticed() {
    let good = encoded(&[link(1), link(2)], Some(Idempotency { key: 3, body: 4 }), b"payload");
    let length = Head::parse(&good).unwrap().length as usize;
    for bit in 0..length * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(!is_intact(&bad), "bit {bit} was flipped and not noticed");
    }
}

#[test]
fn a_record_is_valid_at_its_own_place_and_in_its_own_epoch_only() {
    let bytes = encoded(&[link(1)], None, b"payload");
    let head = Head::parse(&bytes).unwrap();
    let header = &bytes[..head.header_bytes()];
    assert!(head.header_is_intact(EPOCH, OFFSET, header));
    assert!(!head.header_is_intact(EPOCH, Offset(72), header));
    assert!(!head.header_is_intact(EPOCH + 1, OFFSET, header));
}

#[test]
fn zeros_junk_and_short_bytes_are_no_head() {
    assert_eq!(Head::parse(&[0; 64]), None);
    assert_eq!(Head::parse(&[0xff; 64]), None);
    let good = encoded(&[link(1)], None, b"payload");
    assert_eq!(Head::parse(&good[..HEAD_BYTES - 1]), None);
}

#[test]
fn a_head_that_claims_too_much_is_refused_before_anything_is_read() {
    let mut many = encoded(&[link(1)], None, b"payload");
    many[12..16].copy_from_slice(&(KEYS_MAX + 1).to_le_bytes());
    assert_eq!(Head::parse(&many), None);
    let mut long = encoded(&[link(1)], None, b"payload");
    long[..4].copy_from_slice(&(RECORD_BYTES_MAX + 1).to_le_bytes());
    assert_eq!(Head::parse(&long), None);
}

use super::*;

#[test]
fn an_array_is_whole_and_lines_stand_alone() {
    assert_eq!(split(r#" [{"a":1}, 2]"#).unwrap(), (Form::Array, vec![r#"{"a":1}"#, "2"]));
    assert_eq!(split("[]").unwrap(), (Form::Array, vec![]));
    assert_eq!(split("[1, 2"), Err(InvalidItems::NotAnArray { line: 1, column: 5 }));
    assert_eq!(split("{\"a\":1}\r\n\nnonsense\n").unwrap(), (Form::Lines, vec!["{\"a\":1}\r", "nonsense"]));
}

#[test]
fn a_torn_last_line_does_not_count() {
    assert_eq!(split("{\"a\":1}\n{\"a\":2}").unwrap().1, ["{\"a\":1}", "{\"a\":2}"]);
    assert_eq!(split("{\"a\":1}\n{\"a\":").unwrap().1, ["{\"a\":1}"]);
    assert_eq!(split("{\"a\":"), Err(InvalidItems::NoWholeItem), "nothing was whole");
    assert_eq!(split(" \n "), Err(InvalidItems::Empty));
}

#[test]
fn as_many_items_as_a_call_takes_and_no_more() {
    let array = |count: usize| format!("[{}]", vec!["1"; count].join(","));
    let lines = |count: usize| "1\n".repeat(count);
    for write in [array, lines] {
        assert_eq!(split(&write(BATCH_ITEMS_MAX)).unwrap().1.len(), BATCH_ITEMS_MAX);
        assert_eq!(split(&write(BATCH_ITEMS_MAX + 1)), Err(InvalidItems::TooMany));
    }
    assert_eq!(split(&(lines(BATCH_ITEMS_MAX) + "1")), Err(InvalidItems::TooMany));
    let broken_behind_the_bound = array(BATCH_ITEMS_MAX + 9).replace(']', "");
    assert!(matches!(split(&broken_behind_the_bound), Err(InvalidItems::NotAnArray { .. })));
}

#[test]
fn what_lies_beyond_a_bound_is_not_kept() {
    // Three million texts of no bytes: kept, they would take ten times the body's size.
    let ids = format!(r#"{{"to":[{}""],"data":"x"}}"#, r#""","#.repeat(3_000_000));
    let Raw { to: RawTo::Many(kept), .. } = serde_json::from_str(&ids).unwrap() else { panic!("a list") };
    assert!(kept.capacity() <= 2 * BATCH_ITEMS_MAX, "{}", kept.capacity());
    assert_eq!(Item::parse(&ids, 9), Err(InvalidItem::NumberOfIds));
    let array = format!("[{}1]", "1,".repeat(3_000_000));
    let items: Bounded<&RawValue> = serde_json::from_str(&array).unwrap();
    assert!(items.kept.capacity() <= 2 * BATCH_ITEMS_MAX, "{}", items.kept.capacity());
}

#[test]
fn one_and_many_recipients() {
    let item = Item::parse(r#"{"to":"ada","data":"hello","ttl":5,"idempotency_key":"k"}"#, 9).unwrap();
    let hello = Data::Text(Text::from("hello".to_owned()));
    let expected = Item {
        to: To::One("ada".into()),
        data: hello,
        ttl_seconds: Some(5),
        idempotency_key: Some("k".into()),
    };
    assert_eq!(item, expected);
    let many = Item::parse(r#"{"to":["ada","bo\u0062"],"base64":"AAEC"}"#, 9).unwrap();
    let ids = ["ada", "bob"].map(|id| id.parse().unwrap());
    assert_eq!((many.to, many.data), (To::Many(ids.into()), Data::Binary(vec![0, 1, 2].into())));
}

#[test]
fn wrong_items_say_what_is_wrong_and_never_what_they_hold() {
    let json = |column| InvalidItem::Json { what: "a field is missing, unknown or of another type", column };
    for (text, expected) in [
        (r#"{"to":"a","data":"x","secret":1}"#, json(29)),
        (r#"{"to":7,"data":"x"}"#, json(7)),
        (r#"{"to":{"group":"g"},"data":"x"}"#, json(7)),
        (r#"{"to":"a","to":"b","data":"x"}"#, json(14)),
        (r#"{"data":"x"}"#, json(12)),
        ("secret", InvalidItem::Json { what: "not JSON", column: 1 }),
        (r#"{"to":"a"}"#, InvalidItem::NotOneData),
        (r#"{"to":"a","data":"x","base64":"AAEC"}"#, InvalidItem::NotOneData),
        (r#"{"to":"a","base64":"AAE"}"#, InvalidItem::Base64),
        (r#"{"to":"a","data":""}"#, InvalidItem::Empty),
        (r#"{"to":"a","data":"0123456789"}"#, InvalidItem::TooLarge(9)),
        (r#"{"to":"a","data":"x","ttl":86401}"#, InvalidItem::Ttl),
        (r#"{"to":"a","data":"x","ttl":1.5}"#, InvalidItem::Ttl),
        (r#"{"to":"a","data":"x","idempotency_key":""}"#, InvalidItem::IdempotencyKey),
        (r#"{"to":"a","data":"x","idempotency_key":"é"}"#, InvalidItem::IdempotencyKey),
        (r#"{"to":[],"data":"x"}"#, InvalidItem::NumberOfIds),
        (r#"{"to":[""],"data":"x"}"#, InvalidItem::ClientId(InvalidClientId::Empty)),
    ] {
        let error = Item::parse(text, 9).unwrap_err();
        assert_eq!(error, expected, "{text}");
        assert!(!error.to_string().contains("secret"));
    }
}

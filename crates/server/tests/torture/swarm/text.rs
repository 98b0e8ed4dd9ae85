//! Texts that show by themselves whether they are whole.

/// A text of at least so many bytes: its name, its length, and a pattern that starts anew in each.
pub(crate) fn whole(name: &str, bytes: usize) -> String {
    assert!(!name.contains(' '));
    let mut text = format!("{name} {bytes} ");
    text.extend(pattern(name).take(bytes));
    text
}

/// The name of a text that came.
///
/// # Panics
/// If it is not whole.
#[track_caller]
pub(crate) fn name(text: &str) -> &str {
    let mut parts = text.splitn(3, ' ');
    let (name, Some(bytes), Some(rest)) = (parts.next().unwrap(), parts.next(), parts.next()) else {
        panic!("torn: {text:?}");
    };
    let is_whole = bytes.parse() == Ok(rest.len()) && rest.chars().zip(pattern(name)).all(|(a, b)| a == b);
    assert!(is_whole, "{name} is torn: {} bytes instead of {bytes}", rest.len());
    name
}

/// What is behind the name: no two neighbours are alike, and where it starts depends on the name.
fn pattern(name: &str) -> impl Iterator<Item = char> {
    let start = name.bytes().map(usize::from).sum::<usize>() % 26;
    (b'a'..=b'z').cycle().skip(start).map(char::from)
}

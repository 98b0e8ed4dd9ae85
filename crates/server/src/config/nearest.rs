//! What may have been meant by a word that is none.

/// The one of these words that a misspelt one is nearest to, if it is near enough to be meant.
pub(super) fn did_you_mean<'n>(word: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    // Two slips in a word of six letters; fewer in a shorter one, else everything would be meant by it.
    let slips_max = (word.len() / 3).min(3);
    let with_slips =
        known.into_iter().map(|known| (strsim::damerau_levenshtein(&word.to_lowercase(), known), known));
    with_slips.filter(|(slips, _)| *slips <= slips_max).min().map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn slips_are_forgiven_and_other_words_are_not() {
        let known = ["seconds", "messages", "bytes", "url"];
        for (word, meant) in [
            ("second", Some("seconds")),
            ("Seconds", Some("seconds")),
            ("secodns", Some("seconds")),
            ("mesage", Some("messages")),
            ("uri", Some("url")),
            ("age", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(did_you_mean(word, known), meant, "{word}");
        }
    }
}

//! Reads a form (`multipart/form-data`, RFC 7578) whose boundary is its own first line.
//!
//! The header that names the boundary is not asked for: it is not signed, and whoever chooses the boundary chooses where
//! fields begin.

use std::collections::HashMap;

/// The fields by their names; nothing if the text is no such form, or has a field twice.
pub(super) fn read(text: &str) -> Option<HashMap<&str, &str>> {
    let (boundary, _) = text.split_once("\r\n")?;
    if !boundary.starts_with("--") || boundary.len() < "--b".len() {
        return None;
    }
    let delimiter = format!("\r\n{boundary}");
    // Each part begins behind a boundary, the first one behind that at the start.
    let (parts, end) = text[boundary.len()..].rsplit_once(&delimiter)?;
    if !end.starts_with("--") {
        return None;
    }
    let mut fields = HashMap::new();
    for part in parts.split(&delimiter) {
        let (name, value) = read_part(part)?;
        if fields.insert(name, value).is_some() {
            return None;
        }
    }
    Some(fields)
}

fn read_part(part: &str) -> Option<(&str, &str)> {
    let (head, value) = part.strip_prefix("\r\n")?.split_once("\r\n\r\n")?;
    let mut headers = head.split("\r\n").filter_map(|line| line.split_once(':'));
    let (_, disposition) = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-disposition"))?;
    let mut words = disposition.split(';').map(str::trim);
    if words.next() != Some("form-data") {
        return None;
    }
    let name = words.find_map(|word| word.strip_prefix("name=\"")?.strip_suffix('"'))?;
    Some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(boundary: &str, name: &str, value: &str) -> String {
        format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    }

    fn form() -> String {
        format!("{}{}--b--\r\n", part("b", "from", "a--b\r\n\r\n--c"), part("b", "state", ""))
    }

    #[test]
    fn values_are_what_stands_between_boundaries() {
        assert_eq!(read(&form()).unwrap(), HashMap::from([("from", "a--b\r\n\r\n--c"), ("state", "")]));
        let headers = "\r\nX: y\r\ncontent-disposition:form-data;name=";
        let spelled = form().replacen("\r\nContent-Disposition: form-data; name=", headers, 1);
        assert_eq!(read(&spelled), read(&form()), "with more headers, in another spelling");
    }

    #[test]
    fn other_texts_are_no_forms() {
        let form = form();
        for wrong in [
            "",
            "--",
            "--\r\n",
            "--b",
            "--b\r\n",
            "--b--\r\nx",
            &form.replace("--b--", "--b"),
            &form.replace("\r\n", "\n"),
            &form.replace("; name=", "; filename="),
            &form.replace("form-data", "attachment"),
            &format!("{}{form}", part("b", "from", "first")),
        ] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }
}

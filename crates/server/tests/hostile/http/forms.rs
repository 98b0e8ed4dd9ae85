//! The forms in which a request hides another one, or is none: one table for the API and for an application behind.

/// A request that is dubious, with a place for another one in it.
pub(super) struct Form {
    pub(super) name: String,
    /// What follows the request line and `Host`: headers and body. `HIDDEN` stands for the request that must not come
    /// out of it, `SIZE` for that one's length.
    pub(super) rest: String,
    /// Whether it may be taken for one good request, or must be refused.
    pub(super) refused: bool,
}

/// All forms.
pub(super) fn forms() -> Vec<Form> {
    let mut forms = Vec::new();
    let mut add = |name: &str, rest: &str, refused: bool| {
        forms.push(Form { name: name.to_owned(), rest: rest.to_owned(), refused });
    };
    lengths(&mut add);
    codings(&mut add);
    chunks(&mut add);
    lines(&mut add);
    forms
}

type Add<'a> = &'a mut dyn FnMut(&str, &str, bool);

fn lengths(add: Add<'_>) {
    add(
        "a length, then chunks",
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHIDDEN",
        false,
    );
    add(
        "chunks, then a length",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\nHIDDEN",
        false,
    );
    add(
        "a length that covers what chunks leave over",
        "Content-Length: SIZE\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHIDDEN",
        false,
    );
    add("two lengths", "Content-Length: 0\r\nContent-Length: SIZE\r\n\r\nHIDDEN", true);
    add("two lengths, the other way round", "Content-Length: SIZE\r\nContent-Length: 0\r\n\r\nHIDDEN", true);
    add("two lengths in a line", "Content-Length: 0, SIZE\r\n\r\nHIDDEN", true);
    add("the same length twice in a line", "Content-Length: 3, 3\r\n\r\nabcHIDDEN", true);
    for length in [
        "+3",
        "-3",
        "-0",
        "0x3",
        "3.0",
        "3e0",
        "3 3",
        "3;3",
        "\"3\"",
        "three",
        "3a",
        "٣",
        "",
        "18446744073709551616",
        "99999999999999999999999999",
        "18446744073709551615",
    ] {
        add(&format!("the length {length:?}"), &format!("Content-Length: {length}\r\n\r\nabcHIDDEN"), true);
    }
    add("a length in another case", "CONTENT-LENGTH: SIZE\r\n\r\nHIDDEN", false);
    add("a length with zeros before it", "Content-Length: 0000SIZE\r\n\r\nHIDDEN", false);
    add("a space before the colon of a length", "Content-Length : SIZE\r\n\r\nHIDDEN", true);
    add("a tab before the colon of a length", "Content-Length\t: SIZE\r\n\r\nHIDDEN", true);
    add("a length without a colon", "Content-Length SIZE\r\n\r\nHIDDEN", true);
    add("a length with NUL in its name", "Content\0-Length: SIZE\r\n\r\nHIDDEN", true);
    add("a length folded into a second line", "Content-Length:\r\n SIZE\r\n\r\nHIDDEN", true);
    add("a length as the second line of another header", "X: a\r\n Content-Length: SIZE\r\n\r\nHIDDEN", true);
    add("a length under another name", "Content_Length: SIZE\r\nContent-Length: 0\r\n\r\n", false);
}

fn codings(add: Add<'_>) {
    for coding in [
        "identity",
        "gzip",
        "gzip, chunked",
        "chunked, gzip",
        "chunked, identity",
        "chunked, chunked",
        "xchunked",
        "chunkedx",
        "chunked;q=1",
        "chunked,",
        ",chunked",
        "\"chunked\"",
        "chun ked",
        "chunked\0",
        "\x0bchunked",
        "",
    ] {
        add(
            &format!("the coding {coding:?}"),
            &format!("Transfer-Encoding: {coding}\r\n\r\n0\r\n\r\nHIDDEN"),
            true,
        );
    }
    add(
        "two codings",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\nHIDDEN",
        true,
    );
    add(
        "two codings, chunks last",
        "Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHIDDEN",
        true,
    );
    add(
        "chunks twice",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHIDDEN",
        true,
    );
    add("a coding folded", "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\nHIDDEN", true);
    add("a coding folded by a tab", "Transfer-Encoding:\r\n\tchunked\r\n\r\n0\r\n\r\nHIDDEN", true);
    add("a space before the colon of a coding", "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\nHIDDEN", true);
    add("a space before a coding's name", " Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nHIDDEN", true);
    add(
        "a coding with a control byte in its name",
        "Transfer-Encoding\x01: chunked\r\n\r\n0\r\n\r\nHIDDEN",
        true,
    );
    add("a coding behind a lone CR", "X: a\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHIDDEN", true);
    add("a coding with a lone CR behind it", "Transfer-Encoding: chunked\r\r\n\r\n0\r\n\r\nHIDDEN", true);
}

fn chunks(add: Add<'_>) {
    let mut chunked = |name: &str, body: &str, refused: bool| {
        add(&format!("chunks: {name}"), &format!("Transfer-Encoding: chunked\r\n\r\n{body}"), refused);
    };
    for size in [
        "+3",
        "-3",
        "0x3",
        "3.0",
        "g",
        "",
        " ",
        "3 3",
        "3\0",
        "\"3\"",
        "1ffffffffffffffff",
        "ffffffffffffffffff",
        "99999999999999999999",
    ] {
        chunked(&format!("the size {size:?}"), &format!("{size}\r\nabc\r\n0\r\n\r\nHIDDEN"), true);
    }
    chunked("a size that ends with a lone LF", "3\nabc\r\n0\r\n\r\nHIDDEN", true);
    chunked("a size that ends with a lone CR", "3\rabc\r\n0\r\n\r\nHIDDEN", true);
    chunked("an extension with a lone LF in it", "3;a\nb\r\nabc\r\n0\r\n\r\nHIDDEN", true);
    chunked("an extension with a lone CR in it", "3;a\rb\r\nabc\r\n0\r\n\r\nHIDDEN", true);
    chunked("data that ends without CRLF", "3\r\nabc0\r\n\r\nHIDDEN", true);
    chunked("data that ends with a lone LF", "3\r\nabc\n0\r\n\r\nHIDDEN", true);
    chunked("data longer than its size", "3\r\nabcd\r\n0\r\n\r\nHIDDEN", true);
    chunked("data shorter than its size", "9\r\nabc\r\n\r\n0\r\n\r\nHIDDEN", true);
    chunked("an end with a lone LF", "3\r\nabc\r\n0\n\nHIDDEN", true);
}

fn lines(add: Add<'_>) {
    for byte in (0..0x20u8).filter(|byte| !b"\t\r\n".contains(byte)).chain([0x7f]) {
        let byte = char::from(byte);
        add(&format!("{byte:?} in a value"), &format!("X: a{byte}b\r\nContent-Length: 3\r\n\r\nabc"), true);
        add(&format!("{byte:?} in a name"), &format!("X{byte}: ab\r\nContent-Length: 3\r\n\r\nabc"), true);
    }
    for byte in ["\r", " ", "\t", "(", "[", "\"", "@", "é"] {
        add(&format!("{byte:?} in a name"), &format!("X{byte}Y: ab\r\nContent-Length: 3\r\n\r\nabc"), true);
    }
    add("a header without a name", ": ab\r\nContent-Length: 3\r\n\r\nabc", true);
    add("a header that is folded", "X: a\r\n b\r\nContent-Length: 3\r\n\r\nabc", true);
    add("a header without a colon", "nonsense\r\nContent-Length: 3\r\n\r\nabc", true);
    add("a second host", "Host: other\r\nContent-Length: 3\r\n\r\nabc", true);
}

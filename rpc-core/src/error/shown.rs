//! A peer's words, as far as an error repeats them.

/// Characters of a name that an error repeats: a peer may send long ones, and many of them.
pub(crate) const NAME_MAX: usize = 80;

/// Characters of a method or an address in the way to a nested failure: the longest path of a Unix socket has 107.
pub(crate) const HOP_MAX: usize = 120;

/// Characters of a place in a type, many names deep.
pub(crate) const PLACE_MAX: usize = 400;

/// Characters of a reason that an error repeats.
pub(crate) const REASON_MAX: usize = 1000;

/// A peer's text as one line of at most `most` characters, and two dots where it is cut: what would steer a terminal, forge a
/// line of a log or turn the text around is escaped.
pub(crate) fn shown(text: &str, most: usize) -> String {
    let (mut line, mut room) = (String::new(), most);
    for c in text.chars() {
        let width = if steers(c) { c.escape_default().len() } else { 1 };
        if width > room {
            line.push_str("..");
            break;
        }
        room -= width;
        match steers(c) {
            true => line.extend(c.escape_default()),
            false => line.push(c),
        }
    }
    line
}

/// `1 variant`, `2 variants`.
pub(crate) fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// Control characters, ends of lines and paragraphs, marks of direction, and characters without width.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_or_forges_a_line_is_escaped() {
        assert_eq!(shown("a\x1b[31m\nb\u{202e}\u{9b}", 80), r"a\u{1b}[31m\nb\u{202e}\u{9b}");
    }

    #[test]
    fn ordinary_words_of_any_language_stay_as_they_are() {
        let words = r#"row "7" \ größer, 席 🎭: it's gone"#;
        assert_eq!(shown(words, 80), words);
    }

    #[test]
    fn a_long_text_is_cut_by_characters() {
        assert_eq!(shown("äöü", 3), "äöü");
        assert_eq!(shown("äöüß", 3), "äöü..");
        assert_eq!(shown("a\n\n", 4), r"a\n..", "by those that are written");
    }
}

//! The words of a lock file.

use super::Damaged;
use std::iter::Peekable;
use std::str::Chars;

/// A word, a text or a sign, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) line: usize,
    /// The comments since the token before it.
    pub(super) comments: Vec<String>,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// Letters, digits and underscores.
    Word(String),
    /// What stood in quotation marks.
    Text(String),
    Sign(char),
    End,
}

/// What begins a line in a file that git could not merge.
const CONFLICTS: [&str; 4] = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"];

/// Whether git wrote this line into a file that it could not merge.
pub(super) fn is_conflict(line: &str) -> bool {
    CONFLICTS.iter().any(|marker| line.starts_with(marker))
}

/// All tokens, the last of them `End`.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Damaged> {
    let mut found = Vec::new();
    let mut comments = Vec::new();
    let mut line = 1;
    for (index, content) in text.lines().enumerate() {
        line = index + 1;
        if is_conflict(content) {
            return Err(Damaged::new(line, "a merge conflict was left here"));
        }
        let content = content.trim();
        if content.starts_with('#') {
            if !content.starts_with("##") {
                comments.push(content.to_owned());
            }
            continue;
        }
        let mut rest = content.chars().peekable();
        while let Some(kind) = token(&mut rest, line)? {
            found.push(Token { line, comments: std::mem::take(&mut comments), kind });
        }
    }
    found.push(Token { line, comments, kind: Kind::End });
    Ok(found)
}

pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn token(rest: &mut Peekable<Chars<'_>>, line: usize) -> Result<Option<Kind>, Damaged> {
    while rest.next_if(|c| c.is_whitespace()).is_some() {}
    let Some(first) = rest.next() else { return Ok(None) };
    if first == '"' {
        return text(rest, line).map(|text| Some(Kind::Text(text)));
    }
    if !is_word(first) {
        return Ok(Some(Kind::Sign(first)));
    }
    let mut word = String::from(first);
    while let Some(c) = rest.next_if(|c| is_word(*c)) {
        word.push(c);
    }
    Ok(Some(Kind::Word(word)))
}

/// What follows a quotation mark, up to the next.
fn text(rest: &mut Peekable<Chars<'_>>, line: usize) -> Result<String, Damaged> {
    let mut text = String::new();
    loop {
        match rest.next() {
            Some('"') => return Ok(text),
            Some('\\') => text.push(escaped(rest).ok_or_else(|| {
                Damaged::new(
                    line,
                    "after a backslash stands `\\`, `\"` or a character's number, as in `\\u{7f}`",
                )
            })?),
            Some(c) => text.push(c),
            None => return Err(Damaged::new(line, "a quotation mark is missing at the end of a name")),
        }
    }
}

fn escaped(rest: &mut Peekable<Chars<'_>>) -> Option<char> {
    match rest.next()? {
        c @ ('"' | '\\') => Some(c),
        'u' => {
            rest.next_if_eq(&'{')?;
            let mut number = String::new();
            while let Some(digit) = rest.next_if(char::is_ascii_hexdigit) {
                number.push(digit);
            }
            rest.next_if_eq(&'}')?;
            char::from_u32(u32::from_str_radix(&number, 16).ok()?)
        }
        _ => None,
    }
}

/// A name as [`tokens`] reads it.
pub(super) fn written(name: &str) -> String {
    let plain = name.chars().all(is_word) && name.chars().next().is_some_and(|c| !c.is_numeric());
    if plain { name.to_owned() } else { quoted(name) }
}

pub(super) fn quoted(name: &str) -> String {
    let mut text = String::from('"');
    for c in name.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            // Line ends among them: a name stays on its line.
            c if c.is_control() || c.is_whitespace() && c != ' ' => {
                text.push_str(&format!("\\u{{{:x}}}", u32::from(c)));
            }
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

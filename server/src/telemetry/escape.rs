//! Text that cannot deceive whoever reads it in a terminal or on a page.

use std::{borrow::Cow, fmt::Write};

/// The text with every control character written out, as Rust would write it in a string: line breaks,
/// terminal sequences, and the characters that turn the direction of writing round (Unicode
/// Standard Annex 9) or break lines.
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_deceptive) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        match is_deceptive(char) {
            true => write!(out, "{}", char.escape_default()).expect("a string takes everything"),
            false => out.push(char),
        }
    }
    Cow::Owned(out)
}

fn is_deceptive(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_of_any_language_stays_as_it_is() {
        let text = "Grüße, 会议 שלום \"quoted\" back\\slash 🎉";
        assert!(matches!(escaped(text), Cow::Borrowed(same) if same == text));
    }

    #[test]
    fn what_could_deceive_is_written_out() {
        for (text, written) in [
            ("a\r\nb\tc", "a\\r\\nb\\tc"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("abc\u{202e}gpj.exe", "abc\\u{202e}gpj.exe"),
            ("\0\u{7f}", "\\u{0}\\u{7f}"),
            ("a\u{2028}b", "a\\u{2028}b"),
        ] {
            assert_eq!(escaped(text), written);
        }
    }
}

//! Text from outside, parsed into types that cannot be wrong.

use conclave_wire::{
    RefusalCode, Template,
    limits::{
        ANSWER_BYTES_MAX, FILE_NAME_BYTES_MAX, LINE_BYTES_MAX, NAME_CHARS_MAX, NOTICE_BYTES_MAX,
        PASSWORD_BYTES_MAX, QUESTION_BYTES_MAX, REACTION_BYTES_MAX, SLUG_BYTES_MAX,
        TEMPLATE_NAME_CHARS_MAX, TITLE_CHARS_MAX,
    },
};

/// Reason of a kick, in bytes of UTF-8; what is longer is cut.
const REASON_BYTES_MAX: usize = 1_000;

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $code:ident, $parse:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub struct $name(String);

        impl $name {
            /// # Errors
            #[doc = concat!("`", stringify!($code), "`")]
            pub fn parse(text: &str) -> Result<$name, RefusalCode> {
                let parse: fn(&str) -> Option<String> = $parse;
                parse(text).map($name).ok_or(RefusalCode::$code)
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }

            pub fn into_string(self) -> String {
                self.0
            }
        }
    };
}

text!(
    /// A person's name: 1 to 100 characters, none of them invisible.
    Name,
    NameInvalid,
    |text| one_line(text, NAME_CHARS_MAX)
);
text!(
    /// A room's title: 1 to 200 characters.
    Title,
    TitleInvalid,
    |text| one_line(text, TITLE_CHARS_MAX)
);
text!(
    /// A room's address: 1 to 50 small letters, digits and hyphens, no hyphen at the front.
    Slug,
    SlugInvalid,
    |text| {
        let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let fits = (1..=SLUG_BYTES_MAX).contains(&text.len());
        (fits && text.bytes().all(plain) && !text.starts_with('-')).then(|| text.to_owned())
    }
);
text!(
    /// What somebody writes: 1 to 4,096 bytes once control characters are gone.
    LineText,
    LineInvalid,
    |text| many_lines(text, LINE_BYTES_MAX)
);
text!(
    /// What somebody asks: 1 to 2,000 bytes.
    QuestionText,
    QuestionInvalid,
    |text| many_lines(text, QUESTION_BYTES_MAX)
);
text!(
    /// What is answered: 1 to 4,096 bytes.
    AnswerText,
    AnswerInvalid,
    |text| many_lines(text, ANSWER_BYTES_MAX)
);
text!(
    /// The name of a template that somebody saves: 1 to 50 characters, and no built-in one.
    TemplateName,
    TemplateNameInvalid,
    |text| one_line(text, TEMPLATE_NAME_CHARS_MAX).filter(|name| !Template::is_builtin(name))
);
text!(
    /// What a host announces: 1 to 1,000 bytes.
    NoticeText,
    Invalid,
    |text| many_lines(text, NOTICE_BYTES_MAX)
);
text!(
    /// One emoji, whatever it is made of: at most 32 bytes, no letters, spaces or control characters.
    Reaction,
    ReactionInvalid,
    |text| {
        let plain = |char: char| char.is_control() || char.is_whitespace() || steers(char);
        let word = |char: char| char.is_ascii_alphabetic() || char.is_ascii_punctuation();
        let fits = text.len() <= REACTION_BYTES_MAX && !text.is_ascii();
        // The keycaps of * and # are emojis.
        let wrong = |char: char| plain(char) || (word(char) && !matches!(char, '*' | '#'));
        (fits && !text.chars().any(wrong)).then(|| text.to_owned())
    }
);
text!(
    /// A file's name, good on every system: 1 to 255 bytes, no path, no control characters.
    FileName,
    FileNameInvalid,
    |text| {
        let text = text.trim();
        let wrong = |char: char| {
            char.is_control() || steers(char) || matches!(char, '/' | '\\' | '<' | '>' | ':' | '"' | '|' | '?' | '*')
        };
        let fits = (1..=FILE_NAME_BYTES_MAX).contains(&text.len());
        (fits && !text.chars().any(wrong) && text.chars().any(|char| char != '.')).then(|| text.to_owned())
    }
);

text!(
    /// What a copy of a film is called: 1 to 255 characters, none of them invisible.
    FilmName,
    FilmInvalid,
    |text| one_line(text, FILE_NAME_BYTES_MAX)
);

impl Slug {
    /// An address for a room of this title: what it has of ASCII letters and digits. `room` when it
    /// has none.
    pub fn from_title(title: &Title) -> Slug {
        let mut slug = String::new();
        for char in title.as_str().chars().flat_map(char::to_lowercase) {
            match char {
                'a'..='z' | '0'..='9' => slug.push(char),
                _ if slug.ends_with('-') || slug.is_empty() => {}
                _ => slug.push('-'),
            }
            if slug.len() == SLUG_BYTES_MAX {
                break;
            }
        }
        let slug = slug.trim_end_matches('-');
        Slug(if slug.is_empty() { "room" } else { slug }.to_owned())
    }

    /// The same with something behind it, cut to fit.
    pub fn with_suffix(&self, suffix: &Slug) -> Slug {
        let room = SLUG_BYTES_MAX.saturating_sub(suffix.0.len() + 1).max(1);
        // Slugs are ASCII, so every byte is a boundary.
        let front = self.0[..self.0.len().min(room)].trim_end_matches('-');
        let mut whole = format!("{front}-{}", suffix.0);
        whole.truncate(SLUG_BYTES_MAX);
        Slug(whole)
    }
}

/// A password that bcrypt can take whole.
///
/// # Errors
/// `PasswordTooLong`; `Invalid` when it is empty.
pub fn check_password(password: &str) -> Result<(), RefusalCode> {
    match password.len() {
        0 => Err(RefusalCode::Invalid),
        1..=PASSWORD_BYTES_MAX => Ok(()),
        _ => Err(RefusalCode::PasswordTooLong),
    }
}

/// Why somebody was taken out, made fit to show.
pub(super) fn reason(text: &str) -> String {
    let mut text = visible(text);
    let end = text.floor_char_boundary(REASON_BYTES_MAX);
    text.truncate(end);
    text
}

pub(super) fn one_line(text: &str, chars_max: usize) -> Option<String> {
    let text = text.trim();
    let fits = !text.is_empty() && text.chars().take(chars_max + 1).count() <= chars_max;
    let shows = |char: char| !char.is_control() && !steers(char);
    (fits && text.chars().all(shows)).then(|| text.to_owned())
}

fn many_lines(text: &str, bytes_max: usize) -> Option<String> {
    // What is stripped is never most of an honest text: sizes are checked before anything is copied.
    if text.len() > bytes_max {
        return None;
    }
    let text = visible(text);
    (!text.is_empty()).then_some(text)
}

/// Without control characters but newline and tab, and without white space at the end.
fn visible(text: &str) -> String {
    let keeps = |char: &char| matches!(char, '\n' | '\t') || (!char.is_control() && !steers(*char));
    let mut text: String = text.chars().filter(keeps).collect();
    text.truncate(text.trim_end().len());
    text
}

/// Characters that turn the direction of what follows, so that a text reads as another (Unicode TR 36).
fn steers(char: char) -> bool {
    matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_counted_in_characters() {
        assert_eq!(Name::parse("  Ada ").unwrap().as_str(), "Ada");
        assert!(Name::parse(&"ü".repeat(NAME_CHARS_MAX)).is_ok());
        for wrong in [
            "",
            "  ",
            "a\nb",
            "a\u{202e}b",
            &"ü".repeat(NAME_CHARS_MAX + 1),
        ] {
            assert_eq!(
                Name::parse(wrong),
                Err(RefusalCode::NameInvalid),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn a_slug_is_made_from_any_title() {
        let slug = |title: &str| Slug::from_title(&Title::parse(title).unwrap()).into_string();
        assert_eq!(slug("Weekly Stand-up, 9:30!"), "weekly-stand-up-9-30");
        assert_eq!(slug("会議"), "room");
        assert_eq!(
            slug(&"a ".repeat(60)).len(),
            SLUG_BYTES_MAX - 1,
            "no hyphen at the end"
        );
        for title in ["--", "x", &"y".repeat(200)] {
            assert!(Slug::parse(&slug(title)).is_ok(), "{title}");
        }
    }

    #[test]
    fn a_suffix_never_makes_a_slug_too_long() {
        let suffix = Slug::parse("k2x9").unwrap();
        for title in ["a", &"y".repeat(200)] {
            let slug = Slug::from_title(&Title::parse(title).unwrap()).with_suffix(&suffix);
            assert!(slug.as_str().ends_with("-k2x9"));
            assert_eq!(Slug::parse(slug.as_str()).as_ref(), Ok(&slug));
        }
    }

    #[test]
    fn lines_keep_their_breaks_and_lose_what_is_invisible() {
        let line = |text: &str| LineText::parse(text).map(LineText::into_string);
        assert_eq!(line("one\n\ttwo\u{7}\r\n"), Ok("one\n\ttwo".to_owned()));
        assert_eq!(line("\u{0}\u{1b}"), Err(RefusalCode::LineInvalid));
        assert!(line(&"x".repeat(LINE_BYTES_MAX)).is_ok());
        assert!(line(&"x".repeat(LINE_BYTES_MAX + 1)).is_err());
    }

    #[test]
    fn a_reaction_is_an_emoji() {
        for right in ["👍", "👩‍👩‍👧‍👦", "🏳️‍🌈", "1️⃣", "#️⃣", "🇩🇪"]
        {
            assert!(Reaction::parse(right).is_ok(), "{right}");
        }
        for wrong in ["", "ok", "👍!", "<👍>", "👍 👍", &"👍".repeat(9), "1"] {
            assert!(Reaction::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_file_name_is_no_path() {
        for right in ["report.pdf", ".bashrc", "a..b", "übung 1.txt"] {
            assert!(FileName::parse(right).is_ok(), "{right}");
        }
        for wrong in [
            "",
            ".",
            "..",
            "a/b",
            "a\\b",
            "a\0b",
            "c:d",
            &"x".repeat(256),
        ] {
            assert!(FileName::parse(wrong).is_err(), "{wrong}");
        }
    }
}

//! Which names a file may have when it is shared.

use conclave_wire::{RefusalCode, limits::FILE_NAME_BYTES_MAX};

/// The name as it will be shown and stored as text; it is never used as a path. Only the last part
/// of what looks like a path is kept, so that `C:\photos\cat.jpg` becomes `cat.jpg`.
///
/// # Errors
/// [`RefusalCode::FileNameInvalid`] when nothing usable is left, when it is too long, or when it has
/// control characters (among them the marks that turn the direction of text and can hide an ending).
pub fn file_name(given: &str) -> Result<String, RefusalCode> {
    let name = given.rsplit(['/', '\\']).next().unwrap_or_default().trim();
    let usable =
        !name.is_empty() && name != "." && name != ".." && name.len() <= FILE_NAME_BYTES_MAX;
    let hidden =
        |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    match usable && !name.contains(hidden) {
        true => Ok(name.to_owned()),
        false => Err(RefusalCode::FileNameInvalid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_reduced_to_its_last_part() {
        for (given, kept) in [
            ("cat.jpg", "cat.jpg"),
            ("../../etc/passwd", "passwd"),
            (r"C:\photos\Über cat.jpg", "Über cat.jpg"),
            ("  notes.txt ", "notes.txt"),
        ] {
            assert_eq!(file_name(given).as_deref(), Ok(kept));
        }
    }

    #[test]
    fn names_that_hide_or_break_something_are_refused() {
        let long = "x".repeat(FILE_NAME_BYTES_MAX + 1);
        for given in [
            "",
            " ",
            ".",
            "..",
            "a/",
            "a\nb",
            "a\0b",
            "cod.\u{202e}gpj.exe",
            long.as_str(),
        ] {
            assert_eq!(
                file_name(given),
                Err(RefusalCode::FileNameInvalid),
                "{given:?}"
            );
        }
    }
}

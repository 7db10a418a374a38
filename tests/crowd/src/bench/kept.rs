//! Figures from one run to the next, so that a change that touches one part needs one part measured.

use std::{collections::BTreeMap, fs, io, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    Outcome,
    page::{Measured, render},
};

const PAGE: &str = "BENCHMARKS.md";
const FIGURES: &str = "benchmarks.json";

/// What each measure came to when it was last done, by its name.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Kept(BTreeMap<String, Measured>);

impl Kept {
    /// What the folder has; nothing when nothing was measured yet.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn read(folder: &Path) -> Outcome<Kept> {
        match fs::read_to_string(folder.join(FIGURES)) {
            Ok(text) => Ok(serde_json::from_str(&text)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Kept::default()),
            Err(error) => Err(error.into()),
        }
    }

    pub fn put(&mut self, name: String, measured: Measured) {
        self.0.insert(name, measured);
    }

    /// Writes figures and page, in the order of `names`; measures that are there no more are left out.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&self, folder: &Path, names: &[String]) -> Outcome<()> {
        let ordered: Vec<Measured> = names
            .iter()
            .filter_map(|name| self.0.get(name).cloned())
            .collect();
        fs::write(folder.join(PAGE), render(&ordered, false))?;
        let figures = serde_json::to_string_pretty(self)?;
        fs::write(folder.join(FIGURES), figures + "\n")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::Section;

    #[test]
    fn what_is_measured_anew_replaces_itself_and_leaves_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["voice", "chat"].map(str::to_owned);
        let measured = |title: &str| Measured {
            section: Section::new(title, "as said"),
            ..Measured::default()
        };
        let mut kept = Kept::read(folder.path()).unwrap();
        kept.put("chat".to_owned(), measured("Chat of old"));
        kept.put("voice".to_owned(), measured("Voice"));
        kept.write(folder.path(), &names).unwrap();
        let mut kept = Kept::read(folder.path()).unwrap();
        kept.put("chat".to_owned(), measured("Chat of today"));
        kept.write(folder.path(), &names).unwrap();
        let page = fs::read_to_string(folder.path().join(PAGE)).unwrap();
        let headings: Vec<&str> = page
            .lines()
            .filter(|line| line.starts_with("## "))
            .collect();
        assert_eq!(
            headings,
            ["## What it must reach", "## Voice", "## Chat of today"]
        );
    }
}

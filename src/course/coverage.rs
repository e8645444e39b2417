//! Where the articles' headings are taught.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{COVERAGE_FILE, Mistake};

/// The most bytes of the file.
const MOST_BYTES: usize = 1 << 20;

/// Every heading of the articles with the pages that teach it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coverage {
    pub rows: Vec<CoverageRow>,
}

/// Headings that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoverageRow {
    /// `000` to `004`.
    pub article: String,
    /// By the language's code.
    pub headings: BTreeMap<String, String>,
    /// Addresses below the site's.
    pub pages: Vec<String>,
}

impl Coverage {
    /// Reads the file.
    ///
    /// # Errors
    /// What is no such file, with its line.
    pub fn parse(json: &str) -> Result<Self, Mistake> {
        if json.len() > MOST_BYTES {
            let message = format!("{} bytes; expected at most {MOST_BYTES}", json.len());
            return Err(Mistake::new(COVERAGE_FILE, 1, message));
        }
        serde_json::from_str(json).map_err(|error: serde_json::Error| {
            Mistake::new(COVERAGE_FILE, error.line(), error.to_string())
        })
    }

    /// Every row has its headings in every language, and pages that there are.
    pub(super) fn check(
        &self,
        json: &str,
        languages: &[&str],
        is_page: &dyn Fn(&str) -> bool,
    ) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        let mut tell = |near: &str, message: String| {
            let line = json.lines().position(|line| line.contains(near));
            let line = line.map_or(1, |line| line + 1);
            mistakes.push(Mistake::new(COVERAGE_FILE, line, message));
        };
        for row in &self.rows {
            let near = row.headings.values().next().cloned().unwrap_or_default();
            for language in languages {
                if row.headings.get(*language).is_none_or(String::is_empty) {
                    tell(
                        &near,
                        format!("a row of {} has no headings in {language}", row.article),
                    );
                }
            }
            if row.pages.is_empty() {
                tell(&near, format!("\"{near}\" leads to no page"));
            }
            for page in row.pages.iter().filter(|page| !is_page(page)) {
                tell(
                    page,
                    format!("\"{near}\" leads to {page}, which is no page"),
                );
            }
        }
        mistakes
    }
}

//! Finding a concept by its name or a synonym, in either language.

use crate::course::CourseTexts;

/// Ids of the concepts that fit what was typed, best first: names that begin with it, then synonyms that do, then
/// names, synonyms and definitions that hold it. All languages are searched; nothing typed finds nothing.
pub fn search(typed: &str, languages: &[&CourseTexts], most: usize) -> Vec<String> {
    let wanted = plain(typed);
    if wanted.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<(usize, usize, String)> = Vec::new();
    for texts in languages {
        for (place, concept) in texts.concepts.iter().enumerate() {
            let name = plain(&concept.name);
            let mut synonyms = concept.synonyms.iter().map(|synonym| plain(synonym));
            let rank = if name == wanted || concept.id == wanted {
                0
            } else if name.starts_with(&wanted) {
                1
            } else if concept
                .synonyms
                .iter()
                .any(|one| plain(one).starts_with(&wanted))
            {
                2
            } else if name.contains(&wanted) {
                3
            } else if synonyms.any(|synonym| synonym.contains(&wanted)) {
                4
            } else if plain(&concept.definition).contains(&wanted) {
                5
            } else {
                continue;
            };
            found.push((rank, place, concept.id.clone()));
        }
    }
    found.sort();
    let mut ids: Vec<String> = Vec::new();
    for (_, _, id) in found {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids.truncate(most);
    ids
}

/// Without case, hyphens and room between words.
fn plain(text: &str) -> String {
    let kept = text
        .chars()
        .filter(|character| !character.is_whitespace() && !matches!(character, '-' | '‐' | '–'));
    kept.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::super::state::tests::shipped_texts;
    use super::*;

    #[test]
    fn names_and_synonyms_of_both_languages_are_found() {
        let [english, chinese] = shipped_texts();
        let first = |typed: &str| search(typed, &[&english, &chinese], 8).into_iter().next();
        for (typed, id) in [
            ("softmax", "softmax"),
            ("Back-Propagation", "backpropagation"),
            ("后向传播", "backpropagation"),
            ("池化", "convolution"),
            ("汇聚", "convolution"),
            ("gpt", "gpt"),
            ("全归约", "all-reduce"),
        ] {
            assert_eq!(first(typed).as_deref(), Some(id), "{typed}");
        }
        assert_eq!(first("  "), None);
        assert_eq!(first("xyzzy"), None);
    }
}

//! Words of the embedding widget, in both languages.

use crate::view::texts::Locale;

texts! {
    EmbeddingTexts {
        title,
        lead,
        word,
        word_hint,
        left_out,
        table,
        lookup,
        upstream,
        gradient,
        token,
        letter,
        place,
        row_of,
        scatter_title,
        scatter_note,
        absent,
        same_as,
    }
    functions {
        /// Token number and letter, and how often it stands in the word.
        chosen: fn(usize, char, usize),
        /// Name of a tensor, row and column.
        cell: fn(&str, usize, usize),
    }
}

/// The texts of a language.
pub fn texts(locale: Locale) -> &'static EmbeddingTexts {
    match locale {
        Locale::English => &ENGLISH,
        Locale::Chinese => &CHINESE,
    }
}

static ENGLISH: EmbeddingTexts = EmbeddingTexts {
    title: "Embedding",
    lead: "A token is the number of a row. Choose one in the table: its row goes to every place of the word where it stands, and the gradients of those places come back to it as a sum.",
    word: "Word",
    word_hint: "one to six of the letters e, h, l, o, p",
    left_out: "Letters that are not in the vocabulary, and those behind the sixth, were left out.",
    table: "Table w (5, 3)",
    lookup: "Looked up: y = w[tokens]",
    upstream: "Gradient from above: dy",
    gradient: "Gradient of the table: dw (5, 3)",
    token: "token",
    letter: "letter",
    place: "place",
    row_of: "row",
    scatter_title: "The gradient of the chosen row",
    scatter_note: "Rows of tokens that do not stand in the word get a gradient of 0: a step of plain SGD leaves them as they are.",
    absent: "This token does not stand in the word: its gradient is 0.",
    same_as: "The same as a product with one-hot rows: y = O·w and dw = Oᵀ·dy, without ever making O.",
    chosen: |token, letter, count| {
        let times = match count {
            1 => "once".to_string(),
            2 => "twice".to_string(),
            count => format!("{count} times"),
        };
        format!("token {token}, letter {letter}, stands {times} in the word")
    },
    cell: |tensor, row, column| format!("{tensor}, row {row}, column {column}"),
};

static CHINESE: EmbeddingTexts = EmbeddingTexts {
    title: "嵌入",
    lead: "词元就是行号。在表中选一个词元：它那一行会送到词中出现它的每个位置，这些位置的梯度再相加传回这一行。",
    word: "单词",
    word_hint: "由 e、h、l、o、p 组成的一到六个字母",
    left_out: "不在词表中的字母，以及第六个以后的字母，已略去。",
    table: "嵌入表 w（5, 3）",
    lookup: "查表：y = w[tokens]",
    upstream: "上层传来的梯度：dy",
    gradient: "嵌入表的梯度：dw（5, 3）",
    token: "词元",
    letter: "字母",
    place: "位置",
    row_of: "行",
    scatter_title: "所选一行的梯度",
    scatter_note: "没有在词中出现的词元，梯度为 0：用普通 SGD 更新一步，这些行不变。",
    absent: "这个词元没有出现在词中，梯度为 0。",
    same_as: "与用独热矩阵相乘结果相同：y = O·w，dw = Oᵀ·dy，只是从不真正写出 O。",
    chosen: |token, letter, count| format!("词元 {token}，字母 {letter}，在词中出现 {count} 次"),
    cell: |tensor, row, column| format!("{tensor}，第 {row} 行第 {column} 列"),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::texts::lab::tests::check_languages;
    use crate::view::widgets::embedding::{LETTERS, MOST_LETTERS};

    #[test]
    fn every_text_is_in_its_language_and_names_the_letters() {
        check_languages(ENGLISH.entries(), CHINESE.entries());
        for texts in [&ENGLISH, &CHINESE] {
            assert!(
                LETTERS
                    .chars()
                    .all(|letter| texts.word_hint.contains(letter))
            );
            assert!((texts.chosen)(2, 'l', 2).contains('l'));
            assert!((texts.cell)("w", 1, 2).starts_with('w'));
        }
        assert_eq!(MOST_LETTERS, 6);
        assert!((ENGLISH.chosen)(2, 'l', 2).contains("twice"));
    }
}

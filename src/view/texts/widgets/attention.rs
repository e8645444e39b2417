//! Words of the widget of attention.

use crate::view::texts::Locale;

texts! {
    AttentionTexts {
        title,
        lead,
        query,
        causal,
        inputs,
        forward,
        backward,
        chosen,
        given,
        hidden,
        token,
        columns,
        weights_of,
        rule,
        masked,
    }
    functions {
        /// A token: its number.
        token_name: fn(usize),
        /// A cell to be read out: matrix, row, column.
        cell: fn(&str, usize, usize),
    }
}

/// The texts of a language.
pub fn texts(locale: Locale) -> &'static AttentionTexts {
    match locale {
        Locale::English => &ENGLISH,
        Locale::Chinese => &CHINESE,
    }
}

static ENGLISH: AttentionTexts = AttentionTexts {
    title: "Attention, forward and backward",
    lead: "Three tokens, d = 2, one head. Change any number of Q, K, V or of the gradient dO that comes from behind; press any other number to see what it is made of.",
    query: "Query",
    causal: "Causal mask: a query sees only the keys up to its own place",
    inputs: "Given",
    forward: "Forward",
    backward: "Backward",
    chosen: "How this number comes about",
    given: "given",
    hidden: "hidden by the mask",
    token: "token",
    columns: "columns",
    weights_of: "How much of each value this query mixes",
    rule: "Every row of P adds up to 1, every row of dS to 0: what one score gains, the others lose.",
    masked: "Where the mask hides a score, P is 0. So is dS, whatever dP is there: masked places get no gradient.",
    token_name: |number| format!("token {number}"),
    cell: |matrix, row, column| format!("{matrix}, row {row}, column {column}"),
};

static CHINESE: AttentionTexts = AttentionTexts {
    title: "注意力：前向与反向",
    lead: "三个词元，d = 2，一个头。Q、K、V 以及从后面传来的梯度 dO 中的每个数都可以改；点按其他任何一个数，就能看到它由什么算出。",
    query: "查询",
    causal: "因果掩码：查询只能看到自己及之前位置的键",
    inputs: "给定",
    forward: "前向",
    backward: "反向",
    chosen: "这个数是怎么来的",
    given: "给定值",
    hidden: "被掩码遮住",
    token: "词元",
    columns: "列",
    weights_of: "这个查询从各个值中取多少",
    rule: "P 的每一行加起来是 1，dS 的每一行加起来是 0：一个分数得到的，正是其他分数失去的。",
    masked: "掩码遮住的位置，P 为 0；无论 dP 是多少，dS 也为 0：被遮住的位置得不到梯度。",
    token_name: |number| format!("词元 {number}"),
    cell: |matrix, row, column| format!("{matrix}，第 {row} 行，第 {column} 列"),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::texts::lab::tests::check_languages;

    #[test]
    fn every_text_is_in_its_language() {
        check_languages(ENGLISH.entries(), CHINESE.entries());
    }
}

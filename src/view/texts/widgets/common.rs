//! What several widgets say.

use crate::view::texts::{Locale, joined};

texts! {
    CommonTexts {
        reset,
        drag,
        value,
        undefined,
        formula,
    }
    functions {
        /// What a field takes.
        expected: fn(&str),
    }
}

/// The texts of a language.
pub fn texts(locale: Locale) -> &'static CommonTexts {
    match locale {
        Locale::English => &ENGLISH,
        Locale::Chinese => &CHINESE,
    }
}

static ENGLISH: CommonTexts = CommonTexts {
    reset: "Reset",
    drag: "Drag in the drawing, or focus it and use the arrow keys.",
    value: "value",
    undefined: "undefined",
    formula: "Formula",
    expected: |expected| format!("Expected {expected}. The last good value is kept."),
};

static CHINESE: CommonTexts = CommonTexts {
    reset: "重置",
    drag: "在图中拖动，或选中图后用方向键移动。",
    value: "值",
    undefined: "无定义",
    formula: "公式",
    expected: |expected| format!("{}。仍用上一个有效值。", joined("应为", expected)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::texts::lab::tests::check_languages;

    #[test]
    fn every_text_is_in_its_language() {
        check_languages(ENGLISH.entries(), CHINESE.entries());
        assert!((ENGLISH.expected)("x").contains('x') && (CHINESE.expected)("x").contains('x'));
        assert!((CHINESE.expected)("−6 到 6 之间的数").starts_with("应为 −6 到 6"));
        assert!((CHINESE.expected)("以下之一：a").starts_with("应为以下之一"));
    }
}

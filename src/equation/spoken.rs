//! Equations as a screen reader speaks them, in words.

use super::Equation;
use super::render::{Big, Notation, Operator, Tight, defined};

/// The words of a language.
struct Words {
    equals: &'static str,
    plus: &'static str,
    minus: &'static str,
    times: &'static str,
    over: &'static str,
    comma: &'static str,
    open: &'static str,
    close: &'static str,
    open_bar: &'static str,
    close_bar: &'static str,
    unequal: &'static str,
    less: &'static str,
    greater: &'static str,
    at: &'static str,
    prime: &'static str,
    fraction: fn(&str, &str) -> String,
    power: fn(&str, &str) -> String,
    root: fn(&str) -> String,
    sum: fn(&str) -> String,
    maximum: fn(&str) -> String,
    arg_maximum: fn(&str) -> String,
    indicator: fn(&str) -> String,
    floor: fn(&str) -> String,
}

const ENGLISH: Words = Words {
    equals: "equals",
    plus: "plus",
    minus: "minus",
    times: "times",
    over: "over",
    comma: ",",
    open: "open parenthesis",
    close: "close parenthesis",
    open_bar: "absolute value of",
    close_bar: "end of absolute value",
    unequal: "differs from",
    less: "is less than",
    greater: "is greater than",
    at: "at",
    prime: "new",
    fraction: |above, below| format!("fraction {above} over {below} end of fraction"),
    power: |base, exponent| format!("{base} to the power {exponent}"),
    root: |inner| format!("square root of {inner} end of root"),
    sum: |index| format!("sum over {index} of"),
    maximum: |index| format!("maximum over {index} of"),
    arg_maximum: |index| format!("the {index} with the maximum of"),
    indicator: |condition| format!("1 if {condition}, else 0"),
    floor: |inner| format!("{inner} rounded down"),
};

const CHINESE: Words = Words {
    equals: "等于",
    plus: "加",
    minus: "减",
    times: "乘",
    over: "除以",
    comma: "，",
    open: "左括号",
    close: "右括号",
    open_bar: "绝对值",
    close_bar: "绝对值结束",
    unequal: "不等于",
    less: "小于",
    greater: "大于",
    at: "下标",
    prime: "新的",
    fraction: |above, below| format!("分数，分子 {above}，分母 {below}，分数结束"),
    power: |base, exponent| format!("{base} 的 {exponent} 次方"),
    root: |inner| format!("根号 {inner} 根号结束"),
    sum: |index| format!("对 {index} 求和"),
    maximum: |index| format!("对 {index} 取最大值"),
    arg_maximum: |index| format!("使其后最大的 {index}"),
    indicator: |condition| format!("若 {condition} 则为 1，否则为 0"),
    floor: |inner| format!("{inner} 向下取整"),
};

/// An equation in words: English, then Simplified Chinese.
pub fn spoken(equation: &Equation) -> [String; 2] {
    [ENGLISH, CHINESE].map(|words| {
        let mut text = String::new();
        let notation = Spoken(words);
        notation.element(&mut text, equation.output, &defined(equation));
        notation.operator(&mut text, Operator::Equals);
        notation.expression(&mut text, &equation.expression, Tight::No);
        text
    })
}

struct Spoken(Words);

/// Words with a space between them, commas without one before.
fn say(text: &mut String, word: &str) {
    if !text.is_empty() && !word.starts_with([',', '，']) {
        text.push(' ');
    }
    text.push_str(word);
}

impl Notation for Spoken {
    fn identifier(&self, text: &mut String, name: &str) {
        match name.strip_suffix('′') {
            Some(plain) => say(text, &format!("{} {plain}", self.0.prime)),
            None => say(text, &name.replace('_', " ")),
        }
    }

    fn tensor(&self, text: &mut String, name: &str, subscript: Option<&str>) {
        self.identifier(text, name);
        if let Some(subscript) = subscript {
            say(text, self.0.at);
            say(text, subscript);
            say(text, self.0.comma);
        }
    }

    fn number(&self, text: &mut String, value: f64) {
        say(text, &value.to_string());
    }

    fn operator(&self, text: &mut String, operator: Operator) {
        let words = &self.0;
        say(
            text,
            match operator {
                Operator::Plus => words.plus,
                Operator::Minus => words.minus,
                Operator::Times => words.times,
                Operator::Slash => words.over,
                Operator::Comma => words.comma,
                Operator::Open => words.open,
                Operator::Close => words.close,
                Operator::OpenBar => words.open_bar,
                Operator::CloseBar => words.close_bar,
                Operator::Equals => words.equals,
                Operator::Unequal => words.unequal,
                Operator::Less => words.less,
                Operator::Greater => words.greater,
            },
        );
    }

    fn fraction(&self, text: &mut String, numerator: &str, denominator: &str) {
        say(text, &(self.0.fraction)(numerator, denominator));
    }

    fn power(&self, text: &mut String, base: &str, exponent: &str) {
        say(text, &(self.0.power)(base, exponent));
    }

    fn root(&self, text: &mut String, argument: &str) {
        say(text, &(self.0.root)(argument));
    }

    fn big(&self, text: &mut String, operator: Big, under: &str) {
        let words = &self.0;
        let said = match operator {
            Big::Sum => words.sum,
            Big::Maximum => words.maximum,
            Big::ArgMaximum => words.arg_maximum,
        };
        say(text, &said(under));
    }

    fn function(&self, text: &mut String, name: &str) {
        say(text, name);
    }

    fn indicator(&self, text: &mut String, condition: &str) {
        say(text, &(self.0.indicator)(condition));
    }

    fn floor(&self, text: &mut String, inner: &str) {
        say(text, &(self.0.floor)(inner));
    }
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use super::spoken;

    #[test]
    fn a_linear_layer_is_a_sentence_in_both_languages() {
        let [n, o, i] = indices(["n", "o", "i"]);
        let equation = (sum(
            "i",
            "I",
            element("x", [n, i.clone()]) * element("w", [o.clone(), i]),
        ) + element("b", [o]))
        .defines("y", [("n", "N"), ("o", "O")]);
        assert_eq!(
            spoken(&equation),
            [
                "y at n, o, equals sum over i of x at n, i, times w at o, i, plus b at o,",
                "y 下标 n， o， 等于 对 i 求和 x 下标 n， i， 乘 w 下标 o， i， 加 b 下标 o，",
            ]
        );
    }
}

//! Texts of the exercises and of the course's engine, in both languages.

use super::Locale;

texts! {
    /// What is on all pages of exercises.
    ExerciseTexts {
        engine_lost,
        kept,
        restart,
    }
    functions {
        /// What became of the course's engine, as the browser has it.
        loss: fn(&str),
    }
}

/// The texts of a language.
pub fn exercise_texts(locale: Locale) -> &'static ExerciseTexts {
    match locale {
        Locale::English => &ENGLISH,
        Locale::Chinese => &CHINESE,
    }
}

static ENGLISH: ExerciseTexts = ExerciseTexts {
    engine_lost: "The course's engine has stopped",
    kept: "What stands on the page and in its address is kept.",
    restart: "Start the engine again",
    loss: |reason| format!("The browser says: {reason}"),
};

static CHINESE: ExerciseTexts = ExerciseTexts {
    engine_lost: "课程的引擎已停止",
    kept: "页面和地址中的内容都已保留。",
    restart: "重新启动引擎",
    loss: |reason| format!("浏览器给出的原因：{reason}"),
};

#[cfg(test)]
mod tests {
    use super::super::lab::tests::check_languages;
    use super::*;

    #[test]
    fn every_text_of_the_exercises_is_in_its_language() {
        check_languages(ENGLISH.entries(), CHINESE.entries());
    }
}

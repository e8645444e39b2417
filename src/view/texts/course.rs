//! Texts around the chapters, in both languages.

use super::Locale;

texts! {
    CourseTexts {
        contents,
        loading,
        failed,
        previous,
        next,
        next_chapter,
        instrument,
        again,
        again_hint,
        open,
        no_instrument,
        show,
        question,
        right,
        wrong,
        end_title,
        end_marks,
        end_overview,
        mark,
        marked,
        print,
        print_hint,
        keys,
        errors_title,
        errors_lead,
        errors_search,
        errors_written,
        errors_correct,
        errors_see,
        coverage_title,
        coverage_lead,
        coverage_article,
        coverage_headings,
        coverage_pages,
    }
    functions {
        /// Number of a chapter.
        chapter: fn(u8),
        /// A chapter: steps seen, all.
        progress: fn(usize, usize),
        /// A step: its number, all.
        step: fn(usize, usize),
        /// Before printing, the instruments are shown one by one: the number of the one shown, all.
        collecting: fn(usize, usize),
        /// A page below /learn that there is not: its name.
        unknown: fn(&str),
        /// A step of the address that there is not.
        unknown_step: fn(&str),
        /// Mistakes found, all.
        errors_found: fn(usize, usize),
        /// A widget that there is not.
        unknown_widget: fn(&str),
    }
}

/// The texts of a language.
pub fn texts(locale: Locale) -> &'static CourseTexts {
    match locale {
        Locale::English => &ENGLISH,
        Locale::Chinese => &CHINESE,
    }
}

static ENGLISH: CourseTexts = CourseTexts {
    contents: "Chapters",
    loading: "Loading the chapter …",
    failed: "The chapter could not be loaded. Reloading the page helps if the connection broke.",
    previous: "Back",
    next: "Next",
    next_chapter: "Next chapter",
    instrument: "Beside this step",
    again: "Back to this step",
    again_hint: "Puts the instrument back to the settings of this step",
    open: "Open on its own",
    no_instrument: "This step is for reading.",
    show: "Show beside the text",
    question: "Question",
    right: "Right.",
    wrong: "Not so.",
    end_title: "What this chapter taught",
    end_marks: "Mark these concepts as known if you could explain them: the map then tells what you can learn next.",
    end_overview: "This chapter is an overview: what it names is taught in later ones.",
    mark: "Mark all as known",
    marked: "All marked as known",
    print: "Print",
    print_hint: "Shows the instruments that you have not opened yet one by one, then prints the chapter with all of them as they stand",
    keys: "Arrow keys left and right go from step to step.",
    errors_title: "What the articles get wrong",
    errors_lead: "Forty-three places where the five articles are wrong, unclear or misleading: what is printed, what is right, why, and where to watch the difference.",
    errors_search: "Search the mistakes",
    errors_written: "Printed",
    errors_correct: "Correct",
    errors_see: "See it run",
    coverage_title: "Where each heading is taught",
    coverage_lead: "Every heading of the five articles, with the pages of this site that teach or show what stands below it.",
    coverage_article: "Article",
    coverage_headings: "Headings",
    coverage_pages: "Pages",
    chapter: |number| format!("Chapter {number}"),
    progress: |seen, all| format!("{seen} of {all} steps read"),
    step: |number, all| format!("Step {number} of {all}"),
    collecting: |number, all| format!("Instrument {number} of {all} … (press to stop)"),
    unknown: |name| {
        format!(
            "There is no page “{name}” in the course. Expected a chapter from 1 to 12, an exercise from x1 to x16, or errors."
        )
    },
    unknown_step: |name| format!("This chapter has no step “{name}”; it begins at its first."),
    errors_found: |found, all| format!("{found} of {all} mistakes"),
    unknown_widget: |name| match name {
        "" => "The link names no widget (name). Expected one of:".into(),
        name => format!("There is no widget “{name}”. Expected one of:"),
    },
};

static CHINESE: CourseTexts = CourseTexts {
    contents: "目录",
    loading: "正在加载这一章……",
    failed: "这一章没能加载。如果是网络中断，请重新加载页面。",
    previous: "上一步",
    next: "下一步",
    next_chapter: "下一章",
    instrument: "这一步的仪器",
    again: "回到这一步",
    again_hint: "让仪器回到这一步规定的设置",
    open: "单独打开",
    no_instrument: "这一步只需要阅读。",
    show: "在旁边显示",
    question: "问题",
    right: "正确。",
    wrong: "不对。",
    end_title: "这一章讲了什么",
    end_marks: "如果你能把这些概念讲给别人听，就把它们标为已掌握：概念图会告诉你接下来能学什么。",
    end_overview: "这一章是概览：提到的内容在后面各章细讲。",
    mark: "全部标为已掌握",
    marked: "已全部标为已掌握",
    print: "打印",
    print_hint: "先把还没打开过的仪器逐个显示一遍，再把整章连同各个仪器当前的样子一起打印",
    keys: "用左右方向键在各步之间移动。",
    errors_title: "这些文章错在哪里",
    errors_lead: "五篇文章中有四十三处错误、含混或误导：原文怎么写，正确的是什么，为什么，以及在哪里能看到差别。",
    errors_search: "搜索错误",
    errors_written: "原文",
    errors_correct: "正确",
    errors_see: "看它运行",
    coverage_title: "各节内容在哪里讲",
    coverage_lead: "五篇文章的每一个标题，以及本站讲解或演示其内容的页面。",
    coverage_article: "文章",
    coverage_headings: "标题",
    coverage_pages: "页面",
    chapter: |number| format!("第 {number} 章"),
    progress: |seen, all| format!("共 {all} 步，已读 {seen} 步"),
    step: |number, all| format!("第 {number} 步，共 {all} 步"),
    collecting: |number, all| format!("仪器 {number}/{all}……（点击停止）"),
    unknown: |name| {
        format!("课程里没有“{name}”这一页。应为第 1 到 12 章、练习 x1 到 x16，或 errors。")
    },
    unknown_step: |name| format!("这一章没有名为“{name}”的步骤，于是从第一步开始。"),
    errors_found: |found, all| format!("共 {all} 处错误，显示 {found} 处"),
    unknown_widget: |name| match name {
        "" => "链接里没有写小仪器的名字（name）。可用的有：".into(),
        name => format!("没有名为“{name}”的小仪器。可用的有："),
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_there_in_both_languages() {
        let chinese = CHINESE.entries();
        for ((name, english), (_, chinese)) in ENGLISH.entries().into_iter().zip(chinese) {
            assert!(!english.is_empty() && !chinese.is_empty(), "{name}");
            assert_ne!(english, chinese, "{name}");
        }
    }
}

//! Texts of the concept map, in both languages.

use super::Locale;

texts! {
    MapTexts {
        title,
        lead,
        loading,
        failed,
        search,
        search_hint,
        nothing_found,
        group,
        all_groups,
        edges,
        edges_needs,
        edges_part_of,
        edges_enables,
        edges_applied_in,
        edges_limited_by,
        edges_uses,
        edges_related,
        edges_m1,
        edges_m2,
        edges_m3,
        show_map,
        show_list,
        frame,
        frame_hint,
        zoom_in,
        zoom_out,
        fit,
        choose,
        close,
        experiment,
        needs,
        needs_nothing,
        unlocks,
        unlocks_nothing,
        connections,
        know,
        known,
        path,
        hide_path,
        next_title,
        next_hint,
        export_known,
        import_known,
        bad_file,
        from_diagram,
        claimed,
    }
    functions {
        /// A path: number of concepts, name of the goal.
        path_title: fn(usize, &str),
        /// Concepts known, all.
        known_count: fn(usize, usize),
        /// A value of the address that there is not.
        unknown: fn(&str),
        /// How one concept is connected to another: kind by its name in the address, both names.
        connection: fn(&str, &str, &str),
    }
}

/// The map's texts.
pub fn texts(locale: Locale) -> &'static MapTexts {
    match locale {
        Locale::English => &ENGLISH,
        Locale::Chinese => &CHINESE,
    }
}

static ENGLISH: MapTexts = MapTexts {
    title: "Concept map",
    lead: "From a single neuron to GPT and the physical limits of compute: what each idea is, what it needs, and where you can watch it work.",
    loading: "Loading the map …",
    failed: "The map could not be loaded. Reloading the page helps if the connection broke.",
    search: "Search",
    search_hint: "A name or another word for it, in English or Chinese",
    nothing_found: "Nothing found",
    group: "Field",
    all_groups: "all fields",
    edges: "Arrows",
    edges_needs: "learn first",
    edges_part_of: "is part of",
    edges_enables: "makes possible",
    edges_applied_in: "is applied in",
    edges_limited_by: "is limited by",
    edges_uses: "uses",
    edges_related: "related, without a reason given",
    edges_m1: "large models and AGI (an article's diagram)",
    edges_m2: "obstacles to AGI (an article's diagram)",
    edges_m3: "compute, brain and ethics (an article's diagram)",
    show_map: "Map",
    show_list: "List",
    frame: "The map. Arrow keys walk from concept to concept, plus and minus zoom, 0 shows everything.",
    frame_hint: "Drag to move, Ctrl and wheel or two fingers to zoom. On a concept, the arrow keys go left to what it needs, right to what it makes possible.",
    zoom_in: "Zoom in",
    zoom_out: "Zoom out",
    fit: "Show all",
    choose: "Choose a concept to read what it is, what it needs and where to see it.",
    close: "Close",
    experiment: "See it work",
    needs: "Learn first",
    needs_nothing: "Nothing: you can start here.",
    unlocks: "Makes ready for",
    unlocks_nothing: "Nothing on this map builds on it.",
    connections: "Connections",
    know: "I know this",
    known: "known",
    path: "What do I need for this?",
    hide_path: "Hide the way",
    next_title: "What you can learn next",
    next_hint: "Concepts whose prerequisites you have marked as known. The marks stay in this browser.",
    export_known: "Save my marks",
    import_known: "Load marks",
    bad_file: "That file holds no marks; yours are kept. Expected a list that this page saved.",
    from_diagram: "drawn in an article",
    claimed: "expected by an article",
    path_title: |count, goal| match count {
        0 => format!("You know {goal} already."),
        1 => format!("Only {goal} itself is left:"),
        _ => format!("{count} steps to {goal}, in order:"),
    },
    known_count: |known, all| format!("{known} of {all} known"),
    unknown: |given| format!("The map has nothing called “{given}”."),
    connection: |kind, from, to| match kind {
        "part-of" => format!("{from} is part of {to}"),
        "enables" => format!("{from} makes {to} possible"),
        "applied-in" => format!("{from} is applied in {to}"),
        "limited-by" => format!("{from} is limited by {to}"),
        "uses" => format!("{from} uses {to}"),
        _ => format!("{from} → {to}, without a reason given"),
    },
};

static CHINESE: MapTexts = MapTexts {
    title: "概念图",
    lead: "从一个神经元到 GPT，再到算力的物理极限：每个概念是什么、先要懂什么、在哪里能看到它运行。",
    loading: "正在加载概念图……",
    failed: "概念图未能加载。如果是网络中断，请重新加载页面。",
    search: "搜索",
    search_hint: "输入名称或别名，中英文皆可",
    nothing_found: "没有找到",
    group: "领域",
    all_groups: "全部领域",
    edges: "箭头",
    edges_needs: "学习先后",
    edges_part_of: "属于",
    edges_enables: "促成",
    edges_applied_in: "应用于",
    edges_limited_by: "受限于",
    edges_uses: "用到",
    edges_related: "有关联，但原文未说明理由",
    edges_m1: "大模型与通用人工智能（文章中的图）",
    edges_m2: "通往 AGI 的障碍（文章中的图）",
    edges_m3: "算力、大脑与伦理（文章中的图）",
    show_map: "图",
    show_list: "列表",
    frame: "概念图。方向键在概念之间移动，加号和减号缩放，0 显示全图。",
    frame_hint: "拖动可移动，按住 Ctrl 滚动或用双指可缩放。选中概念后，按 ← 键到它的前置概念，按 → 键到它的后续概念。",
    zoom_in: "放大",
    zoom_out: "缩小",
    fit: "显示全图",
    choose: "选择一个概念，看它是什么、先要懂什么、在哪里能看到它。",
    close: "关闭",
    experiment: "看它运行",
    needs: "先要懂",
    needs_nothing: "没有前置概念，可以从这里开始。",
    unlocks: "学会后可以学",
    unlocks_nothing: "概念图中没有以它为前置的概念。",
    connections: "关联",
    know: "我已掌握",
    known: "已掌握",
    path: "学它需要先学什么？",
    hide_path: "收起路径",
    next_title: "接下来可以学",
    next_hint: "前置概念都已标记为掌握的概念。标记只保存在本浏览器中。",
    export_known: "保存我的标记",
    import_known: "载入标记",
    bad_file: "这个文件里没有标记，你的标记未变。需要本页保存的列表文件。",
    from_diagram: "见于文章中的图",
    claimed: "文章的预期",
    path_title: |count, goal| match count {
        0 => format!("你已掌握{goal}。"),
        1 => format!("只剩{goal}本身："),
        _ => format!("到{goal}共 {count} 步，依次是："),
    },
    known_count: |known, all| format!("已掌握 {known} / {all}"),
    unknown: |given| format!("概念图中没有“{given}”。"),
    connection: |kind, from, to| match kind {
        "part-of" => spaced(from, "属于", to),
        "enables" => spaced(from, "促成", to),
        "applied-in" => spaced(from, "应用于", to),
        "limited-by" => spaced(from, "受限于", to),
        "uses" => spaced(from, "用到", to),
        _ => format!("{from} → {to}（原文未说明理由）"),
    },
};

/// A Chinese word between two names, with room beside Latin letters.
fn spaced(from: &str, word: &str, to: &str) -> String {
    let before = if from.ends_with(|c: char| c.is_ascii()) {
        " "
    } else {
        ""
    };
    let after = if to.starts_with(|c: char| c.is_ascii()) {
        " "
    } else {
        ""
    };
    format!("{from}{before}{word}{after}{to}")
}

impl MapTexts {
    /// What the edges of a choice mean, by its name in the address.
    pub fn edge_choice(&self, name: &str) -> &'static str {
        match name {
            "needs" => self.edges_needs,
            "part-of" => self.edges_part_of,
            "enables" => self.edges_enables,
            "applied-in" => self.edges_applied_in,
            "limited-by" => self.edges_limited_by,
            "uses" => self.edges_uses,
            "related" => self.edges_related,
            "m1" => self.edges_m1,
            "m2" => self.edges_m2,
            _ => self.edges_m3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::texts::lab::tests::check_languages;

    #[test]
    fn every_text_is_in_its_language() {
        check_languages(ENGLISH.entries(), CHINESE.entries());
    }
}

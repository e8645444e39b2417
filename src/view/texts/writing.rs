//! Texts of the panel in which a network writes, in both languages.

texts! {
    WritingTexts {
        title,
        waiting,
        prompt,
        prompt_hint,
        temperature,
        temperature_hint,
        greedy,
        top_k,
        top_k_hint,
        all,
        length,
        write,
        redraw,
        redraw_hint,
        text_label,
        text_hint,
        next_title,
        candidate,
        probability,
        drawn,
        earlier,
        own_title,
        own_needed,
        own_choose,
        own_paste,
        own_learn,
        own_hint,
        own_private,
        pasted,
        attention,
        attention_hint,
        attention_label,
    }
    functions {
        /// What a shipped text is; the name of a learner's own.
        source: fn(&str),
        /// Name, characters, different ones, window.
        facts: fn(&str, &str, &str, &str),
        /// Whose prediction the bars show: place, and the character that was drawn.
        next_at: fn(&str, &str),
        /// Share of different runs: length of a run, percent.
        distinct: fn(&str, &str),
        /// As `distinct`, of a text that goes round in a loop.
        looped: fn(&str, &str),
        /// Name, characters, different ones.
        own_read: fn(&str, &str, &str),
        /// Query, key, weight.
        attention_says: fn(&str, &str, &str),
    }
}

pub(super) const ENGLISH: WritingTexts = WritingTexts {
    title: "What it writes",
    waiting: "The network writes its first text when the run stands.",
    prompt: "Prompt",
    prompt_hint: "The network goes on from here; it reads the last characters, as many as its window holds.",
    temperature: "Temperature T",
    temperature_hint: "p = softmax(z / T): below 1 the likely becomes likelier, above 1 the rare comes more often",
    greedy: "T = 0, greedy: always the most probable character",
    top_k: "Top-k",
    top_k_hint: "Draws only from the k most probable characters",
    all: "all",
    length: "Characters to write",
    write: "Write",
    redraw: "Draw again",
    redraw_hint: "The same weights and settings, other random draws",
    text_label: "The text, character by character; the arrow keys choose one",
    text_hint: "The deeper the ground behind a character, the surer the network was of it. Point at one to see what else could have come.",
    next_title: "What could come next",
    candidate: "Character",
    probability: "network",
    drawn: "drawn with",
    earlier: "Earlier texts",
    own_title: "Your own text",
    own_needed: "This model learns from a text of yours: choose a file, drop one, or paste it here.",
    own_choose: "Choose a text file",
    own_paste: "Or paste a text",
    own_learn: "Learn from it",
    own_hint: "Plain text in UTF-8. A few pages at least: 20,000 characters or more give it something to learn. The last tenth is held out.",
    own_private: "The text stays on this device.",
    pasted: "pasted text",
    attention: "Where it looks",
    attention_hint: "The attention weights of every head on the prompt. Each row is a character that asks (the query), each column one that it can look back at (the key); the stronger the colour, the more weight. What comes later is hidden. Point at a cell, or use the arrow keys.",
    attention_label: "Attention weights: the up and down arrows choose the query, left and right the key",
    source: |name| match name {
        "shakespeare" => "Romeo and Juliet, A Midsummer Night's Dream".into(),
        "wuyan" => "Chinese poems in lines of five characters".into(),
        own => own.into(),
    },
    facts: |name, characters, different, window| {
        format!(
            "{name}: {characters} characters, {different} different ones; it reads {window} at a time"
        )
    },
    next_at: |place, character| format!("At place {place}, where {character} was taken:"),
    distinct: |length, share| {
        format!("Of all runs of {length} characters, {share} are different from each other.")
    },
    looped: |length, share| {
        format!(
            "It goes round in a loop: only {share} of all runs of {length} characters are different."
        )
    },
    own_read: |name, characters, different| {
        format!("{name}: {characters} characters, {different} different ones")
    },
    attention_says: |query, key, weight| format!("Query {query}, key {key}: weight {weight}."),
};

pub(super) const CHINESE: WritingTexts = WritingTexts {
    title: "网络写出的文字",
    waiting: "模型就绪后，网络会写出第一段文字。",
    prompt: "提示词",
    prompt_hint: "网络从这里接着写；它只读最后若干个字符，个数等于它的窗口长度。",
    temperature: "温度 T",
    temperature_hint: "p = softmax(z / T)：小于 1 时，大概率的字符更占优；大于 1 时，罕见的字符更常出现",
    greedy: "T = 0，贪心解码：每次都取概率最大的字符",
    top_k: "Top-k 抽样",
    top_k_hint: "只从概率最大的 k 个字符中抽取",
    all: "全部",
    length: "要写的字符数",
    write: "写下去",
    redraw: "重新抽样",
    redraw_hint: "权重和设置不变，换一组随机数",
    text_label: "逐个字符的文本，用方向键选择",
    text_hint: "字符的底色越深，说明网络对它越有把握。指向一个字符，可以看到那里还可能出现什么。",
    next_title: "下一个字符可能是什么",
    candidate: "字符",
    probability: "网络给出",
    drawn: "抽取概率",
    earlier: "之前写出的文字",
    own_title: "你自己的文本",
    own_needed: "这个模型从你的文本学习：选择或拖入一个文件，或者粘贴到这里。",
    own_choose: "选择文本文件",
    own_paste: "或者粘贴一段文本",
    own_learn: "用它来训练",
    own_hint: "UTF-8 纯文本。至少要有几页：两万个字符以上才学得到东西。最后十分之一留出不用于训练。",
    own_private: "文本不会离开这台设备。",
    pasted: "粘贴的文本",
    attention: "它在看哪里",
    attention_hint: "每个头在提示词上的注意力权重。每一行是一个提问的字符（查询），每一列是它可以回看的一个字符（键）；颜色越浓，权重越大；后面的字符被遮住。指向一个格子，或使用方向键。",
    attention_label: "注意力权重：上下方向键选择查询，左右方向键选择键",
    source: |name| match name {
        "shakespeare" => "莎士比亚《罗密欧与朱丽叶》《仲夏夜之梦》（英文）".into(),
        "wuyan" => "五言诗".into(),
        own => own.into(),
    },
    facts: |name, characters, different, window| {
        format!("{name}：共 {characters} 个字符，其中不同的有 {different} 个；每次读 {window} 个")
    },
    next_at: |place, character| format!("在第 {place} 个位置，取的是 {character}："),
    distinct: |length, share| format!("所有 {length} 个字符的片段中，互不相同的占 {share}。"),
    looped: |length, share| {
        format!("它陷入了循环：所有 {length} 个字符的片段中，互不相同的只占 {share}。")
    },
    own_read: |name, characters, different| {
        format!("{name}：共 {characters} 个字符，其中不同的有 {different} 个")
    },
    attention_says: |query, key, weight| format!("查询 {query}，键 {key}：权重 {weight}。"),
};

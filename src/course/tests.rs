use super::*;

const STRUCTURE: &str = r#"{
  "groups": ["base"],
  "concepts": [
    {"id": "sum", "group": "base", "needs": []},
    {"id": "mean", "group": "base", "needs": ["sum"], "experiment": "/train/rnn-sine"}
  ],
  "edges": [{"from": "mean", "kind": "uses", "to": "sum", "source": "prose"}]
}"#;

const TEXTS: &str = "# base: Basics

## sum
name: Sum
synonyms: total, plus
definition: All numbers together.

Add them: $\\sum_{i} x_i$.

## mean
name: Mean
synonyms:
definition: The sum over the count.

See [the sum](concept:sum) and [a page](/train/rnn-sine).

$$ \\frac{1}{n} \\sum_{i=1}^{n} x_i $$
";

fn is_page(address: &str) -> bool {
    address == "/train/rnn-sine"
}

fn structure() -> Structure {
    Structure::read(STRUCTURE).unwrap()
}

#[test]
fn whole_content_has_no_mistakes_and_its_formulas_become_mathml() {
    let texts = CourseTexts::read("t.md", TEXTS).unwrap();
    assert_eq!(check(&structure(), "t.md", &texts, &is_page), []);
    assert_eq!(texts.group("base"), Some("Basics"));
    assert_eq!(texts.get("sum").unwrap().synonyms, ["total", "plus"]);
    let mean = texts.get("mean").unwrap();
    let html = to_html(&mean.body, &|target| Some(format!("to-{target}"))).unwrap();
    assert!(html.contains("href=\"to-sum\"") && html.contains("href=\"to-/train/rnn-sine\""));
    assert!(html.contains("<math") && html.contains("<mfrac>"), "{html}");
    assert!(
        !html.contains("style="),
        "the security policy forbids it: {html}"
    );
}

#[test]
fn every_mistake_of_a_text_names_its_line() {
    for (wrong, right, line, said) in [
        ("concept:product", "concept:sum", 15, "concept:product"),
        (
            "/train/rnn-cosine",
            "/train/rnn-sine",
            15,
            "/train/rnn-cosine",
        ),
        ("<b>Add</b>", "Add", 8, "HTML"),
        ("![a](b.png) Add", "Add", 8, "picture"),
        ("### Add", "Add", 8, "heading"),
        ("\\frobnicate", "\\sum_{i} x_i", 8, "frobnicate"),
        ("\\frac{1}{n", "\\frac{1}{n}", 17, "begins no formula"),
        ("\\left( x", "\\sum_{i} x_i", 8, "formula"),
        ("# other: Others", "# base: Basics", 1, "group base"),
    ] {
        assert!(TEXTS.contains(right), "{right}");
        let texts = CourseTexts::read("t.md", &TEXTS.replacen(right, wrong, 1)).unwrap();
        let mistakes = check(&structure(), "t.md", &texts, &is_page);
        let found = mistakes
            .iter()
            .any(|one| one.line == line && one.message.contains(said));
        assert!(found, "{wrong}: {mistakes:#?}");
    }
}

#[test]
fn sections_that_are_not_whole_are_refused_with_their_line() {
    for (wrong, right, line) in [
        ("title: Sum", "name: Sum", 4),
        ("definition:", "definition: All numbers together.", 6),
        ("## sum", "## mean", 10),
        ("# base", "# base: Basics", 1),
        ("Hello\n\n# base: Basics", "# base: Basics", 1),
    ] {
        assert!(TEXTS.contains(right), "{right}");
        let mistakes = CourseTexts::read("t.md", &TEXTS.replacen(right, wrong, 1)).unwrap_err();
        assert!(
            mistakes.iter().any(|one| one.line == line),
            "{wrong}: {mistakes:#?}"
        );
        assert!(mistakes[0].to_string().starts_with("t.md:"));
    }
    let missing = CourseTexts::read("t.md", &TEXTS[..TEXTS.find("## mean").unwrap()]).unwrap();
    let mistakes = check(&structure(), "t.md", &missing, &is_page);
    assert!(mistakes.iter().any(|one| one.message.contains("mean")));
}

#[test]
fn structures_with_mistakes_are_refused_with_their_line() {
    for (wrong, right, line, said) in [
        (
            "\"needs\": [\"sums\"]",
            "\"needs\": [\"sum\"]",
            5,
            "no concept",
        ),
        ("\"needs\": [\"mean\"]", "\"needs\": []", 4, "needs itself"),
        (
            "\"id\": \"sum\", \"group\": \"top\"",
            "\"id\": \"sum\", \"group\": \"base\"",
            4,
            "group top",
        ),
        ("\"id\": \"sum\"", "\"id\": \"mean\"", 4, "twice"),
        ("\"id\": \"The Sum\"", "\"id\": \"sum\"", 4, "small letters"),
        ("\"to\": \"nothing\"", "\"to\": \"sum\"", 1, "no concept"),
        ("\"kind\": \"eats\"", "\"kind\": \"uses\"", 7, "eats"),
    ] {
        assert!(STRUCTURE.contains(right), "{right}");
        let mistake = Structure::read(&STRUCTURE.replacen(right, wrong, 1)).unwrap_err();
        assert!(mistake.message.contains(said), "{wrong}: {mistake}");
        assert!(mistake.line == line || line == 1, "{wrong}: {mistake}");
    }
}

const CHAPTERS: &str = r#"{"chapters": [
  {"number": 1, "marks": true,
   "title": {"en": "Sums"},
   "concepts": ["sum"],
   "steps": [
     {"id": "add", "show": "widget:adder?a=1&b=2"},
     {"id": "check", "show": null}
   ]}
]}"#;

const CHAPTER: &str = "# Sums
summary: You can add.

## add: Adding
Take [the sum](concept:sum) of $1$ and $2$.

## check: Check yourself
? What is 1 + 2?
- ( ) 2 :: One more.
- (x) 3 :: Right.
";

fn fault_of(show: &Show) -> Option<String> {
    let is_there = matches!(show, Show::Widget { name, .. } if name == "adder");
    (!is_there).then(|| String::from("no such thing"))
}

fn href(target: &str) -> Option<String> {
    (target == "sum").then(|| target.to_string())
}

#[test]
fn a_chapter_is_read_with_its_steps_and_questions() {
    let chapters = Chapters::read(CHAPTERS, &structure(), &fault_of).unwrap();
    let chapter = chapters.get(1).unwrap();
    let text = ChapterText::read("c.md", CHAPTER).unwrap();
    assert_eq!(text.check("c.md", (chapter, "en"), &href), []);
    assert_eq!(
        text.steps[0].body,
        "Take [the sum](concept:sum) of $1$ and $2$."
    );
    let question = &text.steps[1].questions[0];
    assert_eq!((question.right, question.line), (1, 8));
    assert_eq!(question.options[0].feedback, "One more.");
    assert_eq!(text.steps[1].body, "");
    let settings = vec![
        ("a".to_string(), "1".to_string()),
        ("b".to_string(), "2".to_string()),
    ];
    let shown = Show::Widget {
        name: "adder".to_string(),
        settings,
    };
    assert_eq!(chapter.shown_at(0), Some(shown.clone()));
    assert_eq!(
        chapter.shown_at(1),
        Some(shown),
        "null leaves what is there"
    );
}

#[test]
fn what_a_step_may_show_is_read() {
    let page = Show::read("/train/rnn-sine?lr=0.1#loss-curve");
    let expected = Show::Page {
        address: "/train/rnn-sine?lr=0.1".to_string(),
        part: Some("loss-curve".to_string()),
    };
    assert_eq!(page, Some(expected));
    assert_eq!(
        Show::read("exercise:x1"),
        Some(Show::Exercise("x1".to_string()))
    );
    for wrong in [
        "",
        "train/rnn-sine",
        "//elsewhere.example/x",
        "https://elsewhere.example",
        "widget:adder?a",
    ] {
        assert_eq!(Show::read(wrong), None, "{wrong}");
    }
}

#[test]
fn every_mistake_of_a_chapter_names_its_line() {
    for (wrong, right, line, said) in [
        ("# Sum", "# Sums", 1, "title"),
        ("## added: Adding", "## add: Adding", 4, "expected add"),
        ("concept:total", "concept:sum", 5, "concept:total"),
        ("$1", "$1$", 5, "begins no formula"),
        ("[3](/none) :: Right", "3 :: Right", 10, "/none"),
    ] {
        assert!(CHAPTER.contains(right), "{right}");
        let chapters = Chapters::parse(CHAPTERS).unwrap();
        let text = ChapterText::read("c.md", &CHAPTER.replacen(right, wrong, 1)).unwrap();
        let mistakes = text.check("c.md", (&chapters.chapters[0], "en"), &href);
        let is_told = |one: &Mistake| one.line == line && one.message.contains(said);
        assert!(mistakes.iter().any(is_told), "{wrong}: {mistakes:#?}");
    }
    for (wrong, right, line) in [
        ("Sums", "# Sums", 1),
        ("about: You", "summary: You", 2),
        ("\nHello\n## add", "\n## add", 4),
        ("## add", "## add: Adding", 4),
        ("- (x) 3", "- ( ) 3", 8),
        ("- (x) 2", "- ( ) 2", 8),
        ("- (x) 3", "- (x) 3 :: Right.", 10),
    ] {
        let text = match right.starts_with("- ( ) 3") {
            true => CHAPTER.replacen("- (x) 3", "- ( ) 3", 1),
            false => CHAPTER.replacen(right, wrong, 1),
        };
        let mistakes = ChapterText::read("c.md", &text).unwrap_err();
        assert!(
            mistakes.iter().any(|one| one.line == line),
            "{wrong}: {mistakes:#?}"
        );
    }
}

#[test]
fn chapters_with_mistakes_are_refused_with_their_line() {
    for (wrong, right, line, said) in [
        ("\"number\": 2", "\"number\": 1", 1, "chapter 1 is expected"),
        ("[\"product\"]", "[\"sum\"]", 4, "no concept"),
        ("widget:divider", "widget:adder", 6, "widget:divider"),
        (
            "\"id\": \"add\", \"show\": null",
            "\"id\": \"check\", \"show\": null",
            6,
            "two steps",
        ),
        ("\"id\": \"Add\"", "\"id\": \"add\"", 6, "small letters"),
        ("\"shows\"", "\"show\"", 6, "shows"),
    ] {
        assert!(CHAPTERS.contains(right), "{right}");
        let text = CHAPTERS.replacen(right, wrong, 1);
        let mistake = Chapters::read(&text, &structure(), &fault_of).unwrap_err();
        assert!(
            mistake.message.contains(said) && mistake.line == line,
            "{wrong}: {mistake}"
        );
    }
}

#[test]
fn languages_whose_questions_differ_are_told() {
    let one = ChapterText::read("c.md", CHAPTER).unwrap();
    let swapped = CHAPTER
        .replace("- ( ) 2", "- (y) 2")
        .replace("- (x) 3", "- ( ) 3")
        .replace("- (y) 2", "- (x) 2");
    let other = ChapterText::read("d.md", &swapped).unwrap();
    assert_eq!(one.differences("c.md", &one), []);
    assert_eq!(other.differences("d.md", &one).len(), 1);
}

#[test]
fn mistakes_of_the_articles_are_read_with_their_lines() {
    let text = "## r1: 000\nwritten: $x$\ncorrect: $y$\nsee: /train/rnn-sine\n\nBecause.\n";
    let errors = read_errors("e.md", text).unwrap();
    assert_eq!(
        (errors[0].id.as_str(), errors[0].reason.as_str()),
        ("r1", "Because.")
    );
    for (wrong, right, line) in [
        ("right: ", "correct: ", 3),
        ("## r1", "## r1: 000", 1),
        ("", "Because.", 1),
    ] {
        let mistakes = read_errors("e.md", &text.replacen(right, wrong, 1)).unwrap_err();
        assert!(
            mistakes.iter().any(|one| one.line == line),
            "{wrong}: {mistakes:#?}"
        );
    }
}

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

//! An exercise: code with a mistake, a prediction, both forms run by the engine, and what was measured.

use std::sync::Arc;

use leptos::prelude::*;
use web_sys::SubmitEvent;

use super::chapter::link;
use super::content::{Content, use_content};
use super::engine::{CourseEngine, use_engine};
use crate::course::{Exercise, ExerciseText, MOST_TYPED, to_html};
use crate::lesson::exercises::{ExerciseId, Measure, Outcome, Row};
use crate::lesson::{Answer, Ask};
use crate::view::exercise::{Solved, bare, curve_svg, written};
use crate::view::texts::Locale;
use crate::view::texts::exercises::{curve_texts, exercise_texts, row_text, verdict_text};
use crate::web::address::{Address, use_address, use_locale};

/// Where the browser keeps the exercises that are solved.
const KEY: &str = "glassbox-exercises";

/// How an exercise stands.
#[derive(Clone, PartialEq)]
enum Standing {
    Idle,
    Loading,
    /// Pieces of work done, of all.
    Working(u32, u32),
    Done(Arc<Outcome>),
    Stopped,
    Failed(String),
}

impl Standing {
    fn is_under_way(&self) -> bool {
        matches!(self, Self::Loading | Self::Working(..))
    }
}

/// How the prediction was judged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Judgement {
    None,
    Right,
    Wrong,
    /// By the learner, who compared it with the answer.
    Own,
}

/// What the parts of an exercise share.
#[derive(Clone, Copy)]
struct Bench {
    id: ExerciseId,
    engine: CourseEngine,
    content: Content,
    address: Address,
    locale: Memo<Locale>,
    typed: RwSignal<String>,
    standing: RwSignal<Standing>,
    judgement: RwSignal<Judgement>,
    /// The question that the engine works on.
    question: StoredValue<Option<u32>>,
    solved: RwSignal<Solved>,
}

/// As the browser keeps it.
fn load_solved() -> Solved {
    let storage = window().local_storage().ok().flatten();
    let text = storage.and_then(|storage| storage.get_item(KEY).ok().flatten());
    text.map(|text| Solved::read(&text)).unwrap_or_default()
}

impl Bench {
    fn new(id: ExerciseId, solved: RwSignal<Solved>) -> Self {
        let bench = Self {
            id,
            engine: use_engine(),
            content: use_content(),
            address: use_address(),
            locale: use_locale(),
            typed: RwSignal::default(),
            standing: RwSignal::new(Standing::Idle),
            judgement: RwSignal::new(Judgement::None),
            question: StoredValue::new(None),
            solved,
        };
        on_cleanup(move || bench.end());
        bench
    }

    /// The texts of the page's language.
    fn words(self) -> &'static crate::view::texts::exercises::ExerciseTexts {
        exercise_texts(self.locale.get())
    }

    fn exercise(self) -> Option<Exercise> {
        self.content.exercises()?.get(self.id.name()).cloned()
    }

    fn text(self) -> Option<ExerciseText> {
        let texts = self.content.exercise_texts(self.locale.get())?;
        texts.iter().find(|text| text.id == self.id.name()).cloned()
    }

    /// Ends what the engine has under way for it.
    fn end(self) {
        if let Some(question) = self.question.try_get_value().flatten() {
            self.question.set_value(None);
            self.engine.stop(question);
        }
    }

    fn run(self) {
        self.end();
        self.standing.set(Standing::Working(0, 0));
        let question = self
            .engine
            .ask(Ask::Exercise(self.id), move |answer| self.hear(answer));
        self.question.set_value(Some(question));
    }

    fn stop(self) {
        self.end();
        self.standing.set(Standing::Stopped);
    }

    fn hear(self, answer: &Answer) {
        let standing = match answer {
            Answer::Loading { .. } => Standing::Loading,
            Answer::Progress { done, total } => Standing::Working(*done, *total),
            Answer::Exercise(outcome) => {
                self.judge();
                Standing::Done(Arc::new(outcome.clone()))
            }
            Answer::Failed { message } => Standing::Failed(message.clone()),
            Answer::Stopped => Standing::Stopped,
            _ => return,
        };
        if answer.is_last() {
            self.question.try_set_value(None);
        }
        self.standing.try_set(standing);
    }

    /// Judges the prediction as it stands when the run has ended.
    fn judge(self) {
        let typed = self.typed.try_get_untracked().unwrap_or_default();
        let exercise = untrack(|| self.exercise());
        let is_right = exercise.is_some_and(|exercise| exercise.accepts(&typed));
        let judgement = match (typed.trim().is_empty(), is_right) {
            (true, _) => Judgement::None,
            (false, true) => Judgement::Right,
            (false, false) => Judgement::Wrong,
        };
        self.judgement.try_set(judgement);
        if judgement == Judgement::Right {
            self.solve();
        }
    }

    /// Notes that it is solved, and keeps it.
    fn solve(self) {
        self.solved.try_update(|solved| solved.add(self.id));
        let kept = self
            .solved
            .try_with_untracked(Solved::write)
            .unwrap_or_default();
        if let Some(storage) = window().local_storage().ok().flatten() {
            // Fails where the browser has no room or forbids it: it then lasts as long as the page.
            let _ = storage.set_item(KEY, &kept);
        }
    }

    fn html(self, markdown: &str) -> String {
        let href = |target: &str| Some(link(self.address, target));
        // Texts were checked when they were written.
        to_html(markdown, &href)
            .unwrap_or_else(|_| markdown.replace('&', "&amp;").replace('<', "&lt;"))
    }
}

/// An exercise, to stand in a page of its own or beside a step.
pub fn exercise(id: &str) -> AnyView {
    match ExerciseId::from_name(id) {
        Some(id) => panel(Bench::new(id, RwSignal::new(load_solved()))),
        None => super::chapter::unknown_page(id),
    }
}

/// The page of an exercise, with ways to the others.
pub fn page(id: &str) -> AnyView {
    let Some(id) = ExerciseId::from_name(id) else {
        return super::chapter::unknown_page(id);
    };
    let solved = RwSignal::new(load_solved());
    let bench = Bench::new(id, solved);
    let words = move || bench.words();
    let chapter = move || {
        let number = bench.exercise()?.chapter;
        let href = link(bench.address, &format!("/learn/{number}"));
        Some(view! { <a href=href data-testid="exercise-chapter">{(words().chapter)(number)}</a> })
    };
    let others = move || {
        let items = ExerciseId::ALL.iter().map(|&other| {
            let href = link(bench.address, &format!("/learn/{}", other.name()));
            let is_solved = solved.with(|solved| solved.contains(other));
            let texts = bench.content.exercise_texts(bench.locale.get());
            let title = texts.and_then(|texts| {
                let text = texts.iter().find(|text| text.id == other.name());
                text.map(|text| text.title.clone())
            });
            view! {
                <li>
                    <a href=href aria-current=(other == id).then_some("page")>
                        <span class="numeric">{other.name().to_uppercase()}</span>
                        <span>{title}</span>
                        {is_solved.then(|| view! { <span class="tag exercise-solved">{words().solved}</span> })}
                    </a>
                </li>
            }
            .into_any()
        });
        items.collect::<Vec<AnyView>>()
    };
    let beside = move |step: i8| {
        let number = id.number().checked_add_signed(step)?;
        let other = ExerciseId::from_number(number)?;
        Some(link(bench.address, &format!("/learn/{}", other.name())))
    };
    let previous = move || {
        let href = beside(-1)?;
        Some(
            view! { <a class="button" href=href data-testid="exercise-previous">{words().previous}</a> },
        )
    };
    let next = move || {
        let href = beside(1)?;
        Some(view! { <a class="button" href=href data-testid="exercise-next">{words().next}</a> })
    };
    let count = move || (words().solved_count)(solved.with(Solved::count), ExerciseId::ALL.len());
    view! {
        <div class="page page-narrow stack" data-testid="exercise-page">
            <p class="chapter-number">{chapter}</p>
            <h1 class="page-title">{move || (words().name)(id.number())}</h1>
            {panel(bench)}
            <nav class="exercise-nav" aria-label=move || words().all>
                <div class="field-row">{previous}{next}</div>
                <details>
                    <summary>{move || words().all}" · "<span data-testid="exercise-solved-count">{count}</span></summary>
                    <ul class="exercise-list">{others}</ul>
                </details>
            </nav>
        </div>
    }
    .into_any()
}

fn panel(bench: Bench) -> AnyView {
    let body = move || match (bench.exercise(), bench.text()) {
        (Some(exercise), Some(text)) => whole(bench, &exercise, text),
        _ => match bench.content.failure.get() {
            Some(message) => view! { <p class="field-error" role="alert">{message}</p> }.into_any(),
            None => {
                let loading = crate::view::texts::course::texts(bench.locale.get()).loading;
                view! { <p role="status">{loading}</p> }.into_any()
            }
        },
    };
    view! {
        <section class="exercise stack" data-testid="exercise" data-exercise=bench.id.name()>
            {body}
        </section>
    }
    .into_any()
}

/// All of it, once the texts are here. Built anew when the language changes; what was typed and measured stays.
fn whole(bench: Bench, exercise: &Exercise, text: ExerciseText) -> AnyView {
    let words = bench.words();
    let mistake = exercise.mistake.to_uppercase();
    let see = link(bench.address, "/learn/errors");
    let introduction = bench.html(&text.introduction);
    view! {
        <h2 class="exercise-title">
            {text.title.clone()}
            " "
            <a class="tag" rel="external" href=see title=words.mistake>{mistake}</a>
        </h2>
        <div class="prose" inner_html=introduction></div>
        {code(words.code_faulty, &exercise.snippet, "is-faulty", "exercise-snippet")}
        <p class="exercise-question" data-testid="exercise-question">{text.question.clone()}</p>
        {form(bench)}
        {progress(bench)}
        {outcome(bench, exercise.clone(), text)}
    }
    .into_any()
}

fn code(label: &'static str, code: &str, class: &str, testid: &'static str) -> AnyView {
    let code = code.to_string();
    view! {
        <figure class=format!("exercise-code {class}")>
            <figcaption>{label}</figcaption>
            <pre tabindex="0" data-testid=testid><code>{code}</code></pre>
        </figure>
    }
    .into_any()
}

/// The prediction and the button.
fn form(bench: Bench) -> AnyView {
    let words = bench.words();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if !bench.standing.with_untracked(Standing::is_under_way) {
            bench.run();
        }
    };
    let hint = move || {
        let is_empty = bench.typed.with(|typed| typed.trim().is_empty());
        match (
            is_empty,
            bench.standing.with(|now| matches!(now, Standing::Done(_))),
        ) {
            (true, _) => words.prediction_hint,
            // The judgement stands below.
            (false, true) => "",
            (false, false) => words.noted,
        }
    };
    let label = move || match bench.standing.get() {
        Standing::Done(_) => words.run_again,
        _ => words.run,
    };
    let is_busy = move || {
        bench
            .standing
            .with(Standing::is_under_way)
            .then_some("true")
    };
    view! {
        <form class="exercise-form" on:submit=submit>
            <label class="field">
                <span class="field-label">{words.prediction}</span>
                <input
                    type="text"
                    class="input"
                    autocomplete="off"
                    maxlength=MOST_TYPED.to_string()
                    data-testid="exercise-prediction"
                    aria-describedby="exercise-hint"
                    prop:value=move || bench.typed.get()
                    on:input=move |event| bench.typed.set(event_target_value(&event))
                />
                <span class="field-hint" id="exercise-hint" role="status" data-testid="exercise-hint">{hint}</span>
            </label>
            <button type="submit" class="button button-primary" data-testid="exercise-run" aria-disabled=is_busy>
                {label}
            </button>
        </form>
    }
    .into_any()
}

/// What the engine does, or what kept it from its end.
fn progress(bench: Bench) -> AnyView {
    let words = bench.words();
    let shown = move || {
        match bench.standing.get() {
        Standing::Idle | Standing::Done(_) => None,
        Standing::Stopped => Some(
            view! { <p role="status" data-testid="exercise-stopped">{words.stopped}</p> }.into_any(),
        ),
        Standing::Failed(message) => Some(
            view! {
                <p class="field-error" role="alert" data-testid="exercise-failed">{(words.failed)(&message)}</p>
            }
            .into_any(),
        ),
        under_way => {
            let (label, bar) = match under_way {
                Standing::Working(done, total) if total > 0 => {
                    (words.running, Some((done.to_string(), total.to_string())))
                }
                Standing::Loading => (words.loading_file, None),
                _ => (words.running, None),
            };
            let (value, max) = bar.unzip();
            Some(
                view! {
                    <div class="exercise-progress" data-testid="exercise-progress">
                        <progress aria-label=words.running value=value max=max></progress>
                        <span>{label}</span>
                        <button type="button" class="button" data-testid="exercise-stop" on:click=move |_| bench.stop()>
                            {words.stop}
                        </button>
                    </div>
                }
                .into_any(),
            )
        }
    }
    };
    shown.into_any()
}

/// What was measured, and all that follows from it.
fn outcome(bench: Bench, exercise: Exercise, text: ExerciseText) -> AnyView {
    let shown = move || {
        let Standing::Done(outcome) = bench.standing.get() else {
            return None;
        };
        let words = bench.words();
        let (verdict, class) = match outcome.verdict {
            true => (verdict_text(bench.id, bench.locale.get()), "is-right"),
            false => (words.not_shown, "is-wrong"),
        };
        let judgement = bench.judgement.get();
        let (judged, name) = match judgement {
            Judgement::Right => (words.judged_right, "right"),
            Judgement::Wrong => (words.judged_wrong, "wrong"),
            Judgement::None => (words.judged_none, "none"),
            Judgement::Own => (words.judged_own, "own"),
        };
        let take_it = move |_| {
            bench.judgement.set(Judgement::Own);
            bench.solve();
        };
        let same = (judgement == Judgement::Wrong).then(|| {
            view! {
                <p>
                    <button type="button" class="button" data-testid="exercise-same" on:click=take_it>
                        {words.same}
                    </button>
                </p>
            }
        });
        // Nobody could count GPT-3 here.
        let source = match bench.id {
            ExerciseId::X13 => words.stated,
            _ => words.measured,
        };
        let page = link(bench.address, &exercise.page);
        Some(view! {
            <h3>{words.result}</h3>
            <p class="panel-note">{source}</p>
            {table(bench, &outcome)}
            {curves(bench, &outcome)}
            <p class=format!("exercise-verdict {class}") role="status" data-testid="exercise-verdict" data-verdict=outcome.verdict.to_string()>
                <strong>{words.verdict} {bench.locale.get().colon()}</strong>
                {verdict}
            </p>
            <p class=format!("exercise-judgement is-{name}") role="status" data-testid="exercise-judgement" data-judgement=name>
                {judged}
            </p>
            <h3>{words.answer}</h3>
            <p data-testid="exercise-answer">{text.answer.clone()}</p>
            {same}
            <h3>{words.reason}</h3>
            <div class="prose" inner_html=bench.html(&text.reason)></div>
            {code(words.code_right, &exercise.right, "is-right", "exercise-right")}
            <p><a rel="external" href=page data-testid="exercise-page-link">{words.look_further}</a></p>
        })
    };
    shown.into_any()
}

fn table(bench: Bench, outcome: &Outcome) -> AnyView {
    let words = bench.words();
    let rows: Vec<AnyView> = outcome
        .rows
        .iter()
        .map(|measured| row(bench, measured))
        .collect();
    view! {
        <div class="table-scroll" tabindex="0" role="region" aria-label=words.result>
            <table class="exercise-table" data-testid="exercise-result">
                <thead>
                    <tr>
                        <td></td>
                        <th scope="col" class="is-faulty">{words.faulty}</th>
                        <th scope="col" class="is-right">{words.right}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(bench: Bench, row: &Row) -> AnyView {
    let locale = bench.locale.get();
    let words = bench.words();
    let name = row_text(&row.key, locale).map_or(row.key.clone(), str::to_string);
    let cell = |measure: &Option<Measure>, form: &'static str| {
        let Some(measure) = measure else {
            return view! { <td class="is-missing" data-form=form>{words.not_here}</td> }
                .into_any();
        };
        let (class, language) = match measure {
            Measure::Refusal(_) => ("exercise-refusal", None),
            Measure::Writing(_) => ("exercise-writing", Some("en")),
            _ => ("numeric", None),
        };
        view! {
            <td class=class lang=language data-form=form data-value=bare(measure)>{written(measure, locale)}</td>
        }
        .into_any()
    };
    view! {
        <tr data-testid=format!("exercise-row-{}", row.key)>
            <th scope="row">{name}</th>
            {cell(&row.faulty, "faulty")}
            {cell(&row.right, "right")}
        </tr>
    }
    .into_any()
}

fn curves(bench: Bench, outcome: &Outcome) -> AnyView {
    let locale = bench.locale.get();
    let words = bench.words();
    let figures = outcome.curves.iter().map(|curve| {
        let title = curve_texts(&curve.key, locale).map(|texts| texts.title);
        view! {
            <figure class="exercise-curve" data-testid=format!("exercise-curve-{}", curve.key)>
                <figcaption>
                    {title}
                    <span class="exercise-key is-faulty">{words.faulty}</span>
                    <span class="exercise-key is-right">{words.right}</span>
                </figcaption>
                <div inner_html=curve_svg(curve, locale)></div>
            </figure>
        }
        .into_any()
    });
    figures.collect::<Vec<AnyView>>().into_any()
}

//! The microscope as its page's components see it: signals down, requests up.

use std::collections::HashMap;
use std::sync::Arc;

use leptos::prelude::*;

use crate::session::{
    Command, CursorFacts, ElementName, ExplanationFacts, Inspection, SequenceQuestion, TensorKind,
};
use crate::view::microscope::brush::Tool;
use crate::view::microscope::detail::also_shown;
use crate::view::microscope::equation::Notation;
use crate::view::microscope::keys::StepAction;
use crate::view::microscope::model::{Element, GraphModel, element_count};
use crate::view::microscope::paint::Scale;
use crate::view::microscope::picture::{Part, Picture, part_of};
use crate::view::microscope::state::{MicroscopeState, Reading, Want};
use crate::view::microscope::system::Direction;
use crate::web::engine::{Engine, use_engine};

/// A tensor, and the elements of it that a stroke overwrites, by row-major position.
type Stroke = (String, Vec<(u64, f32)>);

/// The microscope of the page. A context of the page that steps.
#[derive(Clone, Copy)]
pub struct Microscope {
    engine: Engine,
    state: RwSignal<MicroscopeState>,
    /// The graph of a batch, once the microscope is ready.
    pub graph: Memo<Option<Arc<GraphModel>>>,
    pub cursor: Memo<Option<CursorFacts>>,
    /// Operations of the batch that have run.
    pub done: Memo<u32>,
    /// Number of the node that is shown.
    pub shown: Memo<usize>,
    /// Changes with every move.
    pub revision: Memo<u64>,
    pub explanation: Memo<Option<Arc<ExplanationFacts>>>,
    pub is_playing: RwSignal<bool>,
    /// Operations a second.
    pub speed: RwSignal<u32>,
    selected: RwSignal<Option<Element>>,
    hovered: RwSignal<Option<Element>>,
    /// The element that is looked at: under the pointer, or else the chosen one.
    pub element: Memo<Option<Element>>,
    /// The tensor that is lit in equation, graph and panels.
    lit: RwSignal<Option<String>>,
    pub sample: RwSignal<u32>,
    parts: RwSignal<HashMap<String, u32>>,
    /// Tensors that are shown besides those around the operation.
    pub also: RwSignal<Vec<String>>,
    /// Which parameter an update is looked at with.
    pub parameter: RwSignal<usize>,
    pub scale: RwSignal<Scale>,
    pub notation: RwSignal<Notation>,
    /// What the pointer does on the batch's images.
    pub tool: RwSignal<Tool>,
    /// Strokes that wait until the one before them has been replayed.
    strokes: RwSignal<Vec<Stroke>>,
    /// The equations of the whole model that are shown; `None` for those of the operation.
    pub system: RwSignal<Option<Direction>>,
}

impl Microscope {
    /// Makes the microscope and makes it a context.
    pub fn provide() -> Self {
        let engine = use_engine();
        let state = engine.microscope();
        let selected = RwSignal::new(None::<Element>);
        let hovered = RwSignal::new(None::<Element>);
        let cursor = Memo::new(move |_| state.with(|state| state.cursor.clone()));
        let scope = Self {
            engine,
            state,
            graph: Memo::new(move |_| state.with(|state| state.graph.clone())),
            cursor,
            done: Memo::new(move |_| cursor.with(|c| c.as_ref().map_or(0, |c| c.done))),
            shown: Memo::new(move |_| state.with(MicroscopeState::shown)),
            revision: Memo::new(move |_| state.with(|state| state.revision)),
            explanation: Memo::new(move |_| state.with(|state| state.explanation.clone())),
            is_playing: RwSignal::new(false),
            speed: RwSignal::new(2),
            selected,
            hovered,
            element: Memo::new(move |_| hovered.get().or_else(|| selected.get())),
            lit: RwSignal::new(None),
            sample: RwSignal::new(0),
            parts: RwSignal::default(),
            also: RwSignal::default(),
            parameter: RwSignal::new(0),
            scale: RwSignal::default(),
            notation: RwSignal::default(),
            tool: RwSignal::default(),
            strokes: RwSignal::default(),
            system: RwSignal::new(None),
        };
        provide_context(scope);
        scope
    }

    /// A part of what is known, which changes only when that part does.
    pub fn part<T>(self, select: impl Fn(&MicroscopeState) -> T + Send + Sync + 'static) -> Memo<T>
    where
        T: PartialEq + Send + Sync + 'static,
    {
        Memo::new(move |_| self.state.with(&select))
    }

    pub fn is_moving(self) -> bool {
        self.state.with_untracked(MicroscopeState::is_moving)
    }

    /// Puts the run under the microscope.
    pub fn enter(self) {
        self.engine.inspect(Inspection::Enter);
    }

    /// Gives the run back to training.
    pub fn leave(self) {
        self.engine.inspect(Inspection::Leave);
    }

    /// Moves the cursor; does nothing while a move is under way.
    pub fn go(self, inspection: Inspection) {
        let is_ready = self.cursor.with_untracked(Option::is_some);
        if is_ready && !self.is_moving() {
            self.state.update(MicroscopeState::begin_move);
            self.engine.inspect(inspection);
        }
    }

    /// Carries out what a key or a button asks for; help is the page's own.
    pub fn act(self, action: StepAction) {
        match action {
            StepAction::Forward(unit) => self.go(Inspection::Forward(unit)),
            StepAction::Back(unit) => self.go(Inspection::Back(unit)),
            StepAction::BatchStart => self.go(Inspection::Goto { done: 0 }),
            StepAction::BatchEnd => {
                if let Some(done) = self.cursor.with_untracked(|c| c.as_ref().map(|c| c.total)) {
                    self.go(Inspection::Goto { done });
                }
            }
            StepAction::PlayOrPause => self.is_playing.update(|playing| *playing = !*playing),
            StepAction::Reset => {
                self.is_playing.set(false);
                self.state.update(MicroscopeState::clear);
                self.engine.command(|run| Command::Reset { run });
                self.enter();
            }
            StepAction::Help => {}
        }
    }

    /// Chooses the element to be explained, and shows the sample or row that it lies in.
    pub fn select(self, element: Element) {
        self.hovered.set(None);
        self.bring_into_view(&element);
        self.selected.set(Some(element));
    }

    pub fn selected(self) -> Signal<Option<Element>> {
        self.selected.into()
    }

    /// Looks at an element for as long as the pointer is on it.
    pub fn hover(self, element: Option<Element>) {
        if self.hovered.with_untracked(|before| *before != element) {
            self.hovered.set(element);
        }
    }

    fn bring_into_view(self, element: &Element) {
        let part = self.graph.with_untracked(|graph| {
            let graph = graph.as_ref()?;
            let tensor = graph.tensor(&element.tensor)?;
            part_of(
                &tensor.shape,
                graph.is_batched(&tensor.name),
                &element.index,
            )
        });
        match part {
            Some((Part::Sample, sample)) if sample != self.sample.get_untracked() => {
                self.sample.set(sample);
            }
            Some((Part::Row | Part::Block, part)) => self.choose_part(&element.tensor, part),
            _ => {}
        }
    }

    /// Chooses the row or block of a tensor.
    pub fn choose_part(self, tensor: &str, part: u32) {
        let is_new = self
            .parts
            .with_untracked(|parts| parts.get(tensor) != Some(&part));
        if is_new {
            self.parts.update(|parts| {
                parts.insert(tensor.to_string(), part);
            });
        }
    }

    /// The tensor that is lit.
    pub fn lit(self) -> Signal<Option<String>> {
        self.lit.into()
    }

    pub fn light(self, tensor: Option<String>) {
        if self.lit.with_untracked(|before| *before != tensor) {
            self.lit.set(tensor);
        }
    }

    /// How a tensor is drawn now; `None` where there is no such tensor.
    pub fn picture(self, name: &str) -> Option<Picture> {
        let part = self.parts.with(|parts| parts.get(name).copied());
        let sample = self.sample.get();
        self.graph.with(|graph| {
            let graph = graph.as_ref()?;
            let tensor = graph.tensor(name)?;
            let is_batched = graph.is_batched(name);
            Some(Picture::of(
                &tensor.shape,
                is_batched,
                sample,
                part.unwrap_or(0),
            ))
        })
    }

    /// What was read of a tensor.
    pub fn reading(self, name: String) -> Memo<Option<Arc<Reading>>> {
        Memo::new(move |_| self.state.with(|state| state.reading(&name)))
    }

    /// Asks for the gradient check of an element.
    pub fn check(self, element: Element) {
        let request = self.state.try_update(|state| state.check(element));
        if let Some(request) = request {
            self.engine.inspect(request);
        }
    }

    /// Asks for the chain rule along a path.
    pub fn follow_path(self, from: Element, to: Element, via: Vec<ElementName>) {
        let request = self
            .state
            .try_update(|state| state.follow_path(from.into(), to.into(), via));
        if let Some(request) = request {
            self.engine.inspect(request);
        }
    }

    /// Asks about the batch's sequences, unless the same was asked at this moment.
    pub fn ask_sequence(self, question: SequenceQuestion, moment: u64) {
        let request = self
            .state
            .try_update(|state| state.ask_sequence(question, moment));
        if let Some(request) = request.flatten() {
            self.engine.inspect(request);
        }
    }

    /// Looks at no path any more.
    pub fn forget_path(self) {
        self.state.update(MicroscopeState::forget_path);
    }

    /// Overwrites an element.
    pub fn edit(self, element: Element, value: f32) {
        if self.is_moving() {
            return;
        }
        let request = self.state.try_update(|state| state.edit(element, value));
        if let Some(request) = request {
            self.engine.inspect(request);
        }
    }

    /// Overwrites the elements of a stroke; strokes follow each other.
    pub fn paint(self, tensor: String, elements: Vec<(u64, f32)>) {
        self.strokes
            .update(|strokes| strokes.push((tensor, elements)));
    }

    fn follow_strokes(self) {
        let is_moving = self.part(MicroscopeState::is_moving);
        Effect::new(move |_| {
            if is_moving.get() || self.strokes.with(Vec::is_empty) {
                return;
            }
            let (tensor, elements) = self.strokes.write().remove(0);
            let request = self
                .state
                .try_update(|state| state.paint(&tensor, elements))
                .flatten();
            if let Some(request) = request {
                self.engine.inspect(request);
            }
        });
    }

    /// Keeps the chosen parameter around the update known while an update is shown.
    fn follow_update(self) {
        Effect::new(move |_| {
            self.revision.track();
            let Some(want) = self.update_want() else {
                return;
            };
            let request = self
                .state
                .try_update_untracked(|state| state.ask_update(want));
            if let Some(request) = request.flatten() {
                self.engine.inspect(request);
            }
        });
    }

    /// The part of the chosen parameter that is on screen, while an update is shown.
    fn update_want(self) -> Option<Want> {
        let graph = self.graph.get()?;
        let shown = self.shown.get();
        let parameter = self.parameter.get();
        if !graph.updates_parameters(shown) {
            return None;
        }
        let name = graph.subject(shown, parameter)?.name.clone();
        let picture = self.picture(&name)?;
        Some(Want {
            name,
            first: picture.first,
            count: picture.count,
        })
    }

    /// Asks how long the shown node took; its sources are on screen when this is called.
    pub fn follow_time(self) {
        Effect::new(move |_| {
            self.revision.track();
            let node = self.shown.get() as u32;
            let request = self
                .state
                .try_update_untracked(|state| state.ask_time(node));
            if let Some(request) = request.flatten() {
                self.engine.inspect(request);
            }
        });
    }

    /// Keeps what is on screen read, and the element that is looked at explained.
    pub fn follow(self) {
        self.follow_readings();
        self.follow_subject();
        self.follow_element();
        self.follow_strokes();
        self.follow_update();
    }

    fn follow_readings(self) {
        Effect::new(move |_| {
            self.revision.with(|_| ());
            let wants = self.wants();
            let requests = self.state.try_update_untracked(|state| state.read(&wants));
            for request in requests.into_iter().flatten() {
                self.engine.inspect(request);
            }
        });
    }

    /// The parts of tensors that are on screen.
    fn wants(self) -> Vec<Want> {
        let Some(graph) = self.graph.get() else {
            return Vec::new();
        };
        let around = graph.around(self.shown.get(), self.parameter.get());
        let mut names: Vec<&str> = around.iter().map(|tensor| tensor.name.as_str()).collect();
        let node = graph.node(self.shown.get());
        let also = node
            .map(|node| also_shown(&graph, node))
            .unwrap_or_default();
        let labels = graph.labels().map(|(labels, _)| labels.name.as_str());
        let beside = self.also.get();
        let also = also.iter().chain(&beside).map(String::as_str);
        for name in also.chain(labels) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        if graph.fits_a_blackboard() {
            let others = graph.blackboard().map(|tensor| tensor.name.as_str());
            let others: Vec<&str> = others.filter(|name| !names.contains(name)).collect();
            names.extend(others);
        }
        names
            .into_iter()
            .filter_map(|name| {
                let picture = self.picture(name)?;
                Some(Want {
                    name: name.to_string(),
                    first: picture.first,
                    count: picture.count,
                })
            })
            .collect()
    }

    /// Another operation is looked at through an element of its result.
    fn follow_subject(self) {
        Effect::new(move |_| {
            let (shown, parameter) = (self.shown.get(), self.parameter.get());
            let element = self.graph.with(|graph| {
                let graph = graph.as_ref()?;
                let subject = graph.subject(shown, parameter)?;
                graph.first_element(&subject.name, self.sample.get_untracked())
            });
            self.hovered.set(None);
            self.selected.set(element);
        });
        // Another sample: the same place in it.
        Effect::new(move |_| {
            let sample = self.sample.get();
            let moved = self.selected.with_untracked(|selected| {
                let mut element = selected.clone()?;
                let is_batched = self
                    .graph
                    .with_untracked(|g| g.as_ref().is_some_and(|g| g.is_batched(&element.tensor)));
                let first = element.index.first_mut().filter(|_| is_batched)?;
                (*first != sample).then(|| *first = sample)?;
                Some(element)
            });
            if let Some(element) = moved {
                self.selected.set(Some(element));
            }
        });
    }

    fn follow_element(self) {
        Effect::new(move |_| {
            self.revision.with(|_| ());
            let element = self.element.get().filter(|element| self.has_terms(element));
            let request = self.state.try_update(|state| state.explain(element));
            if let Some(request) = request.flatten() {
                self.engine.inspect(request);
            }
        });
        // The wish that waited for an answer.
        Effect::new(move |_| {
            self.explanation.with(|_| ());
            self.state.with(|state| state.not_explained.is_some());
            let request = self
                .state
                .try_update_untracked(MicroscopeState::next_explanation);
            if let Some(request) = request.flatten() {
                self.engine.inspect(request);
            }
        });
    }

    /// Whether an element was computed in this batch, so that it has terms.
    pub fn has_terms(self, element: &Element) -> bool {
        let done = self.done.get();
        let total = self
            .cursor
            .with(|cursor| cursor.as_ref().map_or(0, |c| c.total));
        self.graph.with(|graph| {
            let tensor = graph
                .as_ref()
                .and_then(|graph| graph.tensor(&element.tensor));
            tensor.is_some_and(|tensor| match (tensor.node, tensor.kind) {
                (Some(node), _) => node < done,
                (None, TensorKind::Parameter) => done == total,
                (None, _) => false,
            })
        })
    }

    /// The value of an element, where it is among what was read.
    pub fn value_of(self, element: &Element) -> Option<f32> {
        self.graph.with(|graph| {
            let tensor = graph.as_ref()?.tensor(&element.tensor)?;
            let flat = crate::view::microscope::model::flat_index(&tensor.shape, &element.index)?;
            debug_assert!(flat < element_count(&tensor.shape).max(1));
            self.state.with(|state| {
                let reading = state.reading(&element.tensor)?;
                let offset = flat.checked_sub(reading.first)?;
                reading.values.as_ref()?.get(offset as usize).copied()
            })
        })
    }
}

/// The microscope of the page.
pub fn use_microscope() -> Microscope {
    expect_context()
}

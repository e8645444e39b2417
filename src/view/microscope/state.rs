//! What is known of the batch under the microscope: reports in, requests out.
//!
//! A move of the cursor makes every reading old: `revision` counts the moves, and the page asks
//! again for what is on screen. An answer counts only if it is to the latest question, so that a
//! slow one never shows the numbers of another moment.

use std::collections::HashMap;
use std::sync::Arc;

use super::model::{Element, GraphModel, index_at, shown_node};
use super::paint::own_limit;
use super::sequences::Sequences;
use crate::session::{
    CursorFacts, ElementName, ExplanationFacts, GradientCheckFacts, Inspection, InspectionReport,
    PathFacts, Refusal, SequenceQuestion, Statistics, TimeFacts, UpdateFacts,
};

/// Part of a tensor as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    pub first: u64,
    /// `None` where the tensor is not computed yet in this batch.
    pub values: Option<Arc<Vec<f32>>>,
    pub statistics: Option<Statistics>,
}

/// The part of a tensor that is on screen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Want {
    pub name: String,
    pub first: u64,
    pub count: u64,
}

/// A question that was asked and not answered yet, and one that waits for that.
#[derive(Clone, Debug, Default)]
struct Question {
    asked: Option<(u32, Element)>,
    waiting: Option<Element>,
}

/// An edit, with the loss before it.
#[derive(Clone, Debug, PartialEq)]
pub struct EditNote {
    /// The element; of a stroke its first.
    pub element: Element,
    pub value: f32,
    /// Elements that it changes.
    pub count: usize,
    pub loss_before: Option<f32>,
}

/// What is known of the batch under the microscope.
#[derive(Clone, Debug, Default)]
pub struct MicroscopeState {
    pub graph: Option<Arc<GraphModel>>,
    pub cursor: Option<CursorFacts>,
    /// Counts the moves and edits.
    pub revision: u64,
    last_request: u32,
    /// The latest request for each tensor, and the revision it was made in.
    asked: HashMap<String, (u32, Want, u64)>,
    readings: HashMap<String, Arc<Reading>>,
    /// Why a tensor could not be read.
    refused_readings: HashMap<String, Refusal>,
    /// The latest question about the update, and the revision it was asked in.
    update_asked: Option<(u32, Want, u64)>,
    pub update: Option<Arc<UpdateFacts>>,
    /// The latest question about a node's time, and the revision it was asked in.
    time_asked: Option<(u32, u32, u64)>,
    pub time: Option<TimeFacts>,
    /// Largest magnitude seen in this batch.
    pub global_limit: f32,
    question: Question,
    pub explanation: Option<Arc<ExplanationFacts>>,
    /// Why the last element could not be explained.
    pub not_explained: Option<Refusal>,
    following: Option<u32>,
    pub path: Option<Arc<PathFacts>>,
    /// Why the last path could not be followed.
    pub not_followed: Option<Refusal>,
    pub sequences: Sequences,
    checking: Option<u32>,
    pub check: Option<Arc<GradientCheckFacts>>,
    /// Why the last request could not be answered.
    pub refusal: Option<Refusal>,
    /// The edits of this batch, oldest first.
    pub edits: Vec<EditNote>,
    /// Moves that were asked for and not answered.
    pending_moves: u32,
}

impl MicroscopeState {
    /// Takes in a report.
    pub fn apply(&mut self, report: InspectionReport) {
        match report {
            InspectionReport::Graph(facts) => {
                let model = Arc::new(GraphModel::new(facts));
                *self = Self {
                    graph: Some(model),
                    // Answers to older requests must not be taken for new ones.
                    last_request: self.last_request,
                    revision: self.revision + 1,
                    pending_moves: self.pending_moves,
                    ..Self::default()
                };
            }
            InspectionReport::Cursor(cursor) => self.move_to(cursor),
            InspectionReport::Tensor {
                request,
                name,
                first,
                values,
                statistics,
            } => {
                let latest = self.asked.get(&name).map(|(latest, ..)| *latest);
                if latest != Some(request) {
                    return;
                }
                if let Some(facts) = &statistics {
                    let limit = own_limit(facts.minimum, facts.maximum);
                    self.global_limit = self.global_limit.max(limit);
                }
                self.refused_readings.remove(&name);
                let values = values.map(Arc::new);
                self.readings.insert(
                    name,
                    Arc::new(Reading {
                        first,
                        values,
                        statistics,
                    }),
                );
            }
            InspectionReport::Explained {
                request,
                explanation,
            } => {
                if self.answered(request) {
                    self.explanation = Some(Arc::new(explanation));
                    self.not_explained = None;
                }
            }
            InspectionReport::GradientChecked { request, check } => {
                if self.checking == Some(request) {
                    self.checking = None;
                    self.check = Some(Arc::new(check));
                }
            }
            InspectionReport::Updated { request, update } => {
                if matches!(&self.update_asked, Some((asked, ..)) if *asked == request) {
                    self.update = Some(Arc::new(update));
                }
            }
            InspectionReport::Timed { request, time } => {
                if matches!(self.time_asked, Some((asked, ..)) if asked == request) {
                    self.time = Some(time);
                }
            }
            InspectionReport::PathFollowed { request, path } => {
                if self.following == Some(request) {
                    self.following = None;
                    self.path = Some(Arc::new(path));
                    self.not_followed = None;
                }
            }
            InspectionReport::Sequence { request, answer } => {
                self.sequences.answer(request, answer);
            }
            InspectionReport::Left => *self = self.emptied(),
            InspectionReport::Refused { request, reason } => self.refuse(request, reason),
        }
    }

    fn move_to(&mut self, cursor: CursorFacts) {
        let is_other_batch = self
            .cursor
            .as_ref()
            .is_none_or(|before| before.step != cursor.step || cursor.done < before.done);
        if is_other_batch {
            self.global_limit = 0.0;
        }
        if cursor.edits == 0 {
            self.edits.clear();
        }
        self.edits.truncate(cursor.edits as usize);
        self.cursor = Some(cursor);
        self.revision += 1;
        self.pending_moves = self.pending_moves.saturating_sub(1);
        self.question = Question::default();
        self.check = None;
        self.checking = None;
        self.refusal = None;
    }

    fn answered(&mut self, request: u32) -> bool {
        let is_latest = matches!(&self.question.asked, Some((asked, _)) if *asked == request);
        if is_latest {
            self.question.asked = None;
        }
        is_latest
    }

    fn refuse(&mut self, request: Option<u32>, reason: Refusal) {
        match request {
            Some(request) if self.answered(request) => {
                self.explanation = None;
                self.not_explained = Some(reason);
            }
            Some(request) if self.checking == Some(request) => {
                self.checking = None;
                self.refusal = Some(reason);
            }
            Some(request) if self.following == Some(request) => {
                self.following = None;
                self.path = None;
                self.not_followed = Some(reason);
            }
            Some(request) if self.sequences.refuse(request, &reason) => {}
            Some(request) => {
                let mut asked = self.asked.iter();
                let reading = asked.find(|(_, (latest, ..))| *latest == request);
                // Others are answers that nobody waits for any more.
                if let Some((name, _)) = reading {
                    self.readings.remove(name);
                    self.refused_readings.insert(name.clone(), reason);
                }
            }
            None => {
                // An edit that was not made is not one of the batch's.
                let standing = self.cursor.as_ref().map_or(0, |cursor| cursor.edits);
                self.edits.truncate(standing as usize);
                self.pending_moves = 0;
                self.refusal = Some(reason);
            }
        }
    }

    fn emptied(&self) -> Self {
        Self {
            last_request: self.last_request,
            revision: self.revision + 1,
            ..Self::default()
        }
    }

    /// The run was replaced, reset or lost.
    pub fn clear(&mut self) {
        *self = self.emptied();
    }

    /// What was read of a tensor.
    pub fn reading(&self, name: &str) -> Option<Arc<Reading>> {
        self.readings.get(name).cloned()
    }

    /// Why a tensor could not be read.
    pub fn reading_refused(&self, name: &str) -> Option<Refusal> {
        self.refused_readings.get(name).cloned()
    }

    /// Number of the node that is shown.
    pub fn shown(&self) -> usize {
        self.cursor
            .as_ref()
            .map_or(0, |cursor| shown_node(cursor.done))
    }

    /// Whether a node has run in this batch.
    pub fn has_run(&self, node: usize) -> bool {
        let done = self.cursor.as_ref().map_or(0, |cursor| cursor.done);
        (node as u64) < u64::from(done)
    }

    /// Whether a move is under way.
    pub fn is_moving(&self) -> bool {
        self.pending_moves > 0
    }

    pub fn is_checking(&self) -> bool {
        self.checking.is_some()
    }

    /// Notes that a move was asked for.
    pub fn begin_move(&mut self) {
        self.pending_moves += 1;
    }

    fn next_request(&mut self) -> u32 {
        self.last_request = self.last_request.wrapping_add(1);
        self.last_request
    }

    /// The requests for what is on screen and not read in this revision.
    pub fn read(&mut self, wants: &[Want]) -> Vec<Inspection> {
        let revision = self.revision;
        let mut requests = Vec::new();
        for want in wants {
            let is_known = self
                .asked
                .get(&want.name)
                .is_some_and(|(_, asked, at)| asked == want && *at == revision);
            if is_known {
                continue;
            }
            let request = self.next_request();
            self.asked
                .insert(want.name.clone(), (request, want.clone(), revision));
            requests.push(Inspection::Tensor {
                request,
                name: want.name.clone(),
                first: want.first,
                count: want.count,
            });
        }
        requests
    }

    /// The request for a parameter around its update, unless it was made in this revision.
    pub fn ask_update(&mut self, want: Want) -> Option<Inspection> {
        let revision = self.revision;
        let is_known = matches!(&self.update_asked,
            Some((_, asked, at)) if *asked == want && *at == revision);
        if is_known {
            return None;
        }
        let request = self.next_request();
        self.update_asked = Some((request, want.clone(), revision));
        Some(Inspection::Update {
            request,
            name: want.name,
            first: want.first,
            count: want.count,
        })
    }

    /// The request for how long a node took, unless it was made in this revision.
    pub fn ask_time(&mut self, node: u32) -> Option<Inspection> {
        let revision = self.revision;
        if matches!(self.time_asked, Some((_, asked, at)) if asked == node && at == revision) {
            return None;
        }
        let request = self.next_request();
        self.time_asked = Some((request, node, revision));
        self.time = None;
        Some(Inspection::Time { request, node })
    }

    /// The request for facts of the batch's sequences, unless it was made at this moment.
    pub fn ask_sequence(&mut self, question: SequenceQuestion, moment: u64) -> Option<Inspection> {
        let request = self.next_request();
        let is_new = self.sequences.ask(request, question.clone(), moment);
        is_new.then_some(Inspection::Sequence { request, question })
    }

    /// The request for the terms of an element; one at a time, the latest wins.
    pub fn explain(&mut self, element: Option<Element>) -> Option<Inspection> {
        let Some(element) = element else {
            self.explanation = None;
            self.question = Question::default();
            return None;
        };
        if self.question.asked.is_some() {
            self.question.waiting = Some(element);
            return None;
        }
        let request = self.next_request();
        self.question.asked = Some((request, element.clone()));
        Some(Inspection::Explain {
            request,
            name: element.tensor,
            index: element.index,
        })
    }

    /// The request that waited for the last answer.
    pub fn next_explanation(&mut self) -> Option<Inspection> {
        if self.question.asked.is_some() {
            return None;
        }
        let element = self.question.waiting.take()?;
        self.explain(Some(element))
    }

    /// The request for a gradient check.
    pub fn check(&mut self, element: Element) -> Inspection {
        let request = self.next_request();
        self.checking = Some(request);
        self.check = None;
        Inspection::CheckGradient {
            request,
            name: element.tensor,
            index: element.index,
        }
    }

    /// The request for the chain rule along a path; the latest counts.
    pub fn follow_path(
        &mut self,
        from: ElementName,
        to: ElementName,
        via: Vec<ElementName>,
    ) -> Inspection {
        let request = self.next_request();
        self.following = Some(request);
        Inspection::FollowPath {
            request,
            from,
            to,
            via,
        }
    }

    pub fn is_following(&self) -> bool {
        self.following.is_some()
    }

    /// No path is looked at any more.
    pub fn forget_path(&mut self) {
        self.following = None;
        self.path = None;
        self.not_followed = None;
    }

    fn note_edit(&mut self, element: Element, value: f32, count: usize) {
        let loss_before = self.cursor.as_ref().and_then(|cursor| cursor.loss);
        self.begin_move();
        self.edits.push(EditNote {
            element,
            value,
            count,
            loss_before,
        });
    }

    /// The request for a stroke over elements of one tensor; `None` for a stroke over nothing.
    pub fn paint(&mut self, tensor: &str, elements: Vec<(u64, f32)>) -> Option<Inspection> {
        let &(first, value) = elements.first()?;
        let shape = &self.graph.as_ref()?.tensor(tensor)?.shape;
        let element = Element {
            tensor: tensor.to_string(),
            index: index_at(shape, first),
        };
        self.note_edit(element, value, elements.len());
        Some(Inspection::EditMany {
            name: tensor.to_string(),
            elements,
        })
    }

    /// The request for an edit, noted with the loss before it.
    pub fn edit(&mut self, element: Element, value: f32) -> Inspection {
        self.note_edit(element.clone(), value, 1);
        Inspection::Edit {
            name: element.tensor,
            index: element.index,
            value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::microscope::model::tests::small;

    fn cursor(done: u32) -> CursorFacts {
        CursorFacts {
            step: 0,
            epoch: 0,
            steps_per_epoch: 10,
            done,
            total: 7,
            valid: 2,
            edits: 0,
            loss: None,
            loss_after: None,
        }
    }

    fn entered() -> MicroscopeState {
        let mut state = MicroscopeState::default();
        state.apply(InspectionReport::Graph(small()));
        state.apply(InspectionReport::Cursor(cursor(2)));
        state
    }

    fn want(name: &str, first: u64) -> Want {
        Want {
            name: name.into(),
            first,
            count: 4,
        }
    }

    fn request_of(inspection: &Inspection) -> u32 {
        match inspection {
            Inspection::Tensor { request, .. }
            | Inspection::Explain { request, .. }
            | Inspection::CheckGradient { request, .. } => *request,
            other => panic!("{other:?} has no number"),
        }
    }

    fn answer(request: u32, name: &str, first: u64, value: f32) -> InspectionReport {
        InspectionReport::Tensor {
            request,
            name: name.into(),
            first,
            values: Some(vec![value; 4]),
            statistics: Some(Statistics {
                minimum: -value,
                maximum: value,
                ..Statistics::default()
            }),
        }
    }

    fn element(tensor: &str) -> Element {
        Element {
            tensor: tensor.into(),
            index: vec![0, 0],
        }
    }

    #[test]
    fn what_is_on_screen_is_asked_for_once_in_each_revision() {
        let mut state = entered();
        assert_eq!(state.read(&[want("fc.y", 0), want("batch.x", 0)]).len(), 2);
        assert_eq!(state.read(&[want("fc.y", 0)]).len(), 0);
        assert_eq!(state.read(&[want("fc.y", 4)]).len(), 1, "another part");
        state.apply(InspectionReport::Cursor(cursor(3)));
        assert_eq!(state.read(&[want("fc.y", 4)]).len(), 1, "after a move");
    }

    #[test]
    fn only_the_answer_to_the_latest_question_counts() {
        let mut state = entered();
        let old = request_of(&state.read(&[want("fc.y", 0)])[0]);
        let new = request_of(&state.read(&[want("fc.y", 4)])[0]);
        state.apply(answer(old, "fc.y", 0, 9.0));
        assert_eq!(state.reading("fc.y"), None);
        state.apply(answer(new, "fc.y", 4, 2.0));
        let reading = state.reading("fc.y").unwrap();
        assert_eq!((reading.first, state.global_limit), (4, 2.0));
        // Another batch starts a scale of its own.
        state.apply(InspectionReport::Cursor(cursor(0)));
        assert_eq!(state.global_limit, 0.0);
    }

    #[test]
    fn one_explanation_is_under_way_and_the_latest_wish_follows() {
        let mut state = entered();
        let first = state.explain(Some(element("fc.y"))).unwrap();
        assert_eq!(state.explain(Some(element("a"))), None);
        assert_eq!(state.explain(Some(element("b"))), None);
        assert_eq!(state.next_explanation(), None, "the first is not answered");
        let explanation = ExplanationFacts {
            tensor: "fc.y".into(),
            index: vec![0, 0],
            stored: 1.0,
            total: 1.0,
            term_count: 0,
            groups: Vec::new(),
            hidden: Vec::new(),
            curve: None,
            inside: None,
        };
        state.apply(InspectionReport::Explained {
            request: request_of(&first),
            explanation,
        });
        assert!(state.explanation.is_some());
        match state.next_explanation() {
            Some(Inspection::Explain { name, .. }) => assert_eq!(name, "b"),
            other => panic!("{other:?}"),
        }
        assert_eq!(state.next_explanation(), None);
    }

    #[test]
    fn a_stroke_is_one_edit_and_questions_about_updates_and_times_are_asked_once() {
        let mut state = entered();
        assert_eq!(state.paint("batch.x", Vec::new()), None);
        assert_eq!(state.paint("nothing", vec![(0, 1.0)]), None);
        let request = state.paint("batch.x", vec![(4, 1.0), (5, 1.0)]);
        assert!(matches!(request, Some(Inspection::EditMany { .. })));
        let note = &state.edits[0];
        assert_eq!(
            (note.element.label().as_str(), note.count),
            ("batch.x[1, 1]", 2)
        );
        assert!(state.ask_update(want("fc.weight", 0)).is_some());
        assert!(state.ask_update(want("fc.weight", 0)).is_none());
        assert!(state.ask_time(3).is_some() && state.ask_time(3).is_none());
        assert!(state.ask_time(4).is_some());
    }

    #[test]
    fn a_refused_reading_is_told_where_it_would_stand() {
        let mut state = entered();
        let request = request_of(&state.read(&[want("fc.y", 0)])[0]);
        state.apply(InspectionReport::Refused {
            request: Some(request),
            reason: Refusal::NotEntered,
        });
        assert_eq!(state.reading_refused("fc.y"), Some(Refusal::NotEntered));
        assert_eq!(state.refusal, None);
        state.apply(InspectionReport::Cursor(cursor(3)));
        let request = request_of(&state.read(&[want("fc.y", 0)])[0]);
        state.apply(answer(request, "fc.y", 0, 1.0));
        assert_eq!(state.reading_refused("fc.y"), None);
    }

    #[test]
    fn a_refusal_goes_where_the_question_came_from() {
        let mut state = entered();
        let asked = request_of(&state.explain(Some(element("fc.y"))).unwrap());
        let refuse = |request| InspectionReport::Refused {
            request,
            reason: Refusal::NotEntered,
        };
        state.apply(refuse(Some(asked)));
        assert_eq!(state.not_explained, Some(Refusal::NotEntered));
        assert_eq!(state.refusal, None);
        let check = request_of(&state.check(element("fc.weight")));
        assert!(state.is_checking());
        state.apply(refuse(Some(check)));
        assert!(!state.is_checking() && state.refusal.is_some());
        state.begin_move();
        state.apply(refuse(None));
        assert!(!state.is_moving());
    }

    #[test]
    fn edits_are_noted_with_the_loss_before_and_forgotten_when_taken_back() {
        let mut state = entered();
        let mut at = cursor(7);
        at.loss = Some(2.5);
        state.apply(InspectionReport::Cursor(at.clone()));
        state.edit(element("fc.weight"), 0.5);
        assert!(state.is_moving());
        at.edits = 1;
        at.loss = Some(2.0);
        state.apply(InspectionReport::Cursor(at.clone()));
        assert_eq!(state.edits[0].loss_before, Some(2.5));
        at.edits = 0;
        state.apply(InspectionReport::Cursor(at));
        assert!(state.edits.is_empty() && !state.is_moving());
    }

    #[test]
    fn leaving_forgets_everything_but_the_numbers_of_requests() {
        let mut state = entered();
        let before = request_of(&state.read(&[want("fc.y", 0)])[0]);
        state.apply(InspectionReport::Left);
        assert!(state.graph.is_none() && state.cursor.is_none());
        assert_eq!(request_of(&state.read(&[want("fc.y", 0)])[0]), before + 1);
    }

    #[test]
    fn the_node_that_ran_last_is_shown() {
        let state = entered();
        assert_eq!(state.shown(), 1);
        assert!(state.has_run(1) && !state.has_run(2));
    }
}

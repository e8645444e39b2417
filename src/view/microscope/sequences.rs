//! What is known of the batch's sequences: one question of each kind is under way, the latest counts.

use std::sync::Arc;

use crate::session::{
    InfluenceFacts, NormFacts, Refusal, SequenceAnswer, SequenceQuestion, TextWindow, TimePathFacts,
};

/// The kinds of questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Norms,
    Influence,
    Path,
    Text,
}

fn kind(question: &SequenceQuestion) -> Kind {
    match question {
        SequenceQuestion::Norms { .. } => Kind::Norms,
        SequenceQuestion::Influence { .. } => Kind::Influence,
        SequenceQuestion::Path { .. } => Kind::Path,
        SequenceQuestion::Text { .. } => Kind::Text,
    }
}

/// A question that was asked.
#[derive(Clone, Debug)]
struct Asked {
    request: u32,
    question: SequenceQuestion,
    /// What the answer depends on besides.
    moment: u64,
    is_answered: bool,
}

/// Questions and answers about sequences.
#[derive(Clone, Debug, Default)]
pub struct Sequences {
    asked: [Option<Asked>; 4],
    refused: [Option<Refusal>; 4],
    pub norms: Option<Arc<NormFacts>>,
    pub influence: Option<Arc<InfluenceFacts>>,
    pub path: Option<Arc<TimePathFacts>>,
    pub text: Option<Arc<TextWindow>>,
}

impl Sequences {
    /// Notes a question; `false` where the same was asked at this moment.
    pub fn ask(&mut self, request: u32, question: SequenceQuestion, moment: u64) -> bool {
        let asked = &mut self.asked[kind(&question) as usize];
        let is_known = asked
            .as_ref()
            .is_some_and(|asked| asked.question == question && asked.moment == moment);
        if !is_known {
            *asked = Some(Asked {
                request,
                question,
                moment,
                is_answered: false,
            });
        }
        !is_known
    }

    fn answered(&mut self, request: u32) -> Option<usize> {
        let at = self
            .asked
            .iter()
            .position(|asked| asked.as_ref().is_some_and(|a| a.request == request))?;
        if let Some(asked) = &mut self.asked[at] {
            asked.is_answered = true;
        }
        Some(at)
    }

    /// Takes in an answer; one that nobody waits for any more is dropped.
    pub fn answer(&mut self, request: u32, answer: SequenceAnswer) {
        let Some(at) = self.answered(request) else {
            return;
        };
        self.refused[at] = None;
        match answer {
            SequenceAnswer::Norms(facts) => self.norms = Some(Arc::new(facts)),
            SequenceAnswer::Influence(facts) => self.influence = Some(Arc::new(facts)),
            SequenceAnswer::Text(window) => self.text = Some(Arc::new(window)),
            SequenceAnswer::Path(facts) => self.path = Some(Arc::new(facts)),
        }
    }

    /// Takes in a refusal; `false` where it is not of a question here.
    pub fn refuse(&mut self, request: u32, reason: &Refusal) -> bool {
        let Some(at) = self.answered(request) else {
            return false;
        };
        self.refused[at] = Some(reason.clone());
        match at {
            0 => self.norms = None,
            1 => self.influence = None,
            2 => self.path = None,
            _ => self.text = None,
        }
        true
    }

    /// Whether a question of this kind waits for its answer.
    pub fn waits(&self, kind: Kind) -> bool {
        let asked = self.asked[kind as usize].as_ref();
        asked.is_some_and(|asked| !asked.is_answered)
    }

    /// Why the last question of this kind was not answered.
    pub fn refusal(&self, kind: Kind) -> Option<Refusal> {
        self.refused[kind as usize].clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn norms(node: u32) -> SequenceQuestion {
        SequenceQuestion::Norms { node }
    }

    fn answer(node: u32) -> SequenceAnswer {
        SequenceAnswer::Norms(NormFacts {
            node,
            is_reversed: false,
            truncate: None,
            rows: Vec::new(),
            clip: None,
        })
    }

    #[test]
    fn the_same_question_is_asked_once_and_only_the_latest_answer_counts() {
        let mut known = Sequences::default();
        assert!(known.ask(1, norms(7), 0));
        assert!(!known.ask(2, norms(7), 0));
        assert!(known.ask(3, norms(7), 1), "another moment");
        assert!(known.waits(Kind::Norms) && !known.waits(Kind::Path));
        known.answer(1, answer(7));
        assert!(known.norms.is_none() && known.waits(Kind::Norms));
        known.answer(3, answer(7));
        assert!(known.norms.is_some() && !known.waits(Kind::Norms));
    }

    #[test]
    fn a_refusal_takes_the_place_of_the_answer() {
        let mut known = Sequences::default();
        known.ask(1, norms(7), 0);
        known.answer(1, answer(7));
        known.ask(2, norms(8), 0);
        assert!(!known.refuse(9, &Refusal::NotEntered));
        assert!(known.refuse(2, &Refusal::NotEntered));
        assert!(known.norms.is_none() && !known.waits(Kind::Norms));
        assert_eq!(known.refusal(Kind::Norms), Some(Refusal::NotEntered));
        assert_eq!(known.refusal(Kind::Influence), None);
    }
}

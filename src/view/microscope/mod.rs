//! The microscope's logic: what its page decides that is not layout of elements.
//!
//! # Layout
//!
//! - `state`: what is known of the batch under the microscope, from the engine's reports.
//! - `model`: the graph as the page asks about it: producers, partners, batches, what may be edited.
//! - `layers`: the nodes of a graph by layer.
//! - `layout`: where nodes and edges stand in the picture of the graph, and which layers are folded.
//! - `viewport`: which part of that picture is on screen.
//! - `picture`: a tensor as bars or tiles of cells; which cell is where.
//! - `paint`: the colours of the cells.
//! - `equation`: what is added to a generated equation: shapes, marks, numbers.
//! - `system`: the equations of the whole model.
//! - `path`: one path of the chain rule, as it is chosen and read.
//! - `terms`: the terms of an element, put in order for reading.
//! - `detail`: pictures of single operations.
//! - `unrolled`: sequences, column by column; `sequences`: what was asked of them.
//! - `attention`: scores, weights and mixture of a query.
//! - `brush`: painting on the batch.
//! - `agreement`: finite differences against the gradient, as a plot.
//! - `kernel`: the lines of a kernel that do the work.
//! - `keys`: what a key does.
//!
//! Everything is drawn from shapes and operations, so a new model needs nothing here.

pub mod agreement;
pub mod attention;
pub mod brush;
pub mod detail;
pub mod equation;
pub mod kernel;
pub mod keys;
pub mod layers;
pub mod layout;
pub mod model;
pub mod paint;
pub mod path;
pub mod picture;
pub mod sequences;
pub mod state;
pub mod system;
pub mod terms;
pub mod unrolled;
pub mod viewport;

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::layout::Flow;
    use super::model::{Element, GraphModel};
    use super::picture::Picture;
    use super::state::{MicroscopeState, Want};
    use crate::graph::Phase;
    use crate::session::{
        Command, DevicePreference, Event, Inspection, RunConfig, Session, StepUnit,
    };

    /// A real engine, and the state that the page would have.
    pub struct Bench {
        session: Session,
        heard: Rc<RefCell<Vec<Event>>>,
        pub state: MicroscopeState,
    }

    impl Bench {
        pub fn on(preset: &str) -> Self {
            Self::with(RunConfig {
                preset: preset.into(),
                device: DevicePreference::Cpu,
                seed: 1,
                ..RunConfig::default()
            })
        }

        pub fn with(config: RunConfig) -> Self {
            let heard = Rc::new(RefCell::new(Vec::new()));
            let sink = Rc::clone(&heard);
            let mut session = Session::new("test", move |event| sink.borrow_mut().push(event));
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/data");
            let mnist = crate::data::load("mnist", &[folder.into()]).unwrap();
            session.provide_dataset(crate::data::DataSource::Mnist, mnist);
            let mut bench = Self {
                session,
                heard,
                state: MicroscopeState::default(),
            };
            bench.send(Command::Start { run: 1, config });
            bench.ask(Inspection::Enter);
            bench
        }

        fn send(&mut self, command: Command) {
            pollster::block_on(self.session.handle(command));
            for event in self.heard.take() {
                match event {
                    Event::Inspected { report, .. } => self.state.apply(report),
                    Event::Failed { failure, .. } => panic!("{failure}"),
                    _ => {}
                }
            }
        }

        pub fn ask(&mut self, inspection: Inspection) {
            self.send(Command::Inspect { run: 1, inspection });
        }

        pub fn graph(&self) -> std::sync::Arc<GraphModel> {
            self.state.graph.clone().expect("the graph was reported")
        }

        /// Reads what the page would show of the node that ran last, and explains its first element.
        fn look(&mut self) -> Option<Element> {
            let graph = self.graph();
            let shown = self.state.shown();
            let wants: Vec<Want> = graph
                .around(shown, 0)
                .into_iter()
                .map(|tensor| {
                    let is_batched = graph.is_batched(&tensor.name);
                    let picture = Picture::of(&tensor.shape, is_batched, 0, 0);
                    Want {
                        name: tensor.name.clone(),
                        first: picture.first,
                        count: picture.count,
                    }
                })
                .collect();
            for request in self.state.read(&wants) {
                self.ask(request);
            }
            for want in &wants {
                let reading = self.state.reading(&want.name).expect("an answer");
                let values = reading.values.as_ref().expect("computed");
                assert_eq!(values.len() as u64, want.count, "{}", want.name);
            }
            let subject = graph.subject(shown, 0)?;
            let element = graph.first_element(&subject.name, 0)?;
            let request = self.state.explain(Some(element.clone()))?;
            self.ask(request);
            Some(element)
        }
    }

    #[test]
    fn a_whole_batch_can_be_walked_and_every_result_explained() {
        let mut bench = Bench::on("worked-2-3-1");
        let graph = bench.graph();
        assert!(graph.fits_a_blackboard());
        let total = bench.state.cursor.as_ref().unwrap().total;
        let mut explained = 0;
        for done in 1..=total {
            bench.ask(Inspection::Forward(StepUnit::Operation));
            assert_eq!(bench.state.cursor.as_ref().unwrap().done, done);
            let element = bench.look().expect("a result");
            let facts = bench.state.explanation.clone().expect("terms");
            assert_eq!(
                (&facts.tensor, &facts.index),
                (&element.tensor, &element.index)
            );
            let difference = (facts.total - f64::from(facts.stored)).abs();
            assert!(difference <= 1e-6, "{}: {difference}", element.label());
            explained += 1;
        }
        assert!(explained > 8, "{explained} operations");
        let cursor = bench.state.cursor.as_ref().unwrap();
        assert!((cursor.loss.unwrap() - 0.620_957).abs() < 2e-6);
        assert!((cursor.loss_after.unwrap() - 0.565_096).abs() < 2e-6);
    }

    #[test]
    fn a_real_graph_has_every_backward_node_below_its_partner() {
        let bench = Bench::on("worked-2-3-1");
        let graph = bench.graph();
        let (nodes, layout) = (&graph.facts.nodes, &graph.layout);
        for (number, node) in nodes.iter().enumerate() {
            for other in 0..number {
                assert!(
                    !layout.nodes[number].overlaps(&layout.nodes[other]),
                    "{}",
                    node.name
                );
            }
            if let (Phase::Backward, Some(partner)) = (node.phase, node.partner) {
                let partner = layout.nodes[partner as usize];
                assert_eq!(layout.nodes[number].x, partner.x, "{}", node.name);
            }
        }
        let updates = layout.edges.iter().filter(|edge| edge.flow == Flow::Update);
        assert_eq!(updates.count(), graph.parameters().len());
    }

    #[test]
    fn edits_and_checks_go_through_the_same_state() {
        let mut bench = Bench::on("worked-2-3-1");
        bench.ask(Inspection::Forward(StepUnit::Batch));
        let element = Element {
            tensor: "fc1.weight".into(),
            index: vec![0, 0],
        };
        let request = bench.state.edit(element.clone(), 0.5);
        bench.ask(request);
        let cursor = bench.state.cursor.clone().unwrap();
        assert_eq!((cursor.edits, bench.state.edits.len()), (1, 1));
        assert_ne!(cursor.loss, bench.state.edits[0].loss_before);
        bench.ask(Inspection::Undo);
        assert!(bench.state.edits.is_empty());
        let request = bench.state.check(element);
        bench.ask(request);
        let check = bench.state.check.clone().expect("a check");
        assert_eq!(
            super::agreement::verdict(&check),
            super::agreement::Verdict::Agrees
        );
    }
}

//! From a layer list to the whole graph of a training step.

use super::batch::{BatchSource, GatheredInputs, add_batch};
use super::{LayerBuilder, Loss, ModelError, ModelSpec, Parameter};
use crate::graph::{Graph, Update, ValueId};

/// A model's graph, and the values that training reads and writes.
#[derive(Clone, Debug)]
pub struct Model {
    pub graph: Graph,
    pub batch: usize,
    /// `None` where the batch itself is written from outside.
    pub gathered: Option<GatheredInputs>,
    /// (N, …) what the first layer reads; of a text (N, T) tokens.
    pub input: ValueId,
    /// (N) classes, (N, K) targets, or (N, T) tokens.
    pub target: ValueId,
    /// (N, K) what the loss reads, of a text (N, T, V): logits, or the predictions of a regression.
    pub logits: ValueId,
    /// (N, K), of a text (N, T, V); `None` where the loss knows no classes.
    pub probabilities: Option<ValueId>,
    pub loss: ValueId,
    /// How many rows of the batch are right, of a text how many tokens; `None` where the loss counts none.
    pub correct: Option<ValueId>,
    /// (N)
    pub loss_of_row: ValueId,
    /// (N) How many tokens of each row are right; `None` where a row is judged as a whole.
    pub correct_of_row: Option<ValueId>,
    /// The token that the loss does not count, in sequences.
    pub ignored: Option<u32>,
    /// (N) What each row counts in the mean; `None` where all count alike.
    pub weight_of_row: Option<ValueId>,
    /// In the order of PyTorch's state_dict.
    pub parameters: Vec<Parameter>,
}

/// Adds a loss behind logits and target; see [`Model::build_with_loss`].
pub type ApplyLoss<'a> =
    &'a mut dyn FnMut(&mut Graph, ValueId, ValueId) -> Result<Vec<ValueId>, ModelError>;

impl Model {
    /// Builds forward pass, loss, backward pass and update for batches of up to `batch` samples.
    ///
    /// # Errors
    /// When a layer does not fit its inputs, naming the layer.
    pub fn build(
        spec: &ModelSpec,
        source: &BatchSource,
        batch: usize,
        update: impl Into<Update>,
    ) -> Result<Self, ModelError> {
        let mut apply = |graph: &mut Graph, logits, target| spec.loss.apply(graph, logits, target);
        Self::build_with_loss(spec, source, batch, update.into(), &mut apply)
    }

    /// As [`Model::build`], with a loss made of several operations: `apply` adds them behind logits and target, in
    /// [`crate::graph::Phase::Loss`], and returns the outputs of the list's own loss, with what is minimised in place of
    /// its first.
    ///
    /// # Errors
    /// When a layer does not fit its inputs, naming the layer.
    pub fn build_with_loss(
        spec: &ModelSpec,
        source: &BatchSource,
        batch: usize,
        update: Update,
        apply: ApplyLoss<'_>,
    ) -> Result<Self, ModelError> {
        let sources = spec.sources()?;
        let mut graph = Graph::default();
        let (gathered, input, target) = add_batch(&mut graph, source, batch)?;
        let mut parameters = Vec::new();
        let mut values: Vec<ValueId> = Vec::with_capacity(spec.layers.len());
        for (layer, sources) in spec.layers.iter().zip(&sources) {
            let read = |source: &Option<usize>| source.map_or(input, |layer| values[layer]);
            let inputs = sources.iter().map(read).collect();
            let mut builder = LayerBuilder {
                graph: &mut graph,
                parameters: &mut parameters,
                name: &layer.name,
                parameters_of: layer.parameters_of.as_deref(),
                shared: 0,
                inputs,
                initializer: layer.initializer,
            };
            values.push(layer.kind.build(&mut builder)?);
            if let (Some(owner), 0) = (&layer.parameters_of, builder.shared) {
                return Err(ModelError::NothingToShare {
                    layer: layer.name.clone(),
                    owner: owner.clone(),
                });
            }
            check_size(&graph, &layer.name, batch)?;
        }
        let logits = values.last().copied().unwrap_or(input);
        let declared = spec.loss.op().outputs();
        let outputs = apply(&mut graph, logits, target)?;
        let output = |symbol| {
            let position = declared.iter().position(|output| output.name == symbol);
            position.map(|at| outputs[at])
        };
        let ignored = match &spec.loss {
            Loss::SequenceCrossEntropy(loss) => Some(loss.ignore_index.cast_unsigned()),
            _ => None,
        };
        let mut targets: Vec<ValueId> =
            parameters.iter().map(|parameter| parameter.value).collect();
        if gathered.is_none() {
            // A handful of features: their gradient is worth seeing too.
            targets.push(input);
        }
        graph.differentiate(outputs[0], &targets)?;
        graph.append_update(update)?;
        Ok(Self {
            graph,
            batch,
            gathered,
            input,
            target,
            logits,
            probabilities: output("p"),
            loss: outputs[0],
            correct: output("correct"),
            loss_of_row: output("loss_of_row").expect("a loss tells of its rows"),
            correct_of_row: output("correct_of_row").filter(|_| ignored.is_some()),
            ignored,
            weight_of_row: output("weight_of_row"),
            parameters,
        })
    }

    /// (N, …) what a sample is told by after an evaluation: its probabilities, the numbers that are predicted, or of a
    /// sequence how many of its tokens are right.
    pub fn told(&self) -> ValueId {
        let told = self.correct_of_row.or(self.probabilities);
        told.unwrap_or(self.logits)
    }

    /// How many predictions of a sample are right or wrong: of a sequence one for each token.
    pub fn judged_per_sample(&self) -> usize {
        match self.correct_of_row {
            Some(_) => self.graph.value(self.target).shape.count() / self.batch,
            None => 1,
        }
    }

    /// Number of learned values.
    pub fn parameter_count(&self) -> u64 {
        self.parameters
            .iter()
            .map(|parameter| self.graph.value(parameter.value).shape.count() as u64)
            .sum()
    }
}

/// Most bytes of data, parameters and activations that a model may have.
const MAX_BYTES: u64 = 1 << 32;

/// Refuses a model that has grown too large with its newest layer; nothing is allocated yet.
fn check_size(graph: &Graph, layer: &str, batch: usize) -> Result<(), ModelError> {
    let own = graph.values().iter().filter(|value| value.view.is_none());
    let bytes = own
        .map(|value| value.shape.count() as u64 * value.element.bytes() as u64)
        .sum();
    if bytes > MAX_BYTES {
        return Err(ModelError::TooLarge {
            layer: layer.into(),
            bytes,
            batch,
            limit: MAX_BYTES,
        });
    }
    Ok(())
}

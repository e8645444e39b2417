//! Appending the optimizer: parameters, gradients and states as flat rows, so
//! that one dispatch updates them all.

use super::{Graph, GraphError, Phase, Source, ValueId};
use crate::ops::{AddBackward, ClipGradient, GradientNorm, Op};
use crate::tensor::{ElementType, Shape};

/// Offsets inside an arena are multiples of this many elements: 256 bytes, which
/// every device accepts as the start of a binding.
const ALIGNMENT: usize = 64;

/// Name of the row of all parameters; gradients and states are named after it.
pub const PARAMETERS: &str = "parameters";

/// How parameters are updated.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// Its inputs are the parameters, the gradients and then its states.
    pub op: Op,
    /// The largest norm of all gradients together; larger ones are scaled down to it.
    pub max_norm: Option<f32>,
}

impl From<Op> for Update {
    fn from(op: Op) -> Self {
        Self { op, max_norm: None }
    }
}

impl Graph {
    /// Appends the update of all parameters, with the clipping of their gradients in front.
    ///
    /// # Errors
    /// When a parameter has no gradient, or the arena is too large.
    pub fn append_update(&mut self, update: impl Into<Update>) -> Result<(), GraphError> {
        let Update { op, max_norm } = update.into();
        let parameters = self.parameters();
        let mut offsets = Vec::with_capacity(parameters.len());
        let mut length = 0;
        for &parameter in &parameters {
            offsets.push(length);
            length += self
                .value(parameter)
                .shape
                .count()
                .next_multiple_of(ALIGNMENT);
        }
        let shape = Shape::new([length])?;
        let arena = |graph: &mut Self, name: String, source: Source| {
            graph.push(name, shape.clone(), ElementType::F32, source)
        };
        let weights = arena(self, PARAMETERS.into(), Source::Arena);
        let gradients = arena(self, format!("{PARAMETERS}.grad"), Source::Arena);
        let mut inputs = vec![weights, gradients];
        for state in &op.inputs()[2..] {
            inputs.push(arena(
                self,
                format!("{PARAMETERS}.{}", state.name),
                Source::State,
            ));
        }
        for (&parameter, &offset) in parameters.iter().zip(&offsets) {
            let gradient = self.gradient_with_own_memory(parameter)?;
            self.values[parameter.0].view = Some((weights, offset));
            self.values[gradient.0].view = Some((gradients, offset));
        }
        if let Some(max_norm) = max_norm {
            inputs[1] = self.append_clipping(gradients, max_norm)?;
        }
        self.apply_in(Phase::Update, None, op, "update".into(), &inputs)?;
        Ok(())
    }

    /// The gradients, scaled down where their norm is larger than `max_norm`.
    fn append_clipping(
        &mut self,
        gradients: ValueId,
        max_norm: f32,
    ) -> Result<ValueId, GraphError> {
        let norm = Op::GradientNorm(GradientNorm {});
        let norm = self.apply_in(
            Phase::Update,
            None,
            norm,
            "gradient_norm".into(),
            &[gradients],
        )?[0];
        let clip = Op::ClipGradient(ClipGradient { max_norm });
        let clipped = [gradients, norm];
        Ok(self.apply_in(Phase::Update, None, clip, "clip_gradient".into(), &clipped)?[0])
    }

    /// The operation that updates the parameters, once one was appended.
    pub fn update(&self) -> Option<&Op> {
        let last = self.nodes.iter().rfind(|node| node.phase == Phase::Update);
        last.map(|node| &node.op)
    }

    /// The norm of all gradients together, where it is computed: when they are clipped.
    pub fn gradient_norm(&self) -> Option<ValueId> {
        let mut nodes = self.nodes.iter();
        let norm = nodes.find(|node| matches!(node.op, Op::GradientNorm(_)));
        norm.map(|node| node.outputs[0])
    }

    /// A parameter's gradient as a value that can move into the row of gradients.
    ///
    /// A gradient that is a new shape of another value's memory is copied first:
    /// nothing would write it in its new place.
    fn gradient_with_own_memory(&mut self, parameter: ValueId) -> Result<ValueId, GraphError> {
        let name = self.value(parameter).name.clone();
        let Some(gradient) = self.value(parameter).gradient else {
            return Err(GraphError::NoGradient { name });
        };
        if self.value(gradient).view.is_none() {
            return Ok(gradient);
        }
        let op = Op::AddBackward(AddBackward {});
        let node = format!("{name}.grad_copy");
        let copy = self.apply_in(Phase::Backward, None, op, node, &[gradient])?[0];
        self.values[gradient.0].name = format!("{name}.grad_view");
        self.values[copy.0].name = format!("{name}.grad");
        self.values[parameter.0].gradient = Some(copy);
        Ok(copy)
    }

    /// The row of all parameters, once an update was appended.
    pub fn parameter_arena(&self) -> Option<ValueId> {
        self.find_value(PARAMETERS)
    }

    /// The optimizer's states: rows parallel to the parameters', with their symbols.
    pub fn optimizer_states(&self) -> Vec<(String, ValueId)> {
        self.value_ids()
            .filter(|&id| self.value(id).source == Source::State)
            .map(|id| {
                let name = &self.value(id).name;
                let symbol = name.rsplit('.').next().unwrap_or(name);
                (symbol.to_string(), id)
            })
            .collect()
    }
}

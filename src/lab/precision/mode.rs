//! The three ways of training, and the memory that each takes.

use crate::exec::{Mode, Plan};
use crate::graph::{Graph, PARAMETERS, Phase};
use crate::tensor::ElementType;
use serde::{Deserialize, Serialize};

/// What is stored in how many bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PrecisionMode {
    /// Everything in 32 bits.
    Float32,
    /// Weights, activations, gradients, optimizer states and every update in 16 bits.
    Float16,
    /// Forward and backward pass in 16 bits, master weights, optimizer states and update in 32, with a scaled loss.
    Mixed,
}

impl PrecisionMode {
    pub const ALL: [Self; 3] = [Self::Float32, Self::Float16, Self::Mixed];

    /// Its spelling in links and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Float32 => "float32",
            Self::Float16 => "float16",
            Self::Mixed => "mixed",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }

    /// Whether the results of a phase are rounded to float16, and stored as such.
    pub(super) fn rounds(self, phase: Phase) -> bool {
        match self {
            Self::Float32 => false,
            Self::Float16 => true,
            Self::Mixed => !matches!(phase, Phase::Loss | Phase::Update),
        }
    }
}

/// Bytes that a training step takes where 16-bit numbers are stored as such, counted from the plan of the graph: of the
/// emulation what hardware would store, of a device what its buffers hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryParts {
    /// As the forward pass reads them.
    pub weights: u64,
    /// The float32 copy that the update changes.
    pub master: u64,
    pub gradients: u64,
    pub states: u64,
    /// Results of forward and backward operations, as many as are needed at once.
    pub activations: u64,
    /// Of a device: what all operations share for their own sums, and for float32 forms of float16 numbers.
    pub scratch: u64,
}

impl MemoryParts {
    pub fn new(graph: &Graph, mode: PrecisionMode) -> Self {
        let weights = graph.find_value(PARAMETERS);
        let weights = weights.map_or(0, |value| graph.value(value).shape.count() as u64);
        let states = graph.optimizer_states().len() as u64 * weights;
        let plan = Plan::new(graph, Mode::Train, &[]);
        let (pass, update, master) = match mode {
            PrecisionMode::Float32 => (4, 4, 0),
            PrecisionMode::Float16 => (2, 2, 0),
            PrecisionMode::Mixed => (2, 4, 4),
        };
        Self {
            weights: pass * weights,
            master: master * weights,
            gradients: pass * weights,
            states: update * states,
            activations: activation_bytes(graph, &plan, mode),
            scratch: 0,
        }
    }

    pub fn total(&self) -> u64 {
        self.weights + self.master + self.gradients + self.states + self.activations + self.scratch
    }
}

/// Bytes of the plan's transient slots. Values that take turns in a slot may be of 16 and of 32 bits: the largest counts.
fn activation_bytes(graph: &Graph, plan: &Plan, mode: PrecisionMode) -> u64 {
    let mut bytes = vec![0; plan.slots.len()];
    for node in graph.nodes() {
        for &output in &node.outputs {
            let Some(place) = plan.find_place(output) else {
                continue;
            };
            let value = graph.value(output);
            // Places and classes are whole numbers of 32 bits, whatever happens to reals.
            let width = match value.element {
                ElementType::F32 if mode.rounds(node.phase) => 2,
                element => element.bytes(),
            };
            let end = ((place.offset + value.shape.count()) * width) as u64;
            let slot: &mut u64 = &mut bytes[place.slot];
            *slot = end.max(*slot);
        }
    }
    let slots = plan.slots.iter().zip(bytes);
    let transient = slots.filter(|(slot, _)| !slot.persistent);
    transient.map(|(_, bytes)| bytes).sum()
}

//! One line of Python for each layer: its module, and what the forward pass does with it.

use super::{TorchError, float};
use crate::layers::{Kind, Layer, Model, ModelSpec, Returns};
use crate::ops::{Approximate, Padding, Pair};
use std::fmt::Write;

/// The modules of `Network.__init__`, and the body of `Network.forward`.
///
/// # Errors
/// Names the first layer that has no counterpart.
pub(super) fn code(spec: &ModelSpec, model: &Model) -> Result<(String, String), TorchError> {
    let (mut modules, mut forward) = (String::new(), String::new());
    let sources = spec.sources().expect("a model was built of it");
    for (number, (layer, sources)) in spec.layers.iter().zip(&sources).enumerate() {
        let names: Vec<String> = sources
            .iter()
            .map(|source| source.map_or("x".into(), |at| format!("v{at}")))
            .collect();
        let context = Context { layer, model };
        let line = match context.module()? {
            Some(module) => {
                let owner = layer.parameters_of.as_deref();
                if owner.is_none() {
                    let _ = writeln!(modules, "        put(self, {:?}, {module})", layer.name);
                }
                let called = format!(
                    "part(self, {:?})({})",
                    owner.unwrap_or(&layer.name),
                    names.join(", ")
                );
                context.after(&called)
            }
            None => context.function(&names)?,
        };
        let _ = writeln!(forward, "        v{number} = {line}  # {}", layer.name);
    }
    let _ = writeln!(forward, "        return v{}", spec.layers.len() - 1);
    Ok((modules, forward))
}

struct Context<'a> {
    layer: &'a Layer,
    model: &'a Model,
}

fn pair(Pair { height, width }: Pair) -> String {
    format!("({height}, {width})")
}

impl Context<'_> {
    fn attribute(&self, what: impl Into<String>) -> TorchError {
        TorchError::Attribute {
            layer: self.layer.name.clone(),
            what: what.into(),
        }
    }

    /// The shape of one of the layer's parameters.
    fn parameter(&self, name: &str) -> &[usize] {
        let owner = self.layer.parameters_of.as_ref();
        let full = format!("{}.{name}", owner.unwrap_or(&self.layer.name));
        let graph = &self.model.graph;
        let value = graph.find_value(&full).expect("the layer was built");
        graph.value(value).shape.dims()
    }

    /// The number of dimensions of the layer's output.
    fn rank(&self) -> usize {
        let graph = &self.model.graph;
        let mut nodes = graph.nodes().iter();
        let node = nodes.find(|node| node.name == self.layer.name);
        node.map_or(0, |node| graph.value(node.outputs[0]).shape.rank())
    }

    /// As PyTorch's layers take it: the same on both sides of an axis.
    fn padding(&self, padding: Padding) -> Result<String, TorchError> {
        let Padding {
            top,
            bottom,
            left,
            right,
        } = padding;
        if top != bottom || left != right {
            return Err(self.attribute(format!(
                "its padding is {top}, {bottom}, {left}, {right}: different on two sides"
            )));
        }
        Ok(format!("({top}, {left})"))
    }

    /// The module, for layers that are one in PyTorch.
    fn module(&self) -> Result<Option<String>, TorchError> {
        let flag = |flag: bool| if flag { "True" } else { "False" };
        Ok(Some(match &self.layer.kind {
            Kind::Linear(_) => {
                let weight = self.parameter("weight");
                format!("nn.Linear({}, {})", weight[1], weight[0])
            }
            Kind::Conv2d(conv) => {
                let weight = self.parameter("weight");
                format!(
                    "nn.Conv2d({}, {}, {}, stride={}, padding={}, dilation={}, groups={}, bias={})",
                    weight[1] * conv.groups,
                    weight[0],
                    pair(conv.kernel),
                    pair(conv.stride),
                    self.padding(conv.padding)?,
                    pair(conv.dilation),
                    conv.groups,
                    flag(conv.bias)
                )
            }
            Kind::MaxPool2d(pool) => format!(
                "nn.MaxPool2d({}, stride={}, padding={}, dilation={}, ceil_mode={})",
                pair(pool.kernel),
                pair(pool.stride.unwrap_or(pool.kernel)),
                self.padding(pool.padding)?,
                pair(pool.dilation),
                flag(pool.ceil_mode)
            ),
            Kind::AvgPool2d(pool) => format!(
                "nn.AvgPool2d({}, stride={}, padding={}, ceil_mode={}, count_include_pad={})",
                pair(pool.kernel),
                pair(pool.stride.unwrap_or(pool.kernel)),
                self.padding(pool.padding)?,
                flag(pool.ceil_mode),
                flag(pool.count_include_pad)
            ),
            Kind::BatchNorm(norm) => format!(
                "nn.BatchNorm{}d({}, eps={}, momentum={})",
                if self.rank() == 4 { 2 } else { 1 },
                self.parameter("weight")[0],
                float(norm.epsilon),
                float(norm.momentum)
            ),
            Kind::LayerNorm(norm) => format!(
                "nn.LayerNorm({:?}, eps={})",
                self.parameter("weight"),
                float(norm.epsilon)
            ),
            Kind::Dropout(dropout) => format!("nn.Dropout({})", float(dropout.rate)),
            Kind::Embedding(table) => {
                format!("nn.Embedding({}, {})", table.vocabulary, table.features)
            }
            Kind::Rnn(rnn) => {
                let nonlinearity = serde_json::to_value(rnn.nonlinearity);
                let nonlinearity = nonlinearity.ok();
                let nonlinearity = nonlinearity.as_ref().and_then(|name| name.as_str());
                let extra = format!(", nonlinearity={:?}", nonlinearity.unwrap_or("tanh"));
                self.recurrent(
                    "RNN",
                    rnn.hidden_size,
                    rnn.num_layers,
                    rnn.bidirectional,
                    &extra,
                    rnn.reverse,
                    rnn.truncate,
                )?
            }
            Kind::Lstm(lstm) => self.recurrent(
                "LSTM",
                lstm.hidden_size,
                lstm.num_layers,
                lstm.bidirectional,
                "",
                lstm.reverse,
                lstm.truncate,
            )?,
            Kind::Gru(gru) => self.recurrent(
                "GRU",
                gru.hidden_size,
                gru.num_layers,
                gru.bidirectional,
                "",
                gru.reverse,
                gru.truncate,
            )?,
            _ => return Ok(None),
        }))
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the attributes of three layers that share no struct"
    )]
    fn recurrent(
        &self,
        class: &str,
        hidden: usize,
        layers: usize,
        bidirectional: bool,
        extra: &str,
        reverse: bool,
        truncate: Option<usize>,
    ) -> Result<String, TorchError> {
        if reverse {
            return Err(self.attribute("it runs from the last step to the first alone"));
        }
        if let Some(steps) = truncate {
            return Err(self.attribute(format!("its gradients stop behind every {steps} steps")));
        }
        let features = self.parameter("weight_ih_l0")[1];
        let bidirectional = if bidirectional { "True" } else { "False" };
        Ok(format!(
            "nn.{class}({features}, {hidden}, num_layers={layers}, bidirectional={bidirectional}, batch_first=True{extra})"
        ))
    }

    /// What is taken of the result of a module's call.
    fn after(&self, called: &str) -> String {
        let (returns, hidden, both) = match &self.layer.kind {
            Kind::Rnn(l) => (l.returns, l.hidden_size, l.bidirectional),
            Kind::Lstm(l) => (l.returns, l.hidden_size, l.bidirectional),
            Kind::Gru(l) => (l.returns, l.hidden_size, l.bidirectional),
            _ => return called.into(),
        };
        match (returns, both) {
            (Returns::All, _) => format!("{called}[0]"),
            (Returns::Last, false) => format!("{called}[0][:, -1]"),
            // The other direction ends at the first step.
            (Returns::Last, true) => format!(
                "(lambda s: torch.cat([s[:, -1, :{hidden}], s[:, 0, {hidden}:]], 1))({called}[0])"
            ),
        }
    }

    /// The expression, for layers without parameters.
    fn function(&self, names: &[String]) -> Result<String, TorchError> {
        let x = &names[0];
        let two = |operator: &str| format!("{} {operator} {}", names[0], names[1]);
        let tuple = |numbers: &[i64]| {
            let numbers: Vec<String> = numbers.iter().map(i64::to_string).collect();
            format!("({},)", numbers.join(", "))
        };
        let reduced = |name: &str, axes: &[i64], keepdim: bool| {
            let keepdim = if keepdim { "True" } else { "False" };
            format!("{x}.{name}(dim={}, keepdim={keepdim})", tuple(axes))
        };
        Ok(match &self.layer.kind {
            Kind::Relu(_) => format!("F.relu({x})"),
            Kind::Sigmoid(_) => format!("torch.sigmoid({x})"),
            Kind::Tanh(_) => format!("torch.tanh({x})"),
            Kind::LeakyRelu(l) => format!("F.leaky_relu({x}, {})", float(l.negative_slope)),
            Kind::Gelu(l) => {
                let approximate = match l.approximate {
                    Approximate::None => "none",
                    Approximate::Tanh => "tanh",
                };
                format!("F.gelu({x}, approximate=\"{approximate}\")")
            }
            Kind::Softmax(_) => format!("F.softmax({x}, dim=-1)"),
            Kind::LogSoftmax(_) => format!("F.log_softmax({x}, dim=-1)"),
            Kind::Flatten(_) => format!("torch.flatten({x}, 1)"),
            Kind::GlobalAvgPool2d(_) => format!("{x}.mean(dim=(2, 3))"),
            Kind::Reshape(l) => {
                let sizes: Vec<String> = l.shape.iter().map(i64::to_string).collect();
                format!("{x}.reshape({x}.shape[0], {})", sizes.join(", "))
            }
            Kind::Transpose(l) => {
                let axes: Vec<i64> = l.axes.iter().map(|&axis| axis as i64).collect();
                format!("{x}.permute{}", tuple(&axes))
            }
            Kind::Concatenate(l) => {
                format!("torch.cat([{}], dim={})", names.join(", "), l.axis)
            }
            Kind::Add(_) => two("+"),
            Kind::Subtract(_) => two("-"),
            Kind::Multiply(_) => two("*"),
            Kind::Divide(_) => two("/"),
            Kind::Maximum(_) => format!("torch.maximum({}, {})", names[0], names[1]),
            Kind::Minimum(_) => format!("torch.minimum({}, {})", names[0], names[1]),
            Kind::Negate(_) => format!("-{x}"),
            Kind::Exponential(_) => format!("torch.exp({x})"),
            Kind::Logarithm(_) => format!("torch.log({x})"),
            Kind::SquareRoot(_) => format!("torch.sqrt({x})"),
            Kind::Square(_) => format!("torch.square({x})"),
            Kind::Power(l) => format!("torch.pow({x}, {})", float(l.exponent)),
            Kind::Sum(l) => reduced("sum", &l.axes, l.keepdim),
            Kind::Mean(l) => reduced("mean", &l.axes, l.keepdim),
            other => {
                return Err(TorchError::Kind {
                    layer: self.layer.name.clone(),
                    kind: other.name(),
                });
            }
        })
    }
}

//! The text of every shader, by name: file stem, entry point and label are one.

/// WGSL text of a file in `shaders/`.
#[cfg(not(target_arch = "wasm32"))]
macro_rules! text_of {
    ($name:literal) => {
        include_str!(concat!("../../shaders/", $name, ".wgsl"))
    };
}

/// The same without comments, which the page fetches when they are to be read: they are a third of the text.
#[cfg(target_arch = "wasm32")]
macro_rules! text_of {
    ($name:literal) => {
        include_str!(concat!(env!("OUT_DIR"), "/shaders/", $name, ".wgsl"))
    };
}

/// (name, WGSL text) of files in `shaders/`.
macro_rules! shaders {
    ($(#[$doc:meta])* $list:ident: $($name:literal),+ $(,)?) => {
        $(#[$doc])*
        pub const $list: &[(&str, &str)] = &[
            $(($name, text_of!($name))),+
        ];
    };
}

shaders! {
    /// Shaders with float16 storage, which only the compute lab runs and only some devices have, and those that convert
    /// from and to it, which every device has. A list of their own, so that a program without the lab does not hold them.
    HALF_SHADERS:
    "conv2d_backward_input_f16",
    "conv2d_backward_parameters_f16",
    "conv2d_backward_parameters_reduce_f16",
    "conv2d_f16",
    "float16_narrow",
    "float16_round",
    "float16_unscale",
    "float16_widen",
    "linear_backward_input_f16",
    "linear_backward_parameters_f16",
    "linear_f16",
    "max_pool2d_backward_f16",
    "max_pool2d_f16",
    "relu_backward_f16",
    "relu_f16",
}

shaders! {
    /// The shaders of operations and executors; a test holds both lists together equal to the folder.
    SHADERS:
    "adagrad_update",
    "adam_update",
    "adamw_update",
    "add",
    "add_backward",
    "add_broadcast",
    "attention_mixture",
    "attention_mixture_backward_value",
    "attention_mixture_backward_weight",
    "attention_scores",
    "attention_scores_backward_key",
    "attention_scores_backward_query",
    "attention_weights",
    "attention_weights_backward",
    "augment",
    "avg_pool2d",
    "avg_pool2d_backward",
    "batch_norm",
    "batch_norm_activated",
    "batch_norm_backward_bias",
    "batch_norm_backward_input",
    "batch_norm_backward_sums",
    "batch_norm_backward_weight",
    "batch_norm_statistics",
    "binary_cross_entropy",
    "binary_cross_entropy_backward",
    "broadcast_backward",
    "clip_gradient",
    "concatenate",
    "conv2d",
    "conv2d_backward_bias",
    "conv2d_backward_bias_reduce",
    "conv2d_backward_input",
    "conv2d_backward_input_blocked",
    "conv2d_backward_parameters",
    "conv2d_backward_parameters_reduce",
    "conv2d_backward_weight",
    "conv2d_backward_weight_reduce",
    "conv2d_blocked",
    "divide",
    "divide_backward_denominator",
    "divide_backward_numerator",
    "exponential",
    "exponential_backward",
    "dropout",
    "dropout_backward",
    "gather_batch",
    "gather_classes",
    "gather_rows",
    "gather_windows",
    "gelu",
    "gelu_backward",
    "gradient_norm",
    "gradient_norm_parts",
    "kullback_leibler",
    "kullback_leibler_backward",
    "leaky_relu",
    "leaky_relu_backward",
    "global_avg_pool2d",
    "global_avg_pool2d_backward",
    "layer_norm",
    "layer_norm_backward_bias",
    "layer_norm_backward_input",
    "layer_norm_backward_weight",
    "linear",
    "linear_backward_bias",
    "linear_backward_input",
    "linear_backward_input_blocked",
    "linear_backward_parameters",
    "linear_backward_weight",
    "linear_blocked",
    "log_softmax",
    "log_softmax_backward",
    "logarithm",
    "logarithm_backward",
    "matrix_product",
    "max_pool2d",
    "max_pool2d_backward",
    "max_pool2d_backward_windows",
    "maximum",
    "maximum_backward",
    "mean",
    "mean_absolute_error",
    "mean_absolute_error_backward",
    "mean_backward",
    "mean_of_rows",
    "mean_squared_error",
    "mean_squared_error_backward",
    "minimum",
    "minimum_backward",
    "momentum_update",
    "multiply",
    "multiply_backward",
    "negate",
    "power",
    "power_backward",
    "record_step",
    "rnn",
    "rnn_backward",
    "lstm",
    "lstm_blocked",
    "lstm_backward_blocked",
    "recurrent_backward_weight_blocked",
    "embedding",
    "embedding_backward",
    "lstm_backward",
    "lstm_backward_seed",
    "lstm_backward_cell",
    "gru",
    "gru_backward",
    "gru_backward_seed",
    "gru_backward_state",
    "recurrent_backward_weight",
    "recurrent_backward_state",
    "last_step",
    "last_step_backward",
    "relu",
    "relu_backward",
    "rmsprop_update",
    "rmsprop_update_centered",
    "rmsprop_update_centered_momentum",
    "rmsprop_update_momentum",
    "sequence_cross_entropy",
    "sequence_cross_entropy_backward",
    "sequence_cross_entropy_rows",
    "sgd_update",
    "sigmoid",
    "sigmoid_backward",
    "slice",
    "slice_backward",
    "softmax",
    "softmax_backward",
    "softmax_cross_entropy",
    "softmax_cross_entropy_backward",
    "softmax_cross_entropy_with_gradient",
    "square",
    "square_backward",
    "square_root",
    "square_root_backward",
    "subtract",
    "subtract_backward",
    "sum",
    "sum_backward",
    "tanh_activation",
    "tanh_backward",
    "total_of_rows",
    "transpose",
    "weighted_cross_entropy",
    "weighted_cross_entropy_backward",
    "weighted_mean_of_rows",
}

/// The WGSL text of the shader called `name`.
///
/// Panics on an unknown name: kernel calls name shaders of the list, and tests run every call.
pub fn source(name: &str) -> &'static str {
    SHADERS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|&(_, text)| text)
        .unwrap_or_else(|| panic!("no shader is called {name}"))
}

/// Whether the shader reads the step's values (group 1).
pub fn uses_step(name: &str) -> bool {
    text_uses_step(source(name))
}

/// As [`uses_step`], of a shader's text.
pub fn text_uses_step(text: &str) -> bool {
    text.contains("var<uniform> step: StepValues")
}

/// How a kernel uses a storage binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    Read,
    ReadWrite,
}

/// The storage bindings of group 0 of a shader's text, from binding 1 on.
pub fn bindings_of(text: &str) -> Vec<Access> {
    text.lines()
        .filter(|line| line.starts_with("@group(0)"))
        .filter_map(|line| {
            let written = line.contains("var<storage, read_write>");
            let read = line.contains("var<storage, read>");
            match (read, written) {
                (true, _) => Some(Access::Read),
                (_, true) => Some(Access::ReadWrite),
                _ => None,
            }
        })
        .collect()
}

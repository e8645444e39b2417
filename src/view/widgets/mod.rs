//! Small instruments that stand beside the steps of a chapter: what each shows, without a page.
//!
//! A widget is a file here (its arithmetic and its drawings, tested natively), one in `web/course/widgets/` (how it is
//! laid out and moved), and its words in `view/texts/widgets/`.

/// All widgets, by the names under which chapters show them.
pub const NAMES: [&str; 13] = [
    "activations",
    "losses",
    "temperature",
    "noise",
    "schedules",
    "metrics",
    "convolution",
    "pooling",
    "shapes",
    "embedding",
    "attention",
    "pipeline",
    "errors",
];

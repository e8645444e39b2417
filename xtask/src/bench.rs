//! The comparison with other engines.

/// Runs the comparison.
///
/// # Errors
/// Always, until the comparison exists.
pub fn run(_arguments: &[String]) -> Result<(), String> {
    Err("the comparison with other engines is not built yet; \
         `cargo run --release -- bench PRESET` measures this engine alone"
        .to_string())
}

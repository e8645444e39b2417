//! Walking over cells by arrow keys.

/// Where a key leads in a grid of (rows, columns); `None` for a key that does not move. It stays at the edge.
pub fn moved(key: &str, at: usize, [rows, columns]: [usize; 2]) -> Option<usize> {
    let (row, column) = (at / columns, at % columns);
    let (row, column) = match key {
        "ArrowLeft" => (row, column.saturating_sub(1)),
        "ArrowRight" => (row, (column + 1).min(columns - 1)),
        "ArrowUp" => (row.saturating_sub(1), column),
        "ArrowDown" => ((row + 1).min(rows - 1), column),
        "Home" => (0, 0),
        "End" => (rows - 1, columns - 1),
        _ => return None,
    };
    Some(row * columns + column)
}

/// Settings as a link has them.
#[cfg(test)]
pub fn settings(pairs: &[(&str, &str)]) -> std::collections::BTreeMap<String, String> {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect()
}

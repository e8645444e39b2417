//! The lines of a kernel that do the work, and how much work a byte carries.

use std::collections::HashSet;

/// Numbers, from 0, of the lines of the inner product: what the innermost loops accumulate, or
/// choose, or else the line that writes the result.
///
/// They are read off the text: an accumulator grows by `+=` inside an innermost loop and is never
/// used as an index, so that counters and offsets into tensors are not taken for one.
pub fn working_lines(source: &str) -> Vec<usize> {
    let lines: Vec<&str> = source.lines().map(code_of).collect();
    let indexing = indexing_names(&lines);
    let inner = innermost_loops(&lines);
    let is_result = |target: &str| {
        let name = target.split(['.', '[']).next().unwrap_or(target);
        // Flags only steer.
        !name.contains(' ') && !name.starts_with("is_") && !indexing.contains(name)
    };
    let find = |mark: &str| -> Vec<usize> {
        let inside = (0..lines.len()).filter(|&number| inner[number]);
        let found = inside.filter(|&number| {
            let target = lines[number].split_once(mark);
            target.is_some_and(|(target, _)| is_result(target.trim()))
        });
        found.collect()
    };
    for mark in [" += ", " = "] {
        let found = find(mark);
        if !found.is_empty() {
            return found;
        }
    }
    let written = lines.iter().rposition(|line| {
        let marks = [" = ", " += ", " -= "];
        let target = marks.iter().find_map(|mark| line.split_once(mark));
        target.is_some_and(|(target, _)| target.ends_with(']'))
    });
    written.into_iter().collect()
}

/// Whether a kernel has a loop.
pub fn has_loop(source: &str) -> bool {
    source.lines().map(code_of).any(opens_loop)
}

/// Floating-point operations for each byte that moves; `None` where nothing moves.
pub fn arithmetic_intensity(flops: u64, bytes: u64) -> Option<f64> {
    (bytes > 0).then(|| flops as f64 / bytes as f64)
}

/// A line without its comment and indentation.
fn code_of(line: &str) -> &str {
    line.split("//").next().unwrap_or(line).trim()
}

fn opens_loop(line: &str) -> bool {
    line.starts_with("for (") || line.starts_with("while ") || line.starts_with("loop {")
}

/// Whether each line lies in a loop that has no other loop inside.
fn innermost_loops(lines: &[&str]) -> Vec<bool> {
    let mut inside = vec![false; lines.len()];
    // (line that opens it, depth of braces outside, whether another loop lies inside)
    let mut open: Vec<(usize, i32, bool)> = Vec::new();
    let mut depth = 0;
    for (number, line) in lines.iter().enumerate() {
        if opens_loop(line) {
            for outer in &mut open {
                outer.2 = true;
            }
            open.push((number, depth, false));
        }
        let count = |brace: char| line.matches(brace).count() as i32;
        depth += count('{') - count('}');
        while let Some(&(first, outside, has_inner)) = open.last()
            && depth <= outside
        {
            open.pop();
            if !has_inner {
                inside[first + 1..number].fill(true);
            }
        }
    }
    inside
}

/// Names that stand between brackets somewhere: positions in tensors.
fn indexing_names<'a>(lines: &[&'a str]) -> HashSet<&'a str> {
    let mut names = HashSet::new();
    for line in lines {
        let mut depth = 0;
        let mut start = 0;
        for (at, character) in line.char_indices() {
            let is_name = character.is_alphanumeric() || character == '_';
            if !is_name {
                if depth > 0 && start < at {
                    names.insert(&line[start..at]);
                }
                start = at + character.len_utf8();
            }
            match character {
                '[' => depth += 1,
                ']' => depth -= 1,
                _ => {}
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::shader::SHADERS;

    fn marked(name: &str) -> Vec<&'static str> {
        let source = crate::ops::shader::source(name);
        let lines: Vec<&str> = source.lines().collect();
        let numbers = working_lines(source);
        numbers.into_iter().map(|n| lines[n].trim()).collect()
    }

    #[test]
    fn every_kernel_has_lines_that_do_the_work() {
        let mut with_loops = 0;
        for (name, source) in SHADERS {
            let lines = marked(name);
            assert!(!lines.is_empty(), "{name}");
            assert!(
                lines.iter().all(|line| line.contains('=')),
                "{name}: {lines:?}"
            );
            if !has_loop(source) {
                assert!(lines[0].contains('['), "{name}: {lines:?}");
                continue;
            }
            with_loops += 1;
            // What is accumulated or chosen comes from tensors or what was read of them, and is
            // declared outside of the loop.
            for line in lines {
                let target = line.split([' ', '.', '[']).next().unwrap();
                let declaration = source.find(&format!("var {target}"));
                let shared = source.find(&format!("> {target}:"));
                let declared = declaration.or(shared);
                let used = source.find(line).unwrap();
                assert!(declared.is_some_and(|at| at < used), "{name}: {line}");
                let counts = line.contains("+= 1u;");
                assert!(!counts, "{name}: {line} counts");
            }
        }
        assert!(with_loops > 15, "{with_loops} kernels with loops");
    }

    #[test]
    fn the_inner_products_are_the_lines_that_one_would_point_at() {
        assert_eq!(marked("conv2d"), ["sum += x[x_row + v] * w[w_row + j];"]);
        assert_eq!(
            marked("softmax_cross_entropy"),
            ["total += exp(z[row + k] - largest);"]
        );
        let blocked = marked("conv2d_blocked");
        assert_eq!(blocked.len(), 8);
        assert!(
            blocked.iter().all(|line| line.ends_with("] * weight;")),
            "{blocked:?}"
        );
        let pooling = marked("max_pool2d");
        assert!(
            pooling.len() == 2,
            "the best value and its place: {pooling:?}"
        );
        assert_eq!(marked("relu").len(), 1);
    }

    #[test]
    fn counters_offsets_and_comments_are_not_work() {
        let source = "// sum += a[i] * b[i];\nfor (var i = 0u; i < 9u; i += 1u) {\n  \
            sum += a[at + i] * 2.0; // sum += 1.0\n  at += 3u;\n}\ny[n] = sum;";
        assert_eq!(working_lines(source), [2]);
        assert_eq!(working_lines("let a = 1;\ny[n] = a;"), [1]);
        assert!(working_lines("// nothing").is_empty());
        let nested = "for (;;) {\n  total += 1.0;\n  for (;;) {\n    sum += x[i];\n  }\n}";
        assert_eq!(working_lines(nested), [3]);
    }

    #[test]
    fn intensity_is_work_for_each_byte() {
        assert_eq!(arithmetic_intensity(100, 50), Some(2.0));
        assert_eq!(arithmetic_intensity(0, 0), None);
    }
}

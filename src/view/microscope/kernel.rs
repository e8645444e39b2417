//! The line of a kernel that does the work.

/// Number, from 0, of the line with the inner product, or else of the line that writes the result.
pub fn working_line(source: &str) -> Option<usize> {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let is_code = |line: &&str| !line.starts_with("//") && !line.is_empty();
    let find =
        |test: &dyn Fn(&str) -> bool| lines.iter().position(|line| is_code(line) && test(line));
    let indexes = |line: &str| line.contains('[');
    find(&|line| line.contains("+=") && line.contains(" * ") && indexes(line))
        .or_else(|| find(&|line| line.contains("+=") && line.contains(" * ")))
        .or_else(|| find(&|line| line.contains("+=") && indexes(line)))
        .or_else(|| {
            // The last element that is written.
            lines.iter().rposition(|line| {
                let target = [" = ", " += ", " -= "]
                    .iter()
                    .find_map(|mark| line.split_once(mark));
                is_code(line) && target.is_some_and(|(target, _)| target.ends_with(']'))
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_has_a_line_that_does_the_work() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/shaders");
        let mut found = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "wgsl") {
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            let line = working_line(&source).unwrap_or_else(|| panic!("{}", path.display()));
            let text = source.lines().nth(line).unwrap();
            assert!(text.contains('='), "{}: {text}", path.display());
            found += 1;
        }
        assert!(found > 10, "the scan found {found} kernels");
    }

    #[test]
    fn the_inner_product_comes_before_the_write() {
        let source = "// sum += a[i] * b[i];\nfor (;;) {\n  sum += a[i] * b[i];\n}\ny[n] = sum;";
        assert_eq!(working_line(source), Some(2));
        assert_eq!(working_line("let a = 1;\ny[n] = a;"), Some(1));
        assert_eq!(working_line("// nothing"), None);
    }
}

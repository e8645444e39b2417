//! What a shader's text says to a device: its code without the lines that are comments.
//!
//! The build script uses this file too.

/// `text` with every line that is only a comment left empty, so that lines keep their numbers.
pub fn without_comments(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    for line in text.lines() {
        if !line.trim_start().starts_with("//") {
            code += line;
        }
        code.push('\n');
    }
    code
}

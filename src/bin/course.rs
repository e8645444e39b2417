//! The pages of the course: the concept map, chapters, exercises.

#[cfg(target_arch = "wasm32")]
fn main() {
    glassbox::web::mount_course();
}

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    eprintln!(
        "course: this program runs in a browser only; `cargo run -- help` shows the command line"
    );
    std::process::ExitCode::FAILURE
}

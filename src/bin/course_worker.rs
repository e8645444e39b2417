//! The Web Worker of the course's engine.

#[cfg(target_arch = "wasm32")]
fn main() {
    glassbox::web::worker::serve::<glassbox::web::course::Teaching>();
}

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    eprintln!(
        "course_worker: this program runs in a browser only; `cargo run -- help` shows the command line"
    );
    std::process::ExitCode::FAILURE
}

//! The Web Worker of the compute lab's engine.

#[cfg(target_arch = "wasm32")]
fn main() {
    glassbox::web::worker::serve::<glassbox::web::lab::Measuring>();
}

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    eprintln!(
        "lab_worker: this program runs in a browser only; `cargo run -- help` shows the command line"
    );
    std::process::ExitCode::FAILURE
}

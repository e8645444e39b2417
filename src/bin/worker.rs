//! The Web Worker of the engine that trains and steps.

#[cfg(target_arch = "wasm32")]
fn main() {
    glassbox::web::worker::serve::<glassbox::web::training::Training>();
}

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    eprintln!(
        "worker: this program runs in a browser only; `cargo run -- help` shows the command line"
    );
    std::process::ExitCode::FAILURE
}

//! The page of the compute lab.

#[cfg(target_arch = "wasm32")]
fn main() {
    glassbox::web::mount_lab();
}

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    eprintln!(
        "lab: this program runs in a browser only; `cargo run -- help` shows the command line"
    );
    std::process::ExitCode::FAILURE
}

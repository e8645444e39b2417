//! The page on wasm32; the command line everywhere else.

#[cfg(target_arch = "wasm32")]
fn main() {
    glassbox::web::mount();
}

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    eprintln!("glassbox: the command line is not built yet; `cargo xtask serve` opens the page");
    std::process::ExitCode::FAILURE
}

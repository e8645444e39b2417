//! What is on every page.

mod error_banner;
mod footer;
mod header;
mod help_dialog;
mod locale_toggle;
mod theme_toggle;

pub use error_banner::ErrorBanner;
pub use footer::AppFooter;
pub use header::AppHeader;
pub use help_dialog::HelpDialog;

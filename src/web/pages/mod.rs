//! One file a page.

mod about;
mod coming;
mod home;
mod not_found;
mod train;
mod unknown_preset;

pub use about::AboutPage;
pub use coming::ComingPage;
pub use home::HomePage;
pub use not_found::NotFoundPage;
pub use train::TrainPage;
pub use unknown_preset::UnknownPreset;

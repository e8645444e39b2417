//! One file a page.

mod about;
mod home;
mod not_found;
mod train;
mod unknown_preset;

pub use about::AboutPage;
pub use home::HomePage;
pub use not_found::NotFoundPage;
pub use train::TrainPage;
pub use unknown_preset::UnknownPreset;

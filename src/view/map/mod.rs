//! The concept map without a page: where the concepts stand, what is found, what a learner knows.

mod layout;
mod picture;
mod search;
mod state;

pub use layout::{MapLayout, NODE_HEIGHT, NODE_WIDTH, lay_out, lay_out_diagram};
pub use picture::{Shown, legend_class, picture};
pub use search::search;
pub use state::{EdgeChoice, Known, MapState};

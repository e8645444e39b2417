//! The parts of the training page, one component a file.

mod boundary_panel;
mod class_metrics;
mod confusion_panel;
mod curve_panel;
mod device_panel;
mod digit_strip;
mod draw_panel;
mod hyperparameters;
mod metrics;
mod model_table;
mod number_field;
mod pixel_image;
mod preset_panel;
mod probability_bars;
mod status_line;
mod table_panel;
mod transport;
mod weights_panel;
mod work_panel;

pub use boundary_panel::BoundaryPanel;
pub use class_metrics::ClassMetrics;
pub use confusion_panel::ConfusionPanel;
pub use curve_panel::CurvePanel;
pub use device_panel::DevicePanel;
pub use digit_strip::DigitStrip;
pub use draw_panel::DrawPanel;
pub use hyperparameters::Hyperparameters;
pub use metrics::Metrics;
pub use model_table::ModelTable;
pub use preset_panel::PresetPanel;
pub use status_line::StatusLine;
pub use table_panel::TablePanel;
pub use transport::Transport;
pub use weights_panel::WeightsPanel;
pub use work_panel::WorkPanel;

//! The page that steps through a batch: the microscope, one component a file.

mod blackboard;
mod detail;
mod edit_panel;
mod equation_view;
mod explanation_panel;
mod gradient_check;
mod graph_picture;
mod graph_view;
mod kernel_view;
mod operation_panel;
mod page;
mod path_panel;
mod scope;
mod segmented;
mod stage;
mod stepping_bar;
mod system_view;
mod tensor_panel;
mod time;
mod update_comparison;

pub use detail::HeatMap;
pub use page::StepPage;

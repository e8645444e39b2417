//! What a key does on the microscope's page.

use crate::session::StepUnit;
use crate::view::keys::Focus;

/// A request made with a key or a button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepAction {
    Forward(StepUnit),
    Back(StepUnit),
    BatchStart,
    BatchEnd,
    PlayOrPause,
    Reset,
    Help,
}

/// The request behind a key (as the browser names it), if there is one.
pub fn action(key: &str, shift: bool, has_modifier: bool, focus: Focus) -> Option<StepAction> {
    if has_modifier || focus == Focus::Field {
        return None;
    }
    let unit = if shift {
        StepUnit::Layer
    } else {
        StepUnit::Operation
    };
    match key {
        " " if focus == Focus::Page => Some(StepAction::PlayOrPause),
        "ArrowRight" => Some(StepAction::Forward(unit)),
        "ArrowLeft" => Some(StepAction::Back(unit)),
        "PageDown" => Some(StepAction::Forward(StepUnit::Phase)),
        "PageUp" => Some(StepAction::Back(StepUnit::Phase)),
        "Home" => Some(StepAction::BatchStart),
        "End" => Some(StepAction::BatchEnd),
        "r" | "R" => Some(StepAction::Reset),
        "?" => Some(StepAction::Help),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shift_takes_the_larger_unit() {
        let at = |key, shift| action(key, shift, false, Focus::Page);
        assert_eq!(
            at("ArrowRight", false),
            Some(StepAction::Forward(StepUnit::Operation))
        );
        assert_eq!(
            at("ArrowLeft", true),
            Some(StepAction::Back(StepUnit::Layer))
        );
        assert_eq!(
            at("PageDown", false),
            Some(StepAction::Forward(StepUnit::Phase))
        );
        assert_eq!(at("Home", false), Some(StepAction::BatchStart));
        assert_eq!(at("?", true), Some(StepAction::Help));
        assert_eq!(at(" ", false), Some(StepAction::PlayOrPause));
    }

    #[test]
    fn fields_and_the_browser_keep_their_keys() {
        for key in [" ", "ArrowRight", "ArrowLeft", "Home", "End", "r", "?"] {
            assert_eq!(action(key, false, false, Focus::Field), None, "{key}");
            assert_eq!(action(key, false, true, Focus::Page), None, "{key}");
        }
        assert_eq!(action(" ", false, false, Focus::Button), None);
    }
}

//! What a key does on the training page.

/// What has the focus when a key is pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Focus {
    /// Nothing that uses keys itself.
    Page,
    /// A button or link: Space and Enter press it.
    Button,
    /// A field, choice or slider: letters, arrows and Space are its own.
    Field,
}

impl Focus {
    /// The focus on an element of this tag name, in any case.
    pub fn on(tag_name: &str) -> Self {
        match tag_name.to_ascii_lowercase().as_str() {
            "button" | "a" | "summary" => Self::Button,
            "input" | "select" | "textarea" => Self::Field,
            _ => Self::Page,
        }
    }
}

/// A request made with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAction {
    PlayOrPause,
    StepBatch,
    Reset,
    Help,
}

/// The request behind a key (as the browser names it), if there is one.
pub fn action(key: &str, has_modifier: bool, focus: Focus) -> Option<KeyAction> {
    if has_modifier || focus == Focus::Field {
        return None;
    }
    match key {
        " " if focus == Focus::Page => Some(KeyAction::PlayOrPause),
        "ArrowRight" => Some(KeyAction::StepBatch),
        "r" | "R" => Some(KeyAction::Reset),
        "?" => Some(KeyAction::Help),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_act_on_the_page_but_not_in_fields() {
        assert_eq!(
            action(" ", false, Focus::Page),
            Some(KeyAction::PlayOrPause)
        );
        assert_eq!(
            action("ArrowRight", false, Focus::Page),
            Some(KeyAction::StepBatch)
        );
        assert_eq!(action("r", false, Focus::Page), Some(KeyAction::Reset));
        assert_eq!(action("?", false, Focus::Button), Some(KeyAction::Help));
        assert_eq!(action("x", false, Focus::Page), None);
        for key in [" ", "ArrowRight", "r", "?"] {
            assert_eq!(action(key, false, Focus::Field), None, "{key}");
        }
    }

    #[test]
    fn the_browser_keeps_its_own_keys() {
        // Ctrl+R reloads; Space presses the button that has the focus.
        assert_eq!(action("r", true, Focus::Page), None);
        assert_eq!(action(" ", false, Focus::Button), None);
    }

    #[test]
    fn focus_is_told_from_the_tag() {
        assert_eq!(Focus::on("BUTTON"), Focus::Button);
        assert_eq!(Focus::on("Input"), Focus::Field);
        assert_eq!(Focus::on("SELECT"), Focus::Field);
        assert_eq!(Focus::on("BODY"), Focus::Page);
    }
}

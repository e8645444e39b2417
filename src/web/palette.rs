//! The colours of canvases: those of the page around them.

use leptos::prelude::*;

use super::address::use_address;
use crate::view::color::Palette;
use crate::view::url::Theme;

/// The palette of the page's theme.
pub fn use_palette() -> Memo<Palette> {
    let address = use_address();
    Memo::new(move |_| {
        let is_dark = match address.state.with(|state| state.theme) {
            Theme::Dark => true,
            Theme::Light => false,
            Theme::Auto => window()
                .match_media("(prefers-color-scheme: dark)")
                .ok()
                .flatten()
                .is_some_and(|query| query.matches()),
        };
        if is_dark {
            Palette::DARK
        } else {
            Palette::LIGHT
        }
    })
}

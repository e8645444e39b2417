//! The few things of the browser that components share.

use js_sys::{Array, Uint8Array};
use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use wasm_bindgen::{Clamped, JsCast};
use web_sys::{Blob, CanvasRenderingContext2d, Element, File, HtmlAnchorElement};
use web_sys::{HtmlCanvasElement, ImageData, MouseEvent, Url};

use crate::view::url::Theme;

/// The column and the row under a pointer, of an element that is divided into so many.
pub fn cell_at(event: &MouseEvent, [columns, rows]: [u32; 2]) -> Option<(u32, u32)> {
    let target = event.current_target()?;
    let area = target.dyn_into::<Element>().ok()?;
    let area = area.get_bounding_client_rect();
    let at = |position: i32, start: f64, length: f64, parts: u32| {
        let share = (f64::from(position) - start) / length.max(1.0);
        ((share * f64::from(parts)).max(0.0) as u32).min(parts.max(1) - 1)
    };
    Some((
        at(event.client_x(), area.left(), area.width(), columns),
        at(event.client_y(), area.top(), area.height(), rows),
    ))
}

/// Offers bytes to the reader as a file to keep.
///
/// # Errors
/// What the browser says when it makes no blob or no link of them.
pub fn offer_download(name: &str, bytes: &[u8]) -> Result<(), JsValue> {
    let blob = Blob::new_with_u8_array_sequence(&Array::of1(&Uint8Array::from(bytes)))?;
    let url = Url::create_object_url_with_blob(&blob)?;
    let link: HtmlAnchorElement = document().create_element("a")?.unchecked_into();
    link.set_href(&url);
    link.set_download(name);
    link.click();
    // The browser has taken the blob by the time the click has been handled, but not before.
    set_timeout(
        move || {
            // Revoking fails only for what is not a blob's address.
            let _ = Url::revoke_object_url(&url);
        },
        std::time::Duration::from_secs(60),
    );
    Ok(())
}

/// All bytes of a file that the reader chose or dropped.
///
/// # Errors
/// What the browser says when it cannot read the file.
pub async fn read_file(file: &File) -> Result<Vec<u8>, JsValue> {
    let buffer = wasm_bindgen_futures::JsFuture::from(file.array_buffer()).await?;
    Ok(Uint8Array::new(&buffer).to_vec())
}

/// The text of a file beside the page.
///
/// # Errors
/// What the browser says when it cannot get the file.
pub async fn fetch_text(path: &str) -> Result<String, JsValue> {
    let window = web_sys::window().ok_or("no window")?;
    let response = wasm_bindgen_futures::JsFuture::from(window.fetch_with_str(path)).await?;
    let response: web_sys::Response = response.unchecked_into();
    let text = wasm_bindgen_futures::JsFuture::from(response.text()?).await?;
    text.as_string().ok_or_else(|| "no text".into())
}

/// Paints RGBA bytes, row-major, over a canvas of that size.
///
/// # Errors
/// What the browser says when the canvas has no context or the bytes do not fit.
pub fn paint(canvas: &HtmlCanvasElement, rgba: &[u8], width: u32) -> Result<(), JsValue> {
    let context: CanvasRenderingContext2d = canvas
        .get_context("2d")?
        .ok_or("a canvas without a 2d context")?
        .unchecked_into();
    let image = ImageData::new_with_u8_clamped_array(Clamped(rgba), width)?;
    context.put_image_data(&image, 0.0, 0.0)
}

/// Whether the page is dark, so that a canvas has the colours of the rest.
pub fn is_dark(theme: Theme) -> bool {
    match theme {
        Theme::Dark => true,
        Theme::Light => false,
        Theme::Auto => window()
            .match_media("(prefers-color-scheme: dark)")
            .ok()
            .flatten()
            .is_some_and(|query| query.matches()),
    }
}

/// A seed below 2^32, so that it stays short in links.
pub fn random_seed() -> u64 {
    (js_sys::Math::random() * f64::from(u32::MAX)) as u64
}

/// Milliseconds of a clock that only goes forward.
pub fn now_millis() -> f64 {
    window()
        .performance()
        .map_or_else(js_sys::Date::now, |performance| performance.now())
}

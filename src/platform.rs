//! The few places where the native build and the page differ.

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use rayon::prelude::*;
    use std::sync::OnceLock;
    use std::time::Instant;

    /// Milliseconds since some fixed moment.
    pub fn now_millis() -> f64 {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed().as_secs_f64() * 1e3
    }

    /// Threads that the CPU executor computes on.
    pub fn threads() -> usize {
        rayon::current_num_threads()
    }

    /// Calls `body(number, chunk)` for each run of `length` elements, on all cores.
    pub fn for_each_chunk<T: Send>(
        data: &mut [T],
        length: usize,
        body: impl Fn(usize, &mut [T]) + Send + Sync,
    ) {
        data.par_chunks_mut(length.max(1))
            .enumerate()
            .for_each(|(number, chunk)| body(number, chunk));
    }

    /// As [`for_each_chunk`], over two arrays that are cut into equally many chunks.
    pub fn for_each_chunk_pair<T: Send, U: Send>(
        (data, length): (&mut [T], usize),
        (other, other_length): (&mut [U], usize),
        body: impl Fn(usize, &mut [T], &mut [U]) + Send + Sync,
    ) {
        data.par_chunks_mut(length.max(1))
            .zip(other.par_chunks_mut(other_length.max(1)))
            .enumerate()
            .for_each(|(number, (chunk, other))| body(number, chunk, other));
    }

    /// Whether GPUs can be asked for at all.
    pub fn has_web_gpu() -> bool {
        true
    }

    /// What a browser says about its adapter; natively the adapter says it itself.
    pub fn describe_web_adapter(_device: &wgpu::Device) -> String {
        String::new()
    }

    /// Waits until a submit, or everything submitted so far, is done, and runs the
    /// callbacks that are due.
    ///
    /// # Errors
    /// When the device no longer answers.
    pub fn poll_device(
        device: &wgpu::Device,
        submission: Option<wgpu::SubmissionIndex>,
    ) -> Result<(), String> {
        let wait = wgpu::PollType::Wait {
            submission_index: submission,
            timeout: None,
        };
        device
            .poll(wait)
            .map(|_| ())
            .map_err(|error| error.to_string())
    }
}

#[cfg(target_arch = "wasm32")]
mod page {
    use wasm_bindgen::{JsCast, JsValue};

    /// Milliseconds since some fixed moment.
    pub fn now_millis() -> f64 {
        // `performance` stands in the scope of pages and workers alike; the date's
        // clock may jump and counts whole milliseconds only.
        js_sys::Reflect::get(&js_sys::global(), &"performance".into())
            .ok()
            .and_then(|performance| performance.dyn_into::<web_sys::Performance>().ok())
            .map_or_else(js_sys::Date::now, |performance| performance.now())
    }

    /// Threads that the CPU executor computes on.
    pub fn threads() -> usize {
        1
    }

    /// Calls `body(number, chunk)` for each run of `length` elements.
    pub fn for_each_chunk<T>(data: &mut [T], length: usize, body: impl Fn(usize, &mut [T])) {
        for (number, chunk) in data.chunks_mut(length.max(1)).enumerate() {
            body(number, chunk);
        }
    }

    /// As [`for_each_chunk`], over two arrays that are cut into equally many chunks.
    pub fn for_each_chunk_pair<T, U>(
        (data, length): (&mut [T], usize),
        (other, other_length): (&mut [U], usize),
        body: impl Fn(usize, &mut [T], &mut [U]),
    ) {
        let chunks = data
            .chunks_mut(length.max(1))
            .zip(other.chunks_mut(other_length.max(1)));
        for (number, (chunk, other)) in chunks.enumerate() {
            body(number, chunk, other);
        }
    }

    /// Whether this window or worker has `navigator.gpu`.
    pub fn has_web_gpu() -> bool {
        let navigator = property(&js_sys::global(), "navigator");
        navigator.is_some_and(|navigator| property(&navigator, "gpu").is_some())
    }

    /// What the browser says about its adapter beside the name: vendor and architecture.
    pub fn describe_web_adapter(device: &wgpu::Device) -> String {
        let info = device
            .as_webgpu()
            .and_then(|device| property(device, "adapterInfo"));
        let Some(info) = info else {
            return String::new();
        };
        ["vendor", "architecture", "device", "description"]
            .into_iter()
            .filter_map(|name| property(&info, name)?.as_string())
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// A property that is there and neither null nor undefined.
    fn property(object: &JsValue, name: &str) -> Option<JsValue> {
        js_sys::Reflect::get(object, &name.into())
            .ok()
            .filter(|value| !value.is_null() && !value.is_undefined())
    }

    /// Nothing to do: the browser runs callbacks between tasks.
    ///
    /// # Errors
    /// Never.
    pub fn poll_device(
        _device: &wgpu::Device,
        _submission: Option<wgpu::SubmissionIndex>,
    ) -> Result<(), String> {
        Ok(())
    }
}

#[cfg(not(target_arch = "wasm32"))]
pub use native::*;
#[cfg(target_arch = "wasm32")]
pub use page::*;

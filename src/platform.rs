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
}

#[cfg(target_arch = "wasm32")]
mod page {
    /// Milliseconds since some fixed moment.
    pub fn now_millis() -> f64 {
        js_sys::Date::now()
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
}

#[cfg(not(target_arch = "wasm32"))]
pub use native::*;
#[cfg(target_arch = "wasm32")]
pub use page::*;

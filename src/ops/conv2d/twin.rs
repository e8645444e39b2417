//! The twins: matrix products of unfolded windows.
//!
//! Work is cut into chunks of fixed size, so that sums are ordered the same on any number of
//! cores. Several samples share one matrix product where maps are small and there are many
//! weights, which would else be read again for a handful of positions.

use super::geometry::Geometry;
use crate::platform;
use crate::tensor::Real;

/// Samples that one chunk of work takes.
const CHUNK: usize = 8;

/// Positions above which a matrix product takes a single sample.
const MAX_SHARED_POSITIONS: usize = 64;

/// Weights of one group from which small maps share a matrix product.
const MIN_SHARED_WEIGHTS: usize = 1 << 16;

/// Most elements that the weight gradient may take for one sum a chunk: 4 MiB.
const MAX_PARTIAL_SUMS: usize = 1 << 20;

/// Positions that a matrix product of the weight gradient takes where it is cut by channel.
const WEIGHT_POSITIONS: usize = 256;

/// Most output channels of one part of a weight gradient that is cut by channel.
const WEIGHT_CHANNELS: usize = 128;

impl Geometry {
    /// Samples that share a matrix product.
    fn shared_samples(&self) -> usize {
        let small = self.positions() < MAX_SHARED_POSITIONS
            && self.group_outputs() * self.window() >= MIN_SHARED_WEIGHTS;
        if small { CHUNK } else { 1 }
    }

    /// Gathers some channels of samples that lie `out_sample` apart into rows of
    /// samples · positions.
    fn gather<T: Real>(
        &self,
        y: &[T],
        first: usize,
        channels: usize,
        samples: usize,
        to: &mut [T],
    ) {
        let positions = self.positions();
        for o in 0..channels {
            for s in 0..samples {
                let from = s * self.out_sample() + (first + o) * positions;
                let at = (o * samples + s) * positions;
                to[at..at + positions].copy_from_slice(&y[from..from + positions]);
            }
        }
    }

    /// The reverse of `gather`.
    fn scatter<T: Real>(&self, from: &[T], first: usize, samples: usize, y: &mut [T]) {
        let positions = self.positions();
        for (at, map) in from.chunks_exact(positions).enumerate() {
            let (o, s) = (at / samples, at % samples);
            let to = s * self.out_sample() + (first + o) * positions;
            y[to..to + positions].copy_from_slice(map);
        }
    }
}

pub(super) fn forward<T: Real>(g: &Geometry, x: &[T], w: &[T], b: &[T], y: &mut [T]) {
    let (positions, window, outputs) = (g.positions(), g.window(), g.group_outputs());
    let shared = g.shared_samples();
    platform::for_each_chunk(y, CHUNK * g.out_sample(), |chunk, y| {
        let mut columns = vec![T::ZERO; window * positions * shared];
        let mut maps = vec![
            T::ZERO;
            if shared == 1 {
                0
            } else {
                outputs * positions * shared
            }
        ];
        for (part, y) in y.chunks_mut(shared * g.out_sample()).enumerate() {
            let samples = y.len() / g.out_sample();
            let first = chunk * CHUNK + part * shared;
            let row = samples * positions;
            for sample in y.chunks_exact_mut(g.out_sample()) {
                for (map, &bias) in sample.chunks_exact_mut(positions).zip(b) {
                    map.fill(bias);
                }
            }
            for group in 0..g.groups() {
                for s in 0..samples {
                    let at = (first + s) * g.sample();
                    g.unfold(
                        &x[at..at + g.sample()],
                        group,
                        &mut columns[s * positions..],
                        row,
                    );
                }
                let size = [outputs, window, row];
                let w = &w[group * outputs * window..];
                let columns = &columns[..window * row];
                let channel = group * outputs;
                if shared == 1 {
                    let y = &mut y[channel * positions..];
                    T::matrix_product(size, w, [window, 1], columns, [row, 1], T::ONE, y, [row, 1]);
                } else {
                    let maps = &mut maps[..outputs * row];
                    g.gather(y, channel, outputs, samples, maps);
                    T::matrix_product(
                        size,
                        w,
                        [window, 1],
                        columns,
                        [row, 1],
                        T::ONE,
                        maps,
                        [row, 1],
                    );
                    g.scatter(maps, channel, samples, y);
                }
            }
        }
    });
}

pub(super) fn backward_input<T: Real>(g: &Geometry, w: &[T], dy: &[T], dx: &mut [T]) {
    let (positions, window, outputs) = (g.positions(), g.window(), g.group_outputs());
    let shared = g.shared_samples();
    platform::for_each_chunk(dx, CHUNK * g.sample(), |chunk, dx| {
        let mut columns = vec![T::ZERO; window * positions * shared];
        let mut maps = vec![
            T::ZERO;
            if shared == 1 {
                0
            } else {
                outputs * positions * shared
            }
        ];
        for (part, dx) in dx.chunks_mut(shared * g.sample()).enumerate() {
            let samples = dx.len() / g.sample();
            let first = (chunk * CHUNK + part * shared) * g.out_sample();
            let row = samples * positions;
            dx.fill(T::ZERO);
            for group in 0..g.groups() {
                let channel = group * outputs;
                let dy = if shared == 1 {
                    &dy[first + channel * positions..]
                } else {
                    let maps = &mut maps[..outputs * row];
                    g.gather(&dy[first..], channel, outputs, samples, maps);
                    &*maps
                };
                T::matrix_product(
                    [window, outputs, row],
                    &w[channel * window..],
                    [1, window],
                    dy,
                    [row, 1],
                    T::ZERO,
                    &mut columns,
                    [row, 1],
                );
                for (s, dx) in dx.chunks_exact_mut(g.sample()).enumerate() {
                    g.fold(&columns[s * positions..], row, group, dx);
                }
            }
        }
    });
}

pub(super) fn backward_weight<T: Real>(g: &Geometry, x: &[T], dy: &[T], dw: &mut [T]) {
    if g.batch.div_ceil(CHUNK) * g.weights() > MAX_PARTIAL_SUMS {
        by_channel(g, x, dy, dw);
    } else {
        by_sample(g, x, dy, dw);
    }
}

/// One sum for each chunk of samples, added up in order.
fn by_sample<T: Real>(g: &Geometry, x: &[T], dy: &[T], dw: &mut [T]) {
    let (positions, window, outputs) = (g.positions(), g.window(), g.group_outputs());
    let weights = g.weights();
    let mut partials = vec![T::ZERO; g.batch.div_ceil(CHUNK) * weights];
    platform::for_each_chunk(&mut partials, weights, |chunk, dw| {
        let mut columns = vec![T::ZERO; window * positions];
        for n in chunk * CHUNK..((chunk + 1) * CHUNK).min(g.batch) {
            let x = &x[n * g.sample()..(n + 1) * g.sample()];
            let dy = &dy[n * g.out_sample()..(n + 1) * g.out_sample()];
            for group in 0..g.groups() {
                g.unfold(x, group, &mut columns, positions);
                T::matrix_product(
                    [outputs, positions, window],
                    &dy[group * outputs * positions..],
                    [positions, 1],
                    &columns,
                    [1, positions],
                    T::ONE,
                    &mut dw[group * outputs * window..],
                    [window, 1],
                );
            }
        }
    });
    // In order, so that the sum is the same on any number of cores.
    dw.fill(T::ZERO);
    for partial in partials.chunks_exact(weights) {
        for (sum, &value) in dw.iter_mut().zip(partial) {
            *sum += value;
        }
    }
}

/// Some output channels in each chunk, over all samples: no memory for sums of chunks.
fn by_channel<T: Real>(g: &Geometry, x: &[T], dy: &[T], dw: &mut [T]) {
    let (positions, window, outputs) = (g.positions(), g.window(), g.group_outputs());
    let part = (1..=outputs.min(WEIGHT_CHANNELS))
        .rev()
        .find(|&part| outputs.is_multiple_of(part))
        .unwrap_or(1);
    let shared = WEIGHT_POSITIONS.div_ceil(positions).min(g.batch);
    platform::for_each_chunk(dw, part * window, |chunk, dw| {
        let channel = chunk * part;
        let group = channel / outputs;
        let mut columns = vec![T::ZERO; window * positions * shared];
        let mut maps = vec![T::ZERO; part * positions * shared];
        let mut beta = T::ZERO;
        for first in (0..g.batch).step_by(shared) {
            let samples = shared.min(g.batch - first);
            let row = samples * positions;
            for s in 0..samples {
                let at = (first + s) * g.sample();
                g.unfold(
                    &x[at..at + g.sample()],
                    group,
                    &mut columns[s * positions..],
                    row,
                );
            }
            g.gather(
                &dy[first * g.out_sample()..],
                channel,
                part,
                samples,
                &mut maps,
            );
            T::matrix_product(
                [part, row, window],
                &maps,
                [row, 1],
                &columns,
                [1, row],
                beta,
                dw,
                [window, 1],
            );
            beta = T::ONE;
        }
    });
}

pub(super) fn backward_bias<T: Real>([channels, positions]: [usize; 2], dy: &[T], db: &mut [T]) {
    db.fill(T::ZERO);
    for sample in dy.chunks_exact(channels * positions) {
        for (sum, map) in db.iter_mut().zip(sample.chunks_exact(positions)) {
            *sum += map.iter().copied().sum();
        }
    }
}

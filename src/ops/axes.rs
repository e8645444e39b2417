//! Tensors of any rank up to [`MAX_RANK`]: walking over their elements, broadcasting,
//! and the letters that their equations use.

use super::Dims;
use crate::equation::{Equation, Expression, Position};
use crate::tensor::{Real, Shape};

/// Most dimensions of a tensor whose operation walks over its axes.
pub(super) const MAX_RANK: usize = 4;

/// Sizes or strides of all axes. Missing axes are in front, with size 1 and stride 0.
pub(super) type Axes = [usize; MAX_RANK];

/// Letters of indices, outermost first.
pub(super) const INDICES: [&str; MAX_RANK] = ["i", "j", "k", "l"];
/// Letters of their sizes.
pub(super) const EXTENTS: [&str; MAX_RANK] = ["I", "J", "K", "L"];

/// An index that is always 0, with its extent: an axis of size 1.
pub(super) const ONLY: (&str, &str) = ("0", "1");

/// Refuses tensors of more dimensions than the kernels walk over.
pub(super) fn check_rank(name: &str, shape: &Shape) -> Result<(), String> {
    if shape.rank() > MAX_RANK {
        return Err(format!(
            "{name} is {shape}, expected at most {MAX_RANK} dimensions"
        ));
    }
    Ok(())
}

/// Distances of neighbours along each axis, row-major.
pub(super) fn strides(sizes: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; sizes.len()];
    for axis in (1..sizes.len()).rev() {
        strides[axis - 1] = strides[axis] * sizes[axis];
    }
    strides
}

/// Sizes with ones in front.
pub(super) fn padded(sizes: &[usize]) -> Axes {
    let mut axes = [1; MAX_RANK];
    axes[MAX_RANK - sizes.len()..].copy_from_slice(sizes);
    axes
}

/// Strides that read a tensor of `shape` as if it were broadcast to a larger one: 0
/// along axes that it does not have, or has with size 1.
pub(super) fn broadcast_strides(shape: &Shape) -> Axes {
    let sizes = shape.dims();
    let mut axes = [0; MAX_RANK];
    for (axis, stride) in strides(sizes).into_iter().enumerate() {
        if sizes[axis] > 1 {
            axes[MAX_RANK - sizes.len() + axis] = stride;
        }
    }
    axes
}

/// The shape that both broadcast to, by NumPy's rule: axes are matched from the last
/// one, and a size of 1 or a missing axis is repeated.
pub(super) fn broadcast(a: &Shape, b: &Shape) -> Result<Shape, String> {
    check_rank("a", a)?;
    check_rank("b", b)?;
    let rank = a.rank().max(b.rank());
    let (left, right) = (padded(a.dims()), padded(b.dims()));
    let mut sizes = Vec::with_capacity(rank);
    for axis in MAX_RANK - rank..MAX_RANK {
        sizes.push(match (left[axis], right[axis]) {
            (a, b) if a == b => a,
            (1, size) | (size, 1) => size,
            (one, other) => {
                return Err(format!(
                    "a is {a} and b is {b}: sizes {one} and {other} do not broadcast, \
                     expected equal sizes or a 1, counted from the last axis"
                ));
            }
        });
    }
    Shape::new(sizes).map_err(|error| error.to_string())
}

/// Whether `small` can be repeated to `large`.
pub(super) fn check_broadcasts(small: &Shape, large: &Shape) -> Result<(), String> {
    match broadcast(small, large) {
        Ok(shape) if shape == *large => Ok(()),
        _ => Err(format!("{small} does not broadcast to {large}")),
    }
}

/// Calls `body` with the offsets in `K` tensors of every element of a box, row-major.
pub(super) fn walk<const K: usize>(
    sizes: Axes,
    strides: [Axes; K],
    mut body: impl FnMut([usize; K]),
) {
    for i in 0..sizes[0] {
        for j in 0..sizes[1] {
            for k in 0..sizes[2] {
                let mut at = strides.map(|s| i * s[0] + j * s[1] + k * s[2]);
                for _ in 0..sizes[3] {
                    body(at);
                    for (at, strides) in at.iter_mut().zip(&strides) {
                        *at += strides[3];
                    }
                }
            }
        }
    }
}

/// `target = Σ term`: the terms of a box are added where `target_strides` lead, in
/// row-major order, each innermost row by itself first.
pub(super) fn accumulate<T: Real, const K: usize>(
    target: &mut [T],
    target_strides: Axes,
    sizes: Axes,
    strides: [Axes; K],
    term: impl Fn([usize; K]) -> T,
) {
    target.fill(T::ZERO);
    let [.., inner] = target_strides;
    for i in 0..sizes[0] {
        for j in 0..sizes[1] {
            for k in 0..sizes[2] {
                let start = |s: Axes| i * s[0] + j * s[1] + k * s[2];
                let row = start(target_strides);
                let mut at = strides.map(start);
                let mut sum = T::ZERO;
                for l in 0..sizes[3] {
                    match inner {
                        0 => sum += term(at),
                        stride => target[row + l * stride] += term(at),
                    }
                    for (at, strides) in at.iter_mut().zip(&strides) {
                        *at += strides[3];
                    }
                }
                if inner == 0 {
                    target[row] += sum;
                }
            }
        }
    }
}

/// The numbers of `axes` (negative ones count from the end), without repetition, in order.
pub(super) fn resolve_axes(axes: &[i64], rank: usize) -> Result<Vec<usize>, String> {
    let mut resolved = Vec::with_capacity(axes.len());
    for &axis in axes {
        let number = resolve_axis(axis, rank)?;
        if resolved.contains(&number) {
            return Err(format!("axis {axis} is named twice"));
        }
        resolved.push(number);
    }
    resolved.sort_unstable();
    Ok(resolved)
}

/// The number of one axis; a negative one counts from the end.
pub(super) fn resolve_axis(axis: i64, rank: usize) -> Result<usize, String> {
    let count = rank as i64;
    let number = if axis < 0 {
        axis.saturating_add(count)
    } else {
        axis
    };
    usize::try_from(number)
        .ok()
        .filter(|&number| number < rank)
        .ok_or_else(|| match rank {
            0 => format!("axis {axis} of a scalar, which has no axes"),
            _ => format!(
                "axis {axis} of {rank} dimensions, expected -{rank} to {}",
                rank - 1
            ),
        })
}

/// Binds the letters of a tensor's sizes: `I`, `J`, … from its first axis on.
pub(super) fn bind_extents(dims: &mut Dims, shape: &Shape) {
    for (&letter, &size) in EXTENTS.iter().zip(shape.dims()) {
        dims.set(letter, size);
    }
}

/// (index, extent) of each axis.
pub(super) fn all_indices(rank: usize) -> Vec<(&'static str, &'static str)> {
    INDICES.into_iter().zip(EXTENTS).take(rank).collect()
}

/// An element of a tensor of `shape`, at the indices of a tensor of `full` that it is
/// broadcast to.
pub(super) fn broadcast_element(name: &'static str, shape: &Shape, full: &Shape) -> Expression {
    let missing = full.rank() - shape.rank();
    let indices = shape.dims().iter().enumerate().map(|(axis, &size)| {
        match (size, full.dims()[missing + axis]) {
            (1, larger) if larger > 1 => Position::Number(0),
            _ => Position::Index(INDICES[missing + axis]),
        }
    });
    Expression::Element {
        tensor: name,
        indices: indices.collect(),
    }
}

/// `target[…] = Σ term` over the axes of `full` along which `target` is repeated.
pub(super) fn summed_equation(
    name: &'static str,
    target: &Shape,
    full: &Shape,
    term: Expression,
) -> Equation {
    let missing = full.rank() - target.rank();
    let all = all_indices(full.rank());
    let is_repeated =
        |axis: usize| axis < missing || target.dims()[axis - missing] == 1 && full.dims()[axis] > 1;
    let mut expression = term;
    for axis in (0..full.rank()).rev().filter(|&axis| is_repeated(axis)) {
        let (index, extent) = all[axis];
        expression = Expression::Sum {
            index,
            extent,
            body: Box::new(expression),
        };
    }
    let indices =
        (missing..full.rank()).map(|axis| if is_repeated(axis) { ONLY } else { all[axis] });
    Equation {
        output: name,
        indices: indices.collect(),
        expression,
    }
}

/// Sizes as a kernel's uniform holds them.
pub(super) fn uniform(axes: Axes) -> [u32; MAX_RANK] {
    axes.map(|size| size as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_broadcast_by_the_rule_of_numpy() {
        let shape = |a: &[usize], b: &[usize]| {
            broadcast(&Shape::new(a).unwrap(), &Shape::new(b).unwrap())
                .map(|shape| shape.dims().to_vec())
        };
        assert_eq!(shape(&[3, 1], &[2]), Ok(vec![3, 2]));
        assert_eq!(shape(&[], &[2, 2]), Ok(vec![2, 2]));
        assert_eq!(shape(&[8, 1, 6, 1], &[7, 1, 5]), Ok(vec![8, 7, 6, 5]));
        assert_eq!(
            shape(&[2, 3], &[2]).unwrap_err(),
            "a is (2, 3) and b is (2): sizes 3 and 2 do not broadcast, expected equal sizes \
             or a 1, counted from the last axis"
        );
        assert!(shape(&[1, 1, 1, 1, 1], &[2]).is_err());
    }

    #[test]
    fn axes_count_from_either_end() {
        assert_eq!(resolve_axes(&[-1, 0], 3), Ok(vec![0, 2]));
        assert_eq!(
            resolve_axes(&[3], 3).unwrap_err(),
            "axis 3 of 3 dimensions, expected -3 to 2"
        );
        assert_eq!(
            resolve_axes(&[1, -2], 3).unwrap_err(),
            "axis -2 is named twice"
        );
        assert!(resolve_axis(i64::MIN, 2).is_err());
    }
}

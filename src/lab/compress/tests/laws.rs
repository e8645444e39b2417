//! Exact laws of pruning, quantization and choice.

use super::*;

#[test]
fn exactly_the_asked_share_is_pruned_and_it_is_the_smallest() {
    for (sparsity, scope) in [
        (0.0, Scope::Global),
        (0.3, Scope::Global),
        (0.95, Scope::Global),
        (0.95, Scope::Layer),
    ] {
        let before = initial(lenet(), 7);
        let masks = Masks::new(&before, sparsity, scope).unwrap();
        let mut after = before.clone();
        masks.apply(&mut after);
        let (mut pruned, mut weights) = (0, 0);
        let (mut largest_gone, mut smallest_left) = (0.0f32, f32::INFINITY);
        for (at, (before, after)) in before.iter().zip(&after).enumerate() {
            let Some(mask) = masks.of(at) else {
                assert!(before.name.ends_with(".bias"));
                assert_eq!(before, after, "biases stay");
                continue;
            };
            assert!(before.name.ends_with(".weight"));
            let gone = mask.iter().filter(|stays| !**stays).count();
            if scope == Scope::Layer {
                let expected = (sparsity * mask.len() as f64).round_ties_even() as usize;
                assert_eq!(gone, expected, "{}", before.name);
            }
            pruned += gone;
            weights += mask.len();
            for ((&was, &is), &stays) in before.values.iter().zip(&after.values).zip(mask) {
                if stays {
                    assert_eq!(was.to_bits(), is.to_bits());
                    smallest_left = smallest_left.min(was.abs());
                } else {
                    assert_eq!(is.to_bits(), 0, "pruned weights are +0");
                    largest_gone = largest_gone.max(was.abs());
                }
            }
        }
        assert_eq!(
            weights, 61_470,
            "LeNet-5 has 61,706 parameters, 236 of them biases"
        );
        if scope == Scope::Global {
            assert_eq!(pruned, (sparsity * 61_470.0).round_ties_even() as usize);
            assert!(
                largest_gone < smallest_left,
                "no magnitude occurs twice here"
            );
        }
        assert_eq!(masks.threshold, (pruned > 0).then_some(largest_gone));
    }
}

#[test]
fn among_equals_the_first_are_pruned() {
    let mut weights = vec![named(
        "fc.weight",
        [2, 3],
        vec![0.5, -0.5, 0.5, 0.5, 0.5, -0.5],
    )];
    let masks = Masks::new(&weights, 0.5, Scope::Global).unwrap();
    masks.apply(&mut weights);
    assert_eq!(weights[0].values, [0.0, 0.0, 0.0, 0.5, 0.5, -0.5]);
}

#[test]
fn equals_of_several_tensors_go_in_the_order_of_the_tensors() {
    let values = |first: f32| {
        (0..50)
            .map(|at| first + (at % 3) as f32)
            .collect::<Vec<_>>()
    };
    let mut weights = vec![
        named("a.weight", [5, 10], values(-1.0)),
        named("a.bias", [2], vec![0.0, 0.0]),
        named("b.weight", [5, 10], values(-1.0)),
    ];
    // A stable sort of all magnitudes, which the selection has to agree with.
    let mut sorted: Vec<(f32, usize, usize)> = [0, 2]
        .into_iter()
        .flat_map(|tensor| {
            let values = weights[tensor].values.iter().enumerate();
            values
                .map(move |(at, value)| (value.abs(), tensor, at))
                .collect::<Vec<_>>()
        })
        .collect();
    sorted.sort_by(|one, other| one.0.total_cmp(&other.0));
    let masks = Masks::new(&weights, 0.6, Scope::Global).unwrap();
    for (place, (_, tensor, at)) in sorted.iter().enumerate() {
        let stays = masks.of(*tensor).unwrap()[*at];
        assert_eq!(stays, place >= 60, "{place}");
    }
    assert_eq!(masks.threshold, Some(1.0));
    masks.apply(&mut weights);
    assert_eq!(weights[1].values, [0.0, 0.0]);
}

#[test]
fn sparsities_out_of_range_are_refused() {
    for sparsity in [-0.1, 1.0, f64::NAN, f64::INFINITY] {
        let error = Masks::new(&initial(lenet(), 7), sparsity, Scope::Global).unwrap_err();
        assert!(
            matches!(error, CompressError::BadSparsity { .. }),
            "{error}"
        );
    }
}

#[test]
fn gradual_sparsity_is_the_cubic_of_zhu_and_gupta() {
    // 0.9 (1 - (1 - t/8)^3) at t = 0, 2, 4, 8.
    let expected = [
        (0, 0.0),
        (2, 0.9 * (1.0 - 0.421875)),
        (4, 0.9 * 0.875),
        (8, 0.9),
    ];
    for (t, expected) in expected {
        assert!((gradual_sparsity(0.9, t, 8) - expected).abs() < 1e-12);
    }
    assert_eq!(gradual_sparsity(0.9, 9, 8), 0.9);
}

#[test]
fn one_bit_has_no_levels() {
    assert_eq!(levels(1), Err(CompressError::OneBit));
    let text = CompressError::OneBit.to_string();
    assert!(
        text.contains("0 levels") && text.contains("2 to 8"),
        "{text}"
    );
    for bits in [0, 9, 255] {
        let bits_given = u32::from(bits);
        assert_eq!(
            levels(bits),
            Err(CompressError::BadBits { bits: bits_given })
        );
    }
    assert_eq!(
        [2, 3, 4, 8].map(|bits| levels(bits).unwrap()),
        [1, 3, 7, 127]
    );
}

#[test]
fn no_weight_moves_by_more_than_half_a_scale() {
    for tensor in initial(lenet(), 3) {
        for bits in BITS {
            for per in Granularity::ALL {
                let scales = per.scales(tensor.shape.dims()[0]);
                let quantized = Quantized::new(&tensor.values, scales, bits).unwrap();
                let length = tensor.values.len() / scales;
                let largest = levels(bits).unwrap();
                let pairs = tensor.values.iter().zip(quantized.values());
                for (at, (was, is)) in pairs.enumerate() {
                    let scale = quantized.scales[at / length];
                    // Half a scale, and a few roundings of numbers as large as the weight.
                    let bound = 0.5 * scale + 4.0 * f32::EPSILON * was.abs();
                    assert!((was - is).abs() <= bound, "{was} -> {is}, scale {scale}");
                }
                assert!(quantized.levels.iter().all(|level| level.abs() <= largest));
                // The largest of each channel is a level: nothing is cut off.
                let rows = quantized.levels.chunks(length);
                assert!(
                    rows.clone()
                        .all(|row| row.iter().any(|level| level.abs() == largest))
                );
                // Control: another scale breaks the bound.
                let coarse = Quantized {
                    scales: quantized.scales.iter().map(|scale| 2.0 * scale).collect(),
                    ..quantized.clone()
                };
                let is_off = |(at, (was, is)): (usize, (&f32, f32))| {
                    (was - is).abs() > 0.51 * quantized.scales[at / length]
                };
                assert!(
                    tensor
                        .values
                        .iter()
                        .zip(coarse.values())
                        .enumerate()
                        .any(is_off)
                );
            }
        }
    }
}

#[test]
fn a_scale_for_each_channel_is_nowhere_larger_and_the_error_smaller() {
    let squared = |was: &[f32], is: &[f32]| -> f64 {
        let errors = was
            .iter()
            .zip(is)
            .map(|(was, is)| f64::from(was - is).powi(2));
        errors.sum()
    };
    for tensor in initial(lenet(), 5)
        .iter()
        .filter(|tensor| tensor.shape.rank() > 1)
    {
        // Channels of different sizes, as training makes them.
        let rows = tensor.shape.dims()[0];
        let length = tensor.values.len() / rows;
        let values: Vec<f32> = tensor
            .values
            .iter()
            .enumerate()
            .map(|(at, value)| value * (1.0 + (at / length) as f32))
            .collect();
        for bits in BITS {
            let whole = Quantized::new(&values, 1, bits).unwrap();
            let each = Quantized::new(&values, rows, bits).unwrap();
            assert!(each.scales.iter().all(|scale| *scale <= whole.scales[0]));
            let errors = [
                squared(&values, &each.values()),
                squared(&values, &whole.values()),
            ];
            assert!(
                errors[0] < errors[1],
                "{} at {bits} bits: {errors:?}",
                tensor.name
            );
        }
    }
}

#[test]
fn zeros_stay_zeros() {
    let quantized = Quantized::new(&[0.0, -0.0, 0.0, 0.0], 2, 4).unwrap();
    assert_eq!(quantized.scales, [0.0, 0.0]);
    assert!(quantized.values().iter().all(|value| value.to_bits() == 0));
    // A largest value so small that its scale rounds to 0.
    let tiny = Quantized::new(&[f32::from_bits(1), 0.0], 1, 8).unwrap();
    assert_eq!(tiny.values(), [0.0, 0.0]);
}

#[test]
fn histograms_count_every_weight_once() {
    let before = initial(lenet(), 7);
    let histogram = Histogram::new(&before, None);
    assert_eq!(
        histogram.counts.iter().sum::<u32>() + histogram.zeros,
        61_470
    );
    assert_eq!(histogram.zeros, 0);
    let weights = pruned(0.5, Scope::Global);
    let after = Histogram::new(&weights, Some(histogram.largest));
    assert_eq!(after.zeros, 30_735);
    assert_eq!(after.counts.iter().sum::<u32>(), 30_735);
    // Symmetric bins: the middle one is emptied first.
    assert_eq!(after.counts[HISTOGRAM_BINS / 2], 0);
    assert_eq!(after.counts[0], histogram.counts[0]);
    let edges = [named("fc.weight", [1, 4], vec![-1.0, 1.0, 0.0, 0.5])];
    let counted = Histogram::new(&edges, None);
    assert_eq!(
        (counted.counts[0], counted.counts[HISTOGRAM_BINS - 1]),
        (1, 1)
    );
}

/// A try of which size and accuracy matter.
fn tried(bytes: u64, accuracy: f32) -> Try {
    let histogram = Histogram {
        largest: 1.0,
        counts: Vec::new(),
        zeros: 0,
    };
    Try {
        number: 0,
        network: String::new(),
        recipe: Recipe::default(),
        distilled: None,
        bytes,
        // Which half decides is seen where the two, and both together, say different things.
        accuracy: 1.0 - accuracy,
        halves: Halves {
            choosing: accuracy,
            reporting: 1.0 - accuracy,
        },
        loss: 0.0,
        weights: 0,
        zeros: 0,
        threshold: None,
        parts: Vec::new(),
        before: histogram.clone(),
        after: histogram,
        steps: 0,
    }
}

#[test]
fn the_front_holds_what_nothing_beats() {
    let tries = [
        (100, 0.9),
        (50, 0.8),
        (60, 0.7),
        (50, 0.75),
        (100, 0.85),
        (20, 0.5),
        (120, 0.9),
    ];
    let tries = tries.map(|(bytes, accuracy)| tried(bytes, accuracy));
    assert_eq!(pareto_front(&tries), [5, 1, 0]);
    for (at, one) in tries.iter().enumerate() {
        let beats = |other: &Try| {
            other.bytes <= one.bytes
                && other.halves.choosing >= one.halves.choosing
                && (other.bytes < one.bytes || other.halves.choosing > one.halves.choosing)
        };
        assert_eq!(!tries.iter().any(beats), pareto_front(&tries).contains(&at));
    }
}

#[test]
fn the_best_under_a_budget_fits_it_and_a_budget_below_all_is_explained() {
    let tries = [(100, 0.9), (50, 0.8), (60, 0.7)].map(|(bytes, accuracy)| tried(bytes, accuracy));
    assert_eq!(best_under(&tries, 1_000), Budgeted::Best(0));
    assert_eq!(best_under(&tries, 99), Budgeted::Best(1));
    assert_eq!(best_under(&tries, 50), Budgeted::Best(1));
    assert_eq!(best_under(&tries, 49), Budgeted::TooSmall { smallest: 50 });
    assert_eq!(best_under(&[], 49), Budgeted::NoTries);
}

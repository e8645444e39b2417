//! The compressed file.

use super::*;
use proptest::prelude::*;

fn compressed(
    weights: &[NamedTensor],
    bits: Option<u8>,
    per: Granularity,
) -> (CompressedModel, Vec<u8>, Vec<Part>) {
    let model = CompressedModel::new(lenet(), weights, bits, per).unwrap();
    let (bytes, parts) = model.encode();
    (model, bytes, parts)
}

/// Bytes in front of the first tensor: magic, version, length and letters of the id.
const HEAD: u64 = 4 + 1 + 1 + "lenet5-mnist".len() as u64;

#[test]
fn a_file_gives_back_every_bit_and_its_parts_add_up_to_its_length() {
    for sparsity in [0.0, 0.1, 0.5, 0.9, 0.99] {
        let weights = pruned(sparsity, Scope::Global);
        for bits in [None, Some(2), Some(3), Some(4), Some(5), Some(8)] {
            for per in Granularity::ALL {
                let (model, bytes, parts) = compressed(&weights, bits, per);
                let read = CompressedModel::decode(&bytes).unwrap();
                assert_eq!(bits_of(&read.weights()), bits_of(&model.weights()));
                assert_eq!(read.encode().0, bytes);
                let of_parts: u64 = parts.iter().map(|part| part.bytes).sum();
                assert_eq!(HEAD + of_parts, bytes.len() as u64);
                if bits.is_none() {
                    assert_eq!(bits_of(&read.weights()), bits_of(&weights));
                }
                let zeros = |tensors: &[NamedTensor]| {
                    let values = tensors.iter().flat_map(|tensor| &tensor.values);
                    values.filter(|value| **value == 0.0).count()
                };
                let kept: u32 = parts.iter().map(|part| part.kept).sum();
                assert_eq!(61_706 - kept as usize, zeros(&read.weights()));
            }
        }
    }
}

#[test]
fn each_tensor_takes_the_shortest_layout() {
    // Half of 48,000 weights at 4 bits: 24,000 bytes dense, 6,000 + 12,000 + 4 with a bitmap.
    let (_, _, parts) = compressed(&pruned(0.5, Scope::Layer), Some(4), Granularity::Tensor);
    let fc1 = parts.iter().find(|part| part.name == "fc1.weight").unwrap();
    assert_eq!((fc1.count, fc1.layout), (48_000, Layout::Bitmap));
    // Of the half that stays, those that round to level 0 need no place either.
    assert!(fc1.kept <= 24_000);
    let bitmap = 2 + 1 + 4 + 4 + 6_000 + (u64::from(fc1.kept) * 4).div_ceil(8);
    assert_eq!(fc1.bytes, bitmap);
    let (_, _, parts) = compressed(&pruned(0.0, Scope::Layer), None, Granularity::Tensor);
    let fc1 = parts.iter().find(|part| part.name == "fc1.weight").unwrap();
    assert_eq!((fc1.layout, fc1.bytes), (Layout::Dense, 2 + 4 * 48_000));
    let (_, _, parts) = compressed(&pruned(0.99, Scope::Layer), Some(8), Granularity::Tensor);
    let fc1 = parts.iter().find(|part| part.name == "fc1.weight").unwrap();
    assert_eq!((fc1.layout, fc1.kept), (Layout::Gaps, 480));
    // 480 levels of a byte, and gaps of 9 or 10 bits (a mean of 100, the largest several hundred).
    assert!((2 + 1 + 4 + 4 + 1 + 480 + 480..2 + 1 + 4 + 4 + 1 + 480 + 720).contains(&fc1.bytes));
}

#[test]
fn pruning_cuts_the_count_and_quantization_the_bits() {
    let size = |sparsity, bits| {
        compressed(&pruned(sparsity, Scope::Global), bits, Granularity::Tensor)
            .1
            .len()
    };
    let whole = size(0.0, None);
    assert_eq!(whole, HEAD as usize + 10 * 2 + 4 * 61_706);
    let eight = size(0.0, Some(8));
    assert!(eight < whole / 4 + 2_000 && eight > whole / 4 - 2_000);
    let mut last = whole;
    for sparsity in [0.5, 0.8, 0.9, 0.95, 0.99] {
        let now = size(sparsity, None);
        assert!(now < last);
        last = now;
    }
}

#[test]
fn files_that_end_early_or_go_on_are_refused() {
    for (sparsity, bits) in [(0.0, Some(2)), (0.9, Some(4)), (0.99, None)] {
        let (_, bytes, _) =
            compressed(&pruned(sparsity, Scope::Global), bits, Granularity::Channel);
        for length in (0..bytes.len()).step_by(97).chain(0..64) {
            let error = CompressedModel::decode(&bytes[..length]).unwrap_err();
            let is_said = matches!(
                error,
                CompressError::File(FileError::Truncated { .. } | FileError::NoMagic)
            );
            assert!(
                is_said || length < 18 && matches!(error, CompressError::File(_)),
                "{error}"
            );
        }
        let longer = [&bytes[..], &[0]].concat();
        let error = CompressedModel::decode(&longer).unwrap_err();
        assert_eq!(
            error,
            CompressError::File(FileError::TrailingBytes { extra: 1 })
        );
    }
}

#[test]
fn hostile_fields_are_named() {
    let (_, bytes, _) = compressed(&pruned(0.5, Scope::Layer), Some(4), Granularity::Tensor);
    let changed = |at: usize, with: &[u8]| {
        let mut bytes = bytes.clone();
        bytes[at..at + with.len()].copy_from_slice(with);
        match CompressedModel::decode(&bytes).unwrap_err() {
            CompressError::File(error) => error,
            error => panic!("{error}"),
        }
    };
    let first = HEAD as usize;
    assert_eq!(changed(0, b"safe"), FileError::NoMagic);
    assert!(matches!(
        changed(4, &[2]),
        FileError::OtherVersion {
            actual: 2,
            expected: 1
        }
    ));
    let name = "lenet6-mnist".into();
    assert_eq!(
        changed(6, b"lenet6-mnist"),
        FileError::UnknownNetwork { name }
    );
    assert!(matches!(
        changed(first, &[9]),
        FileError::BadBits { bits: 9, .. }
    ));
    assert!(matches!(
        changed(first, &[1]),
        FileError::BadBits { bits: 1, .. }
    ));
    assert!(matches!(
        changed(first + 1, &[3]),
        FileError::BadLayout { layout: 3, .. }
    ));
    assert!(matches!(
        changed(first + 2, &[2]),
        FileError::BadGranularity { granularity: 2, .. }
    ));
    let nan = f32::NAN.to_le_bytes();
    assert!(matches!(
        changed(first + 3, &nan),
        FileError::NonFinite { .. }
    ));
    let negative = (-1.0f32).to_le_bytes();
    assert!(matches!(
        changed(first + 3, &negative),
        FileError::NegativeScale { .. }
    ));
    let largest = f32::MAX.to_le_bytes();
    assert!(matches!(
        changed(first + 3, &largest),
        FileError::NonFinite { .. }
    ));
    // The first tensor has 150 weights, half of them kept at most: bitmap behind bits, layout, scale.
    assert_eq!(bytes[first + 1], 1);
    let count = u32::MAX.to_le_bytes();
    let error = changed(first + 7, &count);
    let FileError::BadCount {
        tensor,
        kept,
        count,
    } = error
    else {
        panic!("{error}")
    };
    assert_eq!((&tensor[..], kept, count), ("conv1.weight", u32::MAX, 150));
    assert!(matches!(
        changed(first + 11, &[0xff, 0xff]),
        FileError::BadPositions { .. }
    ));
    // Code 15 of 4 bits would be level 8, beyond 7.
    let levels = first + 11 + 150usize.div_ceil(8);
    assert!(matches!(
        changed(levels, &[0xff]),
        FileError::BadLevel { .. }
    ));
}

#[test]
fn too_large_files_are_refused_unread() {
    let bytes = vec![0; MAX_COMPRESSED_BYTES + 1];
    let error = CompressedModel::decode(&bytes).unwrap_err();
    assert!(matches!(
        error,
        CompressError::File(FileError::TooLarge { .. })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_values_come_back(
        values in prop::collection::vec(prop_oneof![Just(0.0f32), Just(-0.0f32), -2.0f32..2.0], 61_470 / 8),
        bits in prop::option::of(2u8..=8),
        channel: bool,
    ) {
        let mut weights = initial(lenet(), 1);
        let all = weights.iter_mut().flat_map(|tensor| &mut tensor.values);
        for (value, drawn) in all.zip(values.iter().cycle()) {
            *value = *drawn;
        }
        let per = if channel { Granularity::Channel } else { Granularity::Tensor };
        let (model, bytes, _) = compressed(&weights, bits, per);
        let read = CompressedModel::decode(&bytes).unwrap();
        prop_assert_eq!(bits_of(&read.weights()), bits_of(&model.weights()));
    }

    #[test]
    fn changed_files_never_panic(places in prop::collection::vec((0usize..8_000, any::<u8>()), 1..4)) {
        let weights = pruned(0.95, Scope::Global);
        let (_, mut bytes, _) = compressed(&weights, Some(4), Granularity::Channel);
        for (at, byte) in places {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        if let Ok(read) = CompressedModel::decode(&bytes) {
            prop_assert!(read.weights().iter().all(|t| t.values.iter().all(|v| v.is_finite())));
        }
    }
}

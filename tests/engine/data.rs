//! Data files are untrusted: broken ones are refused with a reason, and the order of samples is reproducible.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use glassbox::data::batches::{BatchSchedule, epoch_order};
use glassbox::data::cifar::append_cifar10;
use glassbox::data::dataset::{Dataset, ImageShape, Split};
use glassbox::data::error::{DataError, FileProblem};
use glassbox::data::gzip::inflate;
use glassbox::data::idx::{Idx, parse_idx};
use glassbox::data::source::{DataSource, assemble, load, mnist_from_bytes};
use glassbox::data::{MAX_FILE_BYTES, Normalization};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

fn idx(dimensions: &[u32], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, dimensions.len() as u8];
    bytes.extend(dimensions.iter().flat_map(|size| size.to_be_bytes()));
    bytes.extend_from_slice(values);
    bytes
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder: GzEncoder<Vec<u8>> = GzBuilder::new().write(Vec::new(), Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// `count` images of MNIST's size, with their labels, as the four files of `folder`.
fn tiny_mnist(folder: &str, count: u32) -> BTreeMap<String, Vec<u8>> {
    let images = idx(&[count, 28, 28], &vec![7; count as usize * 784]);
    let labels = idx(
        &[count],
        &(0..count)
            .map(|index| (index % 10) as u8)
            .collect::<Vec<_>>(),
    );
    ["train", "t10k"]
        .iter()
        .flat_map(|split| {
            [
                (
                    format!("{folder}{split}-images-idx3-ubyte.gz"),
                    gzip(&images),
                ),
                (format!("{folder}{split}-labels-idx1-ubyte"), labels.clone()),
            ]
        })
        .collect()
}

fn cifar_batch(labels: &[u8]) -> Vec<u8> {
    labels
        .iter()
        .flat_map(|&label| std::iter::once(label).chain([label; 3072]))
        .collect()
}

fn assets() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("assets/data")
}

fn committed_mnist() -> Dataset {
    load("mnist", &[assets()]).expect("the MNIST subset is part of the repository")
}

// ---- IDX

#[test]
fn idx_gives_dimensions_and_values() {
    let bytes = idx(&[2, 1, 3], &[1, 2, 3, 4, 5, 6]);
    assert_eq!(
        parse_idx(&bytes),
        Ok(Idx {
            dimensions: [2, 1, 3],
            values: &[1, 2, 3, 4, 5, 6]
        })
    );
}

#[test]
fn idx_refuses_every_truncation() {
    let bytes = idx(&[2, 1, 3], &[1, 2, 3, 4, 5, 6]);
    for length in 0..bytes.len() {
        let problem = parse_idx::<3>(&bytes[..length]).unwrap_err();
        let FileProblem::Truncated { expected, got, .. } = problem else {
            panic!("{length} bytes: {problem:?}")
        };
        assert_eq!(got, length as u64);
        assert_eq!(expected, if length < 16 { 16 } else { 22 });
    }
}

#[test]
fn idx_refuses_another_magic_number() {
    // An element type that is not unsigned bytes, another number of dimensions, and a text.
    for (start, got) in [
        ([0, 0, 0x0d, 3], 0x0d03),
        ([0, 0, 8, 1], 0x0801),
        (*b"<htm", 0x3c68_746d),
    ] {
        let mut bytes = idx(&[1, 1, 1], &[0]);
        bytes[..4].copy_from_slice(&start);
        assert_eq!(
            parse_idx::<3>(&bytes),
            Err(FileProblem::WrongMagic {
                expected: 0x0803,
                got
            })
        );
    }
}

#[test]
fn idx_refuses_huge_sizes_without_believing_them() {
    let huge = |sizes: [u32; 3]| parse_idx::<3>(&idx(&sizes, &[0; 9])).unwrap_err();
    let product = u128::from(u32::MAX).pow(3);
    assert_eq!(
        huge([u32::MAX; 3]),
        FileProblem::TooLarge {
            limit: MAX_FILE_BYTES,
            got: Some(product)
        }
    );
    // 2^64: a product in 64 bits would wrap to 0 and look like an empty file.
    assert_eq!(
        huge([1 << 31, 1 << 31, 4]),
        FileProblem::TooLarge {
            limit: MAX_FILE_BYTES,
            got: Some(1 << 64)
        }
    );
    // Within the limit, but not there.
    assert!(matches!(
        huge([1 << 26, 1, 1]),
        FileProblem::Truncated { got: 25, .. }
    ));
}

#[test]
fn idx_refuses_trailing_bytes() {
    let bytes = idx(&[2], &[1, 2, 3]);
    assert_eq!(
        parse_idx::<1>(&bytes),
        Err(FileProblem::TrailingBytes {
            expected: 10,
            got: 11
        })
    );
}

// ---- gzip

#[test]
fn plain_and_gzipped_contents_are_the_same() {
    let plain = idx(&[2], &[1, 2]);
    assert_eq!(inflate(&plain, 100).unwrap(), plain.as_slice());
    assert_eq!(inflate(&gzip(&plain), 100).unwrap(), plain.as_slice());
    // Exactly at the limit still passes; one less does not.
    assert!(inflate(&gzip(&plain), 10).is_ok());
    assert!(inflate(&gzip(&plain), 9).is_err());
    assert!(inflate(&plain, 9).is_err());
}

#[test]
fn a_zip_bomb_is_stopped_at_the_limit() {
    let bomb = gzip(&vec![0; 8 << 20]);
    assert!(bomb.len() < 20_000, "the bomb is {} bytes", bomb.len());
    let limit = 1 << 20;
    assert_eq!(
        inflate(&bomb, limit),
        Err(FileProblem::TooLarge { limit, got: None })
    );
}

#[test]
fn broken_gzip_is_refused() {
    let whole = gzip(&[42; 1000]);
    for length in 2..whole.len() {
        let problem = inflate(&whole[..length], 10_000).unwrap_err();
        assert!(
            matches!(problem, FileProblem::Gzip(_)),
            "{length} bytes: {problem:?}"
        );
    }
    let mut wrong_checksum = whole.clone();
    let checksum = whole.len() - 8;
    wrong_checksum[checksum] ^= 1;
    assert!(matches!(
        inflate(&wrong_checksum, 10_000),
        Err(FileProblem::Gzip(_))
    ));
    let mut trailing = whole.clone();
    trailing.push(0);
    let expected = whole.len() as u64;
    assert_eq!(
        inflate(&trailing, 10_000),
        Err(FileProblem::TrailingBytes {
            expected,
            got: expected + 1
        })
    );
}

// ---- CIFAR-10

#[test]
fn cifar_records_are_split_into_labels_and_images() {
    let (mut images, mut labels) = (Vec::new(), Vec::new());
    append_cifar10(&cifar_batch(&[3, 8]), &mut images, &mut labels).unwrap();
    append_cifar10(&cifar_batch(&[1]), &mut images, &mut labels).unwrap();
    assert_eq!(labels, [3, 8, 1]);
    assert_eq!(images, [[3; 3072], [8; 3072], [1; 3072]].concat());
}

#[test]
fn cifar_refuses_partial_records() {
    let batch = cifar_batch(&[3, 8]);
    for length in [0, 1, 3072, 3074, 6145] {
        let (mut images, mut labels) = (Vec::new(), Vec::new());
        let result = append_cifar10(&batch[..length], &mut images, &mut labels);
        assert_eq!(
            result,
            Err(FileProblem::PartialRecord {
                record_bytes: 3073,
                got: length as u64
            })
        );
        assert!(images.is_empty() && labels.is_empty());
    }
}

#[test]
fn cifar_works_with_the_batches_there_are_and_names_the_others() {
    let mut files = BTreeMap::from([
        ("data_batch_4.bin".to_string(), cifar_batch(&[9])),
        (
            "cifar-10-batches-bin/data_batch_2.bin.gz".to_string(),
            gzip(&cifar_batch(&[0, 5])),
        ),
    ]);
    let missing = assemble("cifar10", &files).unwrap_err().to_string();
    assert_eq!(
        missing,
        "cifar10: files not found: cifar10/test_batch.bin.gz"
    );
    files.insert("test_batch.bin".to_string(), cifar_batch(&[6]));
    let dataset = assemble("cifar10", &files).unwrap();
    assert_eq!(dataset.train.labels(), [0, 5, 9], "in official order");
    assert_eq!(dataset.test.labels(), [6]);
    let absent = [1, 3, 5].map(|number| format!("cifar10/data_batch_{number}.bin.gz"));
    assert_eq!(dataset.absent, absent);
    files.retain(|name, _| name.contains("test"));
    let missing = assemble("cifar10", &files).unwrap_err().to_string();
    assert!(
        missing.contains("at least one of cifar10/data_batch_1.bin.gz"),
        "{missing}"
    );
}

// ---- Splits and data sets

const ONE_PIXEL: ImageShape = ImageShape {
    channels: 1,
    height: 1,
    width: 1,
};

#[test]
fn a_split_refuses_labels_out_of_range_and_counts_that_differ() {
    let split = |images: &[u8], labels: &[u32]| {
        Split::new("toy", ONE_PIXEL, images.to_vec(), labels.to_vec(), 10)
    };
    assert!(split(&[1, 2], &[0, 9]).is_ok());
    let out_of_range = split(&[1, 2], &[0, 10]).unwrap_err();
    assert_eq!(
        out_of_range.to_string(),
        "toy: label 10 of sample 1 is out of range, expected 0 to 9"
    );
    let mismatch = split(&[1, 2, 3], &[0, 1]).unwrap_err();
    assert_eq!(
        mismatch.to_string(),
        "toy: 3 images but 2 labels, expected as many labels as images"
    );
    assert_eq!(
        split(&[], &[]),
        Err(DataError::Empty {
            who: "toy".to_string()
        })
    );
}

#[test]
fn errors_name_the_file_and_say_what_was_expected() {
    let change = |name: &str, bytes: Vec<u8>| {
        let mut files = tiny_mnist("mnist/", 3);
        files.remove(&format!("{name}.gz"));
        files.insert(name.to_string(), bytes);
        assemble("mnist", &files).unwrap_err().to_string()
    };
    assert_eq!(
        change("mnist/t10k-labels-idx1-ubyte", idx(&[4], &[1; 4])),
        "mnist test split: 3 images but 4 labels, expected as many labels as images"
    );
    assert_eq!(
        change("mnist/train-labels-idx1-ubyte", idx(&[3], &[1, 2, 11])),
        "mnist train split: label 11 of sample 2 is out of range, expected 0 to 9"
    );
    assert_eq!(
        change(
            "mnist/train-images-idx3-ubyte",
            idx(&[3, 32, 32], &[0; 3072])
        ),
        "mnist train split: images are (1, 32, 32) (C, H, W), expected (1, 28, 28)"
    );
    assert_eq!(
        change("mnist/train-images-idx3-ubyte", idx(&[3], &[0; 3])),
        "mnist/train-images-idx3-ubyte: magic number is 0x00000801, expected 0x00000803"
    );
    assert_eq!(
        change("mnist/train-images-idx3-ubyte", idx(&[0, 28, 28], &[])),
        "mnist train split: 0 images but 3 labels, expected as many labels as images"
    );
    let unknown = assemble("imagenet", &BTreeMap::new())
        .unwrap_err()
        .to_string();
    assert_eq!(
        unknown,
        "there is no data set named imagenet, expected one of: mnist, fashion-mnist, cifar10, shapes"
    );
}

#[test]
fn files_in_memory_are_found_by_path_or_name_but_never_from_another_data_set() {
    assert_eq!(
        assemble("mnist", &tiny_mnist("mnist/", 3))
            .unwrap()
            .train
            .count(),
        3
    );
    assert_eq!(
        assemble("mnist", &tiny_mnist("", 3)).unwrap().train.count(),
        3
    );
    let dotted = tiny_mnist("", 3)
        .into_iter()
        .map(|(name, bytes)| (name.replace("-idx", ".idx"), bytes))
        .collect();
    assert_eq!(
        assemble("fashion-mnist", &dotted).unwrap().name,
        "fashion-mnist"
    );
    let other = tiny_mnist("fashion-mnist/", 3);
    assert!(matches!(
        assemble("mnist", &other),
        Err(DataError::MissingFiles { .. })
    ));
    assert!(assemble("fashion-mnist", &other).is_ok());
}

#[test]
fn the_first_folder_with_every_needed_file_is_loaded() {
    let [incomplete, complete] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    for (folder, count) in [(&incomplete, 2), (&complete, 3)] {
        std::fs::create_dir(folder.path().join("mnist")).unwrap();
        for (name, bytes) in tiny_mnist("mnist/", count) {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
    }
    std::fs::remove_file(incomplete.path().join("mnist/t10k-labels-idx1-ubyte")).unwrap();
    let folders = [
        incomplete.path().to_path_buf(),
        complete.path().to_path_buf(),
    ];
    assert_eq!(load("mnist", &folders).unwrap().train.count(), 3);
    let missing = load("mnist", &folders[..1]).unwrap_err().to_string();
    assert!(
        missing.starts_with("mnist: files not found: mnist/t10k-labels-idx1-ubyte.gz; looked in "),
        "{missing}"
    );
}

#[test]
fn normalised_pixels_follow_the_formula_channel_by_channel() {
    let shape = ImageShape {
        channels: 2,
        height: 1,
        width: 2,
    };
    let split = Split::new("toy", shape, vec![0, 255, 51, 102], vec![0], 1).unwrap();
    let normalization = Normalization {
        mean: &[0.5, 0.2],
        standard_deviation: &[0.5, 0.1],
    };
    let mut values = [f32::NAN; 4];
    split.write_normalized(0, &normalization, &mut values);
    // One rounding each of a division, a difference and a division, of values up to 4.
    for (actual, expected) in values.iter().zip([-1.0, 1.0, 0.0, 2.0]) {
        assert!((actual - expected).abs() <= 1e-6, "{values:?}");
    }
}

#[test]
fn every_source_has_named_classes_and_a_name_that_leads_back() {
    for source in DataSource::ALL {
        assert_eq!(DataSource::from_name(source.name()), Ok(source));
        assert!(
            source
                .files()
                .iter()
                .all(|file| file.path.starts_with(&format!("{}/", source.name())))
        );
        let english: BTreeSet<_> = source.classes().iter().map(|class| class.en).collect();
        let chinese: BTreeSet<_> = source.classes().iter().map(|class| class.zh).collect();
        for names in [english, chinese] {
            let expected = if source == DataSource::Shapes { 6 } else { 10 };
            assert_eq!(names.len(), expected, "{names:?}");
            assert!(names.iter().all(|name| !name.is_empty()));
        }
        assert_eq!(
            source.normalization().mean.len(),
            source.shape().channels as usize
        );
        assert_eq!(
            source.normalization().standard_deviation.len(),
            source.shape().channels as usize
        );
    }
}

// ---- The committed MNIST subset

#[test]
fn the_committed_mnist_files_match_their_manifest() {
    let folder = assets().join("mnist");
    let manifest = std::fs::read_to_string(folder.join("manifest.txt")).unwrap();
    let mut checked = 0;
    for line in manifest.lines().filter(|line| !line.starts_with('#')) {
        let [sha256, length, name] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let stored = std::fs::read(folder.join(format!("{name}.gz"))).unwrap();
        let plain = inflate(&stored, MAX_FILE_BYTES).unwrap();
        assert_eq!(plain.len().to_string(), length, "{name}");
        let actual: String = Sha256::digest(&plain)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(actual, sha256, "{name}");
        checked += 1;
    }
    assert_eq!(checked, 4);
}

#[test]
fn the_committed_mnist_subset_is_balanced_and_has_the_statistics_of_the_full_set() {
    let dataset = committed_mnist();
    for (split, per_class) in [(&dataset.train, 1_000), (&dataset.test, 200)] {
        for class in 0..10 {
            assert_eq!(
                split
                    .labels()
                    .iter()
                    .filter(|&&label| label == class)
                    .count(),
                per_class
            );
        }
        let count = split.images().len() as f64;
        let mean = split
            .images()
            .iter()
            .map(|&pixel| f64::from(pixel) / 255.0)
            .sum::<f64>()
            / count;
        let variance = split
            .images()
            .iter()
            .map(|&pixel| (f64::from(pixel) / 255.0 - mean).powi(2))
            .sum::<f64>()
            / count;
        // A sample of the full set: its mean differs by a few thousandths, a biased one by 0.009 (mean 0.122).
        assert!((mean - 0.1307).abs() < 0.003, "mean {mean}");
        assert!(
            (variance.sqrt() - 0.3081).abs() < 0.004,
            "standard deviation {}",
            variance.sqrt()
        );
    }
    // The first images of the official training file, in its order.
    assert_eq!(dataset.train.labels()[..10], [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    assert!(dataset.absent.is_empty());
}

#[test]
fn mnist_from_bytes_equals_mnist_from_files() {
    let bytes = DataSource::Mnist
        .files()
        .iter()
        .map(|file| std::fs::read(assets().join(file.path)).unwrap());
    let [train_images, train_labels, test_images, test_labels] = &bytes.collect::<Vec<_>>()[..]
    else {
        panic!()
    };
    let embedded = mnist_from_bytes(train_images, train_labels, test_images, test_labels).unwrap();
    assert!(embedded == committed_mnist());
}

#[test]
fn a_subset_takes_the_first_of_training_and_spaced_ones_of_testing() {
    let split = |labels: &[u32]| {
        let images = (0..labels.len() as u8).collect();
        Split::new("toy", ONE_PIXEL, images, labels.to_vec(), 2).unwrap()
    };
    let dataset = Dataset {
        train: split(&[1, 0, 1, 1, 0, 0]),
        test: split(&[0, 0, 0, 0, 1, 1, 1, 1, 1]),
        ..committed_mnist()
    };
    let subset = dataset.subset(2, 2);
    assert_eq!(subset.train.images(), [0, 1, 2, 4]);
    assert_eq!(subset.train.labels(), [1, 0, 1, 0]);
    assert_eq!(subset.test.images(), [0, 2, 4, 6]);
    // The committed subset is its own subset of that size.
    let mnist = committed_mnist();
    assert!(mnist.subset(1_000, 200) == mnist);
}

// ---- The order of samples

#[test]
fn an_epoch_order_has_its_golden_values() {
    // Found with an independent ChaCha8 (RFC 8439's block with 8 rounds); any other value, on any platform, would
    // mean that links and replays no longer repeat a run.
    assert_eq!(epoch_order(1, 0, 10), GOLDEN_SEED_1_EPOCH_0);
    assert_eq!(epoch_order(1, 1, 10), GOLDEN_SEED_1_EPOCH_1);
    assert_eq!(epoch_order(u64::MAX, 1 << 40, 10), GOLDEN_LARGE);
    let sum =
        epoch_order(42, 3, 60_000)
            .iter()
            .enumerate()
            .fold(0u64, |sum, (position, &index)| {
                sum.wrapping_mul(31)
                    .wrapping_add(u64::from(index) ^ position as u64)
            });
    assert_eq!(sum, GOLDEN_HASH_OF_60_000);
}

const GOLDEN_SEED_1_EPOCH_0: [u32; 10] = [3, 2, 0, 9, 8, 1, 5, 6, 7, 4];
const GOLDEN_SEED_1_EPOCH_1: [u32; 10] = [4, 8, 5, 3, 6, 9, 2, 1, 0, 7];
const GOLDEN_LARGE: [u32; 10] = [5, 3, 1, 2, 4, 9, 0, 8, 6, 7];
const GOLDEN_HASH_OF_60_000: u64 = 8_011_681_052_733_710_260;

#[test]
fn every_order_of_three_is_about_equally_likely() {
    let mut times = BTreeMap::new();
    for epoch in 0..6_000 {
        *times.entry(epoch_order(7, epoch, 3)).or_insert(0u32) += 1;
    }
    assert_eq!(times.len(), 6);
    // 1,000 expected, standard deviation 29: five of them.
    assert!(
        times.values().all(|&count| count.abs_diff(1_000) < 145),
        "{times:?}"
    );
}

#[test]
fn an_epoch_visits_every_sample_once_and_keeps_the_partial_batch() {
    for (count, batch_size, steps) in [
        (10, 4, 3),
        (8, 4, 2),
        (1, 1, 1),
        (3, 1, 3),
        (5, 5, 1),
        (5, 64, 1),
    ] {
        let mut schedule = BatchSchedule::shuffled(9, count, batch_size).unwrap();
        assert_eq!(schedule.steps_per_epoch(), steps);
        for epoch in 0..3 {
            let mut seen = Vec::new();
            for batch_in_epoch in 0..steps {
                let batch = schedule.at(epoch * u64::from(steps) + u64::from(batch_in_epoch));
                assert_eq!((batch.epoch, batch.batch_in_epoch), (epoch, batch_in_epoch));
                assert_eq!(batch.ends_epoch, batch_in_epoch + 1 == steps);
                let padded: Vec<u32> = batch.padded().collect();
                assert_eq!(padded.len(), batch_size as usize);
                assert_eq!(padded[..batch.valid() as usize], *batch.indices);
                assert!(
                    padded[batch.valid() as usize..]
                        .iter()
                        .all(|&index| index == 0)
                );
                seen.extend_from_slice(batch.indices);
            }
            assert_eq!(seen, epoch_order(9, epoch, count));
        }
    }
}

#[test]
fn steps_may_be_asked_for_in_any_order() {
    let mut forward = BatchSchedule::shuffled(5, 100, 7).unwrap();
    let batches: Vec<Vec<u32>> = (0..60)
        .map(|step| forward.at(step).indices.to_vec())
        .collect();
    let mut backward = BatchSchedule::shuffled(5, 100, 7).unwrap();
    for step in (0..60).rev() {
        assert_eq!(backward.at(step).indices, batches[step as usize]);
    }
    // Control: another seed gives other batches.
    assert_ne!(
        BatchSchedule::shuffled(6, 100, 7).unwrap().at(0).indices,
        batches[0]
    );
    // The last step there can be is still a step.
    assert_eq!(forward.at(u64::MAX).step, u64::MAX);
}

#[test]
fn file_order_is_the_same_in_every_epoch() {
    let mut schedule = BatchSchedule::in_file_order(5, 2).unwrap();
    assert_eq!(schedule.at(1).indices, [2, 3]);
    let last = schedule.at(5);
    assert_eq!((last.epoch, last.indices, last.valid()), (1, &[4][..], 1));
}

#[test]
fn schedules_of_nothing_are_refused() {
    assert_eq!(
        BatchSchedule::shuffled(1, 10, 0).unwrap_err(),
        DataError::ZeroBatchSize
    );
    assert!(matches!(
        BatchSchedule::shuffled(1, 0, 10),
        Err(DataError::Empty { .. })
    ));
}

// ---- What the PyTorch fixtures start from

/// Initial values of parameter number `stream`: the formula of `tests/fixtures/first_losses.py`.
pub fn counter_values(stream: u64, count: usize, fan_in: usize) -> Vec<f32> {
    let bound = (1.0 / (fan_in as f64).sqrt()) as f32;
    let unit =
        |index: usize| (splitmix64((stream << 32) + index as u64) >> 40) as f32 / 16_777_216.0;
    (0..count)
        .map(|index| bound * (2.0 * unit(index) - 1.0))
        .collect()
}

fn splitmix64(state: u64) -> u64 {
    let z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Indices into the committed training split of the fixtures' batch `k`.
pub fn fixture_batch(k: u32) -> Vec<u32> {
    (0..64).map(|j| (k * 64 + j) * 37 % 10_000).collect()
}

#[test]
fn the_loss_fixtures_start_from_values_that_need_no_pytorch() {
    for name in ["lenet5_first_losses.json", "mlp_first_losses.json"] {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures")
            .join(name);
        let fixture: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let parameters = fixture["parameters"].as_array().unwrap();
        assert!(parameters.len() >= 4);
        for parameter in parameters {
            let shape = parameter["shape"].as_array().unwrap();
            let count = shape
                .iter()
                .map(|size| size.as_u64().unwrap() as usize)
                .product();
            let fan_in = parameter["fan_in"].as_u64().unwrap() as usize;
            let values = counter_values(parameter["stream"].as_u64().unwrap(), count, fan_in);
            for (value, expected) in values
                .iter()
                .zip(parameter["first_values"].as_array().unwrap())
            {
                // Nine digits name an f32 exactly.
                assert_eq!(
                    *value,
                    expected.as_f64().unwrap() as f32,
                    "{name} {}",
                    parameter["name"]
                );
            }
            let sum: f64 = values.iter().map(|&value| f64::from(value)).sum();
            // Twelve digits of sums of exact values below 20.
            assert!(
                (sum - parameter["sum"].as_f64().unwrap()).abs() <= 1e-9,
                "{name} {}",
                parameter["name"]
            );
        }
    }
    assert_eq!(fixture_batch(9)[63], 639 * 37 % 10_000);
}

// ---- Any bytes at all

/// One change to a valid file: a byte, a cut or an addition.
fn mutate(mut bytes: Vec<u8>, at: usize, value: u8, kind: u8) -> Vec<u8> {
    let at = at % bytes.len();
    match kind % 3 {
        0 => bytes[at] = value,
        1 => bytes.truncate(at),
        _ => bytes.insert(at, value),
    }
    bytes
}

/// Runs every reader; what matters is that they return, with values only where the bytes are consistent.
fn read_everything(bytes: &[u8]) {
    const LIMIT: u64 = 1 << 16;
    if let Ok(plain) = inflate(bytes, LIMIT) {
        assert!(plain.len() as u64 <= LIMIT);
    }
    if let Ok(images) = parse_idx::<3>(bytes) {
        assert_eq!(
            images
                .dimensions
                .iter()
                .map(|&size| size as usize)
                .product::<usize>(),
            images.values.len()
        );
    }
    let _ = parse_idx::<1>(bytes);
    let (mut images, mut labels) = (Vec::new(), Vec::new());
    if append_cifar10(bytes, &mut images, &mut labels).is_ok() {
        assert_eq!(labels.len() * 3073, bytes.len());
    }
    // Drawn pictures have no files to be broken.
    for source in DataSource::ALL
        .into_iter()
        .filter(|s| !s.files().is_empty())
    {
        let files = source
            .files()
            .iter()
            .map(|file| (file.path.to_string(), bytes.to_vec()))
            .collect();
        let _ = source.assemble(&files);
    }
}

proptest! {
    // No file of failed cases is written.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn readers_never_panic_on_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        read_everything(&bytes);
    }

    #[test]
    fn readers_never_panic_on_changed_files(at in any::<usize>(), value in any::<u8>(), kind in any::<u8>()) {
        let valid = idx(&[2, 28, 28], &[9; 2 * 784]);
        read_everything(&mutate(valid.clone(), at % 20, value, kind));
        read_everything(&mutate(gzip(&valid), at, value, kind));
        read_everything(&mutate(cifar_batch(&[1]), at, value, kind));
        let mut files = tiny_mnist("", 2);
        let name = files.keys().nth(at % 4).unwrap().clone();
        let changed = mutate(files[&name].clone(), at / 4, value, kind);
        files.insert(name, changed);
        if let Ok(dataset) = assemble("mnist", &files) {
            prop_assert!(dataset.train.labels().iter().chain(dataset.test.labels()).all(|&label| label < 10));
        }
    }

    #[test]
    fn an_epoch_order_is_a_permutation(seed in any::<u64>(), epoch in any::<u64>(), count in 0u32..500) {
        let order = epoch_order(seed, epoch, count);
        prop_assert_eq!(&order, &epoch_order(seed, epoch, count));
        let mut sorted = order;
        sorted.sort_unstable();
        prop_assert!(sorted.into_iter().eq(0..count));
    }
}

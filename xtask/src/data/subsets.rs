//! The subsets: 10,000 training and 2,000 test images of each set, small enough for the page to open quickly.
//!
//! MNIST and Fashion-MNIST stay IDX files (2 and 5 MB), with the first 1,000 training images of each class. CIFAR-10
//! gives its first file whole, 10,000 images with about 1,000 of each class, and is packed (22 MB instead of 34): see
//! `src/data/residual.rs`. Of the test images each set gives 200 of each class, at even distances.

use std::fs;
use std::path::Path;

use super::{
    DATA_SETS, FULL_MNIST, OfficialFile, find_file, gzip, read_checked, sha256_hex, write_file,
};

#[path = "../../../src/data/residual.rs"]
mod residual;

/// Training images kept of each class: the first ones of the file.
const TRAIN_PER_CLASS: usize = 1_000;
/// Test images kept of each class: evenly spaced through the file. The two halves of MNIST's were written by
/// different groups of people; the first 200 of each would be a biased sample.
const TEST_PER_CLASS: usize = 200;
const CLASSES: u8 = 10;
const IMAGE_BYTES: usize = 28 * 28;
const IMAGES_HEADER: usize = 16;
const LABELS_HEADER: usize = 8;

/// CIFAR-10: height and width, and bytes of a label with its image.
const SIDE: usize = 32;
const RECORD_BYTES: usize = 1 + 3 * SIDE * SIDE;

/// Makes the page's subset of the data set called `name` from its full files in `from`.
pub(super) fn make(name: &str, from: &Path, target: &Path) -> Result<(), String> {
    let set = DATA_SETS
        .iter()
        .find(|set| set.name == name)
        .ok_or_else(|| format!("no data set is called {name}"))?;
    fs::create_dir_all(target)
        .map_err(|error| format!("cannot create {}: {error}", target.display()))?;
    if name == "cifar10" {
        return make_packed(set.files, from, target);
    }
    let [train_images, train_labels, test_images, test_labels] = set.files else {
        return Err(format!("{name}: expected four IDX files"));
    };
    make_idx(
        [train_images, train_labels, test_images, test_labels],
        from,
        target,
    )
    .map(|_| ())
}

/// Rebuilds the committed MNIST subset from the full set in `from`, byte for byte.
pub(super) fn make_mnist(from: &Path, target: &Path) -> Result<(), String> {
    fs::create_dir_all(target)
        .map_err(|error| format!("cannot create {}: {error}", target.display()))?;
    let mut manifest = String::from(
        "# The committed MNIST subset: SHA-256 and length of each file's uncompressed bytes.\n\
         # Made by: cargo xtask data --make-mnist-subset --from DIR\n",
    );
    manifest += &make_idx(FULL_MNIST.each_ref(), from, target)?;
    write_file(&target.join("manifest.txt"), manifest.as_bytes())?;
    print!("{manifest}");
    Ok(())
}

/// The plain bytes of an official file.
fn full(file: &OfficialFile, from: &Path) -> Result<Vec<u8>, String> {
    let path = find_file(from, file.name)
        .ok_or_else(|| format!("{} is not in {}", file.name, from.display()))?;
    read_checked(&path, file).map(|(_, plain)| plain)
}

/// Cuts training images, training labels, test images and test labels; a line on each file.
fn make_idx(files: [&OfficialFile; 4], from: &Path, target: &Path) -> Result<String, String> {
    let [train_images, train_labels, test_images, test_labels] = files;
    let mut lines = String::new();
    for (images_file, labels_file, choose) in [
        (
            train_images,
            train_labels,
            first_of_each as fn(&[u8]) -> Vec<usize>,
        ),
        (test_images, test_labels, evenly_spaced_of_each),
    ] {
        let (images, labels) = (full(images_file, from)?, full(labels_file, from)?);
        let chosen = choose(&labels[LABELS_HEADER..]);
        let count = u32::try_from(chosen.len())
            .map_err(|error| error.to_string())?
            .to_be_bytes();
        // The official headers, with only the count changed.
        let mut images_subset = [&images[..4], &count, &images[8..IMAGES_HEADER]].concat();
        let mut labels_subset = [&labels[..4], &count].concat();
        for index in chosen {
            let start = IMAGES_HEADER + index * IMAGE_BYTES;
            images_subset.extend_from_slice(&images[start..start + IMAGE_BYTES]);
            labels_subset.push(labels[LABELS_HEADER + index]);
        }
        for (file, plain) in [(images_file, images_subset), (labels_file, labels_subset)] {
            write_subset(&target.join(format!("{}.gz", file.name)), &plain)?;
            lines += &format!("{}  {}  {}\n", sha256_hex(&plain), plain.len(), file.name);
        }
    }
    Ok(lines)
}

/// Packs the first training file that is there, and the spaced test images.
fn make_packed(files: &[OfficialFile], from: &Path, target: &Path) -> Result<(), String> {
    let mut train = files
        .iter()
        .filter(|file| file.name.starts_with("data_batch_"));
    let train = train
        .find(|file| find_file(from, file.name).is_some())
        .ok_or_else(|| format!("no data_batch_N.bin is in {}", from.display()))?;
    let test = files
        .iter()
        .find(|file| file.name == "test_batch.bin")
        .ok_or("the list of files has no test_batch.bin")?;
    let mut train = full(train, from)?;
    let all = full(test, from)?;
    let labels: Vec<u8> = all.iter().step_by(RECORD_BYTES).copied().collect();
    let mut test = Vec::new();
    for index in evenly_spaced_of_each(&labels) {
        test.extend_from_slice(&all[index * RECORD_BYTES..(index + 1) * RECORD_BYTES]);
    }
    for (name, records) in [("train", &mut train), ("test", &mut test)] {
        let original = records.clone();
        residual::pack(records, SIDE);
        let mut unpacked = records.clone();
        residual::unpack(&mut unpacked, SIDE);
        if unpacked != original {
            return Err(format!("{name}: unpacking does not give the images back"));
        }
        write_subset(&target.join(format!("{name}-subset.packed.gz")), records)?;
    }
    Ok(())
}

fn write_subset(path: &Path, plain: &[u8]) -> Result<(), String> {
    let stored = gzip(plain)?;
    write_file(path, &stored)?;
    println!("{}: {} bytes", path.display(), stored.len());
    Ok(())
}

/// Indices, in file order, of the first images of each class.
fn first_of_each(labels: &[u8]) -> Vec<usize> {
    choose_of_each(labels, |of_class| {
        of_class[..TRAIN_PER_CLASS.min(of_class.len())].to_vec()
    })
}

/// Indices, in file order, of images of each class at even distances through the file.
fn evenly_spaced_of_each(labels: &[u8]) -> Vec<usize> {
    choose_of_each(labels, |of_class| {
        (0..TEST_PER_CLASS)
            .map(|k| of_class[k * of_class.len() / TEST_PER_CLASS])
            .collect()
    })
}

fn choose_of_each(labels: &[u8], choose: impl Fn(&[usize]) -> Vec<usize>) -> Vec<usize> {
    let mut chosen: Vec<usize> = (0..CLASSES)
        .flat_map(|class| {
            let of_class: Vec<usize> = (0..labels.len())
                .filter(|&index| labels[index] == class)
                .collect();
            choose(&of_class)
        })
        .collect();
    chosen.sort_unstable();
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_images_are_spaced_through_the_file_and_kept_in_order() {
        let labels: Vec<u8> = (0..10_000).map(|index| (index % 10) as u8).collect();
        let chosen = evenly_spaced_of_each(&labels);
        assert_eq!(chosen.len(), 2_000);
        assert!(chosen.is_sorted());
        assert_eq!(&chosen[..12], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 50, 51]);
        assert!(*chosen.last().unwrap() >= 9_950);
    }
}

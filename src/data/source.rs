//! Named data sets: which files each needs, and how they become a [`Dataset`].
//!
//! Files lie in `<folder>/<data set>/`, gzipped or plain, under their official names. Files given in memory may
//! be called by that path or by the file name alone.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::MAX_FILE_BYTES;
use super::cifar::{CIFAR10_SHAPE, append_cifar10, append_packed_cifar10};
use super::dataset::{ClassName, Dataset, ImageShape, Normalization, Split};
use super::error::{DataError, FileProblem};
use super::gzip::inflate;
use super::idx::parse_idx;
use super::shapes::{SHAPES_CLASSES, SHAPES_SHAPE, draw_shapes};

/// Images of MNIST and Fashion-MNIST.
const MNIST_SHAPE: ImageShape = ImageShape {
    channels: 1,
    height: 28,
    width: 28,
};

/// A data set that Glassbox knows by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DataSource {
    /// Handwritten digits, 28 x 28 grey.
    Mnist,
    /// Pieces of clothing, 28 x 28 grey.
    FashionMnist,
    /// Small photographs, 32 x 32 in colour.
    Cifar10,
    /// Drawn shapes, 32 x 32 in colour: no files.
    Shapes,
}

/// One official file of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataFile {
    /// Path below a data folder, with `.gz`; the same path without `.gz` is the plain file.
    pub path: &'static str,
    /// What the file holds.
    pub part: Part,
}

/// Which part of a data set a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Training images; every such file is needed.
    TrainImages,
    /// Training labels.
    TrainLabels,
    /// Test images.
    TestImages,
    /// Test labels.
    TestLabels,
    /// Training images with their labels; at least one such file is needed.
    TrainBatch,
    /// Test images with their labels.
    TestBatch,
    /// The page's training images with their labels, packed.
    PackedTrain,
    /// The page's test images with their labels, packed.
    PackedTest,
}

const fn file(path: &'static str, part: Part) -> DataFile {
    DataFile { path, part }
}

const MNIST_FILES: [DataFile; 4] = [
    file("mnist/train-images-idx3-ubyte.gz", Part::TrainImages),
    file("mnist/train-labels-idx1-ubyte.gz", Part::TrainLabels),
    file("mnist/t10k-images-idx3-ubyte.gz", Part::TestImages),
    file("mnist/t10k-labels-idx1-ubyte.gz", Part::TestLabels),
];
const FASHION_MNIST_FILES: [DataFile; 4] = [
    file(
        "fashion-mnist/train-images-idx3-ubyte.gz",
        Part::TrainImages,
    ),
    file(
        "fashion-mnist/train-labels-idx1-ubyte.gz",
        Part::TrainLabels,
    ),
    file("fashion-mnist/t10k-images-idx3-ubyte.gz", Part::TestImages),
    file("fashion-mnist/t10k-labels-idx1-ubyte.gz", Part::TestLabels),
];
const CIFAR10_FILES: [DataFile; 6] = [
    file("cifar10/data_batch_1.bin.gz", Part::TrainBatch),
    file("cifar10/data_batch_2.bin.gz", Part::TrainBatch),
    file("cifar10/data_batch_3.bin.gz", Part::TrainBatch),
    file("cifar10/data_batch_4.bin.gz", Part::TrainBatch),
    file("cifar10/data_batch_5.bin.gz", Part::TrainBatch),
    file("cifar10/test_batch.bin.gz", Part::TestBatch),
];

/// What the page loads of CIFAR-10: `cargo xtask data` makes it of the official files.
const CIFAR10_PACKED: [DataFile; 2] = [
    file("cifar10/train-subset.packed.gz", Part::PackedTrain),
    file("cifar10/test-subset.packed.gz", Part::PackedTest),
];

const fn class(en: &'static str, zh: &'static str) -> ClassName {
    ClassName { en, zh }
}

const MNIST_CLASSES: [ClassName; 10] = [
    class("0", "0"),
    class("1", "1"),
    class("2", "2"),
    class("3", "3"),
    class("4", "4"),
    class("5", "5"),
    class("6", "6"),
    class("7", "7"),
    class("8", "8"),
    class("9", "9"),
];
const FASHION_MNIST_CLASSES: [ClassName; 10] = [
    class("T-shirt/top", "T恤/上衣"),
    class("Trouser", "裤子"),
    class("Pullover", "套头衫"),
    class("Dress", "连衣裙"),
    class("Coat", "外套"),
    class("Sandal", "凉鞋"),
    class("Shirt", "衬衫"),
    class("Sneaker", "运动鞋"),
    class("Bag", "包"),
    class("Ankle boot", "短靴"),
];
const CIFAR10_CLASSES: [ClassName; 10] = [
    class("airplane", "飞机"),
    class("automobile", "汽车"),
    class("bird", "鸟"),
    class("cat", "猫"),
    class("deer", "鹿"),
    class("dog", "狗"),
    class("frog", "青蛙"),
    class("horse", "马"),
    class("ship", "船"),
    class("truck", "卡车"),
];

impl DataSource {
    /// Every known data set.
    pub const ALL: [Self; 4] = [Self::Mnist, Self::FashionMnist, Self::Cifar10, Self::Shapes];

    /// Its name, which is also the name of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mnist => "mnist",
            Self::FashionMnist => "fashion-mnist",
            Self::Cifar10 => "cifar10",
            Self::Shapes => "shapes",
        }
    }

    /// The data set of this name.
    ///
    /// # Errors
    /// When there is none; the message lists the names.
    pub fn from_name(name: &str) -> Result<Self, DataError> {
        Self::ALL
            .into_iter()
            .find(|source| source.name() == name)
            .ok_or_else(|| DataError::UnknownDataset {
                name: name.to_string(),
                expected: Self::ALL.map(Self::name).join(", "),
            })
    }

    /// Its official files. Of CIFAR-10's training batches one is enough; every other file is needed.
    pub fn files(self) -> &'static [DataFile] {
        match self {
            Self::Mnist => &MNIST_FILES,
            Self::FashionMnist => &FASHION_MNIST_FILES,
            Self::Cifar10 => &CIFAR10_FILES,
            Self::Shapes => &[],
        }
    }

    /// The files that the page loads, below `assets/data/`: a subset, small enough to open quickly. MNIST's and
    /// Fashion-MNIST's are cut IDX files under the official names; CIFAR-10's are packed.
    pub fn page_files(self) -> &'static [DataFile] {
        match self {
            Self::Mnist | Self::FashionMnist | Self::Shapes => self.files(),
            Self::Cifar10 => &CIFAR10_PACKED,
        }
    }

    /// Names of its classes, by label.
    pub fn classes(self) -> &'static [ClassName] {
        match self {
            Self::Mnist => &MNIST_CLASSES,
            Self::FashionMnist => &FASHION_MNIST_CLASSES,
            Self::Cifar10 => &CIFAR10_CLASSES,
            Self::Shapes => &SHAPES_CLASSES,
        }
    }

    /// Size of its images.
    pub fn shape(self) -> ImageShape {
        match self {
            Self::Mnist | Self::FashionMnist => MNIST_SHAPE,
            Self::Cifar10 => CIFAR10_SHAPE,
            Self::Shapes => SHAPES_SHAPE,
        }
    }

    /// Mean and standard deviation of the full training set's pixels / 255, to four digits; of drawn ones round numbers
    /// near them.
    pub fn normalization(self) -> Normalization {
        match self {
            Self::Mnist => Normalization {
                mean: &[0.1307],
                standard_deviation: &[0.3081],
            },
            Self::FashionMnist => Normalization {
                mean: &[0.2860],
                standard_deviation: &[0.3530],
            },
            Self::Cifar10 => Normalization {
                mean: &[0.4914, 0.4822, 0.4465],
                standard_deviation: &[0.2470, 0.2435, 0.2616],
            },
            Self::Shapes => Normalization {
                mean: &[0.5, 0.5, 0.5],
                standard_deviation: &[0.25, 0.25, 0.25],
            },
        }
    }

    /// Puts the data set together from files in memory, each gzipped or plain.
    ///
    /// A file is found by its path below a data folder (`mnist/train-labels-idx1-ubyte.gz`) or by its file name,
    /// with or without `.gz`. Other files are ignored.
    ///
    /// # Errors
    /// When a needed file is missing or broken, or images and labels do not belong together.
    pub fn assemble(self, files: &BTreeMap<String, Vec<u8>>) -> Result<Dataset, DataError> {
        let missing = self.missing(files);
        if !missing.is_empty() {
            return Err(DataError::MissingFiles {
                dataset: self.name(),
                files: missing,
                places: Vec::new(),
            });
        }
        let (train, test) = match self {
            Self::Mnist | Self::FashionMnist => (
                self.split_of_idx("train", files, Part::TrainImages, Part::TrainLabels)?,
                self.split_of_idx("test", files, Part::TestImages, Part::TestLabels)?,
            ),
            Self::Shapes => draw_shapes()?,
            Self::Cifar10 => {
                let [train, test] = if self.is_official(files) {
                    [Part::TrainBatch, Part::TestBatch]
                } else {
                    [Part::PackedTrain, Part::PackedTest]
                };
                (
                    self.split_of_batches("train", files, train)?,
                    self.split_of_batches("test", files, test)?,
                )
            }
        };
        let absent = self
            .files()
            .iter()
            .filter(|file| self.find(file, files).is_none());
        Ok(Dataset {
            name: self.name(),
            train,
            test,
            classes: self.classes(),
            normalization: self.normalization(),
            absent: absent.map(|file| file.path).collect(),
        })
    }

    /// The first of `folders` that has every needed file gives the data set.
    ///
    /// # Errors
    /// When no folder is complete, or a file cannot be read, or [`Self::assemble`] fails.
    pub fn load(self, folders: &[PathBuf]) -> Result<Dataset, DataError> {
        let mut missing_somewhere = Vec::new();
        for folder in folders {
            let files = self.read_folder(folder)?;
            let missing = self.missing(&files);
            if missing.is_empty() {
                return self.assemble(&files);
            }
            missing_somewhere.push(missing);
        }
        Err(DataError::MissingFiles {
            dataset: self.name(),
            // The shortest list is the folder that came nearest.
            files: missing_somewhere
                .into_iter()
                .min_by_key(String::len)
                .unwrap_or_default(),
            places: folders
                .iter()
                .map(|folder| folder.join(self.name()).display().to_string())
                .collect(),
        })
    }

    fn read_folder(self, folder: &Path) -> Result<BTreeMap<String, Vec<u8>>, DataError> {
        let mut files = BTreeMap::new();
        for file in self.all_files() {
            let found = [file.path, plain_path(file.path)].map(|path| folder.join(path));
            if let Some(path) = found.iter().find(|path| path.is_file()) {
                files.insert(file.path.to_string(), read_file(path)?);
            }
        }
        Ok(files)
    }

    /// The bytes of a file of this data set, with the name they were given under.
    fn find<'a>(
        self,
        file: &DataFile,
        files: &'a BTreeMap<String, Vec<u8>>,
    ) -> Option<(&'a str, &'a [u8])> {
        let exact = [file.path, plain_path(file.path)]
            .into_iter()
            .find_map(|path| files.get_key_value(path));
        // MNIST and Fashion-MNIST use the same file names.
        let other_set = |key: &str| {
            Self::ALL
                .iter()
                .any(|set| *set != self && parent_name(key) == Some(set.name()))
        };
        exact
            .or_else(|| {
                files.iter().find(|(key, _)| {
                    comparable_name(key) == comparable_name(file.path) && !other_set(key)
                })
            })
            .map(|(key, bytes)| (key.as_str(), bytes.as_slice()))
    }

    /// Every file that the data set can be made of: the official ones, and the page's where they differ.
    fn all_files(self) -> impl Iterator<Item = &'static DataFile> {
        let packed: &[DataFile] = match self {
            Self::Mnist | Self::FashionMnist | Self::Shapes => &[],
            Self::Cifar10 => &CIFAR10_PACKED,
        };
        self.files().iter().chain(packed)
    }

    /// Whether the official files suffice.
    fn is_official(self, files: &BTreeMap<String, Vec<u8>>) -> bool {
        self.missing_official(files).is_empty()
    }

    /// Needed files that are not there, for people; empty when the data set can be made.
    fn missing(self, files: &BTreeMap<String, Vec<u8>>) -> String {
        let is_there = |file: &DataFile| self.find(file, files).is_some();
        if self == Self::Cifar10 && CIFAR10_PACKED.iter().all(is_there) {
            return String::new();
        }
        self.missing_official(files)
    }

    /// Official files that are needed and not there.
    fn missing_official(self, files: &BTreeMap<String, Vec<u8>>) -> String {
        let absent = |file: &&DataFile| self.find(file, files).is_none();
        let mut missing: Vec<&str> = self
            .files()
            .iter()
            .filter(|file| file.part != Part::TrainBatch)
            .filter(absent)
            .map(|file| file.path)
            .collect();
        let mut batches = self
            .files()
            .iter()
            .filter(|file| file.part == Part::TrainBatch)
            .peekable();
        if batches.peek().is_some() && batches.all(|file| absent(&file)) {
            missing.push("at least one of cifar10/data_batch_1.bin.gz to data_batch_5.bin.gz");
        }
        missing.join(", ")
    }

    /// The files of one part as they were given, in official order.
    fn contents(
        self,
        files: &BTreeMap<String, Vec<u8>>,
        part: Part,
    ) -> impl Iterator<Item = (&str, &[u8])> {
        let of_part = self.all_files().filter(move |file| file.part == part);
        of_part.filter_map(move |file| self.find(file, files))
    }

    fn split_of_idx(
        self,
        split: &str,
        files: &BTreeMap<String, Vec<u8>>,
        images: Part,
        labels: Part,
    ) -> Result<Split, DataError> {
        let one = |part| {
            self.contents(files, part)
                .next()
                .expect("missing files were reported before")
        };
        let (images_name, images) = one(images);
        let (labels_name, labels) = one(labels);
        split_from_idx(self, split, (images_name, images), (labels_name, labels))
    }

    fn split_of_batches(
        self,
        split: &str,
        files: &BTreeMap<String, Vec<u8>>,
        part: Part,
    ) -> Result<Split, DataError> {
        let (mut images, mut labels) = (Vec::new(), Vec::new());
        for (name, bytes) in self.contents(files, part) {
            inflate(bytes, MAX_FILE_BYTES)
                .and_then(|plain| match part {
                    Part::PackedTrain | Part::PackedTest => {
                        append_packed_cifar10(plain.into_owned(), &mut images, &mut labels)
                    }
                    _ => append_cifar10(&plain, &mut images, &mut labels),
                })
                .map_err(|problem| problem.in_file(name))?;
        }
        Split::new(
            &self.split_name(split),
            self.shape(),
            images,
            labels,
            self.classes().len() as u32,
        )
    }

    fn split_name(self, split: &str) -> String {
        format!("{} {split} split", self.name())
    }
}

/// Images and labels of one split, each with the name of its file.
fn split_from_idx(
    source: DataSource,
    split: &str,
    (images_name, images): (&str, &[u8]),
    (labels_name, labels): (&str, &[u8]),
) -> Result<Split, DataError> {
    let who = source.split_name(split);
    let images = inflate(images, MAX_FILE_BYTES).map_err(|problem| problem.in_file(images_name))?;
    let images = parse_idx::<3>(&images).map_err(|problem| problem.in_file(images_name))?;
    let labels = inflate(labels, MAX_FILE_BYTES).map_err(|problem| problem.in_file(labels_name))?;
    let labels = parse_idx::<1>(&labels).map_err(|problem| problem.in_file(labels_name))?;

    let [image_count, height, width] = images.dimensions;
    let shape = ImageShape {
        channels: 1,
        height,
        width,
    };
    if shape != source.shape() {
        return Err(DataError::WrongShape {
            who,
            expected: source.shape().to_string(),
            got: shape.to_string(),
        });
    }
    let [label_count] = labels.dimensions;
    if image_count != label_count {
        return Err(DataError::CountMismatch {
            who,
            images: image_count.into(),
            labels: label_count.into(),
        });
    }
    let labels = labels
        .values
        .iter()
        .map(|&label| u32::from(label))
        .collect();
    Split::new(
        &who,
        shape,
        images.values.to_vec(),
        labels,
        source.classes().len() as u32,
    )
}

/// Puts the named data set together from files in memory: see [`DataSource::assemble`].
///
/// # Errors
/// When there is no such data set, or its files are missing or broken.
pub fn assemble(name: &str, files: &BTreeMap<String, Vec<u8>>) -> Result<Dataset, DataError> {
    DataSource::from_name(name)?.assemble(files)
}

/// Reads the named data set from the first of `folders` that has it: see [`DataSource::load`].
///
/// # Errors
/// When there is no such data set, or no folder has its files, or they are broken.
pub fn load(name: &str, folders: &[PathBuf]) -> Result<Dataset, DataError> {
    DataSource::from_name(name)?.load(folders)
}

/// MNIST, or a subset of it, from its four IDX files, each gzipped or plain.
///
/// # Errors
/// When a file is broken, or images and labels do not belong together.
pub fn mnist_from_bytes(
    train_images: &[u8],
    train_labels: &[u8],
    test_images: &[u8],
    test_labels: &[u8],
) -> Result<Dataset, DataError> {
    let source = DataSource::Mnist;
    let [
        train_images_file,
        train_labels_file,
        test_images_file,
        test_labels_file,
    ] = MNIST_FILES.map(|file| file.path);
    Ok(Dataset {
        name: source.name(),
        train: split_from_idx(
            source,
            "train",
            (train_images_file, train_images),
            (train_labels_file, train_labels),
        )?,
        test: split_from_idx(
            source,
            "test",
            (test_images_file, test_images),
            (test_labels_file, test_labels),
        )?,
        classes: source.classes(),
        normalization: source.normalization(),
        absent: Vec::new(),
    })
}

/// Where data is looked for: the folder named by the environment variable `GLASSBOX_DATA` if it is set, then, below
/// the working directory, `data` (official files) and `assets/data` (the page's subsets).
pub fn default_folders() -> Vec<PathBuf> {
    let named = std::env::var_os("GLASSBOX_DATA")
        .filter(|value| !value.is_empty())
        .map(PathBuf::from);
    named
        .into_iter()
        .chain(["data", "assets/data"].map(PathBuf::from))
        .collect()
}

fn read_file(path: &Path) -> Result<Vec<u8>, DataError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| DataError::Unreadable {
            file: path.display().to_string(),
            reason: error.to_string(),
        })?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(FileProblem::TooLarge {
            limit: MAX_FILE_BYTES,
            got: None,
        }
        .in_file(&path.display().to_string()));
    }
    Ok(bytes)
}

fn plain_path(path: &str) -> &str {
    path.strip_suffix(".gz").unwrap_or(path)
}

/// The file name without folders and `.gz`. Some copies of MNIST are called `train-images.idx3-ubyte`: dots are
/// read as dashes.
fn comparable_name(path: &str) -> String {
    plain_path(path)
        .rsplit(['/', '\\'])
        .next()
        .unwrap_or(path)
        .replace('.', "-")
}

/// The folder a path's file is in.
fn parent_name(path: &str) -> Option<&str> {
    path.rsplit(['/', '\\']).nth(1)
}

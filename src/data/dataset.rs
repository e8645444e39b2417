//! Labelled images in memory, checked once when they are made.

use std::fmt;

use super::error::DataError;

/// Size of one image (C, H, W).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageShape {
    /// C: 1 for grey, 3 for red, green, blue.
    pub channels: u32,
    /// H, in pixels.
    pub height: u32,
    /// W, in pixels.
    pub width: u32,
}

impl ImageShape {
    /// Values of one image: C · H · W.
    pub fn values(self) -> usize {
        self.channels as usize * self.height as usize * self.width as usize
    }
}

impl fmt::Display for ImageShape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "({}, {}, {})",
            self.channels, self.height, self.width
        )
    }
}

/// The name of a class in both languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassName {
    /// English.
    pub en: &'static str,
    /// Simplified Chinese.
    pub zh: &'static str,
}

/// How pixels become a network's input: `(pixel / 255 - mean) / standard_deviation`, channel by channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalization {
    /// Mean of the training images' pixels / 255, one per channel.
    pub mean: &'static [f32],
    /// Standard deviation of the training images' pixels / 255, one per channel.
    pub standard_deviation: &'static [f32],
}

impl Normalization {
    /// The input value of one pixel of a channel, in f32 throughout.
    pub fn apply(&self, channel: usize, pixel: u8) -> f32 {
        (f32::from(pixel) / 255.0 - self.mean[channel]) / self.standard_deviation[channel]
    }
}

/// Images with their labels. Always at least one, every label below the number of classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    shape: ImageShape,
    images: Vec<u8>,
    labels: Vec<u32>,
}

impl Split {
    /// Joins images (N, C, H, W) and labels (N), each label in 0 to `classes` - 1. `who` names the split in errors.
    ///
    /// # Errors
    /// When there are no samples, the counts differ, or a label is out of range.
    pub fn new(
        who: &str,
        shape: ImageShape,
        images: Vec<u8>,
        labels: Vec<u32>,
        classes: u32,
    ) -> Result<Self, DataError> {
        let who = || who.to_string();
        if labels.is_empty() || images.is_empty() || shape.values() == 0 {
            return Err(DataError::Empty { who: who() });
        }
        let whole = images.len().is_multiple_of(shape.values());
        let count = images.len() / shape.values();
        // Indices of samples are u32 everywhere.
        if !whole || count != labels.len() || u32::try_from(count).is_err() {
            return Err(DataError::CountMismatch {
                who: who(),
                images: count as u64,
                labels: labels.len() as u64,
            });
        }
        if let Some((index, &label)) = labels
            .iter()
            .enumerate()
            .find(|&(_, &label)| label >= classes)
        {
            return Err(DataError::LabelOutOfRange {
                who: who(),
                index,
                label,
                classes,
            });
        }
        Ok(Self {
            shape,
            images,
            labels,
        })
    }

    /// N: the number of samples, at least 1.
    pub fn count(&self) -> u32 {
        self.labels.len() as u32
    }

    /// Size of each image.
    pub fn shape(&self) -> ImageShape {
        self.shape
    }

    /// All pixels (N, C, H, W), row-major, 0 to 255.
    pub fn images(&self) -> &[u8] {
        &self.images
    }

    /// All labels (N).
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// The pixels (C, H, W) of one sample.
    pub fn image(&self, index: u32) -> &[u8] {
        let values = self.shape.values();
        &self.images[index as usize * values..][..values]
    }

    /// Overwrites `target` (C, H, W) with the normalised pixels of one sample.
    pub fn write_normalized(&self, index: u32, normalization: &Normalization, target: &mut [f32]) {
        assert_eq!(target.len(), self.shape.values(), "an image's values");
        let plane = self.shape.values() / self.shape.channels as usize;
        for (position, (value, &pixel)) in target.iter_mut().zip(self.image(index)).enumerate() {
            *value = normalization.apply(position / plane, pixel);
        }
    }

    /// The samples with these indices, in this order.
    fn select(&self, indices: &[usize]) -> Self {
        Self {
            shape: self.shape,
            images: indices
                .iter()
                .flat_map(|&index| self.image(index as u32))
                .copied()
                .collect(),
            labels: indices.iter().map(|&index| self.labels[index]).collect(),
        }
    }

    /// `choose` picks from the indices of each class; the picks keep the split's order.
    fn select_of_each_class(&self, choose: impl Fn(&[usize]) -> Vec<usize>) -> Self {
        let classes = self.labels.iter().max().map_or(0, |&label| label + 1);
        let mut of_class = vec![Vec::new(); classes as usize];
        for (index, &label) in self.labels.iter().enumerate() {
            of_class[label as usize].push(index);
        }
        let mut chosen: Vec<usize> = of_class
            .iter()
            .flat_map(|indices| choose(indices))
            .collect();
        chosen.sort_unstable();
        self.select(&chosen)
    }
}

/// A named data set with its training and test split.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// The name it is asked for by, such as `mnist`.
    pub name: &'static str,
    /// Samples to learn from.
    pub train: Split,
    /// Samples that are never learned from.
    pub test: Split,
    /// Names of the classes, by label.
    pub classes: &'static [ClassName],
    /// What makes inputs of pixels.
    pub normalization: Normalization,
    /// Official files that were not there; the data set is smaller without them.
    pub absent: Vec<&'static str>,
}

/// Which training samples are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Take {
    All,
    /// The first of the file.
    First(u32),
    /// The first of each class.
    FirstOfEachClass(u32),
}

/// Which samples of a data set are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subset {
    pub train: Take,
    /// Test samples of each class, at even distances through the file; `None` for all.
    pub test_per_class: Option<u32>,
}

impl Subset {
    /// Everything.
    pub const WHOLE: Self = Self {
        train: Take::All,
        test_per_class: None,
    };
    /// 1,000 and 200 of each of ten classes: what is committed of MNIST, and the page's Fashion-MNIST.
    pub const THOUSAND_OF_EACH: Self = Self {
        train: Take::FirstOfEachClass(1_000),
        test_per_class: Some(200),
    };
    /// The first 10,000 (CIFAR-10's first file, about 1,000 of each class) and 200 of each class.
    pub const FIRST_TEN_THOUSAND: Self = Self {
        train: Take::First(10_000),
        test_per_class: Some(200),
    };
}

impl Dataset {
    /// The samples that `subset` chooses, in file order. A class with fewer samples gives what it has; at least one
    /// sample stays.
    pub fn choose(&self, subset: Subset) -> Self {
        let train = match subset.train {
            Take::All => self.train.clone(),
            Take::First(count) => {
                let count = (count.max(1) as usize).min(self.train.labels.len());
                self.train.select(&(0..count).collect::<Vec<_>>())
            }
            Take::FirstOfEachClass(count) => {
                let count = count.max(1) as usize;
                self.train
                    .select_of_each_class(|indices| indices[..count.min(indices.len())].to_vec())
            }
        };
        let test = match subset.test_per_class {
            None => self.test.clone(),
            Some(count) => {
                let count = count.max(1) as usize;
                self.test.select_of_each_class(|indices| {
                    let count = count.min(indices.len());
                    (0..count)
                        .map(|k| indices[k * indices.len() / count])
                        .collect()
                })
            }
        };
        Self {
            train,
            test,
            absent: self.absent.clone(),
            ..*self
        }
    }

    /// The rule of the project's subsets: the first `train_per_class` training samples of each class, and
    /// `test_per_class` test samples of each class at even distances through the file, both in file order.
    /// A class with fewer samples gives what it has; of 0 of each class at least the first sample stays.
    ///
    /// MNIST with 1,000 and 200 is the committed subset.
    pub fn subset(&self, train_per_class: usize, test_per_class: usize) -> Self {
        let of_each = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        self.choose(Subset {
            train: Take::FirstOfEachClass(of_each(train_per_class)),
            test_per_class: Some(of_each(test_per_class)),
        })
    }
}

//! What the network says of samples: pictures and verdicts.

use super::run_state::{Probabilities, Samples};
use super::texts::Locale;

/// What the network takes one sample for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// The true class.
    pub label: u32,
    /// The most probable class.
    pub predicted: u32,
    /// Of the predicted class, 0 to 1.
    pub probability: f32,
}

impl Verdict {
    pub fn is_right(self) -> bool {
        self.label == self.predicted
    }
}

/// The names of classes, given in English and Chinese, in one language.
pub fn class_names(classes: &[(String, String)], locale: Locale) -> Vec<String> {
    let name = |(english, chinese): &(String, String)| match locale {
        Locale::English => english.clone(),
        Locale::Chinese => chinese.clone(),
    };
    classes.iter().map(name).collect()
}

/// The most probable class and its probability; of equals the first. `None` without classes.
pub fn most_probable(probabilities: &[f32]) -> Option<(u32, f32)> {
    let mut best: Option<(u32, f32)> = None;
    for (class, probability) in (0..).zip(probabilities) {
        if best.is_none_or(|(_, most)| *probability > most) {
            best = Some((class, *probability));
        }
    }
    best
}

/// The verdicts on all samples; empty where numbers are missing.
pub fn verdicts(samples: &Samples, probabilities: &Probabilities) -> Vec<Verdict> {
    let count = samples.labels.len();
    let classes = probabilities.values.len().checked_div(count).unwrap_or(0);
    if classes == 0 || probabilities.values.len() != count * classes {
        return Vec::new();
    }
    let rows = probabilities.values.chunks_exact(classes);
    rows.zip(&samples.labels)
        .filter_map(|(row, label)| {
            let (predicted, probability) = most_probable(row)?;
            Some(Verdict {
                label: *label,
                predicted,
                probability,
            })
        })
        .collect()
}

/// An image (C, H, W) as RGBA bytes, row-major; one channel is grey, three are red, green, blue.
/// `None` where the pixels do not fit the shape.
pub fn rgba(shape: &[usize], pixels: &[u8]) -> Option<Vec<u8>> {
    let [channels, height, width] = *shape else {
        return None;
    };
    let area = height * width;
    if !matches!(channels, 1 | 3) || pixels.len() != channels * area {
        return None;
    }
    let channel = |index: usize, at: usize| pixels[index.min(channels - 1) * area + at];
    let colours = (0..area).flat_map(|at| [channel(0, at), channel(1, at), channel(2, at), 255]);
    Some(colours.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(labels: &[u32]) -> Samples {
        Samples {
            shape: vec![1, 1, 1],
            pixels: vec![0; labels.len()],
            labels: labels.to_vec(),
        }
    }

    #[test]
    fn verdicts_name_the_most_probable_class() {
        let probabilities = Probabilities {
            step: 1,
            values: vec![0.1, 0.7, 0.2, 0.5, 0.5, 0.0],
        };
        let verdicts = verdicts(&samples(&[1, 2]), &probabilities);
        assert_eq!((verdicts[0].predicted, verdicts[0].probability), (1, 0.7));
        assert!(verdicts[0].is_right() && !verdicts[1].is_right());
        assert_eq!(verdicts[1].predicted, 0, "of equals the first");
    }

    #[test]
    fn numbers_that_do_not_fit_give_no_verdicts() {
        let values = |values: &[f32]| Probabilities {
            step: 1,
            values: values.to_vec(),
        };
        assert_eq!(verdicts(&samples(&[]), &values(&[])), []);
        assert_eq!(verdicts(&samples(&[1, 2]), &values(&[0.5])), []);
        assert_eq!(verdicts(&samples(&[1, 2]), &values(&[0.5, 0.2, 0.3])), []);
        assert_eq!(most_probable(&[]), None);
    }

    #[test]
    fn images_become_rgba() {
        assert_eq!(
            rgba(&[1, 1, 2], &[7, 9]),
            Some(vec![7, 7, 7, 255, 9, 9, 9, 255])
        );
        assert_eq!(
            rgba(&[3, 1, 2], &[1, 2, 3, 4, 5, 6]),
            Some(vec![1, 3, 5, 255, 2, 4, 6, 255])
        );
        assert_eq!(rgba(&[1, 2, 2], &[1]), None);
        assert_eq!(rgba(&[4], &[1, 2, 3, 4]), None);
    }
}

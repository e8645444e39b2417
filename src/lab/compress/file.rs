//! The compressed file: its length is the size that is shown. The format, byte by byte, is in `docs/LAB.md`.
//!
//! A reader knows names and shapes of the tensors from the network's id, so no number in a file decides how much memory
//! is taken, and every count is checked against the shape before anything is read by it.

use super::bits::{pack, packed_bytes, unpack, width_of};
use super::network::is_weight;
use super::quantize::{BITS, Granularity, Quantized, levels, value_of};
use super::{CompressError, FileError, Network};
use crate::export::NamedTensor;
use crate::tensor::Shape;
use serde::{Deserialize, Serialize};

/// How a file begins.
pub const MAGIC: [u8; 4] = *b"GBXC";

const VERSION: u8 = 1;

/// Bits of a value that is not quantized.
const REAL_BITS: u8 = 32;

/// Largest file that is read: VGG16 as 32-bit floats.
pub const MAX_COMPRESSED_BYTES: usize = 64 * 1024 * 1024;

/// How a tensor says which of its values are not 0. The file takes the shortest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Layout {
    /// It does not: zeros are written as values.
    Dense,
    /// One bit for each value.
    Bitmap,
    /// How many zeros stand before each value that is not 0, all in as many bits as the largest needs.
    Gaps,
}

impl Layout {
    const ALL: [Self; 3] = [Self::Dense, Self::Bitmap, Self::Gaps];

    /// Its number in a file is its place in the list.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dense => "dense",
            Self::Bitmap => "bitmap",
            Self::Gaps => "gaps",
        }
    }
}

/// Values of a tensor as a file holds them.
#[derive(Clone, Debug, PartialEq)]
pub enum Stored {
    /// 32-bit floats.
    Reals(Vec<f32>),
    Quantized(Quantized),
}

impl Stored {
    fn bits(&self) -> u8 {
        match self {
            Self::Reals(_) => REAL_BITS,
            Self::Quantized(quantized) => quantized.bits,
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Reals(values) => values.len(),
            Self::Quantized(quantized) => quantized.levels.len(),
        }
    }

    /// Whether value number `at` need not be written. -0 is not +0: a network is to be the same bit for bit.
    fn is_zero(&self, at: usize) -> bool {
        match self {
            Self::Reals(values) => values[at].to_bits() == 0,
            Self::Quantized(quantized) => quantized.levels[at] == 0,
        }
    }

    pub fn values(&self) -> Vec<f32> {
        match self {
            Self::Reals(values) => values.clone(),
            Self::Quantized(quantized) => quantized.values(),
        }
    }
}

/// A tensor's share of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// As in PyTorch's state_dict.
    pub name: String,
    /// Values of the tensor.
    pub count: u32,
    /// How many of them are not 0.
    pub kept: u32,
    /// Of a value: 32, or 2 to 8.
    pub bits: u8,
    pub layout: Layout,
    /// With its scales, positions, and what announces them.
    pub bytes: u64,
}

/// A compressed network: what a file holds.
#[derive(Clone, Debug, PartialEq)]
pub struct CompressedModel {
    pub network: Network,
    /// In the order of [`Network::tensors`].
    pub tensors: Vec<(String, Shape, Stored)>,
}

impl CompressedModel {
    /// Quantizes the weights of a network, or leaves them as they are; biases stay 32-bit floats.
    ///
    /// # Errors
    /// When the bits are out of range.
    pub fn new(
        network: Network,
        tensors: &[NamedTensor],
        bits: Option<u8>,
        granularity: Granularity,
    ) -> Result<Self, CompressError> {
        let stored = |tensor: &NamedTensor| {
            let stored = match bits {
                Some(bits) if is_weight(tensor) => {
                    let scales = granularity.scales(tensor.shape.dims()[0]);
                    Stored::Quantized(Quantized::new(&tensor.values, scales, bits)?)
                }
                _ => Stored::Reals(tensor.values.clone()),
            };
            Ok((tensor.name.clone(), tensor.shape.clone(), stored))
        };
        Ok(Self {
            network,
            tensors: tensors
                .iter()
                .map(stored)
                .collect::<Result<_, CompressError>>()?,
        })
    }

    /// The tensors that the network computes with.
    pub fn weights(&self) -> Vec<NamedTensor> {
        self.tensors
            .iter()
            .map(|(name, shape, stored)| NamedTensor {
                name: name.clone(),
                shape: shape.clone(),
                values: stored.values(),
            })
            .collect()
    }

    /// The file, and what each tensor takes of it.
    pub fn encode(&self) -> (Vec<u8>, Vec<Part>) {
        let id = self.network.id().as_bytes();
        let mut bytes = MAGIC.to_vec();
        bytes.push(VERSION);
        bytes.push(id.len() as u8);
        bytes.extend_from_slice(id);
        let mut parts = Vec::with_capacity(self.tensors.len());
        for (name, _, stored) in &self.tensors {
            let start = bytes.len();
            let kept: Vec<u32> = (0..stored.len() as u32)
                .filter(|&at| !stored.is_zero(at as usize))
                .collect();
            let layout = encode_tensor(stored, &kept, &mut bytes);
            parts.push(Part {
                name: name.clone(),
                count: stored.len() as u32,
                kept: kept.len() as u32,
                bits: stored.bits(),
                layout,
                bytes: (bytes.len() - start) as u64,
            });
        }
        (bytes, parts)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it is no compressed network, or is damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, CompressError> {
        if bytes.len() > MAX_COMPRESSED_BYTES {
            return Err(CompressError::File(FileError::TooLarge {
                actual: bytes.len() as u64,
                limit: MAX_COMPRESSED_BYTES as u64,
            }));
        }
        let mut reader = Reader {
            bytes,
            part: "its head".into(),
        };
        if reader.take(MAGIC.len()).ok() != Some(&MAGIC[..]) {
            return Err(FileError::NoMagic.into());
        }
        let version = reader.byte()?;
        if version != VERSION {
            return Err(CompressError::File(FileError::OtherVersion {
                actual: version,
                expected: VERSION,
            }));
        }
        let length = usize::from(reader.byte()?);
        let name = String::from_utf8_lossy(reader.take(length)?).into_owned();
        let network =
            Network::find(&name).map_err(|_| FileError::UnknownNetwork { name: name.clone() })?;
        let mut tensors = Vec::new();
        for (name, shape) in network.tensors()? {
            reader.part.clone_from(&name);
            let stored = decode_tensor(&mut reader, &shape)?;
            tensors.push((name, shape, stored));
        }
        match reader.bytes.len() {
            0 => Ok(Self { network, tensors }),
            extra => Err(CompressError::File(FileError::TrailingBytes {
                extra: extra as u64,
            })),
        }
    }
}

/// How many zeros stand before each kept value.
fn gaps(kept: &[u32]) -> impl Iterator<Item = u32> {
    let before = std::iter::once(0).chain(kept.iter().map(|&at| at + 1));
    kept.iter().zip(before).map(|(&at, next)| at - next)
}

/// Appends a tensor in its shortest layout.
fn encode_tensor(stored: &Stored, kept: &[u32], bytes: &mut Vec<u8>) -> Layout {
    let bits = u32::from(stored.bits());
    let gap_width = width_of(gaps(kept).max().unwrap_or(0));
    let sizes = [
        packed_bytes(stored.len(), bits),
        4 + packed_bytes(stored.len(), 1) + packed_bytes(kept.len(), bits),
        4 + 1 + packed_bytes(kept.len(), gap_width) + packed_bytes(kept.len(), bits),
    ];
    let shortest = (0..sizes.len()).min_by_key(|&layout| sizes[layout]);
    let number = shortest.expect("there are layouts");
    bytes.extend([stored.bits(), number as u8]);
    if let Stored::Quantized(quantized) = stored {
        let granularity = u8::from(quantized.scales.len() > 1);
        bytes.push(granularity);
        bytes.extend(
            quantized
                .scales
                .iter()
                .flat_map(|scale| scale.to_le_bytes()),
        );
    }
    let layout = Layout::ALL[number];
    if layout != Layout::Dense {
        bytes.extend((kept.len() as u32).to_le_bytes());
    }
    match layout {
        Layout::Dense => {
            let all: Vec<u32> = (0..stored.len() as u32).collect();
            encode_values(stored, &all, bytes);
        }
        Layout::Bitmap => {
            let ones = (0..stored.len()).map(|at| u32::from(!stored.is_zero(at)));
            pack(ones, 1, bytes);
            encode_values(stored, kept, bytes);
        }
        Layout::Gaps => {
            bytes.push(gap_width as u8);
            pack(gaps(kept), gap_width, bytes);
            encode_values(stored, kept, bytes);
        }
    }
    layout
}

fn encode_values(stored: &Stored, places: &[u32], bytes: &mut Vec<u8>) {
    let places = places.iter().map(|&at| at as usize);
    match stored {
        Stored::Reals(values) => bytes.extend(places.flat_map(|at| values[at].to_le_bytes())),
        Stored::Quantized(quantized) => {
            let largest = levels(quantized.bits).expect("a quantized tensor has levels");
            let code = |at: usize| (i32::from(quantized.levels[at]) + i32::from(largest)) as u32;
            pack(places.map(code), quantized.bits.into(), bytes);
        }
    }
}

/// What is left of a file.
struct Reader<'a> {
    bytes: &'a [u8],
    /// What is read, for errors: a tensor's name.
    part: String,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], FileError> {
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or_else(|| {
            let needed = (count - self.bytes.len()) as u64;
            FileError::Truncated {
                part: self.part.clone(),
                needed,
            }
        })?;
        self.bytes = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, FileError> {
        Ok(self.take(1)?[0])
    }

    /// `count` finite numbers.
    fn reals(&mut self, count: usize) -> Result<Vec<f32>, FileError> {
        let bytes = self.take(count * 4)?.as_chunks::<4>().0;
        let values: Vec<f32> = bytes
            .iter()
            .map(|&bytes| f32::from_le_bytes(bytes))
            .collect();
        if values.iter().all(|value| value.is_finite()) {
            return Ok(values);
        }
        let tensor = self.part.clone();
        Err(FileError::NonFinite { tensor })
    }

    /// `count` numbers of `width` bits.
    fn packed(&mut self, count: usize, width: u32) -> Result<Option<Vec<u32>>, FileError> {
        let bytes = self.take(packed_bytes(count, width))?;
        Ok(unpack(bytes, count, width))
    }
}

fn decode_tensor(reader: &mut Reader<'_>, shape: &Shape) -> Result<Stored, FileError> {
    let tensor = reader.part.clone();
    let count = shape.count();
    let bits = reader.byte()?;
    if bits != REAL_BITS && !BITS.contains(&bits) {
        return Err(FileError::BadBits { tensor, bits });
    }
    let layout = reader.byte()?;
    let Some(&layout) = Layout::ALL.get(usize::from(layout)) else {
        return Err(FileError::BadLayout { tensor, layout });
    };
    let scales = match bits {
        REAL_BITS => Vec::new(),
        _ => decode_scales(reader, shape)?,
    };
    let places = decode_places(reader, layout, count)?;
    let kept = places.as_ref().map_or(count, Vec::len);
    let place = |at: usize| places.as_ref().map_or(at, |places| places[at]);
    if bits == REAL_BITS {
        let mut values = vec![0.0; count];
        for (at, value) in reader.reals(kept)?.into_iter().enumerate() {
            values[place(at)] = value;
        }
        return Ok(Stored::Reals(values));
    }
    let largest = i32::from(levels(bits).map_err(|_| FileError::BadBits {
        tensor: tensor.clone(),
        bits,
    })?);
    let codes = reader.packed(kept, bits.into())?;
    let codes = codes.filter(|codes| codes.iter().all(|&code| code as i32 <= 2 * largest));
    let Some(codes) = codes else {
        return Err(FileError::BadLevel { tensor });
    };
    let mut quantized = vec![0; count];
    for (at, code) in codes.into_iter().enumerate() {
        quantized[place(at)] = (code as i32 - largest) as i8;
    }
    // A finite level times a finite scale may still be infinite.
    if scales
        .iter()
        .any(|&scale| !value_of(largest as i8, scale).is_finite())
    {
        return Err(FileError::NonFinite { tensor });
    }
    Ok(Stored::Quantized(Quantized {
        bits,
        scales,
        levels: quantized,
    }))
}

/// One scale, or one for each output channel.
fn decode_scales(reader: &mut Reader<'_>, shape: &Shape) -> Result<Vec<f32>, FileError> {
    let tensor = reader.part.clone();
    let channels = shape.dims().first().copied().unwrap_or(1);
    let number = reader.byte()?;
    let granularity = match number {
        0 => Granularity::Tensor,
        1 => Granularity::Channel,
        granularity => {
            return Err(FileError::BadGranularity {
                tensor,
                granularity,
            });
        }
    };
    let scales = reader.reals(granularity.scales(channels))?;
    if scales.iter().any(|scale| scale.is_sign_negative()) {
        return Err(FileError::NegativeScale { tensor });
    }
    Ok(scales)
}

/// Where the values that are written stand, in order; `None` where all are.
fn decode_places(
    reader: &mut Reader<'_>,
    layout: Layout,
    count: usize,
) -> Result<Option<Vec<usize>>, FileError> {
    if layout == Layout::Dense {
        return Ok(None);
    }
    let tensor = reader.part.clone();
    let kept = u32::from_le_bytes(
        *reader
            .take(4)?
            .first_chunk()
            .expect("four bytes were taken"),
    );
    if kept as usize > count {
        let count = count as u32;
        return Err(FileError::BadCount {
            tensor,
            kept,
            count,
        });
    }
    let kept = kept as usize;
    let places: Option<Vec<usize>> = match layout {
        Layout::Dense => None,
        Layout::Bitmap => reader.packed(count, 1)?.map(|ones| {
            let ones = ones.iter().enumerate().filter(|(_, one)| **one == 1);
            ones.map(|(at, _)| at).collect()
        }),
        Layout::Gaps => {
            let width = u32::from(reader.byte()?);
            if !(1..=u32::BITS).contains(&width) {
                return Err(FileError::BadPositions { tensor });
            }
            reader.packed(kept, width)?.map(|gaps| {
                let mut next = 0usize;
                let place = |gap: u32| {
                    let at = next.saturating_add(gap as usize);
                    next = at.saturating_add(1);
                    at
                };
                gaps.into_iter().map(place).collect()
            })
        }
    };
    let fits = |places: &Vec<usize>| {
        places.len() == kept && places.last().is_none_or(|&last| last < count)
    };
    match places.filter(fits) {
        Some(places) => Ok(Some(places)),
        None => Err(FileError::BadPositions { tensor }),
    }
}

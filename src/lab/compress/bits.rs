//! Numbers of a few bits, one behind the other: the first in the lowest bits of the first byte.

/// Bytes that `count` numbers of `width` bits take.
pub(super) fn packed_bytes(count: usize, width: u32) -> usize {
    (count * width as usize).div_ceil(8)
}

/// Appends numbers below 2^`width`; `width` is at most 32. The last byte is filled up with zeros.
pub(super) fn pack(numbers: impl Iterator<Item = u32>, width: u32, bytes: &mut Vec<u8>) {
    let mut waiting: u64 = 0;
    let mut count = 0;
    for number in numbers {
        waiting |= u64::from(number) << count;
        count += width;
        while count >= 8 {
            bytes.push(waiting as u8);
            waiting >>= 8;
            count -= 8;
        }
    }
    if count > 0 {
        bytes.push(waiting as u8);
    }
}

/// Reads `count` numbers of `width` bits from exactly [`packed_bytes`] bytes; `None` where the bits that fill up the
/// last byte are not zeros.
pub(super) fn unpack(bytes: &[u8], count: usize, width: u32) -> Option<Vec<u32>> {
    let mask = (1u64 << width) - 1;
    let mut numbers = Vec::with_capacity(count);
    let mut waiting: u64 = 0;
    let mut held = 0;
    let mut bytes = bytes.iter();
    for _ in 0..count {
        while held < width {
            waiting |= u64::from(*bytes.next()?) << held;
            held += 8;
        }
        numbers.push((waiting & mask) as u32);
        waiting >>= width;
        held -= width;
    }
    (waiting == 0 && bytes.next().is_none()).then_some(numbers)
}

/// Bits that numbers up to `largest` need; at least 1.
pub(super) fn width_of(largest: u32) -> u32 {
    (u32::BITS - largest.leading_zeros()).max(1)
}

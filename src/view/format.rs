//! Numbers as people read them, and as machines do.
//!
//! Both languages of the page write decimals with a point and thousands with a comma, so only
//! words (units of time, "no value") differ. A minus sign for people is U+2212; machines get
//! the ASCII hyphen. Zero is never written with a sign.

use super::texts::Locale;

const MINUS: char = '\u{2212}';

/// Shown where there is no value.
pub const NO_VALUE: &str = "–";

/// A number with at most `digits` significant digits, for people.
///
/// Magnitudes below 0.0001 or from 10 million are written as `1.2×10⁻⁵`.
pub fn significant(value: f64, digits: usize) -> String {
    if let Some(word) = non_finite(value) {
        return word.to_string();
    }
    let digits = digits.clamp(1, 17);
    // Rounding decides the exponent: 9.99 with two digits is 10.
    let scientific = format!("{:.*e}", digits - 1, value.abs());
    let (mantissa, exponent) = scientific.split_once('e').expect("LowerExp writes an e");
    let exponent: i32 = exponent.parse().expect("LowerExp writes a whole exponent");
    let magnitude = if value == 0.0 {
        "0".to_string()
    } else if (-4..7).contains(&exponent) {
        let decimals = (digits as i32 - 1 - exponent).max(0) as usize;
        // Digits left of the point beyond the asked ones would be noise: round them away.
        let rounded: f64 = scientific.parse().expect("a number just written");
        group_thousands(&trim_zeros(&format!("{rounded:.decimals$}")))
    } else {
        format!("{}×10{}", trim_zeros(mantissa), superscript(exponent))
    };
    signed(value, &magnitude)
}

/// A number with exactly `decimals` digits after the point, for columns that must not jump.
pub fn fixed(value: f64, decimals: usize) -> String {
    if let Some(word) = non_finite(value) {
        return word.to_string();
    }
    let magnitude = format!("{:.decimals$}", value.abs());
    if magnitude.chars().all(|c| c == '0' || c == '.') {
        return magnitude;
    }
    signed(value, &group_thousands(&magnitude))
}

/// A fraction as a percentage: 0.9526 is `95.3%`.
pub fn percent(fraction: f64, decimals: usize) -> String {
    match non_finite(fraction) {
        Some(word) => word.to_string(),
        None => format!("{}%", fixed(fraction * 100.0, decimals)),
    }
}

/// A count with thousands separators: `61,706`.
pub fn count(value: u64) -> String {
    group_thousands(&value.to_string())
}

/// A large count in short: `61.7 k`, `14.7 M`.
pub fn short_count(value: f64) -> String {
    scaled(value, 1000.0, &["", "k", "M", "G", "T", "P"])
}

/// A size in bytes: `236 MiB`.
pub fn bytes(value: u64) -> String {
    scaled(value as f64, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB"])
}

/// A duration in milliseconds for people: `0.8 ms`, `12.3 s`, `2 min 5 s`, `1 h 3 min`.
pub fn duration(millis: f64, locale: Locale) -> String {
    if let Some(word) = non_finite(millis) {
        return word.to_string();
    }
    let (ms, s, min, h) = match locale {
        Locale::English => ("ms", "s", "min", "h"),
        Locale::Chinese => ("毫秒", "秒", "分", "小时"),
    };
    if millis < 999.5 {
        return format!("{} {ms}", significant(millis, 3));
    }
    if millis < 59_950.0 {
        return format!("{} {s}", significant(millis / 1000.0, 3));
    }
    let seconds = (millis / 1000.0).round() as u64;
    if seconds < 3600 {
        return format!("{} {min} {} {s}", seconds / 60, seconds % 60);
    }
    format!(
        "{} {h} {} {min}",
        count(seconds / 3600),
        seconds % 3600 / 60
    )
}

/// A duration in microseconds for people: `12.5 µs`, from a millisecond on as [`duration`].
pub fn short_duration(micros: f64, locale: Locale) -> String {
    if micros.is_nan() || micros >= 999.5 {
        return duration(micros / 1000.0, locale);
    }
    let unit = match locale {
        Locale::English => "µs",
        Locale::Chinese => "微秒",
    };
    format!("{} {unit}", significant(micros, 3))
}

/// A number that machines read back with `f64::from_str`: no separators, no units, six
/// significant digits. Non-finite values are `NaN`, `inf`, `-inf`.
pub fn bare(value: f64) -> String {
    if !value.is_finite() {
        return value.to_string();
    }
    let rounded: f64 = format!("{value:.5e}")
        .parse()
        .expect("a number just written");
    // Display of f64 never uses an exponent: what would need many zeros takes the form with one.
    if rounded == 0.0 {
        "0".to_string()
    } else if (1e-3..1e15).contains(&rounded.abs()) {
        rounded.to_string()
    } else {
        format!("{rounded:e}")
    }
}

/// A learning rate or momentum for an input field or a link: the shortest text that reads back
/// as the same f32 number.
pub fn shortest(value: f32) -> String {
    if value == 0.0 {
        return "0".to_string();
    }
    if value.is_finite() && !(1e-6..1e9).contains(&value.abs()) {
        return format!("{value:e}");
    }
    value.to_string()
}

fn non_finite(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value == f64::INFINITY {
        Some("∞")
    } else if value == f64::NEG_INFINITY {
        Some("−∞")
    } else {
        None
    }
}

fn signed(value: f64, magnitude: &str) -> String {
    if value < 0.0 {
        format!("{MINUS}{magnitude}")
    } else {
        magnitude.to_string()
    }
}

fn trim_zeros(number: &str) -> String {
    if number.contains('.') {
        number
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_string()
    } else {
        number.to_string()
    }
}

fn group_thousands(number: &str) -> String {
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (number, None),
    };
    let mut grouped = String::with_capacity(number.len() + whole.len() / 3);
    for (position, digit) in whole.chars().enumerate() {
        if position > 0 && (whole.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if let Some(fraction) = fraction {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    grouped
}

/// Three significant digits and the unit that keeps the number below `base`.
fn scaled(value: f64, base: f64, units: &[&str]) -> String {
    if let Some(word) = non_finite(value) {
        return word.to_string();
    }
    let mut scaled = value.abs();
    let mut unit = 0;
    // 999.5 with three digits would be written 1,000.
    while scaled >= base - 0.5 && unit + 1 < units.len() {
        scaled /= base;
        unit += 1;
    }
    let digits = if scaled >= 999.5 { 4 } else { 3 };
    let number = signed(value, &significant(scaled, digits));
    format!("{number} {}", units[unit]).trim_end().to_string()
}

/// A whole number in superscript digits, for `10⁻⁵`.
pub fn superscript(exponent: i32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    exponent
        .to_string()
        .chars()
        .map(|c| c.to_digit(10).map_or('⁻', |digit| DIGITS[digit as usize]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn significant_digits_are_kept_and_zeros_dropped() {
        for (value, digits, text) in [
            (0.0, 3, "0"),
            (-0.0, 3, "0"),
            (1.0, 3, "1"),
            (0.123456, 3, "0.123"),
            (-2.345678, 4, "−2.346"),
            (9.996, 3, "10"),
            (1234.5678, 6, "1,234.57"),
            (61706.0, 3, "61,700"),
            (0.0001, 3, "0.0001"),
            (0.000012345, 3, "1.23×10⁻⁵"),
            (-1.5e12, 3, "−1.5×10¹²"),
            (f64::NAN, 3, "NaN"),
            (f64::INFINITY, 3, "∞"),
            (f64::NEG_INFINITY, 3, "−∞"),
        ] {
            assert_eq!(significant(value, digits), text);
        }
    }

    #[test]
    fn fixed_decimals_never_give_minus_zero() {
        assert_eq!(fixed(-0.0001, 2), "0.00");
        assert_eq!(fixed(-0.006, 2), "−0.01");
        assert_eq!(fixed(12345.6, 1), "12,345.6");
        assert_eq!(fixed(f64::NAN, 2), "NaN");
        assert_eq!(percent(0.9526, 1), "95.3%");
        assert_eq!(percent(1.0, 1), "100.0%");
        assert_eq!(percent(-1e-9, 1), "0.0%");
        assert_eq!(percent(f64::NAN, 1), "NaN");
    }

    #[test]
    fn counts_sizes_and_durations_have_units() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(14_719_818), "14,719,818");
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!(short_count(416_520.0), "417 k");
        assert_eq!(short_count(999_999.0), "1 M");
        assert_eq!(short_count(12.0), "12");
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1023), "1,023 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(128 << 20), "128 MiB");
        assert_eq!(duration(0.8123, Locale::English), "0.812 ms");
        assert_eq!(duration(12_340.0, Locale::English), "12.3 s");
        assert_eq!(duration(125_000.0, Locale::English), "2 min 5 s");
        assert_eq!(duration(3_780_000.0, Locale::Chinese), "1 小时 3 分");
        assert_eq!(duration(f64::NAN, Locale::Chinese), "NaN");
    }

    #[test]
    fn bare_numbers_have_no_decoration() {
        assert_eq!(bare(2.345678912), "2.34568");
        assert_eq!(bare(-0.0), "0");
        assert_eq!(bare(100_000.0), "100000");
        assert_eq!(bare(1e-9), "1e-9");
        assert_eq!(bare(f64::NAN), "NaN");
        assert_eq!(bare(f64::NEG_INFINITY), "-inf");
        assert_eq!(shortest(0.001), "0.001");
        assert_eq!(shortest(0.9), "0.9");
        assert_eq!(shortest(1e-8), "1e-8");
        assert_eq!(shortest(-0.0), "0");
    }

    proptest! {
        #[test]
        fn any_number_is_written_without_panic_or_minus_zero(value in any::<f64>(), digits in 0usize..30) {
            for text in [significant(value, digits), fixed(value, digits), percent(value, 1),
                         short_count(value), duration(value, Locale::English)] {
                prop_assert!(!text.is_empty());
                let is_zero = text.chars().any(|c| c == '0') && !text.chars().any(|c| ('1'..='9').contains(&c));
                prop_assert!(!(is_zero && text.starts_with(MINUS)), "{}", text);
            }
        }

        #[test]
        fn bare_numbers_read_back_within_their_digits(value in any::<f64>()) {
            let read: f64 = bare(value).parse().unwrap();
            if value.is_nan() {
                prop_assert!(read.is_nan());
            } else if value.is_finite() {
                prop_assert!((read - value).abs() <= 5.1e-6 * value.abs());
            } else {
                prop_assert_eq!(read, value);
            }
        }

        #[test]
        fn shortest_reads_back_exactly(value in any::<f32>()) {
            let read: f32 = shortest(value).parse().unwrap();
            prop_assert!(read == value || (read.is_nan() && value.is_nan()));
        }
    }

    #[test]
    fn short_durations_are_in_microseconds() {
        assert_eq!(short_duration(12.54, Locale::English), "12.5 µs");
        assert_eq!(short_duration(2_500.0, Locale::English), "2.5 ms");
        assert_eq!(short_duration(3.0, Locale::Chinese), "3 微秒");
    }
}

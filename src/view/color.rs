//! The colours the style sheet, the plots and the pictures of tensors share.
//!
//! Forward is one colour, backward another, update a third, on every page. The sign of a value
//! is a hue (violet above zero, ochre below) and its magnitude how far the colour is from the
//! paper. Training and held-out data have a colour each. All pairs stay apart for the common
//! kinds of colour blindness (tested), and no colour is ever the only signal.
//!
//! `assets/styles/glassbox.css` declares the same values as custom properties; a test holds the
//! two equal.

/// CSS custom property of what belongs to the forward pass.
pub const FORWARD: &str = "--forward";
/// CSS custom property of what belongs to the backward pass.
pub const BACKWARD: &str = "--backward";
/// CSS custom property of what belongs to the update of the parameters.
pub const UPDATE: &str = "--update";
/// CSS custom property of values above zero.
pub const POSITIVE: &str = "--positive";
/// CSS custom property of values below zero.
pub const NEGATIVE: &str = "--negative";

/// An sRGB colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rgb(pub u8, pub u8, pub u8);

impl Rgb {
    const fn hex(value: u32) -> Self {
        Self((value >> 16) as u8, (value >> 8) as u8, value as u8)
    }

    /// `#rrggbb`.
    pub fn css(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }

    /// Reads `#rrggbb`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text
            .trim()
            .strip_prefix('#')
            .filter(|digits| digits.len() == 6)?;
        u32::from_str_radix(digits, 16).ok().map(Self::hex)
    }

    /// Relative luminance, 0 to 1 (WCAG 2.2).
    pub fn luminance(self) -> f64 {
        let [r, g, b] = self.linear();
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    /// Contrast ratio with another colour, 1 to 21 (WCAG 2.2).
    pub fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance() + 0.05, other.luminance() + 0.05);
        a.max(b) / a.min(b)
    }

    fn linear(self) -> [f64; 3] {
        [self.0, self.1, self.2].map(|channel| {
            let channel = f64::from(channel) / 255.0;
            if channel <= 0.04045 {
                channel / 12.92
            } else {
                ((channel + 0.055) / 1.055).powf(2.4)
            }
        })
    }

    fn from_linear(linear: [f64; 3]) -> Self {
        let [r, g, b] = linear.map(|channel| {
            let channel = channel.clamp(0.0, 1.0);
            let encoded = if channel <= 0.003_130_8 {
                channel * 12.92
            } else {
                1.055 * channel.powf(1.0 / 2.4) - 0.055
            };
            (encoded * 255.0).round() as u8
        });
        Self(r, g, b)
    }

    /// The colour a share `t` (0 to 1) of the way to another, even to the eye (through Oklab).
    pub fn mix(self, other: Self, t: f64) -> Self {
        let t = t.clamp(0.0, 1.0);
        let (from, to) = (oklab(self.linear()), oklab(other.linear()));
        let mixed = std::array::from_fn(|i| from[i] + (to[i] - from[i]) * t);
        Self::from_linear(oklab_to_linear(mixed))
    }
}

/// Linear sRGB to Oklab (B. Ottosson, 2020, <https://bottosson.github.io/posts/oklab/>).
fn oklab([r, g, b]: [f64; 3]) -> [f64; 3] {
    let l = (0.412_221_470_8 * r + 0.536_332_536_3 * g + 0.051_445_992_9 * b).cbrt();
    let m = (0.211_903_498_2 * r + 0.680_699_545_1 * g + 0.107_396_956_6 * b).cbrt();
    let s = (0.088_302_461_9 * r + 0.281_718_837_6 * g + 0.629_978_700_5 * b).cbrt();
    [
        0.210_454_255_3 * l + 0.793_617_785_0 * m - 0.004_072_046_8 * s,
        1.977_998_495_1 * l - 2.428_592_205_0 * m + 0.450_593_709_9 * s,
        0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766_0 * s,
    ]
}

fn oklab_to_linear([lightness, a, b]: [f64; 3]) -> [f64; 3] {
    let l = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let m = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let s = (lightness - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
    [
        4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
        -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
        -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s,
    ]
}

/// The colours of one theme, by the names of the CSS custom properties.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Palette {
    /// The page behind everything.
    pub background: Rgb,
    /// Panels and plots.
    pub surface: Rgb,
    /// Wells: behind inputs, canvases and code.
    pub sunken: Rgb,
    /// Text.
    pub ink: Rgb,
    /// Secondary text and axis labels.
    pub muted: Rgb,
    /// Hairlines and grid lines.
    pub rule: Rgb,
    /// Edges of controls.
    pub border: Rgb,
    /// Links, focus and the main button.
    pub accent: Rgb,
    pub forward: Rgb,
    pub backward: Rgb,
    pub update: Rgb,
    pub positive: Rgb,
    pub negative: Rgb,
    /// What was measured on training batches.
    pub train: Rgb,
    /// What was measured on held-out data.
    pub held_out: Rgb,
    pub error: Rgb,
    pub info: Rgb,
    pub good: Rgb,
}

impl Palette {
    pub const LIGHT: Self = Self {
        background: Rgb::hex(0xf8f6f1),
        surface: Rgb::hex(0xfffefb),
        sunken: Rgb::hex(0xefece4),
        ink: Rgb::hex(0x1d2227),
        muted: Rgb::hex(0x575f66),
        rule: Rgb::hex(0xdbd6ca),
        border: Rgb::hex(0x857f73),
        accent: Rgb::hex(0x1f3d5c),
        forward: Rgb::hex(0x0a4a9e),
        backward: Rgb::hex(0xb5440c),
        update: Rgb::hex(0x14785a),
        positive: Rgb::hex(0x5a3fb5),
        negative: Rgb::hex(0x946000),
        train: Rgb::hex(0x22303f),
        held_out: Rgb::hex(0xc0246f),
        error: Rgb::hex(0xa8201a),
        info: Rgb::hex(0x1c5d85),
        good: Rgb::hex(0x1c6e3d),
    };

    pub const DARK: Self = Self {
        background: Rgb::hex(0x13171b),
        surface: Rgb::hex(0x1a1f24),
        sunken: Rgb::hex(0x0e1114),
        ink: Rgb::hex(0xe9e6df),
        muted: Rgb::hex(0xa4acb3),
        rule: Rgb::hex(0x31383f),
        border: Rgb::hex(0x767f88),
        accent: Rgb::hex(0xa9c8e8),
        forward: Rgb::hex(0x4f9ff0),
        backward: Rgb::hex(0xff9a5c),
        update: Rgb::hex(0x63e0b4),
        positive: Rgb::hex(0xa08cff),
        negative: Rgb::hex(0xe3b341),
        train: Rgb::hex(0xcfdae6),
        held_out: Rgb::hex(0xff6aae),
        error: Rgb::hex(0xff8f85),
        info: Rgb::hex(0x7cc4ee),
        good: Rgb::hex(0x6fd391),
    };

    /// Name of the CSS custom property and colour, for each colour.
    pub fn tokens(&self) -> [(&'static str, Rgb); 18] {
        [
            ("--background", self.background),
            ("--surface", self.surface),
            ("--sunken", self.sunken),
            ("--ink", self.ink),
            ("--muted", self.muted),
            ("--rule", self.rule),
            ("--border", self.border),
            ("--accent", self.accent),
            (FORWARD, self.forward),
            (BACKWARD, self.backward),
            (UPDATE, self.update),
            (POSITIVE, self.positive),
            (NEGATIVE, self.negative),
            ("--train", self.train),
            ("--held-out", self.held_out),
            ("--error", self.error),
            ("--info", self.info),
            ("--good", self.good),
        ]
    }

    /// The colour of `value` on a scale from `-limit` to `limit`: hue is sign, distance from the
    /// paper is magnitude. `None` where there is no colour: a value that is not finite, or not
    /// computed yet, needs another mark.
    pub fn diverging(&self, value: f32, limit: f32) -> Option<Rgb> {
        let (sign, strength) = sign_and_strength(value, limit)?;
        let pole = match sign {
            Sign::Negative => self.negative,
            Sign::Positive => self.positive,
        };
        Some(self.surface.mix(pole, f64::from(strength)))
    }

    /// The grey of `value` on a scale from `low` to `high`, from paper to ink.
    pub fn sequential(&self, value: f32, low: f32, high: f32) -> Option<Rgb> {
        if !(value.is_finite() && low.is_finite() && high.is_finite()) {
            return None;
        }
        let t = if high > low {
            (value - low) / (high - low)
        } else {
            0.0
        };
        Some(self.surface.mix(self.ink, f64::from(t)))
    }
}

/// The sign of a value; zero counts as positive and has no strength.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    Negative,
    Positive,
}

impl Sign {
    /// The class of the style sheet that gives an element this hue.
    pub fn class(self) -> &'static str {
        match self {
            Self::Negative => "is-negative",
            Self::Positive => "is-positive",
        }
    }
}

/// Sign and magnitude of a value as hue and opacity (0 to 1), for a scale from `-limit` to
/// `limit`; `None` for what is not finite.
pub fn sign_and_strength(value: f32, limit: f32) -> Option<(Sign, f32)> {
    if !value.is_finite() || limit.is_nan() {
        return None;
    }
    let sign = if value < 0.0 {
        Sign::Negative
    } else {
        Sign::Positive
    };
    let strength = if limit > 0.0 {
        (value.abs() / limit).min(1.0)
    } else {
        0.0
    };
    Some((sign, strength))
}

/// The largest finite magnitude among `values`, the natural limit of a diverging scale.
pub fn limit_of(values: impl IntoIterator<Item = f32>) -> f32 {
    values
        .into_iter()
        .filter(|value| value.is_finite())
        .fold(0.0, |limit, value| limit.max(value.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE_SHEET: &str = include_str!("../../assets/styles/glassbox.css");
    const THEMES: [(&str, &Palette); 2] = [("light", &Palette::LIGHT), ("dark", &Palette::DARK)];

    /// The custom properties that hold colours in the first block after `selector`.
    fn declared_after(selector: &str) -> Vec<(&str, Rgb)> {
        let start = STYLE_SHEET
            .find(selector)
            .unwrap_or_else(|| panic!("no {selector}"));
        let block = &STYLE_SHEET[start + selector.len()..];
        let block = &block[block.find('{').unwrap() + 1..block.find('}').unwrap()];
        block
            .split(';')
            .filter_map(|line| line.trim().split_once(':'))
            .filter_map(|(name, value)| Some((name.trim(), Rgb::parse(value)?)))
            .collect()
    }

    #[test]
    fn the_style_sheet_declares_the_same_colours() {
        for (selector, palette) in [
            (":root,\n:root[data-theme=\"light\"]", &Palette::LIGHT),
            (":root[data-theme=\"dark\"]", &Palette::DARK),
            (":root:not([data-theme=\"light\"])", &Palette::DARK),
        ] {
            let declared = declared_after(selector);
            for (name, color) in palette.tokens() {
                let found = declared.iter().find(|(declared, _)| *declared == name);
                let (_, found) = found.unwrap_or_else(|| panic!("{selector} has no {name}"));
                assert_eq!(found.css(), color.css(), "{selector} {name}");
            }
        }
    }

    #[test]
    fn text_and_controls_have_the_contrast_of_wcag_aa() {
        for (theme, palette) in THEMES {
            let grounds = [palette.background, palette.surface, palette.sunken];
            for (name, color) in palette.tokens() {
                let least = match name {
                    // Grounds and hairlines carry no information.
                    "--background" | "--surface" | "--sunken" | "--rule" => continue,
                    // Edges of controls: 1.4.11.
                    "--border" => 3.0,
                    // Text: 1.4.3.
                    _ => 4.5,
                };
                for ground in grounds {
                    let contrast = color.contrast(ground);
                    assert!(
                        contrast >= least,
                        "{theme} {name} on {}: {contrast:.2}",
                        ground.css()
                    );
                }
            }
            // Text on filled buttons and badges.
            for fill in [
                palette.accent,
                palette.error,
                palette.info,
                palette.good,
                palette.forward,
                palette.backward,
                palette.update,
            ] {
                let contrast = palette.surface.contrast(fill);
                assert!(
                    contrast >= 4.5,
                    "{theme}: surface on {}: {contrast:.2}",
                    fill.css()
                );
            }
        }
    }

    #[test]
    fn contrast_is_computed_as_wcag_says() {
        let (black, white) = (Rgb(0, 0, 0), Rgb(255, 255, 255));
        assert!((black.contrast(white) - 21.0).abs() < 1e-9);
        assert!((white.contrast(white) - 1.0).abs() < 1e-9);
        // WebAIM's well-known border case: #767676 on white is 4.54.
        assert!((Rgb::hex(0x767676).contrast(white) - 4.54).abs() < 0.005);
    }

    /// Linear sRGB as seen with full protanopia, deuteranopia, tritanopia
    /// (Machado, Oliveira and Fernandes, 2009, severity 1).
    const DEFICIENCIES: [(&str, [[f64; 3]; 3]); 4] = [
        ("none", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
        (
            "protanopia",
            [
                [0.152286, 1.052583, -0.204868],
                [0.114503, 0.786281, 0.099216],
                [-0.003882, -0.048116, 1.051998],
            ],
        ),
        (
            "deuteranopia",
            [
                [0.367322, 0.860646, -0.227968],
                [0.280085, 0.672501, 0.047413],
                [-0.011820, 0.042940, 0.968881],
            ],
        ),
        (
            "tritanopia",
            [
                [1.255528, -0.076749, -0.178779],
                [-0.078411, 0.930809, 0.147602],
                [0.004733, 0.691367, 0.303900],
            ],
        ),
    ];

    fn distance(a: Rgb, b: Rgb, matrix: &[[f64; 3]; 3]) -> f64 {
        let seen = |color: Rgb| {
            let linear = color.linear();
            oklab(std::array::from_fn(|row| {
                (0..3)
                    .map(|i| matrix[row][i] * linear[i])
                    .sum::<f64>()
                    .max(0.0)
            }))
        };
        let (a, b) = (seen(a), seen(b));
        (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>().sqrt()
    }

    #[test]
    fn colours_that_must_be_told_apart_are_apart_for_every_eye() {
        // About four times the just noticeable difference in Oklab (0.02).
        const LEAST: f64 = 0.08;
        for (theme, p) in THEMES {
            for (deficiency, matrix) in &DEFICIENCIES {
                for (a, b) in [
                    (p.forward, p.backward),
                    (p.forward, p.update),
                    (p.backward, p.update),
                    (p.positive, p.negative),
                    (p.train, p.held_out),
                ] {
                    let apart = distance(a, b, matrix);
                    assert!(
                        apart >= LEAST,
                        "{theme}, {deficiency}: {} {}: {apart:.3}",
                        a.css(),
                        b.css()
                    );
                }
            }
        }
        // Control: red and green of equal lightness are not apart for a deuteranope.
        assert!(distance(Rgb(180, 90, 60), Rgb(123, 123, 58), &DEFICIENCIES[2].1) < LEAST);
    }

    #[test]
    fn the_diverging_scale_goes_from_pole_to_paper_to_pole() {
        for (_, palette) in THEMES {
            let at = |value| palette.diverging(value, 2.0).unwrap();
            assert_eq!(at(0.0), palette.surface);
            assert_eq!(at(-0.0), palette.surface);
            assert_eq!(at(2.0), palette.positive);
            assert_eq!(at(-5.0), palette.negative);
            let contrast = |value| at(value).contrast(palette.surface);
            assert!(contrast(0.5) < contrast(1.0) && contrast(1.0) < contrast(2.0));
            assert!(contrast(-0.5) < contrast(-1.0) && contrast(-1.0) < contrast(-2.0));
            assert_eq!(palette.diverging(f32::NAN, 1.0), None);
            assert_eq!(palette.diverging(1.0, 0.0), Some(palette.surface));
        }
    }

    #[test]
    fn greys_go_from_paper_to_ink() {
        let palette = &Palette::LIGHT;
        assert_eq!(palette.sequential(0.0, 0.0, 1.0), Some(palette.surface));
        assert_eq!(palette.sequential(1.0, 0.0, 1.0), Some(palette.ink));
        assert_eq!(palette.sequential(7.0, 3.0, 3.0), Some(palette.surface));
        assert_eq!(palette.sequential(f32::INFINITY, 0.0, 1.0), None);
    }

    #[test]
    fn limits_ignore_what_is_not_finite() {
        assert_eq!(limit_of([1.0, -3.0, f32::NAN, f32::INFINITY]), 3.0);
        assert_eq!(limit_of([]), 0.0);
        assert_eq!(sign_and_strength(-1.0, 4.0), Some((Sign::Negative, 0.25)));
        assert_eq!(sign_and_strength(f32::NAN, 4.0), None);
    }

    #[test]
    fn colours_read_back_from_css() {
        assert_eq!(Rgb::parse("#1d2227"), Some(Palette::LIGHT.ink));
        assert_eq!(Rgb::parse("1d2227"), None);
        assert_eq!(Rgb::parse("#12"), None);
        assert_eq!(
            Rgb::parse(&Palette::DARK.update.css()),
            Some(Palette::DARK.update)
        );
    }
}

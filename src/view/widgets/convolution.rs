//! The convolution widget without a page: what is set, what the engine is asked for, the window of one output cell and
//! its sum term by term, and the drawings.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::reading::{Problem, Reader};
use crate::lesson::{Numbers, OperationRequest, OperationResult};
use crate::view::color::{limit_of, sign_and_strength};
use crate::view::format;

/// Pixels along each side of the picture.
pub const SIDE: usize = 28;

/// Sides of a kernel that can be chosen.
pub const SIZES: [usize; 2] = [3, 5];

pub const MAX_STRIDE: usize = 4;
pub const MAX_PADDING: usize = 4;

/// Largest magnitude of a weight or of the bias.
pub const MAX_WEIGHT: f64 = 1000.0;

/// Kernels with names, 3 × 3 and row-major: Sobel's two, a binomial blur, a sharpening, the identity.
pub const PRESETS: [(&str, [f64; 9]); 5] = [
    ("vertical", [-1., 0., 1., -2., 0., 2., -1., 0., 1.]),
    ("horizontal", [-1., -2., -1., 0., 0., 0., 1., 2., 1.]),
    (
        "blur",
        [
            0.0625, 0.125, 0.0625, 0.125, 0.25, 0.125, 0.0625, 0.125, 0.0625,
        ],
    ),
    ("sharpen", [0., -1., 0., -1., 5., -1., 0., -1., 0.]),
    ("identity", [0., 0., 0., 0., 1., 0., 0., 0., 0.]),
];

/// What is set.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// K: 3 or 5.
    pub size: usize,
    /// (K, K), row-major.
    pub kernel: Vec<f64>,
    pub bias: f64,
    pub stride: usize,
    pub padding: usize,
    /// The output cell that is looked at, row-major.
    pub at: usize,
    /// Which digit is the picture.
    pub digit: u32,
}

impl Default for State {
    fn default() -> Self {
        Self {
            size: 3,
            kernel: PRESETS[0].1.to_vec(),
            bias: 0.0,
            stride: 1,
            padding: 0,
            at: 0,
            digit: 7,
        }
    }
}

/// A pixel under the kernel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Term {
    /// Row and column of the picture; outside of it where there is padding.
    pub row: i64,
    pub column: i64,
    /// 0 where the kernel lies on padding.
    pub value: f64,
    pub is_padding: bool,
    pub weight: f64,
}

impl Term {
    pub fn product(&self) -> f64 {
        self.value * self.weight
    }
}

/// E12: `⌊(n + 2p − k) / s⌋ + 1`. The kernel fits: its side is at most n + 2p.
pub fn out_side(n: usize, padding: usize, kernel: usize, stride: usize) -> usize {
    (n + 2 * padding - kernel) / stride + 1
}

/// Pixels along a side that a cell behind so many convolutions like this one depends on: 1 + Σ (k − 1)·sˡ.
pub fn receptive_field(kernel: usize, stride: usize, layers: u32) -> usize {
    let steps = (0..layers).map(|layer| stride.pow(layer));
    1 + (kernel - 1) * steps.sum::<usize>()
}

impl State {
    /// As a link has it, and what could not be used of it.
    pub fn read(settings: &BTreeMap<String, String>) -> (Self, Vec<Problem>) {
        let mut reader = Reader::new(settings);
        let names = PRESETS.map(|(name, _)| (name, name));
        let preset = reader.choice("kernel", &names, PRESETS[0].0);
        let mut state = Self::default();
        state.choose(preset);
        state.stride = reader.whole("stride", (1, MAX_STRIDE as u64), 1) as usize;
        state.padding = reader.whole("padding", (0, MAX_PADDING as u64), 0) as usize;
        state.resize(reader.choice("size", &[("3", 3), ("5", 5)], 3));
        state.digit = reader.whole("digit", (0, 9), 7) as u32;
        let last = state.out_side().pow(2) - 1;
        let usual = state.usual_cell();
        state.at = reader.whole("at", (0, last as u64), usual as u64) as usize;
        (state, reader.problems)
    }

    /// P = Q: cells along a side of the output.
    pub fn out_side(&self) -> usize {
        out_side(SIDE, self.padding, self.size, self.stride)
    }

    /// The formula of the output's side with its numbers.
    pub fn size_formula(&self) -> String {
        format!(
            "⌊({SIDE} + 2·{} − {}) / {}⌋ + 1 = {}",
            self.padding,
            self.size,
            self.stride,
            self.out_side()
        )
    }

    /// A cell near the middle, where the usual digit has ink.
    fn usual_cell(&self) -> usize {
        let mut usual = self.clone();
        usual.look_at((15.0, 16.0));
        usual.at
    }

    /// Row and column of the cell that is looked at.
    pub fn place(&self) -> (usize, usize) {
        let side = self.out_side();
        (self.at / side, self.at % side)
    }

    /// The preset that the kernel is; `None` once it was edited.
    pub fn preset(&self) -> Option<&'static str> {
        let found = PRESETS
            .iter()
            .find(|(_, kernel)| resized(kernel, 3, self.size) == self.kernel);
        found.map(|(name, _)| *name)
    }

    /// Takes a preset, in the middle of the kernel.
    pub fn choose(&mut self, preset: &str) {
        if let Some((_, kernel)) = PRESETS.iter().find(|(name, _)| *name == preset) {
            self.kernel = resized(kernel, 3, self.size);
        }
    }

    /// Another side of the kernel: zeros around it, or its middle.
    pub fn resize(&mut self, size: usize) {
        let place = self.middle_of_window();
        self.kernel = resized(&self.kernel, self.size, size);
        self.size = size;
        self.look_at(place);
    }

    pub fn set_stride(&mut self, stride: usize) {
        let place = self.middle_of_window();
        self.stride = stride.clamp(1, MAX_STRIDE);
        self.look_at(place);
    }

    pub fn set_padding(&mut self, padding: usize) {
        let place = self.middle_of_window();
        self.padding = padding.min(MAX_PADDING);
        self.look_at(place);
    }

    /// The pixel in the middle of the window.
    fn middle_of_window(&self) -> (f64, f64) {
        let (row, column) = self.place();
        let middle = |at: usize| {
            (at * self.stride) as f64 - self.padding as f64 + (self.size as f64 - 1.0) / 2.0
        };
        (middle(row), middle(column))
    }

    /// Looks at the output cell whose window's middle is nearest to a pixel.
    pub fn look_at(&mut self, (row, column): (f64, f64)) {
        let side = self.out_side();
        let nearest = |pixel: f64| {
            let at =
                (pixel + self.padding as f64 - (self.size as f64 - 1.0) / 2.0) / self.stride as f64;
            (at.round().max(0.0) as usize).min(side - 1)
        };
        self.at = nearest(row) * side + nearest(column);
    }

    /// Goes on by so many rows and columns, up to the edge.
    pub fn step(&mut self, rows: i64, columns: i64) {
        let side = self.out_side() as i64;
        let (row, column) = self.place();
        let moved = |at: usize, by: i64| (at as i64 + by).clamp(0, side - 1);
        self.at = (moved(row, rows) * side + moved(column, columns)) as usize;
    }

    /// What a key does to the cell that is looked at; whether it does anything.
    pub fn key(&mut self, key: &str) -> bool {
        let side = self.out_side() as i64;
        match key {
            "ArrowLeft" => self.step(0, -1),
            "ArrowRight" => self.step(0, 1),
            "ArrowUp" => self.step(-1, 0),
            "ArrowDown" => self.step(1, 0),
            "Home" => self.step(0, -side),
            "End" => self.step(0, side),
            "PageUp" => self.step(-5, 0),
            "PageDown" => self.step(5, 0),
            _ => return false,
        }
        true
    }

    /// The window of the cell that is looked at, row by row.
    pub fn terms(&self, image: &[f64]) -> Vec<Term> {
        let (p, q) = self.place();
        let first = |at: usize| (at * self.stride) as i64 - self.padding as i64;
        let inside = 0..SIDE as i64;
        (0..self.size * self.size)
            .map(|cell| {
                let row = first(p) + (cell / self.size) as i64;
                let column = first(q) + (cell % self.size) as i64;
                let is_padding = !(inside.contains(&row) && inside.contains(&column));
                let value = match is_padding {
                    true => 0.0,
                    false => image[row as usize * SIDE + column as usize],
                };
                Term {
                    row,
                    column,
                    value,
                    is_padding,
                    weight: self.kernel[cell],
                }
            })
            .collect()
    }

    /// The engine's `conv2d` of x (1, 1, 28, 28), w (1, 1, K, K) and b (1).
    pub fn request(&self, image: &[f64]) -> OperationRequest {
        let attributes = format!(
            "{{\"stride\": {}, \"padding\": {}}}",
            self.stride, self.padding
        );
        let inputs = [
            Numbers::new([1, 1, SIDE, SIDE], image),
            Numbers::new([1, 1, self.size, self.size], self.kernel.clone()),
            Numbers::new([1], [self.bias]),
        ];
        OperationRequest::forward("conv2d", &attributes, inputs)
    }
}

/// y (1, 1, P, Q) of the engine's answer, row-major.
pub fn output_of(result: &OperationResult) -> Vec<f64> {
    let output = result.outputs.first();
    output.map(|output| output.data.clone()).unwrap_or_default()
}

/// A kernel of another side: zeros around it, or its middle.
fn resized(kernel: &[f64], from: usize, to: usize) -> Vec<f64> {
    let mut result = vec![0.0; to * to];
    let (skip, margin) = ((from.max(to) - to) / 2, (from.max(to) - from) / 2);
    let common = from.min(to);
    for row in 0..common {
        for column in 0..common {
            result[(row + margin) * to + column + margin] =
                kernel[(row + skip) * from + column + skip];
        }
    }
    result
}

/// A number of a sum: negative ones in brackets.
fn factor(value: f64) -> String {
    let text = format::significant(value, 3);
    if value < 0.0 {
        format!("({text})")
    } else {
        text
    }
}

/// The sum of one cell, written out: one line for each row of the kernel, then the bias.
pub fn sum_lines(state: &State, terms: &[Term]) -> Vec<String> {
    let rows = terms.chunks(state.size);
    let mut lines: Vec<String> = rows
        .map(|row| {
            let products: Vec<String> = row
                .iter()
                .map(|term| format!("{}·{}", factor(term.value), factor(term.weight)))
                .collect();
            let subtotal: f64 = row.iter().map(Term::product).sum();
            format!(
                "{} = {}",
                products.join(" + "),
                format::significant(subtotal, 4)
            )
        })
        .collect();
    if state.bias != 0.0 {
        lines.push(format!("b = {}", format::significant(state.bias, 4)));
    }
    lines
}

/// Text as it may stand in an attribute.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}

/// Cells of a map as rectangles of one unit each: hue is sign, opacity is magnitude against `limit`.
fn push_cells(svg: &mut String, values: &[f64], columns: usize, limit: f32) {
    for (cell, &value) in values.iter().enumerate() {
        match sign_and_strength(value as f32, limit) {
            Some((_, strength)) if strength < 0.004 => {}
            Some((sign, strength)) => {
                let _ = write!(
                    svg,
                    "<rect class=\"wg-cell {}\" x=\"{}\" y=\"{}\" width=\"1\" height=\"1\" fill-opacity=\"{strength:.3}\"/>",
                    sign.class(),
                    cell % columns,
                    cell / columns,
                );
            }
            None => {
                let _ = write!(
                    svg,
                    "<rect class=\"wg-lost\" x=\"{}\" y=\"{}\" width=\"1\" height=\"1\"/>",
                    cell % columns,
                    cell / columns,
                );
            }
        }
    }
}

/// The picture: ink on paper, with the zeros of the padding around it.
pub fn picture_svg(image: &[f64], padding: usize) -> String {
    let side = SIDE + 2 * padding;
    let mut svg = format!(
        "<svg class=\"wg-map\" viewBox=\"-{padding} -{padding} {side} {side}\" aria-hidden=\"true\">\
         <rect class=\"wg-padding\" x=\"-{padding}\" y=\"-{padding}\" width=\"{side}\" height=\"{side}\"/>\
         <rect class=\"wg-paper\" x=\"0\" y=\"0\" width=\"{SIDE}\" height=\"{SIDE}\"/>"
    );
    for (cell, &value) in image.iter().enumerate() {
        if value > 0.0 {
            let _ = write!(
                svg,
                "<rect class=\"wg-ink\" x=\"{}\" y=\"{}\" width=\"1\" height=\"1\" fill-opacity=\"{value:.3}\"/>",
                cell % SIDE,
                cell / SIDE
            );
        }
    }
    svg.push_str("</svg>");
    svg
}

/// The window over the picture.
pub fn window_svg(state: &State) -> String {
    let padding = state.padding;
    let side = SIDE + 2 * padding;
    let (row, column) = state.place();
    let at = |place: usize| (place * state.stride) as i64 - padding as i64;
    let (x, y, size) = (at(column), at(row), state.size);
    format!(
        "<svg class=\"wg-map wg-over\" viewBox=\"-{padding} -{padding} {side} {side}\" aria-hidden=\"true\">\
         <rect class=\"wg-window\" x=\"{x}\" y=\"{y}\" width=\"{size}\" height=\"{size}\"/></svg>"
    )
}

/// The output; its largest magnitude has the full colour.
pub fn output_svg(values: &[f64], side: usize) -> String {
    let mut svg = format!(
        "<svg class=\"wg-map\" viewBox=\"0 0 {side} {side}\" aria-hidden=\"true\">\
         <rect class=\"wg-paper\" x=\"0\" y=\"0\" width=\"{side}\" height=\"{side}\"/>"
    );
    push_cells(
        &mut svg,
        values,
        side,
        limit_of(values.iter().map(|&value| value as f32)),
    );
    svg.push_str("</svg>");
    svg
}

/// A frame around one cell of a map of so many cells along each side.
pub fn frame_svg(at: usize, side: usize) -> String {
    format!(
        "<svg class=\"wg-map wg-over\" viewBox=\"0 0 {side} {side}\" aria-hidden=\"true\">\
         <rect class=\"wg-window\" x=\"{}\" y=\"{}\" width=\"1\" height=\"1\"/></svg>",
        at % side,
        at / side
    )
}

/// Side of a cell of the window, in units of its drawing.
const CELL: usize = 60;

/// The window, enlarged: every cell its value over "× weight", coloured by their product.
pub fn terms_svg(state: &State, terms: &[Term], label: &str) -> String {
    let side = state.size * CELL;
    let limit = limit_of(terms.iter().map(|term| term.product() as f32));
    let mut svg = format!(
        "<svg class=\"wg-terms\" viewBox=\"0 0 {side} {side}\" role=\"img\" aria-label=\"{}\">",
        escape(label)
    );
    for (cell, term) in terms.iter().enumerate() {
        let (x, y) = (cell % state.size * CELL, cell / state.size * CELL);
        let (class, strength) = match sign_and_strength(term.product() as f32, limit) {
            Some((sign, strength)) => (sign.class(), strength * 0.5),
            None => ("", 0.0),
        };
        let ground = if term.is_padding {
            "wg-padding"
        } else {
            "wg-paper"
        };
        let middle = x + CELL / 2;
        let _ = write!(
            svg,
            "<rect class=\"{ground} wg-edge\" x=\"{x}\" y=\"{y}\" width=\"{CELL}\" height=\"{CELL}\"/>\
             <rect class=\"wg-cell {class}\" x=\"{x}\" y=\"{y}\" width=\"{CELL}\" height=\"{CELL}\" fill-opacity=\"{strength:.3}\"/>\
             <text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{}</text>\
             <text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">× {}</text>",
            y + 25,
            format::significant(term.value, 3),
            y + 45,
            format::significant(term.weight, 3),
        );
    }
    svg.push_str("</svg>");
    svg
}

/// Half the width of a stroke, in pixels of the picture.
const STROKE_RADIUS: f32 = 1.1;

/// Draws a stroke between two points, given in pixels of the picture (28, 28), on values from 0 to 1.
pub fn draw_stroke(image: &mut [f64], from: (f32, f32), to: (f32, f32)) {
    for (cell, value) in image.iter_mut().enumerate() {
        let middle = ((cell % SIDE) as f32 + 0.5, (cell / SIDE) as f32 + 0.5);
        // One pixel of soft edge.
        let cover = STROKE_RADIUS + 0.5 - crate::view::sketch::distance(middle, from, to);
        *value = value.max(cover.clamp(0.0, 1.0).into());
    }
}

/// The pixels of an image of bytes, from 0 to 1.
pub fn unit_pixels(bytes: &[u8]) -> Vec<f64> {
    bytes.iter().map(|&byte| f64::from(byte) / 255.0).collect()
}

#[cfg(test)]
mod tests {
    use super::super::grid::settings;
    use super::*;
    use crate::lesson::run_operation;

    /// A drawn seven.
    fn image() -> Vec<f64> {
        let mut image = vec![0.0; SIDE * SIDE];
        draw_stroke(&mut image, (6.0, 7.0), (21.0, 7.0));
        draw_stroke(&mut image, (21.0, 7.0), (12.0, 23.0));
        image
    }

    fn run(state: &State, image: &[f64]) -> Vec<f64> {
        let result = run_operation(&state.request(image)).expect("runs");
        let side = state.out_side();
        assert_eq!(result.outputs[0].shape, [1, 1, side, side]);
        output_of(&result)
    }

    #[test]
    fn the_sum_of_every_cell_is_what_the_engine_computes_and_sizes_follow_e12() {
        let image = image();
        let mut checked = 0;
        for size in SIZES {
            for stride in 1..=MAX_STRIDE {
                for padding in 0..=MAX_PADDING {
                    let mut state = State::default();
                    state.resize(size);
                    state.set_stride(stride);
                    state.set_padding(padding);
                    state.bias = 0.25;
                    let y = run(&state, &image);
                    for (at, &value) in y.iter().enumerate() {
                        state.at = at;
                        let sum: f64 = state.terms(&image).iter().map(Term::product).sum();
                        // At most 25 products of magnitudes up to 2, added in another order.
                        assert!((value - sum - 0.25).abs() <= 1e-13);
                        checked += 1;
                    }
                }
            }
        }
        assert!(checked > 5000, "{checked}");
    }

    #[test]
    fn the_sum_is_written_out_with_the_numbers_of_its_terms() {
        let mut image = vec![0.0; SIDE * SIDE];
        for (cell, value) in image.iter_mut().enumerate() {
            *value = cell as f64 / 784.0;
        }
        let (mut state, problems) = State::read(&settings(&[("at", "0")]));
        assert!(problems.is_empty());
        assert_eq!(state.size_formula(), "⌊(28 + 2·0 − 3) / 1⌋ + 1 = 26");
        let lines = sum_lines(&state, &state.terms(&image));
        assert_eq!(lines.len(), 3);
        // 0·(−1) + 1/784·0 + 2/784·1
        assert_eq!(lines[0], "0·(−1) + 0.00128·0 + 0.00255·1 = 0.002551");
        state.bias = -0.5;
        assert_eq!(
            sum_lines(&state, &state.terms(&image))
                .last()
                .map(String::as_str),
            Some("b = −0.5")
        );
    }

    #[test]
    fn presets_survive_a_larger_kernel_and_what_they_do_is_known() {
        let image = image();
        let mut state = State::default();
        for (name, _) in PRESETS {
            state.choose(name);
            let small = run(&state, &image);
            state.resize(5);
            assert_eq!(state.preset(), Some(name));
            // With one more pixel of padding the larger kernel sees the same.
            state.set_padding(1);
            let large = run(&state, &image);
            assert_eq!(small, large, "{name}");
            state.set_padding(0);
            state.resize(3);
            assert_eq!(state.preset(), Some(name));
        }
        state.choose("identity");
        state.set_padding(1);
        assert_eq!(run(&state, &image), image);
        state.choose("blur");
        assert_eq!(state.kernel.iter().sum::<f64>(), 1.0);
        state.kernel[0] = 9.0;
        assert_eq!(state.preset(), None);
        // A vertical edge answers the vertical kernel alone.
        let edge: Vec<f64> = (0..SIDE * SIDE)
            .map(|cell| if cell % SIDE < 14 { 0.0 } else { 1.0 })
            .collect();
        let mut state = State::default();
        let strongest = |values: Vec<f64>| {
            values
                .into_iter()
                .fold(0.0, |most: f64, value| most.max(value.abs()))
        };
        assert_eq!(strongest(run(&state, &edge)), 4.0);
        state.choose("horizontal");
        assert_eq!(strongest(run(&state, &edge)), 0.0);
    }

    #[test]
    fn keys_pixels_and_new_sizes_find_their_cell() {
        let mut state = State::default();
        assert!(state.key("ArrowRight") && state.key("ArrowDown"));
        assert_eq!(state.place(), (1, 1));
        assert!(state.key("End") && state.key("PageUp"));
        assert_eq!(state.place(), (0, 25));
        assert!(!state.key("a"));
        state.look_at((10.0, 12.0));
        assert_eq!(state.place(), (9, 11));
        // The window stays where it is when stride or padding change.
        state.set_padding(2);
        assert_eq!(state.place(), (11, 13));
        state.set_stride(2);
        assert!((state.middle_of_window().0 - 10.0).abs() <= 1.0);
        state.look_at((-50.0, 1e9));
        assert_eq!(state.place(), (0, state.out_side() - 1));
    }

    #[test]
    fn a_receptive_field_grows_by_what_lies_between_windows() {
        assert_eq!(receptive_field(3, 1, 1), 3);
        assert_eq!(receptive_field(3, 1, 2), 5);
        assert_eq!(receptive_field(3, 2, 2), 7);
        assert_eq!(receptive_field(5, 1, 3), 13);
    }

    #[test]
    fn settings_of_a_link_are_read_or_named() {
        let (state, problems) = State::read(&settings(&[
            ("kernel", "blur"),
            ("stride", "2"),
            ("padding", "1"),
            ("at", "17"),
        ]));
        assert!(problems.is_empty());
        assert_eq!(
            (state.preset(), state.stride, state.padding, state.at),
            (Some("blur"), 2, 1, 17)
        );
        let (state, problems) = State::read(&settings(&[
            ("kernel", "edge"),
            ("stride", "0"),
            ("padding", "9"),
            ("at", "676"),
        ]));
        let names: Vec<&str> = problems.iter().map(|misfit| misfit.name).collect();
        assert_eq!(names, ["kernel", "stride", "padding", "at"]);
        assert_eq!(state.preset(), Some("vertical"));
        assert_eq!(state.place(), (14, 15));
    }

    #[test]
    fn drawings_show_window_and_padding_where_they_are() {
        let mut state = State::default();
        state.set_padding(1);
        state.at = 0;
        let window = window_svg(&state);
        assert!(
            window.contains("x=\"-1\" y=\"-1\" width=\"3\" height=\"3\""),
            "{window}"
        );
        let terms = state.terms(&image());
        assert_eq!(terms.iter().filter(|term| term.is_padding).count(), 5);
        let svg = terms_svg(&state, &terms, "a & \"b\"");
        assert!(svg.contains("aria-label=\"a &amp; &quot;b&quot;\""));
        assert_eq!(svg.matches("<text").count(), 18);
        assert!(picture_svg(&image(), 1).contains("viewBox=\"-1 -1 30 30\""));
        let output = output_svg(&[0.0, -1.0, f64::NAN, 2.0], 2);
        assert_eq!(output.matches("wg-cell").count(), 2);
        assert_eq!(output.matches("wg-lost").count(), 1);
    }
}

//! Words of the convolution widget, in both languages.

use crate::view::texts::Locale;

texts! {
    ConvolutionTexts {
        title,
        lead,
        kernel,
        own_kernel,
        size,
        stride,
        padding,
        bias,
        picture,
        drawing,
        draw,
        clear,
        waiting,
        input,
        output,
        output_key,
        kernel_title,
        window_title,
        sum_title,
        size_title,
        field_title,
        edge_note,
    }
    functions {
        /// A preset by its name in links.
        preset: fn(&str),
        /// A digit.
        digit: fn(u32),
        /// Sides of picture or output.
        sides: fn(usize),
        /// Row, column and value of the output cell.
        cell: fn(usize, usize, &str),
        /// Row and column of a weight.
        weight: fn(usize, usize),
        /// Sides of what one, two and three such layers see.
        fields: fn(usize, usize, usize),
    }
}

impl ConvolutionTexts {
    fn is_chinese(&self) -> bool {
        std::ptr::eq(self, &CHINESE)
    }
}

/// The texts of a language.
pub fn texts(locale: Locale) -> &'static ConvolutionTexts {
    match locale {
        Locale::English => &ENGLISH,
        Locale::Chinese => &CHINESE,
    }
}

/// What a preset is called beside its name in links.
pub fn preset_name(texts: &ConvolutionTexts, name: &str) -> String {
    if name.is_empty() {
        return texts.own_kernel.into();
    }
    let known = match (texts.is_chinese(), name) {
        (false, "vertical") => "vertical edges (Sobel)",
        (true, "vertical") => "竖直边缘（Sobel）",
        (false, "horizontal") => "horizontal edges (Sobel)",
        (true, "horizontal") => "水平边缘（Sobel）",
        (false, "blur") => "blur",
        (true, "blur") => "模糊",
        (false, "sharpen") => "sharpen",
        (true, "sharpen") => "锐化",
        (false, _) => "identity",
        (true, _) => "恒等",
    };
    known.into()
}

static ENGLISH: ConvolutionTexts = ConvolutionTexts {
    title: "Convolution",
    lead: "One kernel slides over a picture. Point at a cell of the output, or focus it and use the arrow keys: the window it was computed from lights up.",
    kernel: "Kernel",
    own_kernel: "own numbers",
    size: "Side of the kernel",
    stride: "Stride",
    padding: "Padding",
    bias: "Bias b",
    picture: "Picture",
    drawing: "own drawing",
    draw: "Draw",
    clear: "Empty picture",
    waiting: "The digit is being loaded …",
    input: "Picture x",
    output: "Output y",
    output_key: "Hue is the sign, depth the size of a value; the largest has the full colour.",
    kernel_title: "Kernel w",
    window_title: "The window: pixel × weight",
    sum_title: "The sum of this cell",
    size_title: "Size of the output",
    field_title: "Receptive field",
    edge_note: "The rim around the picture is padding: it counts as 0.",
    preset: |name| preset_name(&ENGLISH, name),
    digit: |digit| format!("digit {digit}"),
    sides: |side| format!("{side} × {side}"),
    cell: |row, column, value| format!("row {row}, column {column}: {value}"),
    weight: |row, column| format!("Weight in row {row}, column {column}"),
    fields: |one, two, three| {
        format!(
            "One output cell depends on {one} × {one} pixels. Behind a second layer like this one it would be {two} × {two}, behind a third {three} × {three}."
        )
    },
};

static CHINESE: ConvolutionTexts = ConvolutionTexts {
    title: "卷积",
    lead: "一个卷积核在图片上滑动。指向输出中的一格，或选中输出后用方向键移动：算出这一格的窗口会亮起来。",
    kernel: "卷积核",
    own_kernel: "自己填写",
    size: "卷积核边长",
    stride: "步幅",
    padding: "填充",
    bias: "偏置 b",
    picture: "图片",
    drawing: "自己画的图",
    draw: "画图",
    clear: "清空图片",
    waiting: "正在加载手写数字……",
    input: "图片 x",
    output: "输出 y",
    output_key: "色相表示正负，深浅表示大小；绝对值最大的一格颜色最深。",
    kernel_title: "卷积核 w",
    window_title: "窗口：像素 × 权重",
    sum_title: "这一格的求和",
    size_title: "输出的大小",
    field_title: "感受野",
    edge_note: "图片四周的边框是填充，按 0 计算。",
    preset: |name| preset_name(&CHINESE, name),
    digit: |digit| format!("数字 {digit}"),
    sides: |side| format!("{side} × {side}"),
    cell: |row, column, value| format!("第 {row} 行第 {column} 列：{value}"),
    weight: |row, column| format!("第 {row} 行第 {column} 列的权重"),
    fields: |one, two, three| {
        format!(
            "输出的一格取决于 {one} × {one} 个像素。再叠一层同样的卷积，就取决于 {two} × {two} 个；叠到第三层，是 {three} × {three} 个。"
        )
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::texts::lab::tests::check_languages;
    use crate::view::widgets::convolution::PRESETS;

    #[test]
    fn every_text_is_in_its_language() {
        check_languages(ENGLISH.entries(), CHINESE.entries());
        for (name, _) in PRESETS {
            assert_ne!((ENGLISH.preset)(name), (CHINESE.preset)(name));
        }
        let both = [&ENGLISH, &CHINESE];
        for texts in both {
            assert!((texts.fields)(3, 5, 7).contains("5 × 5"));
            assert!((texts.cell)(1, 2, "0.5").contains("0.5"));
            assert!((texts.weight)(1, 2).contains('2') && (texts.digit)(7).contains('7'));
        }
    }
}

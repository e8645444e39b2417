//! Texts of the scale calculator, in both languages.

use super::InstrumentTexts;
use crate::view::texts::Locale;

/// English, Chinese.
pub static INSTRUMENT: [InstrumentTexts; 2] = [
    InstrumentTexts {
        name: "From here to GPT-3",
        purpose: "How much work, memory, time, energy and communication a training run takes, from a network of this page to GPT-3.",
    },
    InstrumentTexts {
        name: "从这里到 GPT-3",
        purpose: "一次训练需要多少运算、内存、时间、能量和通信：从本站的小网络一直算到 GPT-3。",
    },
];

texts! {
    ScaleTexts {
        model,
        model_group_published,
        device,
        this_device,
        not_measured,
        measure_here,
        here_unknown,
        assumed_here,
        precision,
        precision_float32,
        precision_mixed,
        numbers,
        result,
        quantity,
        formula,
        value,
        memory_title,
        of_which_activations,
        time_title,
        one_device,
        ring_title,
        ring_bytes,
        ring_latency,
        ring_none,
        x13_question,
        x13_no,
        x13_small,
        x13_text,
        x13_table,
        x13_printed,
        x13_published,
        x13_parameters,
        x13_attention,
        sources,
        explain_title,
        explain_work,
        explain_memory,
        explain_energy,
        explain_ring,
        no_result,
    }
    functions {
        /// Label of a number, by its key in the address.
        label: fn(&str),
        /// Unit and meaning of a number.
        hint: fn(&str),
        /// Which numbers are not the device's: their labels.
        own_numbers: fn(&str),
        /// Name of a line of the result.
        line: fn(&str),
        /// How long it would take on this device: the span as text.
        here: fn(&str),
        /// Name of a published model.
        published: fn(&str),
        /// So many devices.
        all_devices: fn(&str),
        /// Parameters of the printed model, how many times more GPT-3 has, and those with one bias for each gate.
        x13_verdict: fn(&str, &str, &str),
    }
}

impl ScaleTexts {
    /// Answers of exercise X13; the first is right.
    pub fn x13_answers(&self) -> [&'static str; 3] {
        [self.x13_no, self.x13_small, self.x13_text]
    }
}

/// The calculator's texts.
pub fn texts(locale: Locale) -> &'static ScaleTexts {
    match locale {
        Locale::English => &ENGLISH,
        Locale::Chinese => &CHINESE,
    }
}

/// Where the constants of a model or device come from: the engine's own words, in Chinese where they are more than a
/// reference.
pub fn source(name: &str, english: &'static str, locale: Locale) -> &'static str {
    match (locale, name) {
        (Locale::Chinese, "bert-large") => {
            "Devlin 等，2018，arXiv 1810.04805：10⁶ 步，每步 256 个序列，九成长 128 个词元，一成长 512 个"
        }
        (Locale::Chinese, "a100") => {
            "NVIDIA A100 SXM 数据手册：稠密 BF16、FP32；NVLink 双向合计 600 GB/s"
        }
        (Locale::Chinese, "h100") => {
            "NVIDIA H100 SXM 数据手册：稠密 BF16、FP32；NVLink 双向合计 900 GB/s"
        }
        _ => english,
    }
}

static ENGLISH: ScaleTexts = ScaleTexts {
    model: "Model",
    model_group_published: "published",
    device: "Device",
    this_device: "this device, as measured",
    not_measured: "This device has not been measured yet: measure it, or type a figure for R.",
    measure_here: "Measure this device",
    here_unknown: "How long would it take on this device? Its speed is not known yet.",
    assumed_here: "What cannot be measured here is assumed until you type your own: 16 GB of memory, 50 W, a PUE of 1 (no machine hall), and 125 MB/s between devices (Ethernet of 1 Gbit/s). A utilisation of 1 is no assumption: the measured speed is the one that is reached.",
    precision: "Precision",
    precision_float32: "float32 throughout",
    precision_mixed: "16 bit with float32 master weights",
    numbers: "Every number can be changed",
    result: "What it takes (computed)",
    quantity: "Quantity",
    formula: "Formula",
    value: "Result",
    memory_title: "Memory of one replica, against that of one device",
    of_which_activations: "Activations grow with the sequences held at a time, and with the square of their length where there is attention. Nothing is computed again here; the memory page shows what that would save.",
    time_title: "Time, on a logarithmic scale",
    one_device: "one device",
    ring_title: "One all-reduce: bytes and latency",
    ring_bytes: "moving the bytes",
    ring_latency: "latency of the messages",
    ring_none: "None: there is one device alone, or one device cannot hold the states of a whole replica.",
    x13_question: "Is it GPT-3?",
    x13_no: "No: a small LSTM without attention",
    x13_small: "Yes, with fewer layers",
    x13_text: "Yes, as soon as it learns from as much text",
    x13_table: "The printed model beside GPT-3",
    x13_printed: "as printed (counted)",
    x13_published: "GPT-3 (published)",
    x13_parameters: "Parameters",
    x13_attention: "Layers with attention",
    sources: "Sources",
    explain_title: "How to read this",
    explain_work: "Training costs about 6 operations for each parameter and token: 2 for the forward pass, 4 for the backward pass, which computes two products where the forward pass computes one. For models of this page the operations are counted from their graph instead.",
    explain_memory: "Adam keeps two numbers for each weight. In float32 that makes 4 + 4 + 8 = 16 bytes for each parameter; with 16-bit arithmetic 2 + 2 + 12, because a float32 copy of the weights is kept: again 16. Mixed precision halves activations and, on these chips, saves time: their 16-bit peak is 15 to 16 times that of plain float32. It does not shrink these states.",
    explain_energy: "The power of A100 and H100 is that of the chip alone; published figures that count the whole machine (330 W for a V100 in Patterson et al. 2021) cannot be compared with it. Use of 40% of the peak is an assumption.",
    explain_ring: "In a ring all-reduce every device sends 2(p − 1) messages of 1/p of the gradients, so the time hardly grows with p, but each message costs its latency. No time is given where one device cannot hold the states of a whole replica.",
    no_result: "There is no result with this:",
    label: |key| {
        match key {
            "parameters" => "N, parameters",
            "tokens" => "D, tokens",
            "flops_per_token" => "F, operations a token",
            "devices" => "p, devices",
            "peak" => "R, peak",
            "utilisation" => "u, utilisation",
            "activations" => "A, activations",
            "sequences" => "q, sequences",
            "memory" => "M, memory",
            "power" => "P, power",
            "pue" => "PUE",
            "carbon" => "k, carbon",
            "bandwidth" => "B, bandwidth",
            _ => "l, latency",
        }
        .into()
    },
    own_numbers: |labels| {
        format!("Your own numbers, not those of the device that is named above: {labels}.")
    },
    hint: |key| {
        match key {
            "parameters" => "trainable numbers",
            "tokens" => {
                "seen in training; for images, samples. 20 N by default for models of this page"
            }
            "flops_per_token" => "of training, counted from the graph; empty: 6 N",
            "devices" => "working at the same time",
            "peak" => "FLOP/s of one device",
            "utilisation" => "part of the peak that is reached",
            "activations" => {
                "bytes of one sequence or sample; published models: s·h·L·(34 + 5as/h)"
            }
            "sequences" => "held by one device at a time",
            "memory" => "bytes of one device",
            "power" => "watts of one device",
            "pue" => "power of the building over that of its devices",
            "carbon" => "kg CO₂e for each kWh; 0.429: mean of the USA, 2020",
            "bandwidth" => "bytes a second between neighbours, one way",
            _ => "seconds for each message; an assumption",
        }
        .into()
    },
    line: |key| {
        match key {
            "flops" => "Work",
            "petaflop-days" => "in petaflop/s-days",
            "best-tokens" => "Tokens that would suit N best",
            "weights" => "Weights",
            "gradients" => "Gradients",
            "optimizer" => "Optimizer (Adam)",
            "states" => "All three",
            "activations" => "Activations",
            "devices-for-states" => "Devices to hold them",
            "seconds" => "Time",
            "device-years" => "Device-years",
            "energy" => "Energy",
            "carbon" => "Emissions",
            _ => "One all-reduce of the gradients",
        }
        .into()
    },
    here: |years| format!("At the speed measured on this device it would take {years}."),
    all_devices: |count| format!("{count} devices"),
    x13_verdict: |parameters, times, one_bias| {
        format!(
            "Built of the layers of this page it has {parameters} parameters; GPT-3 has {times} times as many, and attention in every one of its layers, where this model has none. (The LSTM here keeps two biases for each gate, as PyTorch's does; with one, as in Keras, there are {one_bias}.)"
        )
    },
    published: |name| {
        match name {
            "gpt-3" => "GPT-3",
            _ => "BERT-large",
        }
        .into()
    },
};

static CHINESE: ScaleTexts = ScaleTexts {
    model: "模型",
    model_group_published: "已发表",
    device: "设备",
    this_device: "本机（实测）",
    not_measured: "本机尚未测量：请先测量，或直接填写 R。",
    measure_here: "测量本机",
    here_unknown: "在本机上需要多久？本机的速度还不知道。",
    assumed_here: "此处无法测量的量先取假设值，请换成你自己的：内存 16 GB，功率 50 W，PUE 为 1（没有机房），设备之间 125 MB/s（千兆以太网）。利用率为 1 不是假设：实测速度就是实际达到的速度。",
    precision: "数值精度",
    precision_float32: "全部 float32",
    precision_mixed: "16 位运算，float32 主权重",
    numbers: "每个数都可以修改",
    result: "所需资源（计算值）",
    quantity: "量",
    formula: "公式",
    value: "结果",
    memory_title: "一个副本所需的内存，与一台设备的内存相比",
    of_which_activations: "激活值随同时放下的序列数增长；有注意力时，还随序列长度的平方增长。这里没有重计算，内存页面会说明重计算能省多少。",
    time_title: "时间（对数刻度）",
    one_device: "一台设备",
    ring_title: "一次全归约：字节与延迟",
    ring_bytes: "搬运字节",
    ring_latency: "消息延迟",
    ring_none: "没有：只有一台设备，或者一台设备装不下一个副本的全部状态。",
    x13_question: "这是 GPT-3 吗？",
    x13_no: "不是：只是一个没有注意力的小型 LSTM",
    x13_small: "是，只是层数少一些",
    x13_text: "是，只要用同样多的文本来训练",
    x13_table: "印出来的模型与 GPT-3 对比",
    x13_printed: "印出来的模型（数出来的）",
    x13_published: "GPT-3（已发表）",
    x13_parameters: "参数个数",
    x13_attention: "带注意力的层数",
    sources: "出处",
    explain_title: "怎样理解这些数",
    explain_work: "每个参数、每个词元的训练约需 6 次运算：前向传播 2 次，反向传播 4 次，因为前向的一个乘积在反向时对应两个乘积。对于本站的模型，运算次数直接由计算图数出。",
    explain_memory: "Adam 为每个权重保存两个数。float32 时每个参数占 4 + 4 + 8 = 16 字节；16 位运算时是 2 + 2 + 12，因为还要保留一份 float32 主权重，同样是 16 字节。混合精度让激活值减半，在这些芯片上还节省时间：16 位的峰值是普通 float32 的 15 到 16 倍。但这些状态并不会变小。",
    explain_energy: "A100 和 H100 的功率只是芯片的热设计功率；按整机计算的已发表数字（Patterson 等 2021 年对 V100 取 330 W）不能与之直接比较。40% 的利用率是一个假设。",
    explain_ring: "环形全归约中，每台设备发送 2(p − 1) 条消息，每条是梯度的 1/p，因此总时间几乎不随 p 增长，但每条消息都要付出延迟。一台设备放不下一个完整副本的状态时，不给出时间。",
    no_result: "下面这一项无法使用：",
    label: |key| {
        match key {
            "parameters" => "N，参数量",
            "tokens" => "D，词元数",
            "flops_per_token" => "F，每词元运算量",
            "devices" => "p，设备数",
            "peak" => "R，峰值",
            "utilisation" => "u，利用率",
            "activations" => "A，激活值",
            "sequences" => "q，序列数",
            "memory" => "M，内存",
            "power" => "P，功率",
            "pue" => "PUE",
            "carbon" => "k，碳排放",
            "bandwidth" => "B，带宽",
            _ => "l，延迟",
        }
        .into()
    },
    own_numbers: |labels| format!("这些是你自己填的数，不是上面所选设备的：{labels}。"),
    hint: |key| {
        match key {
            "parameters" => "可训练的数的个数",
            "tokens" => "训练中看到的总数；图像按样本计。本站的模型默认取 20 N",
            "flops_per_token" => "训练所需，由计算图数出；留空即 6 N",
            "devices" => "同时工作的设备",
            "peak" => "一台设备的 FLOP/s",
            "utilisation" => "实际达到峰值的几分之几",
            "activations" => "一条序列或一个样本的字节数；已发表的模型按 s·h·L·(34 + 5as/h) 计算",
            "sequences" => "一台设备同时放下的条数",
            "memory" => "一台设备的字节数",
            "power" => "一台设备的瓦数",
            "pue" => "机房总功率与设备功率之比",
            "carbon" => "每千瓦时的二氧化碳当量（千克）；0.429 为美国 2020 年平均值",
            "bandwidth" => "相邻设备之间单向每秒字节数",
            _ => "每条消息的秒数；为假设值",
        }
        .into()
    },
    line: |key| {
        match key {
            "flops" => "总运算量",
            "petaflop-days" => "折合 PFLOP/s·天",
            "best-tokens" => "与 N 最相称的词元数",
            "weights" => "权重",
            "gradients" => "梯度",
            "optimizer" => "优化器（Adam）",
            "states" => "三者合计",
            "activations" => "激活值",
            "devices-for-states" => "放下它们所需的设备数",
            "seconds" => "时间",
            "device-years" => "设备·年",
            "energy" => "能量",
            "carbon" => "碳排放",
            _ => "一次梯度全归约",
        }
        .into()
    },
    here: |years| format!("按本机实测的速度，需要 {years}。"),
    all_devices: |count| format!("{count} 台设备"),
    x13_verdict: |parameters, times, one_bias| {
        format!(
            "用本站的层搭建出来，它有 {parameters} 个参数；GPT-3 的参数是它的 {times} 倍，而且每一层都有注意力，这个模型却一层也没有。（这里的 LSTM 与 PyTorch 一样，每个门有两个偏置；若像 Keras 那样只有一个，则为 {one_bias} 个。）"
        )
    },
    published: |name| {
        match name {
            "gpt-3" => "GPT-3",
            _ => "BERT-large",
        }
        .into()
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::texts::lab::tests::check_languages;

    #[test]
    fn every_text_is_in_its_language() {
        check_languages(ENGLISH.entries(), CHINESE.entries());
    }
}

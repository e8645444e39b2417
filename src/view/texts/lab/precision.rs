//! Texts of the mixed-precision page, in both languages.

use super::InstrumentTexts;
use crate::lab::precision::{Place, PrecisionMode, Setting, Why};
use crate::session::DevicePreference;
use crate::view::texts::Locale;

/// English, Chinese.
pub static INSTRUMENT: [InstrumentTexts; 2] = [
    InstrumentTexts {
        name: "Mixed precision",
        purpose: "The same network trained in float32, in float16, and in float16 with float32 master weights and a scaled loss: what 16 bits lose, and how two remedies bring it back.",
    },
    InstrumentTexts {
        name: "混合精度",
        purpose: "用 float32、float16，以及“float16 加 float32 主权重和损失缩放”三种方式训练同一个网络：看 16 位会丢失什么，又怎样补救。",
    },
];

texts! {
    PrecisionTexts {
        settings,
        preset,
        modes,
        device,
        optimizer,
        optimizer_own,
        rate,
        rate_hint,
        updates,
        updates_hint,
        scale,
        scale_hint,
        growth,
        growth_hint,
        start,
        stop,
        curves,
        curves_note,
        loss_label,
        step,
        loss,
        results,
        mode,
        accuracy,
        last_loss,
        bytes,
        activations_of,
        weights_of,
        scratch_of,
        step_time,
        step_speed,
        bytes_note,
        real_bytes_note,
        times_note,
        not_yet,
        running,
        scale_log,
        scale_log_note,
        scale_label,
        scale_axis,
        scale_now,
        skipped,
        gradients,
        gradients_note,
        layer,
        all_layers,
        without_scale,
        histogram_axis,
        became,
        plain,
        times_scale,
        zero,
        underflow,
        subnormal,
        normal,
        overflow,
        support,
        measure,
        emulated_note,
        real_note,
        measure_note,
        stopped,
        measuring,
        emulated,
        real,
        software,
        lacking,
        kernel,
        sizes,
        float32_time,
        float16_time,
        ratio,
        memory_ratio,
        number_title,
        number,
        number_hint,
        number_wrong,
        stored,
        bits,
        error,
        relative_error,
        fate,
        itself,
        explain_title,
        explain_masters,
        explain_scale,
        explain_overflow,
        explain_memory,
        explain_adam,
        explain_cards,
        rule,
    }
    functions {
        /// A heading with the scale.
        with_scale: fn(&str),
        /// Where a mode ended: its last step.
        diverged: fn(u32),
        /// Before which step the gradients were looked at.
        gradients_at: fn(u32),
        /// The adapter that does or does not have float16.
        adapter: fn(&str),
        /// What went wrong with the measurement.
        failure: fn(&str),
    }
}

/// The page's texts.
pub fn texts(locale: Locale) -> &'static PrecisionTexts {
    match locale {
        Locale::English => &ENGLISH,
        Locale::Chinese => &CHINESE,
    }
}

impl PrecisionTexts {
    fn is_chinese(&self) -> bool {
        std::ptr::eq(self, &CHINESE)
    }

    /// A mode's name with what it means.
    pub fn mode_name(&self, mode: PrecisionMode) -> &'static str {
        match (mode, self.is_chinese()) {
            (PrecisionMode::Float32, false) => "float32",
            (PrecisionMode::Float16, false) => "float16 throughout",
            (PrecisionMode::Mixed, false) => "mixed: float16, master weights, loss scale",
            (PrecisionMode::Float32, true) => "全程 float32",
            (PrecisionMode::Float16, true) => "全程 float16",
            (PrecisionMode::Mixed, true) => "混合：float16、主权重、损失缩放",
        }
    }

    /// Where a comparison is to be computed.
    pub fn device_name(&self, device: DevicePreference) -> &'static str {
        match (device, self.is_chinese()) {
            (DevicePreference::Auto, false) => "this device, if it can",
            (DevicePreference::Gpu, false) => "on this device",
            (DevicePreference::Cpu, false) => "emulated on the CPU",
            (DevicePreference::Auto, true) => "本机可以就用本机",
            (DevicePreference::Gpu, true) => "在本机设备上",
            (DevicePreference::Cpu, true) => "在 CPU 上模拟",
        }
    }

    /// Where a comparison is computed, and why.
    pub fn place(&self, place: &Place) -> String {
        let why = match (place, self.is_chinese()) {
            (
                Place::Device {
                    adapter,
                    is_software,
                },
                is_chinese,
            ) => {
                let software = if *is_software { self.software } else { "" };
                return match is_chinese {
                    false => {
                        format!("On this device: {adapter}, whose memory holds float16. {software}")
                            .trim_end()
                            .into()
                    }
                    true => format!("在本机设备上：{adapter}，内存中存的就是 float16。{software}"),
                };
            }
            (Place::Emulated { why }, _) => why,
        };
        match (why, self.is_chinese()) {
            (Why::Wanted, false) => {
                "Emulated on the CPU, as chosen; nothing is said of speed.".into()
            }
            (Why::NoGpu, false) => {
                "Emulated on the CPU: there is no GPU here; nothing is said of speed.".into()
            }
            (Why::NoFloat16 { adapter }, false) => format!(
                "Emulated on the CPU: the shaders of {adapter} have no float16 (shader-f16); nothing is said of speed."
            ),
            (Why::Software { adapter }, false) => format!(
                "Emulated on the CPU: {adapter} stores float16 but is a software adapter; “on this device” takes it all the same."
            ),
            (Why::Wanted, true) => "按你的选择在 CPU 上模拟，因此不对速度作任何说明。".into(),
            (Why::NoGpu, true) => "在 CPU 上模拟：这里没有 GPU，因此不对速度作任何说明。".into(),
            (Why::NoFloat16 { adapter }, true) => format!(
                "在 CPU 上模拟：{adapter} 的着色器没有 float16（shader-f16），因此不对速度作任何说明。"
            ),
            (Why::Software { adapter }, true) => format!(
                "在 CPU 上模拟：{adapter} 能存储 float16，但它是软件适配器；选“在本机设备上”仍可使用它。"
            ),
        }
    }

    /// What a setting has to be.
    pub fn wrong(&self, setting: Setting) -> &'static str {
        match (setting, self.is_chinese()) {
            (Setting::Preset, false) => "This network is not offered here: choose another",
            (Setting::Modes, false) => "Choose at least one of float32, float16 and mixed",
            (Setting::Optimizer, false) => "This optimizer is not offered here: choose another",
            (Setting::LearningRate, false) => "Must be a number above 0 and at most 1000",
            (Setting::Batch, false) => "Must be a whole number from 1 to 1024",
            (Setting::Steps, false) => "Must be a whole number from 1 to 5000",
            (Setting::Scale, false) => "Must be a number from 2⁻¹⁴ to 2⁴⁰, such as 1024",
            (Setting::GrowthInterval, false) => "Must be a whole number from 1 to 100000",
            (Setting::Preset, true) => "这里没有这个网络，请另选一个",
            (Setting::Modes, true) => "请在 float32、float16、mixed 中至少选择一种",
            (Setting::Optimizer, true) => "这里没有这个优化器，请另选一个",
            (Setting::LearningRate, true) => "必须是大于 0 且不超过 1000 的数",
            (Setting::Batch, true) => "必须是 1 到 1024 的整数",
            (Setting::Steps, true) => "必须是 1 到 5000 的整数",
            (Setting::Scale, true) => "必须是 2⁻¹⁴ 到 2⁴⁰ 之间的数，例如 1024",
            (Setting::GrowthInterval, true) => "必须是 1 到 100000 的整数",
        }
    }
}

static ENGLISH: PrecisionTexts = PrecisionTexts {
    settings: "Settings",
    preset: "Network",
    modes: "Ways of training",
    device: "Computed",
    optimizer: "Optimizer",
    optimizer_own: "the network's own (Adam)",
    rate: "Learning rate",
    rate_hint: "empty: the network's own",
    updates: "Steps",
    updates_hint: "batches for each way",
    scale: "Loss scale s at the start",
    scale_hint: "used by mixed precision alone",
    growth: "Doubles after",
    growth_hint: "good steps in a row",
    start: "Train side by side",
    stop: "Stop",
    curves: "Loss of the three ways",
    curves_note: "The same initial weights and the same batches; the loss of each batch, smoothed. A cross stands where a way could not go on: its loss was no finite number, or no scale helped.",
    loss_label: "Training loss over steps for each way of training",
    step: "step",
    loss: "loss (nats)",
    results: "Result (computed)",
    mode: "Way",
    accuracy: "Held-out accuracy",
    last_loss: "Last loss",
    bytes: "Bytes stored",
    activations_of: "of them activations",
    weights_of: "of them weights, gradients, optimizer",
    scratch_of: "of them shared scratch",
    step_time: "Time of a step (measured)",
    step_speed: "Speed against float32",
    bytes_note: "Counted from the plan of one training step, as if 16-bit numbers were stored in 2 bytes. The emulation itself stores 4.",
    real_bytes_note: "Counted from the buffers that the device holds, data left out. Activations and the copy of the weights that both passes read take 2 bytes a number; master weights, gradients, optimizer states, the loss and its softmax 4. Scratch is what all operations share for their sums.",
    times_note: "Whole steps from batch to update, several in one submit, nothing read back; the ways in turns, after training: the median of nine rounds, below it the fastest and the slowest. Float32 runs the fused kernels that the training page runs; float16 runs each operation by itself.",
    not_yet: "not computed yet",
    running: "training",
    scale_log: "Log of the loss scale",
    scale_log_note: "Crosses are skipped steps: a gradient was infinite or not a number, so nothing was updated and s was halved.",
    scale_label: "Exponent of the loss scale over steps, with skipped steps",
    scale_axis: "log₂ s",
    scale_now: "Scale now",
    skipped: "Skipped steps",
    gradients: "How large are the gradients?",
    gradients_note: "All numbers of the gradient by their power of two, as float32 has them. Left of 2⁻²⁵ float16 makes them 0; from there to 2⁻¹⁴ they are subnormal and keep fewer digits; from 2¹⁶ they overflow.",
    layer: "Parameter",
    all_layers: "all together",
    without_scale: "Without a scale",
    histogram_axis: "exponent: ⌊log₂ |gradient|⌋",
    became: "In float16",
    plain: "unscaled",
    times_scale: "times s",
    zero: "exactly 0 already",
    underflow: "would become 0",
    subnormal: "subnormal",
    normal: "normal",
    overflow: "would overflow",
    support: "Emulated or real?",
    measure: "Measure float16 kernels on this device",
    emulated_note: "Emulated: on the CPU every result of an operation is rounded to float16, while products are summed in float32. That gives the numbers of 16-bit hardware, but says nothing of its speed.",
    real_note: "Real, where the GPU’s shaders have float16 (shader-f16): activations lie in memory as float16. Dense layers and convolutions, forward and backward, read and write them so and sum in float32; so do ReLU and maximum pooling. Every other operation works on a float32 form that is rounded back. The update is float32, rounded in float16 throughout. Dense layers whose number of inputs is not a multiple of 4 go the way of the others.",
    measure_note: "The same kernels can be measured by themselves, against those that train in float32; bytes are counted from their shapes, times are measured.",
    stopped: "Stopped before all kernels were measured.",
    measuring: "measuring …",
    emulated: "emulated",
    real: "real",
    software: "This is a software adapter: the ratios tell of the CPU behind it, not of a GPU.",
    lacking: "Its shaders have no float16 (shader-f16): nothing can be measured here, and nothing is said of speed.",
    kernel: "Kernel",
    sizes: "Inputs",
    float32_time: "float32",
    float16_time: "float16",
    ratio: "Speed, float16 to float32",
    memory_ratio: "Bytes, float32 and float16",
    number_title: "One number",
    number: "A number",
    number_hint: "try 1e-8, 0.1, 65520, 1/3 as 0.3333333",
    number_wrong: "Must be a number, such as 1e-8",
    stored: "float16 stores",
    bits: "sign, exponent, fraction",
    error: "error",
    relative_error: "relative error",
    fate: "it is",
    itself: "the number",
    explain_title: "Why both remedies are needed",
    explain_masters: "Float16 has 11 significant bits: next to 1, numbers stand 0.001 apart. An update of 0.0001 is rounded away: 1 − 0.0001 is 1 again, a thousand times over. So the weights that are updated stay in float32, the master weights; forward and backward pass use a rounded copy.",
    explain_scale: "Gradients below 2⁻²⁵ ≈ 3·10⁻⁸ become 0. All of them are proportional to the derivative with which the backward pass starts, so it starts with s instead of 1: the derivative of s·L. Before the update each gradient is divided by s again, in float32.",
    explain_overflow: "A scale that is too large makes gradients infinite. Such a step is skipped: weights and optimizer states stay as they were, and s is halved. After enough good steps s is doubled, so it keeps looking for the largest scale that works.",
    explain_memory: "Memory is saved in activations. Weights with master copy, gradients and Adam's states take 2 + 4 + 2 + 8 = 16 bytes for each parameter, as much as 4 + 4 + 8 in float32.",
    explain_adam: "Float16 throughout fails at once with Adam: its v collects squares of gradients, which are far below 2⁻²⁵. Where v is 0, the update is divided by ε alone.",
    explain_cards: "16 bits are fast only where the chip computes them fast. The often-told figure of twice the speed on a Titan X is wrong: its Maxwell version has no float16 arithmetic, and the Pascal one runs it at 1/64 of its float32 rate; there mixed precision saves memory alone.",
    rule: "backprop s·L in float16 → g/s in float32 → update the float32 master; if any g is Inf or NaN: skip, s ← s/2",
    with_scale: |scale| format!("With the scale s = {scale}"),
    diverged: |step| format!("could not go on after step {step}"),
    gradients_at: |step| format!("Looked at before step {step}."),
    adapter: |adapter| format!("GPU: {adapter}"),
    failure: |message| format!("Nothing was measured: {message}"),
};

static CHINESE: PrecisionTexts = PrecisionTexts {
    settings: "设置",
    preset: "网络",
    modes: "训练方式",
    device: "计算方式",
    optimizer: "优化器",
    optimizer_own: "网络自带的（Adam）",
    rate: "学习率",
    rate_hint: "留空则用网络自带的值",
    updates: "步数",
    updates_hint: "每种方式训练的批数",
    scale: "初始损失缩放 s",
    scale_hint: "只用于混合精度",
    growth: "多少步后加倍",
    growth_hint: "连续正常的步数",
    start: "同时训练",
    stop: "停止",
    curves: "三种方式的损失",
    curves_note: "初始权重相同，批量也相同；曲线是每批损失的平滑值。叉号表示该方式无法继续：损失不再是有限数，或者怎样缩放都无济于事。",
    loss_label: "各训练方式的训练损失随步数的变化",
    step: "步",
    loss: "损失（奈特）",
    results: "结果（计算值）",
    mode: "方式",
    accuracy: "留出集准确率",
    last_loss: "最后的损失",
    bytes: "存储字节数",
    activations_of: "其中激活值",
    weights_of: "其中权重、梯度、优化器",
    scratch_of: "其中共用的临时空间",
    step_time: "每步用时（实测）",
    step_speed: "相对 float32 的速度",
    bytes_note: "按一步训练的执行计划统计，假定 16 位数占 2 字节；模拟本身仍用 4 字节存储。",
    real_bytes_note: "按设备上实际的缓冲区统计，不含数据。激活值和两次传播所读的权重副本每个数占 2 字节；主权重、梯度、优化器状态、损失及其 softmax 占 4 字节。临时空间由所有运算共用，用来累加。",
    times_note: "从取批次到更新的完整步，每次提交若干步，不读回任何结果；训练结束后各方式轮流测量：取九轮的中位数，下方是最快和最慢的一轮。float32 用的是训练页面的融合内核，float16 逐个运算执行。",
    not_yet: "尚未计算",
    running: "训练中",
    scale_log: "损失缩放的记录",
    scale_log_note: "叉号是被跳过的步：有梯度为无穷大或 NaN，因此什么都不更新，并把 s 减半。",
    scale_label: "损失缩放的指数随步数的变化，并标出被跳过的步",
    scale_axis: "log₂ s（s 为损失缩放）",
    scale_now: "当前缩放",
    skipped: "跳过的步数",
    gradients: "梯度有多大？",
    gradients_note: "按 2 的幂次统计梯度中的所有数（float32 的值）。小于 2⁻²⁵ 的数在 float16 中变成 0；从那里到 2⁻¹⁴ 是次正规数，有效位数变少；从 2¹⁶ 起上溢。",
    layer: "参数",
    all_layers: "全部",
    without_scale: "不缩放",
    histogram_axis: "指数：⌊log₂ |梯度|⌋",
    became: "在 float16 中",
    plain: "未缩放",
    times_scale: "乘以 s",
    zero: "本来就是 0",
    underflow: "会变成 0（下溢）",
    subnormal: "次正规数",
    normal: "正规数",
    overflow: "会上溢",
    support: "模拟还是真实？",
    measure: "在本机上测量 float16 内核",
    emulated_note: "模拟：在 CPU 上，每个运算的结果都舍入到 float16，乘积用 float32 累加。得到的数值与 16 位硬件一致，但不能说明它的速度。",
    real_note: "真实：如果 GPU 的着色器有 float16（shader-f16），激活值就以 float16 存在内存里。全连接层和卷积的前向与反向都直接读写它们，并用 float32 累加；ReLU 和最大池化也是如此。其他运算先转成 float32 计算，再舍入回去。更新用 float32；全程 float16 时再舍入。输入个数不是 4 的倍数的全连接层与其他运算一样处理。",
    measure_note: "这些内核也可以单独测量，并与训练用的 float32 内核比较；字节数由形状算出，时间是实测的。",
    stopped: "已停止，部分内核没有测量。",
    measuring: "正在测量……",
    emulated: "模拟",
    real: "真实",
    software: "这是软件适配器：比值反映的是背后的 CPU，而不是 GPU。",
    lacking: "它的着色器没有 float16（shader-f16）：这里无法测量，也就不对速度作任何说明。",
    kernel: "内核",
    sizes: "输入",
    float32_time: "float32 用时",
    float16_time: "float16 用时",
    ratio: "速度比（float16 比 float32）",
    memory_ratio: "字节数（float32 与 float16）",
    number_title: "看一个数",
    number: "一个数",
    number_hint: "试试 1e-8、0.1、65520、0.3333333",
    number_wrong: "请填写一个数，例如 1e-8",
    stored: "float16 存储的值",
    bits: "符号、指数、尾数",
    error: "误差",
    relative_error: "相对误差",
    fate: "结果是",
    itself: "这个数",
    explain_title: "为什么两种补救都需要",
    explain_masters: "float16 只有 11 位有效数字：在 1 附近，相邻两数相差约 0.001。0.0001 的更新会被舍掉：1 − 0.0001 仍是 1，做一千次也一样。因此被更新的权重保留为 float32，称为主权重；前向传播和反向传播使用它的舍入副本。",
    explain_scale: "小于 2⁻²⁵ ≈ 3·10⁻⁸ 的梯度会变成 0。所有梯度都与反向传播起点的导数成正比，于是让它从 s 而不是 1 开始：这正是 s·L 的导数。更新之前，再用 float32 把每个梯度除以 s。",
    explain_overflow: "缩放过大，梯度会变成无穷大。这样的一步被跳过：权重和优化器状态保持不变，s 减半。连续正常足够多步之后 s 加倍，因此它总在寻找可用的最大缩放。",
    explain_memory: "节省的内存来自激活值。权重加主权重、梯度和 Adam 的状态每个参数占 2 + 4 + 2 + 8 = 16 字节，与 float32 的 4 + 4 + 8 一样多。",
    explain_adam: "全程 float16 配上 Adam 会立刻失败：它的 v 累积的是梯度的平方，远小于 2⁻²⁵。v 为 0 时，更新量只除以 ε。",
    explain_cards: "只有芯片能快速计算 16 位数时，16 位才快。“Titan X 用混合精度提速两倍”的常见说法是错的：Maxwell 版没有 float16 算术，Pascal 版的 float16 速率只有 float32 的 1/64；在这类卡上，混合精度只节省内存。",
    rule: "用 float16 反向传播 s·L → 用 float32 计算 g/s → 更新 float32 主权重；若有 g 为 Inf 或 NaN：跳过，s ← s/2",
    with_scale: |scale| format!("缩放 s = {scale} 之后"),
    diverged: |step| format!("第 {step} 步之后无法继续"),
    gradients_at: |step| format!("第 {step} 步之前的梯度。"),
    adapter: |adapter| format!("GPU：{adapter}"),
    failure: |message| format!("没有测量：{message}"),
};

#[cfg(test)]
mod tests {
    use super::super::tests::check_languages;
    use super::*;

    #[test]
    fn every_text_of_the_page_is_in_its_language() {
        check_languages(ENGLISH.entries(), CHINESE.entries());
        let modes =
            |texts: &PrecisionTexts| PrecisionMode::ALL.map(|mode| ("mode", texts.mode_name(mode)));
        check_languages(modes(&ENGLISH).into(), modes(&CHINESE).into());
        let devices = |texts: &PrecisionTexts| {
            DevicePreference::ALL.map(|device| ("device", texts.device_name(device)))
        };
        check_languages(devices(&ENGLISH).into(), devices(&CHINESE).into());
        let adapter = || "GPU".to_string();
        for place in [
            Place::Device {
                adapter: adapter(),
                is_software: true,
            },
            Place::Device {
                adapter: adapter(),
                is_software: false,
            },
            Place::Emulated { why: Why::Wanted },
            Place::Emulated { why: Why::NoGpu },
            Place::Emulated {
                why: Why::NoFloat16 { adapter: adapter() },
            },
            Place::Emulated {
                why: Why::Software { adapter: adapter() },
            },
        ] {
            let [english, chinese] = [&ENGLISH, &CHINESE].map(|texts| texts.place(&place));
            let is_chinese = |text: &str| text.contains('。');
            assert!(english.ends_with('.') && !is_chinese(&english), "{english}");
            assert!(chinese.ends_with('。'), "{chinese}");
        }
        let settings = [
            Setting::Preset,
            Setting::Modes,
            Setting::Optimizer,
            Setting::LearningRate,
            Setting::Batch,
            Setting::Steps,
            Setting::Scale,
            Setting::GrowthInterval,
        ];
        let wrong =
            |texts: &PrecisionTexts| settings.map(|setting| ("setting", texts.wrong(setting)));
        check_languages(wrong(&ENGLISH).into(), wrong(&CHINESE).into());
    }
}

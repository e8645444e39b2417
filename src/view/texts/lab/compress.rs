//! Texts of the compression instrument, in both languages.

use super::InstrumentTexts;
use crate::lab::compress::{CompressError, FileError, Stage};
use crate::view::texts::Locale;

/// English, Chinese.
pub static INSTRUMENT: [InstrumentTexts; 2] = [
    InstrumentTexts {
        name: "Compression under a budget",
        purpose: "Prune, quantize and distil a network that you train here, and see what every byte saved costs in accuracy.",
    },
    InstrumentTexts {
        name: "预算内的模型压缩",
        purpose: "对在本页训练的网络做剪枝、量化和知识蒸馏，看看每省下一个字节要付出多少准确率。",
    },
];

texts! {
    CompressTexts {
        train_title,
        train_lead,
        train_epochs,
        train,
        open_base,
        open_base_label,
        no_base,
        cancel,
        compress_title,
        sparsity,
        bits,
        float_bits,
        scope,
        scope_global,
        scope_layer,
        per,
        per_tensor,
        per_channel,
        origin,
        origin_base,
        origin_student,
        apply,
        tune_title,
        tune_epochs,
        gradual,
        rounded,
        tune,
        distil_title,
        student,
        student_mlp,
        student_lenet,
        lambda,
        temperature,
        lessons,
        distil,
        must_be_number,
        must_be_budget,
        refused,
        result_title,
        accuracy,
        choosing,
        reporting,
        halves_note,
        bytes,
        nothing_yet,
        plot,
        budget_title,
        budget,
        budget_line,
        on_front,
        beaten,
        tries,
        column_try,
        column_network,
        column_pruned,
        column_bits,
        column_tuned,
        show,
        shown,
        clear,
        weights_title,
        before,
        after,
        parts,
        tensor,
        kept,
        layout,
        layout_dense,
        layout_bitmap,
        layout_gaps,
        file_title,
        file_lead,
        save,
        load,
        load_label,
        drop_here,
        exercise_title,
        exercise_lead,
        exercise_formula,
        exercise_question,
        smallest,
        middle,
        largest,
        run,
        width,
        training_loss,
        choose_first,
        exercise_answer,
        explain_title,
        explain_prune,
        explain_quantize,
        explain_tune,
        explain_distil,
        explain_budget,
        explain_cost,
        explain_size,
    }
    functions {
        /// Parameters, weights among them, and updates of the trained network.
        base: fn(&str, &str, &str),
        /// What is under way.
        stage: fn(&str),
        /// How far: done, all.
        progress: fn(&str, &str),
        /// Number and bytes of the best try, its accuracy on the half that chooses, and on the other.
        best: fn(&str, &str, &str, &str),
        /// The budget, and the bytes of the smallest try.
        too_small: fn(&str, &str),
        /// How many of the weights are 0.
        zeros: fn(&str, &str),
        /// The largest weight that was pruned.
        threshold: fn(&str),
        /// Which try the file is, and how many samples were compared.
        loaded_same: fn(&str, &str),
        /// Accuracy of a file that is none of the tries.
        loaded_other: fn(&str),
        saved: fn(&str),
        /// Width of the winner.
        exercise_right: fn(&str),
        exercise_wrong: fn(&str),
        /// The budget, and the width that wins within it.
        exercise_budget: fn(&str, &str),
        /// The budget that none fits.
        exercise_none: fn(&str),
        /// Beside a try's number: which button shows it.
        show_try: fn(&str),
        /// What stands on a slider of bits.
        bits_value: fn(&str),
    }
}

/// The instrument's texts.
pub fn texts(locale: Locale) -> &'static CompressTexts {
    match locale {
        Locale::English => &ENGLISH,
        Locale::Chinese => &CHINESE,
    }
}

/// What is under way, in the words of [`CompressTexts::stage`].
pub fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Training => "training",
        Stage::Teacher => "teacher",
        Stage::Distilling => "distilling",
        Stage::FineTuning => "tuning",
        Stage::Measuring => "measuring",
    }
}

/// Why something was refused, in the learner's language.
pub fn explain(error: &CompressError, locale: Locale) -> String {
    match locale {
        Locale::English => {
            let text = error.to_string();
            let mut letters = text.chars();
            let first = letters.next().into_iter().flat_map(char::to_uppercase);
            first.chain(letters).chain(['.']).collect()
        }
        Locale::Chinese => chinese(error),
    }
}

fn chinese(error: &CompressError) -> String {
    match error {
        CompressError::NoBase => "还没有训练好的网络：请先训练一个，或打开一个文件。".into(),
        CompressError::NoStudent => "还没有学生网络：请先做一次蒸馏。".into(),
        CompressError::NoData => "手写数字还没有加载。".into(),
        CompressError::Busy => "正在进行另一项工作：请等它完成，或先取消。".into(),
        CompressError::OneBit => {
            "1 位时零两侧的等级数是 2^(1−1) − 1 = 0，所有权重都会变成 0；应为 2 至 8 位。".into()
        }
        CompressError::BadBits { bits } => format!("位数为 {bits}，应为 2 至 8 的整数。"),
        CompressError::BadSparsity { sparsity } => {
            format!("稀疏度为 {sparsity}，应为 0 至 0.999 的数。")
        }
        CompressError::BadEpochs { epochs, most } => {
            format!("轮次为 {epochs}，应为 1 至 {most} 的整数。")
        }
        CompressError::BadLearningRate {
            learning_rate,
            most,
        } => format!("学习率为 {learning_rate}，应大于 0 且不超过 {most}。"),
        CompressError::BadLambda { lambda } => format!("λ 为 {lambda}，应为 0 至 1 的数。"),
        CompressError::BadTemperature {
            temperature,
            least,
            most,
        } => format!("温度为 {temperature}，应为 {least} 至 {most} 的数。"),
        CompressError::NothingToQuantize => "用量化后的权重训练时，需要先选定位数。".into(),
        CompressError::NothingToPrune => "逐步剪枝需要大于 0 的稀疏度。".into(),
        CompressError::UnknownTry { number } => format!("没有第 {number} 次尝试。"),
        CompressError::TooManyTries { limit } => {
            format!("最多保留 {limit} 次尝试；请清空列表后再继续。")
        }
        CompressError::TooManyBytes { bytes, limit } => format!(
            "全部尝试的文件将共占 {bytes} 字节，最多可保留 {limit} 字节；请清空列表后再继续。"
        ),
        CompressError::UnknownNetwork { name, .. } => format!("这里不能压缩网络“{name}”。"),
        CompressError::OtherData {
            actual,
            learns_from,
            expected,
        } => format!("{actual} 学习的是 {learns_from}；这里的样本是 {expected}。"),
        CompressError::NonFinite { step } => {
            format!("第 {step} 步的损失不是有限的数；较小的学习率可能有帮助。")
        }
        CompressError::File(error) => format!("这不是压缩后的网络：{}", chinese_file(error)),
        CompressError::BadFile { message } => format!("文件无法读取：{message}"),
        CompressError::Internal { message } => format!("程序内部出错：{message}"),
    }
}

fn chinese_file(error: &FileError) -> String {
    match error {
        FileError::TooLarge { actual, limit } => {
            format!("它有 {actual} 字节，最多读取 {limit} 字节。")
        }
        FileError::NoMagic => "开头不是“GBXC”这四个字母。".into(),
        FileError::OtherVersion { actual, expected } => {
            format!("文件版本为 {actual}，本程序读取版本 {expected}。")
        }
        FileError::UnknownNetwork { name } => format!("其中的网络“{name}”在这里不存在。"),
        FileError::Truncated { part, needed } => {
            format!("文件在 {part} 处中断，还缺 {needed} 字节。")
        }
        FileError::TrailingBytes { extra } => format!("最后一个张量之后还有 {extra} 字节。"),
        FileError::BadBits { tensor, bits } => {
            format!("{tensor}：位数为 {bits}，应为 32，或 2 至 8。")
        }
        FileError::BadLayout { tensor, layout } => {
            format!("{tensor}：排列方式的编号为 {layout}，应为 0 至 2。")
        }
        FileError::BadGranularity {
            tensor,
            granularity,
        } => format!("{tensor}：缩放系数方式的编号为 {granularity}，应为 0 或 1。"),
        FileError::NegativeScale { tensor } => format!("{tensor}：有负的缩放系数。"),
        FileError::BadCount {
            tensor,
            kept,
            count,
        } => format!("{tensor}：声称保留 {kept} 个值，而总共只有 {count} 个。"),
        FileError::BadPositions { tensor } => format!("{tensor}：位置与张量不符。"),
        FileError::BadLevel { tensor } => format!("{tensor}：有超出位数范围的等级。"),
        FileError::NonFinite { tensor } => format!("{tensor}：有无穷大或不是数的值。"),
    }
}

static ENGLISH: CompressTexts = CompressTexts {
    train_title: "1. A trained network",
    train_lead: "LeNet-5 learns 10,000 handwritten digits here, on the CPU of this device, by SGD with momentum. Or open weights that you saved on a training page.",
    train_epochs: "Epochs",
    train: "Train LeNet-5",
    open_base: "Open weights (.safetensors)",
    open_base_label: "Open a trained network from a safetensors file",
    no_base: "No network yet.",
    cancel: "Cancel",
    compress_title: "2. Make it smaller",
    sparsity: "Sparsity: share of weights set to zero",
    bits: "Bits of a weight",
    float_bits: "32 (float)",
    scope: "Prune the smallest",
    scope_global: "of the whole network",
    scope_layer: "of every layer",
    per: "One scale for each",
    per_tensor: "weight tensor",
    per_channel: "output channel",
    origin: "Start from",
    origin_base: "the trained network",
    origin_student: "the distilled student",
    apply: "Prune and quantize",
    tune_title: "With fine-tuning",
    tune_epochs: "Epochs of fine-tuning",
    gradual: "Prune step by step while training",
    rounded: "Train through quantized weights",
    tune: "Prune, fine-tune, quantize",
    distil_title: "With a teacher",
    student: "Student",
    student_mlp: "MLP 784-32-10",
    student_lenet: "thin LeNet, 3 and 8 channels",
    lambda: "λ, share of the teacher",
    temperature: "T, temperature",
    lessons: "Epochs for the student",
    distil: "Distil",
    must_be_number: "Must be a number",
    must_be_budget: "C_max must be a whole number of bytes, 1 or more, such as 20000.",
    refused: "That was not done",
    result_title: "What it costs (measured on 2,000 held-out digits)",
    accuracy: "Accuracy",
    choosing: "On the choosing half",
    reporting: "On the other half",
    halves_note: "Plot, front and budget judge by one half of the held-out digits (every second one), and the best try is reported on the other half. What is chosen by a figure looks better by that very figure than it is: luck has its part in the choice.",
    bytes: "Bytes of the file",
    nothing_yet: "Train a network first; each try then becomes a point.",
    plot: "Accuracy on the choosing half against bytes of every try, with the Pareto front and the budget",
    budget_title: "Budget",
    budget: "C_max, bytes",
    budget_line: "C_max",
    on_front: "on the Pareto front: nothing smaller is as accurate",
    beaten: "beaten by another try",
    tries: "All tries",
    column_try: "Try",
    column_network: "Network",
    column_pruned: "Sparsity",
    column_bits: "Bits",
    column_tuned: "Tuning steps",
    show: "Show",
    shown: "shown",
    clear: "Clear the list",
    weights_title: "Where the weights lie",
    before: "Before: as trained",
    after: "After: in the file",
    parts: "Where the bytes go",
    tensor: "Tensor",
    kept: "Not zero",
    layout: "Positions",
    layout_dense: "all values",
    layout_bitmap: "one bit each",
    layout_gaps: "gaps",
    file_title: "The file",
    file_lead: "The size above is the length of this very file. Opened again, it must give the same logits for all held-out digits, bit for bit.",
    save: "Save the compressed network",
    load: "Open a compressed network",
    load_label: "Open a compressed network (.gbc)",
    drop_here: "or drop a file here",
    exercise_title: "Exercise: which size wins?",
    exercise_lead: "An article chooses the size d′ of a model by the loss alone:",
    exercise_formula: "d′ = argmin over d′ of L(M_d′, D)",
    exercise_question: "Networks 784-d′-10 with d′ = 2, 4, 8, 16, 32, 64 are trained for one epoch. Which one does the formula choose?",
    smallest: "the smallest",
    middle: "one in the middle",
    largest: "the largest",
    run: "Train all six",
    width: "d′",
    training_loss: "L, training loss",
    choose_first: "Predict first, then run.",
    exercise_answer: "Nothing in the formula holds the size back, so the loss alone asks for ever larger models. The bound is missing: argmin over θ of L subject to C(M) ≤ C_max.",
    explain_title: "What happens here",
    explain_prune: "Pruning sets the weights of smallest magnitude to zero: w stays where |w| > threshold. It cuts how many weights there are. Biases stay. Zeros cost nothing only where the file says briefly which weights are left: by one bit for each, or by the gaps between them, whichever is shorter.",
    explain_quantize: "Quantization stores q = clamp(round(w/Δ), ±(2^(b−1) − 1)) with Δ = max|w| / (2^(b−1) − 1). It cuts the bits of each weight, not their number, and moves no weight by more than Δ/2. A scale Δ for each output channel is finer than one for the whole tensor.",
    explain_tune: "Fine-tuning trains what is left; the mask keeps pruned weights at exactly zero. Step by step, sparsity follows s (1 − (1 − t/T)³) (Zhu and Gupta, 2017). Training through quantized weights computes loss and gradients with the rounded weights, but updates the 32-bit ones.",
    explain_distil: "Distillation trains a small network on (1 − λ)·CE + λT²·KL(teacher ‖ student), both softened by the temperature T (Hinton et al., 2015). It needs a trained teacher and a second training.",
    explain_budget: "Under a budget one looks for θ* = argmin L(M_θ, D) subject to C(M_θ) ≤ C_max. Without the condition the largest model wins.",
    explain_cost: "Compression usually costs accuracy, as measured here. What it saves is bytes; whether it saves time depends on the hardware.",
    explain_size: "With one-byte levels LeNet-5 takes a quarter of its bytes; biases, scales and positions stay on top, and are counted.",
    base: |parameters, weights, steps| {
        format!(
            "LeNet-5 has {parameters} parameters, {weights} of them weights, after {steps} steps."
        )
    },
    stage: |name| {
        match name {
            "training" => "Training",
            "teacher" => "The teacher answers",
            "distilling" => "The student learns",
            "tuning" => "Fine-tuning",
            _ => "Measuring",
        }
        .into()
    },
    progress: |done, total| format!("{done} of {total}"),
    best: |number, bytes, choosing, reporting| {
        format!(
            "Best that fits: try {number} with {bytes} bytes, chosen by its accuracy {choosing} on one half; on the other half, which had no say, it is {reporting}."
        )
    },
    too_small: |budget, smallest| {
        format!(
            "Nothing fits into {budget} bytes: the smallest try has {smallest}. Prune more, take fewer bits, or distil a smaller network."
        )
    },
    zeros: |zeros, weights| format!("{zeros} of {weights} weights are zero (not in the bars)."),
    threshold: |threshold| format!("Pruned: all weights up to |w| = {threshold}."),
    loaded_same: |number, samples| {
        format!(
            "The file is try {number}: its logits for all {samples} held-out digits are the same, bit for bit."
        )
    },
    loaded_other: |accuracy| {
        format!("The file is none of the tries on this page; its accuracy is {accuracy}.")
    },
    saved: |name| format!("Saved as {name}."),
    exercise_right: |width| format!("Right: the lowest loss has d′ = {width}, the largest."),
    exercise_wrong: |width| format!("Not so: the lowest loss has d′ = {width}."),
    exercise_budget: |budget, width| format!("With C_max = {budget} bytes d′ = {width} wins."),
    exercise_none: |budget| format!("With C_max = {budget} bytes none of the six fits."),
    show_try: |number| format!("Show try {number}"),
    bits_value: |bits| match bits {
        "1" => "1 bit".into(),
        bits => format!("{bits} bits"),
    },
};

static CHINESE: CompressTexts = CompressTexts {
    train_title: "1. 训练好的网络",
    train_lead: "LeNet-5 在本机的 CPU 上学习 10,000 个手写数字，优化器是带动量的 SGD。也可以打开你在训练页面保存的权重。",
    train_epochs: "轮次",
    train: "训练 LeNet-5",
    open_base: "打开权重（.safetensors）",
    open_base_label: "从 safetensors 文件打开训练好的网络",
    no_base: "还没有网络。",
    cancel: "取消",
    compress_title: "2. 把它变小",
    sparsity: "稀疏度：置零的权重比例",
    bits: "每个权重的位数",
    float_bits: "32（浮点）",
    scope: "剪去最小的权重",
    scope_global: "在整个网络中比较",
    scope_layer: "在每一层内比较",
    per: "缩放系数",
    per_tensor: "每个权重张量一个",
    per_channel: "每个输出通道一个",
    origin: "从哪里开始",
    origin_base: "训练好的网络",
    origin_student: "蒸馏得到的学生网络",
    apply: "剪枝并量化",
    tune_title: "加上微调",
    tune_epochs: "微调轮次",
    gradual: "边训练边逐步剪枝",
    rounded: "用量化后的权重训练",
    tune: "剪枝、微调、量化",
    distil_title: "由教师网络来教",
    student: "学生网络",
    student_mlp: "MLP 784-32-10（小型网络）",
    student_lenet: "窄 LeNet，通道数 3 和 8",
    lambda: "λ，教师所占比例",
    temperature: "T，温度",
    lessons: "学生的训练轮次",
    distil: "蒸馏",
    must_be_number: "请填写一个数",
    must_be_budget: "C_max 必须是不小于 1 的整数字节数，例如 20000。",
    refused: "没有执行",
    result_title: "代价是多少（在 2,000 个留出的数字上实测）",
    accuracy: "准确率",
    choosing: "用于选择的一半",
    reporting: "另一半",
    halves_note: "图、帕累托前沿和预算都只看留出数字的一半（每隔一个取一个），选中的那次尝试再用另一半来报告。按某个指标选出来的结果，在这个指标上总会显得比实际更好：选择里有运气的成分。",
    bytes: "文件字节数",
    nothing_yet: "请先训练一个网络；之后每次尝试都会成为图中的一个点。",
    plot: "每次尝试在用于选择的一半上的准确率与字节数，以及帕累托前沿和预算",
    budget_title: "预算",
    budget: "C_max，字节（预算）",
    budget_line: "预算 C_max",
    on_front: "在帕累托前沿上：没有更小且同样准确的",
    beaten: "被另一次尝试胜过",
    tries: "全部尝试",
    column_try: "尝试",
    column_network: "网络",
    column_pruned: "稀疏度",
    column_bits: "位数",
    column_tuned: "微调步数",
    show: "查看",
    shown: "正在查看",
    clear: "清空列表",
    weights_title: "权重分布在哪里",
    before: "压缩前：训练得到的权重",
    after: "压缩后：文件中的权重",
    parts: "字节用在哪里",
    tensor: "张量",
    kept: "非零个数",
    layout: "位置的写法",
    layout_dense: "写出全部值",
    layout_bitmap: "每个值一位",
    layout_gaps: "写出间隔",
    file_title: "文件",
    file_lead: "上面的大小就是这个文件本身的长度。重新打开后，它对所有留出的数字给出的 logit 必须逐位相同。",
    save: "保存压缩后的网络",
    load: "打开压缩后的网络",
    load_label: "打开压缩后的网络（.gbc）",
    drop_here: "或把文件拖到这里",
    exercise_title: "练习：会选中哪种规模？",
    exercise_lead: "有一篇文章只按损失来选择模型的规模 d′：",
    exercise_formula: "d′ = argmin L(M_d′, D)，对 d′ 取最小",
    exercise_question: "把 784-d′-10 的网络（d′ = 2、4、8、16、32、64）各训练一轮，这个公式会选中哪一个？",
    smallest: "最小的",
    middle: "中间的某一个",
    largest: "最大的",
    run: "训练全部六个",
    width: "宽度 d′",
    training_loss: "L，训练损失",
    choose_first: "请先预测，再运行。",
    exercise_answer: "公式里没有任何东西限制规模，所以只看损失就总会要求更大的模型。缺少的是约束：在 C(M) ≤ C_max 的条件下对 θ 最小化 L。",
    explain_title: "这里发生了什么",
    explain_prune: "剪枝把绝对值最小的权重置零：只保留 |w| > 阈值的权重。它减少的是权重的个数，偏置不动。只有当文件能简短地写明剩下哪些权重时，零才不占空间：每个值用一位，或者写出间隔，取较短的一种。",
    explain_quantize: "量化保存 q = clamp(round(w/Δ), ±(2^(b−1) − 1))，其中 Δ = max|w| / (2^(b−1) − 1)。它减少的是每个权重的位数，而不是权重的个数；任何权重的改变都不超过 Δ/2。每个输出通道用自己的 Δ，比整个张量共用一个更精细。",
    explain_tune: "微调继续训练剩下的权重；掩码使被剪去的权重始终恰好为零。逐步剪枝时，稀疏度按 s (1 − (1 − t/T)³) 上升（Zhu 和 Gupta，2017）。用量化后的权重训练时，损失和梯度由取整后的权重算出，更新的却是 32 位的权重。",
    explain_distil: "知识蒸馏用 (1 − λ)·CE + λT²·KL(教师 ‖ 学生) 训练一个小网络，两者都用温度 T 软化（Hinton 等，2015）。它需要一个训练好的教师和第二次训练。",
    explain_budget: "有预算时要找的是：在 C(M_θ) ≤ C_max 的条件下 θ* = argmin L(M_θ, D)。没有这个条件，最大的模型总会胜出。",
    explain_cost: "压缩通常会损失准确率，这里测到的就是如此。省下的是字节；能否节省时间取决于硬件。",
    explain_size: "每个等级占一字节时，LeNet-5 只占原来的四分之一；偏置、缩放系数和位置另外占用空间，也都计算在内。",
    base: |parameters, weights, steps| {
        format!("LeNet-5 有 {parameters} 个参数，其中 {weights} 个是权重，共训练 {steps} 步。")
    },
    stage: |name| {
        match name {
            "training" => "正在训练",
            "teacher" => "教师正在作答",
            "distilling" => "学生正在学习",
            "tuning" => "正在微调",
            _ => "正在测量",
        }
        .into()
    },
    progress: |done, total| format!("{done} / {total}"),
    best: |number, bytes, choosing, reporting| {
        format!(
            "预算内最好的：第 {number} 次尝试，{bytes} 字节。它是按一半数字上的准确率 {choosing} 选出的；在没有参与选择的另一半上，准确率为 {reporting}。"
        )
    },
    too_small: |budget, smallest| {
        format!(
            "没有一次尝试放得进 {budget} 字节：最小的有 {smallest} 字节。请剪得更多、用更少的位数，或蒸馏出更小的网络。"
        )
    },
    zeros: |zeros, weights| format!("{weights} 个权重中有 {zeros} 个为零（未画在图中）。"),
    threshold: |threshold| format!("已剪去所有 |w| ≤ {threshold} 的权重。"),
    loaded_same: |number, samples| {
        format!(
            "这个文件就是第 {number} 次尝试：它对全部 {samples} 个留出的数字给出的 logit 逐位相同。"
        )
    },
    loaded_other: |accuracy| format!("这个文件不是本页的任何一次尝试；它的准确率是 {accuracy}。"),
    saved: |name| format!("已保存为 {name}。"),
    exercise_right: |width| format!("正确：损失最低的是 d′ = {width}，也就是最大的。"),
    exercise_wrong: |width| format!("不对：损失最低的是 d′ = {width}。"),
    exercise_budget: |budget, width| format!("若 C_max = {budget} 字节，胜出的是 d′ = {width}。"),
    exercise_none: |budget| format!("若 C_max = {budget} 字节，六个网络都放不下。"),
    show_try: |number| format!("查看第 {number} 次尝试"),
    bits_value: |bits| format!("{bits} 位"),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::texts::lab::tests::check_languages;

    #[test]
    fn every_text_is_in_its_language() {
        check_languages(ENGLISH.entries(), CHINESE.entries());
    }

    #[test]
    fn reasons_are_sentences_in_both_languages() {
        let tensor = || "fc1.weight".to_string();
        let errors = [
            CompressError::OneBit,
            CompressError::NoBase,
            CompressError::BadSparsity { sparsity: 2.0 },
            CompressError::File(FileError::NoMagic),
            CompressError::File(FileError::Truncated {
                part: tensor(),
                needed: 7,
            }),
        ];
        for error in errors {
            let english = explain(&error, Locale::English);
            // "1 bit leaves …" begins with its number.
            let begins = |letter: char| letter.is_uppercase() || letter.is_ascii_digit();
            assert!(
                english.starts_with(begins) && english.ends_with('.'),
                "{english}"
            );
            let chinese = explain(&error, Locale::Chinese);
            assert!(chinese.ends_with('。'), "{chinese}");
        }
    }
}

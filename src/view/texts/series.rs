//! Texts on series: forecasts, and the learner's own, in both languages.

texts! {
    SeriesTexts {
        forecast_title,
        forecast_waiting,
        legend_truth,
        legend_one_step,
        legend_free_run,
        legend_start,
        /// Below the drawing: what its axes are.
        axes,
        head_forecast,
        head_network,
        head_repeat,
        row_one_step,
        /// Where the numbers say so.
        conclusion,
        /// Where the network has not learned enough yet.
        not_yet,
        own_title,
        own_needed,
        own_choose,
        own_window,
        own_hint,
    }
    functions {
        /// The drawing in words: numbers held out, numbers of the free run, step.
        label: fn(usize, usize, &str),
        /// Steps of the free run.
        row_free_run: fn(usize),
        /// The numbers: how many times smaller than repeating the one-step error is, steps of the free run,
        /// how many times larger its error is.
        numbers: fn(&str, usize, &str),
        /// Variance of the noise.
        floor: fn(&str),
        /// File, numbers in a window, windows for training, windows held out.
        loaded: fn(&str, u32, u32, u32),
    }
}

pub(super) const ENGLISH: SeriesTexts = SeriesTexts {
    forecast_title: "Forecast and truth",
    forecast_waiting: "The forecast comes with the first measurement.",
    legend_truth: "truth (broad line)",
    legend_one_step: "one step ahead (rings)",
    legend_free_run: "running free (dashed)",
    legend_start: "held out from here on",
    axes: "Upwards the series in its own units, to the right the numbers held out. One step ahead, the network reads the true numbers before each one; running free it reads its own forecasts.",
    head_forecast: "Mean squared error",
    head_network: "network",
    head_repeat: "repeating the last number",
    row_one_step: "one step ahead",
    conclusion: "One-step error is tiny, free-run error accumulates.",
    not_yet: "So far the network predicts no better than repeating the last number does.",
    own_title: "Your series",
    own_needed: "This model learns from a series of yours. Choose a file, and it starts.",
    own_choose: "Choose or drop a file of numbers",
    own_window: "Numbers in a window",
    own_hint: "Text with one number a line and no gaps, with or without a heading: at most 20,000 numbers. The network reads a window and predicts the number behind it; the last fifth is held out.",
    label: |held_out, free, step| {
        format!(
            "The {held_out} numbers held out, the forecast of each one step ahead, and a free run over {free}, after {step} steps of training"
        )
    },
    row_free_run: |steps| format!("running free, {steps} steps"),
    numbers: |better, steps, worse| {
        format!(
            "One step ahead, the error is 1/{better} of that of repeating the last number. Running free over {steps} steps, where every forecast is part of the next one's input, it is {worse} times the one-step error."
        )
    },
    floor: |variance| {
        format!(
            "The noise alone has a variance of {variance}: no forecast of the next number has a smaller error for long."
        )
    },
    loaded: |file, window, train, test| {
        format!("{file}: windows of {window} numbers, {train} for training, {test} held out")
    },
};

pub(super) const CHINESE: SeriesTexts = SeriesTexts {
    forecast_title: "预测与真值",
    forecast_waiting: "第一次测量之后就有预测。",
    legend_truth: "真值（宽线）",
    legend_one_step: "单步预测（圆圈）",
    legend_free_run: "自由运行（虚线）",
    legend_start: "从这里起是留出部分",
    axes: "纵轴是序列自身的单位，横轴是留出的数。单步预测时，网络每次读到的都是之前的真值；自由运行时，它读到的是自己的预测。",
    head_forecast: "均方误差",
    head_network: "网络",
    head_repeat: "重复上一个数",
    row_one_step: "单步预测",
    conclusion: "单步误差很小，自由运行的误差不断累积。",
    not_yet: "到目前为止，网络的预测还不如直接重复上一个数。",
    own_title: "你的序列",
    own_needed: "这个模型从你自己的序列学习。选择一个文件，它就会启动。",
    own_choose: "选择或拖入数字文件",
    own_window: "窗口长度",
    own_hint: "文本文件，每行一个数，中间没有空缺，有无标题均可：至多 20,000 个数。网络读入一个窗口，预测紧随其后的数；最后五分之一留出。",
    label: |held_out, free, step| {
        format!(
            "留出的 {held_out} 个数、对每个数的单步预测，以及 {free} 步的自由运行，训练 {step} 步之后"
        )
    },
    row_free_run: |steps| format!("自由运行 {steps} 步"),
    numbers: |better, steps, worse| {
        format!(
            "单步预测的误差是重复上一个数的 1/{better}。自由运行时，每个预测都成了下一个预测的输入，{steps} 步的误差是单步误差的 {worse} 倍。"
        )
    },
    floor: |variance| {
        format!("噪声本身的方差是 {variance}：对下一个数的任何预测，误差都不会长期小于它。")
    },
    loaded: |file, window, train, test| {
        format!("{file}：窗口长度 {window}，{train} 个用于训练，{test} 个留出")
    },
};

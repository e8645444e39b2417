//! The texts in Simplified Chinese.

use super::*;
use crate::data::{CsvProblem, TextProblem};
use crate::optim::MAX_LEARNING_RATE;
use crate::session::{Cause, PromptProblem};
use crate::view::format;
use crate::view::url::Expected;

pub static TEXTS: Texts = Texts {
    locale: Locale::Chinese,
    app: AppTexts {
        name: "Glassbox",
        tagline: "看见神经网络如何学习",
        skip_to_content: "跳到正文",
        switch_language: "English",
        switch_language_label: "切换到英文",
        theme: "主题",
        theme_auto: "跟随系统",
        theme_light: "浅色",
        theme_dark: "深色",
        close: "关闭",
        copy_link: "复制链接",
        link_copied: "链接已复制，打开它就是同一次训练。",
        retry: "重试",
        reload: "重新加载页面",
        more: "更多",
        document_title: |page| format!("{page} · Glassbox"),
    },
    nav: NavTexts {
        label: "主导航",
        home: "首页",
        map: "概念图",
        learn: "课程",
        step: "单步",
        train: "训练",
        lab: "实验",
        about: "关于",
    },
    presets: PresetsTexts {
        label: "模型与数据",
    },
    of_presets: super::presets::CHINESE,
    train: TrainTexts {
        title: "训练",
        intro: "网络从随机权重出发，就在你眼前学习。这里的每个数字和每条曲线都来自正在进行的计算。",
        controls: "控制",
        play: "开始",
        pause: "暂停",
        step_batch: "前进一个批量",
        step_batch_hint: "对一个小批量做一次前向传播、反向传播和更新，然后停下",
        reset: "重置",
        reset_hint: "从同一组初始权重重新开始",
        reseed: "换种子",
        reseed_hint: "从新的随机权重重新开始",
        hyperparameters: "超参数",
        learning_rate: "学习率",
        learning_rate_hint: "每一步中权重沿梯度移动多远",
        batch_size: "批量大小",
        batch_size_hint: "每一步对多少个样本取平均",
        optimizer: "优化器",
        optimizer_sgd: "SGD",
        optimizer_momentum: "带动量的 SGD",
        optimizer_nesterov: "带 Nesterov 动量的 SGD",
        optimizer_adam: "Adam",
        momentum: "动量",
        momentum_hint: "上一步有多少延续到下一步",
        seed: "随机种子",
        seed_hint: "同一设备上，相同的种子给出逐位相同的训练过程",
        epochs: "训练轮数",
        epochs_hint: "把数据完整过这么多遍后自动停下；留空则由你暂停",
        applies_on_reset: "重置后生效",
        applies_now: "从下一步起生效",
        status_starting: "正在启动",
        status_ready: "就绪",
        status_running: "训练中",
        status_paused: "已暂停",
        status_finished: "已完成",
        status_stopped: "已停止",
        share: "当前网址记录了这次训练：模型、超参数和随机种子。",
        needs_reset: "有些设置与当前的训练不同，重置后才会采用。",
        last_batch: "损失和准确率取自最近一个批量，在其更新之前",
        step_through: "单步查看这个模型",
        step_through_hint: "用的就是这份权重，逐个运算地走过下一个批量",
        choose_preset: "选择一个模型",
        reset_done: |seed| format!("已回到种子 {seed} 的初始权重"),
    },
    settings: super::settings_chinese::SETTINGS,
    device: DeviceTexts {
        label: "设备",
        auto: "自动",
        gpu: "GPU",
        cpu: "CPU",
        auto_hint: "有真实 GPU 就用它，否则用 CPU",
        gpu_hint: "WebGPU，即使它是由软件模拟的",
        cpu_hint: "WebAssembly，任何地方都能运行",
        badge_starting: "设备：正在启动",
        badge_none: "设备：无",
        badge_gpu: "GPU",
        badge_software: "软件模拟的 GPU",
        badge_cpu: "CPU",
        meaning_gpu: "网络通过 WebGPU 在你的显卡上训练。",
        meaning_software: "浏览器提供了 WebGPU，但实际由 CPU 计算。结果是对的，速度却不能说明真实 GPU 的快慢。",
        meaning_cpu: "网络在你的处理器上训练，执行的计划与 GPU 上的相同。",
        fallback_no_webgpu: "这个浏览器没有 WebGPU。较新的浏览器通过 https 或 localhost 打开本页时可能会提供。",
        fallback_no_adapter: "浏览器支持 WebGPU，但没有提供显卡适配器，可能是硬件加速被关闭了。",
        fallback_software: "这里的 WebGPU 由软件模拟，直接用 CPU 计算更快。",
        fallback_no_device: "显卡适配器拒绝打开设备。",
        adapter: |adapter| format!("适配器：{adapter}"),
    },
    metrics: MetricsTexts {
        label: "测量值",
        step: "步",
        epoch: "轮次",
        loss: "损失",
        loss_unit: "交叉熵，单位为奈特（nat），对批量取平均",
        accuracy: "准确率",
        held_out_loss: "留出集损失",
        held_out_accuracy: "留出集准确率",
        perplexity: "困惑度",
        perplexity_hint: "exp(留出集损失)：网络的不确定程度，相当于在这么多个同样可能的字符中选择",
        held_out_hint: "留出集的数在从未参与训练的样本上测得",
        samples_per_second: "每秒样本数",
        not_computed: "尚未计算",
    },
    curves: CurveTexts {
        title: "学习曲线",
        summary_empty: "还没有训练。按“开始”，或者前进一个批量。",
        x_step: "步",
        y_loss: "损失",
        y_accuracy: "准确率",
        train_raw: "训练，每个批量",
        train_smoothed: "训练，平滑后",
        held_out_loss: "留出集",
        held_out_accuracy: "留出集",
        smoothing: "平滑",
        smoothing_hint: "带偏差修正的指数移动平均；只改变画法，不改变训练",
        log_scale: "损失用对数坐标",
        show_raw: "显示每个批量",
        summary: |step, loss| format!("第 {step} 步后的训练损失：{loss}"),
    },
    digits: DigitsTexts {
        title: "留出集中的数字",
        hint: "网络从未用来训练的数字，以及它此刻的判断",
        right: "正确",
        wrong: "错误",
        predicted: "预测",
        truth: "真实",
        only_wrong: "只看错误的",
        waiting: "第一次评估之后，这里会出现预测。",
        describe_right: |label| format!("数字 {label}，判断正确"),
        describe_wrong: |label, predicted| format!("数字 {label}，被认成 {predicted}"),
        score: |right, all| format!("{all} 张中对了 {right} 张"),
    },
    draw: DrawTexts {
        title: "画一个数字",
        hint: "用鼠标、手写笔或手指在这里画一个数字",
        clear: "清除",
        canvas_label: "画一个数字的区域",
        keyboard_hint: "没有指针设备时，可以改选一个留出集中的数字",
        how_it_is_made: "你画的数字会像制作 MNIST 时那样居中并缩放：笔迹放进 20 × 20 像素，质心落在 28 × 28 的中央。",
        network_sees: "网络看到的图像",
        prediction: "预测",
        probabilities: "各数字的概率",
        empty: "还没有画",
        waiting: "等待网络的判断",
        use_sample: "用一个留出集数字",
        predicts: |digit, probability| format!("认作 {digit}，概率 {probability}"),
    },
    summary: SummaryTexts {
        title: "逐层看模型",
        layer: "层",
        output_shape: "输出形状",
        parameters: "参数",
        flops: "浮点运算数",
        total: "合计",
        parameter_total: "参数总数",
        flops_hint: "一个样本前向传播所需的浮点运算次数（FLOPs）",
        scale_link: "训练它需要多少运算、内存、时间和能量，直到 GPT-3",
        dispatches_per_step: "每步调度次数",
        dispatches_hint: "一个训练步在设备上启动的内核（kernel）数",
        submits_per_step: "每步提交次数",
        submits_hint: "一个训练步送往设备的命令缓冲区数；几步共用一个时小于 1",
        allocations_in_warm_up: "预热时创建的对象",
        allocations_after_warm_up: "之后创建的对象",
        allocations_hint: "创建的 GPU 对象：缓冲区、绑定组和管线。训练过程中不应再创建。",
        step_time: "每步用时",
        step_time_hint: "一次提交的实际用时除以其中的步数；在 CPU 上就是这一步的用时",
        memory: "内存峰值",
        memory_hint: "引擎为张量占用的字节数",
        input: "输入",
        work_title: "一步的开销",
        waiting: "训练开始之后测量。",
    },
    confusion: ConfusionTexts {
        title: "混淆矩阵",
        hint: "留出集样本：每一行是一个真实类别，每一列是网络的判断。对角线上是判断正确的。",
        actual: "真实",
        predicted: "预测",
        recall: "召回率",
        recall_hint: "这一行中判断正确的比例",
        waiting: "第一次评估之后出现。",
        cell: |count, actual, predicted| format!("{count} 个 {actual} 被认作 {predicted}"),
        after: |step| format!("第 {step} 步之后"),
    },
    data: super::data_chinese::DATA,
    race: super::race::CHINESE,
    writing: super::writing::CHINESE,
    series: super::series::CHINESE,
    files: FilesTexts {
        title: "权重",
        save: "保存权重",
        load: "载入权重",
        format_hint: "safetensors 文件，名称与 PyTorch 的 state_dict 相同。",
        drop_here: "把 safetensors 文件拖到这里",
        drop_now: "松开即可载入文件",
        choose: "选择文件",
        unreadable: "浏览器无法读取这个文件",
        too_large: |name, size, limit| format!("{name} 有 {size}，超过了 {limit} 的上限"),
        saved: |name| format!("权重已保存为 {name}"),
        loaded: |name| format!("已从 {name} 载入权重"),
    },
    keys: KeyTexts {
        title: "键盘",
        open: "键盘帮助",
        space: "空格",
        arrow_right: "→",
        letter_r: "R",
        question_mark: "?",
        escape: "Esc",
        play_or_pause: "开始或暂停",
        step_one_batch: "前进一个批量",
        reset: "回到同一组初始权重",
        help: "显示或隐藏本帮助",
        close: "关闭本帮助",
        not_while_typing: "在输入框中打字时，这些按键不起作用。",
    },
    loading: LoadingTexts {
        page: "正在加载页面",
        engine: "正在启动引擎",
        compiling: "正在编译内核",
        model: "正在构建模型",
        data_files: "正在加载数据",
        first_step: "正在等待第一步",
        engine_ready: "引擎就绪",
        engine_lost: "引擎已停止",
        build: "构建号",
        data: |name| format!("正在加载 {name}"),
        progress: |what, done, all| format!("{what}：{done}／{all}"),
    },
    errors: ErrorTexts {
        happened: "发生了什么",
        kept: "保留了什么",
        action: "你可以做什么",
        details: "详情",
        use_cpu: "改用 CPU 训练",
        restart_engine: "重启引擎",
        must_be: |value| format!("应当是{}", expected(value)),
        message,
        refusal: causes_chinese::refusal,
    },
    home: HomeTexts {
        headline: "打开黑箱",
        lead: "在浏览器里训练小型神经网络，看它们究竟做了什么：数据向前流动，梯度向后流动，权重随之更新。这里没有事先准备好的数字，每个数都来自你机器上正在运行的计算。",
        promise_real: "真实的训练，用你自己的 GPU；没有 GPU 就用 CPU",
        promise_local: "无需安装，数据不会离开浏览器",
        promise_link: "每次训练都是一个链接：发给别人，打开的就是同一次训练",
        legend: "贯穿全站的三种颜色",
        legend_forward: "前向：从输入到损失",
        legend_backward: "反向：梯度从损失回到权重",
        legend_update: "更新：权重移动",
    },
    door_train: DoorTexts {
        title: "现在就训练",
        body: "一个卷积网络在你眼前学会辨认手写数字，然后来认你写的。",
        action: "开始训练",
    },
    door_map: DoorTexts {
        title: "概念图",
        body: "从一个神经元到 GPT，共九十个概念：是什么、先要懂什么、学会后可以学什么、在哪里能看到它运行。",
        action: "打开概念图",
    },
    door_course: DoorTexts {
        title: "十二章课程",
        body: "从什么是大模型，到它受什么限制：每一小步旁边都有一台能动手的仪器，公式可以试，错误可以找。",
        action: "从第 1 章开始",
    },
    step: step_chinese::STEP,
    step_graph: step_graph::CHINESE,
    time: time::CHINESE,
    about: AboutTexts {
        title: "关于 Glassbox",
        what_title: "这是什么",
        what: "一个用 Rust 和 WGSL 写成的小型训练引擎，以及展示它如何工作的页面。页面和命令行用的是同一个引擎。",
        privacy_title: "你的数据",
        privacy: "数据不会离开浏览器。你画的、载入的、训练出来的一切都留在你的机器上；页面不向任何第三方发出请求，也不设置 Cookie。",
        honesty_title: "如实的数字",
        honesty: "曲线、预测和速度都是当场测得的，并注明在哪种设备上。还没算出的值会如实标明，绝不显示成 0。",
        computes_title: "由什么计算",
        computes: "在你的显卡上，由 WGSL 内核通过 WebGPU 计算；没有显卡时，由 WebAssembly 在你的处理器上执行同样的计划。两者都在 Worker 中运行，所以页面不会卡住。训练页面上的标记会写明当前用的是哪一种。",
        licence_title: "许可证",
        licence: "Glassbox 是自由软件，你可以任选 MIT 许可证或 Apache License 2.0。",
        credits_title: "致谢",
        credit_mnist: "手写数字：Yann LeCun、Corinna Cortes 和 Christopher J. C. Burges 的 MNIST 数据库的子集，依据以下许可使用：",
        credit_mnist_licence: "CC BY-SA 3.0",
        source: "源代码",
    },
    not_found: NotFoundTexts {
        title: "没有这个页面",
        body: "网址可能输错了，或者来自旧版本。没有丢失任何东西。",
        home: "回到首页",
        address: |address| format!("{address} 处没有内容"),
    },
};

fn message(trouble: &Trouble) -> Message {
    match trouble {
        Trouble::NoWebGpu => Message::new(
            "这个浏览器没有 WebGPU",
            "一切照常，只是改在 CPU 上运行，会慢一些。",
            "想用 GPU，请用新版 Chrome、Edge、Firefox 或 Safari，通过 https 或 localhost 打开本页。",
        ),
        Trouble::NoAdapter => Message::new(
            "浏览器支持 WebGPU，但没有提供显卡适配器",
            "一切照常，只是改在 CPU 上运行，会慢一些。",
            "请确认浏览器设置中的硬件加速已打开、显卡驱动是新的，然后重新加载。",
        ),
        Trouble::SoftwareAdapter { adapter } => Message::new(
            format!("这里的 WebGPU 由软件模拟（{adapter}）"),
            "结果是对的，只是速度与真实 GPU 不同。",
            "设备请选“自动”或 CPU：在这里比模拟的 GPU 更快。",
        ),
        Trouble::DeviceLost { reason } => Message::new(
            format!("与 GPU 的连接断开了：{}", causes_chinese::reason(reason)),
            "到目前为止的曲线、你的设置和随机种子都保留着。GPU 上的权重已丢失。",
            "重启引擎，从初始权重重新训练；或者改用 CPU 继续。",
        ),
        Trouble::OutOfMemory { reason } => Message::new(
            format!("设备内存不足：{}", causes_chinese::reason(reason)),
            "你的设置保留着。正在进行的训练已停止。",
            "请减小批量大小，选小一些的模型，或关闭其他占用 GPU 的页面。",
        ),
        Trouble::NonFinite { reason } => Message::new(
            format!(
                "训练已停止，出现了无穷大或非数（NaN）：{}",
                causes_chinese::reason(reason)
            ),
            "到这一步为止的曲线保留着，最近一个权重正常的检查点也在。",
            "请回到那个检查点或者重置，并用更小的学习率训练：步子太大时，数值会无限增长。",
        ),
        Trouble::BadFile { reason } => Message::new(
            format!("无法载入文件：{}", causes_chinese::reason(reason)),
            "正在使用的权重没有改变。",
            "请载入由同一模型保存的 safetensors 文件。",
        ),
        Trouble::BadTable { reason } => Message::new(
            format!("无法从这个文件学习：{}", causes_chinese::reason(reason)),
            "原来的文件和训练若有，都保留着。",
            table_advice(reason),
        ),
        Trouble::BadText { reason } => Message::new(
            format!("无法从这段文本学习：{}", causes_chinese::reason(reason)),
            "原来的文本和训练若有，都保留着。",
            text_advice(reason),
        ),
        Trouble::BadPrompt { reason } => Message::new(
            format!("无法续写：{}", causes_chinese::reason(reason)),
            "提示词、先前的文字和训练都保留着。",
            prompt_advice(reason),
        ),
        Trouble::NoGpu { reason } => Message::new(
            format!("没有可用于训练的 GPU：{}", causes_chinese::reason(reason)),
            "什么都没有启动，你的设置保留着。",
            "请改用 CPU 训练，或把设备选为“自动”。",
        ),
        Trouble::BadSetting { reason } => Message::new(
            format!("引擎无法采用一项设置：{}", causes_chinese::reason(reason)),
            "训练保持原样。",
            "请换一个值；错误信息中写有可用的范围。",
        ),
        Trouble::BadUrlValue(problem) => Message::new(
            format!(
                "网址中的 {} 是“{}”，但它应当是{}",
                problem.parameter,
                problem.given,
                expected(&problem.expected)
            ),
            match &problem.used {
                Some(used) => format!("已改用 {used}；网址的其余部分照常使用。"),
                None => "已改用模型自己的值；网址的其余部分照常使用。".to_string(),
            },
            "请改正网址，或在页面上设置这个值：网址会随之更新。",
        ),
        Trouble::UnknownPreset { name } => Message::new(
            format!("没有名为“{name}”的模型"),
            "什么都没有启动。网址的其余部分保留着。",
            "请从列表中选择一个模型。",
        ),
        Trouble::DataMissing { reason } => Message::new(
            format!("无法加载数据：{}", causes_chinese::reason(reason)),
            "你的设置保留着。没有用别的数据代替它。",
            "请检查网络连接后重试。Fashion-MNIST 和 CIFAR-10 不是本站的一部分：用 `cargo xtask data` 获取。",
        ),
        Trouble::WorkerCrash { reason } => Message::new(
            format!("引擎意外停止：{}", causes_chinese::reason(reason)),
            "页面、到目前为止的曲线和你的设置都保留着。未保存的权重已丢失。",
            "请重启引擎。如果再次停止，请改用 CPU 或减小批量大小。",
        ),
        Trouble::WorkerSilent => Message::new(
            "引擎不再响应",
            "页面、到目前为止的曲线和你的设置都保留着。未保存的权重已丢失。",
            "请重启引擎。如果再次失去响应，请改用 CPU 或减小批量大小。",
        ),
        Trouble::WorkerNotStarted { reason } => Message::new(
            format!("引擎无法启动：{}", causes_chinese::reason(reason)),
            "页面可以使用，但无法训练。你的设置在网址里。",
            "请检查网络连接后重启引擎，或重新加载页面。",
        ),
        Trouble::DifferentBuilds { page, worker } => Message::new(
            format!("页面与引擎来自不同的构建（{page} 与 {worker}）"),
            "什么都没有启动，所以没有丢失任何东西。你的设置在网址里。",
            "请跳过缓存重新加载（Ctrl+Shift+R，Mac 上是 Cmd+Shift+R）。",
        ),
        Trouble::Other { reason } => Message::new(
            format!("引擎报告了一个错误：{}", causes_chinese::reason(reason)),
            "页面、到目前为止的曲线和你的设置都保留着。",
            "请重启引擎，或修改错误信息中提到的设置。",
        ),
    }
}

/// What to do about a table or a series that cannot be read.
fn table_advice(reason: &Reason) -> &'static str {
    let Some(Cause::Table { problem, .. }) = reason.cause() else {
        return "请改正文件，或另选文件。";
    };
    match problem {
        CsvProblem::NoNumber { .. }
        | CsvProblem::NotANumber { .. }
        | CsvProblem::NotFinite { .. }
        | CsvProblem::NoTarget { .. }
        | CsvProblem::NoColumn { .. }
        | CsvProblem::TooManyClasses { .. }
        | CsvProblem::OneClass { .. } => "请改正文件，或另选文件、另选要预测的列。",
        CsvProblem::BadWindow { .. } => "请换一个允许的窗口长度。",
        CsvProblem::ShortSeries { .. } => "请缩短窗口，或换一个更长的序列。",
        _ => "请改正文件，或另选文件。",
    }
}

/// What to do about a text that cannot be learned from.
fn text_advice(reason: &Reason) -> &'static str {
    let Some(Cause::Text { problem, .. }) = reason.cause() else {
        return "请换一段文本，或把文件存成 UTF-8。";
    };
    match problem {
        TextProblem::TooLarge { .. } => "请换一段较短的文本，或只取其中一部分。",
        TextProblem::NotText { .. } => "请把文件存成 UTF-8，或另选文件。",
        TextProblem::TooVaried { .. } => "请换一段字符种类较少的文本。",
        TextProblem::TooShort { .. } => "请换一段更长的文本。",
        TextProblem::OneCharacter => "请换一段有不同字符的文本。",
    }
}

/// What to do about a prompt that cannot be continued.
fn prompt_advice(reason: &Reason) -> &'static str {
    match reason.cause() {
        Some(Cause::Prompt(PromptProblem::Empty)) => "请至少输入一个训练文本中有的字符。",
        Some(Cause::Prompt(PromptProblem::TooLong { .. })) => {
            "请缩短提示词：网络只读最后若干个字符，个数等于它的窗口长度。"
        }
        _ => "请只输入训练文本中有的字符。",
    }
}

/// What a value should have been, to follow "它应当是".
fn expected(expected: &Expected) -> String {
    match expected {
        Expected::OneOf(choices) => format!("以下之一：{}", choices.join("、")),
        Expected::PositiveNumber => format!("大于 0、不超过 {MAX_LEARNING_RATE} 的数"),
        Expected::PathEnds => "两个张量元素，例如 x.0.1~loss.L".to_string(),
        Expected::NumberBelowOne => "从 0 到 1（不含 1）的数".to_string(),
        Expected::NumberFromZero => format!("从 0 到 {MAX_LEARNING_RATE} 的数"),
        Expected::Number => format!("从 −{MAX_LEARNING_RATE} 到 {MAX_LEARNING_RATE} 的数"),
        Expected::Share => "大于 0 且不超过 1 的数".to_string(),
        Expected::WholeNumber { least, most } => format!(
            "从 {} 到 {} 的整数",
            format::count(*least),
            format::count(*most)
        ),
    }
}

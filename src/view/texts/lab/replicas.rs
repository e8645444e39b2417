//! Texts of data parallelism, in both languages.

use super::InstrumentTexts;
use crate::lab::replicas::{Mode, Problem, Settings, SettingsError, Standing};
use crate::optim::OptimizerKind;
use crate::view::format;
use crate::view::lab::replicas::{Exercise, FormError};
use crate::view::texts::Locale;

/// English, Chinese.
pub static INSTRUMENT: [InstrumentTexts; 2] = [
    InstrumentTexts {
        name: "Data parallelism",
        purpose: "Several replicas of one model, each on its own shard of the batch. Their real gradients go round a ring, message by message.",
    },
    InstrumentTexts {
        name: "数据并行",
        purpose: "同一模型的多个副本各自处理批量中自己的分片，真实的梯度沿着环逐条消息传递。",
    },
];

texts! {
    ReplicaTexts {
        settings,
        model,
        linear,
        lenet,
        mode,
        optimizer,
        shares,
        shares_even,
        shares_uneven,
        shares_unused,
        run,
        pause,
        step,
        round,
        start_over,
        go_on,
        restart,
        ring_title,
        ring_empty,
        ring_note,
        round_column,
        way,
        chunk,
        elements,
        bytes,
        norm,
        first_values,
        add,
        replace,
        losses_title,
        losses_own,
        losses_common,
        distance_title,
        distance_l2,
        distance_largest,
        replicas_title,
        replica,
        worker,
        loss_own,
        loss_common,
        gone,
        times_title,
        time_compute,
        time_ring,
        time_step,
        speed,
        time_modelled,
        time_note,
        earlier,
        explain_title,
        explain_mean,
        explain_ring,
        explain_broken,
        explain_federated,
        explain_real,
        explain_real_run,
        exercises,
        predict,
        x14_question,
        x14_nothing,
        x14_same,
        x14_slower,
        x16_question,
        x16_rate,
        x16_nothing,
        x16_mean,
        run_exercise,
        right,
        wrong_answer,
    }
    functions {
        mode_name: fn(Mode),
        /// Label of a number, by its key in the address.
        label: fn(&str),
        /// Unit and meaning of a number.
        hint: fn(&str),
        /// What is wrong with a field, and what would fit.
        wrong: fn(&FormError),
        /// What the run is doing: standing, steps done.
        standing: fn(&Standing, u64),
        /// Replicas, workers, cores of the device.
        workers: fn(u32, usize, usize),
        stop: fn(u32),
        /// The sum of the losses, as it went round.
        summed: fn(f64),
        /// Steps, samples a second and replicas of an earlier run.
        earlier_run: fn(u32, usize, &str),
        /// Read out in place of the ring: replicas, messages, round.
        ring_label: fn(usize, usize, usize),
        /// Which run of an exercise is shown: the exercise, its number, of how many, its settings.
        exercise_run: fn(Exercise, usize, usize, &Settings),
        /// What an exercise showed.
        verdict: fn(Exercise, &[f64]),
    }
}

/// The instrument's texts.
pub fn texts(locale: Locale) -> &'static ReplicaTexts {
    match locale {
        Locale::English => &ENGLISH,
        Locale::Chinese => &CHINESE,
    }
}

impl ReplicaTexts {
    /// The language that they are in.
    pub fn locale(&self) -> Locale {
        match std::ptr::eq(self, &CHINESE) {
            true => Locale::Chinese,
            false => Locale::English,
        }
    }
}

/// Numbers of replicas: `1, 2, 4`.
fn list(numbers: &[u32]) -> String {
    let texts: Vec<String> = numbers.iter().map(u32::to_string).collect();
    texts.join(", ")
}

fn short(value: f64) -> String {
    format::significant(value, 3)
}

fn optimizer(settings: &Settings) -> &'static str {
    match settings.optimizer {
        OptimizerKind::Sgd => "SGD",
        _ => "Adam",
    }
}

static ENGLISH: ReplicaTexts = ReplicaTexts {
    settings: "Settings",
    model: "Model",
    linear: "linear regression, 256 samples",
    lenet: "LeNet-5 on MNIST, batches of 64",
    mode: "How the replicas are combined",
    optimizer: "Optimizer",
    shares: "Shards",
    shares_even: "equally large",
    shares_uneven: "1 : 2 : 3 : 2",
    shares_unused: "Unequal shards belong to federated averaging. In this mode every replica takes the same part of the batch, so that the choice of shards does nothing.",
    run: "Run 50 steps",
    pause: "Pause",
    step: "One step",
    round: "Next message round",
    start_over: "Start over",
    go_on: "Go on with the others",
    restart: "Start lost replicas again",
    ring_title: "The ring",
    ring_empty: "Press “Next message round”: the replicas compute, and the ring stops before every round.",
    ring_note: "The number in a message is its chunk. In the first rounds the receiver adds it to its own values; then the finished sums go round and replace what stands there.",
    round_column: "Round",
    way: "From → to",
    chunk: "Chunk",
    elements: "Values",
    bytes: "Bytes",
    norm: "L2 norm",
    first_values: "First values",
    add: "added",
    replace: "replaced",
    losses_title: "Losses",
    losses_own: "each replica on its own samples, before the update",
    losses_common: "every replica on the same samples, after the update",
    distance_title: "Distance of the replicas",
    distance_l2: "largest L2 distance from the mean of the parameters",
    distance_largest: "largest difference of one parameter from its mean",
    replicas_title: "Replicas",
    replica: "Replica",
    worker: "Worker",
    loss_own: "Own loss",
    loss_common: "Common loss",
    gone: "lost",
    times_title: "Time of a step",
    time_compute: "Forward and backward pass, slowest replica",
    time_ring: "The ring, by way of the page",
    time_step: "Whole step",
    speed: "Samples a second",
    time_modelled: "All-reduce at the bandwidth and latency above: 2(p − 1)/p · S/b + 2(p − 1) · l",
    time_note: "Measured times are medians of this run on this device, where workers share its cores and memory; means where the browser's clock goes in steps that most of the times are shorter than. A step that is stepped through is not timed.",
    earlier: "Earlier runs here (measured)",
    explain_title: "What happens here",
    explain_mean: "Every replica starts from the same weights and computes the gradient of its own shard. The mean of the gradients, weighted by the number of samples, is the gradient of the whole batch. So every replica takes the step that a single one would take with all samples: the curves are the same up to rounding, and the distance stays 0. Data parallelism changes the time, not the update.",
    explain_ring: "In a ring every replica talks to its neighbour alone. The gradients are cut into as many chunks as there are replicas: after p − 1 rounds of adding each holds one finished sum, after p − 1 more everybody holds all. Each sends 2(p − 1)/p of the gradients, whatever p is. (Patarasuk and Yuan 2009.)",
    explain_broken: "A well-known listing calls all_reduce on the loss and lets rank 0 alone take a step. The sum of the losses is a number to look at: no gradient flows back through it. So the other replicas stay where they were.",
    explain_federated: "Federated: each replica takes several steps on its own samples, then the parameters are averaged, w = Σ (nₖ/n) wₖ, and go round the ring in place of the gradients. (McMahan et al. 2017, arXiv 1602.05629.) Adam's states stay with their replica.",
    explain_real: "For the real thing, on the command line: this writes the same network, weights and batches as a PyTorch script for torchrun and DistributedDataParallel.",
    explain_real_run: "It says at its end how the script is run.",
    exercises: "Spot the error",
    predict: "Your prediction",
    x14_question: "Only rank 0 takes a step. What do the other replicas learn?",
    x14_nothing: "Nothing",
    x14_same: "The same as rank 0",
    x14_slower: "The same, only slower",
    x16_question: "The gradients of four replicas are added up, but not divided by 4. What follows?",
    x16_rate: "Under SGD it is four times the learning rate; Adam hardly changes",
    x16_nothing: "Nothing, under either",
    x16_mean: "Under both it is four times the learning rate",
    run_exercise: "Run it and see",
    right: "Your prediction was right.",
    wrong_answer: "Your prediction was another one.",
    mode_name: |mode| {
        match mode {
            Mode::Mean => "mean of the gradients",
            Mode::Sum => "sum of the gradients",
            Mode::Rank0 => "only rank 0 takes a step",
            Mode::Federated => "local steps, then averaging (federated)",
        }
        .into()
    },
    label: |key| {
        match key {
            "replicas" => "p, replicas",
            "rate" => "Learning rate",
            "local" => "Local steps",
            "bandwidth" => "b, bandwidth",
            _ => "l, latency",
        }
        .into()
    },
    hint: |key| {
        match key {
            "replicas" => "1 to 16",
            "rate" => "constant",
            "local" => "between two averagings, federated only",
            "bandwidth" => "bytes a second between neighbours; for the modelled time",
            _ => "seconds a message; for the modelled time",
        }
        .into()
    },
    wrong: |error| match error {
        FormError::Number { key } => match *key {
            "replicas" | "local" => "Must be a whole number".into(),
            _ => "Must be a number, such as 0.05 or 1.25e9".into(),
        },
        FormError::Settings(error) => match error {
            SettingsError::Replicas { .. } => "Must be a whole number from 1 to 16".into(),
            SettingsError::Indivisible { batch, fitting, .. } => format!(
                "Does not divide the batch of {batch} samples: the plain mean of data parallelism would count shards of different sizes alike. These do: {}",
                list(fitting)
            ),
            SettingsError::Batch { largest, .. } => format!("At most {largest} samples"),
            SettingsError::Bandwidth { .. } => "Must be above 0".into(),
            SettingsError::Latency { .. } => "Must not be below 0".into(),
            SettingsError::LearningRate { .. } => "Must be above 0 and at most 1000".into(),
            SettingsError::LocalSteps { .. } => "Must be a whole number from 1 to 1000".into(),
            SettingsError::Shares { .. } | SettingsError::EmptyShard { .. } => {
                "Leaves a replica without samples".into()
            }
        },
    },
    standing: |standing, step| match standing {
        Standing::Building => "The replicas are being built".into(),
        Standing::Idle if step == 1 => "1 step done".into(),
        Standing::Idle => format!("{step} steps done"),
        Standing::Computing => format!("Step {}: forward and backward pass", step + 1),
        Standing::Ringing { round } => {
            format!("Step {}: round {} of the ring", step + 1, round + 1)
        }
        Standing::Applying => format!("Step {}: update", step + 1),
        Standing::Telling => format!("{step} steps done, measuring"),
        Standing::Undoing => "The step is given up".into(),
        Standing::Restarting { replica } => {
            format!(
                "Replica {replica} takes over the state of the first one left: its weights and optimizer states"
            )
        }
        Standing::Broken { lost } => format!(
            "{} gone: no more messages come from there. A step under way is given up; the others stand as they were after step {step}.",
            match lost.len() {
                1 => format!("Replica {} is", list(lost)),
                _ => format!("Replicas {} are", list(lost)),
            }
        ),
        Standing::Stopped(problem) => match problem {
            Problem::NonFinite { replica, step, .. } => format!(
                "Stopped: the loss of replica {replica} is no longer a finite number at step {step}. A smaller learning rate may help; the others stand at the step before."
            ),
            Problem::NobodyLeft => "No replica is left. Start over.".into(),
            other => format!("Stopped: {other}"),
        },
    },
    workers: |replicas, workers, cores| {
        let fewer = if workers < replicas as usize {
            " Fewer workers than replicas: some work one after the other, and are lost together."
        } else {
            ""
        };
        format!(
            "{replicas} replicas in {workers} Web Workers; this device has {cores} cores.{fewer}"
        )
    },
    stop: |replica| format!("Stop replica {replica}"),
    summed: |sum| {
        format!(
            "What went round is the sum of the losses, {}. It looks like a loss, but no gradient comes back from it.",
            short(sum)
        )
    },
    earlier_run: |replicas, workers, speed| {
        format!("{replicas} replicas in {workers} workers: {speed} samples a second")
    },
    ring_label: |replicas, messages, round| match messages {
        0 => format!("Ring of {replicas} replicas, no messages on their way"),
        _ => format!(
            "Ring of {replicas} replicas, round {}: {messages} messages, each to the next replica; the table lists them",
            round + 1
        ),
    },
    exercise_run: |exercise, number, of, settings| {
        format!(
            "What is shown is exercise {}, run {number} of {of}, with settings of its own: linear regression, {} replicas, {}, {}, learning rate {}. “Start over” goes back to the settings above.",
            exercise.name().to_uppercase(),
            settings.replicas,
            (texts(Locale::English).mode_name)(settings.mode),
            optimizer(settings),
            format::shortest(settings.learning_rate)
        )
    },
    verdict: |exercise, numbers| match (exercise, numbers) {
        (Exercise::X14, [first, others]) => format!(
            "After 50 steps rank 0 has moved by {} (L2 norm), the others by {} at most. They learned nothing: their gradients were computed and thrown away.",
            short(*first),
            short(*others)
        ),
        (Exercise::X16, [slow, fast, adam]) => format!(
            "After 50 steps the parameters by sum and by mean lie {} apart under SGD (relative). The sum and the mean at 4 times the learning rate: {}, which is rounding. Under Adam: {}, because it divides by the size of the gradient.",
            short(*slow),
            short(*fast),
            short(*adam)
        ),
        _ => String::new(),
    },
};

static CHINESE: ReplicaTexts = ReplicaTexts {
    settings: "设置",
    model: "模型",
    linear: "线性回归，256 个样本",
    lenet: "LeNet-5（MNIST），批量 64",
    mode: "副本如何合并",
    optimizer: "优化器",
    shares: "分片",
    shares_even: "大小相同",
    shares_uneven: "比例 1 : 2 : 3 : 2",
    shares_unused: "不等的分片只用于联邦学习。在当前模式下，每个副本分到批量中同样大小的一份，这一选择不起作用。",
    run: "运行 50 步",
    pause: "暂停",
    step: "走一步",
    round: "下一轮消息",
    start_over: "重新开始",
    go_on: "让其余副本继续",
    restart: "重新启动失去的副本",
    ring_title: "环",
    ring_empty: "按“下一轮消息”：各副本先做计算，环在每一轮之前停下。",
    ring_note: "消息上的数字是块的编号。前几轮中，接收方把收到的值加到自己的值上；之后完整的和沿环传递，替换原来的值。",
    round_column: "轮",
    way: "从 → 到",
    chunk: "块",
    elements: "数值个数",
    bytes: "字节",
    norm: "L2 范数",
    first_values: "前几个值",
    add: "相加",
    replace: "替换",
    losses_title: "损失",
    losses_own: "各副本在自己的样本上，更新之前",
    losses_common: "各副本在相同的样本上，更新之后",
    distance_title: "副本之间的距离",
    distance_l2: "参数到平均值的最大 L2 距离",
    distance_largest: "单个参数与平均值的最大差",
    replicas_title: "副本",
    replica: "副本",
    worker: "工作线程",
    loss_own: "自己的损失",
    loss_common: "共同样本的损失",
    gone: "已失去",
    times_title: "一步的时间",
    time_compute: "前向与反向传播，最慢的副本",
    time_ring: "环（经由页面）",
    time_step: "整步",
    speed: "每秒样本数",
    time_modelled: "按上面的带宽和延迟做一次全归约：2(p − 1)/p · S/b + 2(p − 1) · l",
    time_note: "实测时间是本次运行在本机上的中位数，各工作线程共用本机的核心和内存；多数时间短于浏览器时钟的步长时，改为平均值。逐轮查看的步不计时。",
    earlier: "此前的运行（实测）",
    explain_title: "这里发生了什么",
    explain_mean: "所有副本从相同的权重出发，各自在自己的分片上求梯度。按样本数加权的梯度平均值，就是整个批量的梯度。因此每个副本走的一步，与单个副本用全部样本走的一步相同：曲线只差舍入误差，距离始终为 0。数据并行改变的是时间，不是更新。",
    explain_ring: "在环中，每个副本只与相邻的副本通信。梯度被切成与副本数相同的块：经过 p − 1 轮相加，每个副本各有一块完整的和；再经过 p − 1 轮，所有副本都有全部的和。无论 p 是多少，每个副本发送的数据都是梯度的 2(p − 1)/p。（Patarasuk 与 Yuan，2009）",
    explain_broken: "有一段流传的代码对损失调用 all_reduce，然后只让 rank 0 更新。损失之和只是一个供查看的数，没有梯度从它传回，所以其他副本停在原处。",
    explain_federated: "联邦学习：每个副本先在自己的样本上走几步，然后对参数取加权平均 w = Σ (nₖ/n) wₖ，沿环传递的是参数而不是梯度。（McMahan 等，2017，arXiv 1602.05629）Adam 的状态留在各自的副本中。",
    explain_real: "真正的多进程训练要用命令行：下面的命令把同样的网络、权重和批量写成 PyTorch 脚本，可用 torchrun 和 DistributedDataParallel 运行。",
    explain_real_run: "命令结束时会说明如何运行该脚本。",
    exercises: "找出错误",
    predict: "你的预测",
    x14_question: "只有 rank 0 更新，其他副本学到什么？",
    x14_nothing: "什么也没学到",
    x14_same: "与 rank 0 相同",
    x14_slower: "相同，只是更慢",
    x16_question: "四个副本的梯度只相加，不除以 4。结果会怎样？",
    x16_rate: "SGD 相当于学习率乘 4；Adam 几乎不变",
    x16_nothing: "两者都没有影响",
    x16_mean: "两者都相当于学习率乘 4",
    run_exercise: "运行并查看",
    right: "你的预测正确。",
    wrong_answer: "与你的预测不同。",
    mode_name: |mode| {
        match mode {
            Mode::Mean => "梯度取平均",
            Mode::Sum => "梯度求和",
            Mode::Rank0 => "只有 rank 0 更新",
            Mode::Federated => "本地多步后取平均（联邦学习）",
        }
        .into()
    },
    label: |key| {
        match key {
            "replicas" => "p，副本数",
            "rate" => "学习率",
            "local" => "本地步数",
            "bandwidth" => "b，带宽",
            _ => "l，延迟",
        }
        .into()
    },
    hint: |key| {
        match key {
            "replicas" => "1 到 16",
            "rate" => "保持不变",
            "local" => "两次平均之间，仅用于联邦学习",
            "bandwidth" => "相邻副本之间每秒字节数，仅用于估算通信时间",
            _ => "每条消息的秒数，仅用于估算通信时间",
        }
        .into()
    },
    wrong: |error| match error {
        FormError::Number { key } => match *key {
            "replicas" | "local" => "必须是整数".into(),
            _ => "请填写一个数，例如 0.05 或 1.25e9".into(),
        },
        FormError::Settings(error) => match error {
            SettingsError::Replicas { .. } => "必须是 1 到 16 的整数".into(),
            SettingsError::Indivisible { batch, fitting, .. } => format!(
                "不能整除 {batch} 个样本的批量：数据并行的普通平均会把大小不同的分片同等对待。可用的数：{}",
                list(fitting)
            ),
            SettingsError::Batch { largest, .. } => format!("最多 {largest} 个样本"),
            SettingsError::Bandwidth { .. } => "必须大于 0".into(),
            SettingsError::Latency { .. } => "不能小于 0".into(),
            SettingsError::LearningRate { .. } => "必须大于 0 且不超过 1000".into(),
            SettingsError::LocalSteps { .. } => "必须是 1 到 1000 的整数".into(),
            SettingsError::Shares { .. } | SettingsError::EmptyShard { .. } => {
                "有副本分不到样本".into()
            }
        },
    },
    standing: |standing, step| match standing {
        Standing::Building => "正在建立副本".into(),
        Standing::Idle => format!("已完成 {step} 步"),
        Standing::Computing => format!("第 {} 步：前向与反向传播", step + 1),
        Standing::Ringing { round } => format!("第 {} 步：环的第 {} 轮", step + 1, round + 1),
        Standing::Applying => format!("第 {} 步：更新", step + 1),
        Standing::Telling => format!("已完成 {step} 步，正在测量"),
        Standing::Undoing => "正在放弃这一步".into(),
        Standing::Restarting { replica } => {
            format!("副本 {replica} 正在接收剩余第一个副本的状态（权重与优化器状态）")
        }
        Standing::Broken { lost } => format!(
            "副本 {} 已失去，它的消息中断了。进行中的一步会被放弃，其余副本保持第 {step} 步之后的状态。",
            list(lost)
        ),
        Standing::Stopped(problem) => match problem {
            Problem::NonFinite { replica, step, .. } => format!(
                "已停止：第 {step} 步时副本 {replica} 的损失不再是有限的数。可尝试更小的学习率；其余副本停在前一步。"
            ),
            Problem::NobodyLeft => "没有剩下任何副本，请重新开始。".into(),
            other => format!("已停止：{other}"),
        },
    },
    workers: |replicas, workers, cores| {
        let fewer = if workers < replicas as usize {
            "线程少于副本，有些副本轮流计算，也会一同失去。"
        } else {
            ""
        };
        format!("{replicas} 个副本，{workers} 个 Web Worker；本机有 {cores} 个核心。{fewer}")
    },
    stop: |replica| format!("停止副本 {replica}"),
    summed: |sum| {
        format!(
            "沿环传递的是损失之和 {}。它看上去是损失，但没有梯度从它传回。",
            short(sum)
        )
    },
    earlier_run: |replicas, workers, speed| {
        format!("{replicas} 个副本，{workers} 个工作线程：每秒 {speed} 个样本")
    },
    ring_label: |replicas, messages, round| match messages {
        0 => format!("{replicas} 个副本组成的环，没有消息在途"),
        _ => format!(
            "{replicas} 个副本组成的环，第 {} 轮：{messages} 条消息，各发往下一个副本，详见表格",
            round + 1
        ),
    },
    exercise_run: |exercise, number, of, settings| {
        format!(
            "当前显示的是练习 {} 的第 {number} 次运行（共 {of} 次），它使用自己的设置：线性回归，{} 个副本，{}，{}，学习率 {}。按“重新开始”即回到上面的设置。",
            exercise.name().to_uppercase(),
            settings.replicas,
            (texts(Locale::Chinese).mode_name)(settings.mode),
            optimizer(settings),
            format::shortest(settings.learning_rate)
        )
    },
    verdict: |exercise, numbers| match (exercise, numbers) {
        (Exercise::X14, [first, others]) => format!(
            "50 步之后，rank 0 移动了 {}（L2 范数），其他副本最多移动 {}。它们什么也没学到：梯度算出来就被丢弃了。",
            short(*first),
            short(*others)
        ),
        (Exercise::X16, [slow, fast, adam]) => format!(
            "50 步之后，SGD 下求和与取平均得到的参数相差 {}（相对值）。求和与“学习率乘 4 的平均”只差 {}，即舍入误差。Adam 下相差 {}，因为它会除以梯度的大小。",
            short(*slow),
            short(*fast),
            short(*adam)
        ),
        _ => String::new(),
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::texts::lab::tests::check_languages;

    #[test]
    fn every_text_is_in_its_language() {
        check_languages(ENGLISH.entries(), CHINESE.entries());
        let of = |texts: &ReplicaTexts| {
            let lost = Standing::Broken { lost: vec![2] };
            vec![
                ("mode", (texts.mode_name)(Mode::Mean)),
                ("hint", (texts.hint)("rate")),
                ("broken", (texts.standing)(&lost, 3)),
                (
                    "run",
                    (texts.exercise_run)(Exercise::X16, 1, 5, &Settings::linear()),
                ),
                ("x14", (texts.verdict)(Exercise::X14, &[1.0, 0.0])),
                ("x16", (texts.verdict)(Exercise::X16, &[0.03, 1e-7, 1e-6])),
            ]
        };
        for ((name, english), (_, chinese)) in of(&ENGLISH).into_iter().zip(of(&CHINESE)) {
            assert!(!english.is_empty() && english != chinese, "{name}");
        }
    }
}

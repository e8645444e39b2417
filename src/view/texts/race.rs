//! Texts of the race of optimizers, in both languages.

texts! {
    RaceTexts {
        title,
        intro_bowl,
        intro_data,
        step_shown,
        steps,
        result,
        stability,
        picture_hint,
        chart_label,
        chart_hint,
    }
    functions {
        /// How many updates the drawings show.
        after: fn(&str),
        /// An optimizer and its schedule.
        with_schedule: fn(&str, &str),
        /// The learning rate of an optimizer.
        rate_of: fn(&str),
        /// The update after which the goal was reached.
        below: fn(&str),
        /// The update at which the loss had grown beyond hope.
        diverged: fn(&str),
        loss: fn(&str),
        /// The picture in words: names of both weights.
        picture_label: fn(&str, &str),
    }
}

pub(super) const ENGLISH: RaceTexts = RaceTexts {
    title: "Optimizer race",
    intro_bowl: "All start at w = (1, 1) of f = ½ (w₁² + 50 w₂²) and want to go below 10⁻⁶. Move a learning rate: the engine trains every lane anew, with the operations that train everything else.",
    intro_data: "The same initial weights, the same batches in the same order, another optimizer in each lane. Move a learning rate: the engine trains every lane anew.",
    step_shown: "Updates shown",
    steps: "Updates of each lane",
    result: "Result",
    stability: "Along w₂ the curvature is 50: gradient descent is stable only for η < 2/50 = 0.04. At 0.04 it jumps to and fro with f = 25, above it flies away.",
    picture_hint: "deeper where the loss is lower; from line to line it doubles above its least value",
    chart_label: "Loss of every lane over its updates, on a logarithmic axis",
    chart_hint: "Loss over updates, on a logarithmic axis",
    after: |step| format!("after {step} updates"),
    with_schedule: |optimizer, schedule| format!("{optimizer}, {schedule}"),
    rate_of: |optimizer| format!("Learning rate: {optimizer}"),
    below: |step| format!("below 10⁻⁶ after {step}"),
    diverged: |step| format!("diverges (update {step})"),
    loss: |loss| format!("loss {loss}"),
    picture_label: |a, b| format!("The loss over {a} and {b}, with the path of every lane"),
};

pub(super) const CHINESE: RaceTexts = RaceTexts {
    title: "优化器竞速",
    intro_bowl: "所有优化器都从 f = ½ (w₁² + 50 w₂²) 的 w = (1, 1) 出发，目标是降到 10⁻⁶ 以下。移动学习率，引擎就用训练其他模型的同一套运算把每条赛道重新训练一遍。",
    intro_data: "初始权重相同，批量及其顺序相同，每条赛道换一种优化器。移动学习率，引擎就把每条赛道重新训练一遍。",
    step_shown: "显示到第几次更新",
    steps: "每条赛道的更新次数",
    result: "结果",
    stability: "w₂ 方向的曲率是 50：梯度下降只有在 η < 2/50 = 0.04 时才稳定。等于 0.04 时在 f = 25 来回跳动，超过就发散。",
    picture_hint: "颜色越深损失越低；高出最低值的部分每过一条线翻一倍",
    chart_label: "每条赛道的损失随更新次数的变化，对数坐标",
    chart_hint: "损失随更新次数的变化，对数坐标",
    after: |step| format!("{step} 次更新之后"),
    with_schedule: |optimizer, schedule| format!("{optimizer}，{schedule}"),
    rate_of: |optimizer| format!("{optimizer}的学习率"),
    below: |step| format!("第 {step} 次更新后低于 10⁻⁶"),
    diverged: |step| format!("发散（第 {step} 次更新）"),
    loss: |loss| format!("损失 {loss}"),
    picture_label: |a, b| format!("{a} 与 {b} 上的损失，以及每条赛道的路径"),
};

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
        plane_label,
        first_direction,
        second_direction,
        plane_shadow,
        plane_ends,
        on_plane,
        at_end,
        off_plane,
        off_start,
        keeps_statistics,
        no_path,
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
        /// What the plane is: how many weights there are, the shares of both directions and their sum.
        plane: fn(&str, [&str; 3]),
        /// The least and the largest loss of the picture.
        span: fn(&str, &str),
        /// Updates between two places that are drawn.
        every: fn(&str),
        /// How many weights are too many.
        too_large: fn(&str),
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
    plane_label: "The loss over a plane of two main directions, with the path of every lane; the numbers stand below",
    first_direction: "first direction",
    second_direction: "second direction",
    plane: |weights, [first, second, both]| {
        format!(
            "This network has {weights} weights, so this is one plane of a space with {weights} dimensions. It goes through the common start (the ring), along the two directions in which the paths get furthest: the first holds {first} of their squared distances from the start, the second {second}, together {both}. The paths do not lie on this surface: what is drawn is the nearest point of the plane."
        )
    },
    plane_shadow: "So the loss drawn under the end of a path is not the loss of that lane. Both were computed, after the last update and over all training samples:",
    plane_ends: "The ends of the paths",
    on_plane: "Loss on the plane",
    at_end: "Loss of the lane",
    off_plane: "Distance from the plane",
    off_start: "Distance from the start",
    span: |low, high| format!("loss from {low} to {high}"),
    every: |updates| format!("a point every {updates} updates"),
    too_large: |weights| {
        format!(
            "The loss as a surface is left out: with {weights} weights, the paths or the surface would take more memory or work than a race may. The losses are computed as always."
        )
    },
    keeps_statistics: "The loss as a surface is left out: this network also keeps statistics of its batches, so its weights alone do not decide the loss.",
    no_path: "The loss as a surface is left out: no lane has moved from the start without flying away at once.",
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
    plane_label: "两个主方向所张平面上的损失，以及每条赛道的路径；数值见下方",
    first_direction: "第一方向",
    second_direction: "第二方向",
    plane: |weights, [first, second, both]| {
        format!(
            "这个网络有 {weights} 个权重，图中只是 {weights} 维空间里的一个平面。它经过共同的起点（圆环处），沿着各条路径走得最远的两个方向：到起点距离的平方，第一方向占 {first}，第二方向占 {second}，合计 {both}。路径并不在这张曲面上：画出来的是平面上离它最近的点。"
        )
    },
    plane_shadow: "所以图上终点处的损失不是那条赛道的损失。两个值都算了出来，用最后一次更新后的权重和全部训练样本：",
    plane_ends: "各条路径的终点",
    on_plane: "平面上的损失",
    at_end: "赛道的损失",
    off_plane: "到平面的距离",
    off_start: "到起点的距离",
    span: |low, high| format!("损失从 {low} 到 {high}"),
    every: |updates| format!("每 {updates} 次更新画一个点"),
    too_large: |weights| {
        format!(
            "没有画出损失曲面：权重有 {weights} 个，路径或曲面所需的内存或运算超过了竞速的限度。损失曲线照常计算。"
        )
    },
    keeps_statistics: "没有画出损失曲面：这个网络还保存批量的统计量，损失不只由权重决定。",
    no_path: "没有画出损失曲面：没有哪条赛道离开过起点，或者一动就发散了。",
};

//! Texts of the microscope's views of sequences, in both languages.

texts! {
    TimeTexts {
        title,
        hint,
        layer,
        step,
        unit,
        gate,
        input,
        hidden,
        cell,
        forward,
        backward,
        not_yet,
        not_yet_backward,
        numbers,
        numbers_hint,
        norms,
        norms_hint,
        scale,
        linear,
        logarithmic,
        vanishes,
        shrinks,
        keeps,
        grows,
        explodes,
        thresholds,
        own_losses,
        history,
        influence,
        influence_hint,
        influence_of,
        of_prediction,
        of_loss,
        position,
        path,
        path_hint,
        way,
        way_unit,
        way_cell,
        way_strongest,
        back_to,
        column_element,
        column_factor,
        column_product,
        column_all,
        column_norm,
        chart,
        chart_product,
        chart_all,
        chart_norm,
        computing,
        characters,
        attention,
        attention_hint,
        weights,
        scores,
        weights_gradient,
        scores_gradient,
        queries,
        keys,
        values,
        mixture,
        query,
        key,
        mask,
    }
    functions {
        /// Steps, units.
        size: fn(u32, u32),
        /// A picture: tensor, rows, steps.
        picture: fn(&str, u32, u32),
        /// A chosen step of so many.
        step_of: fn(u32, u32),
        /// Norm at the first and at the last step, ratio, course.
        verdict: fn(&str, &str, &str, &str),
        /// The same without a course, where the norms do not show one.
        ends: fn(&str, &str, &str),
        /// Bars: symbol, values of all steps.
        bars: fn(&str, &str),
        /// Limit.
        clip_ahead: fn(&str),
        /// Norm before and after, limit, factor.
        clipped: fn(&str, &str, &str, &str),
        /// Norm, limit.
        not_clipped: fn(&str, &str),
        /// Behind how many steps gradients stop.
        truncated: fn(u32),
        /// What is differentiated, its value, steps that carry half, steps.
        influence_says: fn(&str, &str, usize, usize),
        /// Class.
        class_logit: fn(u32),
        /// End, start, product, derivative over all paths, paths.
        path_says: fn(&str, &str, &str, &str, &str),
        /// States of a step, steps between.
        path_count: fn(u32, usize),
        /// Batches seen.
        history_label: fn(usize),
        /// Head.
        head: fn(u32),
        /// Head, places.
        head_picture: fn(u32, u32),
        /// Query, largest weight, its key, keys that carry half, sum.
        query_says: fn(&str, &str, &str, usize, &str),
    }
}

pub(super) const ENGLISH: TimeTexts = TimeTexts {
    title: "Through time",
    hint: "The sequence unrolled: every column is one step, time runs to the right. These are the buffers that train; click a cell or move the slider to choose a step and a unit.",
    layer: "Layer",
    step: "Step",
    unit: "Unit",
    gate: "Gate",
    input: "input",
    hidden: "hidden state",
    cell: "cell state",
    forward: "Forward",
    backward: "Backward",
    not_yet: "not computed yet",
    not_yet_backward: "The gradients have not been carried back through time in this batch yet.",
    numbers: "Numbers of this step and unit",
    numbers_hint: "Press a number to see its terms under “Where a number comes from”.",
    norms: "Gradient at every earlier step",
    norms_hint: "Norm over all samples of the batch of the gradient that reaches each step, from the loss back to the first step.",
    scale: "Scale of the bars",
    linear: "Linear",
    logarithmic: "Logarithmic",
    vanishes: "it vanishes",
    shrinks: "it shrinks",
    keeps: "it stays about constant",
    grows: "it grows",
    explodes: "it explodes",
    thresholds: "Below 1/100: vanishes; below 1/10: shrinks; up to 10: about constant; up to 100: grows; beyond: explodes.",
    own_losses: "Every step also receives a gradient from its own output, so a large value at an early step need not have come from far.",
    history: "The same ratio in the batches seen here, each bar one batch (logarithmic)",
    influence: "What a prediction depends on",
    influence_hint: "The norm of the derivative of one output, or of its loss, by the numbers that each step feeds in (for a text the embedding of its character), computed in 64 bits for this sample alone.",
    influence_of: "Derivative of",
    of_prediction: "the prediction",
    of_loss: "its loss",
    position: "Place of the prediction",
    path: "One path through time",
    path_hint: "From the chosen step and unit back, one factor for each step: how much the later state changes with the earlier one. Their product is what this path alone carries.",
    way: "Path through",
    way_unit: "the same unit",
    way_cell: "its cell state",
    way_strongest: "the strongest factor",
    back_to: "Back to step",
    column_element: "Element",
    column_factor: "Factor",
    column_product: "Product",
    column_all: "All paths",
    column_norm: "Norm ‖J‖",
    chart: "Logarithmic: product of this path, derivative over all paths, and norm of the whole Jacobian, at every step",
    chart_product: "this path",
    chart_all: "all paths",
    chart_norm: "‖J‖: all units by all units (Frobenius norm)",
    computing: "Computing …",
    characters: "characters",
    attention: "Attention",
    attention_hint: "One matrix for each head: every row is a query, every column a key. Click a cell to choose head, query and key; below is what that query does: its scores, the mask, its weights, and the mixture of the values.",
    weights: "weights",
    scores: "scores",
    weights_gradient: "gradient of the weights",
    scores_gradient: "gradient of the scores",
    queries: "queries",
    keys: "keys",
    values: "values",
    mixture: "mixture o = Σ a · v",
    query: "Query",
    key: "Key",
    mask: "mask: what comes later is hidden",
    size: |steps, units| format!("{steps} steps, {units} units"),
    picture: |tensor, rows, steps| {
        format!("{tensor}: {rows} rows over {steps} steps, time to the right")
    },
    step_of: |step, steps| format!("Step {step} of 0 to {}", steps.saturating_sub(1)),
    verdict: |first, last, ratio, course| {
        format!(
            "The last step receives {last}, the first {first}, which is {ratio} times as much: on its way back through time {course}."
        )
    },
    ends: |first, last, ratio| {
        format!(
            "The gradient at the first step has the norm {first}, {ratio} times that at the last step, {last}."
        )
    },
    bars: |symbol, values| format!("{symbol} at every step, from the first: {values}"),
    clip_ahead: |limit| {
        format!(
            "After the backward pass all gradients together are scaled down to a norm of {limit} if theirs is larger."
        )
    },
    clipped: |before, after, limit, factor| {
        format!(
            "All gradients together had the norm {before}, above the limit {limit}: every one was multiplied by {factor}, and the norm is {after}."
        )
    },
    not_clipped: |norm, limit| {
        format!(
            "All gradients together have the norm {norm}, not above the limit {limit}: nothing was clipped."
        )
    },
    truncated: |every| {
        format!("Truncated backpropagation: gradients stop behind every {every} steps.")
    },
    influence_says: |what, value, half, steps| match half {
        1 => format!(
            "{what} = {value}. Of {steps} steps the last one alone carries at least half of the dependence."
        ),
        _ => format!(
            "{what} = {value}. The last {half} of {steps} steps carry at least half of the dependence."
        ),
    },
    class_logit: |class| format!("Output {class}"),
    path_says: |end, start, product, all, paths| {
        format!(
            "By this path {end} changes by {product} times a change of {start}. It is one of {paths} paths from state to state; over all of them the derivative is {all}."
        )
    },
    path_count: |units, power| format!("{units}{}", crate::view::format::superscript(power as i32)),
    history_label: |batches| format!("First step's norm by the last step's in {batches} batches"),
    head: |head| format!("Head {head}"),
    head_picture: |head, steps| {
        format!("Head {head}: {steps} queries downwards, {steps} keys to the right")
    },
    query_says: |query, weight, key, half, sum| {
        let share = match half {
            1 => "that key alone carries at least half of the weight".to_string(),
            many => format!("its {many} largest weights together carry at least half"),
        };
        format!(
            "Query {query} gives its largest weight, {weight}, to place {key}; {share}. Its weights add up to {sum}."
        )
    },
};

pub(super) const CHINESE: TimeTexts = TimeTexts {
    title: "沿时间展开",
    hint: "把序列展开：每一列是一个时间步，时间向右。显示的就是正在训练的缓冲区；点击格子或移动滑块来选择时间步和单元。",
    layer: "层",
    step: "时间步",
    unit: "单元",
    gate: "门",
    input: "输入",
    hidden: "隐状态",
    cell: "细胞状态",
    forward: "前向",
    backward: "反向",
    not_yet: "尚未计算",
    not_yet_backward: "这个批量中还没有进行随时间反向传播。",
    numbers: "这一步、这个单元的数值",
    numbers_hint: "按一个数，就能在“一个数从哪里来”里看到它的各项。",
    norms: "各较早时间步处的梯度",
    norms_hint: "到达每个时间步的梯度对整个批量所有样本的范数，从损失一直回到第一步。",
    scale: "条形的刻度",
    linear: "线性",
    logarithmic: "对数",
    vanishes: "梯度消失",
    shrinks: "梯度变小",
    keeps: "梯度大致不变",
    grows: "梯度变大",
    explodes: "梯度爆炸",
    thresholds: "小于 1/100 为消失，小于 1/10 为变小，不超过 10 为大致不变，不超过 100 为变大，更大为爆炸。",
    own_losses: "每一步还从自己的输出得到梯度，所以较早的步上数值大，不一定来自很远的地方。",
    history: "在这里走过的各个批量中的同一比值，一条代表一个批量（对数刻度）",
    influence: "预测取决于什么",
    influence_hint: "一个输出或其损失，对每个时间步输入的数（文本则为该字符的嵌入）的导数的范数；只对这个样本、用 64 位计算。",
    influence_of: "求导对象",
    of_prediction: "预测",
    of_loss: "它的损失",
    position: "预测的位置",
    path: "穿过时间的一条路径",
    path_hint: "从选定的时间步和单元往回走，每一步一个因子：较早的状态变化时，较晚的状态变化多少。因子之积就是这一条路径传递的量。",
    way: "路径经过",
    way_unit: "同一个单元",
    way_cell: "它的细胞状态",
    way_strongest: "最强的因子",
    back_to: "回到时间步",
    column_element: "元素",
    column_factor: "因子",
    column_product: "乘积",
    column_all: "所有路径",
    column_norm: "‖J‖ 范数",
    chart: "对数刻度：每个时间步上这条路径的乘积、对所有路径的导数，以及整个雅可比矩阵的范数",
    chart_product: "这条路径",
    chart_all: "所有路径",
    chart_norm: "‖J‖：所有单元对所有单元（弗罗贝尼乌斯范数）",
    computing: "正在计算……",
    characters: "字符",
    attention: "注意力",
    attention_hint: "每个头一个矩阵：每一行是一个查询，每一列是一个键。点击格子来选择头、查询和键；下面是这个查询所做的事：分数、掩码、权重，以及值的混合。",
    weights: "权重",
    scores: "分数",
    weights_gradient: "权重的梯度",
    scores_gradient: "分数的梯度",
    queries: "查询",
    keys: "键",
    values: "值",
    mixture: "混合 o = Σ a · v",
    query: "查询",
    key: "键",
    mask: "掩码：遮住后面的内容",
    size: |steps, units| format!("{steps} 个时间步，{units} 个单元"),
    picture: |tensor, rows, steps| format!("{tensor}：{rows} 行，{steps} 个时间步，时间向右"),
    step_of: |step, steps| format!("时间步 {step}（0 到 {}）", steps.saturating_sub(1)),
    verdict: |first, last, ratio, course| {
        format!(
            "第一步得到 {first}，最后一步得到 {last}，前者是后者的 {ratio} 倍：随时间反向传播时，{course}。"
        )
    },
    ends: |first, last, ratio| {
        format!("第一步的梯度范数为 {first}，是最后一步（{last}）的 {ratio} 倍。")
    },
    bars: |symbol, values| format!("从第一步起各步的 {symbol}：{values}"),
    clip_ahead: |limit| {
        format!("反向传播之后，若所有梯度合起来的范数超过 {limit}，就按比例缩小到 {limit}。")
    },
    clipped: |before, after, limit, factor| {
        format!(
            "所有梯度合起来的范数是 {before}，超过上限 {limit}：每个梯度都乘以 {factor}，之后范数为 {after}。"
        )
    },
    not_clipped: |norm, limit| {
        format!("所有梯度合起来的范数是 {norm}，没有超过上限 {limit}：没有裁剪。")
    },
    truncated: |every| format!("截断的随时间反向传播：梯度每隔 {every} 步就停止。"),
    influence_says: |what, value, half, steps| {
        format!("{what} = {value}。共 {steps} 步，其中最后 {half} 步至少占了依赖程度的一半。")
    },
    class_logit: |class| format!("输出 {class}"),
    path_says: |end, start, product, all, paths| {
        format!(
            "沿这条路径，{start} 每变化一点，{end} 变化它的 {product} 倍。这样逐个状态相连的路径共有 {paths} 条；对所有路径求和，导数为 {all}。"
        )
    },
    path_count: |units, power| format!("{units}{}", crate::view::format::superscript(power as i32)),
    history_label: |batches| format!("{batches} 个批量中，第一步的范数与最后一步之比"),
    head: |head| format!("头 {head}"),
    head_picture: |head, steps| format!("头 {head}：向下 {steps} 个查询，向右 {steps} 个键"),
    query_says: |query, weight, key, half, sum| {
        format!(
            "查询 {query} 把最大的权重 {weight} 给了位置 {key}；权重最大的 {half} 个键合起来至少占权重的一半。权重之和为 {sum}。"
        )
    },
};

//! The texts of the microscope's graph, of the model's equations, and of the path of the chain rule.

texts! {
    StepGraphTexts {
        fold_all,
        frame,
        key_zoom,
        key_fit,
        key_fold,
        on_the_path,
        equations_of,
        this_operation,
        whole_model,
        gradients,
        composition,
        system_hint,
        gradients_hint,
        notation_hint,
        numbers_hint,
        path,
        path_hint,
        path_from,
        path_to,
        path_tensor,
        path_index,
        path_take,
        path_follow,
        path_forget,
        path_follows,
        path_bad_index,
        path_not_followed,
        path_this,
        path_all,
        path_share,
        path_share_hint,
        path_greedy,
        path_single,
        path_value,
        path_factor,
        path_product,
        path_above,
        path_way,
        path_left,
        path_independent,
    }
    functions {
        /// Fold a layer.
        fold: fn(&str),
        /// Unfold a layer.
        unfold: fn(&str),
        /// A folded layer in words: name, operation, numbers learned, operations done, operations in all.
        layer: fn(&str, &str, u64, usize, usize),
        /// Ways listed, ways in all.
        path_ways: fn(usize, u32),
        /// A way: element, derivative, share of what comes in.
        path_alternative: fn(&str, &str, &str),
        /// The operation behind which every derivative is 0.
        path_blocked: fn(&str),
        /// What a derivative is taken of, and by.
        path_derivative: fn(&str, &str),
    }
}

pub const ENGLISH: StepGraphTexts = StepGraphTexts {
    fold_all: "Fold layers",
    frame: "Computation graph. Plus and minus zoom, 0 shows all of it, arrow keys move it; E on an operation folds its layer.",
    key_zoom: "In the graph: zoom in and out",
    key_fit: "In the graph: show all of it",
    key_fold: "In the graph: fold or unfold the layer of an operation",
    on_the_path: "on the path",
    equations_of: "Equations of",
    this_operation: "This operation",
    whole_model: "Whole model",
    gradients: "Gradients",
    composition: "As one expression",
    system_hint: "What every operation computes, from whole tensors; each row of x is one sample. Press a name to run up to it.",
    gradients_hint: "The chain rule, from the loss back: dX stands for the gradient ∂L/∂X, B for the samples of the batch.",
    notation_hint: "⊤ transposed, ⊙ element by element, ⋆ convolution (cross-correlation), ∗ with the flipped kernel, ∑ over samples and positions.",
    numbers_hint: "Small tensors that were read are written out; the others keep their symbols.",
    path: "Follow one path",
    path_hint: "The chain rule between two numbers: one factor for each operation on the way. The derivative is the sum over all paths; this is one of its terms. Everything here is computed in 64 bits from this batch.",
    path_from: "From",
    path_to: "To",
    path_tensor: "Tensor",
    path_index: "Element",
    path_take: "Take the chosen element",
    path_follow: "Follow the path",
    path_forget: "Close the path",
    path_follows: "Following the path",
    path_bad_index: "Expected whole numbers with commas between them, one for each dimension and below its size.",
    path_not_followed: "This path could not be followed",
    path_this: "Along this path",
    path_all: "Over all paths",
    path_share: "Share of this path",
    path_share_hint: "Paths with different signs work against each other: a share can be negative, or more than the whole.",
    path_greedy: "At each stop the path goes on through the element that carries the largest part of the derivative. Choose another one, and the rest of the path follows from there.",
    path_single: "There is only this way.",
    path_value: "Value",
    path_factor: "Local derivative",
    path_product: "Product so far",
    path_above: "Over all paths from here",
    path_way: "Way on",
    path_left: "With an upstream gradient of 1 at one element and 0 elsewhere, this is left:",
    path_independent: "The end does not depend on the start: they belong to different samples, or nothing connects them. The derivative is 0.",
    fold: |layer| format!("Fold {layer}"),
    unfold: |layer| format!("Unfold {layer}"),
    layer: |name, operation, learned, done, all| {
        let learned = match learned {
            0 => String::new(),
            1 => ", 1 parameter".to_string(),
            count => format!(", {count} parameters"),
        };
        format!("{name}: {operation}{learned}, {done} of {all} operations computed, layer folded")
    },
    path_ways: |listed, all| {
        if listed as u32 == all {
            format!("{all} ways")
        } else {
            format!("the {listed} strongest of {all} ways")
        }
    },
    path_alternative: |element, derivative, share| {
        format!("{element}: derivative {derivative}, carries {share}")
    },
    path_blocked: |node| {
        format!(
            "Every path ends at {node}: all its local derivatives on the way are 0. The total derivative is 0 too."
        )
    },
    path_derivative: |of, by| format!("derivative of {of} by {by}"),
};

pub const CHINESE: StepGraphTexts = StepGraphTexts {
    fold_all: "折叠各层",
    frame: "计算图。加号和减号缩放，0 显示全图，方向键移动；在某个运算上按 E 可折叠它所在的层。",
    key_zoom: "在计算图中：放大、缩小",
    key_fit: "在计算图中：显示全图",
    key_fold: "在计算图中：折叠或展开某个运算所在的层",
    on_the_path: "在路径上",
    equations_of: "方程范围",
    this_operation: "当前运算",
    whole_model: "整个模型",
    gradients: "梯度",
    composition: "写成一个式子",
    system_hint: "每个运算由整个张量算出什么；x 的每一行是一个样本。点按名称，就执行到它为止。",
    gradients_hint: "链式法则，从损失往回走：dX 表示梯度 ∂L/∂X，B 是批量中的样本数。",
    notation_hint: "⊤ 转置，⊙ 逐元素乘积，⋆ 卷积（互相关），∗ 与翻转的卷积核卷积，∑ 对样本和位置求和。",
    numbers_hint: "已读取的小张量写成数字，其余仍用符号。",
    path: "沿一条路径走",
    path_hint: "两个数之间的链式法则：途中每个运算贡献一个因子。导数是所有路径之和，这里是其中一项。这里的一切都用 64 位数从当前批量算出。",
    path_from: "起点",
    path_to: "终点",
    path_tensor: "张量",
    path_index: "元素",
    path_take: "取所选元素",
    path_follow: "沿路径走",
    path_forget: "收起路径",
    path_follows: "正在计算路径",
    path_bad_index: "应填整数，用逗号隔开，每个维度一个，并小于该维度的大小。",
    path_not_followed: "无法走这条路径",
    path_this: "沿这条路径",
    path_all: "所有路径合计",
    path_share: "这条路径的占比",
    path_share_hint: "符号不同的路径会互相抵消：占比可能为负，也可能超过全部。",
    path_greedy: "每一站都走向承载导数最大部分的元素。也可以另选一个，其余的路径随之改变。",
    path_single: "只有这一条路。",
    path_value: "数值",
    path_factor: "局部导数",
    path_product: "到此为止的乘积",
    path_above: "从这里出发的所有路径",
    path_way: "下一步",
    path_left: "上游梯度只在一个元素处为 1，其余为 0 时，方程只剩下：",
    path_independent: "终点与起点无关：它们属于不同的样本，或者之间没有联系。导数为 0。",
    fold: |layer| format!("折叠 {layer}"),
    unfold: |layer| format!("展开 {layer}"),
    layer: |name, operation, learned, done, all| {
        let learned = match learned {
            0 => String::new(),
            count => format!("，{count} 个参数"),
        };
        format!("{name}：{operation}{learned}，已计算 {done}／{all} 个运算，层已折叠")
    },
    path_ways: |listed, all| {
        if listed as u32 == all {
            format!("共 {all} 条路")
        } else {
            format!("{all} 条路中最强的 {listed} 条")
        }
    },
    path_alternative: |element, derivative, share| {
        format!("{element}：导数 {derivative}，承载 {share}")
    },
    path_blocked: |node| {
        format!("所有路径都断在 {node}：途中它的局部导数全为 0，所以总导数也是 0。")
    },
    path_derivative: |of, by| format!("{of} 对 {by} 的导数"),
};

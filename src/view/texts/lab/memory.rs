//! Texts of the memory page, in both languages.

use super::InstrumentTexts;
use crate::view::texts::Locale;

/// English, Chinese.
pub static INSTRUMENT: [InstrumentTexts; 2] = [
    InstrumentTexts {
        name: "Memory of a training step",
        purpose: "Where the bytes of a training step go, operation by operation, and what is saved by keeping few activations and computing the others again.",
    },
    InstrumentTexts {
        name: "一步训练的内存",
        purpose: "一步训练的内存都用在哪里？逐个运算地看；再看看只保留少数激活值、其余的重新计算，能省下多少，又要付出什么代价。",
    },
];

texts! {
    MemoryTexts {
        preset,
        device,
        batch,
        batch_hint,
        must_be_batch,
        optimizer,
        own_optimizer,
        software,
        recompute,
        recompute_hint,
        every,
        every_hint,
        must_be_every,
        time_button,
        stop,
        ready,
        measuring,
        stopped,
        failed,
        result_title,
        quantity,
        kept_all,
        recomputed_some,
        peak,
        peak_at,
        reserved,
        flops,
        step_time,
        not_timed,
        plot_title,
        plot_label,
        plot_note,
        tensors_title,
        tensors_note,
        tensor,
        holds,
        bytes,
        life,
        outlives,
        no_gain,
        no_less_reserved,
        only_less_reserved,
        waiting,
        explain_title,
        explain_parts,
        explain_life,
        explain_recompute,
        explain_exact,
        source,
    }
    functions {
        /// What memory is for, by its name.
        kind: fn(&str),
        /// The step is so many times as long, and the peak so many percent of what it was.
        comparison: fn(&str, &str),
        /// Milliseconds and quartiles.
        millis: fn(&str, &str, &str),
    }
}

/// The page's texts.
pub fn texts(locale: Locale) -> &'static MemoryTexts {
    match locale {
        Locale::English => &ENGLISH,
        Locale::Chinese => &CHINESE,
    }
}

static ENGLISH: MemoryTexts = MemoryTexts {
    preset: "Network",
    device: "Device",
    batch: "Batch",
    batch_hint: "samples; empty: the network's own",
    must_be_batch: "Must be a whole number from 1 to 65536",
    optimizer: "Optimizer",
    own_optimizer: "the network's own",
    software: "software adapter",
    recompute: "Compute activations again",
    recompute_hint: "show the step that keeps few activations",
    every: "Keep every k-th layer",
    every_hint: "k: the other layers' outputs are computed again",
    must_be_every: "Must be a whole number from 1",
    time_button: "Measure a step both ways",
    stop: "Stop",
    ready: "Bytes are counted from the plan that trains; times are measured when you ask for them.",
    measuring: "Measuring …",
    stopped: "Stopped.",
    failed: "That did not work; see above.",
    result_title: "Cost and gain",
    quantity: "Of a step",
    kept_all: "All kept",
    recomputed_some: "Computed again",
    peak: "Bytes alive at the peak (counted)",
    peak_at: "Peak at",
    reserved: "Bytes reserved (counted)",
    flops: "FLOP (counted)",
    step_time: "Time (measured)",
    not_timed: "not measured yet",
    plot_title: "Over the step",
    plot_label: "Bytes alive while each operation runs, stacked by what they are for",
    plot_note: "From left to right: data, forward pass, loss, backward pass, update. The figures of the legend are those at the peak, which is marked. The data set does not count.",
    tensors_title: "Largest tensors",
    tensors_note: "of the step that is shown; the first and last operation that needs each",
    tensor: "Tensor",
    holds: "For",
    bytes: "Bytes",
    life: "From, to",
    outlives: "outlives the step",
    no_gain: "Here the peak stands where one layer alone needs it: computing again saves nothing at this distance.",
    no_less_reserved: "Fewer bytes are alive at the peak, but no fewer are reserved: tensors of different sizes then share places less well.",
    only_less_reserved: "As many bytes are alive at the peak, but fewer are reserved: tensors of different sizes then share places better.",
    waiting: "Counting …",
    explain_title: "How to read this",
    explain_parts: "Weights, their gradients and the optimizer's states are there all the time: with Adam four numbers for each parameter. Activations grow with the batch; they are what the backward pass still needs of the forward pass.",
    explain_life: "The plan knows the first and the last operation that touches a tensor, so tensors whose lives do not overlap share memory. What is reserved lies a little above what is alive, because tensors of different sizes meet in one place.",
    explain_recompute: "Of every k-th layer the output is kept; what lies between is forgotten after the forward pass and computed again when the backward pass arrives. That takes at most one more forward pass. It helps deep networks most; in a small one the largest layer alone makes the peak.",
    explain_exact: "The same operations run again on the same values: gradients are the same to the last bit. Layers that gather statistics run once only, so what they hand on is always kept.",
    source: "Source: Chen, Xu, Zhang and Guestrin 2016, arXiv 1604.06174.",
    kind: |kind| {
        match kind {
            "data" => "Batch order, constants",
            "parameters" => "Parameters",
            "gradients" => "Their gradients",
            "optimizer" => "Optimizer states",
            "workspace" => "Workspace",
            "activations" => "Activations",
            "activation_gradients" => "Gradients of activations",
            _ => "Computed again",
        }
        .into()
    },
    comparison: |times, percent| {
        format!(
            "With recomputation a step takes {times} times as long, and its peak is {percent} of what it was."
        )
    },
    millis: |median, lower, upper| format!("{median} ms ({lower} to {upper})"),
};

static CHINESE: MemoryTexts = MemoryTexts {
    preset: "网络",
    device: "设备",
    batch: "批量大小",
    batch_hint: "每批的样本数；留空则用网络自己的设置",
    must_be_batch: "必须是 1 到 65536 之间的整数",
    optimizer: "优化器",
    own_optimizer: "网络自己的设置",
    software: "软件适配器",
    recompute: "重新计算激活值",
    recompute_hint: "显示只保留少数激活值的那一步",
    every: "每隔 k 层保留一层",
    every_hint: "k：其余各层的输出在反向时重新计算",
    must_be_every: "必须是不小于 1 的整数",
    time_button: "实测两种方式的一步",
    stop: "停止",
    ready: "字节数由训练所用的执行计划计数得出；时间在你要求时才实测。",
    measuring: "正在测量……",
    stopped: "已停止。",
    failed: "操作未能完成，原因见上方。",
    result_title: "代价与收益",
    quantity: "一步训练",
    kept_all: "全部保留",
    recomputed_some: "重新计算",
    peak: "峰值时占用的字节（计数值）",
    peak_at: "峰值出现在",
    reserved: "预留的字节（计数值）",
    flops: "运算次数（计数值）",
    step_time: "时间（实测值）",
    not_timed: "尚未测量",
    plot_title: "一步之内的变化",
    plot_label: "每个运算进行时占用的字节，按用途堆叠",
    plot_note: "从左到右：取数据、前向、损失、反向、更新。图例中的数字是峰值处的字节数，峰值在图中有标记。数据集本身不计入。",
    tensors_title: "最大的张量",
    tensors_note: "属于图中所示的那一步，并列出最先和最后用到它的运算",
    tensor: "张量",
    holds: "用途",
    bytes: "字节数",
    life: "从何时到何时",
    outlives: "一步之后仍保留",
    no_gain: "这里的峰值由单独一层造成：按这个间隔重新计算并不能节省内存。",
    no_less_reserved: "峰值时存活的字节变少了，但预留的并没有变少：大小不同的张量这时更难共用同一块内存。",
    only_less_reserved: "峰值时存活的字节一样多，但预留的变少了：大小不同的张量这时更容易共用同一块内存。",
    waiting: "正在计数……",
    explain_title: "怎样理解",
    explain_parts: "权重、权重的梯度和优化器的状态一直都在：用 Adam 时每个参数对应四个数。激活值随批量大小增长，它们是反向传播还要用到的前向结果。",
    explain_life: "执行计划知道每个张量最先和最后被哪个运算用到，所以生存期不重叠的张量可以共用内存。大小不同的张量共用一处，因此预留的内存略多于实际占用。",
    explain_recompute: "每 k 层保留一层的输出，中间的结果在前向之后就丢弃，等反向传播到达时再重新计算，代价最多是再做一次前向。网络越深越有用；小网络的峰值往往由最大的一层独自决定。",
    explain_exact: "重新计算时，同样的运算作用于同样的数值，因此梯度逐位相同。会累积统计量的层只能运行一次，它们的输出总是保留。",
    source: "出处：Chen、Xu、Zhang、Guestrin，2016 年，arXiv 1604.06174。",
    kind: |kind| {
        match kind {
            "data" => "样本顺序与常数",
            "parameters" => "参数",
            "gradients" => "参数的梯度",
            "optimizer" => "优化器状态",
            "workspace" => "工作区",
            "activations" => "激活值",
            "activation_gradients" => "激活值的梯度",
            _ => "重新计算的激活值",
        }
        .into()
    },
    comparison: |times, percent| {
        format!("重新计算时，一步的时间是原来的 {times} 倍，峰值是原来的 {percent}。")
    },
    millis: |median, lower, upper| format!("{median} 毫秒（{lower} 至 {upper}）"),
};

#[cfg(test)]
mod tests {
    use super::super::tests::check_languages;
    use super::*;
    use crate::lab::memory::KINDS;

    #[test]
    fn every_text_of_the_memory_page_is_in_its_language() {
        check_languages(ENGLISH.entries(), CHINESE.entries());
        for kind in KINDS {
            let of = |texts: &MemoryTexts| (texts.kind)(kind.name());
            assert_ne!(of(&ENGLISH), of(&CHINESE));
        }
    }
}

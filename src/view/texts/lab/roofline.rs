//! Texts of the roofline, in both languages.

use super::InstrumentTexts;
use crate::view::texts::Locale;

/// English, Chinese.
pub static INSTRUMENT: [InstrumentTexts; 2] = [
    InstrumentTexts {
        name: "Measure this device",
        purpose: "How fast this device multiplies matrices, moves bytes and starts kernels, and how close the operations of a network come to that: a roofline.",
    },
    InstrumentTexts {
        name: "测量本机",
        purpose: "本机做矩阵乘法、搬运数据和启动内核各有多快？网络中的各个运算离这些上限还有多远？用一张屋顶线图来看。",
    },
];

texts! {
    RooflineTexts {
        preset,
        device,
        device_auto,
        device_gpu,
        device_cpu,
        batch,
        batch_hint,
        must_be_batch,
        start,
        stop,
        ready,
        measuring,
        stopped,
        failed,
        devices_title,
        software,
        own_clock,
        host_clock,
        features,
        no_features,
        limits,
        no_gpu,
        software_gpu,
        cpu_only,
        figures_title,
        figures_note,
        quantity,
        size,
        median,
        quartiles,
        left_out,
        plot_title,
        plot_label,
        intensity,
        rate,
        peak,
        memory,
        cache,
        forward,
        backward,
        update,
        plot_note,
        operations_title,
        threads,
        operations_note,
        operation,
        flops,
        bytes,
        time,
        bandwidth,
        share,
        use_figure,
        cpu_executor,
        no_result,
        explain_title,
        explain_roof,
        explain_low,
        explain_cache,
        explain_how,
        source,
    }
    functions {
        /// For the network of that name: a link to the scale calculator with the measured speed.
        use_figure_for: fn(&str),
        /// What a quantity is called, by its name.
        name: fn(&str),
        /// How far the measuring has come: done, of all.
        progress: fn(u32, u32),
        /// How long it took: seconds as text, and pieces.
        done: fn(&str, u32),
        /// A single run would take so many milliseconds.
        expected: fn(&str),
        /// The model below the plot: preset, batch, the batch that was asked for or is usual, GPU or CPU.
        model: fn(&str, u32, u32, &str),
    }
}

/// The roofline's texts.
pub fn texts(locale: Locale) -> &'static RooflineTexts {
    match locale {
        Locale::English => &ENGLISH,
        Locale::Chinese => &CHINESE,
    }
}

static ENGLISH: RooflineTexts = RooflineTexts {
    preset: "Network",
    device: "Device",
    device_auto: "automatic",
    device_gpu: "GPU",
    device_cpu: "CPU alone",
    batch: "Batch",
    batch_hint: "samples; empty: the network's own; fewer on a slow device",
    must_be_batch: "Must be a whole number from 1 to 65536",
    start: "Measure this device",
    stop: "Stop",
    ready: "It takes some seconds; close other work for steady figures.",
    measuring: "Measuring …",
    stopped: "Stopped. What was measured so far stays.",
    failed: "Ended early. What was measured so far stays.",
    devices_title: "What is measured on",
    software: "software adapter: it computes on the CPU",
    own_clock: "times by the device's own clock",
    host_clock: "times by the host's clock, without that of an empty submit",
    features: "Features",
    no_features: "none of those that matter here",
    limits: "Limits",
    no_gpu: "No GPU was found, so the CPU is measured alone.",
    software_gpu: "Only a software adapter was found, which is slower than the CPU. Choose “GPU” to measure it all the same.",
    cpu_only: "The CPU is measured alone, as chosen.",
    figures_title: "Figures (measured)",
    figures_note: "Median and quartiles of repeated pieces. GB/s count every byte read and every byte written; 1 GB is 10⁹ bytes.",
    quantity: "What",
    size: "Size",
    median: "Median",
    quartiles: "Quartiles",
    left_out: "left out",
    plot_title: "Roofline",
    plot_label: "Speed of each operation over its operations for each byte, below the lines of the fastest product and copy",
    intensity: "FLOP for each byte (counted)",
    rate: "GFLOP/s (measured)",
    peak: "fastest product",
    memory: "memory",
    cache: "cache",
    forward: "forward",
    backward: "backward",
    update: "update",
    plot_note: "Both axes are logarithmic; the numbers are those of the table. Where marks crowd, a number that has no room stands in the table alone.",
    operations_title: "Operations",
    threads: "threads",
    operations_note: "FLOP and bytes are counted from shapes, times are measured. “+” joins what one kernel does together; operations without arithmetic have no place on the plot. Above 100% of the roof an operation was faster than the product and the copy that drew it.",
    operation: "Operation",
    flops: "FLOP",
    bytes: "Bytes",
    time: "Time",
    bandwidth: "GB/s",
    share: "of the roof",
    use_figure: "Use this speed for GPT-3",
    cpu_executor: "Glassbox's own executor",
    no_result: "Nothing has been measured yet.",
    explain_title: "What a roofline says",
    explain_roof: "An operation is limited by how fast the device multiplies (the flat line) and by how fast its bytes arrive: bandwidth times FLOP for each byte (the slope). Where the two lines meet, the limit changes from moving to computing. The lines drawn here are the fastest product and the fastest copy that were measured, not what the chip can at most: a point may stand a little above them, where its size suits the caches better or the device was less busy when it was timed.",
    explain_low: "Activations, pooling and updates do little with each byte: they stand on the left and wait for memory, however fast the device multiplies. Convolutions and products stand on the right. Joining an operation with the one before it saves bytes and moves both to the right.",
    explain_cache: "Small tensors stay in the caches, which are faster than memory; so the solid slope is that of the fastest copy, and the thin one that of the largest. A point far below both lines waits for something else: starting the kernel, or too little work for all the cores.",
    explain_how: "Products and convolutions are those of the linear and convolution layers that train here, not of a vendor's library. Each figure begins with a single run and then takes as many as fit about 12 ms; what would hold the device for longer than a tenth of a second is left out.",
    source: "Source: Williams, Waterman and Patterson 2009, Communications of the ACM 52(4).",
    use_figure_for: |model| format!("Use this speed for {model}"),
    name: |name| {
        match name {
            "submit" => "Empty submit, there and back",
            "dispatch" => "One dispatch of many",
            "copy" => "Copy",
            "product" => "Matrix product",
            _ => "Convolution 3 × 3",
        }
        .into()
    },
    progress: |done, total| format!("{done} of {total}"),
    done: |seconds, pieces| format!("Done in {seconds} s, {pieces} pieces."),
    expected: |millis| format!("a single run would take {millis} ms"),
    model: |preset, batch, usual, place| {
        let fewer = match batch == usual {
            true => String::new(),
            false => format!(" instead of {usual}, so that no operation holds the device for long"),
        };
        format!("{preset} in training, batch {batch}{fewer}, on the {place}")
    },
};

static CHINESE: RooflineTexts = RooflineTexts {
    preset: "网络",
    device: "设备",
    device_auto: "自动",
    device_gpu: "使用 GPU",
    device_cpu: "仅 CPU",
    batch: "批量大小",
    batch_hint: "每批的样本数；留空则用网络自己的设置；设备较慢时会自动减小",
    must_be_batch: "必须是 1 到 65536 之间的整数",
    start: "测量本机",
    stop: "停止",
    ready: "需要几秒钟；关掉其他程序，结果会更稳定。",
    measuring: "正在测量……",
    stopped: "已停止，此前的测量结果都保留着。",
    failed: "提前结束，此前的测量结果都保留着。",
    devices_title: "测量对象",
    software: "软件适配器：实际在 CPU 上计算",
    own_clock: "用设备自身的时钟计时",
    host_clock: "用主机时钟计时，并扣除一次空提交的时间",
    features: "特性",
    no_features: "没有与此处相关的特性",
    limits: "限制",
    no_gpu: "没有找到 GPU，因此只测量 CPU。",
    software_gpu: "只找到软件适配器，它比 CPU 还慢。若仍想测量，请选择“使用 GPU”。",
    cpu_only: "按照选择，只测量 CPU。",
    figures_title: "测量结果（实测值）",
    figures_note: "表中为多次重复的中位数和四分位数。GB/s 把读出和写入的字节都计算在内；1 GB 为 10⁹ 字节。",
    quantity: "项目",
    size: "规模",
    median: "中位数",
    quartiles: "四分位数",
    left_out: "未测",
    plot_title: "屋顶线图",
    plot_label: "各运算的速度随每字节运算次数的变化，上方是最快的矩阵乘法和最快的复制给出的上限",
    intensity: "每字节的运算次数 FLOP/B（计数值）",
    rate: "GFLOP/s（实测值）",
    peak: "最快的乘法",
    memory: "内存",
    cache: "缓存",
    forward: "前向",
    backward: "反向",
    update: "更新",
    plot_note: "两个坐标轴都是对数刻度；图中的编号与下表一致，点太密处放不下的编号只列在表中。",
    operations_title: "各个运算",
    threads: "线程数",
    operations_note: "FLOP 和字节数由张量形状计数得出，时间为实测。“+”表示由同一个内核一起完成；没有算术运算的项目不出现在图中。“占上限”超过 100% 的运算，比画出上限的那次乘法和复制更快。",
    operation: "运算",
    flops: "运算次数",
    bytes: "字节数",
    time: "时间",
    bandwidth: "带宽（GB/s）",
    share: "占上限",
    use_figure: "用这个速度估算 GPT-3",
    cpu_executor: "Glassbox 自带的执行器",
    no_result: "还没有测量结果。",
    explain_title: "怎样看屋顶线图",
    explain_roof: "一个运算的速度受两方面限制：设备做乘法的速度（水平线），以及数据送达的速度，即带宽乘以每字节的运算次数（斜线）。两条线相交之处，瓶颈从搬运数据变成计算。图中的两条线是实测到的最快乘法和最快复制，并不是芯片的极限，所以个别点可能略高于线：它的规模更适合缓存，或者测它时设备更空闲。",
    explain_low: "激活、池化和参数更新对每个字节只做很少的运算，它们位于左侧，无论设备乘法多快，都得等内存。卷积和矩阵乘法位于右侧。把一个运算与它前面的运算合并，可以少搬数据，两者都会向右移动。",
    explain_cache: "较小的张量留在缓存里，而缓存比内存快，所以粗斜线取自最快的一次复制，细斜线取自最大的一次复制。远低于两条线的点在等别的东西：内核的启动，或者工作量太小，用不满所有核心。",
    explain_how: "这里测的乘法和卷积，就是本站训练时线性层和卷积层所用的内核，而不是厂商的函数库。每一项先运行一次，再按约 12 毫秒能容纳的次数重复；会占用设备十分之一秒以上的规模不测。",
    source: "出处：Williams、Waterman、Patterson，2009 年，Communications of the ACM 52(4)。",
    use_figure_for: |model| format!("用这个速度估算 {model}"),
    name: |name| {
        match name {
            "submit" => "一次空提交的往返",
            "dispatch" => "连续派发中的一次",
            "copy" => "复制",
            "product" => "矩阵乘法",
            _ => "3 × 3 卷积",
        }
        .into()
    },
    progress: |done, total| format!("已完成 {done} / {total} 项"),
    done: |seconds, pieces| format!("用时 {seconds} 秒，共 {pieces} 段。"),
    expected: |millis| format!("单次运行就需要 {millis} 毫秒"),
    model: |preset, batch, usual, place| {
        let fewer = match batch == usual {
            true => String::new(),
            false => format!("（原为 {usual}，为避免单个运算占用设备过久而减小）"),
        };
        format!("{preset} 的训练，批量大小 {batch}{fewer}，在 {place} 上运行")
    },
};

#[cfg(test)]
mod tests {
    use super::super::tests::check_languages;
    use super::*;

    #[test]
    fn every_text_of_the_roofline_is_in_its_language() {
        check_languages(ENGLISH.entries(), CHINESE.entries());
        for name in ["submit", "dispatch", "copy", "product", "convolution"] {
            let of = |texts: &RooflineTexts| (texts.name)(name);
            assert_ne!(of(&ENGLISH), of(&CHINESE));
        }
    }
}

//! Names and descriptions of the presets, and of what they learn from, in both languages.

use super::PresetTexts;

/// (identifier, texts) of every preset in English.
pub(super) const ENGLISH: &[(&str, PresetTexts)] = &[
    (
        "lenet5-mnist",
        PresetTexts {
            name: "LeNet-5 on MNIST",
            description: "A small convolutional network with 61,706 parameters learns to read handwritten digits.",
            data: "MNIST: handwritten digits, 10,000 for training and 2,000 held out",
        },
    ),
    (
        "mlp-mnist",
        PresetTexts {
            name: "MLP on MNIST",
            description: "Dense layers alone read the same digits: fast to train, and a measure of what convolution adds.",
            data: "MNIST: handwritten digits, 10,000 for training and 2,000 held out",
        },
    ),
    (
        "worked-2-3-1",
        PresetTexts {
            name: "Worked example 2-3-1",
            description: "Two inputs, three hidden units, one output and one sample: small enough to check every number by hand.",
            data: "one sample, worked by hand",
        },
    ),
    (
        "lenet5-fashion",
        PresetTexts {
            name: "LeNet-5 on Fashion-MNIST",
            description: "The network that reads digits meets clothes: the same 61,706 parameters, a harder task.",
            data: "Fashion-MNIST: pictures of clothes, 10,000 for training and 2,000 held out",
        },
    ),
    (
        "logreg",
        PresetTexts {
            name: "Logistic regression",
            description: "One weight, one bias and a sigmoid, started far on the wrong side: watch the curve turn round.",
            data: "synthetic data: 200 points on a line around −1 and 1, and 200 held out",
        },
    ),
    (
        "logreg-mse",
        PresetTexts {
            name: "Logistic regression with squared error",
            description: "The same unit from the same wrong side, with ½ (a − y)² as its loss: where the sigmoid is flat its gradient is nearly 0, and learning stalls.",
            data: "synthetic data: 200 points on a line around −1 and 1, and 200 held out",
        },
    ),
    (
        "logreg-gaussians",
        PresetTexts {
            name: "Logistic regression in the plane",
            description: "With two inputs the boundary is a straight line. It finds the best one, and no curve.",
            data: "synthetic data: two clouds of points, 400 for training and 400 held out",
        },
    ),
    (
        "mlp-moons",
        PresetTexts {
            name: "MLP on two moons",
            description: "64 hidden units bend the boundary between two interlocking half circles of points.",
            data: "synthetic data: two moons with noise 0.25, 800 points for training and 2,000 held out",
        },
    ),
    (
        "mlp-circles",
        PresetTexts {
            name: "MLP on circles",
            description: "One class encloses the other: no straight line separates them, a hidden layer does.",
            data: "synthetic data: two circles with noise 0.1, 400 points for training and 1,000 held out",
        },
    ),
    (
        "mlp-spirals",
        PresetTexts {
            name: "MLP on spirals",
            description: "Two intertwined spirals need two hidden layers and patience.",
            data: "synthetic data: two spirals with noise 0.02, 600 points for training and 1,000 held out",
        },
    ),
    (
        "mlp-xor",
        PresetTexts {
            name: "MLP on XOR",
            description: "The class is whether exactly one coordinate is positive: the task that a single layer cannot learn.",
            data: "synthetic data: a square of points with noise 0.1, 400 for training and 1,000 held out",
        },
    ),
    (
        "rnn-sine",
        PresetTexts {
            name: "RNN on a sine",
            description: "Ten recurrent units with 141 parameters read twenty numbers of a sine and predict the next one.",
            data: "a computed series, sin(0.1 t): windows of 20 numbers, 800 for training and the 200 behind them held out",
        },
    ),
    (
        "rnn-relu",
        PresetTexts {
            name: "RNN with ReLU on a sine",
            description: "The same ten units with ReLU in place of tanh: nothing holds states or gradients back, so gradients can explode. They are clipped to a norm of 1.",
            data: "a computed series, sin(0.1 t): windows of 20 numbers, 800 for training and the 200 behind them held out",
        },
    ),
    (
        "lstm-trend",
        PresetTexts {
            name: "LSTM on a noisy trend",
            description: "Sixteen LSTM units read twenty numbers of a noisy wave that climbs. The noise sets a floor that no forecast comes below.",
            data: "a series drawn from a seed: sin(0.2 t) + 0.00025 t and noise of deviation 0.1; windows of 20 numbers, 4,000 for training and the 400 behind them held out",
        },
    ),
    (
        "own-series",
        PresetTexts {
            name: "LSTM on your own series",
            description: "Sixteen LSTM units predict the next number of a series that you bring.",
            data: "your own file, one number a line: windows in order, the last fifth held out",
        },
    ),
    (
        "rnn-mnist",
        PresetTexts {
            name: "RNN on MNIST rows",
            description: "A plain recurrent network reads each digit row by row, from the top: what it saw first has to survive 28 steps.",
            data: "MNIST: handwritten digits as 28 rows, 10,000 for training and 2,000 held out",
        },
    ),
    (
        "lstm-mnist",
        PresetTexts {
            name: "LSTM on MNIST rows",
            description: "The same digits row by row through an LSTM with 128 units: gates decide what its cells keep.",
            data: "MNIST: handwritten digits as 28 rows, 10,000 for training and 2,000 held out",
        },
    ),
    (
        "gru-mnist",
        PresetTexts {
            name: "GRU on MNIST rows",
            description: "The same digits row by row through a GRU with 128 units: two gates and no separate cell.",
            data: "MNIST: handwritten digits as 28 rows, 10,000 for training and 2,000 held out",
        },
    ),
    (
        "lstm-text",
        PresetTexts {
            name: "LSTM writes Shakespeare",
            description: "An LSTM with 112,645 parameters reads two plays character by character, predicts the next one, and then writes on by itself.",
            data: "Romeo and Juliet and A Midsummer Night's Dream, 237,928 characters: windows of 64, the last tenth held out",
        },
    ),
    (
        "lstm-text-zh",
        PresetTexts {
            name: "LSTM writes Chinese verse",
            description: "The same LSTM reads classical Chinese poems: 1,195 different characters instead of 69.",
            data: "1,350 Chinese poems in lines of five characters, 53,089 characters: windows of 64, the last tenth held out",
        },
    ),
    (
        "gpt-text",
        PresetTexts {
            name: "Small GPT writes Shakespeare",
            description: "Two blocks of causal attention with four heads read the same plays: what GPT is, in 113,093 parameters.",
            data: "Romeo and Juliet and A Midsummer Night's Dream, 237,928 characters: windows of 64, the last tenth held out",
        },
    ),
    (
        "gpt-text-zh",
        PresetTexts {
            name: "Small GPT writes Chinese verse",
            description: "The same two blocks of attention read classical Chinese poems.",
            data: "1,350 Chinese poems in lines of five characters, 53,089 characters: windows of 64, the last tenth held out",
        },
    ),
    (
        "own-text",
        PresetTexts {
            name: "LSTM on your own text",
            description: "Drop a text file: an LSTM learns to write as it does.",
            data: "your text: its last tenth held out",
        },
    ),
    (
        "optim-race",
        PresetTexts {
            name: "Optimizer race",
            description: "Two weights in a long narrow bowl, ½ (w₁² + 50 w₂²): every optimizer finds its own way down.",
            data: "no data: the loss is a formula",
        },
    ),
    (
        "cnn-shapes",
        PresetTexts {
            name: "Small CNN on drawn shapes",
            description: "Two convolutions with 7,542 parameters tell six coloured shapes apart, whatever their colour, place and size.",
            data: "synthetic data: pictures drawn from a seed, 1,200 for training and 300 held out; no photographs",
        },
    ),
    (
        "vgg-s",
        PresetTexts {
            name: "Small VGG on CIFAR-10",
            description: "Six convolutions with 204,570 parameters learn to tell ten kinds of small photographs apart.",
            data: "CIFAR-10: small colour photographs, 10,000 for training and 2,000 held out",
        },
    ),
    (
        "vgg-s-bn",
        PresetTexts {
            name: "Small VGG with batch normalization",
            description: "The same six convolutions, normalized, on photographs that are shifted and mirrored anew in every epoch: 204,794 parameters.",
            data: "CIFAR-10: small colour photographs, 10,000 for training, moved at random, and 2,000 held out",
        },
    ),
    (
        "resnet-s",
        PresetTexts {
            name: "Small ResNet on CIFAR-10",
            description: "Three residual blocks with 78,042 parameters: each adds what it reads to what it computes, so gradients have a short way back.",
            data: "CIFAR-10: small colour photographs, 10,000 for training and 2,000 held out",
        },
    ),
    (
        "vgg16-thin",
        PresetTexts {
            name: "Thin VGG16 on CIFAR-10",
            description: "VGG16 at full depth with an eighth of its width: thirteen convolutions, 231,218 parameters.",
            data: "CIFAR-10: small colour photographs, 10,000 for training and 2,000 held out",
        },
    ),
    (
        "vgg16-cifar10",
        PresetTexts {
            name: "VGG16 on CIFAR-10",
            description: "The full width: thirteen convolutions and 14,719,818 parameters. A task for a real GPU.",
            data: "CIFAR-10: small colour photographs; on this page 10,000 for training and 2,000 held out",
        },
    ),
    (
        "mlp-csv",
        PresetTexts {
            name: "MLP on your own table",
            description: "A CSV file of yours: choose the column to predict, and a small network learns it from the others.",
            data: "your CSV file: four rows in five for training, the fifth held out",
        },
    ),
];

/// (identifier, texts) of every preset in Chinese.
pub(super) const CHINESE: &[(&str, PresetTexts)] = &[
    (
        "lenet5-mnist",
        PresetTexts {
            name: "LeNet-5 识别 MNIST",
            description: "一个有 61,706 个参数的小型卷积网络，学习辨认手写数字。",
            data: "MNIST 手写数字：10,000 张用于训练，2,000 张留出",
        },
    ),
    (
        "mlp-mnist",
        PresetTexts {
            name: "MLP 识别 MNIST",
            description: "只用全连接层来认同样的数字：训练很快，也能看出卷积带来了什么。",
            data: "MNIST 手写数字：10,000 张用于训练，2,000 张留出",
        },
    ),
    (
        "worked-2-3-1",
        PresetTexts {
            name: "手算示例 2-3-1",
            description: "两个输入、三个隐藏单元、一个输出、一个样本：小到每个数都能用手核对。",
            data: "一个样本，可以手算",
        },
    ),
    (
        "lenet5-fashion",
        PresetTexts {
            name: "LeNet-5 识别 Fashion-MNIST",
            description: "认数字的网络改认衣物：同样 61,706 个参数，任务更难。",
            data: "Fashion-MNIST 衣物图片：10,000 张用于训练，2,000 张留出",
        },
    ),
    (
        "logreg",
        PresetTexts {
            name: "逻辑回归",
            description: "一个权重、一个偏置、一个 sigmoid，从完全相反的位置出发：看曲线怎样翻转过来。",
            data: "合成数据：直线上 −1 和 1 附近的 200 个点，另有 200 个留出",
        },
    ),
    (
        "logreg-mse",
        PresetTexts {
            name: "用平方误差的逻辑回归",
            description: "同样的单元，同样的错误起点，损失换成 ½ (a − y)²：sigmoid 平坦的地方梯度几乎为 0，学习停滞不前。",
            data: "合成数据：直线上 −1 和 1 附近的 200 个点，另有 200 个留出",
        },
    ),
    (
        "logreg-gaussians",
        PresetTexts {
            name: "平面上的逻辑回归",
            description: "有两个输入时，分界线是一条直线：它能找到最好的直线，却画不出曲线。",
            data: "合成数据：两团点，400 个用于训练，400 个留出",
        },
    ),
    (
        "mlp-moons",
        PresetTexts {
            name: "MLP 区分两个半月",
            description: "64 个隐藏单元把分界线弯起来，分开两个互相嵌入的半圆。",
            data: "合成数据：两个半月，噪声 0.25，800 个点用于训练，2,000 个留出",
        },
    ),
    (
        "mlp-circles",
        PresetTexts {
            name: "MLP 区分同心圆",
            description: "一个类别包围着另一个：直线分不开，一个隐藏层就能分开。",
            data: "合成数据：两个同心圆，噪声 0.1，400 个点用于训练，1,000 个留出",
        },
    ),
    (
        "mlp-spirals",
        PresetTexts {
            name: "MLP 区分螺旋线",
            description: "两条缠绕的螺旋线，需要两个隐藏层和一些耐心。",
            data: "合成数据：两条螺旋线，噪声 0.02，600 个点用于训练，1,000 个留出",
        },
    ),
    (
        "mlp-xor",
        PresetTexts {
            name: "MLP 学习异或",
            description: "类别取决于是否恰有一个坐标为正：单层网络学不会的任务。",
            data: "合成数据：正方形里的点，噪声 0.1，400 个用于训练，1,000 个留出",
        },
    ),
    (
        "rnn-sine",
        PresetTexts {
            name: "RNN 预测正弦",
            description: "十个循环单元、141 个参数，读入正弦的二十个数，预测下一个。",
            data: "计算得到的序列 sin(0.1 t)：长度为 20 的窗口，800 个用于训练，其后 200 个留出",
        },
    ),
    (
        "rnn-relu",
        PresetTexts {
            name: "ReLU 循环网络预测正弦",
            description: "同样的十个单元，用 ReLU 代替 tanh：状态和梯度都不受限制，梯度可能爆炸。梯度范数超过 1 就裁剪。",
            data: "计算得到的序列 sin(0.1 t)：长度为 20 的窗口，800 个用于训练，其后 200 个留出",
        },
    ),
    (
        "lstm-trend",
        PresetTexts {
            name: "LSTM 预测带噪声的趋势",
            description: "十六个 LSTM 单元，读入一段不断上升、带噪声的波动的二十个数。噪声定下了任何预测都到不了其下的误差下限。",
            data: "由种子抽取的序列：sin(0.2 t) + 0.00025 t，加标准差 0.1 的噪声；长度为 20 的窗口，4,000 个用于训练，其后 400 个留出",
        },
    ),
    (
        "own-series",
        PresetTexts {
            name: "LSTM 预测你自己的序列",
            description: "十六个 LSTM 单元，预测你带来的序列的下一个数。",
            data: "你自己的文件，每行一个数：窗口按顺序排列，最后五分之一留出",
        },
    ),
    (
        "rnn-mnist",
        PresetTexts {
            name: "RNN 逐行读 MNIST",
            description: "普通循环网络从上到下逐行读数字：最先看到的内容要保留 28 步。",
            data: "MNIST 手写数字，每张作为 28 行的序列：10,000 张用于训练，2,000 张留出",
        },
    ),
    (
        "lstm-mnist",
        PresetTexts {
            name: "LSTM 逐行读 MNIST",
            description: "同样的数字逐行送入有 128 个单元的 LSTM：门控决定单元状态保留什么。",
            data: "MNIST 手写数字，每张作为 28 行的序列：10,000 张用于训练，2,000 张留出",
        },
    ),
    (
        "gru-mnist",
        PresetTexts {
            name: "GRU 逐行读 MNIST",
            description: "同样的数字逐行送入有 128 个单元的 GRU：只有两个门，没有单独的单元状态。",
            data: "MNIST 手写数字，每张作为 28 行的序列：10,000 张用于训练，2,000 张留出",
        },
    ),
    (
        "lstm-text",
        PresetTexts {
            name: "LSTM 写莎士比亚",
            description: "有 112,645 个参数的 LSTM 逐字符读两部剧本，预测下一个字符，然后自己续写。",
            data: "《罗密欧与朱丽叶》和《仲夏夜之梦》英文原文，237,928 个字符：长度为 64 的窗口，最后十分之一留出",
        },
    ),
    (
        "lstm-text-zh",
        PresetTexts {
            name: "LSTM 写五言诗",
            description: "同样的 LSTM 读五言诗：不同的字符有 1,195 种，而不是 69 种。",
            data: "1,350 首五言诗，53,089 个字符：长度为 64 的窗口，最后十分之一留出",
        },
    ),
    (
        "gpt-text",
        PresetTexts {
            name: "小型 GPT 写莎士比亚",
            description: "两个四头因果注意力块读同样的剧本：GPT 的结构，只用 113,093 个参数。",
            data: "《罗密欧与朱丽叶》和《仲夏夜之梦》英文原文，237,928 个字符：长度为 64 的窗口，最后十分之一留出",
        },
    ),
    (
        "gpt-text-zh",
        PresetTexts {
            name: "小型 GPT 写五言诗",
            description: "同样的两个注意力块读五言诗。",
            data: "1,350 首五言诗，53,089 个字符：长度为 64 的窗口，最后十分之一留出",
        },
    ),
    (
        "own-text",
        PresetTexts {
            name: "用你自己的文本训练 LSTM",
            description: "放入一个文本文件，LSTM 学着像它那样写。",
            data: "你的文本：最后十分之一留出",
        },
    ),
    (
        "optim-race",
        PresetTexts {
            name: "优化器竞速",
            description: "两个权重，一个又长又窄的碗 ½ (w₁² + 50 w₂²)：每种优化器各有下山的路。",
            data: "没有数据：损失就是公式",
        },
    ),
    (
        "cnn-shapes",
        PresetTexts {
            name: "小型 CNN 识别图形",
            description: "两层卷积、7,542 个参数，分辨六种彩色图形，不管颜色、位置和大小。",
            data: "合成数据：由种子绘制的图片，1,200 张用于训练，300 张留出；不是照片",
        },
    ),
    (
        "vgg-s",
        PresetTexts {
            name: "小型 VGG 识别 CIFAR-10",
            description: "六个卷积层、204,570 个参数，学习区分十类小照片。",
            data: "CIFAR-10 彩色小照片：10,000 张用于训练，2,000 张留出",
        },
    ),
    (
        "vgg-s-bn",
        PresetTexts {
            name: "带批归一化的小型 VGG",
            description: "同样的六个卷积层，加上批归一化；照片每轮都重新随机平移和翻转：204,794 个参数。",
            data: "CIFAR-10 彩色小照片：10,000 张用于训练（随机平移、翻转），2,000 张留出",
        },
    ),
    (
        "resnet-s",
        PresetTexts {
            name: "小型 ResNet 识别 CIFAR-10",
            description: "三个残差块、78,042 个参数：每个块把输入与计算结果相加，梯度因此有一条捷径返回。",
            data: "CIFAR-10 彩色小照片：10,000 张用于训练，2,000 张留出",
        },
    ),
    (
        "vgg16-thin",
        PresetTexts {
            name: "窄 VGG16 识别 CIFAR-10",
            description: "深度与 VGG16 相同，宽度只有八分之一：十三个卷积层，231,218 个参数。",
            data: "CIFAR-10 彩色小照片：10,000 张用于训练，2,000 张留出",
        },
    ),
    (
        "vgg16-cifar10",
        PresetTexts {
            name: "VGG16 识别 CIFAR-10",
            description: "完整宽度：十三个卷积层，14,719,818 个参数。适合真正的 GPU。",
            data: "CIFAR-10 彩色小照片：在本页上 10,000 张用于训练，2,000 张留出",
        },
    ),
    (
        "mlp-csv",
        PresetTexts {
            name: "MLP 学习你的表格",
            description: "用你自己的 CSV 文件：选定要预测的列，小网络从其余各列学习它。",
            data: "你的 CSV 文件：五分之四的行用于训练，其余留出",
        },
    ),
];

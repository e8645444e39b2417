"""Pruning and quantization of LeNet-5 in PyTorch, for the spread of the reference figures of docs/LAB.md over seeds.

Run from the root of the repository: python3 bench/peers/compress_torch.py [SEEDS]   (needs torch; one JSON line a seed)

Trained as `glassbox compress lenet5-mnist` trains it: SGD 0.01 with momentum 0.9, batches of 64, 5 epochs of the
committed digits, PyTorch's initial weights. One global threshold, biases left out; symmetric weights, one scale a tensor.
"""

import copy
import gzip
import json
import sys

import torch
from torch import nn
from torch.nn import functional

FOLDER = "assets/data/mnist/"


def read(name, header):
    with gzip.open(FOLDER + name) as file:
        return torch.frombuffer(bytearray(file.read()[header:]), dtype=torch.uint8)


def images(name):
    return (read(name, 16).reshape(-1, 1, 28, 28).float() / 255 - 0.1307) / 0.3081


train, labels = images("train-images-idx3-ubyte.gz"), read("train-labels-idx1-ubyte.gz", 8).long()
test, test_labels = images("t10k-images-idx3-ubyte.gz"), read("t10k-labels-idx1-ubyte.gz", 8).long()


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))


def weights(net):
    return [parameter for parameter in net.parameters() if parameter.dim() > 1]


def epochs(net, count, masks=None):
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    for _ in range(count):
        for batch in torch.randperm(len(train)).split(64):
            optimizer.zero_grad()
            functional.cross_entropy(net(train[batch]), labels[batch]).backward()
            optimizer.step()
            if masks is not None:
                with torch.no_grad():
                    for weight, mask in zip(weights(net), masks):
                        weight.mul_(mask)


@torch.no_grad()
def accuracy(net):
    return (net(test).argmax(1) == test_labels).float().mean().item()


@torch.no_grad()
def pruned(net, sparsity):
    net = copy.deepcopy(net)
    magnitudes = torch.cat([weight.abs().flatten() for weight in weights(net)])
    threshold = magnitudes.kthvalue(round(sparsity * len(magnitudes))).values
    masks = [(weight.abs() > threshold).float() for weight in weights(net)]
    for weight, mask in zip(weights(net), masks):
        weight.mul_(mask)
    return net, masks


@torch.no_grad()
def quantized(net, bits):
    net = copy.deepcopy(net)
    largest = 2 ** (bits - 1) - 1
    for weight in weights(net):
        scale = weight.abs().max() / largest
        weight.copy_(torch.round(weight / scale).clamp(-largest, largest) * scale)
    return net


for seed in range(1, 1 + int(sys.argv[1] if len(sys.argv) > 1 else 8)):
    torch.manual_seed(seed)
    net = lenet()
    epochs(net, 5)
    line = {"seed": seed, "base": accuracy(net)}
    for sparsity in [0.5, 0.8, 0.9, 0.95]:
        line[f"sparsity {sparsity}"] = accuracy(pruned(net, sparsity)[0])
    for bits in [8, 4, 3, 2]:
        line[f"{bits} bit"] = accuracy(quantized(net, bits))
    small, masks = pruned(net, 0.9)
    epochs(small, 1, masks)
    line["sparsity 0.9, one epoch"] = accuracy(small)
    print(json.dumps({key: round(value, 4) for key, value in line.items()}), flush=True)

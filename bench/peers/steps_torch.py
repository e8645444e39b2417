"""Training steps in PyTorch on the CPU: `steps_torch.py lenet|small-vgg|lstm THREADS`.

Reads one number of training steps a line; answers each with one JSON object a line:
`{"steps": ..., "millis": ..., "loss": ...}`, the loss being that of the last step. The first line
it writes says what it is: `{"version": ..., "threads": ...}`.
"""

import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

BATCH = 64


def lenet():
    """LeNet-5, and the shape of the images that it reads."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    ), (1, 28, 28)


def small_vgg():
    """`bench/small_vgg.json`, and the shape of the images that it reads."""
    def convolution(channels, width):
        return nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()

    return nn.Sequential(
        *convolution(3, 32), *convolution(32, 32), nn.MaxPool2d(2),
        *convolution(32, 64), *convolution(64, 64), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(64 * 8 * 8, 128), nn.ReLU(), nn.Linear(128, 10),
    ), (3, 32, 32)


class Rows(nn.Module):
    """`lstm-mnist`: an LSTM over the rows of a digit, ten classes from its last state."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(28, 128, batch_first=True)
        self.fc = nn.Linear(128, 10)

    def forward(self, rows):
        return self.fc(self.lstm(rows)[0][:, -1])


def lstm():
    """That model, and the shape of the digits that it reads."""
    return Rows(), (28, 28)


def batch(shape):
    """One batch that can be learned: ten random patterns, one a class, under noise."""
    generator = torch.Generator().manual_seed(1)
    patterns = torch.rand((10, *shape), generator=generator) * 2 - 1
    labels = torch.arange(BATCH) % 10
    noise = torch.rand((BATCH, *shape), generator=generator) * 2 - 1
    return (patterns[labels] + noise) / 2, labels


def main():
    torch.set_num_threads(int(sys.argv[2]))
    torch.manual_seed(2)
    model, shape = {"lenet": lenet, "small-vgg": small_vgg, "lstm": lstm}[sys.argv[1]]()
    adam = torch.optim.Adam(model.parameters(), lr=1e-3)
    images, labels = batch(shape)
    print(json.dumps({"version": torch.__version__, "threads": torch.get_num_threads()}), flush=True)
    for line in sys.stdin:
        steps = int(line)
        started = time.perf_counter()
        for _ in range(steps):
            adam.zero_grad(set_to_none=True)
            loss = F.cross_entropy(model(images), labels)
            loss.backward()
            adam.step()
        millis = (time.perf_counter() - started) * 1000
        print(json.dumps({"steps": steps, "millis": millis, "loss": loss.item()}), flush=True)


main()

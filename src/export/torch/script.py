#!/usr/bin/env python3
"""{{TITLE}}, written by Glassbox: the same layers, weights and batches in PyTorch.

One process:       python3 {{NAME}}.py
Two processes:     torchrun --nproc_per_node 2 {{NAME}}.py
Without torchrun:  python3 -m torch.distributed.run --nproc_per_node 2 {{NAME}}.py

Every process takes its part of each batch. DistributedDataParallel averages the gradients, over gloo on CPUs and nccl
on GPUs. The script prints one JSON object for each step: the loss over the whole batch, before the update.
{{NOTE}}"""

import argparse
import json
import os
import struct
from pathlib import Path

import torch
import torch.distributed as dist
import torch.nn as nn
import torch.nn.functional as F

DTYPES = {"F32": torch.float32, "I32": torch.int32, "I64": torch.int64, "U8": torch.uint8}


def read_safetensors(path):
    """The tensors of a safetensors file: 8 bytes of length, a JSON header, the data."""
    data = bytearray(Path(path).read_bytes())
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        dtype = DTYPES[entry["dtype"]]
        if begin == end:
            tensors[name] = torch.empty(entry["shape"], dtype=dtype)
            continue
        size = torch.empty(0, dtype=dtype).element_size()
        flat = torch.frombuffer(data, dtype=dtype, count=(end - begin) // size, offset=8 + length + begin)
        tensors[name] = flat.reshape(entry["shape"]).clone()
    return tensors


def put(root, name, module):
    """Adds a module under a dotted name, as state_dict has it.

    Not by add_module, which refuses names that a module has already, such as "train" or "forward", and empty ones.
    """
    *path, last = name.split(".")
    for step in path:
        root = root._modules.setdefault(step, nn.Module())
    root._modules[last] = module


def part(root, name):
    """The module that was put there under that name."""
    for step in name.split("."):
        root = root._modules[step]
    return root


class Network(nn.Module):
    def __init__(self):
        super().__init__()
{{MODULES}}
    def forward(self, x):
{{FORWARD}}

def loss_of(z, y):
    """The mean over the samples."""
    return {{LOSS}}


class Batches:
    """The batches of Glassbox: the same samples in the same order."""

    def __init__(self, path, device):
        data = read_safetensors(path)
        self.samples, self.targets = data["samples"].to(device), data["targets"].to(device)
        self.order = data["order"].long().split(data["counts"].tolist())
        self.rates = data["rates"].tolist()
        self.device = device

    def __len__(self):
        return len(self.rates)

    def __getitem__(self, step):
        """Numbers of the samples of a step."""
        return self.order[step].to(self.device)

    def read(self, at):
        """What the network reads of these samples, and what it is to answer."""
{{READ}}

def main():
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description="{{TITLE}}")
    parser.add_argument("--weights", default=here / "{{NAME}}.weights.safetensors")
    parser.add_argument("--data", default=here / "{{NAME}}.data.safetensors")
    parser.add_argument("--steps", type=int, help="updates [default: as many as there are batches]")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    parser.add_argument("--save", help="write the trained weights here, by torch.save")
    arguments = parser.parse_args()

    world = int(os.environ.get("WORLD_SIZE", "1"))
    rank = int(os.environ.get("RANK", "0"))
    local_rank = int(os.environ.get("LOCAL_RANK", "0"))
    use_cuda = arguments.device == "cuda" or (arguments.device == "auto" and torch.cuda.is_available())
    device = torch.device("cuda", local_rank) if use_cuda else torch.device("cpu")
    if use_cuda:
        torch.cuda.set_device(device)
        # The same arithmetic as elsewhere: no TF32.
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
    if world > 1:
        dist.init_process_group("nccl" if use_cuda else "gloo")

    network = Network()
    network.load_state_dict(read_safetensors(arguments.weights))
    network.to(device).train()
    model = network
    if world > 1:
        model = nn.parallel.DistributedDataParallel(network, device_ids=[local_rank] if use_cuda else None)
    optimizer = {{OPTIMIZER}}
    batches = Batches(arguments.data, device)
    steps = len(batches) if arguments.steps is None else min(arguments.steps, len(batches))

    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = batches.rates[step]
        batch = batches[step]
        own = batch[rank * len(batch) // world : (rank + 1) * len(batch) // world]
        # A process without a sample of its own reads the first one, which counts 0 times: the mean over none is NaN.
        x, y = batches.read(own if len(own) else batch[:1])
        loss = loss_of(model(x), y)
        optimizer.zero_grad()
        # DistributedDataParallel divides the sum of the gradients by the number of processes; a part that is not as
        # large as the others counts by its samples.
        (loss * (len(own) * world / len(batch))).backward()
{{CLIP}}        optimizer.step()
        total = loss.detach().double() * (len(own) / len(batch))
        if world > 1:
            dist.all_reduce(total)
        if rank == 0:
            print(json.dumps({"step": step + 1, "loss": total.item(), "processes": world}), flush=True)

    if rank == 0 and arguments.save:
        torch.save(network.state_dict(), arguments.save)
    if world > 1:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()

"""ResNet-50, the published Panoptic-FPN and a 1x1 projector: seconds of one step in PyTorch.

    python3 torch_paper_step.py IMAGES PARTS HEIGHT WIDTH THREADS [--device cuda] [--amp] [--tf32] [--rounds N]

Forward and backward of PARTS micro-batches of IMAGES each, then SGD. The loss is the cross entropy of every feature
with 1000 prototypes against random ones, without Sinkhorn, so a little less than the whole step's work. With --rounds
the first steps are warm-up, and the time the median of N after them. On CUDA TF32 is off unless it is asked for, --amp
computes in bfloat16 with channels last, and the memory is what PyTorch's allocator held at most.
"""
import argparse
import json
import statistics
import time

import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torchvision.ops import FeaturePyramidNetwork

parser = argparse.ArgumentParser()
for name in ("images", "parts", "height", "width", "threads"):
    parser.add_argument(name, type=int)
parser.add_argument("--device", default="cpu")
parser.add_argument("--rounds", type=int, default=0)
parser.add_argument("--amp", action="store_true")
parser.add_argument("--tf32", action="store_true")
options = parser.parse_args()
images, parts, height, width = options.images, options.parts, options.height, options.width
torch.set_num_threads(options.threads)
device = torch.device(options.device)
on_gpu = device.type == "cuda"
if on_gpu:
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = options.tf32
    torch.backends.cudnn.benchmark = True
WARM_UP = 3


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = torchvision.models.resnet50()
        self.net.fc = nn.Identity()
        self.fpn = FeaturePyramidNetwork([256, 512, 1024, 2048], 256)
        self.heads = nn.ModuleList(
            nn.ModuleList(
                nn.Sequential(nn.Conv2d(128 if j else 256, 128, 3, padding=1, bias=False),
                              nn.BatchNorm2d(128), nn.ReLU(inplace=True))
                for j in range(max(1, level)))
            for level in range(4))
        self.projector = nn.Conv2d(128, 128, 1)
        self.prototypes = nn.Parameter(F.normalize(torch.randn(1000, 128), dim=1))

    def forward(self, x):
        net = self.net
        x = net.maxpool(net.relu(net.bn1(net.conv1(x))))
        maps = {}
        for i, stage in enumerate((net.layer1, net.layer2, net.layer3, net.layer4)):
            x = maps[str(i)] = stage(x)
        total = 0
        for level, x in enumerate(self.fpn(maps).values()):
            for block in self.heads[level]:
                x = block(x)
                if level:
                    x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            total = total + x
        return self.projector(total)


layout = torch.channels_last if options.amp else torch.contiguous_format
network = Network().to(device, memory_format=layout).train()
optimizer = torch.optim.SGD(network.parameters(), 0.1, 0.9, weight_decay=1e-4)
batches = [torch.randn(images, 3, height, width, device=device).contiguous(memory_format=layout)
           for _ in range(parts)]


def step():
    started = time.perf_counter()
    optimizer.zero_grad(set_to_none=True)
    for batch in batches:
        with torch.autocast(device.type, torch.bfloat16, enabled=options.amp):
            features = network(batch).float()
        rows = F.normalize(features.permute(0, 2, 3, 1).reshape(-1, 128), dim=1)
        rows = rows[torch.randperm(len(rows), device=device)[: images * 11200]]
        labels = torch.randint(1000, (len(rows),), device=device)
        with torch.autocast(device.type, torch.bfloat16, enabled=options.amp):
            loss = F.cross_entropy(rows @ network.prototypes.T / 0.1, labels) / parts
        loss.backward()
    optimizer.step()
    if on_gpu:
        torch.cuda.synchronize()
    return time.perf_counter() - started


times = [step() for _ in range(options.rounds + WARM_UP if options.rounds else 1)]
if on_gpu:
    peak = torch.cuda.max_memory_allocated()
else:
    # Not getrusage's, which a process takes over from the one that started it.
    with open("/proc/self/status") as status:
        peak = int(next(line for line in status if line.startswith("VmHWM")).split()[1]) * 1024
print(json.dumps(dict(name=f"PyTorch {torch.__version__}", peakGiB=peak / 2 ** 30,
                      seconds=statistics.median(times[WARM_UP:] if options.rounds else times))))

"""ResNet-18 with Panoptic-FPN's semantic branch and a 1x1 head, trained by PyTorch; see step.ts."""
import time

from torch_peer import read_tensors, serve, torch  # says what is missing, so it comes first

import torch.nn.functional as F
import torchvision
from torch import nn


class Pyramid(nn.Module):
    """lib/nn/fpn.ts under its own parameter names."""

    def __init__(self, inputs, channels):
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(size, channels, 1) for size in inputs)
        self.head = nn.ModuleList(
            nn.ModuleList(
                nn.ModuleDict({
                    "conv": nn.Conv2d(channels, channels, 3, padding=1, bias=False),
                    "norm": nn.BatchNorm2d(channels),
                })
                for _ in range(max(1, level))
            )
            for level in range(len(inputs))
        )

    def forward(self, maps):
        above, total = None, None
        for level in reversed(range(len(maps))):
            lateral = self.lateral[level](maps[level])
            above = lateral if above is None else lateral + F.interpolate(above, scale_factor=2)
            x = above
            for block in self.head[level]:
                x = F.relu(block["norm"](block["conv"](x)), inplace=True)
                if level > 0:
                    x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            total = x if total is None else total + x
        return total


class Network(nn.Module):
    """lib/pretrain/encoder.ts with a projector of one convolution."""

    def __init__(self, channels, outputs):
        super().__init__()
        self.backbone = torchvision.models.resnet18()
        self.backbone.fc = nn.Identity()
        self.pyramid = Pyramid([64, 128, 256, 512], channels)
        self.projector = nn.ModuleList([nn.Conv2d(channels, outputs, 1)])

    def forward(self, x):
        net = self.backbone
        x = net.maxpool(net.relu(net.bn1(net.conv1(x))))
        maps = []
        for stage in (net.layer1, net.layer2, net.layer3, net.layer4):
            x = stage(x)
            maps.append(x)
        return self.projector[0](self.pyramid(maps))


class Trainer:
    """What `start` makes and `step` moves on."""

    def start(self, path, channels, outputs, learning_rate, momentum, weight_decay, channels_last,
              autocast):
        tensors = read_tensors(path)
        layout = torch.channels_last if channels_last else torch.contiguous_format
        images = tensors.pop("input.images").permute(0, 3, 1, 2)
        self.autocast = autocast
        self.images = images.contiguous(memory_format=layout)
        self.labels = tensors.pop("input.labels").long()
        self.network = Network(channels, outputs)
        missing, unknown = self.network.load_state_dict(tensors, strict=False)
        missing = [name for name in missing if not name.endswith("num_batches_tracked")]
        if missing or unknown:
            raise SystemExit(f"weights do not fit: missing {missing}, unknown {unknown}")
        self.network = self.network.to(memory_format=layout).train()
        self.optimizer = torch.optim.SGD(
            self.network.parameters(), learning_rate, momentum, weight_decay=weight_decay)
        return {"parameters": sum(p.numel() for p in self.network.parameters())}

    def step(self):
        started = time.perf_counter()
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.autocast):
            logits = self.network(self.images)
        loss = F.cross_entropy(logits.float(), self.labels)
        loss.backward()
        self.optimizer.step()
        value = loss.item()
        return {"seconds": time.perf_counter() - started, "loss": value}


if __name__ == "__main__":
    trainer = Trainer()
    serve({"start": trainer.start, "step": trainer.step})

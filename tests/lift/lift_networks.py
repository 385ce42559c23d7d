"""Networks that are lifted: plain ones, residual ones, and some of unusual form."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def classifier() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 24, 3, padding=1, bias=False),
        nn.BatchNorm2d(24, eps=1e-3),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(24, 16),
        nn.Tanh(),
        nn.Dropout(0.0),
        nn.Linear(16, 10),
    )


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        y += x if self.downsample is None else self.downsample(x)
        return self.relu(y)


class ResNet(nn.Module):
    """The form of torchvision's ResNet-18, with fewer channels."""

    def __init__(self, width: int = 8, stages: int = 4, blocks: int = 2) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layers = nn.Sequential()
        inputs = width
        for stage in range(stages):
            outputs = width * 2**stage
            made = [Block(inputs, outputs, 1 if stage == 0 else 2)]
            made += [Block(outputs, outputs) for _ in range(blocks - 1)]
            self.layers.append(nn.Sequential(*made))
            inputs = outputs
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(inputs, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = torch.flatten(self.avgpool(self.layers(x)), 1)
        y: Tensor = self.fc(x)
        return y


class Functions(nn.Module):
    """Functions in the place of layers, groups, a mean, a number of channels that 8 does not divide."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 5, padding="same")
        self.narrow = nn.Conv2d(32, 16, 1)
        self.grouped = nn.Conv2d(16, 16, 3, padding=1, groups=4, padding_mode="reflect")
        self.wide = nn.Conv2d(16, 32, 1)
        self.odd = nn.Conv2d(32, 20, 1)
        self.head = nn.Linear(20, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.gelu(self.stem(x))
        y = functional.leaky_relu(self.narrow(x), 0.2)
        y = torch.add(self.wide(functional.relu(self.grouped(y))), x)
        y = functional.avg_pool2d(torch.relu(y), 2)
        y: Tensor = self.head(self.odd(y).mean((2, 3)))
        return y


class Denoiser(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(2, 24, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose2d(24, 2, 3, stride=2, padding=1)

    def forward(self, input: Tensor) -> Tensor:
        return input + self.up(self.down(input).tanh())


def reads() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(4, 16, 7, padding=3),
        nn.ReLU(),
        nn.MaxPool1d(2),
        nn.Conv1d(16, 10, 3, dilation=2),
        nn.SiLU(),
        nn.Flatten(),
        nn.Linear(10 * 21, 1),
    )


def volume() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(1, 24, 3, stride=2, padding=1),
        nn.BatchNorm3d(24),
        nn.ReLU(),
        nn.AdaptiveMaxPool3d(1),
        nn.Flatten(),
        nn.Linear(24, 3),
    )


def circle() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(2, 12, 3, padding=1, padding_mode="circular"),
        nn.ReLU(),
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),
        nn.Linear(12, 3),
    )


def wide() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 16, (3, 5), stride=(2, 1), padding=(1, 2)),
        nn.Identity(),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(16 * 16 * 14, 7),
    )


class Twice(nn.Module):
    """A layer that is called twice; the result is one tensor of positions."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Conv2d(8, 8, 3, padding=1)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.mix(self.relu(self.mix(x)))
        return y

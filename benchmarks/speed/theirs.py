"""Others' segmenters by diffusion, from their packages, as these ship them."""

from __future__ import annotations

import warnings

import torch
from torch import nn
from torch.nn import functional

from speed.contender import Task

LEARNING_RATE = 1e-4
TRAINED_LEVELS = 1000


class Lucidrains:
    """`med-seg-diff-pytorch`: its `Unet` of dim 64 as in its README, 1000 steps of its sampler."""

    name = "med-seg-diff-pytorch"
    steps = TRAINED_LEVELS

    def __init__(self, task: Task) -> None:
        from med_seg_diff_pytorch import MedSegDiff, Unet

        self.task = task
        unet = Unet(
            dim=64,
            image_size=task.side,
            mask_channels=1,
            input_img_channels=3,
            dim_mults=(1, 2, 4, 8),
        )
        self.diffusion = MedSegDiff(unet, timesteps=TRAINED_LEVELS).to(task.device)
        self.optimizer = torch.optim.AdamW(self.diffusion.parameters(), lr=LEARNING_RATE)
        self.seen = task.image()

    @property
    def network(self) -> nn.Module:
        """The network."""
        return self.diffusion.model

    def look(self) -> object:
        """Nothing: it sees the image in every step."""
        return None

    @torch.inference_mode()
    def step(self, members: int) -> object:
        """One step of its own sampler."""
        x_t = torch.randn(members, 1, self.task.side, self.task.side, device=self.task.device)
        image = self.seen.expand(members, -1, -1, -1)
        with self.task.autocast():
            return self.diffusion.p_sample(x_t, TRAINED_LEVELS // 2, image)

    def train_step(self) -> object:
        """Its own loss, gradient, optimiser; no reading, no augmentation."""
        with self.task.autocast():
            loss = self.diffusion(self.task.mask(self.task.batch), self.task.image(self.task.batch))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return float(loss.detach())


class Monai:
    """MONAI's `DiffusionModelUNet` with `DDIMScheduler`, image and mask as channels together.

    Channels and attention are those of its tutorial on segmentation by diffusion; 50 steps.
    """

    name = "MONAI DiffusionModelUNet"
    steps = 50

    def __init__(self, task: Task) -> None:
        with warnings.catch_warnings():  # its import warns of its own dependencies
            warnings.simplefilter("ignore")
            from monai.networks.nets.diffusion_model_unet import DiffusionModelUNet
            from monai.networks.schedulers.ddim import DDIMScheduler
        self.task = task
        self.unet = DiffusionModelUNet(
            spatial_dims=2,
            in_channels=4,
            out_channels=1,
            channels=(64, 64, 64),
            attention_levels=(False, False, True),
            num_res_blocks=1,
            num_head_channels=64,
        ).to(task.device)
        self.scheduler = DDIMScheduler(num_train_timesteps=TRAINED_LEVELS)
        self.scheduler.set_timesteps(self.steps)
        self.optimizer = torch.optim.AdamW(self.unet.parameters(), lr=LEARNING_RATE)
        self.seen = task.image()

    @property
    def network(self) -> nn.Module:
        """The network."""
        return self.unet

    def look(self) -> object:
        """Nothing: it sees the image in every step."""
        return None

    @torch.inference_mode()
    def step(self, members: int) -> object:
        """One step of its scheduler."""
        x_t = torch.randn(members, 1, self.task.side, self.task.side, device=self.task.device)
        image = self.seen.expand(members, -1, -1, -1)
        level = torch.full((members,), TRAINED_LEVELS // 2, device=self.task.device)
        with self.task.autocast():
            noise = self.unet(torch.cat([image, x_t], dim=1), level)
        return self.scheduler.step(noise.float(), TRAINED_LEVELS // 2, x_t)

    def train_step(self) -> object:
        """Noise, loss, gradient, optimiser; no reading, no augmentation."""
        batch = self.task.batch
        image, mask = self.task.image(batch), self.task.mask(batch)
        noise = torch.randn_like(mask)
        level = torch.randint(TRAINED_LEVELS, (batch,), device=self.task.device)
        noisy = self.scheduler.add_noise(mask, noise, level)
        with self.task.autocast():
            loss = functional.mse_loss(self.unet(torch.cat([image, noisy], dim=1), level), noise)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return float(loss.detach())

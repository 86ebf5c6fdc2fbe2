"""Others' segmenters by diffusion, from their packages, as these ship them."""

from __future__ import annotations

import warnings

import torch
from torch import nn
from torch.nn import functional

from speed.contender import Task

LEARNING_RATE = 1e-4
TRAINED_LEVELS = 1000


class Theirs:
    """What the others have in common: no look at the image apart, and a plain optimiser.

    Args:
        task: image, batch, precision.
        network: theirs.
    """

    steps_in_a_row = 1

    def __init__(self, task: Task, network: nn.Module) -> None:
        self.task = task
        self.network = network.to(task.device)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=LEARNING_RATE)
        self.seen = task.image()

    def look(self) -> object:
        """Nothing: they see the image in every step."""
        return None

    def begun(self, members: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Noise for each member, and the image for each."""
        side, device = self.task.side, self.task.device
        return torch.randn(members, 1, side, side, device=device), self.seen.expand(
            members, -1, -1, -1
        )

    def updated(self, loss: torch.Tensor) -> float:
        """One step of the optimiser."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return float(loss.detach())


class Lucidrains(Theirs):
    """`med-seg-diff-pytorch`: its `Unet` of dim 64 as in its README, 1000 steps of its sampler."""

    name = "med-seg-diff-pytorch"
    steps = TRAINED_LEVELS

    def __init__(self, task: Task) -> None:
        from med_seg_diff_pytorch import MedSegDiff, Unet

        unet = Unet(
            dim=64,
            image_size=task.side,
            mask_channels=1,
            input_img_channels=3,
            dim_mults=(1, 2, 4, 8),
        )
        super().__init__(task, unet)
        self.diffusion = MedSegDiff(unet, timesteps=TRAINED_LEVELS).to(task.device)

    @torch.inference_mode()
    def step(self, members: int) -> object:
        """One step of its own sampler."""
        x_t, image = self.begun(members)
        with self.task.autocast():
            return self.diffusion.p_sample(x_t, TRAINED_LEVELS // 2, image)

    def train_steps(self) -> object:
        """Its own loss, gradient, optimiser; no reading, no augmentation."""
        with self.task.autocast():
            loss = self.diffusion(self.task.mask(self.task.batch), self.task.image(self.task.batch))
        return self.updated(loss)


class Monai(Theirs):
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
        unet = DiffusionModelUNet(
            spatial_dims=2,
            in_channels=4,
            out_channels=1,
            channels=(64, 64, 64),
            attention_levels=(False, False, True),
            num_res_blocks=1,
            num_head_channels=64,
        )
        super().__init__(task, unet)
        self.scheduler = DDIMScheduler(num_train_timesteps=TRAINED_LEVELS)
        self.scheduler.set_timesteps(self.steps)

    @torch.inference_mode()
    def step(self, members: int) -> object:
        """One step of its scheduler."""
        x_t, image = self.begun(members)
        level = torch.full((members,), TRAINED_LEVELS // 2, device=self.task.device)
        with self.task.autocast():
            noise = self.network(torch.cat([image, x_t], dim=1), level)
        return self.scheduler.step(noise.float(), TRAINED_LEVELS // 2, x_t)

    def train_steps(self) -> object:
        """Noise, loss, gradient, optimiser; no reading, no augmentation."""
        batch = self.task.batch
        image, mask = self.task.image(batch), self.task.mask(batch)
        noise = torch.randn_like(mask)
        level = torch.randint(TRAINED_LEVELS, (batch,), device=self.task.device)
        noisy = self.scheduler.add_noise(mask, noise, level)
        with self.task.autocast():
            loss = functional.mse_loss(self.network(torch.cat([image, noisy], dim=1), level), noise)
        return self.updated(loss)

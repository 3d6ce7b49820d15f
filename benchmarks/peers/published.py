"""The published tools that nbinspect is measured beside, each pinned to one version."""

from __future__ import annotations

from peers.environment import Peer

PEERS = (
    Peer("treescope", "0.1.10", "https://treescope.readthedocs.io/en/stable/"),
    Peer("lovely-tensors", "0.1.22", "https://xl0.github.io/lovely-tensors"),
    Peer("torchinfo", "1.8.0", "https://github.com/tyleryep/torchinfo"),
    Peer("torchlens", "2.36.1", "https://github.com/johnmarktaylor91/torchlens"),
    Peer("torchtest2", "0.1.0", "https://github.com/Hrehory/torchtest2"),
    Peer("torcheck", "1.0.1", "https://github.com/pengyan510/torcheck", alone=True),
    Peer("tensorboard", "2.21.0", "https://docs.pytorch.org/docs/stable/tensorboard.html"),
    Peer("wandb", "0.31.0", "https://docs.wandb.ai"),
    Peer("cleanlab", "2.9.0", "https://docs.cleanlab.ai/stable/cleanlab/datalab/guide/issue_type_description.html"),
    Peer("fastdup", "2.54", "https://github.com/visual-layer/fastdup", apart=True),
    Peer("cockpit-for-pytorch", "1.0.2", "https://github.com/f-dangel/cockpit", apart=True, beside=("setuptools<81",)),
)
"""Of torcheck nothing newer was published; it asks for a torch below 2 but runs on this one, so it is let in alone.
What fastdup asks for of NumPy and Pillow is older than what nbinspect is tested with. Cockpit imports `pkg_resources`,
which later versions of setuptools have no more."""

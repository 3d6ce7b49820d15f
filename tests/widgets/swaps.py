"""A swap of model and data, made by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nbinspect.records import SwapRecord, SwapRun

RUN = SwapRun("yours", "yours", "SGD, rate 0.1 (yours)", np.array([0, 5]), np.array([2.3, 2.2]), 0.04, 0.02, "fails")
RECORD = SwapRecord(
    model="Net",
    at_fault="model",
    sentence="Your model is at fault: the reference model comes 80 % of the way.",
    runs=(
        RUN,
        replace(RUN, data="reference", losses=np.array([]), steps=np.array([]), gain=-np.inf, error="ValueError: no"),
    ),
    chance=(2.3, 2.31),
    floor=(0.0, 0.0),
    reference_model="perceptron of 99 parameters",
    reference_data="made by a planted teacher",
    task="classification",
    seed=0,
    seconds=1.5,
    notes=("no optimizer was given",),
)

"""What there is to say of a signal that shrinks or explodes through the depth."""

from __future__ import annotations

from nbinspect.records import CheckResult
from nbinspect.sanity.check import failed, measured, warned
from nbinspect.sanity.evidence.layers.depth import Layer, magnitude, through_depth


def of_scale(
    layers: list[Layer], shares: list[float], at: int, *, share: float, expected: str, grave: bool
) -> CheckResult:
    """Tell of a signal that shrinks or explodes, by the layer that does most of it.

    Args:
        layers: all of a network, from input to output.
        shares: of the variation at the input, what each of them leaves.
        at: the place of the layer.
        share: what is told of.
        expected: what is sound, in words.
        grave: whether it is a defect.
    """
    layer = layers[at]
    std = float(layer.weight.detach().double().std()) if layer.weight.numel() > 1 else 0.0
    wanted = (2 / max(1, layer.weight[0].numel())) ** 0.5
    does, other = ("explodes", "smaller") if share > 1 else ("shrinks", "larger")
    return (failed if grave else warned)(
        f"signal {does} to {magnitude(share)} of the input's",
        measured("variation between samples, of that at the input", share, expected),
        measured(f"std of {layer.name}", std, f"{wanted:.3g} (He), {wanted / 2**0.5:.3g} (Xavier, LeCun)"),
        title=f"The signal {does} through the depth",
        detail=f"Through {len(layers)} weighted layers the differences between samples come to {magnitude(share)} "
        f"of those at the input, so that one learning rate cannot train all layers.",
        remedy=f"Initialise with {other} weights, kaiming_normal_ for ReLU or xavier_normal_ for tanh "
        f"(std {wanted:.3g} at {layer.name}), or normalise between the layers.",
        where=layer.name,
        place=layer.operation.step.place,
        code="+ for weight in (p for p in model.parameters() if p.dim() > 1):\n+     nn.init.kaiming_normal_(weight)",
        charts=(through_depth("Variation between samples", "of that at the input", [x.name for x in layers], shares),),
    )

"""Sentences on how the study was done: its seeds, its networks, their training."""

from __future__ import annotations

from typing import Any

from emorec.report.wording.text import large, listing, many, percent, plain


def spread(seeds: int) -> str:
    """What the intervals cover, said once in the methods and once under the limits."""
    if seeds == 1:
        return (
            "This study trained every network once, with one seed, so the spread over seeds is unknown: the intervals "
            "hold the trained networks fixed and speak only about other faces drawn like these"
        )
    return (
        f"This study repeats every training with {many(seeds, 'seed')}; the intervals cover the draw of the test faces "
        "and the spread between seeds as far as so few show it, so they speak about other faces and other training "
        "runs at once. Where groups are found, they are found once, from all seeds"
    )


def repeated(seeds: int) -> str:
    """How often the study was done, in a few words."""
    return "Everything was trained once" if seeds == 1 else f"Every training was repeated with {many(seeds, 'seed')}"


def replicates(seeds: int) -> str:
    """What to know of the ensemble's replicates when reading its spread."""
    if seeds == 1:
        return "With one seed there is one replicate of each model, and no spread between replicates"
    return (
        "Replicates of the ensemble share some of their members, since no network is trained twice, so the spread "
        "between them, and the seeds' part of an interval about a difference from it, understates what wholly fresh "
        "ensembles would show; the faces' part is not affected"
    )


_STEMS = {
    "full": "a 3×3 first convolution of stride 1 without pooling, which keeps every pixel of the small image",
    "stride2": "a 3×3 first convolution of stride 2 without pooling",
    "imagenet": "the 7×7 first convolution of stride 2 and the pooling that are usual for ImageNet",
}


def architecture(how: dict[str, Any], parameters: int) -> str:
    """The single network in one sentence; what `how` does not say is left out."""
    text = f"The single network is a residual network of {how['depth']} layers" if "depth" in how else "It is residual"
    if "width" in how:
        text += f", {how['width']} channels wide in its first stage"
    if "stem" in how:
        text += f", with {_STEMS.get(how['stem'], how['stem'])}"
    if how.get("whitening"):
        text += ", behind a fixed layer that whitens patches of the image"
    return f"{text}: {large(parameters)} parameters."


def training(how: dict[str, Any]) -> str:
    """How the networks are trained, in one sentence; what `how` does not say is left out."""
    parts = []
    if "momentum" in how:
        parts.append(f"by stochastic gradient descent with Nesterov momentum of {plain(how['momentum'])}")
    if "epochs" in how:
        parts.append(f"for {many(int(how['epochs']), 'epoch')}")
    if "batch" in how:
        parts.append(f"in batches of {how['batch']} faces")
    if "lr" in how:
        schedule = {"one-cycle": "falls to zero in a straight line", "cosine": "falls to zero along half a cosine"}
        rise = f"rises over the first {percent(how['warmup'], 0)} of the steps and " if how.get("warmup") else ""
        course = f" that {rise}{schedule[how['schedule']]}" if how.get("schedule") in schedule else ""
        parts.append(f"at a learning rate of at most {plain(how['lr'])}{course}")
    if how.get("weight_decay"):
        parts.append(f"with weight decay of {plain(how['weight_decay'])}")
    if how.get("label_smoothing"):
        parts.append(f"with labels smoothed by {plain(how['label_smoothing'])}")
    return f"It is trained {', '.join(parts)}." if parts else "How it is trained is in the table."


def views(kind: str, crop: int, side: int) -> str:
    """What of a test face the networks look at, in one sentence."""
    middle = f"its middle {crop}×{crop} pixels" if crop < side else "the whole face"
    if kind == "none":
        return f"Of a face to be labelled a network sees {middle}."
    seen = f"{middle} and their mirror image" if crop < side else "the face and its mirror image"
    if kind == "ten-crop":
        seen = (
            f"ten views of it: windows of {crop}×{crop} pixels in the middle and the four corners, each mirrored, too"
        )
    return f"What a network says of a face to be labelled is averaged over {seen}."


def augmentation(how: dict[str, Any], crop: int, side: int) -> str:
    """The random changes to training faces, in one sentence; strengths of zero are left out."""
    parts = [f"cut to a random window of {crop}×{crop} pixels"] if crop < side else []
    if how.get("flip"):
        parts.append("mirrored half of the time")
    if how.get("rotation"):
        parts.append(f"turned by up to {plain(how['rotation'])}°")
    if how.get("shift"):
        parts.append(f"shifted by up to {percent(how['shift'], 0)} of the side")
    if how.get("scale"):
        parts.append(f"scaled by up to {percent(how['scale'], 0)}")
    if how.get("brightness") or how.get("contrast"):
        parts.append("changed in brightness and contrast")
    if how.get("erasing"):
        parts.append(f"with a random rectangle blanked in {percent(how['erasing'], 0)} of the cases")
    return f"Training faces are {listing(parts)}, anew each time." if parts else "Training faces are not augmented."

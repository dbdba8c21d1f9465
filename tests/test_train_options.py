"""The trainer with its options: bits that don't change, runs that resume, losses that are not finite, CUDA."""

from __future__ import annotations

import json
import math
import os
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_network as tiny
import torch

from emorec.config import Augmentation, MixtureSpec, validate
from emorec.errors import EmorecError
from emorec.networks import checkpoint
from emorec.networks import train as trainer
from emorec.networks.augment import _grid, augment, normalise
from emorec.networks.batches import Feed, select
from emorec.networks.build import build
from emorec.networks.device import processor, set_determinism
from emorec.networks.store import load_network, network_outputs, save_network

GROUPS = (("happy", "neutral"), ("fear", "surprise"), ("angry", "disgust", "sad"))
NO_AFFINE = {"flip": False, "rotation": 0, "shift": 0, "scale": 0, "erasing": 0.3}
STORED = json.loads((Path(__file__).parent / "trainer_bits.json").read_text())
SAME_MACHINE = (
    processor() == STORED["processor"]
    and torch.backends.cpu.get_cpu_capability() == STORED["capability"]
    and torch.__version__.split("+")[0] == STORED["torch"]
)
EVERYTHING = {
    "ema": 0.9,
    "mixup": 0.2,
    "cutmix": 1.0,
    "class_balance": "effective-number",
    "crop": 44,
    "views": "ten-crop",
}
# A single network and each family of jointly trained ones, from (architecture, **training) to a spec.
BUILDS = {"single": tiny.spec} | {
    name: lambda architecture, _mixture=mixture, **how: tiny.joint(3, architecture, **_mixture, **how)
    for name, mixture in tiny.FAMILIES.items()
}
ALL_PARTS = {"squeeze_excitation": 16, "stochastic_depth": 0.2, "dropout": 0.2, "whitening": True}


@pytest.mark.skipif(not SAME_MACHINE, reason="bits depend on processor and torch version")
@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("default", tiny.spec({"width": 4})),
        ("cosine-fp32", tiny.spec({"width": 4}, schedule="cosine", precision="fp32", momentum=0.0, epochs=3)),
        ("gate", tiny.spec({"width": 4, "depth": 18, "stem": "stride2"}, GROUPS, label_smoothing=0.0)),
        (
            "expert",
            tiny.spec({"width": 4, "stem": "full"}, (("angry",), ("disgust",), ("sad",)), augmentation=NO_AFFINE),
        ),
    ],
)
def test_options_that_are_off_change_no_bit(name, spec):
    """The digests are of this trainer with every option off."""
    assert tiny.digest(tiny.run(spec)) == STORED[name]


def test_augmentation_draws_in_the_same_order_as_ever():
    """Values taken before there were any options; on any machine, but for rounding."""
    images, _ = tiny.faces()
    x = normalise(torch.from_numpy(images["train"][:16]), 0.5, 0.25)
    seen = augment(x, Augmentation(), torch.Generator().manual_seed(3))[:6, 0, 20, 20]
    assert seen.tolist() == pytest.approx([-0.86862, 0.8439, 1.18092, -1.45587, 1.36429, 0.02497], abs=1e-4)


def test_the_augmentations_grid_is_torchs():
    theta = torch.randn(5, 2, 3, generator=torch.Generator().manual_seed(0))
    expected = torch.nn.functional.affine_grid(theta, [5, 1, 48, 40], align_corners=False)
    assert torch.allclose(_grid(theta, 48, 40), expected, atol=1e-6)


def test_two_runs_with_every_option_give_the_same_bits_and_another_seed_others():
    spec = tiny.spec(ALL_PARTS, **EVERYTHING)
    first = tiny.digest(tiny.run(spec))
    assert tiny.digest(tiny.run(spec)) == first
    assert tiny.digest(tiny.run(spec, seed=1)) != first


@pytest.mark.parametrize("every", [1, 2])
def test_an_interrupted_run_ends_with_the_same_bits(tmp_path, monkeypatch, every):
    spec = tiny.spec(ALL_PARTS, **EVERYTHING, epochs=4, checkpoint_every=every)
    whole = tiny.run(spec)
    path = tmp_path / "checkpoint.safetensors"
    original, calls = trainer._epoch, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return original(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "_epoch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            tiny.run(spec, checkpoint_path=path)
    resumed = tiny.run(spec, checkpoint_path=path)
    assert tiny.digest(resumed) == tiny.digest(whole)
    drop = ("seconds",)
    assert [{k: v for k, v in row.items() if k not in drop} for row in resumed.history] == [
        {k: v for k, v in row.items() if k not in drop} for row in whole.history
    ]


def test_checkpoints_are_written_every_so_many_epochs_and_after_the_last(tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(checkpoint, "save", lambda path, state: saved.append(state.epoch))
    tiny.run(tiny.spec(epochs=5, checkpoint_every=2), checkpoint_path=tmp_path / "c.safetensors")
    assert saved == [2, 4, 5]


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_checkpoint(tmp_path, caplog, monkeypatch):
    path = tmp_path / "checkpoint.safetensors"
    spec = tiny.spec(epochs=3)
    original = trainer.rate
    monkeypatch.setattr(trainer, "rate", lambda step, *a, **k: 1e30 if step == 5 else original(step, *a, **k))
    with pytest.raises(EmorecError, match=r"at step 3 of epoch 2 \(learning rate .*, training faces \[\d+, "):
        tiny.run(spec, checkpoint_path=path)
    kept = trainer.checkpoint.load(path, trainer._fingerprint(spec, 0, *tiny.faces()))
    assert kept is not None and kept.epoch == 1
    assert all(torch.isfinite(t).all() for n, t in kept.tensors.items() if n.startswith("best."))
    rows = json.loads(caplog.text[caplog.text.index("[") :].split("]")[0] + "]")
    assert len(rows) == tiny.TRAINING["batch"] and max(rows) < 280


def test_a_loss_on_val_that_is_not_finite_stops_before_the_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.safetensors"
    scores = iter([(1.9, 0.2), (math.nan, 0.3)])
    monkeypatch.setattr(trainer, "_score", lambda *_: next(scores))
    with pytest.raises(EmorecError, match="loss on val is not finite at step 4 of epoch 2"):
        tiny.run(tiny.spec(epochs=3), checkpoint_path=path)
    assert trainer.checkpoint.load(path, trainer._fingerprint(tiny.spec(epochs=3), 0, *tiny.faces())).epoch == 1


def test_the_rows_of_a_part_are_those_of_the_split():
    images, labels = tiny.faces()
    spec = tiny.spec(classes=(("happy",), ("neutral",)))
    part = select(images["train"], labels["train"], spec, torch.device("cpu"))
    assert set(labels["train"][part.rows]) == {3, 6}
    np.testing.assert_array_equal(part.images.numpy(), images["train"][part.rows])


def test_an_epoch_has_as_many_batches_for_a_part_as_for_the_whole():
    images, labels = tiny.faces()
    spec = tiny.spec(classes=(("happy",), ("neutral",)))
    part = select(images["train"], labels["train"], spec, torch.device("cpu"))
    batches = list(Feed(part, spec.training, 0.5, 0.25).epoch(4, 1))
    assert [len(batch.x) for batch in batches] == [64] * 4
    seen = torch.cat([batch.faces for batch in batches])
    assert seen.bincount(minlength=len(part)).min() >= 256 // len(part)


def test_a_saved_network_loads_and_its_record_says_whether_it_can_be_repeated(tmp_path):
    spec = tiny.spec(ALL_PARTS, **EVERYTHING)
    trained = tiny.run(spec)
    save_network(tmp_path, spec, 0, trained, 0.5, 0.25)
    loaded = load_network(tmp_path)
    assert loaded.record["deterministic"] is True
    for name, tensor in loaded.network.state_dict().items():
        assert torch.equal(tensor, trained.weights[name]), name


def test_a_record_from_before_there_were_options_still_loads(tmp_path):
    spec = tiny.spec()
    save_network(tmp_path, spec, 0, tiny.run(spec), 0.5, 0.25)
    path = tmp_path / "network.json"
    record = json.loads(path.read_text())
    for key in ("squeeze_excitation", "stochastic_depth", "dropout", "whitening"):
        del record["spec"]["architecture"][key]
    for key in ("ema", "mixup", "cutmix", "class_balance", "crop", "views", "deterministic", "compile"):
        del record["spec"]["training"][key]
    path.write_text(json.dumps(record))
    load_network(tmp_path)


def test_ten_crops_of_the_whole_face_are_refused():
    config = {"study": "s", "models": {"a": {"kind": "single"}}, "training": {"views": "ten-crop"}}
    with pytest.raises(EmorecError, match="ten-crop needs a crop of less than 48 pixels"):
        validate(config, "c.yaml")


@pytest.mark.gpu
class TestCuda:
    @pytest.mark.parametrize("family", BUILDS.values(), ids=BUILDS)
    def test_deterministic_runs_give_the_same_bits(self, family):
        spec = family(ALL_PARTS, **EVERYTHING | {"device": "cuda", "deterministic": True, "compile": False})
        first = tiny.run(spec)
        assert first.deterministic
        assert tiny.digest(tiny.run(spec)) == tiny.digest(first)

    @pytest.mark.parametrize("family", BUILDS.values(), ids=BUILDS)
    @pytest.mark.parametrize("architecture", [{}, ALL_PARTS], ids=["plain", "all-parts"])
    def test_a_compiled_fast_run_learns_and_keeps_its_compiled_code(self, tmp_path, monkeypatch, architecture, family):
        torch.compiler.reset()  # else what another test compiled is taken; it names a folder of its own
        monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "")  # so that what the run sets is undone
        monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR")
        trained = tiny.run(family(architecture, device="cuda", epochs=6), compile_cache=tmp_path / "compiled")
        assert not trained.deterministic
        assert trained.history[-1]["train_loss"] < trained.history[0]["train_loss"]
        assert any((tmp_path / "compiled").rglob("*"))

    @pytest.mark.parametrize("family", BUILDS.values(), ids=BUILDS)
    def test_no_step_waits_for_the_device(self, family):
        images, labels = tiny.faces()
        spec = family(ALL_PARTS, **EVERYTHING | {"device": "cuda", "compile": False})
        set_determinism(torch.device("cuda"), False, 1)
        part = select(images["train"], labels["train"], spec, torch.device("cuda"))
        learner = trainer.make_learner(spec, part, 0.5, 0.25, 0, None)
        batches = Feed(part, spec.training, 0.5, 0.25).epoch(4, 1)
        first = next(batches)  # the epoch's start may wait
        learner.step(first.x, first.targets, 0.1, 0)
        torch.cuda.set_sync_debug_mode("error")
        try:
            for number, batch in enumerate(batches, start=1):
                learner.step(batch.x, batch.targets, 0.1, number)
        finally:
            torch.cuda.set_sync_debug_mode("default")

    def test_a_fine_tuned_mixture_learns_and_is_used(self):
        groups = (("surprise",), ("happy", "neutral"), ("angry", "disgust", "fear", "sad"))
        classes = tuple(tuple((emotion,) for emotion in group) for group in groups)
        how = {"device": "cuda", "epochs": 1}
        parts = [tiny.run(tiny.spec(None, outputs, **how)).weights for outputs in (groups, *classes)]
        mixture = MixtureSpec(classes, groups, parts=("gate", "a", "b", "c"))
        spec = replace(tiny.spec(**how), role="mixture", mixture=mixture)
        trained = tiny.run(spec, parts=parts)
        assert [row["epoch"] for row in trained.history] == [0, 1]
        network = build(spec)
        network.load_state_dict(trained.weights)
        images, _ = tiny.faces()
        used = {"mean": 0.5, "std": 0.25, "device": torch.device("cuda"), "threads": 1}
        said = network_outputs(network, images["val"], **used, views="flip", batch=64)
        assert np.isfinite(said.logits).all() and np.allclose(said.gate.sum(1), 1, atol=1e-5)


def test_a_checkpoint_is_read_once(tmp_path: Path):
    """Opened twice, its header could be of one file and its tensors of the one that has taken its place."""
    path, pipe = tmp_path / "checkpoint.safetensors", tmp_path / "pipe"
    tensors = {"network.weight": torch.arange(6.0).view(2, 3)}
    checkpoint.save(path, checkpoint.Checkpoint(2, tensors, [{"epoch": 1}, {"epoch": 2}], "mine"))
    os.mkfifo(pipe)  # what has been read of it is gone
    writer = threading.Thread(target=pipe.write_bytes, args=(path.read_bytes(),), daemon=True)
    writer.start()
    found = checkpoint.load(pipe, "mine")
    writer.join(10)
    assert found is not None and found.epoch == 2 and len(found.history) == 2
    assert torch.equal(found.tensors["network.weight"], tensors["network.weight"])

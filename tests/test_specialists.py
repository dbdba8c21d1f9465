"""Experts that begin as the single network and go through their own faces as often as it through all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tiny_network as tiny
import torch

from emorec import EMOTIONS
from emorec.config import SEVEN, NetworkSpec
from emorec.errors import EmorecError
from emorec.networks import train as trainer
from emorec.networks.build import build, specialist
from emorec.networks.pretrained import differences
from emorec.networks.store import load_network, load_parts, network_outputs, save_network

torch.set_num_threads(1)

GROUP = ("angry", "disgust", "sad")
OWN = tuple((emotion,) for emotion in GROUP)
OTHERS = (*OWN, tuple(emotion for emotion in EMOTIONS if emotion not in GROUP))
NEITHER = {"flip": False, "rotation": 0, "shift": 0, "scale": 0, "brightness": 0, "contrast": 0, "erasing": 0}


def expert(classes: Any = OWN, **training: Any) -> NetworkSpec:
    spec = tiny.spec({"whitening": True}, classes, **training)
    return replace(spec, network="expert", role="expert", group=GROUP, start="tiny", length="epochs")


@pytest.fixture(scope="module")
def single() -> dict[str, torch.Tensor]:
    return tiny.run(tiny.spec({"whitening": True}, epochs=3)).weights


def logits(spec: NetworkSpec, weights: dict[str, torch.Tensor]) -> torch.Tensor:
    network = build(spec)
    network.load_state_dict(weights)
    images, _ = tiny.faces()
    how = {"mean": 0.5, "std": 0.25, "device": torch.device("cpu"), "threads": 1}
    return torch.from_numpy(network_outputs(network, images["val"], **how).logits)


@pytest.mark.parametrize("classes", [OWN, OTHERS, SEVEN], ids=["own", "other", "all"])
def test_a_specialist_starts_with_the_singles_answers(single: dict[str, torch.Tensor], classes: Any) -> None:
    before = logits(tiny.spec({"whitening": True}), single)
    after = logits(expert(classes), specialist(single, classes))
    assert after.shape == (140, len(classes))
    for output, group in enumerate(classes):
        columns = [EMOTIONS.index(emotion) for emotion in group]
        if len(group) == 1:
            torch.testing.assert_close(after[:, output], before[:, columns[0]], atol=1e-4, rtol=1e-4)
        else:  # below what the single gives to all others together, and at it where it finds them alike
            expected = before[:, columns].mean(1) + np.log(len(group))
            torch.testing.assert_close(after[:, output], expected, atol=1e-4, rtol=1e-4)
            assert (after[:, output] <= before[:, columns].logsumexp(1) + 1e-4).all()


def test_an_output_for_all_others_is_right_where_they_are_alike(single: dict[str, torch.Tensor]) -> None:
    alike = {name: tensor.clone() for name, tensor in single.items()}
    foreign = [EMOTIONS.index(emotion) for emotion in OTHERS[-1]]
    for name in ("fc.weight", "fc.bias"):
        alike[name][foreign] = single[name][foreign[0]]
    before = logits(tiny.spec({"whitening": True}), alike).softmax(1)
    after = logits(expert(OTHERS), specialist(alike, OTHERS)).softmax(1)
    torch.testing.assert_close(after[:, 3], before[:, foreign].sum(1), atol=1e-5, rtol=1e-4)


def test_the_start_is_epoch_0_and_one_to_choose_from(
    single: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = tiny.run(expert(epochs=2, lr=0.01), parts=[single])
    assert [row["epoch"] for row in trained.history] == [0, 1, 2]
    assert trained.history[0]["train_loss"] is None
    images, labels = tiny.faces()
    own = np.isin(labels["val"], [EMOTIONS.index(emotion) for emotion in GROUP])
    columns = [EMOTIONS.index(emotion) for emotion in GROUP]
    mean, std = float(images["train"].mean() / 255), float(images["train"].std() / 255)
    network = build(tiny.spec({"whitening": True}))
    network.load_state_dict(single)
    how = {"mean": mean, "std": std, "device": torch.device("cpu"), "threads": 1, "views": "none"}
    said = network_outputs(network, images["val"][own], **how).logits[:, columns].argmax(1)
    accuracy = (np.array(columns)[said] == labels["val"][own]).mean()
    assert trained.history[0]["val_accuracy"] == pytest.approx(accuracy, abs=0.05)  # which was scored in bf16

    scores = iter([(1.0, 0.9), (0.9, 0.5), (0.9, 0.9)])
    monkeypatch.setattr(trainer, "_score", lambda *_: next(scores))
    kept = tiny.run(expert(epochs=2, lr=0.01), parts=[single])
    assert kept.best_epoch == 0
    for name, tensor in specialist(single, OWN).items():
        assert torch.equal(kept.weights[name], tensor), name


def test_it_goes_through_its_own_faces_as_often(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, rate = [], trainer.rate

    def counting(step: int, steps: int, **how: Any) -> float:
        asked.append(steps)
        return rate(step, steps, **how)

    monkeypatch.setattr(trainer, "rate", counting)
    _, labels = tiny.faces()
    own = int(np.isin(labels["train"], [EMOTIONS.index(emotion) for emotion in GROUP]).sum())
    scratch = replace(expert(epochs=2, batch=28), start=None)
    trained = tiny.run(scratch)
    assert trained.steps == 2 * (own // 28) == asked[0] < 2 * (280 // 28)
    assert tiny.run(replace(scratch, length="steps")).steps == 2 * (280 // 28)
    assert tiny.run(replace(expert(OTHERS, epochs=1, batch=28), start=None)).steps == 280 // 28  # it sees all faces
    assert tiny.run(replace(expert(epochs=3, batch=200), start=None)).steps == 3  # one batch is more than its faces


def test_an_interrupted_specialist_ends_with_the_same_bits(
    single: dict[str, torch.Tensor], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, path, original, calls = expert(epochs=3, ema=0.9), tmp_path / "c.safetensors", trainer._epoch, []
    whole = tiny.run(spec, parts=[single])

    def interrupted(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "_epoch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            tiny.run(spec, parts=[single], checkpoint_path=path)
    assert tiny.digest(tiny.run(spec, parts=[single], checkpoint_path=path)) == tiny.digest(whole)


def test_fine_tuning_on_easy_faces_helps(single: dict[str, torch.Tensor]) -> None:
    trained = tiny.run(expert(epochs=6, batch=28, lr=0.05, augmentation=NEITHER), parts=[single])
    assert trained.val_accuracy > trained.history[0]["val_accuracy"] and trained.val_accuracy > 0.6


def test_a_start_that_is_missing_or_does_not_fit_is_named(single: dict[str, torch.Tensor]) -> None:
    with pytest.raises(EmorecError, match="expert: starts from tiny; 0 networks given"):
        tiny.run(expert())
    wide = tiny.run(tiny.spec({"whitening": True, "width": 5}, epochs=1)).weights
    with pytest.raises(EmorecError, match=r"expert: cannot start from tiny .*size mismatch") as caught:
        tiny.run(expert(), parts=[wide])
    assert "\n" not in str(caught.value)


def test_its_record_says_how_it_began_and_another_is_refused(single: dict[str, torch.Tensor], tmp_path: Any) -> None:
    spec = expert(epochs=1)
    trained = tiny.run(spec, parts=[single])
    save_network(tmp_path / "expert", spec, 0, trained, 0.5, 0.25)
    record = load_network(tmp_path / "expert").record
    assert (record["start"], record["length"], record["steps"]) == ("tiny", "epochs", trained.steps)
    assert differences(record, spec) == []
    assert differences(record, replace(spec, start=None)) == ["start"]
    assert differences(record, replace(spec, length="steps")) == ["length"]
    assert differences(record, replace(spec, foreign_weight=0.5)) == ["foreign_weight"]
    old = {key: value for key, value in record.items() if key not in ("start", "length", "steps")}
    assert differences(old, replace(spec, start=None, length="steps")) == []  # from before there was a choice

    plain = tiny.spec({"whitening": True})
    save_network(tmp_path / "tiny", plain, 0, tiny.run(plain), 0.5, 0.25)
    (loaded,) = load_parts(spec, [tmp_path / "tiny"])
    assert loaded["fc.weight"].shape == (7, 64)
    with pytest.raises(EmorecError, match="expert starts from it, but it was trained on other groups"):
        load_parts(spec, [tmp_path / "expert"])
    with pytest.raises(EmorecError, match="expert starts from it; train it first"):
        load_parts(spec, [tmp_path / "nowhere"])

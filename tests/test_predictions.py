"""Models out of networks: probabilities by hand, files by the contract, the way from trained networks to both."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from scipy import special

from emorec import EMOTIONS, SPLITS, config
from emorec.cli import main
from emorec.data.faces import Faces, save_faces
from emorec.errors import EmorecError
from emorec.networks.outputs import load_outputs, save_outputs
from emorec.networks.store import load_network
from emorec.paths import Layout
from emorec.predictions.combine import (
    ModelOutputs,
    NetworkOutputs,
    best_temperature,
    ensemble,
    gate_weights,
    mixture,
    softmax,
)
from emorec.predictions.combine import combined as combined_parts
from emorec.predictions.store import (
    PROBABILITIES,
    STEPS,
    in_steps,
    prediction_frame,
    read_gates,
    read_predictions,
    save_embeddings,
    write_predictions,
)

torch.set_num_threads(1)

GROUPS = {
    "happy-neutral": ["happy", "neutral"],
    "fear-surprise": ["fear", "surprise"],
    "angry-disgust-sad": ["angry", "disgust", "sad"],
}
THREE = list(GROUPS.values())


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return (4 * np.random.default_rng(seed).normal(size=shape)).astype(np.float32)


def soft_weights(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    return gate_weights("soft", logits, THREE, temperature)


def expert(emotions: list[str], logits: np.ndarray, features: np.ndarray) -> NetworkOutputs:
    return NetworkOutputs({"classes": [[emotion] for emotion in emotions]}, logits, features)


def experts(groups: dict[str, list[str]], faces: int) -> dict[str, NetworkOutputs]:
    return {
        name: expert(emotions, drawn(faces, len(emotions), seed=n), drawn(faces, 4, seed=n + 50).astype(np.float16))
        for n, (name, emotions) in enumerate(groups.items())
    }


def test_softmax_is_scipy_s() -> None:
    logits = drawn(20, 7)
    np.testing.assert_allclose(softmax(logits), special.softmax(logits.astype(float), -1), rtol=1e-12)
    extreme = np.array([[1e4, 0, -1e4], [-3e38, -3e38, -3e38]], np.float32)
    np.testing.assert_allclose(softmax(extreme), [[1, 0, 0], [1 / 3] * 3])
    before = logits.copy()
    softmax(logits)
    np.testing.assert_array_equal(logits, before)


def test_a_single_is_its_network() -> None:
    logits, features = drawn(5, 7), drawn(5, 8).astype(np.float16)
    combined = ensemble([logits], [features])
    np.testing.assert_allclose(combined.probabilities, special.softmax(logits, -1), rtol=1e-5)
    np.testing.assert_array_equal(combined.embedding, features)
    assert combined.gate == {}


def test_an_ensemble_averages_probabilities_and_not_logits() -> None:
    logits = [np.log(np.array([[0.9, 0.05, 0.01, 0.01, 0.01, 0.01, 0.01]])), np.log(np.full((1, 7), 1 / 7))]
    features = [drawn(1, 3), drawn(1, 3, seed=1)]
    combined = ensemble(logits, features)
    np.testing.assert_allclose(
        combined.probabilities[0, :3], [(0.9 + 1 / 7) / 2, (0.05 + 1 / 7) / 2, (0.01 + 1 / 7) / 2]
    )
    np.testing.assert_array_equal(combined.embedding, np.hstack(features))
    assert combined.gate == {}
    many = ensemble([drawn(9, 7, seed=s) for s in range(4)], [drawn(9, 2)] * 4)
    expected = sum(special.softmax(drawn(9, 7, seed=s).astype(float), -1) for s in range(4)) / 4
    np.testing.assert_allclose(many.probabilities, expected)
    assert many.embedding.shape == (9, 8)


def test_a_mixture_by_hand() -> None:
    gate = np.log([[0.5, 0.3, 0.2]])
    said = {
        "happy-neutral": expert(["happy", "neutral"], np.log([[0.9, 0.1]]), np.array([[1, 2]], np.float16)),
        "fear-surprise": expert(["fear", "surprise"], np.log([[0.25, 0.75]]), np.array([[10, 20]], np.float16)),
        "angry-disgust-sad": expert(
            GROUPS["angry-disgust-sad"], np.log([[0.2, 0.3, 0.5]]), np.array([[100, 0]], np.float16)
        ),
    }
    combined = mixture(soft_weights(gate), said)
    by_hand = {
        "angry": 0.2 * 0.2,
        "disgust": 0.2 * 0.3,
        "fear": 0.3 * 0.25,
        "happy": 0.5 * 0.9,
        "sad": 0.2 * 0.5,
        "surprise": 0.3 * 0.75,
        "neutral": 0.5 * 0.1,
    }
    np.testing.assert_allclose(combined.probabilities[0], [by_hand[emotion] for emotion in EMOTIONS])
    np.testing.assert_array_equal(combined.embedding, [[1, 2, 10, 20, 100, 0]])  # whatever the gate says
    assert list(combined.gate) == list(GROUPS)
    np.testing.assert_allclose([weight[0] for weight in combined.gate.values()], [0.5, 0.3, 0.2])


def test_a_mixture_of_overlapping_experts_is_the_sum_over_experts() -> None:
    groups = {"a": list(EMOTIONS), "b": ["fear", "sad"], "c": ["sad", "neutral", "happy"]}
    gate, said = drawn(30, 3), experts(groups, 30)
    combined = mixture(soft_weights(gate), said)
    weights = special.softmax(gate.astype(float), -1)
    for face in range(30):
        for index, emotion in enumerate(EMOTIONS):
            expected = 0.0
            for column, one in enumerate(said.values()):
                if [emotion] in one.record["classes"]:
                    share = special.softmax(one.logits[face].astype(float))[one.record["classes"].index([emotion])]
                    expected += weights[face, column] * share
            assert combined.probabilities[face, index] == pytest.approx(expected)
    np.testing.assert_allclose(combined.probabilities.sum(1), 1)


def test_probabilities_of_a_mixture_are_a_distribution_and_leave_unknown_emotions_at_zero() -> None:
    combined = mixture(soft_weights(drawn(50, 3)), experts(GROUPS, 50))
    np.testing.assert_allclose(combined.probabilities.sum(1), 1)
    np.testing.assert_allclose(sum(combined.gate.values()), 1)
    alone = np.full((50, 3), -1e4)
    alone[:, 1] = 0
    certain = mixture(soft_weights(alone), experts(GROUPS, 50)).probabilities
    unknown = [EMOTIONS.index(emotion) for emotion in EMOTIONS if emotion not in GROUPS["fear-surprise"]]
    assert (certain[:, unknown] == 0).all()
    np.testing.assert_allclose(certain.sum(1), 1)


def test_an_expert_s_scale_and_offset_do_not_leak_into_the_gate() -> None:
    """Adding to one expert's logits changes nothing: each is normalised before it is weighed."""
    gate, said = soft_weights(drawn(8, 3)), experts(GROUPS, 8)
    one = said["fear-surprise"]
    moved = said | {"fear-surprise": NetworkOutputs(one.record, one.logits + 25, one.features)}
    np.testing.assert_allclose(mixture(gate, said).probabilities, mixture(gate, moved).probabilities, atol=1e-5)


def test_the_gate_s_variants_by_hand() -> None:
    gate = np.log([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
    np.testing.assert_allclose(soft_weights(gate), [[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
    np.testing.assert_allclose(soft_weights(gate, 0.5)[0], np.array([0.25, 0.09, 0.04]) / 0.38)
    np.testing.assert_array_equal(gate_weights("top-1", gate, THREE), [[1, 0, 0], [0, 0, 1]])
    np.testing.assert_allclose(gate_weights("uniform", gate, THREE), np.full((2, 3), 1 / 3))
    labels = np.array([EMOTIONS.index(emotion) for emotion in ("sad", "happy", "fear")])
    groups = [["happy", "sad", "angry"], ["sad", "fear"], ["fear", "surprise", "disgust", "neutral"]]
    np.testing.assert_allclose(
        gate_weights("oracle", drawn(3, 3), groups, labels=labels), [[0.5, 0.5, 0], [1, 0, 0], [0, 0.5, 0.5]]
    )


def test_a_single_routes_by_the_sums_over_groups() -> None:
    p = [0.05, 0.1, 0.15, 0.2, 0.25, 0.05, 0.2]  # angry, disgust, fear, happy, sad, surprise, neutral
    weights = gate_weights("single", np.log([p]), THREE)
    np.testing.assert_allclose(weights, [[0.2 + 0.2, 0.15 + 0.05, 0.05 + 0.1 + 0.25]])
    np.testing.assert_allclose(gate_weights("single", drawn(40, 7), THREE).sum(1), 1)


def test_experts_that_say_what_the_single_says_give_back_the_single() -> None:
    """p(y) = p(group) p(y | group): routed by the single, specialists that learned nothing change nothing."""
    logits = drawn(40, 7)
    own = {name: [EMOTIONS.index(emotion) for emotion in group] for name, group in GROUPS.items()}
    said = {name: expert(GROUPS[name], logits[:, columns], logits) for name, columns in own.items()}
    combined = mixture(gate_weights("single", logits, THREE), said)
    np.testing.assert_allclose(combined.probabilities, special.softmax(logits.astype(float), -1), atol=1e-6)


def test_an_oracle_never_gives_a_face_to_an_expert_that_does_not_know_its_label() -> None:
    labels = np.arange(7).repeat(4)
    combined = mixture(gate_weights("oracle", drawn(28, 3), THREE, labels=labels), experts(GROUPS, 28))
    for face, label in enumerate(labels):
        own = next(group for group in GROUPS.values() if EMOTIONS[label] in group)
        assert EMOTIONS[combined.probabilities[face].argmax()] in own


def test_the_temperature_is_the_one_that_makes_a_gate_honest() -> None:
    """Labels drawn from a gate's own weights at temperature 2 are best explained at temperature 2."""
    random = np.random.default_rng(0)
    logits = 2 * random.normal(size=(40_000, 3))
    weights = soft_weights(logits, 2.0)
    chosen = (weights.cumsum(1) > random.random((len(logits), 1))).argmax(1)
    first = [EMOTIONS.index(group[0]) for group in GROUPS.values()]
    said = [
        expert(group, np.tile([50.0] + [0] * (len(group) - 1), (len(logits), 1)), logits) for group in GROUPS.values()
    ]
    assert best_temperature(logits, said, np.array(first)[chosen]) == pytest.approx(2, rel=0.05)


def test_an_expert_that_says_that_a_face_is_another_s_is_heard_less() -> None:
    """Two experts, equal weights: 0.9 × (0.5, 0.5) and 0.1 × (0.8, 0.2) of what is left, in proportion."""
    foreign = [emotion for emotion in EMOTIONS if emotion not in ("happy", "neutral")]
    mine = NetworkOutputs({"classes": [["happy"], ["neutral"], foreign]}, np.log([[0.45, 0.45, 0.1]]), drawn(1, 2))
    foreign = [emotion for emotion in EMOTIONS if emotion not in ("fear", "surprise")]
    others = NetworkOutputs({"classes": [["fear"], ["surprise"], foreign]}, np.log([[0.08, 0.02, 0.9]]), drawn(1, 2))
    combined = mixture(np.full((1, 2), 0.5), {"happy-neutral": mine, "fear-surprise": others})
    by_hand = {"happy": 0.45, "neutral": 0.45, "fear": 0.08, "surprise": 0.02}
    np.testing.assert_allclose(combined.probabilities[0], [by_hand.get(emotion, 0) for emotion in EMOTIONS])


def test_a_joint_mixture_is_its_network_with_its_gate() -> None:
    logits, gate = drawn(5, 7), soft_weights(drawn(5, 2))
    said = NetworkOutputs({"mixture": {"groups": []}}, logits, drawn(5, 8), gate)
    combined = combined_parts(config.Joint(kind="joint", of="resnet18", experts=2), [said])
    assert list(combined.gate) == ["expert-1", "expert-2"]
    np.testing.assert_allclose(combined.probabilities, special.softmax(logits.astype(float), -1))
    np.testing.assert_array_equal(np.stack(list(combined.gate.values()), 1), gate)


def test_outputs_of_a_joint_mixture_without_its_gate_are_refused_by_name() -> None:
    said = NetworkOutputs({"network": "joint-2"}, drawn(5, 7), drawn(5, 8))
    with pytest.raises(EmorecError, match="joint-2: its outputs lack the gate's weights; run `emorec outputs`"):
        combined_parts(config.Joint(kind="joint", of="resnet18", experts=2), [said])


# Files


@pytest.fixture
def combined() -> ModelOutputs:
    return mixture(soft_weights(drawn(6, 3)), experts(GROUPS, 6))


SPLIT = np.array([1, 1, 2, 2, 2, 1], np.uint8)
ROW = np.array([40, 7, 3, 99, 12, 5], np.int32)
LABEL = np.array([6, 0, 1, 2, 3, 4], np.uint8)


def test_a_frame_has_a_column_an_emotion_and_an_expert(combined: ModelOutputs) -> None:
    frame = prediction_frame(combined, SPLIT, ROW, LABEL)
    assert list(frame) == ["split", "row", "label", *PROBABILITIES, *(f"gate_{name}" for name in GROUPS)]
    assert list(frame["split"]) == [SPLITS[code] for code in SPLIT]
    assert frame["row"].dtype == np.int32 and frame["label"].dtype == np.uint8
    assert set(frame[frame.columns[3:]].dtypes) == {np.dtype(np.float32)}
    np.testing.assert_array_equal(frame["row"], ROW)
    np.testing.assert_array_equal(frame["label"], LABEL)
    np.testing.assert_allclose(frame[PROBABILITIES].to_numpy(), combined.probabilities, atol=2**-16)
    for name, weight in combined.gate.items():
        np.testing.assert_allclose(frame[f"gate_{name}"], weight, atol=2**-16)


def test_the_file_has_the_contract_s_columns(tmp_path: Path, combined: ModelOutputs) -> None:
    path = tmp_path / "results" / "predictions.parquet"
    other = prediction_frame(ensemble([drawn(6, 7)], [drawn(6, 2)]), SPLIT, ROW, LABEL)
    frame = prediction_frame(combined, SPLIT, ROW, LABEL)
    write_predictions(path, {("single", 2): other, ("mixture", 2): frame})
    file = pd.read_parquet(path)
    assert list(file) == ["model", "seed", "split", "row", "label", *PROBABILITIES, "gate"]
    assert file["model"].tolist() == ["single"] * 6 + ["mixture"] * 6 and set(file["seed"]) == {2}
    assert file["row"].dtype == np.int32 and file["label"].dtype == np.uint8
    assert set(file[PROBABILITIES].dtypes) == {np.dtype(np.float32)}
    own = file[file["model"] == "mixture"].reset_index(drop=True)
    pd.testing.assert_frame_equal(own[list(frame)[:10]], frame[list(frame)[:10]])
    np.testing.assert_array_equal(np.stack(own["gate"]), frame[list(frame)[10:]])
    assert file.loc[file["model"] == "single", "gate"].isna().all()
    assert [p.name for p in path.parent.iterdir()] == ["predictions.parquet"]


def test_whole_steps_make_a_smaller_file(tmp_path: Path) -> None:
    many = np.random.default_rng(0).dirichlet(np.ones(7), 4000).astype(np.float32)
    where = np.full(4000, 2), np.arange(4000, dtype=np.int32), np.zeros(4000, np.uint8)
    frame = prediction_frame(ModelOutputs(many, many, {}), *where)
    sizes = []
    for name, shares in (("steps", frame[PROBABILITIES].to_numpy()), ("digits", many)):
        own = frame.assign(**{p: shares[:, i] for i, p in enumerate(PROBABILITIES)})
        write_predictions(tmp_path / name, {("single", 0): own})
        sizes.append((tmp_path / name).stat().st_size)
    assert sizes[0] < 0.6 * many.nbytes and sizes[0] < 0.7 * sizes[1]


def test_a_model_without_a_gate_has_no_gate_columns() -> None:
    frame = prediction_frame(ensemble([drawn(6, 7)], [drawn(6, 2)]), SPLIT, ROW, LABEL)
    assert list(frame) == ["split", "row", "label", *PROBABILITIES]


def test_embeddings_are_those_of_the_test_faces(tmp_path: Path, combined: ModelOutputs) -> None:
    path = tmp_path / "mixture" / "seed0.npz"
    save_embeddings(path, combined.embedding, SPLIT, ROW, LABEL)
    with np.load(path, allow_pickle=False) as file:
        found = {name: file[name] for name in file.files}
    assert set(found) == {"embeddings", "row", "label"}
    assert found["embeddings"].dtype == np.float16 and found["embeddings"].shape == (3, 12)
    np.testing.assert_array_equal(found["embeddings"], combined.embedding[2:5].astype(np.float16))
    assert found["row"].dtype == np.int32 and found["row"].tolist() == [3, 99, 12]
    assert found["label"].dtype == np.uint8 and found["label"].tolist() == [1, 2, 3]


def test_shares_in_steps_sum_to_all_of_them_and_are_near() -> None:
    rng = np.random.default_rng(0)
    shares = np.concatenate([rng.dirichlet(np.ones(7) / 3, 3000), np.eye(7), np.full((1, 7), 1 / 7)])
    steps = in_steps(shares)
    assert (steps.sum(axis=1) == STEPS).all() and (steps >= 0).all()
    assert np.abs(steps / STEPS - shares).max() < 1 / STEPS
    np.testing.assert_array_equal(in_steps(steps / STEPS), steps)
    near = np.sort(shares, axis=1)[:, -1] - np.sort(shares, axis=1)[:, -2] < 2 / STEPS
    np.testing.assert_array_equal(steps[~near].argmax(axis=1), shares[~near].argmax(axis=1))


def test_what_are_no_shares_stay_none() -> None:
    lost = np.array([[0, 0, 0], [0.5, 0.1, 0.1], [np.nan, 1, 0]])
    assert (np.abs(in_steps(lost).sum(axis=1) / STEPS - 1)[:2] > 0.1).all()


# By the command line

STUDY = {
    "study": "tiny",
    "seeds": [3, 1],
    "architecture": {"width": 4, "depth": 10, "stem": "imagenet"},
    "training": {"epochs": 1, "batch": 14, "device": "cpu", "precision": "fp32"},
    "groupings": {"original": list(GROUPS.values())},
    "models": {
        "resnet18": {"kind": "single"},
        "ensemble": {"kind": "ensemble", "of": "resnet18", "members": 2},
        "mixture": {"kind": "mixture", "of": "resnet18", "grouping": "original"},
    },
}


@pytest.fixture
def study(tmp_path: Path) -> tuple[config.Study, Layout, list[str]]:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(STUDY, sort_keys=False), encoding="utf-8")
    options = ["--config", str(path), "--results", str(tmp_path / "results")]
    return config.load(path), Layout(tmp_path / "results" / "tiny"), options


@pytest.mark.usefixtures("own_handlers")
def test_combine_takes_the_right_networks(study: tuple[config.Study, Layout, list[str]]) -> None:
    spec, layout, options = study
    where = {"row": ROW, "label": LABEL, "split": SPLIT}
    for number, part in enumerate(config.all_parts(spec)):
        network = config.networks(spec)[part.network]
        folder = layout.network(part.network, part.seed)
        logits, features = drawn(6, len(network.classes), seed=number), drawn(6, 4, seed=number + 90)
        save_outputs(folder / "outputs.npz", {"logits": logits, "features": features.astype(np.float16), **where})
        (folder / "network.json").write_text(json.dumps(network.to_dict(part.seed)), encoding="utf-8")

    def p(network: str, seed: int) -> np.ndarray:
        logits = load_outputs(layout.network(network, seed) / "outputs.npz")["logits"]
        return special.softmax(logits.astype(float), -1)

    assert main(["combine", *options]) == 0
    found, gates = read_predictions(layout.predictions), read_gates(layout.predictions)
    stated = [(model, seed) for model in STUDY["models"] for seed in (3, 1)]
    assert list(found[["model", "seed"]].drop_duplicates().itertuples(index=False, name=None)) == stated
    assert list(gates) == [("mixture", 3), ("mixture", 1)]
    order = np.lexsort((ROW, SPLIT))  # in which predictions are read
    for seed, members in ((3, (3, 1)), (1, (1, 0))):
        expected = np.zeros((6, 7))
        gate = p("resnet18-gate-original", seed)
        for column, group in enumerate(GROUPS.values()):
            known = [EMOTIONS.index(emotion) for emotion in group]
            name = "-".join(EMOTIONS[i] for i in sorted(known))
            expected[:, known] += gate[:, [column]] * p(f"resnet18-expert-{name}", seed)
        wanted = {
            "resnet18": p("resnet18", seed),
            "ensemble": (p("resnet18", members[0]) + p("resnet18", members[1])) / 2,
            "mixture": expected,
        }
        for model, probabilities in wanted.items():
            own = found[(found["model"] == model) & (found["seed"] == seed)]
            np.testing.assert_allclose(own[PROBABILITIES], probabilities[order], atol=2e-5)
            np.testing.assert_array_equal(own["row"], ROW[order])
            with np.load(layout.embeddings(model, seed)) as file:
                assert file["row"].tolist() == [3, 99, 12]
        assert gates["mixture", seed].experts == tuple(GROUPS)
        np.testing.assert_allclose(gates["mixture", seed].weights, gate[order], atol=2e-5)


@pytest.mark.usefixtures("own_handlers")
def test_combine_writes_no_predictions_before_all_networks_have_spoken(
    study: tuple[config.Study, Layout, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    spec, layout, options = study
    where = {"row": ROW, "label": LABEL, "split": SPLIT}
    *there, absent = config.all_parts(spec)
    for part in there:
        network = config.networks(spec)[part.network]
        folder = layout.network(part.network, part.seed)
        arrays = {"logits": drawn(6, len(network.classes)), "features": drawn(6, 4).astype(np.float16)}
        save_outputs(folder / "outputs.npz", arrays | where)
        (folder / "network.json").write_text(json.dumps(network.to_dict(part.seed)), encoding="utf-8")
    assert main(["combine", *options]) == 1
    error = capsys.readouterr().err
    assert str(layout.network(absent.network, absent.seed) / "outputs.npz") in error and error.count("\n") == 1
    assert not layout.predictions.exists()


@pytest.mark.usefixtures("own_handlers")
def test_from_faces_to_predictions(study: tuple[config.Study, Layout, list[str]]) -> None:
    _, layout, options = study
    rng = np.random.default_rng(0)
    order = rng.permutation(70).astype(np.int32)  # splits in no order, rows neither
    split = (np.arange(70) % 5 // 2).astype(np.uint8)
    labels = (np.arange(70) % 7).astype(np.uint8)
    save_faces(layout.faces, Faces(rng.integers(0, 256, (70, 48, 48), dtype=np.uint8), labels, split, order))
    wanted = ["--network", "resnet18-expert-fear-surprise", "--seed", "1"]
    assert main(["train", *options, *wanted, "--log", str(layout.root / "logs" / "train.log")]) == 0
    folder = layout.network("resnet18-expert-fear-surprise", 1)
    assert {p.name for p in folder.iterdir()} == {"weights.safetensors", "history.csv", "network.json", "outputs.npz"}
    assert "epoch 1/1" in (layout.root / "logs" / "train.log").read_text(encoding="utf-8")
    record = load_network(folder).record
    assert record["emotions"] == ["fear", "surprise"] and record["seed"] == 1
    with np.load(layout.faces) as file:
        pixels = file["images"][split == 0] / 255
    assert record["pixel_mean"] == pytest.approx(pixels.mean()) and record["pixel_std"] == pytest.approx(pixels.std())

    found = load_outputs(folder / "outputs.npz")
    assert found["logits"].shape == (42, 2) and found["features"].shape == (42, 32)
    for name, array in (("row", order), ("label", labels), ("split", split)):
        np.testing.assert_array_equal(found[name], array[split != 0])
        assert found[name].dtype == array.dtype

    # The same of weights that were brought along.
    (folder / "outputs.npz").unlink()
    assert main(["outputs", *options, *wanted]) == 0
    again = load_outputs(folder / "outputs.npz")
    assert "gate" not in again.keys() | found.keys()
    for name in ("logits", "features", "row", "label", "split"):
        np.testing.assert_array_equal(again[name], found[name])

"""Compiled stages: the same numbers, compiled once for all networks of a shape, and in training alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tiny_network as tiny
import torch
from torch import nn

from emorec.errors import EmorecError
from emorec.networks import resnet
from emorec.networks.batches import Feed, select
from emorec.networks.build import build
from emorec.networks.cuda import WARM_UPS, Captured, compile_for_training
from emorec.networks.device import set_determinism
from emorec.networks.learner import Learner
from emorec.networks.train import make_learner

ALL_PARTS = {"squeeze_excitation": 16, "whitening": True}
GROUPS = (("happy", "neutral"), ("fear", "surprise"), ("angry", "disgust", "sad"))


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The graphs that were compiled; a backend that runs them as they are stands for the real one, which needs CUDA."""
    found: list[Any] = []

    def keep(graph: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> Any:
        found.append(graph)
        return graph.forward

    real = torch.compile
    monkeypatch.setattr(torch, "compile", lambda function, **options: real(function, backend=keep, **options))
    torch.compiler.reset()
    yield found
    torch.compiler.reset()


def faces(count: int = 16) -> torch.Tensor:
    return torch.randn(count, 1, 48, 48, generator=torch.Generator().manual_seed(1))


def pair(spec: Any) -> tuple[nn.Module, nn.Module]:
    """The same network twice, the second compiled."""
    plain, compiled = build(spec), build(spec)
    compiled.load_state_dict(plain.state_dict())
    compile_for_training(compiled, None)
    return plain, compiled


@pytest.mark.parametrize(
    ("family", "architecture"),
    [("single", {}), ("single", ALL_PARTS), ("dense", {}), ("top-2", {}), ("trunk", ALL_PARTS), ("trunk-top-2", {})],
)
def test_compiled_stages_give_the_same_logits_and_gradients(graphs, family, architecture):
    single = family == "single"
    spec = tiny.spec(architecture) if single else tiny.joint(3, architecture, **tiny.FAMILIES[family])
    said = []
    for network in pair(spec):
        network.train()
        logits = network.output(faces()).logits
        logits.sum().backward()
        said.append([logits.detach(), *(p.grad for p in network.parameters() if p.grad is not None)])
    assert graphs
    assert len(said[0]) == len(said[1])
    for one, other in zip(*said, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_networks_with_other_heads_run_the_code_that_is_there(graphs):
    """A study's singles, gates, experts and dense mixtures differ in their heads alone."""
    for classes in (None, GROUPS, *(tuple((e,) for e in group) for group in GROUPS)):
        network = build(tiny.spec(classes=classes))
        compile_for_training(network, None)
        network.train()(faces()).sum().backward()
    joint = build(tiny.joint(3))
    compile_for_training(joint, None)
    joint.train()(faces()).logits.sum().backward()
    assert len(graphs) == 1


def test_evaluation_runs_uncompiled_whatever_the_number_of_faces(graphs):
    plain, compiled = pair(tiny.spec())
    with torch.no_grad():
        for count in (16, 5, 1):
            assert torch.equal(plain.eval()(faces(count)), compiled.eval()(faces(count)))
    assert not graphs


def test_compiled_networks_keep_the_keys_of_their_weights(graphs):
    plain, compiled = pair(tiny.joint(2))
    assert list(plain.state_dict()) == list(compiled.state_dict())


@pytest.mark.parametrize("stem", ["full", "stride2", "imagenet"])
@pytest.mark.parametrize("whitening", [False, True])
def test_a_stem_in_eights_is_the_stem(monkeypatch, stem, whitening):
    network = build(tiny.spec({"stem": stem, "whitening": whitening, "width": 6})).train()
    wanted = network.maps(faces())
    monkeypatch.setattr(resnet, "_as_it_is", resnet._in_eights)  # which is for CUDA alone
    found = network.maps(faces())
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
    found.sum().backward()
    assert network.conv1.weight.grad.shape == network.conv1.weight.shape


class Recording:
    """Stands for a CUDA graph, and for the streams and contexts around it: runs again what it was captured from."""

    captured: Captured

    def __init__(self, *_: Any, **__: Any) -> None:
        self.generators: list[torch.Generator] = []

    def __enter__(self) -> None: ...

    def __exit__(self, *_: Any) -> None: ...

    def wait_stream(self, other: Any) -> None: ...

    def register_generator_state(self, generator: torch.Generator) -> None:
        self.generators.append(generator)

    def replay(self) -> None:
        captured = Recording.captured
        for held, new in zip(captured.outputs, captured.function(*captured.inputs), strict=True):
            held.copy_(new)


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> None:
    """CUDA's graphs played on the CPU."""
    for name in ("Stream", "stream", "current_stream", "CUDAGraph", "graph"):
        monkeypatch.setattr(torch.cuda, name, Recording)


def test_calls_are_done_once_each_before_and_after_the_capture(recording):
    total, seen = torch.zeros(()), []

    def function(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        total.add_(x.sum())
        return (x * 2, total)

    Recording.captured = captured = Captured(function)
    given = [torch.full((2,), float(i)) for i in range(7)]
    for i, x in enumerate(given):
        before = total.clone()
        seen.append(captured(x))
        if i == WARM_UPS:  # a graph's capture runs nothing, this one's does
            total.copy_(before + x.sum())
    assert [double.tolist() for double, _ in seen] == [[2.0 * i] * 2 for i in range(7)]
    assert total == 2 * sum(range(7))
    late = [double for double, _ in seen[WARM_UPS:]]
    assert len({double.data_ptr() for double in late}) == len(late)  # a result stays when the next one comes
    assert all(torch.equal(x, torch.full((2,), float(i))) for i, x in enumerate(given))


def test_a_captured_functions_generator_is_known_to_the_graph(recording):
    generator = torch.Generator()
    Recording.captured = captured = Captured(lambda x: (x,), generator)
    for _ in range(WARM_UPS + 1):
        captured(torch.zeros(1))
    assert captured.graph.generators == [generator]


def test_what_cannot_be_captured_is_told_with_its_remedy(recording):
    def function(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if captured.calls > WARM_UPS:
            raise RuntimeError("operation not permitted when stream is capturing\nCUDA kernel errors might be …")
        return (x,)

    captured = Captured(function)
    for _ in range(WARM_UPS):
        captured(torch.zeros(1))
    with pytest.raises(EmorecError, match="CUDA graph .*not permitted.*set training.compile: false") as raised:
        captured(torch.zeros(1))
    assert "\n" not in str(raised.value)


@pytest.mark.gpu
class TestCaptured:
    def test_a_captured_feed_gives_the_batches_of_one_that_is_not(self):
        images, labels = tiny.faces()
        spec = tiny.spec(device="cuda", batch=32, crop=44)
        part = select(images["train"], labels["train"], spec, torch.device("cuda"))
        feeds = [Feed(part, spec.training, 0.5, 0.25, captured=captured) for captured in (False, True)]
        for seed in (1, 2, 1):
            for one, other in zip(*(feed.epoch(8, seed) for feed in feeds), strict=True):
                assert torch.equal(one.faces, other.faces)
                torch.testing.assert_close(other.x, one.x)
                assert torch.equal(one.targets, other.targets)

    @pytest.mark.parametrize("family", [None, *tiny.FAMILIES.values()], ids=["single", *tiny.FAMILIES])
    def test_captured_steps_train_as_others_do(self, family):
        options = {"device": "cuda", "precision": "fp32", "compile": False, "ema": 0.9}
        spec = tiny.spec(ALL_PARTS, **options) if family is None else tiny.joint(3, ALL_PARTS, **options | family)
        images, labels = tiny.faces()
        set_determinism(torch.device("cuda"), False, 1)
        part = select(images["train"], labels["train"], spec, torch.device("cuda"))
        losses = []
        for captured in (False, True):
            network = make_learner(spec, part, 0.5, 0.25, 0, None).network
            learner = Learner(network, spec, part, (), captured=captured)
            batches = Feed(part, spec.training, 0.5, 0.25).epoch(12, 1)
            rates = [0.02 * (1 + i % 3) for i in range(12)]
            steps = enumerate(zip(batches, rates, strict=True))
            losses.append([learner.step(b.x, b.targets, rate, i)[0].item() for i, (b, rate) in steps])
            # the running statistics and the average were updated, too
            state = learner.state()
            assert int(state[_tracked(state)]) == 12
        np.testing.assert_allclose(losses[1], losses[0], rtol=2e-2)


def _tracked(state: dict[str, torch.Tensor]) -> str:
    return next(name for name in state if name.startswith("average.") and name.endswith("num_batches_tracked"))

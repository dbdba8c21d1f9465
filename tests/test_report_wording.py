"""The report's words: each number as text, and each sentence against the numbers that it stands for."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest
from emorec.report.wording import answer, experiments, performance, study, text, trust

VERDICTS = ("supported", "refuted", "undecided")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (text.percent(0.7123), "71.2 %"),
        (text.percent(float("nan")), "–"),
        (text.points(0.0123), "+1.2 points"),
        (text.points(-0.01), "−1.0 point"),
        (text.points(0.0001), "0.0 points"),
        (text.points(-0.0001), "0.0 points"),
        (text.size(-0.021), "2.1 points"),
        (text.interval(-0.021, 0.004), "−2.1 to 0.4"),
        (text.interval(-0.0001, 0.0), "0.0 to 0.0"),
        (text.count(3589), "3,589"),
        (text.many(1, "seed"), "one seed"),
        (text.many(12, "seed"), "12 seeds"),
        (text.large(11_168_193), "11.2 million"),
        (text.large(700), "700"),
        (text.duration(3), "3.0 s"),
        (text.duration(600), "10 min"),
        (text.duration(3 * 3600), "3.0 h"),
        (text.plain(5e-4), "0.0005"),
        (text.plain(True), "yes"),
        (text.plain(None), "–"),
        (text.listing(["a", "b", "c"]), "a, b and c"),
        (text.fraction(0, 6), "none of six"),
        (text.fraction(6, 6), "all six"),
        (
            text.groups([["fear", "sad"], ["angry", "disgust", "sad"]]),
            "fear with sad; angry with disgust and sad",
        ),
    ],
)
def test_numbers_as_text(text: str, expected: str) -> None:
    assert text.replace("\u00a0", " ") == expected


def test_every_pair_of_verdicts_has_its_own_answer() -> None:
    single = list(VERDICTS)
    answers = {pair: answer.overall(*pair) for pair in itertools.product(single, [*VERDICTS, None])}
    assert all(answers.values())
    assert len(set(answers.values())) == len(answers) - 1  # one network is enough to say no, whatever else is open
    assert answers["supported", "supported"].startswith("Yes")
    assert answers["refuted", "refuted"].startswith("No")
    assert answers["supported", "refuted"].startswith("Not in the sense that matters")
    assert "undecided" in answers["supported", "undecided"]
    assert not any("no difference" in text.lower() for text in answers.values())
    assert [text for pair, text in answers.items() if text.startswith("Yes")] == [answers["supported", "supported"]]


@pytest.mark.parametrize(("single", "ensemble"), list(itertools.product(VERDICTS, [*VERDICTS, None])))
def test_untangling_says_each_verdict(single: str, ensemble: str | None) -> None:
    text = answer.untangled(single, ensemble)
    assert ("less often than the single" in text) == (single != "refuted")
    assert ("more often than the ensemble" in text) == (ensemble == "refuted")
    assert ("undecided" in text) == ("undecided" in (single, ensemble))
    assert answer.meaning(single, ensemble)


def test_less_confusion_at_a_loss_of_accuracy_is_said_to_be_that() -> None:
    text = answer.untangled("supported", "supported", ["ensemble"])
    assert text.endswith("less often than the ensemble, at a loss of accuracy against the ensemble")
    assert "(one of them at a loss of accuracy)" in performance.others_untangle(4, 2, 0, 1)
    assert performance.others_untangle(1, 1, 0, 1).endswith("its control of equal compute, at a loss of accuracy")


def test_undecided_says_nothing_of_experts_being_better() -> None:
    assert "worth more" not in answer.meaning("undecided", "undecided")
    assert "worth more" in answer.meaning("supported", "supported")
    assert "better spent" in answer.meaning("refuted", "refuted")


def test_gap_by_sign() -> None:
    assert "in favour of the training faces" in performance.gap(0.8, 0.7)
    assert "in favour of the validation faces" in performance.gap(0.6, 0.7)
    assert "level" in performance.gap(0.7, 0.702)


def test_one_seed_says_that_the_spread_is_unknown() -> None:
    assert "unknown" in study.spread(1)
    assert "unknown" not in study.spread(2)
    assert "two seeds" in study.spread(2)
    assert "once" in study.repeated(1)


@pytest.mark.parametrize(
    ("rarer", "more", "expected"),
    [
        (0, 0, "none of 21 pairs of emotions is confused more or less often"),
        (1, 0, "one of 21 pairs of emotions is confused less often beyond chance, and none more often"),
        (2, 1, "two of 21 pairs of emotions are confused less often beyond chance, and one more often"),
        (0, 3, "none of 21 pairs of emotions is confused less often beyond chance, and three more often"),
    ],
)
def test_pairs_changed(rarer: int, more: int, expected: str) -> None:
    assert expected in performance.pairs_changed("the ensemble", 21, rarer, more)


def test_recall_change_by_sign() -> None:
    def change(values: list[float]) -> str:
        return performance.recall_change(pd.Series(values, index=["angry", "sad"]))

    assert "rises for one emotion, most for angry" in change([0.1, -0.1])
    assert "falls for one emotion, most for sad" in change([0.1, -0.1])
    assert "falls for no emotion" in change([0.1, 0.2])
    assert "rises for no emotion" in change([-0.1, -0.2])
    assert "is the single ResNet's" in change([0.0, 0.0])


def test_order_before_and_after_scaling() -> None:
    assert "before scaling as after" in trust.same_order("loss", ["a", "b"], ["a", "b"])
    changed = trust.same_order("loss", ["a", "b"], ["b", "a"])
    assert "is a and b before scaling, and b and a after" in changed and "how sure" in changed


def test_twins_are_told_by_number_and_direction() -> None:
    assert trust.twins_found(100, 0, 0, False).startswith("None of the 100")
    assert "2 (2.0" in trust.twins_found(100, 2, 0, False) and "none of them" in trust.twins_found(100, 2, 0, False)
    assert "errs" in trust.twins_found(100, 2, 0, True)
    assert "none comes out on another side" in trust.changed_comparisons("without them", 2, [])
    assert "no comparison" in trust.changed_comparisons("without them", 0, [])
    text = trust.changed_comparisons(
        "without them", 3, [("accuracy", "A", "B", "unclear"), ("macro-F1", "C", "B", "less")]
    )
    assert "two come out differently without them" in text
    assert "in accuracy, A and B are then not told apart; in macro-F1, C is then behind B" in text
    assert "A is then ahead of B" in trust.changed_comparisons("without them", 3, [("accuracy", "A", "B", "more")])


def test_planted_confusion_inside_the_groups() -> None:
    assert "more than the 30.0" in trust.planted_inside(0.5, 0.3)
    assert "less than the 50.0" in trust.planted_inside(0.3, 0.5)
    assert "just as much as" in trust.planted_inside(0.3, 0.3)
    assert "no groups" in trust.planted_inside(None, None)


def test_kept_and_routing() -> None:
    assert "hardly mattered" in performance.kept(0.0)
    assert "0.6" in performance.kept(0.006)
    assert "The gate routes:" in performance.routing(0.9, 0.33)
    assert "in part" in performance.routing(0.4, 0.33)
    assert "does not route" in performance.routing(0.33, 0.33)


def test_training_sentences_leave_out_what_the_spec_does_not_say() -> None:
    assert study.training({}) == "How it is trained is in the table."
    how = {"epochs": 2, "lr": 0.1, "schedule": "one-cycle", "warmup": 0.2, "weight_decay": 5e-4}
    text = study.training(how).replace("\u00a0", " ")
    assert "for two epochs" in text and "0.0005" in text and "first 20 % of the steps" in text
    assert study.augmentation({}, 48, 48) == "Training faces are not augmented."
    assert "mirrored" in study.augmentation({"flip": True, "rotation": 0.0}, 48, 48)
    assert "turned" not in study.augmentation({"flip": True, "rotation": 0.0}, 48, 48)
    assert "random window of 44×44 pixels" in study.augmentation({}, 44, 48)


def test_views_are_told_as_they_are() -> None:
    assert study.views("none", 48, 48) == "Of a face to be labelled a network sees the whole face."
    assert "the face and its mirror image" in study.views("flip", 48, 48)
    assert "middle 44×44 pixels and their mirror image" in study.views("flip", 44, 48)
    assert "ten views of it: windows of 44×44 pixels" in study.views("ten-crop", 44, 48)


def test_tallies_by_number() -> None:
    assert experiments.tally("other mixture", 1, [], []).endswith("is not told apart from its control of equal compute")
    assert "is more accurate than" in experiments.tally("other mixture", 1, ["a"], [])
    assert "is worse by macro-F1 than" in experiments.tally("other mixture", 1, [], ["a"], "macro_f1")
    none = experiments.tally("other mixtures", 11, [], ["a", "b", "c", "d"])
    assert none == (
        "Of the 11 other mixtures, none is more accurate than the control of equal compute, four are less accurate and "
        "seven are not told apart from it"
    )
    two = experiments.tally("other mixtures", 3, ["a", "b"], ["c"])
    assert two == (
        "Of the three other mixtures, two are more accurate than the control of equal compute (a and b), and one is "
        "less accurate (c)"
    )
    assert "shown" in answer.others_mean(5, 0, 2) and "two are worth less" in answer.others_mean(5, 0, 2)
    assert "depends on the form: one of the five" in answer.others_mean(5, 1, 0)
    assert answer.others_mean(5, 1, 2).endswith("that was not shown; two do worse")
    assert "only mixture" in answer.others_mean(0, 0, 0)
    assert "two confuse the hard pairs less often" in performance.others_untangle(4, 2, 0)
    assert "more often than its control" in performance.others_untangle(1, 0, 1)
    assert answer.others_weighed(5, ["a", "b"], 1, (3, 0, 1)) == (
        "By macro-F1, two of the other mixtures are ahead of the control of equal compute (a and b) and one is behind "
        "it; three confuse the hard pairs less often than it (one of them at a loss of accuracy)"
    )
    assert answer.others_weighed(5, [], 0, (0, 2, 0)) == (
        "By macro-F1, none of the other mixtures is ahead of the control of equal compute; none confuses the hard "
        "pairs less often than it and two more often"
    )
    assert answer.others_weighed(1, ["a"], 0, (1, 0, 0)) == (
        "By macro-F1, the other mixture is ahead of the control of equal compute; it confuses the hard pairs less often"
    )
    terms = [("without twins", 0), ("by the majority", 1)]
    assert "is ahead of the control of equal compute (not shown without twins and shown by the majority); it" in (
        answer.others_weighed(1, ["a"], 0, (1, 0, 0), terms)
    )
    assert "(a and b; shown for neither without twins and for one of two by the majority) and one is behind" in (
        answer.others_weighed(5, ["a", "b"], 1, (3, 0, 1), terms)
    )
    assert "(" not in answer.others_weighed(5, [], 1, (0, 0, 0), [("without twins", 0)])


def test_gains_are_told_with_what_they_hold_against() -> None:
    terms = [("against the wide one", 1), ("without twins", 0)]
    said = answer.gains({"accuracy": 0, "macro_f1": 1, "confusion": 2}, {"macro_f1": terms, "confusion": terms[:1]}, 1)
    assert said == (
        "One mixture is ahead of the single ResNet by macro-F1; that is shown against the wide one and not shown "
        "without twins. Two mixtures are less prone than the single ResNet to confuse the hard pairs, with no loss of "
        "accuracy shown; that is shown for one of two against the wide one. No mixture is more accurate than the "
        "single ResNet, so that there is no such gain to explain"
    )
    assert "was trained to ask" in answer.gains({"accuracy": 2}, {"accuracy": []}, 0)
    assert "was trained to ask" not in answer.gains({"accuracy": 0}, {"accuracy": []}, 0)


def test_an_interval_without_zero_that_shows_nothing_is_explained() -> None:
    row = pd.Series({"difference": -0.017, "low": -0.029, "high": -0.005})
    assert "−0.5, which does not hold after Holm's correction)" in experiments.compared("a", "b", row, "unclear")
    assert experiments.compared("a", "b", row, "less").endswith("(−2.9 to −0.5)")
    assert "Holm" not in experiments.compared_weighed(row.replace(-0.005, 0.005), "unclear")


def test_collapse_is_told_by_name() -> None:
    assert "none has collapsed" in experiments.gates_used(3, [], 0.1, 0.4, 0.9)
    assert "one has collapsed in a seed at least (joint)" in experiments.gates_used(3, ["joint"], 0.1, 0.4, 0.2)
    assert experiments.gates_used(1, [], 0.3, 0.3, 0.9).startswith("The gate has not collapsed")


def test_error_flow_adds_up() -> None:
    text = performance.error_flow(100.4, 30.4, 10.4, 20, 5)
    assert "names 30 rightly" in text and "confuses 60 likewise" in text and "makes 85" in text
    assert "no test face" in performance.error_flow(0, 0, 0, 0, 0)


def test_balance_tells_when_macro_f1_gives_another_answer() -> None:
    other = answer.balance(("undecided", "refuted"), ("supported", "supported"))
    assert "depends on the measure" in other and "the single ResNet and the ensemble" in other
    one = answer.balance(("supported", "refuted"), ("supported", "supported"))
    assert "ahead of the ensemble," in one and "single" not in one
    assert "the same" in answer.balance(("refuted", None), ("refuted", None))
    assert "wins no comparison" in answer.balance(("supported", "undecided"), ("undecided", "undecided"))
    assert "is behind where" in answer.balance(("supported", "undecided"), ("refuted", "undecided"))
    assert "is behind where" in answer.balance(("undecided", "undecided"), ("refuted", "undecided"))


def test_caveat_of_the_abstract_names_the_faces_left_out() -> None:
    assert trust.twins_caveat(0, 6, [], False).startswith("No test face")
    assert "without the 2 test faces that have a near-copy" in trust.twins_caveat(2, 6, [], False)
    assert "near-copy" not in trust.twins_caveat(3, 6, [], True)
    one = trust.twins_caveat(1, 6, [("macro-F1", "mixture", "ensemble", "unclear")], False)
    assert "one comes out differently without the 1 test face that has a near-copy" in one and "mixture" in one

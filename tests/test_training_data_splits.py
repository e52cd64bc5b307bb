from pathlib import Path

import numpy as np

from pipelines.records import LABELS
from training.data.label_folders import unrated
from training.data.splits import SPLITS, assign_groups, cell_quotas, label_quotas


def items(counts: dict[str, int], *, per_group: int):
    """Items of each label; groups run on from one label into the next."""
    labels = [label for label, count in counts.items() for _ in range(count)]
    return [unrated(Path(f"{i}"), label, origin=f"{i}", group=f"g{i // per_group}") for i, label in enumerate(labels)]


def test_shares_are_reached_within_every_label_and_groups_stay_whole():
    counts = {"Happy": 300, "Angry": 150, "Sad": 40, "Fun": 60, "Neutral": 161}
    made = items(counts, per_group=3)
    found = assign_groups(made, [1.0] * len(made), seed=0)
    for label, count in counts.items():
        for split, share in (("train", 0.8), ("validation", 0.1), ("test", 0.1)):
            own = sum(item.label == label and found[item.group] == split for item in made)
            assert abs(own - share * count) <= 3
    assert found == assign_groups(made, [1.0] * len(made), seed=0)
    assert found != assign_groups(made, [1.0] * len(made), seed=1)


def test_a_large_group_goes_to_training():
    made = items({"Happy": 100}, per_group=1)
    made += [unrated(Path("x"), "Happy", origin="x", group="big") for _ in range(40)]
    assert assign_groups(made, [1.0] * len(made), seed=0)["big"] == "train"


def test_weights_count_instead_of_items():
    made = items({"Happy": 50}, per_group=1)
    weights = np.random.default_rng(0).uniform(1, 9, 50).tolist()
    found = assign_groups(made, weights, seed=0)
    test = sum(weight for item, weight in zip(made, weights, strict=True) if found[item.group] == "test")
    assert abs(test / sum(weights) - 0.1) < 0.03


def test_labels_get_equal_quotas_as_far_as_they_can():
    assert label_quotas(20, dict.fromkeys("abcde", 100)) == dict.fromkeys("abcde", 4)
    assert label_quotas(100, {"a": 10, "b": 200, "c": 200}) == {"a": 10, "b": 45, "c": 45}
    assert label_quotas(100, {"a": 10, "b": 20}) == {"a": 10, "b": 20}
    assert sum(label_quotas(7, dict.fromkeys("abcde", 100)).values()) == 7


def test_cells_share_a_label_eight_one_one_and_wait_for_the_scarcest():
    plenty = {(label, split): 1000 for label in LABELS for split in SPLITS}
    quotas = cell_quotas(300, plenty)
    assert {quotas[label, "train"] for label in LABELS} == {48}
    assert {quotas[label, split] for label in LABELS for split in SPLITS[1:]} == {6}
    scarce = cell_quotas(300, plenty | {("Sad", "test"): 2, ("Fun", "train"): 0})
    assert [scarce["Sad", split] for split in SPLITS] == [21, 2, 2]
    assert [scarce["Fun", split] for split in SPLITS] == [0, 0, 0]
    assert sum(scarce.values()) == 300

import pytest
from PIL import Image

from pipelines.errors import DataMissingError, SettingsError
from training.data.wikiart import BASES, EMOTIONS, WikiArtRule, label_of, load_wikiart

NAMES = [emotion for emotions in EMOTIONS.values() for emotion in emotions]
INFO = ["ID", "Style", "Category", "Artist", "Title", "Year", "Image URL", "Painting Info URL", "Artist Info URL"]
JUDGED = ["Is painting", "Face/body", "Ave. art rating"]
# ID → whether it is a painting, shares for the image, shares for art and title
WORKS = {
    "w1": ("yes", {"happiness": 0.7, "anticipation": 0.3}, {"sadness": 0.8}),
    "w2": ("yes", {"fear": 0.6, "sadness": 0.3}, {"fear": 0.6}),
    "w3": ("yes", {"sadness": 0.5, "fear": 0.45}, {"sadness": 0.9}),
    "w4": ("no", {"surprise": 0.9}, {"surprise": 0.9}),
    "w5": ("yes", {"neutral": 0.3}, {"neutral": 0.3}),
    "w6": ("yes", {"surprise": 0.4, "trust": 0.3}, {"surprise": 0.4}),
}


def shares(felt: dict[str, float]) -> dict[str, float]:
    return {name: felt.get(name, 0.0) for name in NAMES}


@pytest.fixture
def folder(tmp_path):
    """The public release's layout, with quotation marks in a title, as it has them."""
    columns = [f"{base}{name}" for base in (*BASES.values(), "TitleOnly: ") for name in NAMES]
    lines = ["\t".join([*INFO, *JUDGED, *columns])]
    for work, (painting, image, art) in WORKS.items():
        felt = {"ImageOnly: ": image, "Art (image+title): ": art, "TitleOnly: ": {}}
        values = [str(felt[column[: column.index(": ") + 2]].get(column.split(": ")[1], 0)) for column in columns]
        about = [work, "Modern Art", "Cubism", "Someone", '"Untitled', "1950", "u", "u", "u"]
        lines.append("\t".join([*about, painting, "none", "1.2", *values]))
    (tmp_path / "WikiArt-Emotions-All.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "images").mkdir()
    for shade, work in enumerate(WORKS):
        Image.new("RGB", (20, 20), (40 * shade, 0, 0)).save(tmp_path / "images" / f"{work}.jpg")
    return tmp_path


def labels(folder, **rule):
    return {item.path.stem: item.label for item in load_wikiart(folder, rule=WikiArtRule(**rule))}


def test_all_twenty_emotions_stand_under_one_label_each():
    assert len(NAMES) == len(set(NAMES)) == 20


def test_a_work_gets_the_label_that_is_felt_most_and_clearly(folder):
    assert labels(folder) == {"w1": "Happy", "w2": "Angry", "w6": "Fun"}


def test_the_rule_can_be_set(folder):
    assert labels(folder, basis="art") == {"w1": "Sad", "w2": "Angry", "w3": "Sad", "w6": "Fun"}
    assert labels(folder, least_lead=0.05)["w3"] == "Sad"
    assert labels(folder, least_share=0.3)["w5"] == "Neutral"
    assert labels(folder, paintings_only=False)["w4"] == "Fun"


def test_thresholds_are_reached_by_equal_shares():
    assert label_of(shares({"happiness": 0.4, "sadness": 0.3}), WikiArtRule()) == "Happy"
    assert label_of(shares({"happiness": 0.39}), WikiArtRule()) is None
    assert label_of(shares({"happiness": 0.8, "love": 0.8}), WikiArtRule()) == "Happy"  # one label's do not compete


def test_works_without_a_picture_are_passed_over(folder):
    (folder / "images" / "w1.jpg").unlink()
    assert set(labels(folder)) == {"w2", "w6"}


def test_what_is_missing_is_named(folder):
    with pytest.raises(DataMissingError, match="has a clear label; lower the least share"):
        labels(folder, least_share=0.95)
    for picture in (folder / "images").iterdir():
        picture.unlink()
    with pytest.raises(DataMissingError, match=r"no pictures named ID\.jpg in .*images"):
        load_wikiart(folder)
    table = folder / "WikiArt-Emotions-All.tsv"
    table.write_text(table.read_text().replace("ImageOnly: fear", "ImageOnly: dread"))
    with pytest.raises(DataMissingError, match="ImageOnly: fear"):
        load_wikiart(folder)
    table.write_bytes(table.read_bytes().replace(b"Cubism", b"Cub\xffsm"))
    with pytest.raises(DataMissingError, match="not laid out as expected"):
        load_wikiart(folder)
    table.write_text("ID\tIs painting\nw1\n")  # a line that was cut off
    with pytest.raises(DataMissingError, match="not laid out as expected"):
        load_wikiart(folder)
    table.unlink()
    with pytest.raises(DataMissingError, match=r"no table .*WikiArt-Emotions-All\.tsv"):
        load_wikiart(folder)


@pytest.mark.parametrize("rule", [{"least_share": 1.5}, {"least_lead": -0.1}, {"basis": "title"}])
def test_a_rule_out_of_range_is_refused(rule):
    with pytest.raises(SettingsError, match="cannot be"):
        WikiArtRule(**rule)

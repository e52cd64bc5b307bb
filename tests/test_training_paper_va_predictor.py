import json
from pathlib import Path

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="the pip package tensorflow-cpu is not installed")

from pipelines.errors import ModelMissingError, WeightsError  # noqa: E402 (tensorflow first)
from pipelines.records import Note, Score, TempoMark  # noqa: E402
from pipelines.symbolic.tokens import Vocabulary, decode  # noqa: E402
from training.data import pairing  # noqa: E402
from training.paper import va_predictor  # noqa: E402
from training.paper.va_fit import FitSettings, fit_midi_predictor, fit_token_predictor, pad, soften  # noqa: E402
from training.paper.va_models import TokenPredictor, correlations  # noqa: E402

NOTES = [f"{name}{octave}@{length}" for name in "CEGA" for octave in (3, 4, 5) for length in (0.25, 0.5, 1.0, 2.0)]
WORDS = ("<start>", "<end>", "90.0@tempo", "4/4@time", "r@0.5", "0.4.7@1.0", "9.0.4@1.0", *NOTES)
VOCABULARY = Vocabulary(WORDS)


def invented(count, seed):
    """Pieces whose valence follows their mode and whose arousal follows how short their notes are."""
    rng = np.random.default_rng(seed)
    pieces, wanted = [], []
    for _ in range(count):
        major, quick = rng.random(2)
        body = []
        for _ in range(rng.integers(15, 30)):
            length = rng.choice([0.25, 0.5]) if rng.random() < quick else rng.choice([1.0, 2.0])
            body.append(f"{rng.choice(list('CEGA'))}{rng.integers(3, 6)}@{length}")
            if rng.random() < 0.4:
                body.append("0.4.7@1.0" if rng.random() < major else "9.0.4@1.0")
        pieces.append(["<start>", "90.0@tempo", "4/4@time", *body, "<end>"])
        wanted.append((1 + 8 * major, 1 + 8 * quick))
    return pieces, np.array(wanted, np.float32)


@pytest.fixture(scope="module")
def fitted():
    pieces, wanted = invented(300, 0)
    ids = pad([VOCABULARY.ids(tokens) for tokens in pieces], 64)
    return fit_token_predictor(
        VOCABULARY.tokens, ids, wanted, FitSettings(epochs=12, batch_pieces=32, learning_rate=4e-3)
    )


@pytest.fixture(scope="module")
def unseen():
    pieces, wanted = invented(100, 1)
    return pad([VOCABULARY.ids(tokens) for tokens in pieces], 64), wanted


def test_the_token_predictor_learns_and_holds_on_soft_tokens(fitted, unseen):
    ids, wanted = unseen
    assert min(correlations(fitted.plain(ids).numpy(), wanted)) > 0.75
    probabilities = np.eye(VOCABULARY.size, dtype=np.float32)[ids] * 0.6 + 0.4 / VOCABULARY.size
    soft = fitted.soft(probabilities, ids != 0).numpy()
    assert min(correlations(soft, wanted)) > 0.7
    assert (np.abs(soft - 5) < 7).all()


def test_the_ways_in_agree_and_padding_counts_for_nothing(fitted, unseen):
    ids, _ = unseen
    plain = fitted.plain(ids).numpy()
    one_hot = np.eye(VOCABULARY.size, dtype=np.float32)[ids]
    assert fitted.soft(one_hot, ids != 0).numpy() == pytest.approx(plain, abs=1e-4)
    weights = np.stack([(ids != 0) * 0.25, (ids != 0) * 0.75], axis=2)
    assert fitted({"ids": np.stack([ids, ids], axis=2), "weights": weights}).numpy() == pytest.approx(plain, abs=1e-4)
    longer = np.pad(ids, ((0, 0), (0, 9)))
    assert fitted.plain(longer).numpy() == pytest.approx(plain, abs=1e-4)


def test_the_order_of_the_vocabulary_is_of_no_matter(fitted, unseen):
    ids, _ = unseen
    turned = Vocabulary((*reversed(WORDS), "D6@0.25"))
    other = np.array([[0 if i == 0 else turned.ids([VOCABULARY.tokens[i]])[0] for i in row] for row in ids[:8]])
    found = fitted.for_tokens(turned.tokens).plain(other).numpy()
    assert found == pytest.approx(fitted.plain(ids[:8]).numpy(), abs=1e-5)


def test_it_comes_back_as_it_was_saved(fitted, unseen, tmp_path):
    va_predictor._save(fitted, tmp_path / va_predictor.TOKEN_WEIGHTS)
    again = va_predictor.load_token_predictor(tmp_path)
    assert isinstance(again, TokenPredictor)
    assert again.tokens == VOCABULARY.tokens
    assert np.array_equal(again.plain(unseen[0]).numpy(), fitted.plain(unseen[0]).numpy())


def test_what_is_missing_or_damaged_is_named(tmp_path):
    with pytest.raises(ModelMissingError, match="va_predictor"):
        va_predictor.load_midi_predictor(tmp_path)
    (tmp_path / va_predictor.MIDI_WEIGHTS).write_bytes(b"PK not really")
    with pytest.raises(WeightsError, match="cannot be read"):
        va_predictor.load_midi_predictor(tmp_path)


def test_the_pairs_test_and_validation_pieces_are_held_out_and_choose_nothing() -> None:
    parts = pairing.split(np.zeros(3000, np.int64))
    fitted, held = va_predictor.split(3000)
    assert (parts[fitted] == 0).all()
    assert (parts[held[len(held) // 2 :]] == 0).all()  # those by which va_bench chooses


def test_tokens_that_are_kept_of_other_clips_or_damaged_are_made_anew(tmp_path, monkeypatch):
    class OneNote:
        valence, arousal = 2.0, 8.0

        def __init__(self, number):
            self.path, self.number = Path(f"{number}.mid"), number

        def score(self):
            return Score((Note(0, 60 + self.number, 1, 80),), (TempoMark(0, 90),))

    def sequences(*numbers):
        monkeypatch.setattr(va_predictor, "load_clips", lambda: [OneNote(number) for number in numbers])
        return va_predictor.load_sequences(tmp_path)[0]

    first = sequences(0, 2)
    monkeypatch.setattr(OneNote, "score", lambda self: pytest.fail("what is kept was made again"))
    assert sequences(0, 2) == first
    monkeypatch.undo()
    assert "F4@1.0" in sequences(0, 5)[1]
    (tmp_path / va_predictor.SEQUENCES).write_text("[half")
    assert sequences(0, 2) == first


def test_softened_tokens_keep_their_sum_and_their_padding():
    ids = np.array([[1, 2, 3, 0], [4, 5, 0, 0]], np.int32)
    mixed, weights = soften(ids, ids[ids != 0], FitSettings(plain_share=0.0), np.random.default_rng(0))
    assert weights.sum(axis=2) == pytest.approx((ids != 0).astype(float))
    assert np.array_equal(mixed[..., 0], ids)
    assert set(mixed[1, :2, 1].tolist()) <= {4, 5}
    assert weights[0, 0, 0] < 1


def test_the_predictor_of_files_learns_saves_and_hears_no_velocity(tmp_path):
    pieces, wanted = invented(150, 2)
    features = np.stack([va_predictor.midi_features(decode(tokens)) for tokens in pieces])
    assert features.shape[1] == len(va_predictor.midi_feature_names()) < 165
    model = fit_midi_predictor(features[:110], wanted[:110], FitSettings(epochs=25, batch_pieces=32))
    assert correlations(model(features[110:]), wanted[110:])[1] > 0.8
    va_predictor._save(model, tmp_path / va_predictor.MIDI_WEIGHTS)
    again = va_predictor.load_midi_predictor(tmp_path)
    assert np.array_equal(again(features).numpy(), model(features).numpy())
    loud, soft = (Score((Note(0, 60, 1, v), Note(1, 67, 1, v)), (TempoMark(0, 90),)) for v in (110, 30))
    assert va_predictor.midi_features(loud) == pytest.approx(va_predictor.midi_features(soft), abs=1e-5)


def test_the_command_fits_writes_and_reports(tmp_path, monkeypatch, capsys):
    pieces, wanted = invented(60, 3)
    monkeypatch.setattr(va_predictor, "load_sequences", lambda folder: (pieces, wanted))
    assert va_predictor.main(["--out", str(tmp_path), "--epochs", "1"]) == 0
    report = json.loads((tmp_path / va_predictor.REPORT).read_text())
    assert json.loads(capsys.readouterr().out) == report
    assert (report["clips"], report["held_out"]) == (60, 6)
    assert len(va_predictor.load_token_predictor(tmp_path).tokens) > 20

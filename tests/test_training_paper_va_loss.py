import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="the pip package tensorflow-cpu is not installed")

import keras  # noqa: E402 (tensorflow first)

from pipelines.errors import SettingsError  # noqa: E402
from pipelines.symbolic.tokens import Vocabulary  # noqa: E402
from training.paper.objective import Objective, cross_entropy  # noqa: E402
from training.paper.presets import LAMBDA_VA  # noqa: E402
from training.paper.va_loss import as_printed, differentiable, predict_files  # noqa: E402
from training.paper.va_models import MidiPredictor, TokenPredictor  # noqa: E402
from training.paper.va_predictor import midi_feature_names, midi_features  # noqa: E402

TUNE = ["<start>", "120.0@tempo", "4/4@time", "C5@1.0", "0.4.7@1.0", "E5@0.5", "G5@0.5", "r@1.0", "A4@2.0", "<end>"]
VOCABULARY = Vocabulary(tuple(TUNE))


@pytest.fixture(scope="module")
def midi():
    keras.utils.set_random_seed(1)
    return MidiPredictor(len(midi_feature_names()))


@pytest.fixture(scope="module")
def token():
    keras.utils.set_random_seed(2)
    return TokenPredictor(VOCABULARY.tokens)


def pieces():
    """Three pieces of tokens with padding, and logits that are sure of other tokens than theirs."""
    rng = np.random.default_rng(0)
    targets = np.zeros((3, 14), np.int32)
    for row, length in zip(targets, (10, 14, 7), strict=True):
        row[:length] = [1, 2, 3, *rng.integers(4, 10, length - 3)]
    others = np.where(targets != 0, np.roll(targets, 1, axis=1), 0)
    others[:, 0], others[:, 1:4] = 1, 4  # at least a note, and no padding inside
    sure = 8 * np.eye(VOCABULARY.size, dtype=np.float32)
    return tf.constant(targets), tf.constant(sure[others]), tf.constant(sure[targets])


def gradient_of(loss, logits, targets):
    @tf.function
    def work(logits):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = loss(logits, targets)
        gradient = tape.gradient(value, logits)
        return (value, gradient) if gradient is not None else (value, tf.zeros(()))

    return work(logits)


def test_the_printed_loss_is_the_distance_of_what_files_are_heard_as_and_has_no_gradient(midi):
    targets, wrong, right = pieces()
    loss = as_printed(VOCABULARY, midi)
    value, gradient = gradient_of(loss, wrong, targets)
    assert gradient.shape == ()  # none: the tape found no way from the logits to the loss
    names = [[VOCABULARY.names(row[row != 0]) for row in ids] for ids in (targets.numpy(), chosen(wrong, targets))]
    true, guessed = (predict_files(side, midi) for side in names)
    assert float(value) == pytest.approx(np.abs(true - guessed).mean(), abs=1e-5)
    assert float(value) > 1e-3
    assert float(loss(right, targets)) == pytest.approx(0, abs=1e-6)


def chosen(logits, targets):
    return np.where(targets.numpy() != 0, logits.numpy().argmax(axis=2), 0)


def test_notes_survive_the_file_and_a_piece_without_them_is_the_middle(midi):
    found = predict_files([TUNE, ["<start>", "r@1.0", "<end>"]], midi)
    from pipelines.symbolic.tokens import decode

    alone = midi(midi_features(decode(TUNE))[None]).numpy()[0]
    assert found[0] == pytest.approx(alone, abs=1e-3)
    assert found[1] == pytest.approx([5, 5])


@pytest.mark.parametrize("gumbel", [False, True])
def test_ours_has_a_gradient_at_tokens_only_and_is_small_where_it_should_be(token, gumbel):
    targets, wrong, right = pieces()
    tf.random.set_seed(0)
    loss = differentiable(token, gumbel=gumbel, temperature=0.7)
    value, gradient = gradient_of(loss, wrong, targets)
    assert gradient.shape == wrong.shape
    norms = np.abs(gradient.numpy()).sum(axis=2)
    assert (norms[targets.numpy() == 0] == 0).all()
    assert (norms[targets.numpy() != 0] > 0).mean() > 0.9
    assert float(loss(100 * right, targets)) == pytest.approx(0, abs=1e-4)
    assert float(value) > 1e-3


def test_going_down_our_gradient_brings_the_prediction_nearer(token):
    targets, wrong, _ = pieces()
    loss, logits = differentiable(token), tf.Variable(wrong / 4)
    optimizer = keras.optimizers.Adam(0.2)
    optimizer.build([logits])

    @tf.function
    def learn():
        with tf.GradientTape() as tape:
            value = loss(logits, targets)
        optimizer.apply([tape.gradient(value, logits)], [logits])
        return value

    values = [float(learn()) for _ in range(40)]
    assert values[-1] < 0.3 * values[0]


def test_targets_may_come_as_floats_as_keras_passes_them(token):
    targets, wrong, _ = pieces()
    loss = differentiable(token)
    assert float(loss(wrong, tf.cast(targets, tf.float32))) == pytest.approx(float(loss(wrong, targets)))


def test_a_draw_at_sure_logits_reads_the_tokens_themselves(token):
    targets, wrong, _ = pieces()
    plain = token.plain(tf.constant(chosen(wrong, targets)))
    expected = float(tf.reduce_mean(tf.abs(plain - token.plain(targets))))
    assert float(differentiable(token, gumbel=True)(100 * wrong, targets)) == pytest.approx(expected, abs=1e-5)


def test_the_weights_are_the_papers_and_padding_does_not_count():
    targets, _, right = pieces()
    expected = np.log(1 + 10 * np.exp(-8.0))
    assert float(cross_entropy(targets, right)) == pytest.approx(expected, rel=1e-4)
    assert float(cross_entropy(targets, tf.zeros_like(right))) == pytest.approx(np.log(11), rel=1e-6)
    total = Objective(lambda got, wanted: tf.constant(2.0), LAMBDA_VA)(targets, tf.zeros_like(right))
    assert float(total) == pytest.approx(np.log(11) + 0.00002, abs=1e-6)


def test_a_temperature_of_zero_is_refused(token):
    with pytest.raises(SettingsError, match="temperature"):
        differentiable(token, temperature=0.0)

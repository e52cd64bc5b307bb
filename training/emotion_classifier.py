"""Train the waveform paper's emotion classifier: pictures with labels in, a checkpoint and a report out.

python -m training.emotion_classifier --backbone resnet50 --pictures wikiart     the paper's, ImageNet's weights fetched
python -m training.emotion_classifier --backbone efficientnet --pictures oasis   the embedded network, the same head
python -m training.emotion_classifier --pictures FOLDER                          FOLDER/Happy/*.jpg and so on

RUN (`--run`, default runs/emotion_classifier) then holds `classifier.safetensors`, which `python -m pipelines` takes by
`--emotion-checkpoint`, `report.md`, `report.png`, `log.jsonl`, and the checkpoints `last` and `best`. Started again, it
goes on after the last whole epoch, with the same numbers as without the break.

Source: "Bridging Paintings and Music", section III-A: ResNet-50 of ImageNet, two GRU layers, multi-head attention,
dropout, fully connected (`pipelines.emotion_head`), transfer learning. Sizes, rates and the two stages are the
project's: the head alone learns on a frozen backbone, then both together at a small rate, each until validation stops
falling.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path

import numpy as np

from pipelines.command_line import STOPPED
from pipelines.emotion_resnet import open_resnet, save_classifier
from pipelines.errors import EkphoniaError
from pipelines.picture import read_picture
from training.data.pair_sources import picture_source, readable
from training.emotion_backbones import BACKBONES, EFFICIENTNET, LITE_SIDES_PX, LITE_VARIANT
from training.emotion_classifier_fit import ClassifierSettings, calibrate, label_shares, predict
from training.emotion_classifier_run import ClassifierRun, open_run
from training.emotion_pictures import split_pictures
from training.emotion_readings import write_readings
from training.emotion_report import report_text, score_labels, softmax, write_figure
from training.run_folder import stop_signal

log = logging.getLogger(__name__)
CHECKPOINT, READINGS = "classifier.safetensors", "held_out.csv"


def train(folder: Path, settings: ClassifierSettings, options: argparse.Namespace) -> ClassifierRun:
    """Train until validation stops falling in both stages, or the process is asked to end."""
    source = readable(picture_source(options.pictures, folder=options.data))
    sets = split_pictures(source.items, seed=settings.seed)
    log.info("%s", ", ".join(f"{split} {len(own)}" for split, own in sets.items()))
    run = open_run(folder, settings, sets, weights=options.weights)
    with stop_signal() as stop:
        run.fit(stop)
    return run


def finish(run: ClassifierRun, title: str) -> str:
    """Calibrate the best classifier, save it, score it on the test pictures. Returns the report."""
    run.take_best()
    logits = {s: predict(run.classifier, run.sets[s], run.settings, device=run.device) for s in ("validation", "test")}
    temperature = calibrate(run.classifier, logits["validation"], run.sets["validation"].labels)
    save_classifier(run.folder / CHECKPOINT, run.classifier, with_backbone=run.tuned)
    labels = run.sets["test"].labels
    raw = score_labels(softmax(logits["test"]), labels)
    scores = score_labels(softmax(logits["test"], temperature), labels)
    shares = label_shares(run.sets["train"])
    text = report_text(scores, raw, temperature=temperature, title=title, shares=shares)
    part = run.folder / "report.md.part"
    part.write_text(text, encoding="utf-8")
    part.replace(run.folder / "report.md")
    write_figure(run.folder / "report.png", scores, raw, title=title)
    write_held_out(run)
    return text


def write_held_out(run: ClassifierRun) -> None:
    """What the finished checkpoint reads in the test pictures, as CSV for `training.metrics.picture_music`."""
    reader = open_resnet(str(run.folder / CHECKPOINT))
    paths = [item.path for item in run.sets["test"].items]
    found = [reader.read(read_picture(path)) for path in paths]
    write_readings(
        run.folder / READINGS,
        [path.name for path in paths],
        np.array([(each.valence, each.arousal) for each in found]),
        np.array([(each.valence_sd, each.arousal_sd) for each in found]),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.emotion_classifier", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    own = ClassifierSettings()
    add = parser.add_argument
    add("--backbone", choices=BACKBONES, default=EFFICIENTNET, help="(default: %(default)s)")
    add("--weights", help="for resnet50: a hub's id or a folder (default: the paper's), or random, to try the loop")
    add("--variant", type=int, choices=tuple(LITE_SIDES_PX), default=LITE_VARIANT, help="of EfficientNet-lite")
    add("--pictures", default="oasis", help="oasis, wikiart, or a folder of folders named after the labels")
    add("--data", type=Path, help="where the set lies (default: found by EKPHONIA_DATA)")
    add("--run", type=Path, default=Path("runs/emotion_classifier"), help="the run's folder (default: %(default)s)")
    add("--frozen-epochs", type=int, default=own.frozen_epochs, help="at most (default: %(default)s)")
    add("--tuned-epochs", type=int, default=own.tuned_epochs, help="at most; 0 leaves the backbone (%(default)s)")
    add("--patience", type=int, default=own.patience, help="epochs without a better validation (%(default)s)")
    add("--batch-size", type=int, default=own.batch_size, help="pictures (default: %(default)s)")
    add("--looks", type=int, default=own.looks, help="at each picture, varied, by the frozen backbone (%(default)s)")
    add("--head-rate", type=float, default=own.head_rate, help="learning rate on the frozen backbone (%(default)s)")
    add("--backbone-rate", type=float, default=own.backbone_rate, help="the backbone's own, later (%(default)s)")
    add("--seed", type=int, default=own.seed, help="of the splits and the training")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 when it went well, 2 with a line on standard error otherwise, 130 when it was stopped."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    try:
        settings = ClassifierSettings(
            backbone=options.backbone,
            variant=options.variant,
            frozen_epochs=options.frozen_epochs,
            tuned_epochs=options.tuned_epochs,
            patience=options.patience,
            batch_size=options.batch_size,
            looks=options.looks,
            head_rate=options.head_rate,
            backbone_rate=options.backbone_rate,
            seed=options.seed,
        )
        run = train(options.run, settings, options)
        if run.done:
            print(finish(run, f"Emotion classifier on {options.backbone}, {Path(options.pictures).name}"))
        else:
            print(json.dumps({"stopped": str(options.run), "epochs": run.epochs_done}), file=sys.stderr)
    except EkphoniaError as error:
        print(error, file=sys.stderr)
        return 2
    return 0 if run.done else STOPPED


if __name__ == "__main__":
    sys.exit(main())

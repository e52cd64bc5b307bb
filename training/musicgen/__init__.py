"""Fine-tuning MusicGen on pairs of pictures and music: the paper's four variants, from a data set to a model.

    training.data.painting_music ─ DATASET ─ texts ─ texts.jsonl ─ precompute ─ shards ─┐
                                      └──────────────── sources ─ batches ── finetune (loop, model) ─ RUN ─ export
                                                                                                 └─ evaluate
    codec (lapped, quantiser) ─ EnCodec ─ small ─ a small MusicGen, where none of the hub's is at hand

bench.py measures what a step costs. Source: "Bridging Paintings and Music", sections III-D and IV-C.
"""

"""The trainer of the `compact` encoder: two small towers, from captioned photos, on a CPU.

One command makes the folder that ships in `indexer/encoders/compact`:

    python -m training.compact --data ../shared/data --out DIR

The stages, each cached in the work folder so that an interrupted run goes on:

    photos   data.py      read the captioned sets, hash the pictures, split by hash
    views    views.py     run the frozen part of the image tower over several views of each photo
    texts    corpus.py    collect lines of text; teacher.py embeds them with the sentence model
    distil   distil.py    teach the small text tower the sentence model's space
    align    align.py     find linear heads that bring both spaces together
    finetune finetune.py  train both towers together on captions, classes and the two teachers
    export   export.py    write open_clip's local-dir form in float16

It needs the dependency group `train`; nothing is downloaded.
"""

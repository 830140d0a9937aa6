"""The trainer of the `compact` encoder: two small towers, from captioned photos, on a CPU.

One command writes the folder that ships as `indexer/encoders/compact`:

    python -m training.compact --data ../shared/data --out DIR

The stages, in the order of `pipeline.py`; each stores its result in the work folder, from which a stopped run resumes:

    photos   photo_sets.py  reads the captioned sets, hashes the pictures, splits them by hash
    views    views.py       runs the frozen part of the image tower on several views of each photo
    texts    corpus.py      collects lines of text; teacher.py embeds them with the sentence model
    distil   distil.py      trains the small text tower on the sentence model's embeddings
    align    align.py       finds linear heads that bring images and texts into one space
    finetune finetune.py    trains both towers together on captions, classes and the two teachers
    last     final_stage.py adds drawings and broader lines to a last round
    write    open_clip_folder.py, graphs.py   write the weights in float16 and the ONNX graphs

It needs the dependency group `train`; nothing is downloaded.
"""

"""The trainer's parts, on pictures and towers so small that no weights are needed."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import timm
import torch
from open_clip.transformer import TextTransformer
from PIL import Image
from torch import nn

from indexer.encoders.onnx_encoder import OnnxEncoder
from indexer.encoders.openclip_encoder import OpenClipEncoder
from indexer.errors import EncoderError, EvaluationError, MissingPackageError
from training.compact import corpus, export, losses, student, teacher
from training.compact.__main__ import main
from training.compact.data import NEAR, Role, TrainingPhoto, difference_hash, hash_photos, read_sets, roles
from training.compact.distil import DistilPlan, batches, distil, distil_loss
from training.compact.final_stage import move_to_broader
from training.compact.folding import fold_batch_norm
from training.compact.graphs import write_graphs
from training.compact.pairs import epoch, pair_up
from training.compact.stage_cache import Work, key_of
from training.compact.synthetic import drawings
from training.compact.views import view_of


def picture(seed: int, size: tuple[int, int] = (48, 36)) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def write_set(folder: Path, rows: list[tuple[str, str, str, str]], pictures: dict[str, Image.Image]) -> None:
    (folder / "images").mkdir(parents=True)
    for name, image in pictures.items():
        image.save(folder / "images" / name, quality=90)
    lines = ["image,caption,label,split", *(",".join(row) for row in rows)]
    (folder / "captions.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def tiny_text_tower() -> TextTransformer:
    torch.manual_seed(1)
    return TextTransformer(
        context_length=student.CONTEXT, vocab_size=student.VOCABULARY, width=16, heads=2, layers=2, output_dim=8
    )


def test_the_command_says_in_one_line_that_there_is_nothing_to_train_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert main(["--data", str(tmp_path), "--out", str(tmp_path / "out"), "--work", str(tmp_path / "work")]) == 1
    assert caplog.messages == [f"{tmp_path} holds no captioned set; expected folders with captions.csv and images/"]


def test_photos_of_one_file_keep_their_captions_and_sets_come_in_order(tmp_path: Path) -> None:
    write_set(tmp_path / "b", [("x.jpg", "a red car", "car", "")], {"x.jpg": picture(1)})
    rows = [("y.jpg", "a dog", "", "train"), ("y.jpg", "one brown dog", "", "train")]
    write_set(tmp_path / "a", rows, {"y.jpg": picture(2)})
    photos = read_sets(tmp_path)
    assert [photo.key for photo in photos] == ["a/y.jpg", "b/x.jpg"]
    assert photos[0].captions == ("a dog", "one brown dog")
    assert (photos[0].split, photos[1].label) == ("train", "car")


def test_a_folder_without_sets_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="holds no captioned set"):
        read_sets(tmp_path)


def test_one_picture_in_another_size_has_nearly_the_same_hash_and_another_picture_a_far_one() -> None:
    larger = picture(3).resize((96, 72), Image.Resampling.BICUBIC)
    assert (difference_hash(picture(3)) ^ difference_hash(larger)).bit_count() <= NEAR
    assert (difference_hash(picture(3)) ^ difference_hash(picture(4))).bit_count() > 16


def test_a_training_photo_that_is_also_in_dev_is_dropped_and_dev_is_never_trained_on(tmp_path: Path) -> None:
    rows = [("dev.jpg", "a", "", "dev"), ("same.jpg", "b", "", "train"), ("other.jpg", "c", "", "train")]
    write_set(tmp_path / "f", rows, {"dev.jpg": picture(5), "same.jpg": picture(5), "other.jpg": picture(6)})
    photos = read_sets(tmp_path)
    assert roles(photos, hash_photos(photos)) == [Role.DEV, Role.DROPPED, Role.TRAIN]


def test_one_picture_in_two_labelled_sets_is_on_one_side_and_a_sixteenth_is_held_out() -> None:
    codes = np.random.default_rng(0).integers(0, 2**63, 1600, dtype=np.uint64)
    one, two = ([TrainingPhoto(Path(f"{n}.jpg"), name, ("a cat",), "cat", "") for n in range(1600)] for name in "ab")
    found = roles([*one, *two], np.concatenate([codes, codes]))
    assert found[:1600] == found[1600:]
    assert found[:1600].count(Role.HELD) == pytest.approx(100, abs=30)  # 1600 / 16, three standard deviations


def test_wordnet_lines_are_read_by_their_format_and_names_of_people_left_out() -> None:
    dog = (
        "02084071 05 n 03 dog 0 domestic_dog 0 Canis_familiaris 0 001 @ 02083346 n 0000 "
        '| a member of the genus Canis; occurs in many breeds; "the dog barked"  '
    )
    noun = corpus.parse_noun(dog)
    assert noun is not None
    assert noun.names == ("dog", "domestic dog", "Canis familiaris")
    assert noun.gloss == "a member of the genus Canis"
    lines = list(corpus.noun_lines([noun]))
    assert lines == ["a photo of a dog", "a photo of a domestic dog", "dog, a member of the genus Canis"]
    for skipped in (
        "  1 This software and database is being provided to you",
        "00001740 03 n 01 entity 0 000 | that which is perceived",  # no camera sees an entity
        "10800000 18 n 01 Babe_Zaharias 0 000 | United States athlete",
        "02000000 05 n 01 Canidae 0 000 | dogs and wolves",
        "02000001 05 n 01 genus_Canis 0 000 | type genus of the Canidae",
    ):
        assert corpus.parse_noun(skipped) is None


def test_short_queries_are_runs_of_words_of_their_caption() -> None:
    caption = "two dogs run along a wide sandy beach ."
    for line in corpus.spans([caption] * 30, np.random.default_rng(0)):
        assert line in caption
        assert 2 <= len(line.split()) <= 6
    assert list(corpus.spans(["a dog"], np.random.default_rng(0))) == []


def test_dev_captions_are_not_in_the_corpus() -> None:
    train = [TrainingPhoto(Path("a.jpg"), "f", ("a man on a horse at the sea",), "", "train")]
    lines = corpus.collect(train, ["an extra caption without photo"], [], seed=0)
    assert "a man on a horse at the sea" in lines
    assert "an extra caption without photo" in lines
    assert len(lines) == len(set(lines))
    assert lines == corpus.collect(train, ["an extra caption without photo"], [], seed=0)


def test_every_line_is_seen_once_an_epoch_and_like_lengths_stand_together() -> None:
    lengths = np.random.default_rng(0).integers(3, 24, 1000)
    groups = list(batches(lengths, batch=64, random=np.random.default_rng(1)))
    assert sorted(np.concatenate(groups).tolist()) == list(range(1000))
    assert np.mean([np.ptp(lengths[group]) for group in groups]) < 4  # unsorted batches of 64 span about 20


def test_an_epoch_holds_every_captioned_photo_and_a_share_of_the_labelled() -> None:
    people = [TrainingPhoto(Path(f"{n}.jpg"), "f", (f"one {n}", f"two {n}"), "", "train") for n in range(40)]
    classes = [
        TrainingPhoto(Path(f"{n}.jpg"), "c", ("a photo of a cat",), "Cat" if n % 2 else "cat", "") for n in range(40)
    ]
    numbers = {line: row for row, line in enumerate(corpus.collect([*people, *classes], [], [], seed=0))}
    pairs = pair_up([*people, *classes], np.arange(80), numbers)
    assert len(set(pairs.groups[:40].tolist())) == 40
    assert len(set(pairs.groups[40:].tolist())) == 1  # one class, whatever its capitals
    rows = np.concatenate(epoch(pairs, batch=5, share=0.5, random=np.random.default_rng(0)))
    assert len(set(rows.tolist())) == len(rows)
    assert (rows >= 40).sum() == pytest.approx(20, abs=10)
    assert [len(batch) for batch in epoch(pairs, batch=500, share=0, random=np.random.default_rng(0))] == [40]
    lines, owners = pairs.sample(np.asarray([0, 40]), 2, np.random.default_rng(0))
    assert owners.tolist() == [0, 0, 1]
    assert {numbers["one 0"], numbers["two 0"]} == set(lines[:2].tolist())


def test_the_contrastive_loss_agrees_with_slow_loops() -> None:
    torch.manual_seed(0)
    images = nn.functional.normalize(torch.randn(4, 3), dim=-1)
    texts = nn.functional.normalize(torch.randn(5, 3), dim=-1)
    of_image, of_text, scale = [0, 1, 2, 1], [0, 0, 1, 2, 1], 7.0
    found = losses.multi_positive_loss(
        images, texts, image_groups=torch.tensor(of_image), text_groups=torch.tensor(of_text), scale=scale
    )

    def one_way(a: list[list[float]], b: list[list[float]], of_a: list[int], of_b: list[int]) -> float:
        total = 0.0
        for row, group in zip(a, of_a, strict=True):
            scores = [scale * sum(x * y for x, y in zip(row, other, strict=True)) for other in b]
            norm = math.log(sum(math.exp(score) for score in scores))
            right = [score - norm for score, other in zip(scores, of_b, strict=True) if other == group]
            total -= sum(right) / len(right)
        return total / len(a)

    expected = one_way(images.tolist(), texts.tolist(), of_image, of_text)
    expected += one_way(texts.tolist(), images.tolist(), of_text, of_image)
    assert float(found) == pytest.approx(expected / 2, rel=1e-5)


def test_the_classifier_loss_is_zero_where_the_classifier_is_agreed_with() -> None:
    images, classes = torch.eye(3)[:2], torch.eye(3)
    same = 5.0 * images @ classes.T
    assert float(losses.classifier_loss(images, classes, same, 5.0)) == pytest.approx(0, abs=1e-6)
    assert float(losses.classifier_loss(images, classes, same.flip(1), 5.0)) > 1


def test_the_distillation_loss_is_zero_for_the_teacher_itself() -> None:
    wanted = nn.functional.normalize(torch.randn(6, 8), dim=-1)
    assert float(distil_loss(3 * wanted, wanted, match=0.2)) == pytest.approx(0, abs=1e-5)
    assert float(distil_loss(wanted.flip(0), wanted, match=0.2)) > 0.5


def test_tensors_pair_in_order_and_a_foreign_checkpoint_is_refused() -> None:
    source = {"_conv.weight": torch.ones(2, 3), "_bn.bias": torch.zeros(2)}
    target = {"conv.weight": torch.zeros(2, 3), "bn.bias": torch.zeros(2)}
    mapped = teacher.map_in_order(source, target)
    assert list(mapped) == ["conv.weight", "bn.bias"]
    assert mapped["conv.weight"] is source["_conv.weight"]
    with pytest.raises(EncoderError, match="1 tensors but the model 2"):
        teacher.map_in_order({"a": torch.ones(2, 3)}, target)
    with pytest.raises(EncoderError, match=r"shape \(3, 2\) but conv\.weight needs \(2, 3\)"):
        teacher.map_in_order({"a": torch.ones(3, 2), "b": torch.zeros(2)}, target)


def test_a_missing_training_package_says_what_to_install() -> None:
    with pytest.raises(MissingPackageError, match=r"pip install -e '\.\[cpu,torch\]' --group train"):
        teacher.package("no_such_package_at_all", "no-such-package")


def test_the_fast_forward_pass_gives_what_open_clip_gives() -> None:
    tower = tiny_text_tower().eval()
    tokens = torch.from_numpy(student.tokenize(["a dog", "two people walk along the sea at night", ""]))
    with torch.inference_mode():
        ours, theirs = student.embed(tower, tokens), tower(tokens)
    close = nn.functional.cosine_similarity(ours, theirs, dim=-1)
    assert close.min() > 0.999  # bfloat16 where the CPU has AMX, otherwise equal


def test_a_token_table_keeps_likeness_and_has_the_asked_width() -> None:
    vectors = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
    vectors[1] = vectors[0] + 0.01
    table = student.table_from(vectors, width=4)
    assert table.shape == (50, 4)
    assert table.std() == pytest.approx(student.TABLE_STD, rel=0.01)
    apart = np.linalg.norm(table - table[0], axis=1)
    assert apart.argsort()[1] == 1


def test_distillation_brings_a_tower_to_its_teacher() -> None:
    lines = [f"{number} {thing}" for number, thing in itertools.product(("one", "two", "many"), ("dogs", "cats"))]
    tokens = student.tokenize(lines)
    wanted = np.linalg.qr(np.random.default_rng(0).normal(size=(8, 8)))[0][:6].astype(np.float32)
    tower = tiny_text_tower()
    before = (student.embed_all(tower, tokens) * wanted).sum(axis=1).mean()
    distil(tower, tokens, wanted, DistilPlan(epochs=60, batch=6, rate=1e-2, table_rate=1e-2), seed=0)
    after = (student.embed_all(tower, tokens) * wanted).sum(axis=1).mean()
    assert before < 0.5
    assert after > 0.9


def test_drawings_are_the_same_for_the_same_seed_and_each_has_words_for_it() -> None:
    first, again = drawings(18, seed=3), drawings(18, seed=3)
    assert [drawing.picture.tobytes() for drawing in first] == [drawing.picture.tobytes() for drawing in again]
    assert all(drawing.captions and drawing.picture.mode == "RGB" for drawing in first)
    assert first[0].picture.tobytes() != first[9].picture.tobytes()  # the kinds come in turn, nine of them


def test_only_a_line_with_one_meaning_has_a_broader_one() -> None:
    nouns = [
        corpus.Noun(names=("astronaut",), gloss="a person in space", lexicon="18"),
        corpus.Noun(names=("crane",), gloss="a wading bird", lexicon="05"),
        corpus.Noun(names=("crane",), gloss="a machine that lifts", lexicon="06"),
    ]
    assert corpus.broader(nouns) == {
        "a photo of an astronaut": "a photo of a person",
        "astronaut, a person in space": "a photo of a person",
        "crane, a wading bird": "a photo of an animal",
    }


def test_narrow_lines_move_towards_their_broad_line_and_others_stay() -> None:
    anchors = np.eye(3, dtype=np.float16)
    wide = np.asarray([[0, 0, 1]], dtype=np.float32)
    moved = move_to_broader(anchors, {"astronaut": 0, "rocket": 1}, {"astronaut": "person"}, wide, share=0.5)
    assert moved.tolist() == [
        [pytest.approx(0.5**0.5, abs=1e-3), 0, pytest.approx(0.5**0.5, abs=1e-3)],
        [0, 1, 0],
        [0, 0, 1],
    ]
    assert anchors.tolist() == np.eye(3).tolist()


def test_views_have_the_size_of_the_tower_and_are_the_same_for_the_same_seed() -> None:
    for number in range(4):
        first, second = (view_of(picture(7), number, np.random.default_rng(number)) for _ in range(2))
        assert first.size == (224, 224)
        assert first.tobytes() == second.tobytes()


def test_a_stage_is_made_once_and_again_under_another_key(tmp_path: Path) -> None:
    work, made = Work(tmp_path / "work"), []

    def make() -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        made.append(1)
        return np.ones(3)

    for key in (key_of(1), key_of(1), key_of(2)):
        assert work.array("stage", key, make).tolist() == [1, 1, 1]
    assert len(made) == 2
    assert len(work.seconds()) == 2


def test_what_is_exported_gives_what_was_trained_in_open_clip_and_in_onnx_runtime(tmp_path: Path) -> None:
    torch.manual_seed(0)
    trunk, text = "test_efficientnet", tiny_text_tower().eval()
    whole: Any = timm.create_model(trunk, pretrained=False).eval()
    for name, buffer in whole.named_buffers():
        if "running" in name:
            buffer.copy_(torch.rand_like(buffer) + 0.5)  # norms that do something
    pixels = torch.randn(2, 3, 160, 160)
    head = nn.Linear(whole.num_features, text.output_dim)
    with torch.inference_mode():
        expected = head(whole.forward_head(whole.forward_features(pixels), pre_logits=True))
    state = export.assemble(text, fold_batch_norm(whole), head, torch.tensor(2.0), trunk=trunk)
    folder = export.write(tmp_path / "model", export.config_of(text, trunk=trunk, size=160), state)

    model, transform = open_clip.create_model_from_pretrained(f"local-dir:{folder}")
    tokens = open_clip.get_tokenizer(f"local-dir:{folder}")(["a dog on the beach"])
    assert tokens.shape == (1, student.CONTEXT)
    assert transform(picture(1)).shape == (3, 160, 160)
    with torch.inference_mode():
        close = nn.functional.cosine_similarity(model.eval().encode_image(pixels), expected, dim=-1)
        assert close.min() > 0.9999  # float16 keeps 11 bits
        assert nn.functional.cosine_similarity(model.encode_text(tokens), text(tokens), dim=-1).min() > 0.9999
    stored = (folder / export.WEIGHTS_NAME).stat().st_size
    assert stored < 2.1 * sum(value.numel() for value in state.values())  # two bytes a number

    write_graphs(folder)
    in_onnx, in_torch = OnnxEncoder(folder, name="tiny"), OpenClipEncoder.load(f"local-dir:{folder}", device="cpu")
    assert in_onnx.fingerprint == in_torch.fingerprint
    photos = np.random.default_rng(0).integers(0, 256, (3, 160, 160, 3), dtype=np.uint8)
    lines = ["", "a dog on the beach", "word " * 50]
    np.testing.assert_allclose(in_onnx.encode_images(photos), in_torch.encode_images(photos), atol=1e-4)
    np.testing.assert_allclose(in_onnx.encode_texts(lines), in_torch.encode_texts(lines), atol=1e-4)
    assert sum((folder / f"{tower}.onnx").stat().st_size for tower in ("image", "text")) < 100_000  # without weights
    first = (folder / "text.onnx").read_bytes()
    write_graphs(folder)
    assert (folder / "text.onnx").read_bytes() == first

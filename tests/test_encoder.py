"""A frozen language model reads each note once; padding, batches and the cache leave no trace."""

from __future__ import annotations

import errno
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from tiny import LAYERS, NOTE, OTHER_NOTE, TOKEN_WIDTH, write_language_model

from llmseg.case import InputError
from llmseg.text import encoder as module
from llmseg.text.encoder import PACKAGED, EncoderSpec, TextEncoder

NOTES = (NOTE, OTHER_NOTE, "left", "the neck , both side .")


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {kind: write_language_model(folder / kind, kind) for kind in ("llama", "bert")}


@pytest.fixture(params=["llama", "bert"])
def model(request, models):
    return models[request.param]


@pytest.fixture
def reads(tmp_path):
    """Makes an encoder of a model, tapped at a layer, with a cache of this test's own."""

    def make(model, layer: int = 2, **settings) -> TextEncoder:
        return TextEncoder(EncoderSpec(str(model), layer=layer, **settings), cache=tmp_path / "cache")

    return make


def whole_model(folder):
    from transformers import AutoModel

    return AutoModel.from_pretrained(folder).eval()


@torch.inference_mode()
def states(folder, layer: int, ids: list[int]) -> torch.Tensor:
    """What the whole model, nothing left out, makes of a start token (1) and these tokens at one layer."""
    return whole_model(folder)(torch.tensor([[1, *ids]]), output_hidden_states=True).hidden_states[layer][0]


# What is read.


def test_each_token_of_a_note_has_one_state(model, reads):
    features = reads(model).encode(NOTES)
    assert features.tokens.shape == (4, 11, TOKEN_WIDTH)
    assert features.tokens.dtype == torch.float32
    assert features.mask.sum(1).tolist() == [8, 11, 1, 6]
    assert not features.tokens[~features.mask].any()


@pytest.mark.parametrize("layer", range(1, LAYERS + 1))
def test_the_states_are_those_of_the_whole_model_without_its_start_token(model, reads, layer):
    from transformers import AutoTokenizer

    ids = AutoTokenizer.from_pretrained(model)(NOTE, add_special_tokens=False)["input_ids"]
    read = reads(model, layer).encode([NOTE]).tokens[0]
    torch.testing.assert_close(read, states(model, layer, ids)[1:], atol=5e-3, rtol=5e-3)


def test_layer_zero_is_the_last_the_papers_way(model, reads):
    last, named = reads(model, 0).encode([NOTE]), reads(model, LAYERS).encode([NOTE])
    torch.testing.assert_close(last.tokens, named.tokens, atol=5e-3, rtol=5e-3)


def test_a_batch_reads_as_one_note_at_a_time(model, reads, tmp_path):
    together = reads(model).encode(NOTES)
    shutil.rmtree(tmp_path / "cache")
    for row, note in enumerate(NOTES):
        alone = reads(model).encode([note]).tokens[0]
        torch.testing.assert_close(together.tokens[row, : len(alone)], alone, atol=5e-3, rtol=5e-3)


def test_notes_keep_their_order_and_may_repeat(model, reads):
    reader = reads(model)
    features = reader.encode([OTHER_NOTE, NOTE, OTHER_NOTE], batch=1)
    assert torch.equal(features.tokens[0], features.tokens[2])
    assert torch.equal(features[1:2].tokens[0, :8], reader.encode([NOTE]).tokens[0])


def test_one_other_word_changes_the_states(model, reads):
    left, right = reads(model).encode(["tumour of the left neck", "tumour of the right neck"]).tokens
    assert not torch.allclose(left[3], right[3], atol=0.01)


def test_layers_above_the_tapped_one_are_not_loaded(model, reads):
    reader = reads(model, 2)
    reader.encode([NOTE])
    assert reader._model.config.num_hidden_layers == 2
    whole, cut = (sum(weight.numel() for weight in m.parameters()) for m in (whole_model(model), reader._model))
    assert cut < whole


def test_the_language_model_is_frozen(model, reads):
    reader = reads(model)
    assert not reader.encode([NOTE]).tokens.requires_grad
    assert not reader._model.training
    assert not any(weight.requires_grad for weight in reader._model.parameters())


# The cache.


def test_a_cached_note_is_the_fresh_one_bit_for_bit(model, reads):
    fresh, cached = reads(model).encode(NOTES), reads(model).encode(NOTES)
    assert torch.equal(fresh.tokens, cached.tokens)
    assert torch.equal(fresh.mask, cached.mask)


def test_a_note_that_was_read_before_loads_no_model(model, reads):
    first, second = reads(model), reads(model)
    assert first.loads == 0
    first.encode([NOTE])
    first.encode([OTHER_NOTE])
    assert first.loads == 1
    second.encode([OTHER_NOTE, NOTE])
    assert second.loads == 0


def test_a_model_warmed_up_by_several_at_once_loads_once_and_before_the_first_note(model, reads):
    reader = reads(model)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: reader.warm_up(), range(4)))
    assert reader.loads == 1
    reader.encode([NOTE])
    assert reader.loads == 1


def test_only_notes_not_seen_before_are_read(models, reads):
    reads(models["llama"]).encode([NOTE, OTHER_NOTE])
    told = []
    reads(models["llama"]).encode(NOTES, on_progress=told.append, batch=1)
    assert told == [0.5, 1.0]
    reads(models["llama"]).encode(NOTES, on_progress=told.append)
    assert told == [0.5, 1.0]


def test_no_file_of_the_cache_tells_of_the_note(models, reads, tmp_path):
    reads(models["llama"]).encode(["larynx"])
    names = [path.name for path in (tmp_path / "cache").rglob("*")]
    assert len([name for name in names if name.endswith(".npy")]) == 1
    assert not any("larynx" in name for name in names)
    assert not any(b"larynx" in path.read_bytes() for path in (tmp_path / "cache").rglob("*.npy"))


def test_no_log_tells_of_the_note(models, reads, caplog):
    caplog.set_level("DEBUG")
    reads(models["llama"], max_tokens=8).encode(["larynx", "larynx " * 600])
    assert "Loading the language model" in caplog.text
    assert "larynx" not in caplog.text


def test_each_encoder_keeps_its_own_notes(models, reads):
    one, other = reads(models["llama"], 2), reads(models["llama"], 3)
    one.encode([NOTE])
    other.encode([NOTE])
    assert other.loads == 1
    assert not torch.equal(one.encode([NOTE]).tokens, other.encode([NOTE]).tokens)


def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(models, reads, monkeypatch, tmp_path):
    def full(file, array):
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module.np, "save", full)
    with pytest.raises(InputError, match="No space left on device") as refused:
        reads(models["llama"]).encode([NOTE])
    assert "\n" not in str(refused.value)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


# The budget.


def test_a_long_note_is_cut_and_said_to_be(models, reads):
    reader = reads(models["llama"], max_tokens=8)
    long = OTHER_NOTE + " left" * 10_000
    features = reader.encode([long, "left"])
    assert features.mask.sum(1).tolist() == [8, 1]
    assert reader.cuts(long)
    assert not reader.cuts("left")
    torch.testing.assert_close(features.tokens[0], reader.encode([OTHER_NOTE]).tokens[0], atol=5e-3, rtol=5e-3)


def test_a_note_that_just_fits_is_not_said_to_be_cut(models, reads):
    reader = reads(models["llama"], max_tokens=8)
    reader.encode([NOTE])
    assert reader.tokens_in(NOTE) == reader.budget == 8
    assert not reader.cuts(NOTE)


def test_tokens_are_counted_without_loading_the_model(model, reads):
    reader = reads(model, max_tokens=8)
    assert [reader.tokens_in(note) for note in (NOTE, OTHER_NOTE, "left")] == [8, 11, 1]
    assert reader.loads == 0
    assert reader._model is None


def test_notes_are_tokenised_once_and_read_by_length_in_few_batches(models, reads, monkeypatch):
    reader, counted, shapes = reads(models["llama"]), [], []
    reader.warm_up()
    tokenise, read = reader._vocabulary.ids, reader._model.forward
    monkeypatch.setattr(reader._vocabulary, "ids", lambda note: counted.append(note) or tokenise(note))
    monkeypatch.setattr(reader._model, "forward", lambda ids, mask: shapes.append(tuple(ids.shape)) or read(ids, mask))
    reader.encode(NOTES, batch=2)
    assert sorted(counted) == sorted(NOTES)
    assert shapes == [(2, 1 + 6), (2, 1 + 11)]


def test_a_note_never_read_is_not_said_to_be_cut(models, reads):
    assert not reads(models["llama"], max_tokens=8).cuts(OTHER_NOTE)


# Fingerprints.


def test_a_fingerprint_names_model_layer_revision_and_budget(models):
    specs = (
        EncoderSpec(),
        EncoderSpec(layer=8),
        EncoderSpec(max_tokens=128),
        EncoderSpec("meta-llama/Llama-2-7b-hf"),
        EncoderSpec("meta-llama/Llama-2-7b-hf", revision="v2"),
        EncoderSpec("meta-llama/Llama-2-7b-hf", layer=0),
        EncoderSpec("meta-llama/Llama-2-7b-hf", precision="int8"),
        EncoderSpec("meta-llama/Llama-2-7b-hf", precision="bf16"),
        EncoderSpec("meta-llama/Llama-2-7b-hf", adapter="someone/notes-lora"),
        EncoderSpec("meta-llama/Llama-2-7b-hf", adapter="someone/other-lora"),
        EncoderSpec(str(models["llama"])),
        EncoderSpec(str(models["bert"])),
    )
    assert len({TextEncoder(spec).fingerprint for spec in specs}) == len(specs)
    assert TextEncoder().fingerprint == TextEncoder(EncoderSpec()).fingerprint


def test_the_packaged_encoder_keeps_the_fingerprint_that_checkpoints_name():
    assert TextEncoder().fingerprint == "d6f00a14a51f022c"


def test_a_spec_written_before_there_were_precisions_and_adapters_still_reads():
    kept = {"model": PACKAGED, "layer": 16, "revision": "main", "max_tokens": 256}
    assert EncoderSpec(**kept) == EncoderSpec(precision="auto", adapter="")
    assert EncoderSpec(**kept).fingerprint == "d6f00a14a51f022c"


def test_other_weights_in_the_same_folder_are_another_encoder(tmp_path):
    one = TextEncoder(EncoderSpec(str(write_language_model(tmp_path / "model", seed=0)))).fingerprint
    again = TextEncoder(EncoderSpec(str(write_language_model(tmp_path / "model", seed=0)))).fingerprint
    other = TextEncoder(EncoderSpec(str(write_language_model(tmp_path / "model", seed=1)))).fingerprint
    assert one == again != other


def test_the_same_model_in_another_folder_is_the_same_encoder(models, tmp_path):
    shutil.copytree(models["llama"], tmp_path / "copy")
    one, copy = (TextEncoder(EncoderSpec(str(path))).fingerprint for path in (models["llama"], tmp_path / "copy"))
    assert one == copy


def test_the_name_says_which_model_reads_and_where(models):
    reader = TextEncoder(EncoderSpec(str(models["llama"]), layer=2))
    assert reader.name == f"{models['llama']}, layer 2 ({reader.fingerprint})"
    assert "layer last" in TextEncoder(EncoderSpec("a/model", layer=0)).name
    assert "int8, adapter a/lora (" in TextEncoder(EncoderSpec("a/model", precision="int8", adapter="a/lora")).name


# What cannot be read.


def refusal(reader: TextEncoder, notes=(NOTE,)) -> str:
    with pytest.raises(InputError) as refused:
        reader.encode(notes)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("empty", ["", "  \n\t"])
def test_an_empty_note_is_refused_before_the_model_loads(models, reads, empty):
    reader = reads(models["llama"])
    assert "The note is empty" in refusal(reader, [NOTE, empty])
    assert reader.loads == 0


def test_a_note_without_a_word_is_refused(model, reads):
    invisible = "\u200b\u200b"
    assert "no word that" in refusal(reads(model), [invisible])
    assert "no word that" in refusal(reads(model), [NOTE, invisible])


def test_tapping_beyond_the_last_layer_is_refused(model, reads):
    assert f"has {LAYERS} layers; layer 5 was asked for. Choose 0 to 4" in refusal(reads(model, LAYERS + 1))


@pytest.mark.parametrize("id", ["nobody/no-such-model", "not an id", "no-such-folder/model/weights"])
def test_an_unknown_model_is_refused_with_its_name(reads, id):
    said = refusal(reads(id))
    assert f"The language model {id} cannot be loaded (" in said
    assert "access token" in said


@pytest.mark.parametrize(
    ("raised", "reason", "remedy"),
    [
        ("RepositoryNotFoundError", "Hugging Face knows no such id", "Correct it"),
        ("GatedRepoError", "it is gated", "Accept its licence on https://huggingface.co/some/model and set HF_TOKEN"),
        ("RevisionNotFoundError", "it has no such revision", "branches and tags"),
        ("LocalEntryNotFoundError", "no network, and it is not in the local cache", "Connect once"),
    ],
)
def test_each_answer_of_the_hub_has_its_own_reason_and_remedy(reads, monkeypatch, raised, reason, remedy):
    import httpx
    from transformers.utils import hub

    def answer(*_args, **_options):
        kind = getattr(hub, raised)
        if raised == "LocalEntryNotFoundError":
            raise kind("cannot be found on the disk")
        raise kind("401\nClient error", response=httpx.Response(401, request=httpx.Request("HEAD", "https://hub")))

    monkeypatch.setattr(hub, "hf_hub_download", answer)
    said = refusal(reads("some/model"))
    assert said.startswith(f"The language model some/model cannot be loaded ({reason}). ")
    assert remedy in said


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no model files"):
        TextEncoder(EncoderSpec(str(tmp_path)))


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_damaged_model_is_refused_with_its_name(models, reads, tmp_path, file):
    shutil.copytree(models["llama"], tmp_path / "damaged")
    path = tmp_path / "damaged" / file
    path.write_bytes(path.read_bytes()[:-40])
    assert f"The language model {tmp_path / 'damaged'} cannot be loaded (" in refusal(reads(tmp_path / "damaged"))


def test_a_model_that_reads_one_text_to_write_another_is_refused(models, reads, tmp_path):
    from transformers import T5Config, T5Model

    sizes = {"vocab_size": 30, "d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 2, "num_heads": 2}
    shutil.copytree(models["llama"], tmp_path / "t5")
    T5Model(T5Config(**sizes)).save_pretrained(tmp_path / "t5")
    assert "is an encoder-decoder" in refusal(reads(tmp_path / "t5"))


def test_a_precision_nobody_has_is_refused():
    with pytest.raises(InputError, match=r"'fp8' is unknown. Choose one of auto, fp32, fp16, bf16, int8, int4"):
        EncoderSpec(precision="fp8")


@pytest.mark.parametrize("settings", [{"layer": -1}, {"max_tokens": 7}])
def test_a_spec_that_reads_nothing_is_refused(settings):
    with pytest.raises(InputError, match="too small"):
        EncoderSpec(**settings)


# The real one.


def test_the_packaged_model_tells_left_from_right(smollm2_cache):
    reader = TextEncoder(cache=smollm2_cache)
    left, right = reader.encode(["Carcinoma of the left oropharynx.", "Carcinoma of the right oropharynx."]).tokens
    assert left.shape[-1] == 576
    assert torch.equal(left[:3], right[:3])
    assert not torch.allclose(left[-1], right[-1], atol=0.05)

"""Every family of language models is read alike: cut above the tap, no closing norm, padding without a say."""

from __future__ import annotations

import json
import shutil
import sys
import warnings

import pytest
import torch
from tiny import LAYERS, NOTE, OTHER_NOTE, TOKEN_WIDTH, sizes_of_language_model, write_tokenizer

from llmseg.case import InputError
from llmseg.text import languagemodel
from llmseg.text.encoder import EncoderSpec, TextEncoder, write_random_twin
from llmseg.text.int8 import Int8Linear
from llmseg.text.languagemodel import blocks_of

NOTES = (NOTE, OTHER_NOTE, "left", "the neck , both side .")
VISION = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": LAYERS, "num_attention_heads": 2,
          "image_size": 16, "patch_size": 8}  # fmt: skip


def whole_model(family: str, sizes: dict) -> torch.nn.Module:
    """A random model as the family publishes it: with its head, its pooler, its other tower."""
    import transformers as hf

    norms = {"bos_token_id": 1, "eos_token_id": 2}
    few = {**sizes, **norms, "num_key_value_heads": 1}
    if family == "llama-2":
        return hf.LlamaForCausalLM(hf.LlamaConfig(**sizes, **norms))
    if family == "llama-3":
        rope = {"rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0, "original_max_position_embeddings": 64}
        rope |= {"low_freq_factor": 1.0, "high_freq_factor": 4.0}
        return hf.LlamaForCausalLM(hf.LlamaConfig(**few, rope_parameters=rope, tie_word_embeddings=True))
    if family == "phi-3":
        return hf.Phi3ForCausalLM(hf.Phi3Config(**few))
    if family == "qwen-2":
        return hf.Qwen2ForCausalLM(hf.Qwen2Config(**few))
    if family == "qwen-3":
        return hf.Qwen3ForCausalLM(hf.Qwen3Config(**few, head_dim=8))
    if family == "gpt-2":
        return hf.GPT2LMHeadModel(
            hf.GPT2Config(vocab_size=sizes["vocab_size"], n_embd=TOKEN_WIDTH, n_layer=LAYERS, n_head=2, n_positions=512,
                          initializer_range=0.5, **norms)
        )  # fmt: skip
    if family == "biogpt":
        return hf.BioGptForCausalLM(hf.BioGptConfig(**sizes, **norms))
    if family == "bert":
        return hf.BertForPreTraining(hf.BertConfig(**sizes))
    text = {**sizes, **norms, "max_position_embeddings": 77}
    clip = hf.CLIPModel(hf.CLIPConfig(text_config=text, vision_config=VISION, projection_dim=8))
    for weight in clip.text_model.parameters():
        weight.data.normal_(std=0.5)  # the family's own start is too small to tell its layers apart
    return clip if family == "clip" else clip.text_model


FAMILIES = ("llama-2", "llama-3", "phi-3", "qwen-2", "qwen-3", "gpt-2", "biogpt", "bert", "clip", "clip-text")


def write_letters(folder) -> int:
    """A tokenizer of letters; transformers reads Qwen 2 with no other kind than its own, which marks no start."""
    from transformers import Qwen2Tokenizer

    letters = {letter: i for i, letter in enumerate(["<|endoftext|>", *sorted(set("Ġ" + "".join(NOTES)) - {" "})])}
    Qwen2Tokenizer(vocab=letters, merges=[]).save_pretrained(folder)
    return len(letters)


@pytest.fixture(scope="session")
def families(tmp_path_factory):
    made = {}

    def make(family: str):
        if family not in made:
            folder = made[family] = tmp_path_factory.mktemp(family)
            torch.manual_seed(7)
            vocabulary = write_letters(folder) if family == "qwen-2" else write_tokenizer(folder, family)
            whole_model(family, sizes_of_language_model(vocabulary)).save_pretrained(folder)
        return made[family]

    return make


@pytest.fixture(params=FAMILIES)
def model(request, families):
    return families(request.param)


@pytest.fixture
def reads(tmp_path):
    def make(model, layer: int = 2, **settings) -> TextEncoder:
        return TextEncoder(EncoderSpec(str(model), layer=layer, **settings), cache=tmp_path / "cache")

    return make


def trunk(folder):
    from transformers import AutoConfig, AutoModel, CLIPTextModel

    clip = AutoConfig.from_pretrained(folder).model_type == "clip"
    return (CLIPTextModel if clip else AutoModel).from_pretrained(folder).eval()


@torch.inference_mode()
def states(model: torch.nn.Module, note: str, folder, layer: int) -> torch.Tensor:
    """What a whole model makes of a note's tokens, its start token left out."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    start = 1 if tokenizer.bos_token or tokenizer.cls_token else tokenizer.pad_token_id
    ids = tokenizer(note, add_special_tokens=False)["input_ids"]
    read = model(torch.tensor([[start, *ids]]), output_hidden_states=True)
    return (read.last_hidden_state if layer == LAYERS else read.hidden_states[layer])[0, 1:]


def refusal(reader: TextEncoder) -> str:
    with pytest.raises(InputError) as refused:
        reader.encode([NOTE])
    assert "\n" not in str(refused.value)
    return str(refused.value)


# What is read.


@pytest.mark.parametrize("layer", range(1, LAYERS + 1))
def test_the_tapped_layer_is_that_of_the_whole_model(model, reads, layer):
    read = reads(model, layer).encode([NOTE]).tokens[0]
    torch.testing.assert_close(read, states(trunk(model), NOTE, model, layer), atol=1e-3, rtol=1e-3)


def test_nothing_above_the_tap_is_in_memory_and_nobody_is_warned(model, reads, caplog, capfd):
    reader = reads(model, 2)
    reader.warm_up()
    kept, whole = reader._model.model, trunk(model)
    stack, blocks = blocks_of(kept)
    assert len(blocks) == 2
    assert not [name for name, _ in kept.named_parameters() if name.startswith(("pooler", "vision"))]
    above = [weight for name, weight in whole.named_parameters() if name.startswith((f"{stack}.2.", f"{stack}.3."))]
    pooler = [weight for name, weight in whole.named_parameters() if name.startswith("pooler")]
    spared = sum(weight.numel() for weight in (*above, *pooler))
    assert above
    assert count(kept) == count(whole) - spared
    assert caplog.text == ""
    assert "".join(capfd.readouterr()) == ""


def count(model: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in model.parameters())


def test_a_note_reads_the_same_alone_and_beside_longer_ones(model, reads, tmp_path):
    together = reads(model).encode(NOTES)
    shutil.rmtree(tmp_path / "cache")
    for row, note in enumerate(NOTES):
        alone = reads(model).encode([note]).tokens[0]
        torch.testing.assert_close(together.tokens[row, : len(alone)], alone, atol=1e-3, rtol=1e-3)


# Precision.


@pytest.mark.parametrize(("precision", "close"), [("fp32", 1e-3), ("fp16", 0.02), ("bf16", 0.15), ("int8", 0.05)])
def test_a_lower_precision_reads_nearly_the_same(model, reads, precision, close):
    if precision == "int8" and "gpt-2" in model.name:
        assert "no linear layers that int8 could shrink" in refusal(reads(model, precision=precision))
        return
    whole, read = reads(model).encode(NOTES), reads(model, precision=precision).encode(NOTES)
    away = (read.tokens - whole.tokens)[whole.mask].norm() / whole.tokens[whole.mask].norm()
    assert away < close
    assert precision == "fp32" or away > 0


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [("auto", torch.float32), ("fp32", torch.float32), ("fp16", torch.float16), ("bf16", torch.bfloat16)],
)
def test_the_weights_are_kept_in_the_precision_asked_for(families, reads, precision, dtype):
    reader = reads(families("llama-2"), precision=precision)
    reader.warm_up()
    assert {weight.dtype for weight in reader._model.parameters()} == {dtype}


def test_int8_keeps_a_byte_per_weight_of_every_block(families, reads):
    reader = reads(families("llama-2"), precision="int8")
    reader.warm_up()
    linears = [m for m in reader._model.modules() if isinstance(m, (torch.nn.Linear, Int8Linear))]
    assert len(linears) == 2 * 7
    assert all(linear.weight.dtype == torch.int8 for linear in linears)


def test_int8_reads_a_note_the_same_alone_and_in_a_batch(families, reads, tmp_path):
    together = reads(families("llama-2"), precision="int8").encode(NOTES).tokens[2, :1]
    shutil.rmtree(tmp_path / "cache")
    alone = reads(families("llama-2"), precision="int8").encode(NOTES[2:3]).tokens[0]
    torch.testing.assert_close(together, alone, atol=1e-3, rtol=1e-3)


def test_an_8_bit_layer_is_off_by_less_than_half_a_step_per_weight():
    torch.manual_seed(0)
    linear = torch.nn.Linear(32, 8)
    exact, rounded = linear(torch.eye(32)), Int8Linear(linear)(torch.eye(32))
    step = linear.weight.abs().amax(1) / 127
    assert ((rounded - exact).abs() <= step * 0.501).all()


def test_int4_on_a_cpu_is_refused_with_the_remedy(families, reads):
    assert refusal(reads(families("llama-2"), precision="int4")) == (
        "int4 needs a CUDA GPU. Choose int8, which runs on a CPU too, or the device cuda."
    )


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_a_gpu_without_bitsandbytes_is_told_how_to_get_it(families, monkeypatch, tmp_path, precision):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(languagemodel, "find_spec", lambda _name: None)
    reader = TextEncoder(EncoderSpec(str(families("llama-2")), 2, precision=precision), device="cuda", cache=tmp_path)
    assert refusal(reader) == f"{precision} on a GPU needs bitsandbytes. Install it with: pip install bitsandbytes"


@pytest.mark.parametrize("precision", ["auto", "int8", "int4"])
def test_a_gpu_that_is_not_there_is_said_to_be(families, monkeypatch, tmp_path, precision):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    reader = TextEncoder(EncoderSpec(str(families("llama-2")), 2, precision=precision), device="cuda", cache=tmp_path)
    assert "No CUDA GPU was found" in refusal(reader)


@pytest.mark.parametrize(("saved", "new_gpu", "chosen"), [
    (torch.bfloat16, True, torch.bfloat16),
    (torch.bfloat16, False, torch.float16),
    (torch.float16, True, torch.float16),
    (torch.float32, True, torch.bfloat16),
    (None, False, torch.float16),
])  # fmt: skip
def test_a_gpu_reads_in_16_bits_that_it_has(monkeypatch, saved, new_gpu, chosen):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: new_gpu)
    assert languagemodel._dtype("auto", "cuda:0", saved) == chosen
    assert languagemodel._dtype("int8", "cuda:0", saved) == torch.float16


def test_states_that_run_over_are_refused(families, reads, monkeypatch):
    reader = reads(families("llama-2"))
    reader.warm_up()
    monkeypatch.setattr(reader._model, "forward", lambda ids, mask: torch.full((*ids.shape, 4), torch.nan))
    assert "Choose the precision bf16 or fp32" in refusal(reader)


# Families' own ways.


def test_clip_is_read_by_its_text_tower_up_to_its_77_positions(families, reads):
    reader = reads(families("clip"), max_tokens=256)
    long = "left " * 80
    assert reader.budget == 76
    assert reader.encode([long, "left"]).mask.sum(1).tolist() == [76, 1]
    assert reader.cuts(long)
    assert not reader.cuts("left")
    assert not reader.cuts("left " * 76)


def test_a_tokenizer_that_knows_a_lower_limit_is_believed(families, reads, tmp_path):
    folder = shutil.copytree(families("bert"), tmp_path / "short")
    write_tokenizer(folder, "bert", model_max_length=33)
    assert reads(folder, max_tokens=256).budget == 32


@pytest.fixture
def biogpt(families, tmp_path):
    """BioGPT with a tokenizer of its own kind: Moses words, byte pairs, a closing tag in front."""
    folder = shutil.copytree(families("biogpt"), tmp_path / "biogpt")
    for leftover in folder.glob("tokenizer*"):
        leftover.unlink()
    words = ["<s>", "<pad>", "</s>", "<unk>", "l", "e", "f", "t</w>", "le", "lef", "left</w>"]
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (folder / "merges.txt").write_text("l e 10\nle f 9\nlef t</w> 8\n")
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BioGptTokenizer"}')
    return folder


def test_biogpt_starts_as_it_was_trained_to(biogpt, reads):
    pytest.importorskip("sacremoses")
    reader = reads(biogpt)
    assert reader.tokens_in("left left") == 2
    assert reader._words().start == 2
    assert reader.encode(["left left"]).mask.sum() == 2


def test_biogpt_without_its_tokenizers_package_names_it(biogpt, reads, monkeypatch):
    monkeypatch.setitem(sys.modules, "sacremoses", None)
    said = refusal(reads(biogpt))
    assert "You need to install sacremoses" in said
    assert said.endswith("Install what is missing with pip.")


def test_a_model_that_also_sees_is_refused(families, reads, tmp_path):
    from transformers import LlavaConfig

    folder = shutil.copytree(families("llama-2"), tmp_path / "llava")
    LlavaConfig(text_config={"model_type": "llama"}, vision_config={"model_type": "clip_vision_model"}).save_pretrained(
        folder
    )
    assert "(llava) is no model of text alone" in refusal(reads(folder))


def test_a_model_that_only_sees_is_refused(families, reads, tmp_path):
    from transformers import ViTConfig

    folder = shutil.copytree(families("llama-2"), tmp_path / "vit")
    ViTConfig().save_pretrained(folder)
    assert "(vit) is no model of text alone" in refusal(reads(folder))


# Adapters.


def write_adapter(folder, base, whole: bool = True, **settings):
    """A random LoRA, as someone would save it who trained the whole model, or its trunk alone."""
    peft = pytest.importorskip("peft")
    from transformers import AutoModel, AutoModelForCausalLM

    model = (AutoModelForCausalLM if whole else AutoModel).from_pretrained(base)
    settings = {"r": 4, "lora_alpha": 16, "target_modules": ["q_proj", "v_proj"], **settings}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing")  # peft, of transformers
        torch.manual_seed(1)
        adapted = peft.get_peft_model(model, peft.LoraConfig(init_lora_weights=False, **settings))
    adapted.save_pretrained(folder)
    return adapted.eval()


@pytest.fixture
def adapter(families, tmp_path):
    write_adapter(tmp_path / "lora", families("llama-2"), task_type="CAUSAL_LM")
    return tmp_path / "lora"


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("layer", [2, LAYERS])
def test_an_adapter_reads_as_in_the_model_it_was_trained_in(families, reads, tmp_path, whole, layer):
    base = families("llama-2")
    adapted = write_adapter(tmp_path / "lora", base, whole).get_base_model()
    read = reads(base, layer, adapter=str(tmp_path / "lora")).encode([NOTE]).tokens[0]
    want = states(adapted.model if whole else adapted, NOTE, base, layer)
    torch.testing.assert_close(read, want, atol=1e-3, rtol=1e-3)
    assert not torch.allclose(read, reads(base, layer).encode([NOTE]).tokens[0], atol=0.1)


def test_ranks_that_an_adapter_gives_to_single_layers_are_kept(families, reads, tmp_path):
    base = families("llama-2")
    queries = "model.layers.{}.self_attn.q_proj"
    ranks = {"rank_pattern": {queries.format(0): 8, queries.format(3): 2}, "alpha_pattern": {queries.format(1): 3}}
    adapted = write_adapter(tmp_path / "lora", base, task_type="CAUSAL_LM", **ranks).get_base_model()
    read = reads(base, adapter=str(tmp_path / "lora")).encode([NOTE]).tokens[0]
    torch.testing.assert_close(read, states(adapted.model, NOTE, base, 2), atol=1e-3, rtol=1e-3)


def test_an_adapter_costs_no_layer_and_goes_with_int8(families, reads, adapter):
    reader = reads(families("llama-2"), adapter=str(adapter))
    reader.warm_up()
    assert not [name for name, _ in reader._model.named_modules() if "lora" in name]
    whole = reader.encode([NOTE]).tokens
    small = reads(families("llama-2"), adapter=str(adapter), precision="int8").encode([NOTE]).tokens
    assert 0 < (small - whole).norm() / whole.norm() < 0.05


def test_an_adapter_of_a_bert_is_read(families, reads, tmp_path):
    write_adapter(tmp_path / "lora", families("bert"), whole=False, target_modules=["query", "value"])
    adapted = reads(families("bert"), adapter=str(tmp_path / "lora")).encode([NOTE])
    assert not torch.allclose(adapted.tokens, reads(families("bert")).encode([NOTE]).tokens, atol=0.1)


def test_an_adapter_for_another_family_is_refused(families, reads, adapter):
    assert "was made for another model" in refusal(reads(families("bert"), adapter=str(adapter)))


def test_an_adapter_for_a_wider_model_is_refused(families, reads, tmp_path):
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = sizes_of_language_model(20)
    LlamaForCausalLM(LlamaConfig(**{**sizes, "hidden_size": 32})).save_pretrained(tmp_path / "wide")
    write_adapter(tmp_path / "lora", tmp_path / "wide", task_type="CAUSAL_LM")
    assert "was made for another model" in refusal(reads(families("llama-2"), adapter=str(tmp_path / "lora")))


@pytest.mark.parametrize("layers", [LAYERS + 1, 1])
def test_an_adapter_for_a_deeper_or_shallower_model_is_refused(families, reads, tmp_path, layers):
    from transformers import LlamaConfig, LlamaForCausalLM

    LlamaForCausalLM(LlamaConfig(**sizes_of_language_model(20, layers))).save_pretrained(tmp_path / "other")
    write_adapter(tmp_path / "lora", tmp_path / "other", task_type="CAUSAL_LM")
    assert "was made for another model" in refusal(reads(families("llama-2"), adapter=str(tmp_path / "lora")))


def test_an_adapter_that_changes_only_what_is_not_loaded_is_refused(families, reads, tmp_path):
    write_adapter(tmp_path / "lora", families("llama-2"), task_type="CAUSAL_LM", layers_to_transform=[3])
    assert "changes no layer up to the tapped 2" in refusal(reads(families("llama-2"), adapter=str(tmp_path / "lora")))


@pytest.mark.parametrize(("id", "reason"), [
    ("nobody/no-such-adapter", "no network"),
    ("/no/such/folder", "neither a folder nor an id"),
])  # fmt: skip
def test_a_missing_adapter_is_refused_with_its_name(families, reads, id, reason):
    pytest.importorskip("peft")
    said = refusal(reads(families("llama-2"), adapter=id))
    assert f"The adapter {id} cannot be loaded ({reason}" in said


def test_adapters_without_peft_say_what_to_install(families, reads, adapter, monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    said = refusal(reads(families("llama-2"), adapter=str(adapter)))
    assert said.endswith("needs peft. Install it with: pip install peft")


def test_another_adapter_is_another_encoder(families, adapter, tmp_path):
    base = str(families("llama-2"))
    plain, with_adapter = EncoderSpec(base), EncoderSpec(base, adapter=str(adapter))
    copy = EncoderSpec(base, adapter=str(shutil.copytree(adapter, tmp_path / "copy")))
    assert plain.fingerprint != with_adapter.fingerprint == copy.fingerprint
    write_adapter(adapter, base, task_type="CAUSAL_LM", r=2)
    assert with_adapter.fingerprint != copy.fingerprint


# The baseline that learned nothing.


def test_a_random_twin_has_the_shape_and_words_of_its_model_but_not_its_weights(model, reads, tmp_path):
    spec = EncoderSpec(str(model), layer=2)
    one, again, other = (
        write_random_twin(spec, tmp_path / name, seed) for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    real, twin = reads(model), reads(one)
    assert twin.encode([NOTE]).tokens.shape == real.encode([NOTE]).tokens.shape
    assert twin.tokens_in(OTHER_NOTE) == real.tokens_in(OTHER_NOTE)
    assert count(trunk(one)) == count(trunk(model))
    assert not torch.allclose(twin.encode([NOTE]).tokens, real.encode([NOTE]).tokens, atol=0.1)
    assert torch.equal(twin.encode([NOTE]).tokens, reads(again).encode([NOTE]).tokens)
    assert not torch.equal(twin.encode([NOTE]).tokens, reads(other).encode([NOTE]).tokens)


def test_making_a_twin_leaves_the_callers_randomness_alone(families, tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    write_random_twin(EncoderSpec(str(families("bert"))), tmp_path / "twin", seed=0)
    assert torch.equal(torch.rand(3), expected)


def test_a_twin_is_never_written_over_something_else(families, tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("mine")
    with pytest.raises(InputError, match="Choose a new folder"):
        write_random_twin(EncoderSpec(str(families("bert"))), tmp_path / "kept", seed=0)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


# The real one.


def test_the_packaged_model_reads_nearly_the_same_in_8_bits(smollm2_cache):
    note = "Squamous cell carcinoma of the left oropharynx, 70 Gy, bilateral neck."
    whole = TextEncoder(cache=smollm2_cache).encode([note]).tokens[0]
    small = TextEncoder(EncoderSpec(precision="int8"), cache=smollm2_cache).encode([note]).tokens[0]
    assert torch.cosine_similarity(whole, small).min() > 0.99
    assert not torch.equal(whole, small)


def test_counting_tokens_loads_no_model_library(smollm2_cache):
    reader = TextEncoder(cache=smollm2_cache)
    assert reader.tokens_in("Carcinoma of the left oropharynx.") == len(
        reader.encode(["Carcinoma of the left oropharynx."]).tokens[0]
    )

"""Text classifiers as ONNX files, and their tokenizers, as small as they can be: real ones, for the detector `onnx`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers, processors

UNKNOWN = "[UNK]"
WORDS = ("[PAD]", UNKNOWN, "[CLS]", "[SEP]", "a", "kind", "rude", "cruel", "odd")
# What each word says for each of three labels; a text's output is the most that any of its words says.
SAYS = {"kind": (3.0, -3, -3), "rude": (-3, 2, -3), "cruel": (-3, 1, 2)}


def tokenizer(path: Path, words: tuple[str, ...] = WORDS) -> Path:
    """Of whole words between [CLS] and [SEP], as BERT's are."""
    made = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token=UNKNOWN))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", words.index("[CLS]")), ("[SEP]", words.index("[SEP]"))]
    )
    made.save(str(path))
    return path


def network(
    path: Path,
    *,
    inputs: tuple[str, ...] = ("input_ids", "attention_mask"),
    type_: int = TensorProto.INT64,
    mask: int | None = None,
    tokens: int | str = "tokens",
    most: int | None = None,
    ending: str = "",
    labels: int = 3,
) -> Path:
    """A model that reads what its mask shows; `ending` is an operator on its outputs; over `most` tokens it fails."""
    table = np.full((len(WORDS), labels), -3, np.float32)
    for word, says in SAYS.items():
        table[WORDS.index(word)] = says[:labels]
    initializers = [numpy_helper.from_array(table, "table"), numpy_helper.from_array(np.array([1]), "axis")]
    # Without its ids it reads its mask.
    nodes = [helper.make_node("Gather", ["table", "input_ids" if "input_ids" in inputs else inputs[0]], ["said"])]
    last = "said"
    if "attention_mask" in inputs:
        initializers += [
            numpy_helper.from_array(np.array([-1]), "inner"),
            numpy_helper.from_array(np.float32(9), "nine"),
        ]
        nodes += [
            helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["mask", "inner"], ["column"]),
            helper.make_node("Add", ["said", "nine"], ["raised"]),
            helper.make_node("Mul", ["raised", "column"], ["kept"]),
            helper.make_node("Sub", ["kept", "nine"], ["lowered"]),
        ]
        last = "lowered"
    if most is not None:
        initializers.append(numpy_helper.from_array(np.zeros((1, most, labels), np.float32), "positions"))
        initializers.append(numpy_helper.from_array(np.array([1]), "from_1"))
        nodes += [
            helper.make_node("Shape", ["input_ids"], ["shape"], start=1),
            helper.make_node("Concat", ["one", "shape", "labels"], ["wanted"], axis=0),
            helper.make_node("Slice", ["positions", "zero", "shape", "from_1"], ["some"]),
            helper.make_node("Reshape", ["some", "wanted"], ["placed"]),
            helper.make_node("Add", [last, "placed"], ["moved"]),
        ]
        initializers += [
            numpy_helper.from_array(np.array([value]), name)
            for name, value in (("one", 1), ("labels", labels), ("zero", 0))
        ]
        last = "moved"
    nodes.append(helper.make_node("ReduceMax", [last, "axis"], ["logits" if not ending else "raw"], keepdims=0))
    if ending:
        nodes.append(helper.make_node(ending, ["raw"], ["logits"]))
    graph = helper.make_graph(
        nodes,
        "words",
        [
            helper.make_tensor_value_info(name, (name == "attention_mask" and mask) or type_, ["batch", tokens])
            for name in inputs
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", labels])],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path

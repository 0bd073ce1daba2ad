"""The graph by which ONNX Runtime makes posteriors of logits: `python -m tests.students.log_softmax` writes it."""

from __future__ import annotations

import onnx
from onnx import TensorProto, helper

from students.onnx_reader import SOFTMAX

LOGITS = ["lines", "frames", "classes"]


def graph() -> onnx.ModelProto:
    """Log-posteriors of logits under a temperature: log softmax(logits / temperature) over the classes."""
    nodes = [
        helper.make_node("Div", ["logits", "temperature"], ["scaled"]),
        helper.make_node("LogSoftmax", ["scaled"], ["log_softmax"], axis=-1),
    ]
    inputs = [
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, LOGITS),
        helper.make_tensor_value_info("temperature", TensorProto.FLOAT, []),
    ]
    outputs = [helper.make_tensor_value_info("log_softmax", TensorProto.FLOAT, LOGITS)]
    made = helper.make_graph(nodes, "log_softmax", inputs, outputs)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


if __name__ == "__main__":
    SOFTMAX.write_bytes(graph().SerializeToString())

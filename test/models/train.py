"""Trains the digits CNN with numpy, exports it to ONNX and quantises it with onnxruntime's static quantiser.

Run from anywhere: python train.py. Writes digits.onnx, digits.qdq.onnx, digits.qop.onnx and digits-heldout.bin beside
this file. One thread and fixed seeds: the same versions on the same processor give the same files.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

HERE = Path(__file__).parent
SEED = 7
FILTERS = (8, 16)
HIDDEN = 64
EPOCHS = 60
BATCH = 32


def scans():
    """1,347 scans to train on and 450 held out, uint8 pixels 0..16, by a fixed stratified split."""
    digits = load_digits()
    return train_test_split(
        digits.images.astype(np.uint8), digits.target.astype(np.uint8), test_size=450, random_state=SEED, stratify=digits.target
    )


def columns(x):
    """3x3 patches of x [N, C, H, W] padded by one: [N, H, W, C * 9]."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(x.shape[0], x.shape[2], x.shape[3], -1)


def scatter(d, shape):
    """Adjoint of columns."""
    n, c, h, w = shape
    d = d.reshape(n, h, w, c, 3, 3)
    out = np.zeros((n, c, h + 2, w + 2), np.float32)
    for i in range(3):
        for j in range(3):
            out[:, :, i : i + h, j : j + w] += d[..., i, j].transpose(0, 3, 1, 2)
    return out[:, :, 1:-1, 1:-1]


def initial(rng):
    he = lambda shape, fan: (rng.standard_normal(shape) * np.sqrt(2 / fan)).astype(np.float32)
    a, b = FILTERS
    return {
        "conv1.weight": he((a, 9), 9),
        "conv1.bias": np.zeros(a, np.float32),
        "conv2.weight": he((b, a * 9), a * 9),
        "conv2.bias": np.zeros(b, np.float32),
        "dense1.weight": he((HIDDEN, b * 16), b * 16),
        "dense1.bias": np.zeros(HIDDEN, np.float32),
        "dense2.weight": he((10, HIDDEN), HIDDEN),
        "dense2.bias": np.zeros(10, np.float32),
    }


def forward_backward(p, x, y, rng):
    """Gradients of the mean cross entropy, with dropout before the last layer."""
    n = x.shape[0]
    c1 = columns(x)
    h1 = np.maximum(c1 @ p["conv1.weight"].T + p["conv1.bias"], 0)
    a1 = h1.transpose(0, 3, 1, 2)
    c2 = columns(a1)
    h2 = np.maximum(c2 @ p["conv2.weight"].T + p["conv2.bias"], 0)
    windows = h2.reshape(n, 4, 2, 4, 2, -1).transpose(0, 1, 3, 5, 2, 4).reshape(n, 4, 4, -1, 4)
    winner = windows.argmax(-1)
    pooled = np.take_along_axis(windows, winner[..., None], -1)[..., 0]
    flat = pooled.transpose(0, 3, 1, 2).reshape(n, -1)
    h3 = np.maximum(flat @ p["dense1.weight"].T + p["dense1.bias"], 0)
    keep = (rng.random(h3.shape) < 0.7).astype(np.float32) / 0.7
    h3d = h3 * keep
    logits = h3d @ p["dense2.weight"].T + p["dense2.bias"]
    e = np.exp(logits - logits.max(1, keepdims=True))
    d = e / e.sum(1, keepdims=True)
    d[np.arange(n), y] -= 1
    d /= n
    g = {"dense2.weight": d.T @ h3d, "dense2.bias": d.sum(0)}
    d = (d @ p["dense2.weight"]) * keep * (h3 > 0)
    g |= {"dense1.weight": d.T @ flat, "dense1.bias": d.sum(0)}
    d = (d @ p["dense1.weight"]).reshape(n, -1, 4, 4).transpose(0, 2, 3, 1)
    dw = np.zeros_like(windows)
    np.put_along_axis(dw, winner[..., None], d[..., None], -1)
    d = dw.reshape(n, 4, 4, -1, 2, 2).transpose(0, 1, 4, 2, 5, 3).reshape(h2.shape) * (h2 > 0)
    d2 = d.reshape(-1, d.shape[-1])
    g |= {"conv2.weight": d2.T @ c2.reshape(d2.shape[0], -1), "conv2.bias": d2.sum(0)}
    d = scatter(d @ p["conv2.weight"], a1.shape).transpose(0, 2, 3, 1) * (h1 > 0)
    d1 = d.reshape(-1, d.shape[-1])
    g |= {"conv1.weight": d1.T @ c1.reshape(d1.shape[0], -1), "conv1.bias": d1.sum(0)}
    return g


def shifted(x, rng):
    """Each scan moved by at most one pixel in each direction."""
    out = np.zeros_like(x)
    for i, (dy, dx) in enumerate(rng.integers(-1, 2, (x.shape[0], 2))):
        out[i, 0, max(dy, 0) : 8 + min(dy, 0), max(dx, 0) : 8 + min(dx, 0)] = x[
            i, 0, max(-dy, 0) : 8 + min(-dy, 0), max(-dx, 0) : 8 + min(-dx, 0)
        ]
    return out


def train(images, labels):
    rng = np.random.default_rng(SEED)
    x = (images[:, None].astype(np.float32)) / 16
    p = initial(rng)
    m = {k: np.zeros_like(v) for k, v in p.items()}
    v = {k: np.zeros_like(w) for k, w in p.items()}
    step = 0
    total = EPOCHS * ((len(x) + BATCH - 1) // BATCH)
    for _ in range(EPOCHS):
        order = rng.permutation(len(x))
        for start in range(0, len(x), BATCH):
            pick = order[start : start + BATCH]
            batch = x[pick] if step % 2 else shifted(x[pick], rng)
            gradients = forward_backward(p, batch, labels[pick], rng)
            step += 1
            rate = 0.003 * 0.5 * (1 + np.cos(np.pi * step / total))
            for k, g in gradients.items():
                m[k] = 0.9 * m[k] + 0.1 * g
                v[k] = 0.999 * v[k] + 0.001 * g * g
                p[k] = (p[k] - rate * (m[k] / (1 - 0.9**step)) / (np.sqrt(v[k] / (1 - 0.999**step)) + 1e-8)).astype(np.float32)
    p["conv1.weight"] = p["conv1.weight"] / np.float32(16)  # the model takes pixels 0..16
    return p


def export(p):
    a, b = FILTERS
    p = p | {"conv1.weight": p["conv1.weight"].reshape(a, 1, 3, 3), "conv2.weight": p["conv2.weight"].reshape(b, a, 3, 3)}
    conv = dict(kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    node = helper.make_node
    graph = helper.make_graph(
        [
            node("Conv", ["image", "conv1.weight", "conv1.bias"], ["conv1"], name="conv1", **conv),
            node("Relu", ["conv1"], ["relu1"], name="relu1"),
            node("Conv", ["relu1", "conv2.weight", "conv2.bias"], ["conv2"], name="conv2", **conv),
            node("Relu", ["conv2"], ["relu2"], name="relu2"),
            node("MaxPool", ["relu2"], ["pool"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
            node("Flatten", ["pool"], ["flat"], name="flatten"),
            node("Gemm", ["flat", "dense1.weight", "dense1.bias"], ["dense1"], name="dense1", transB=1),
            node("Relu", ["dense1"], ["relu3"], name="relu3"),
            node("Gemm", ["relu3", "dense2.weight", "dense2.bias"], ["logits"], name="dense2", transB=1),
            node("Softmax", ["logits"], ["probabilities"], name="softmax", axis=1),
        ],
        "digits",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, 8, 8])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, 10])],
        [numpy_helper.from_array(np.ascontiguousarray(w), name) for name, w in p.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="digits")
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, HERE / "digits.onnx")


class Calibration(CalibrationDataReader):
    def __init__(self, images):
        self.rest = iter(images[:, None].astype(np.float32))

    def get_next(self):
        image = next(self.rest, None)
        return None if image is None else {"image": image[None]}


def quantise(images):
    for suffix, form in (("qdq", QuantFormat.QDQ), ("qop", QuantFormat.QOperator)):
        quantize_static(
            HERE / "digits.onnx",
            HERE / f"digits.{suffix}.onnx",
            Calibration(images),
            quant_format=form,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
        )


def accuracy(name, images, labels):
    session = ort.InferenceSession(str(HERE / name), providers=["CPUExecutionProvider"])
    answers = [session.run(None, {"image": i[None, None].astype(np.float32)})[0].argmax() for i in images]
    return float(np.mean(np.array(answers) == labels))


def main():
    images, held_images, labels, held_labels = scans()
    export(train(images, labels))
    quantise(images)
    with open(HERE / "digits-heldout.bin", "wb") as file:
        for image, label in zip(held_images, held_labels):
            file.write(image.tobytes() + bytes([label]))
    for name in ("digits.onnx", "digits.qdq.onnx", "digits.qop.onnx"):
        print(f"{name}: {100 * accuracy(name, held_images, held_labels):.2f} % of {len(held_labels)} held-out scans")


if __name__ == "__main__":
    main()

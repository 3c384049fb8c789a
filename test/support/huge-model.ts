import { modelOf, one, tensor } from "../../executor/onnx/model.fixture.ts";

const [ROWS, INNER, COLUMNS] = [1024, 1024, 1280];

export const HUGE_MULTIPLY_ADDS = ROWS * INNER * COLUMNS + ROWS * COLUMNS;

/** ONNX of two products, of 1.3 G multiply-adds and of few: more than any transaction has gas for. */
export const hugeModel = (): Uint8Array =>
  modelOf({
    inputs: [{ name: "a", element: "uint8", shape: [ROWS, INNER] }],
    outputs: [{ name: "z", element: "uint8", shape: [ROWS, 1] }],
    constants: {
      w: tensor("int8", [INNER, COLUMNS], new Int8Array(INNER * COLUMNS).fill(1)),
      v: tensor("int8", [COLUMNS, 1], new Int8Array(COLUMNS).fill(1)),
      scale: one("float32", 0.01),
      zero: one("uint8", 128),
      none: one("int8", 0),
    },
    nodes: [
      ["a", "w", "y"],
      ["y", "v", "z"],
    ].map(([left = "", right = "", output = ""]) => ({
      operator: "QLinearMatMul",
      inputs: [left, "scale", "zero", right, "scale", "none", "scale", "zero"],
      outputs: [output],
    })),
  });

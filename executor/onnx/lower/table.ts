import type { LoweringTable } from "../emit/context.ts";
import { CONTRACTION } from "./contraction.ts";
import { ELEMENTWISE } from "./elementwise.ts";
import { MOVEMENT } from "./movement.ts";
import { NONLINEAR } from "./nonlinear.ts";
import { PADDING } from "./padding.ts";
import { POOLING } from "./pooling.ts";
import { QLINEAR } from "./qlinear.ts";
import { QUANTISATION } from "./quantisation.ts";
import { REDUCTION } from "./reduction.ts";
import { RESIZE } from "./resize.ts";
import { SHAPE } from "./shape.ts";

/** Every operator that can be imported. A new layer is a new entry. */
export const LOWERINGS: LoweringTable = {
  ...CONTRACTION,
  ...ELEMENTWISE,
  ...MOVEMENT,
  ...NONLINEAR,
  ...PADDING,
  ...POOLING,
  ...QLINEAR,
  ...QUANTISATION,
  ...REDUCTION,
  ...RESIZE,
  ...SHAPE,
};

/** Names of all operators that can be imported, domain first where it is not ONNX's own. */
export const SUPPORTED_OPERATORS: readonly string[] = Object.keys(LOWERINGS).sort();

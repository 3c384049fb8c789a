// The face of the executor: what the other folders may import. Each room says what in its own.

export * from "./blob/index.ts";
export * from "./chain/index.ts";
export * from "./evm/index.ts";
export * from "./foundation/index.ts";
export * from "./genesis/index.ts";
export * from "./machine/index.ts";
export * from "./models/index.ts";
export * from "./onnx/index.ts";
export * from "./p2p/index.ts";
export * from "./protocol/index.ts";
export * from "./rpc/index.ts";
export * from "./state/index.ts";
export * from "./store/index.ts";
export * from "./tensor/index.ts";

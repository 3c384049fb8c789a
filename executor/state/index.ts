// The state tree.
export { accountKey, slotKey } from "./account.ts";
export { createWorldState } from "./create-world.ts";
export { type TreeProof, verifyProof } from "./proof.ts";
export { decodeProof, encodeProof } from "./proof-codec.ts";
export { readAccount } from "./read-account.ts";
export type { DumpedAccount, WorldState } from "./world.ts";

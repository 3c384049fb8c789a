// The state tree.
export { accountKey, slotKey } from "./account.ts";
export { createWorldState } from "./create-world.ts";
export type { StateErrorCode } from "./errors.ts";
export { decodePiece, isPieceOf, MAX_PIECE_BYTES } from "./piece.ts";
export { type TreeProof, verifyProof } from "./proof.ts";
export { decodeProof, encodeProof } from "./proof-codec.ts";
export { readAccount } from "./read-account.ts";
export { restoreState, type StateSource } from "./restore.ts";
export { createSnapshots, storedCode } from "./snapshot.ts";
export type { DumpedAccount, WorldState } from "./world.ts";

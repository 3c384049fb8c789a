// The face of the challenger: what the other folders may import.
export { audit, type BlockReader, type BlockSummary } from "./audit.ts";
export { type Challenger, type ChallengerOptions, createChallenger } from "./challenger.ts";
export { describeChallenger, describeDispute } from "./describe.ts";
export type { Dispute } from "./dispute.ts";
// The dispute: the board and its twin, and what the honest client does there.
export { type Board, type BoardEvent, createBoard } from "./game/board.ts";
export { createBoardReader } from "./game/board-reader.ts";
export type { Call } from "./game/calls.ts";
export { type ClaimBook, createClaimBook } from "./game/claim-book.ts";
export { holdTree } from "./game/held-tree.ts";
export { ctxId } from "./game/ids.ts";
export type { LeafRules } from "./game/leaf-rules.ts";
export { eventsOf, multicallOf } from "./game/moves.ts";
export type { OwnTree } from "./game/own-tree.ts";
export { type OwnGame, solve } from "./game/solver.ts";
export { cheapTimer, NO_CLAIM } from "./game/view.ts";
export { visit } from "./game/visit.ts";
export { createAttempts } from "./sending.ts";
export { createAdmissionTrace } from "./trace/admission-trace.ts";
// Levels of a dispute as an honest party holds them.
export { type ClaimedGame, createChainTrace } from "./trace/chain-trace.ts";
export { createExecution } from "./trace/execution-trace.ts";
export { createInferenceTrace } from "./trace/inference-trace.ts";
export { LEVEL, type LeafKind, type Trace } from "./trace/trace.ts";
export { createTraceMemory, type TraceMemory } from "./trace/trace-memory.ts";
export { createTraces } from "./trace/traces.ts";

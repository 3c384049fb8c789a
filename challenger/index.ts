// The face of the challenger: what the other folders may import.
export { audit, type BlockReader, type BlockSummary } from "./audit.ts";

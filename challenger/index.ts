export {
  type Audit,
  type AuditErrorCode,
  audit,
  type BlockReader,
  type BlockSummary,
  type Divergence,
} from "./audit.ts";

import type { Chain } from "../../chain/chain.ts";
import { fromHex, type Hex, toHex } from "../../foundation/bytes.ts";
import type { Block } from "../../protocol/block.ts";
import { outputRootOf } from "../../protocol/chain-state.ts";
import type { Backend, Claim, Claims, L1View } from "../backend.ts";
import { findTransaction } from "../block-lookup.ts";
import { refused } from "../errors.ts";
import { type Expectation, expectationFrom } from "../expectation.ts";
import { type Json, quantity } from "../format.ts";
import { type MethodTable, method } from "../method.ts";
import { claimLimit, count, hash } from "../schemas.ts";

/** What L1 says of the chain's state, and how far that has brought a transaction. Numbers and times are plain, wei is hex. */

type Settled = { readonly chain: Chain; readonly claims: Claims; readonly l1: L1View };

const requireClaims = ({ chain, claims, l1 }: Backend): Settled => {
  if (claims === undefined || l1 === undefined)
    throw refused("CLAIMS_UNKNOWN", "this node does not read L1, so it knows no claims");
  return { chain, claims, l1 };
};

/** Whether this node derived what is claimed; undefined where it cannot say: inside a block, or ahead of the node. */
const isRight = (chain: Chain, { blockNumber, outputRoot }: Pick<Claim, "blockNumber" | "outputRoot">) => {
  if (outputRoot === undefined || blockNumber > chain.heads.safe) return undefined;
  const block = chain.blockByNumber(blockNumber);
  if (block === undefined) return undefined;
  return toHex(outputRootOf(fromHex(block.header.stateRoot), fromHex(block.hash))) === outputRoot;
};

const parentOf = async (claims: Claims, { parent }: Claim) => (parent === undefined ? undefined : claims.claim(parent));

const numberOrNull = (value: bigint | undefined): number | null => (value === undefined ? null : Number(value));

const formatClaim = async (claim: Claim, { chain, claims, l1 }: Settled): Promise<Json> => {
  const { period } = await claims.parameters();
  const expected = expectationFrom(l1).confirmed(claim, await parentOf(claims, claim), period);
  return {
    id: claim.id,
    parent: claim.parent ?? null,
    status: claim.state,
    /** Whether this node derived the same; null where it cannot say. */
    isRight: isRight(chain, claim) ?? null,
    blockNumber: Number(claim.blockNumber),
    outputRoot: claim.outputRoot ?? null,
    endState: claim.endState,
    limitBatch: Number(claim.limitBatch),
    l1Block: Number(claim.madeAt),
    createdAt: Number(claim.createdAt),
    confirmedAt: numberOrNull(claim.confirmedAt),
    staker: claim.staker ?? null,
    stake: quantity(claim.stake),
    timer: Number(claim.timer),
    isRunning: claim.isRunning,
    period: Number(period),
    expectedConfirmation: numberOrNull(expected),
  };
};

const coveringClaim = ({ chain, claims }: Settled, block: bigint): Promise<Claim | undefined> =>
  claims.covering(block, (claim) => isRight(chain, claim) === true);

/** In order. A state may be passed over: a claim may come before L1's finality. */
type TransactionState = "unsafe" | "safe" | "finalized" | "claimed" | "confirmed";

type Progress = {
  readonly state: TransactionState;
  readonly claim?: Claim;
  readonly next: TransactionState | undefined;
  readonly expected: bigint | undefined;
};

const expectedClaim = async (block: Block, { chain, claims }: Settled, expectation: Expectation) => {
  const newest = (await claims.newest(NEWEST)).find((claim) => isRight(chain, claim) === true);
  const parent = newest && (await parentOf(claims, newest));
  return newest && parent && expectation.claimed(block, newest, parent);
};

/** Claims among which the newest right one is looked for. */
const NEWEST = 8;

const progressOf = async (block: Block, backend: Backend): Promise<Progress> => {
  const { chain, l1 } = backend;
  const { number } = block.header;
  const { safe, finalized } = chain.heads;
  const expectation = l1 && expectationFrom(l1);
  if (number > safe) return { state: "unsafe", next: "safe", expected: expectation?.posted(block) };
  // Without L1's contracts nothing beyond is known.
  if (backend.claims !== undefined && expectation !== undefined) {
    const settled = requireClaims(backend);
    const { claims } = settled;
    const claim = await coveringClaim(settled, number);
    if (claim?.state === "confirmed") return { state: "confirmed", claim, next: undefined, expected: undefined };
    if (claim !== undefined) {
      const { period } = await claims.parameters();
      const expected = expectation.confirmed(claim, await parentOf(claims, claim), period);
      return { state: "claimed", claim, next: "confirmed", expected };
    }
    if (number <= finalized)
      return { state: "finalized", next: "claimed", expected: await expectedClaim(block, settled, expectation) };
  }
  if (number <= finalized) return { state: "finalized", next: "claimed", expected: undefined };
  return { state: "safe", next: "finalized", expected: expectation?.finalized(block) };
};

const transactionStatus = async (transaction: Hex, backend: Backend): Promise<Json> => {
  const { pool } = backend;
  const found = findTransaction(backend, transaction);
  if (found === undefined)
    throw pool?.get(transaction) === undefined
      ? refused("TRANSACTION_UNKNOWN", `no transaction ${transaction} is in the chain or waits here`)
      : refused("TRANSACTION_PENDING", "the transaction waits for a block");
  const { block, index, hash } = found;
  const { state, claim, next, expected } = await progressOf(block, backend);
  return {
    transactionHash: hash,
    state,
    blockNumber: Number(block.header.number),
    blockHash: block.hash,
    transactionIndex: index,
    timestamp: Number(block.header.timestamp),
    claimId: claim?.id ?? null,
    next: next ?? null,
    nextExpectedAt: numberOrNull(expected),
  };
};

export const CLAIM_METHODS: MethodTable = {
  rollup_transactionStatus: method([hash], ([transaction], backend) => transactionStatus(transaction, backend)),
  /** null when L1 has no such claim. */
  rollup_claim: method([hash], async ([id], backend) => {
    const settled = requireClaims(backend);
    const claim = await settled.claims.claim(id);
    return claim === undefined ? null : formatClaim(claim, settled);
  }),
  /** Newest first. */
  rollup_claims: method([claimLimit], async ([limit], backend) => {
    const settled = requireClaims(backend);
    const claims = await settled.claims.newest(limit);
    return Promise.all(claims.map((claim) => formatClaim(claim, settled)));
  }),
  /** The oldest right claim that has the block; null when there is none. */
  rollup_claimAtBlock: method([count], async ([block], backend) => {
    const settled = requireClaims(backend);
    const claim = await coveringClaim(settled, block);
    return claim === undefined ? null : formatClaim(claim, settled);
  }),
  rollup_settlementParameters: method([], async (_, backend) => {
    const { period, spacing, bond, guardian, ...delays } = await requireClaims(backend).claims.parameters();
    return {
      challengePeriod: Number(period),
      claimSpacing: Number(spacing),
      bond: quantity(bond),
      guardian,
      ...Object.fromEntries(Object.entries(delays).map(([name, seconds]) => [name, Number(seconds)])),
    };
  }),
};

import { encodeFunctionData, type PublicClient } from "viem";
import {
  type Bytes,
  type BytesOf,
  type ChainState,
  type ClaimId,
  CodedError,
  type ContextId,
  type EdgeId,
  encodeChainState,
  fromHex,
  type Hex,
  type L1BlockNumber,
  type L2BlockNumber,
  type NodeHash,
  type RecordIndex,
  type StateHash,
  toHex,
  type Wei,
} from "../../executor/index.ts";
import type { ClaimParameters } from "../clients/claim-parameters.ts";
import type { L1Call } from "../clients/transactor.ts";
import { claimRegistry } from "../contracts/contracts.gen.ts";

export type RegistryErrorCode =
  /** The L1 endpoint leaves out the log with which a claim was made. It is asked again; use another if it stays. */
  "CLAIMS_NO_STATE";

/** As the contract numbers them. */
const STATUS = ["none", "open", "confirmed", "forfeited"] as const;
export type ClaimStatus = (typeof STATUS)[number];

/** A claim as L1 holds it; see `IClaimRegistry`. */
export type RegisteredClaim = {
  readonly status: ClaimStatus;
  readonly parent: ClaimId;
  readonly endState: StateHash;
  readonly limitBatch: RecordIndex;
  /** L1 block in which it was made. */
  readonly madeAt: L1BlockNumber;
  readonly blockNumber: L2BlockNumber;
  /** L1 time at which it was confirmed; zero before. */
  readonly confirmedAt: bigint;
};

/** What one asks the registry: as of the L1 block `at`, or the newest. A node of L1 that lacks the block fails. */
export const createRegistryReader = (client: PublicClient, address: Hex, at: () => L1BlockNumber | undefined) => {
  const contract = { address, abi: claimRegistry.abi } as const;
  const now = () => {
    const blockNumber = at();
    return blockNumber === undefined ? contract : { ...contract, blockNumber };
  };
  return {
    address,
    async claim(id: ClaimId): Promise<RegisteredClaim> {
      const claim = await client.readContract({ ...now(), functionName: "claimOf", args: [id] });
      const [parent, endState] = [claim.parent as ClaimId, claim.endState as StateHash];
      return { ...claim, parent, endState, status: STATUS[claim.status] ?? "none" };
    },
    /** Whether the claim, or the one that it stands on, has lost. */
    isRejected: (id: ClaimId) => client.readContract({ ...now(), functionName: "isRejected", args: [id] }),
    timer: (id: ClaimId) => client.readContract({ ...now(), functionName: "timerOf", args: [id] }),
    async staker(id: ClaimId): Promise<Hex> {
      const { staker } = await client.readContract({ ...now(), functionName: "rootOf", args: [id] });
      return staker.toLowerCase() as Hex;
    },
    /** The claim that was confirmed in a context, if any. */
    async winner(context: BytesOf<ContextId>): Promise<EdgeId | undefined> {
      const winner = await client.readContract({ ...now(), functionName: "winners", args: [toHex(context)] });
      return BigInt(winner) === 0n ? undefined : (winner as EdgeId);
    },
    /** Whether anything was ever claimed in a context. */
    async isClaimed(context: BytesOf<ContextId>): Promise<boolean> {
      const state = await client.readContract({ ...now(), functionName: "contextState", args: [toHex(context)] });
      return state.firstAt !== 0n;
    },
    credit: (account: Hex) => client.readContract({ ...now(), functionName: "credits", args: [account] }),
    /** The claim that all others stand on. */
    async anchor(): Promise<ClaimId> {
      return (await client.readContract({ ...contract, functionName: "anchorClaim" })) as ClaimId;
    },
    /** Whether it is the chain's first registry, which begins at genesis. */
    async isFirst(): Promise<boolean> {
      return BigInt(await client.readContract({ ...contract, functionName: "predecessor" })) === 0n;
    },
    /** Chain state of the claim, encoded, from the log with which it was made. CLAIMS_NO_STATE. */
    async endState(id: ClaimId): Promise<Bytes> {
      const { madeAt } = await client.readContract({ ...now(), functionName: "claimOf", args: [id] });
      const range = { ...contract, fromBlock: madeAt, toBlock: madeAt, args: { id }, strict: true } as const;
      const [proposed, begun] = await Promise.all([
        client.getContractEvents({ ...range, eventName: "ClaimProposed" }),
        client.getContractEvents({ ...range, eventName: "ClaimsBegun" }),
      ]);
      const log = proposed[0] ?? begun[0];
      if (log === undefined)
        throw new CodedError<RegistryErrorCode>("CLAIMS_NO_STATE", `L1 does not show with what claim ${id} was made`, {
          registry: address,
          block: madeAt,
        });
      return fromHex(log.args.endState);
    },
    /** Whether it is the newest confirmed claim between two blocks. */
    isLatest: (id: ClaimId) => client.readContract({ ...now(), functionName: "isLatest", args: [id] }),
    async parameters(): Promise<ClaimParameters> {
      return client.readContract({ ...contract, functionName: "parameters" });
    },
  };
};
export type RegistryReader = ReturnType<typeof createRegistryReader>;

export type Proposal = {
  readonly parent: ClaimId;
  /** Hash of the game: says what was derived. */
  readonly origin: BytesOf<ContextId>;
  readonly end: ChainState;
  readonly root: BytesOf<NodeHash>;
  readonly path: readonly BytesOf<NodeHash>[];
};

export const proposeCall = (registry: Hex, bond: Wei, { parent, origin, end, root, path }: Proposal): L1Call => {
  const args = [parent, toHex(origin), toHex(encodeChainState(end)), toHex(root), path.map(toHex)] as const;
  const data = encodeFunctionData({ abi: claimRegistry.abi, functionName: "propose", args });
  return { to: registry, data, value: bond };
};

export const settleCall = (registry: Hex, id: ClaimId): L1Call => ({
  to: registry,
  data: encodeFunctionData({ abi: claimRegistry.abi, functionName: "settle", args: [id] }),
});

export const withdrawCreditCall = (registry: Hex): L1Call => ({
  to: registry,
  data: encodeFunctionData({ abi: claimRegistry.abi, functionName: "withdraw" }),
});

import { encodeFunctionData, type PublicClient } from "viem";
import { type Bytes, type ChainState, encodeChainState, fromHex, type Hex, toHex } from "../../executor/index.ts";
import type { ClaimParameters } from "../clients/claim-parameters.ts";
import { gasFor, type L1Call } from "../clients/transactor.ts";
import { claimRegistry } from "../contracts/contracts.gen.ts";

/** As the contract numbers them. */
const STATUS = ["none", "open", "confirmed", "forfeited"] as const;
export type ClaimStatus = (typeof STATUS)[number];

/** A claim as L1 holds it; see `IClaimRegistry`. */
export type RegisteredClaim = {
  readonly status: ClaimStatus;
  readonly parent: Hex;
  readonly endState: Hex;
  readonly limitBatch: bigint;
  /** L1 block in which it was made. */
  readonly madeAt: bigint;
  readonly blockNumber: bigint;
  /** L1 time at which it was confirmed; zero before. */
  readonly confirmedAt: bigint;
};

/** What one asks the registry: as of the L1 block `at`, or the newest. A node of L1 that lacks the block fails. */
export const createRegistryReader = (client: PublicClient, address: Hex, at: () => bigint | undefined) => {
  const contract = { address, abi: claimRegistry.abi } as const;
  const now = () => {
    const blockNumber = at();
    return blockNumber === undefined ? contract : { ...contract, blockNumber };
  };
  return {
    address,
    async claim(id: Hex): Promise<RegisteredClaim> {
      const claim = await client.readContract({ ...now(), functionName: "claimOf", args: [id] });
      return { ...claim, status: STATUS[claim.status] ?? "none" };
    },
    /** Whether the claim, or the one that it stands on, has lost. */
    isRejected: (id: Hex) => client.readContract({ ...now(), functionName: "isRejected", args: [id] }),
    timer: (id: Hex) => client.readContract({ ...now(), functionName: "timerOf", args: [id] }),
    async staker(id: Hex): Promise<Hex> {
      const { staker } = await client.readContract({ ...now(), functionName: "rootOf", args: [id] });
      return staker.toLowerCase() as Hex;
    },
    /** The claim that was confirmed in a context, if any. */
    async winner(context: Bytes): Promise<Hex | undefined> {
      const winner = await client.readContract({ ...now(), functionName: "winners", args: [toHex(context)] });
      return BigInt(winner) === 0n ? undefined : winner;
    },
    credit: (account: Hex) => client.readContract({ ...now(), functionName: "credits", args: [account] }),
    genesis: () => client.readContract({ ...contract, functionName: "GENESIS" }),
    async parameters(): Promise<ClaimParameters> {
      return client.readContract({ ...contract, functionName: "parameters" });
    },
  };
};
export type RegistryReader = ReturnType<typeof createRegistryReader>;

/** Gas of a proposal beside its input: twelve fresh slots and the listing. */
const PROPOSE_GAS = 900_000n;

export type Proposal = {
  readonly parent: Hex;
  /** Inbox records that were derived: claims on the parent are about as many. */
  readonly limitBatch: bigint;
  readonly end: ChainState;
  readonly root: Bytes;
  readonly path: readonly Bytes[];
};

/** The gas is given: what it takes depends on who comes first. */
export const proposeCall = (registry: Hex, bond: bigint, { parent, limitBatch, end, root, path }: Proposal): L1Call => {
  const args = [parent, limitBatch, toHex(encodeChainState(end)), toHex(root), path.map(toHex)] as const;
  const data = encodeFunctionData({ abi: claimRegistry.abi, functionName: "propose", args });
  return { to: registry, data, value: bond, gas: gasFor(fromHex(data), PROPOSE_GAS) };
};

export const settleCall = (registry: Hex, id: Hex): L1Call => ({
  to: registry,
  data: encodeFunctionData({ abi: claimRegistry.abi, functionName: "settle", args: [id] }),
});

export const withdrawCreditCall = (registry: Hex): L1Call => ({
  to: registry,
  data: encodeFunctionData({ abi: claimRegistry.abi, functionName: "withdraw" }),
});

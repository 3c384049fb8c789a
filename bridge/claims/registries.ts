import type { PublicClient } from "viem";
import {
  type Chain,
  CodedError,
  createLock,
  type Hex,
  type KeyValueStore,
  placeIn,
  type Service,
  type Telemetry,
} from "../../executor/index.ts";
import type { Judges } from "../clients/judges.ts";
import type { L1Source } from "../derivation/l1-source.ts";
import type { SystemWatch } from "../derivation/system-watch.ts";
import { createRegistryReader } from "./registry.ts";
import { type ClaimStart, createRightClaims, placeOfBase, type RightClaims } from "./right-claims.ts";
import { firstClaim } from "./trail.ts";

export type RegistriesErrorCode =
  /**
   * The registry in force began with an older claim than the snapshot that this node began with, so its claims cannot be
   * judged. Begin anew with a newer snapshot, in an empty directory.
   */
  "CLAIMS_BEFORE_SNAPSHOT";

export type RegistriesComponents = Pick<Telemetry, "logger"> & {
  readonly client: PublicClient;
  readonly chain: Chain;
  readonly l1: L1Source;
  readonly store: KeyValueStore;
  readonly system: Pick<SystemWatch, "state" | "onLook">;
  /** Say whose claims this version does not judge; without them nobody's. */
  readonly judges?: Judges;
};

/**
 * The right claims of each registry that L1 has, as far as this node can judge them: what stands in a former one is decided
 * there, whoever has taken over since.
 */
export type Registries = Service & {
  /** Oldest first; the last one is in force. */
  readonly all: readonly RightClaims[];
  /** Is told of each that there is, and of each that takes over. */
  onEntered(listener: (right: RightClaims) => void): () => void;
};

/** Where the walk along a registry's claims begins. Undefined: before the chain of this node does. */
const startIn = async (
  { client, chain, store }: Pick<RegistriesComponents, "client" | "chain" | "store">,
  address: Hex,
): Promise<ClaimStart | undefined> => {
  const registry = createRegistryReader(client, address, () => undefined);
  const [base, id] = [placeOfBase(chain), firstClaim(store)];
  if (base !== undefined && id !== undefined && (await registry.claim(id)).status === "confirmed")
    return { id, place: base };
  const anchor = await registry.anchor();
  const { blockNumber } = await registry.claim(anchor);
  if (base !== undefined && blockNumber < base.number) return undefined;
  return { id: anchor, place: { ...placeIn(await registry.endState(anchor)), ahead: 0 } };
};

/** CLAIMS_BEFORE_SNAPSHOT, CLAIMS_NO_STATE; fails as the client does. `depth`: as of `createRightClaims`. */
export const openRegistries = async (
  components: RegistriesComponents,
  { depth }: { readonly depth: bigint },
): Promise<Registries> => {
  const { client, chain, store, system, judges } = components;
  const logger = components.logger.child({ module: "registries" });
  const listeners = new Set<(right: RightClaims) => void>();
  const lock = createLock();
  /** Undefined: this node cannot judge its claims. */
  const opened = new Map<Hex, RightClaims | undefined>();
  let isStopped = false;

  const open = async (address: Hex): Promise<RightClaims | undefined> => {
    // INVARIANT: nothing is claimed or disputed by contracts that were not held against this version's.
    const departure = await judges?.foreign(address);
    if (departure?.from === 0n) return undefined;
    const options = { registry: address, depth, ...(departure && { until: departure.from }) };
    const isFirst = await createRegistryReader(client, address, () => undefined).isFirst();
    // The chain's first registry is held against the node's own genesis.
    if (isFirst && chain.base === undefined) return createRightClaims(components, options);
    const start = await startIn({ client, chain, store }, address);
    if (start !== undefined) return createRightClaims(components, { ...options, start });
    logger.warn(
      { registry: address },
      "claims of this registry are older than this node's chain: it cannot judge them",
    );
    return undefined;
  };
  const enter = async (): Promise<void> => {
    for (const address of system.state.registries) {
      if (isStopped || opened.has(address)) continue;
      const right = await open(address);
      opened.set(address, right);
      if (right !== undefined) for (const listener of listeners) listener(right);
    }
  };
  await enter();
  const inForce = system.state.registries.at(-1) as Hex;
  if (opened.get(inForce) === undefined && (await judges?.foreign(inForce))?.from !== 0n)
    throw new CodedError<RegistriesErrorCode>(
      "CLAIMS_BEFORE_SNAPSHOT",
      "the claims on L1 go on from an older claim than this node's chain begins with",
      { registry: inForce },
    );
  const unsubscribe = system.onLook(() => {
    lock(enter).catch((error: unknown) => logger.warn({ err: error }, "a registry that took over could not be read"));
  });
  const all = (): readonly RightClaims[] => system.state.registries.flatMap((address) => opened.get(address) ?? []);

  return {
    name: "registries",
    get all() {
      return all();
    },
    onEntered(listener) {
      listeners.add(listener);
      for (const right of all()) listener(right);
      return () => listeners.delete(listener);
    },
    async stop() {
      isStopped = true;
      unsubscribe();
      await lock(async () => undefined);
      for (const right of opened.values()) await right?.stop();
    },
  };
};

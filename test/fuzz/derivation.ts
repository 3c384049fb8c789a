import { DasContextJs } from "@crate-crypto/node-eth-kzg";
import { batchInbox } from "../../bridge/contracts/contracts.gen.ts";
import { versionedHash } from "../../executor/blob/blob.ts";
import { deriveRandomBatches } from "../../executor/chain/units.fixture.ts";
import {
  BLOB_BYTES,
  type Bytes,
  concat,
  DEVNET_PARAMETERS,
  decodeBlobs,
  encodeBlobs,
  fromHex,
  type Hex,
  keccak256,
  keccakOf,
  toHex,
  uintBE,
} from "../../executor/index.ts";
import { createAnswers, type DelayedMessage, type MachineRules } from "../../executor/machine/context.ts";
import type { UnitSource } from "../../executor/machine/derive.ts";
import { createEvmMachine, loadPrecompiles, openWorld } from "../../executor/machine/index.ts";
import type { EvmMachine } from "../../executor/machine/machine.ts";
import { unitEvidence } from "../../executor/machine/witness/derivation.ts";
import type { BlobSource } from "../../executor/machine/witness/step.ts";
import { witnessOf } from "../../executor/machine/witness/witness.ts";
import { chainStateAt } from "../../executor/protocol/chain-state.ts";
import { ADDRESS, TRANSACTION_GAS_CAP } from "../../executor/protocol/parameters.ts";
import { DERIVATION, deployables, verifierOf } from "../steps/contracts.ts";
import { type Record, startVerifier } from "../steps/verifier.ts";
import type { Anvil } from "../support/anvil.ts";
import { createRandom, type Random } from "../support/random-program.ts";

const precompiles = await loadPrecompiles();
const ORDER = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001n;
const ROOT_OF_UNITY = 0x564c0a11a0f704f4fc3e8acfe0f8245f0ad1347b378fbf96e206da11a5d36306n;
const BITS = 12;
/** Below the order whatever the low bytes are. */
const TOP_BYTES = 0x73;

const power = (base: bigint, exponent: bigint): bigint => {
  let result = 1n;
  for (let square = base, rest = exponent; rest > 0n; rest >>= 1n, square = (square * square) % ORDER)
    if (rest & 1n) result = (result * square) % ORDER;
  return result;
};

/** Where a blob's polynomial has element `index`. */
const placeOf = (index: number): Bytes => {
  let reversed = 0;
  for (let bit = 0; bit < BITS; bit++) reversed |= ((index >> bit) & 1) << (BITS - 1 - bit);
  return uintBE(power(ROOT_OF_UNITY, BigInt(reversed)), 32);
};

/** Blobs by their hash, opened by the library that made their commitments. */
const createBlobs = () => {
  const kzg = DasContextJs.create({ usePrecomp: false });
  const known = new Map<Hex, { readonly blob: Bytes; readonly commitment: Bytes }>();
  const openings = new Map<string, ReturnType<BlobSource["element"]>>();
  return {
    add(blob: Bytes): Bytes {
      const commitment = kzg.blobToKzgCommitment(blob);
      const hash = versionedHash(commitment);
      known.set(hash, { blob, commitment });
      return fromHex(hash);
    },
    element(hash: Bytes, index: number): ReturnType<BlobSource["element"]> {
      const key = `${toHex(hash)}/${index}`;
      const opened = openings.get(key);
      if (opened !== undefined) return opened;
      const { blob, commitment } = known.get(toHex(hash)) as { blob: Bytes; commitment: Bytes };
      const [proof, value] = kzg.computeKzgProof(blob, placeOf(index)) as [Bytes, Bytes];
      const opening = { value, commitment, proof };
      openings.set(key, opening);
      return opening;
    },
  };
};

const KINDS = { calldata: 0, blobs: 1, forced: 2 } as const;
const MESSAGE_KINDS = { deposit: 0, raw: 1 } as const;

type Posted = Exclude<ReturnType<UnitSource["record"]>, undefined> & { readonly hashes: readonly Bytes[] };

/** The words of a storage array of two-word elements. */
const writeArray = async (l1: Anvil, address: Hex, slot: number, elements: readonly (readonly [Bytes, Bytes])[]) => {
  const set = (index: bigint, value: Bytes) =>
    l1.control.setStorageAt({ address, index: toHex(uintBE(index, 32)) as never, value: toHex(value) });
  await set(BigInt(slot), uintBE(elements.length, 32));
  const first = BigInt(toHex(keccak256(uintBE(slot, 32))));
  for (const [i, words] of elements.entries())
    for (const [k, value] of words.entries()) await set(first + BigInt(2 * i + k), value);
};

/** L1's own inbox with these records and messages in its storage. */
const deployInbox = async (
  l1: Anvil,
  records: readonly Posted[],
  messages: readonly DelayedMessage[],
): Promise<Hex> => {
  const address: Hex = `0x${"1b".repeat(20)}`;
  const nobody = `0x${"00".repeat(20)}` as const;
  const hash = await l1.wallet(0).deployContract({
    abi: batchInbox.abi,
    bytecode: batchInbox.bytecode,
    args: [
      nobody,
      nobody,
      nobody,
      {
        blockGasLimit: 1n,
        forceDelay: 1n,
        maxOriginAge: 1n,
        maxDrift: 1n,
        budgetRate: 1n,
        budgetCap: 1n,
        unitPrice: 1n,
      },
    ],
  });
  const { contractAddress } = await l1.client.waitForTransactionReceipt({ hash });
  const bytecode = await l1.client.getCode({ address: contractAddress as Hex });
  await l1.control.setCode({ address, bytecode: bytecode as Hex });
  let accumulator: Bytes = new Uint8Array(32);
  const accumulators: Bytes[] = [accumulator];
  const queued = messages.map(({ kind, gas, envelope }): [Bytes, Bytes] => {
    accumulator = keccakOf(accumulator, Uint8Array.of(MESSAGE_KINDS[kind]), uintBE(gas, 8), keccak256(envelope));
    accumulators.push(accumulator);
    return [accumulator, concat(new Uint8Array(16), uintBE(gas, 8), new Uint8Array(8))];
  });
  let lineage: Bytes = new Uint8Array(32);
  const kept = records.map(({ medium, data, hashes, origin, delayedEnd }): [Bytes, Bytes] => {
    const dataHash = medium === "blobs" ? keccakOf(...hashes) : keccak256(data);
    const kind = Uint8Array.of(KINDS[medium]);
    const [number, timestamp, end] = [origin.number, origin.timestamp, delayedEnd].map((word) => uintBE(word, 8)) as [
      Bytes,
      Bytes,
      Bytes,
    ];
    lineage = keccakOf(lineage, kind, dataHash, number, timestamp, end, accumulators[Number(delayedEnd)] as Bytes);
    return [lineage, concat(new Uint8Array(7), end, timestamp, number, kind)];
  });
  await writeArray(l1, address, 0, kept);
  await writeArray(l1, address, 1, queued);
  return address;
};

/** A batch as it might be posted: whole, cut anywhere, with a byte changed; in calldata, blobs, or forced where it is empty. */
const postedFrom = (
  random: Random,
  given: Pick<Posted, "data" | "origin" | "delayedEnd">,
  blobs: ReturnType<typeof createBlobs>,
  inBlobs: number,
): Posted => {
  let data = given.data.slice();
  if (random.chance(0.4)) data = data.subarray(0, random.below(data.length + 1));
  if (random.chance(0.2) && data.length > 0) data[random.below(data.length)] = random.below(256);
  if (data.length === 0 || !random.chance(inBlobs))
    return { ...given, data, medium: data.length === 0 && random.chance(0.5) ? "forced" : "calldata", hashes: [] };
  const made = encodeBlobs(data);
  for (const blob of made) for (let i = 0; i < BLOB_BYTES; i += 32) blob[i] = random.below(TOP_BYTES);
  return { ...given, data: decodeBlobs(made), medium: "blobs", hashes: made.map((blob) => blobs.add(blob)) };
};

const endOf = ({ ended }: EvmMachine) => ended;

export type DerivationTally = { units: number; steps: number; readonly kinds: Map<string, number>; findings: string[] };

/**
 * Random batches unit by unit: the first step of each, and every other that a contract has, against the machine. `rounds`:
 * chains of `batches`; `inBlobs`: the share of batches in blobs, whose openings take a sixth of a second each.
 */
export const fuzzDerivation = async (
  ends: { after(end: () => unknown): void },
  { batches, seed, inBlobs }: { readonly batches: number; readonly seed: number; readonly inBlobs: number },
): Promise<DerivationTally> => {
  const random = createRandom(seed);
  const tally: DerivationTally = { units: 0, steps: 0, kinds: new Map(), findings: [] };
  const { chain, inbox } = await deriveRandomBatches(seed, batches);
  const blobs = createBlobs();
  const records: Posted[] = [];
  const messages: DelayedMessage[] = [];
  for (let index = 0n; index < BigInt(batches); index++) {
    const record = inbox.record(index);
    if (record === undefined) throw new Error("a batch is missing");
    records.push(postedFrom(random, record, blobs, inBlobs));
  }
  for (let index = 0n; ; index++) {
    const message = inbox.message(index);
    if (message === undefined) break;
    messages.push(message);
  }
  // A budget that is used up now and then.
  const budget = random.pick([
    DEVNET_PARAMETERS.budget,
    { rate: 3_000n, cap: 400_000n, block: 50_000n, refusal: 21_000n },
  ]);
  const parameters = { ...chain.parameters, budget };
  const rules: MachineRules = {
    parameters,
    baseFeeVault: fromHex(ADDRESS.baseFeeVault),
    gasCap: TRANSACTION_GAS_CAP,
  };
  const verifier = await startVerifier(ends, async (l1) =>
    deployables({ inbox: await deployInbox(l1, records, messages), parameters }),
  );
  const source: UnitSource = {
    record: (index) => records[Number(index)],
    message: (index) => messages[Number(index)],
  };
  const blobSource: BlobSource = {
    blobHashes: (index) => (records[Number(index)] as Posted).hashes,
    element: blobs.element,
  };
  const { world, tree } = openWorld(chain.ground(0n));
  let here = { chain: chainStateAt(chain, 0n, { batch: 0n, cursor: 0, delayed: 0n }), tree };
  let taken: (Record & { readonly what: string })[] = [];
  const judge = async (): Promise<void> => {
    for (const [i, { verdict, reason }] of (await verifier.judge(taken)).entries())
      if (verdict !== "right") tally.findings.push(`seed ${seed}: ${taken[i]?.what} ${verdict} ${reason}`);
    tally.steps += taken.length;
    taken = [];
  };
  while (here.chain.position.batch < BigInt(batches)) {
    const machine = createEvmMachine({ inbox: source, world, rules, precompiles, answers: createAnswers() }, here);
    const medium = records[Number(here.chain.position.batch)]?.medium;
    for (let isFirst = true; endOf(machine) === undefined; isFirst = false) {
      const { state, context } = machine.snapshot();
      const verifier =
        state === undefined
          ? DERIVATION
          : verifierOf(state.phase, state.frame?.code.size ? (state.frame.code.bytes[state.pc] ?? 0) : 0);
      const evidence =
        verifier === undefined
          ? undefined
          : state === undefined || context === undefined
            ? unitEvidence({ ...here, world, rules }, source, blobSource)
            : witnessOf(state, context, { blobs: blobSource });
      const pre = machine.hash().slice();
      machine.step();
      const ended = endOf(machine);
      const phase = isFirst ? `unit of ${medium}` : `phase ${state?.phase}`;
      const what = `${phase} to ${ended === undefined ? `phase ${machine.state?.phase}` : ended.chain.phase}`;
      tally.kinds.set(what, (tally.kinds.get(what) ?? 0) + 1);
      if (verifier === undefined || evidence === undefined) continue;
      taken.push({ verifier, pre, post: machine.hash().slice(), evidence, what });
      if (taken.length >= 500) await judge();
    }
    here = endOf(machine) as typeof here;
    tally.units++;
  }
  await judge();
  return tally;
};

import { DasContextJs } from "@crate-crypto/node-eth-kzg";
import { placeOfElement, versionedHash } from "../../executor/blob/blob.ts";
import { deriveRandomBatches } from "../../executor/chain/units.fixture.ts";
import {
  BLOB_BYTES,
  type BlobElement,
  type Bytes,
  DEVNET_PARAMETERS,
  decodeBlobs,
  encodeBlobs,
  fromHex,
  type Hex,
  toHex,
} from "../../executor/index.ts";
import { createAnswers, type DelayedMessage, type MachineRules } from "../../executor/machine/context.ts";
import type { UnitSource } from "../../executor/machine/derive.ts";
import { createEvmMachine, loadPrecompiles, machineEvidence, openWorld } from "../../executor/machine/index.ts";
import type { EvmMachine } from "../../executor/machine/machine.ts";
import type { BlobSource } from "../../executor/machine/witness/step.ts";
import { chainStateAt } from "../../executor/protocol/chain-state.ts";
import { ADDRESS, TRANSACTION_GAS_CAP } from "../../executor/protocol/parameters.ts";
import { type Record, startVerifier } from "../steps/verifier.ts";
import type { KeptRecord } from "../support/inbox-storage.ts";
import { createRandom, type Random } from "../support/random-program.ts";

const precompiles = await loadPrecompiles();
/** Below the order of the field whatever the low bytes are. */
const TOP_BYTES = 0x73;

/** Blobs by their hash, opened by the library that made their commitments. */
const createBlobs = () => {
  const kzg = DasContextJs.create({ usePrecomp: false });
  const known = new Map<Hex, { readonly blob: Bytes; readonly commitment: Bytes }>();
  const openings = new Map<string, BlobElement>();
  return {
    add(blob: Bytes): Bytes {
      const commitment = kzg.blobToKzgCommitment(blob);
      const hash = versionedHash(commitment);
      known.set(hash, { blob, commitment });
      return fromHex(hash);
    },
    element(hash: Bytes, index: number): BlobElement {
      const key = `${toHex(hash)}/${index}`;
      const opened = openings.get(key);
      if (opened !== undefined) return opened;
      const { blob, commitment } = known.get(toHex(hash)) as { blob: Bytes; commitment: Bytes };
      const [proof, value] = kzg.computeKzgProof(blob, placeOfElement(index)) as [Bytes, Bytes];
      const opening = { value, commitment, proof };
      openings.set(key, opening);
      return opening;
    },
  };
};

type Posted = KeptRecord;

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
  const verifier = await startVerifier(ends, (inbox) => ({ inbox, parameters }), { records, messages });
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
      const { state } = machine;
      const evidence = machineEvidence(machine, { blobs: blobSource });
      const pre = machine.hash().slice();
      machine.step();
      const ended = endOf(machine);
      const phase = isFirst ? `unit of ${medium}` : `phase ${state?.phase}`;
      const what = `${phase} to ${ended === undefined ? `phase ${machine.state?.phase}` : ended.chain.phase}`;
      tally.kinds.set(what, (tally.kinds.get(what) ?? 0) + 1);
      if (evidence === undefined) continue;
      const post = machine.hash().slice();
      taken.push({ verifier: evidence[0] as number, pre, post, evidence: evidence.subarray(1), what });
      if (taken.length >= 500) await judge();
    }
    here = endOf(machine) as typeof here;
    tally.units++;
  }
  await judge();
  return tally;
};

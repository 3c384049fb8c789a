import { createCustomCommon, Hardfork, Mainnet } from "@ethereumjs/common";
import { createTxFromRLP } from "@ethereumjs/tx";
import {
  type Bytes,
  concat,
  DEVNET_PARAMETERS,
  delegationTo,
  equalBytes,
  type Fork,
  fromHex,
  hashChainState,
  toHex,
  ZERO_32,
} from "../../executor/index.ts";
import { type BlockContext, PHASE } from "../../executor/machine/state/state.ts";
import { openTransaction, worldWith } from "../../executor/machine/transaction.fixture.ts";
import { partOf, STEP_PARTS } from "../../executor/machine/witness/parts.ts";
import { witnessOf } from "../../executor/machine/witness/witness.ts";
import { prevRandaoOf } from "../../executor/protocol/block.ts";
import type { ChainState } from "../../executor/protocol/chain-state.ts";
import { decodeEnvelope, isRefusal } from "../../executor/protocol/envelope.ts";
import { ADDRESS, TRANSACTION_GAS_CAP } from "../../executor/protocol/parameters.ts";
import type { DecodedTransaction } from "../../executor/protocol/transaction.ts";
import { type Record, startVerifier } from "../steps/verifier.ts";
import type { KeptMessage, KeptRecord } from "../support/inbox-storage.ts";
import { addressOf, type EnvelopeWorld, randomEnvelope } from "../support/random-envelope.ts";
import { createRandom, type Random } from "../support/random-program.ts";
import type { StepsTally } from "./steps.ts";

const { chainId } = DEVNET_PARAMETERS;
const ETHER = 10n ** 18n;
const MAX_U64 = 2n ** 64n - 1n;
const BASE_FEE = 7n;
const MESSAGES = 200;
const BATCH = 500;

/** L2 timestamps from which the forks' rules hold, and one of each. */
const FORKS = { prague: 1_000n, osaka: 2_000n };
const TIMES: Readonly<globalThis.Record<Fork, bigint>> = { cancun: 999n, prague: 1_000n, osaka: 2_000n };

/** What the senders are, by the number of their key. */
const SENDERS = [
  { balance: 10n ** 40n },
  { balance: ETHER, nonce: 5n },
  { balance: ETHER, nonce: 1n, code: Uint8Array.of(0x60, 0x00) },
  { balance: ETHER, nonce: 2n, code: delegationTo(fromHex(addressOf(2))) },
  { balance: ETHER, nonce: MAX_U64 },
  {},
  { balance: ETHER, nonce: 1n, code: concat(Uint8Array.of(0xef, 0x01, 0x01), new Uint8Array(20)) },
  { balance: 10n ** 6n },
];

const POSTED: KeptRecord = {
  medium: "forced",
  data: new Uint8Array(0),
  hashes: [],
  origin: { number: 3n, timestamp: 0n },
  delayedEnd: 0n,
};
/** The first takes no messages, the second all of them. */
const RECORDS: readonly KeptRecord[] = [POSTED, { ...POSTED, delayedEnd: BigInt(MESSAGES) }];

const envelopeWorld: EnvelopeWorld = {
  chainId,
  gasCap: TRANSACTION_GAS_CAP,
  baseFee: BASE_FEE,
  senders: SENDERS.map(({ nonce = 0n, balance = 0n }: { nonce?: bigint; balance?: bigint }) => ({ nonce, balance })),
};

const LIBRARY = createCustomCommon({ chainId: Number(chainId) }, Mainnet, { hardfork: Hardfork.Osaka });

/** What the library asks of a transaction without its sender's account, and the chain with it: rules 7, 11 and 12. */
const holdsForAll = ({ transaction, floorGas }: DecodedTransaction): boolean => {
  const { nonce, gasLimit, gasPrice = 0n, maxFeePerGas = gasPrice } = transaction;
  return nonce < MAX_U64 && gasLimit >= floorGas && gasLimit * maxFeePerGas < 2n ** 256n;
};

/** The library reads an empty string as an empty list of entries or keys, Ethereum does not. */
const hasLists = (tx: object): boolean => {
  if (!("accessList" in tx)) return true;
  const list = tx.accessList as unknown;
  return Array.isArray(list) && list.every(([, keys]) => Array.isArray(keys));
};

/** Whether the library takes it, by the rules that need no block. */
const libraryTakes = (envelope: Bytes): boolean => {
  try {
    const tx = createTxFromRLP(envelope, { common: LIBRARY });
    if (!hasLists(tx)) return false;
    return tx.isSigned() && tx.isValid() && tx.verifySignature() && equalBytes(tx.serialize(), envelope);
  } catch {
    return false;
  }
};

const chainBefore = (random: Random, timestamp: bigint): Partial<ChainState> => ({
  number: 9n,
  timestamp,
  baseFee: random.chance(0.9) ? BASE_FEE : 0n,
  gasLimit: 30_000_000n,
  gasUsed: random.chance(0.8) ? 0n : BigInt(random.between(12_000_000, 30_000_000)),
  budget: random.chance(0.8) ? 40_000_000n : BigInt(random.below(200_000)),
});

const blockOf = (chain: Partial<ChainState>, fork: Fork): BlockContext => ({
  number: chain.number as bigint,
  timestamp: chain.timestamp as bigint,
  gasLimit: chain.gasLimit as bigint,
  baseFee: chain.baseFee as bigint,
  coinbase: fromHex(ADDRESS.sequencerFeeVault),
  prevRandao: prevRandaoOf(toHex(ZERO_32), POSTED.origin.number),
  chainId,
  fork,
});

const kindOf = (envelope: Bytes): string => {
  const first = envelope[0] as number;
  return first >= 0xc0 ? "legacy" : `type ${first}`;
};

/** The phases before the top frame begins. */
const isEarly = (phase: number): boolean =>
  phase === PHASE.decode || phase === PHASE.access || phase === PHASE.authorize;

const endOf = ({ ended }: ReturnType<typeof openTransaction>) => ended;

/** One byte changed, cut or lengthened. */
const mutantOf = <R extends Record>(random: Random, step: R): R => {
  const { evidence } = step;
  const place = random.below(evidence.length);
  const changed = evidence.with(place, (evidence[place] as number) ^ (1 << random.below(8)));
  const longer = concat(evidence, new Uint8Array(random.between(1, 64)));
  return { ...step, evidence: random.pick([changed, changed, evidence.subarray(0, place), longer]) };
};

/**
 * Random envelopes, posted and delayed, in blocks of every fork: the contract's verdict and next state against the machine's, its
 * decoder's verdict against @ethereumjs/tx, and what follows until the top frame begins. `mutants`: changed evidence for each.
 */
export const fuzzEnvelopes = async (
  ends: { after(end: () => unknown): void },
  { count, seed, mutants }: { readonly count: number; readonly seed: number; readonly mutants: number },
): Promise<StepsTally> => {
  const random = createRandom(seed);
  const tally: StepsTally = { steps: 0, mutants: 0, kinds: new Map(), findings: [] };
  const messages = Array.from({ length: MESSAGES }, (): KeptMessage => {
    const envelope = randomEnvelope(random, envelopeWorld);
    const isDeposit = (envelope[0] === 0x7e) !== random.chance(0.1);
    return { kind: isDeposit ? "deposit" : "raw", gas: BigInt(random.pick([21_000, 100_000, 2 ** 24])), envelope };
  });
  const parameters = { ...DEVNET_PARAMETERS, forks: FORKS };
  const verifier = await startVerifier(ends, (inbox) => ({ inbox, parameters }), { records: RECORDS, messages });
  const accounts = Object.fromEntries(SENDERS.map((account, i) => [addressOf(i), account]));
  const world = await worldWith(accounts);
  let taken: (Record & { readonly what: string })[] = [];
  const judge = async (): Promise<void> => {
    for (const [i, { verdict, reason }] of (await verifier.judge(taken)).entries())
      if (verdict !== "right") tally.findings.push(`${taken[i]?.what}: ${verdict} ${reason}`);
    tally.steps += taken.length;
    const changed = taken.flatMap((step) => Array.from({ length: mutants }, () => mutantOf(random, step)));
    for (const [i, { verdict }] of (await verifier.judge(changed)).entries())
      if (verdict !== "reverted") tally.findings.push(`${changed[i]?.what}: changed evidence is taken`);
    tally.mutants += changed.length;
    taken = [];
  };

  for (let i = 0; i < count; i++) {
    const index = random.below(2 * MESSAGES);
    const message = messages[index];
    const envelope = message?.envelope ?? randomEnvelope(random, envelopeWorld);
    const fork = random.pick(["cancun", "prague", "osaka", "osaka"] as const);
    const position = {
      batch: message === undefined ? 0n : 1n,
      cursor: random.below(1_000),
      delayed: message === undefined ? 0n : BigInt(index),
    };
    const pre = { ...chainBefore(random, TIMES[fork]), position };
    const setup = { world, envelope, block: blockOf(pre, fork), gasCap: TRANSACTION_GAS_CAP, pre };
    const machine = openTransaction(message === undefined ? setup : { ...setup, delayed: message });
    const what = `seed ${seed}, envelope ${i}, ${toHex(envelope).slice(0, 200)}`;
    const decoded = decodeEnvelope(envelope, { chainId, gasCap: TRANSACTION_GAS_CAP });
    const isTaken = !isRefusal(decoded) && holdsForAll(decoded);
    if (envelope[0] !== 0x7e && isTaken !== libraryTakes(envelope))
      tally.findings.push(`${what}: ${isTaken ? "taken here, not" : "not here, but"} by the library`);
    while (endOf(machine) === undefined && isEarly(machine.state.phase)) {
      const { phase } = machine.state;
      const part = partOf(machine.state);
      const evidence = witnessOf(machine.state, machine.context);
      if (part === undefined || evidence === undefined) throw new Error(`no contract has phase ${phase}`);
      const pre = machine.hash().slice();
      machine.step();
      const ended = endOf(machine);
      const post = ended === undefined ? machine.hash().slice() : hashChainState(ended.chain);
      if (phase === PHASE.decode) {
        const kind = `${kindOf(envelope)}${message === undefined ? "" : ` as ${message.kind}`}, ${ended === undefined ? "taken" : "refused"}`;
        tally.kinds.set(kind, (tally.kinds.get(kind) ?? 0) + 1);
      }
      taken.push({ verifier: STEP_PARTS.indexOf(part), pre, post, evidence, what: `${what}, phase ${phase}` });
    }
    if (taken.length >= BATCH) await judge();
  }
  await judge();
  return tally;
};

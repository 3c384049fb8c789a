import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import {
  createPublicClient,
  createTestClient,
  decodeFunctionData,
  formatEther,
  type Hex,
  http,
  parseEventLogs,
  publicActions,
  type TransactionReceipt,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { claimRegistry } from "../../bridge/index.ts";
import {
  type Bytes,
  countOf,
  type DisputedStep,
  type DisputeView,
  fromHex,
  importOnnx,
  type Operator,
  runReference,
  sleep,
  toHex,
} from "../../executor/index.ts";
import {
  askNode,
  COMMAND_SETTINGS,
  type DevnetInfo,
  readRollup,
  resolveConfig,
  sampleModelFile,
  sampleScans,
  startDevnet,
  stepText,
} from "../../infra/index.ts";
import { account } from "../support/anvil.ts";
import {
  type Corruption,
  corruptRun,
  type Dishonest,
  type Lie,
  startDishonest,
  startStepLiar,
} from "../support/dishonest.ts";
import { telemetry } from "../support/stage.ts";
import { type Met, STEP_KIND_NAMES, type StepKind } from "../support/step-kinds.ts";
import { createSigner, tourTransactions } from "../support/tour-transactions.ts";

/**
 * A wrong claim, and how it is beaten: the devnet with its challenger, and a proposer who lies. `--lie element`, which is what
 * is shown otherwise: its models corrupt one element of one operator. `--lie KIND`: one step of this kind is wrong. `--json`:
 * nothing but one JSON object, in the last line. `--exit`: ends when it is decided.
 */

const { values: flags } = parseArgs({
  options: { json: { type: "boolean" }, exit: { type: "boolean" }, lie: { type: "string", default: "element" } },
});
const KINDS: readonly string[] = ["element", ...STEP_KIND_NAMES];
if (!KINDS.includes(flags.lie)) {
  process.stderr.write(`no lie of kind "${flags.lie}": ${KINDS.join(", ")}\n`);
  process.exit(2);
}
const kind = flags.lie as StepKind | "element";
const { abi } = claimRegistry;
const PROPOSER = 9;
/** Milliseconds between two blocks of L1 while both sides answer. */
const BLOCK_MS = 250;
/** Blocks without a move after which time is let run, and how far. */
const QUIET = 8;
const LEAP = 24;
const MOST_BLOCKS = 4_000;
/** Kinds of steps that only batches in blobs have. */
const IN_BLOBS: ReadonlySet<string> = new Set<StepKind>(["arrival-in-blobs", "load"]);
const CONFIRMED = 2;

const say = (line: string): void => {
  if (!flags.json) process.stdout.write(`${line}\n`);
};

const LEVELS = ["chain", "execution", "inference"] as const;
const UNITS = ["unit", "step", "operator"] as const;

type Context = { readonly level: number; readonly position: bigint; readonly height: number };
type Decoded = { readonly name: string; readonly ctx: Context | undefined };

/** Calls of the registry inside a transaction. */
const callsIn = (input: Hex): readonly Decoded[] => {
  const { functionName, args } = decodeFunctionData({ abi, data: input });
  if (functionName === "multicall") return (args[0] as readonly Hex[]).flatMap(callsIn);
  const [first] = (args ?? []) as readonly unknown[];
  const ctx = typeof first === "object" && first !== null && "height" in first ? (first as Context) : undefined;
  return [{ name: functionName, ctx }];
};

const grouped = (value: number | bigint): string => value.toLocaleString("en-US");

/** Leaves below an edge, in words. */
const placeOf = ({ level, position, height }: Context): string => {
  const [levelName, unit] = level < LEVELS.length ? [LEVELS[level], UNITS[level]] : ["tensor", "element"];
  const last = position + 2n ** BigInt(height) - 1n;
  const range =
    last === position ? `${unit} ${grouped(position)}` : `${unit}s ${grouped(position)} to ${grouped(last)}`;
  return `${String(levelName).padEnd(10)} ${range}`;
};

/** Digits of an element's index over the operator's output. */
const digitsOf = ({ output }: Operator, index: number): readonly number[] => {
  const digits: number[] = [];
  let rest = index;
  for (const extent of output.toReversed()) {
    digits.unshift(rest % extent);
    rest = Math.floor(rest / extent);
  }
  return digits;
};

const { program } = importOnnx(readFileSync(sampleModelFile()));
/** The last convolution. */
const operator = program.operators.findLastIndex(({ kind, reduction }) => kind === "CONTRACT" && reduction.length > 1);
const disputed = program.operators[operator] as Operator;

/** The highest probability that a packed output holds: what the sample contract tells. */
const confidenceIn = (output: Bytes): number => Math.max(...new Float32Array(output.slice().buffer, 0, 10));

/** A change of one element after which a contract is told something else of a scan. */
const findCorruption = (): Corruption => {
  const told = sampleScans()
    .map(({ pixels }) => new Uint8Array(Float32Array.from(fromHex(pixels)).buffer))
    .map((input) => ({ input, confidence: confidenceIn(runReference(program, input).output) }));
  // The scan of which the model is least sure shows a small change first.
  const [{ input, confidence }] = told.toSorted((a, b) => a.confidence - b.confidence) as [(typeof told)[number]];
  for (let by = 64; by < 2 ** 20; by *= 4)
    for (let element = 0; element < countOf(disputed); element += 25) {
      const corruption = { operator, element, by };
      if (confidenceIn(corruptRun(program, input, corruption).output) !== confidence) return corruption;
    }
  throw new Error("no element of the model changes an answer");
};
const corruption = findCorruption();
const place = `operator ${operator} (conv), element [${digitsOf(disputed, corruption.element).join(",")}]`;

const aborter = new AbortController();
process.once("SIGINT", () => aborter.abort());
const free = Object.fromEntries(
  ["l1Port", "rpcPort", "executorRpcPort", "metricsPort", "executorMetricsPort"].map((key) => [key, "0"]),
);
/** An L1 node that is new takes seconds to make ready for its first blob. */
const batchData = IN_BLOBS.has(kind) ? "blobs" : "calldata";
const config = resolveConfig(COMMAND_SETTINGS.devnet, { ...free, batchData, logLevel: "warn" }, {});
const devnet = await startDevnet(config, { logger: telemetry().logger, signal: aborter.signal, progress: say });
let dishonest: Dishonest | undefined;

/** A transaction at the registry of claims. */
type Sent = {
  readonly block: bigint;
  readonly isProposers: boolean;
  readonly gas: bigint;
  readonly calls: readonly Decoded[];
  readonly told: readonly string[];
};
type Wrong = { readonly id: Hex; readonly parent: Hex; readonly at: bigint };

/** Moves that close in on the difference; others end what is decided. */
const CLOSING_IN = new Set(["propose", "open", "openWord", "refine", "descend", "prove", "proveElement"]);

/** Sends what takes every kind of step that a transaction can take, and waits until it is in blocks. */
const takeSteps = async ({ sequencerRpc, chainId, accounts }: DevnetInfo): Promise<void> => {
  const [sender, delegator] = accounts.slice(-2).map(({ privateKey }) => privateKeyToAccount(privateKey));
  if (sender === undefined || delegator === undefined) throw new Error("the devnet has no accounts");
  const client = createPublicClient({ transport: http(sequencerRpc), cacheTime: 0, pollingInterval: 100 });
  const hashes: Hex[] = [];
  for (const envelope of await tourTransactions(createSigner(sender, { chainId }), delegator))
    hashes.push(await client.sendRawTransaction({ serializedTransaction: toHex(envelope) }));
  for (const hash of hashes) await client.waitForTransactionReceipt({ hash });
};

/** The proposer who lies, as he was told to. */
const startLying = async (info: DevnetInfo, told: (lie: Lie | Met) => void): Promise<Dishonest> => {
  const key = account(PROPOSER).getHdKey().privateKey as Uint8Array;
  const options = { l1Rpc: info.l1Rpc, rollup: readRollup(info.rollup), privateKey: toHex(key) };
  if (kind === "element") {
    say(`\na proposer joins whose models answer wrongly: one element of operator ${operator} is not what it is`);
    return startDishonest(options, { corruption, onLie: told });
  }
  say("\ntransactions are sent that take steps of every kind");
  await takeSteps(info);
  say(`a proposer joins who lies in one step of the machine, of kind ${kind}`);
  return startStepLiar(options, { kind, onLie: told });
};

const run = async () => {
  const { info } = devnet;
  const client = createTestClient({ mode: "anvil", transport: http(info.l1Rpc), cacheTime: 0 }).extend(publicActions);
  const registry = { address: info.l1Contracts.claimRegistry, abi } as const;
  let lie: Lie | Met | undefined;
  dishonest = await startLying(info, (told) => {
    lie = told;
  });
  const { address } = dishonest;
  const sent: Sent[] = [];
  const mine = new Map<Hex, Wrong>();
  let wrong: Wrong | undefined;
  let shown = 0;

  const eventsIn = (receipt: TransactionReceipt, isProposers: boolean): readonly string[] =>
    parseEventLogs({ abi, logs: receipt.logs }).flatMap(({ eventName, args }) => {
      if (eventName === "ClaimProposed" && isProposers)
        mine.set(args.id, { id: args.id, parent: args.parent, at: receipt.blockNumber });
      if (eventName === "StakeLost")
        return [
          `a stake is lost: ${formatEther(args.tariff)} ETH to the winner, ${formatEther(args.burned)} ETH burned`,
        ];
      return eventName === "ClaimConfirmed" ? [`confirmed: ${args.id}`] : [];
    });

  const read = async (number: bigint): Promise<void> => {
    const block = await client.getBlock({ blockNumber: number, includeTransactions: true });
    for (const { to, from, hash, input } of block.transactions) {
      if (to?.toLowerCase() !== registry.address.toLowerCase()) continue;
      const receipt = await client.getTransactionReceipt({ hash });
      const isProposers = from.toLowerCase() === address;
      const calls = callsIn(input);
      sent.push({ block: number, isProposers, gas: receipt.gasUsed, calls, told: eventsIn(receipt, isProposers) });
    }
  };

  /** The proposer's first claim that the challenger disputes. */
  const findWrong = async (): Promise<void> => {
    const disputes = await askNode<readonly DisputeView[]>(info.challengerRpc, "rollup_disputes");
    for (const { rivals } of disputes)
      wrong ??= rivals.map(({ id }) => mine.get(id)).find((made) => made !== undefined);
    if (wrong !== undefined) say(`L1 block ${wrong.at}: he claims what is not so: ${wrong.id}\n`);
  };

  const show = (): void => {
    for (; shown < sent.length; shown++) {
      const { block, isProposers, calls, told } = sent[shown] as Sent;
      if (wrong === undefined || block < wrong.at) continue;
      for (const { name, ctx } of isProposers ? [] : calls)
        if (CLOSING_IN.has(name))
          say(`L1 block ${block}   ${name.padEnd(13)}${ctx === undefined ? "the right claim" : placeOf(ctx)}`);
      for (const line of told) say(`L1 block ${block}   ${line}`);
    }
  };

  const statusOf = async (id: Hex) =>
    (await client.readContract({ ...registry, functionName: "claimOf", args: [id] })).status;

  /** Whether the stake behind it has gone where it belongs. */
  const isPaid = async ({ id }: Wrong) =>
    (await client.readContract({ ...registry, functionName: "rootOf", args: [id] })).stake === 0n;

  /** Whose claim was confirmed; undefined while neither is. */
  const verdictOn = async ({ id, parent }: Wrong): Promise<"challenger" | "claimant" | undefined> => {
    if ((await statusOf(id)) === CONFIRMED) return "claimant";
    const made = await client.getContractEvents({
      ...registry,
      eventName: "ClaimProposed",
      args: { parent },
      fromBlock: 0n,
      strict: true,
    });
    for (const { args } of made) if (args.id !== id && (await statusOf(args.id)) === CONFIRMED) return "challenger";
    return undefined;
  };

  let number = await client.getBlockNumber();
  for (let mined = 0, quiet = 0; mined < MOST_BLOCKS; mined++) {
    aborter.signal.throwIfAborted();
    await sleep(BLOCK_MS, aborter.signal);
    const isQuiet = wrong !== undefined && quiet >= QUIET;
    await client.mine({ blocks: isQuiet ? LEAP : 1 });
    const before = sent.length;
    for (const head = await client.getBlockNumber(); number < head; ) await read(++number);
    if (wrong === undefined) await findWrong();
    show();
    quiet = sent.length > before ? 0 : isQuiet ? QUIET - 3 : quiet + 1;
    const decided = wrong && (await verdictOn(wrong));
    if (wrong === undefined || decided === undefined || lie === undefined || !(await isPaid(wrong))) continue;
    const since = wrong.at;
    const counted = sent.filter(({ block }) => block >= since);
    const gasOf = (side: boolean) =>
      Number(counted.reduce((sum, { isProposers, gas }) => (isProposers === side ? sum + gas : sum), 0n));
    const honest = counted.filter(({ isProposers }) => !isProposers).flatMap(({ calls }) => calls);
    const common = {
      verdict: decided,
      moves: honest.length,
      gas: { challenger: gasOf(false), claimant: gasOf(true) },
      l1Blocks: Number(number - since),
      kind,
    };
    if (!("unit" in lie)) {
      const proven = honest.find(({ name }) => name === "proveElement")?.ctx;
      const element = digitsOf(disputed, proven === undefined ? corruption.element : Number(proven.position));
      return { ...common, level: proven === undefined ? null : "tensor", operator, element, ...lie, step: null };
    }
    const { unit, step: at } = lie;
    const steps = await askNode<readonly DisputedStep[]>(info.challengerRpc, "rollup_disputedSteps", wrong.id);
    const step = steps.find((one) => one.unit === unit && one.step === at) ?? null;
    return {
      ...common,
      ...{ level: step?.isProven ? "execution" : null, operator: null, element: null },
      ...{ claimed: step?.claimed[0] ?? null, computed: step?.computed ?? null, step },
    };
  }
  throw new Error("the dispute was not decided");
};

let result: Awaited<ReturnType<typeof run>>;
try {
  result = await run();
} catch (error) {
  await dishonest?.stop();
  await devnet.stop();
  throw error;
}
if (result.step === null) say(`\n${place}: claimed ${result.claimed}, computed ${result.computed}`);
else say(stepText(result.step));
say(`verdict: the ${result.verdict} is right, after ${result.moves} moves in ${result.l1Blocks} L1 blocks`);
say(`gas: ${grouped(result.gas.challenger)} of the honest side, ${grouped(result.gas.claimant)} of the proposer`);
if (flags.json) process.stdout.write(`${JSON.stringify(result)}\n`);
if (!flags.exit) {
  say("\nRunning. Ctrl-C stops everything.");
  await new Promise<void>((resolve) => {
    if (aborter.signal.aborted) resolve();
    else aborter.signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
await dishonest?.stop();
await devnet.stop();
process.exit(result.verdict === "challenger" ? 0 : 1);

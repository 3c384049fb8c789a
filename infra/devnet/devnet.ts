import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Logger } from "pino";
import { createTestClient, http } from "viem";
import { DEVNET_CLAIMS, DEVNET_DELAYS, DEVNET_WITHDRAWALS, deployBridge } from "../../bridge/index.ts";
import {
  CodedError,
  createServices,
  DEVNET_PARAMETERS,
  digitClassifier,
  encodeProgram,
  type Hex,
  type InstalledAccount,
  importOnnx,
  MULTICALL3,
  preinstallsOn,
  programId,
  sleep,
  type Telemetry,
} from "../../executor/index.ts";
import type { DevnetConfig } from "../config/config.ts";
import { genesisOf, type Rollup, writeRollup } from "../config/rollup.ts";
import type { Running } from "../node/lifecycle.ts";
import { askNode } from "../node/rpc-client.ts";
import { startAnvil } from "../processes/anvil.ts";
import type { Child } from "../processes/child.ts";
import { requireFreePort } from "../processes/port.ts";
import { createRegistry } from "../telemetry/metrics-server.ts";
import { DEVNET_MNEMONIC, type DevnetAccount, devnetAccounts } from "./accounts.ts";
import { type Agreement, agreeOn, type Heard, hearingOf } from "./agreement.ts";
import { type Answer, type Clients, clientsOf, runSample, untilCallable } from "./contract.ts";
import { watchHeads } from "./heads.ts";
import { startNode } from "./nodes.ts";
import { poll } from "./poll.ts";
import { publish } from "./publish.ts";
import { SAMPLE_NAME, sampleModelFile } from "./sample.ts";
import { showSettlement } from "./settlement.ts";

export type DevnetErrorCode =
  /** The directory for the devnet is not empty. Give another --data-dir, or none. */
  "DEVNET_DATA_DIR";

/** What a program needs to use the devnet: the answer of `--json`. */
export type DevnetInfo = {
  readonly l1Rpc: string;
  readonly sequencerRpc: string;
  readonly executorRpc: string;
  readonly challengerRpc: string;
  readonly sequencerMetrics: string;
  readonly executorMetrics: string;
  readonly challengerMetrics: string;
  /** Where peers dial the nodes; null with `--p2p-off`. */
  readonly sequencerP2p: string | null;
  readonly executorP2p: string | null;
  readonly l1ChainId: number;
  readonly chainId: number;
  readonly accounts: readonly DevnetAccount[];
  readonly l1Contracts: Rollup["l1"]["contracts"];
  readonly sample: {
    readonly contract: Hex;
    readonly modelId: Hex;
    readonly modelName: string;
    readonly gas: number;
    readonly abi: typeof digitClassifier.abi;
    readonly answers: readonly Answer[];
  };
  /** Which of the sample's blocks the executor heard by gossip; null with `--p2p-off`. */
  readonly heard: Heard | null;
  readonly agreement: Agreement;
  readonly directory: string;
  readonly rollup: string;
  readonly logs: {
    /** Null of an L1 that ran already. */
    readonly l1: string | null;
    readonly sequencer: string;
    readonly executor: string;
    readonly challenger: string;
  };
};

export type Devnet = Running & {
  readonly info: DevnetInfo;
  /**
   * Shows ether coming in, paying an inference, and going out, a line a step; moves L1's clock. When it fails all is stopped.
   */
  settle(say: (line: string) => void): Promise<void>;
};

export type DevnetComponents = {
  readonly logger: Logger;
  /** Is told what is being done. */
  readonly progress?: (step: string) => void;
  readonly signal: AbortSignal;
};

const L1_CHAIN_ID = 31337;
/** The newest that anvil has: Osaka's gas table, and a cap of 2^24 gas a transaction, which moves of a dispute must fit. */
const NEWEST_FORK = "bpo2";
const ETHER = 10n ** 18n;
/** Seconds after which a message to L2 may not be left out. */
const FORCE_DELAY = 300n;
/** L1 blocks between two claims, and above a claim before the next: this L1 never reorganises by itself. */
const CLAIM_INTERVAL = 10;
const CLAIM_DEPTH = 2;
/** How long an interrupted start may take to notice. */
const SETTLE_MS = 3_000;

type Place = { readonly directory: string; readonly temporary: boolean };

/** DEVNET_DATA_DIR when the directory holds something: a devnet begins with a new L1. */
const makeDirectory = (wanted: string | undefined): Place => {
  if (wanted === undefined) return { directory: mkdtempSync(join(tmpdir(), "assay-devnet-")), temporary: true };
  const directory = resolve(wanted);
  if (existsSync(directory) && readdirSync(directory).length > 0)
    throw new CodedError<DevnetErrorCode>(
      "DEVNET_DATA_DIR",
      `${directory} is not empty: a devnet starts from nothing, choose another --data-dir or empty it`,
      { directory },
    );
  mkdirSync(directory, { recursive: true });
  return { directory, temporary: false };
};

/**
 * L1, contracts, sequencer, executor, challenger, model, contract, answers. Resolves when a contract has read handwriting and the
 * executor has derived the same state from L1. On any failure, and when `signal` aborts, all of it is stopped.
 */
export const startDevnet = async (config: DevnetConfig, components: DevnetComponents): Promise<Devnet> => {
  const { logger } = components;
  const telemetry: Telemetry = { logger, registry: createRegistry() };
  const services = createServices(telemetry);
  let fail: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined);
  const ending = new AbortController();
  const signal = AbortSignal.any([components.signal, ending.signal]);
  /** Tells what comes next, unless it is not to come. */
  const progress = (step: string): void => {
    signal.throwIfAborted();
    components.progress?.(step);
  };
  const late: Promise<void>[] = [];
  let beginning: Promise<DevnetInfo> | undefined;
  const watch = <C extends Child>(child: C): C => {
    if (ending.signal.aborted) late.push(child.stop());
    services.add(child);
    void child.exited.then(() => {
      if (ending.signal.aborted) return;
      broken = true;
      fail(child.death());
    });
    return child;
  };
  let place: Place | undefined;
  /** Something failed: the logs tell why, they stay. */
  let broken = false;
  const stop = async (): Promise<void> => {
    ending.abort();
    await services.stop();
    // A start that was interrupted notices it soon; what it still brings up is stopped as it appears.
    const settled = new AbortController();
    void Promise.allSettled([beginning]).then(() => settled.abort());
    await sleep(SETTLE_MS, settled.signal);
    await Promise.all(late);
    if (place?.temporary && !config.keep && !broken) rmSync(place.directory, { recursive: true, force: true });
  };

  /** Once the executor has met the sequencer: listens to what both announce. Answers how to read it. */
  const listen = async (executorRpc: string, sequencerRpc: string) => {
    await poll({ what: "the executor to meet the sequencer", signal }, async () =>
      BigInt(await askNode<Hex>(executorRpc, "net_peerCount")) > 0n ? true : undefined,
    );
    const [sequencer, executor] = await Promise.all([watchHeads(sequencerRpc), watchHeads(executorRpc)]);
    const hearing = services.add({
      name: "heads",
      stop: async () => {
        sequencer.stop();
        executor.stop();
      },
    });
    return async (numbers: readonly number[], { reader }: Clients): Promise<Heard> => {
      const blocks = await Promise.all(numbers.map((number) => reader.getBlock({ blockNumber: BigInt(number) })));
      await hearing.stop();
      return hearingOf(blocks, { sequencer, executor });
    };
  };

  const begin = async (): Promise<DevnetInfo> => {
    if (config.onL1 === undefined) await requireFreePort(config.l1Port, "--l1-port");
    await requireFreePort(config.rpcPort, "--rpc-port");
    await requireFreePort(config.executorRpcPort, "--executor-rpc-port");
    await requireFreePort(config.metricsPort, "--metrics-port");
    await requireFreePort(config.executorMetricsPort, "--executor-metrics-port");
    place = makeDirectory(config.devnetDir);
    const { directory } = place;
    const accounts = devnetAccounts();

    const own = () =>
      startAnvil({
        port: config.l1Port,
        chainId: L1_CHAIN_ID,
        mnemonic: DEVNET_MNEMONIC,
        accounts: accounts.all.length,
        logFile: join(directory, "l1.log"),
        hardfork: NEWEST_FORK,
      });
    progress(config.onL1 === undefined ? "starting L1 (anvil)" : `taking ${config.onL1} for L1`);
    const anvil = config.onL1 === undefined ? watch(await own()) : { rpc: config.onL1, logFile: null };
    const l1 = clientsOf(BigInt(L1_CHAIN_ID), anvil.rpc, accounts.deployer.privateKey);

    const miner = createTestClient({ mode: "anvil", transport: http(anvil.rpc) });
    if (config.onL1 !== undefined)
      for (const { address } of accounts.all) await miner.setBalance({ address, value: 10_000n * ETHER });
    // Anvil has the CREATE2 factory by itself; every public L1 has this, too.
    const { code } = preinstallsOn(BigInt(L1_CHAIN_ID))[MULTICALL3] as InstalledAccount;
    await miner.setCode({ address: MULTICALL3, bytecode: code });

    progress("deploying the L1 contracts");
    const layer2 = {
      chain: DEVNET_PARAMETERS,
      genesis: {
        accounts: [...accounts.users, accounts.deployer].map(({ address }) => ({ address, balance: 10_000n * ETHER })),
        feeRecipient: accounts.sequencer.address,
      },
    };
    const deployment = await deployBridge(l1, {
      system: {
        owner: accounts.deployer.address,
        batcher: accounts.sequencer.address,
        signer: accounts.signer.address,
        guardian: accounts.deployer.address,
        ...DEVNET_DELAYS,
      },
      forceDelay: FORCE_DELAY,
      genesisOf: (contracts) => genesisOf(layer2, contracts),
      claims: DEVNET_CLAIMS,
      withdrawals: DEVNET_WITHDRAWALS,
    });
    const rollup = join(directory, "rollup.json");
    writeRollup(rollup, {
      version: 1,
      l1: { chainId: L1_CHAIN_ID, ...deployment },
      ...layer2,
    });

    progress("starting sequencer, executor and challenger");
    const peers = config.p2pOff ? "off" : "on";
    // Anvil gives blobs at the same port.
    const shared = {
      "l1-rpc": anvil.rpc,
      "l1-beacon": anvil.rpc,
      rollup,
      "l1-poll-ms": 250,
      "log-level": config.logLevel,
    };
    const sequencerNode = await startNode("sequencer", directory, {
      flags: {
        ...shared,
        "rpc-port": config.rpcPort,
        "metrics-port": config.metricsPort,
        "block-time-ms": config.blockTimeMs,
        "batch-interval-ms": config.batchIntervalMs,
        "batch-data": config.batchData,
      },
      secrets: {
        ASSAY_BATCHER_KEY: accounts.sequencer.privateKey,
        ASSAY_SIGNER_KEY: accounts.signer.privateKey,
      },
      peers,
    });
    watch(sequencerNode.child);
    const executorNode = await startNode("executor", directory, {
      flags: {
        ...shared,
        "rpc-port": config.executorRpcPort,
        "metrics-port": config.executorMetricsPort,
        "claim-interval-blocks": CLAIM_INTERVAL,
        "claim-depth": CLAIM_DEPTH,
      },
      secrets: { ASSAY_CLAIM_KEY: accounts.claimant.privateKey },
      peers,
    });
    watch(executorNode.child);
    const challengerNode = await startNode("challenger", directory, {
      flags: { ...shared, "rpc-port": 0, "metrics-port": 0, "claim-depth": CLAIM_DEPTH },
      secrets: { ASSAY_CHALLENGE_KEY: accounts.challenger.privateKey },
      peers: "off",
    });
    watch(challengerNode.child);

    progress(`publishing ${SAMPLE_NAME} through L1`);
    const { program } = importOnnx(readFileSync(sampleModelFile()));
    const modelId = programId(program);
    const artifact = encodeProgram(program);
    const model = { id: modelId, artifact, name: SAMPLE_NAME };
    await publish({ ...telemetry, ...l1 }, deployment.contracts.modelRegistry, model, { signal });
    // Until here L1 made a block for each transaction; from here on it keeps time.
    await miner.setAutomine(false);
    await miner.setIntervalMining({ interval: config.l1BlockTime });

    const [sequencerReady, executorReady, challengerReady] = await Promise.all([
      sequencerNode.ready,
      executorNode.ready,
      challengerNode.ready,
    ]);
    // Each took a free port, so neither could be told of the other before.
    for (const address of sequencerReady.p2p) await askNode(executorReady.rpc, "admin_addPeer", address);
    const { chainId } = DEVNET_PARAMETERS;
    const sequencer = clientsOf(chainId, sequencerReady.rpc, accounts.deployer.privateKey);
    const executor = clientsOf(chainId, executorReady.rpc, accounts.deployer.privateKey);
    progress("waiting until contracts can call the model");
    const gas = await untilCallable(sequencer, modelId, signal);
    const hearing = config.p2pOff ? undefined : await listen(executorReady.rpc, sequencerReady.rpc);
    progress("deploying the sample contract and sending it scans of handwriting");
    const { contract, answers } = await runSample(sequencer, modelId, signal);
    progress("waiting for the executor to derive the same blocks from L1");
    const numbers = [...new Set(answers.map(({ block }) => block))];
    const agreement = await agreeOn(Math.max(...numbers), { sequencer, executor }, signal);
    const heard = hearing === undefined ? null : await hearing(numbers, executor);
    return {
      l1Rpc: anvil.rpc,
      sequencerRpc: sequencerReady.rpc,
      executorRpc: executorReady.rpc,
      challengerRpc: challengerReady.rpc,
      sequencerMetrics: sequencerReady.metrics,
      executorMetrics: executorReady.metrics,
      challengerMetrics: challengerReady.metrics,
      sequencerP2p: sequencerReady.p2p[0] ?? null,
      executorP2p: executorReady.p2p[0] ?? null,
      l1ChainId: L1_CHAIN_ID,
      chainId: Number(chainId),
      accounts: accounts.users,
      l1Contracts: deployment.contracts,
      sample: {
        contract,
        modelId,
        modelName: SAMPLE_NAME,
        gas: Number(gas),
        abi: digitClassifier.abi,
        answers,
      },
      heard,
      agreement,
      directory,
      rollup,
      logs: {
        l1: anvil.logFile,
        sequencer: sequencerNode.child.logFile,
        executor: executorNode.child.logFile,
        challenger: challengerNode.child.logFile,
      },
    };
  };

  const interrupted = new Promise<never>((_, reject) => {
    const onAbort = () => reject(new CodedError("DEVNET_INTERRUPTED", "interrupted"));
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
  interrupted.catch(() => undefined);
  const orStop = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await Promise.race([work, failed, interrupted]);
    } catch (error) {
      broken = !components.signal.aborted;
      await stop();
      throw error;
    }
  };
  beginning = begin();
  const info = await orStop(beginning);
  const settle = (say: (line: string) => void): Promise<void> =>
    showSettlement({
      l1: { rpc: info.l1Rpc, chainId: info.l1ChainId },
      l2: { rpc: info.sequencerRpc, chainId: info.chainId },
      contracts: info.l1Contracts,
      privateKey: devnetAccounts().visitor.privateKey,
      classifier: info.sample.contract,
      period: Number(DEVNET_CLAIMS.period),
      say,
      signal,
    });
  return { info, failed, stop, settle: (say) => orStop(settle(say)) };
};

import { readFileSync } from "node:fs";
import { decodeFunctionData, type Hex, size } from "viem";
import { claimRegistry, DEVNET_CLAIMS } from "../../bridge/index.ts";
import { encodeProgram, fromHex, importOnnx, programId } from "../../executor/index.ts";
import { sampleModelFile, sampleScans } from "../../infra/index.ts";
import { createDisputeStage, type DisputeStage, playOut, startChallenger, startLiar } from "../support/disputes.ts";
import { type GasByFork, replayL1 } from "../support/l1-replay.ts";
import { modelLies } from "../support/lies.ts";
import type { GasRow, GasSection } from "./gas-table.ts";

const { abi } = claimRegistry;
/** What one side pays for a whole dispute. */
const MOST_OF_DISPUTE = { osaka: 8_000_000n, amsterdam: 20_000_000n };

type Sent = {
  readonly from: Hex;
  readonly block: bigint;
  readonly gas: GasByFork;
  readonly bytes: number;
  readonly calls: readonly string[];
};

/** What was sent to the board from an L1 block on. */
const sentSince = async ({ anvil, deployment }: DisputeStage, first: bigint): Promise<readonly Sent[]> => {
  const { client } = anvil;
  const sent: Sent[] = [];
  const gasOf = await replayL1(client);
  const last = await client.getBlockNumber();
  for (let number = first; number <= last; number++) {
    const { transactions } = await client.getBlock({ blockNumber: number, includeTransactions: true });
    for (const { hash, from, to, input } of transactions) {
      if (to?.toLowerCase() !== deployment.contracts.claimRegistry.toLowerCase()) continue;
      const { functionName, args } = decodeFunctionData({ abi, data: input });
      const calls =
        functionName === "multicall"
          ? (args[0] as readonly Hex[]).map((data) => decodeFunctionData({ abi, data }).functionName)
          : [functionName];
      sent.push({ from: from.toLowerCase() as Hex, block: number, gas: gasOf(hash), bytes: size(input), calls });
    }
  }
  return sent;
};

const total = (sent: readonly Sent[]): { readonly gas: GasByFork; readonly bytes: number } => ({
  gas: {
    osaka: sent.reduce((sum, { gas }) => sum + gas.osaka, 0n),
    amsterdam: sent.reduce((sum, { gas }) => sum + gas.amsterdam, 0n),
  },
  bytes: sent.reduce((sum, { bytes }) => sum + bytes, 0),
});

const movesOf = (calls: readonly string[]): string =>
  [...new Set(calls)]
    .map((kind) => [calls.filter((call) => call === kind).length, kind] as const)
    .map(([times, kind]) => (times === 1 ? kind : `${times} ${kind}`))
    .join(", ");

/** The mean transaction of each composition, in the order in which they are first sent. */
const kindRows = (sent: readonly Sent[]): readonly GasRow[] =>
  [...new Set(sent.map(({ calls }) => movesOf(calls)))].map((what) => {
    const alike = sent.filter(({ calls }) => movesOf(calls) === what);
    const { gas, bytes } = total(alike);
    const moves = alike[0]?.calls.length ?? 1;
    return {
      what: alike.length === 1 ? what : `${what}: mean of ${alike.length}`,
      gas: { osaka: gas.osaka / BigInt(alike.length), amsterdam: gas.amsterdam / BigInt(alike.length) },
      bytes: Math.round(bytes / alike.length),
      ...(moves > 1 && { per: [moves, "move"] as const }),
    };
  });

/** Pixels as the model takes them. */
const imageOf = (pixels: Hex): Uint8Array => {
  const image = new DataView(new ArrayBuffer(256));
  for (const [i, pixel] of fromHex(pixels).entries()) image.setFloat32(4 * i, pixel, true);
  return new Uint8Array(image.buffer);
};

/** A whole dispute about one element of the sample model, with the heights of the devnet. */
export const disputeGas = async (): Promise<GasSection> => {
  const { program } = importOnnx(readFileSync(sampleModelFile()));
  const operator = program.operators.findIndex(({ kind }) => kind === "CONTRACT");
  const ends: (() => unknown)[] = [];
  const t = { after: (end: () => unknown) => void ends.push(end) };
  try {
    const stage = await createDisputeStage(t, {
      claims: DEVNET_CLAIMS,
      model: { id: programId(program), artifact: encodeProgram(program) },
      input: imageOf(sampleScans()[0]?.pixels as Hex),
    });
    const node = await stage.open();
    const first = await stage.anvil.client.getBlockNumber();
    const { element } = modelLies(program);
    const liar = await startLiar(t, stage, node, { ...element(operator, 5), seed: 1 });
    const challenger = startChallenger(t, stage, node);
    const started = performance.now();
    await challenger.act();
    const seconds = (performance.now() - started) / 1000;
    await playOut(stage, [challenger], { liars: [liar] });
    const sent = await sentSince(stage, first + 1n);
    const by = (address: Hex) => sent.filter(({ from }) => from === address);
    const [honest, lying] = [by(challenger.address), by(liar.address)];
    const moves = honest.reduce((sum, { calls }) => sum + calls.length, 0);
    const confirmed = await stage.anvil.client.getContractEvents({
      address: stage.deployment.contracts.claimRegistry,
      abi,
      eventName: "ClaimConfirmed",
      fromBlock: first,
    });
    const blocks = (confirmed.at(-1)?.blockNumber ?? 0n) - (lying[0]?.block ?? 0n);
    return {
      title: "A whole dispute",
      about: `One element of operator ${operator} (a convolution) of the sample model is claimed otherwise; trees as on the devnet, of heights ${DEVNET_CLAIMS.heights.join(", ")}. The honest side made ${moves} moves in ${honest.length} transactions. ${blocks} L1 blocks from the wrong claim to the verdict, with a period of ${DEVNET_CLAIMS.period}. The challenger's first move was on L1 ${seconds.toFixed(1)} seconds after it looked. Each row is one transaction with the moves in it.`,
      rows: [
        ...kindRows(honest),
        { what: "the honest side, all", ...total(honest), per: [moves, "move"], most: MOST_OF_DISPUTE },
        { what: "the liar, all", ...total(lying), most: MOST_OF_DISPUTE },
      ],
    };
  } finally {
    for (const end of ends.reverse()) await end();
  }
};

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { buildBlock, funded, initCode, openChain, sign, telemetry } from "../chain/chain.fixture.ts";
import { createGenesis } from "../chain/genesis.ts";
import type { Hex } from "../foundation/bytes.ts";
import { DEVNET_PARAMETERS } from "../protocol/parameters.ts";
import { forkId } from "./methods/forks.ts";
import { createRpcServer } from "./server/server.ts";

const [PRAGUE, OSAKA, LATER] = [1_000n, 2_000n, 3_000n];
const forks = { prague: PRAGUE, osaka: OSAKA, later: LATER };
/** Gives CLZ(1). */
const CLZ: Hex = "0x60011e5f5260205ff3";

const chain = await openChain({ genesis: createGenesis({ ...DEVNET_PARAMETERS, forks }, funded(2)) });
const blockAt = async (timestamp: bigint, envelopes: readonly Uint8Array[] = []) => {
  const { block, receipts } = await buildBlock(chain, envelopes, { timestamp, origin: { number: 1n, timestamp } });
  return { number: `0x${block.header.number.toString(16)}`, receipts };
};
const server = await createRpcServer(
  { backend: { chain, identity: { clientVersion: "t" } }, ...telemetry() },
  { port: 0 },
);
after(() => server.stop());
const call = async (method: string, ...params: unknown[]) => {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  const headers = { "content-type": "application/json" };
  const response = await fetch(server.url, { method: "POST", body, headers });
  return (await response.json()) as { readonly result?: unknown; readonly error?: { readonly message: string } };
};

type Config = {
  readonly activationTime: number;
  readonly forkId: Hex;
  readonly precompiles: Readonly<Record<string, Hex>>;
};
type Configs = { readonly current: Config; readonly next: Config | null; readonly last: Config | null };
const configs = async (): Promise<Configs> => (await call("eth_config")).result as Configs;
const timesOf = ({ current, next, last }: Configs) => [current, next, last].map((one) => one?.activationTime ?? null);

test("a fork's id is EIP-6122's: Holesky's, as its nodes tell it", () => {
  const genesis = "0xb5f7f912443c940f21fd611f12828d75b534364ed9e95ca4e307729a4661bde4";
  const holesky = { shanghai: 1_696_000_704n, cancun_: 1_707_305_664n, prague: 1_740_434_112n };
  const ids = [0n, ...Object.values(holesky)].map((from) => forkId(genesis, holesky, from));
  assert.deepEqual(ids, ["0xc61a6098", "0xfd4f016b", "0x9b192ad0", "0xdfbd9bed"]);
});

test("what is asked at a block is answered by that block's rules, and the configuration tells where the head is", async () => {
  const data = `0x${"11".repeat(1_000)}`;
  const created = await blockAt(PRAGUE - 1n, [await sign({ nonce: 0, data: initCode(CLZ), gas: 200_000n })]);
  const to = created.receipts[0]?.contractAddress;
  const cancun = await configs();
  assert.deepEqual(timesOf(cancun), [0, Number(PRAGUE), Number(OSAKA)]);
  const prague = await blockAt(PRAGUE);
  assert.deepEqual(timesOf(await configs()), [Number(PRAGUE), Number(OSAKA), Number(OSAKA)]);
  const osaka = await blockAt(OSAKA);
  const latest = await configs();
  assert.deepEqual(timesOf(latest), [Number(OSAKA), null, null]);
  assert.deepEqual(latest.current, cancun.last);

  // EIP-7623: four times the price, from Prague on.
  const transfer = { from: `0x${"77".repeat(20)}`, to: `0x${"78".repeat(20)}`, data };
  for (const [number, least] of [
    [created.number, 37_000],
    [prague.number, 61_000],
    [osaka.number, 61_000],
  ] as const) {
    const gas = Number((await call("eth_estimateGas", transfer, number)).result);
    assert.ok(gas >= least && gas <= (least * 65) / 64, `${gas} of ${least}`);
  }
  // EIP-7939: an opcode from Osaka on.
  for (const { number } of [created, prague])
    assert.match((await call("eth_call", { to }, number)).error?.message ?? "", /invalid opcode/);
  assert.equal((await call("eth_call", { to }, osaka.number)).result, `0x${"ff".padStart(64, "0")}`);
  const pairing = { to: cancun.last?.precompiles["BLS12_MAP_FP_TO_G1"], data: `0x${"00".repeat(64)}` };
  assert.equal((await call("eth_call", pairing, created.number)).result, "0x");
  assert.equal(((await call("eth_call", pairing, prague.number)).result as string).length, 2 + 256);
});

test("a configuration has the fork's precompiles and system contracts by name, in order, and no blobs", async () => {
  const { current } = await configs();
  const names = Object.keys(current.precompiles);
  assert.deepEqual(names, names.toSorted());
  assert.equal(names.length, 10 + 7 + 1 + 2);
  assert.equal(current.precompiles["P256VERIFY"], `0x${"100".padStart(40, "0")}`);
  assert.equal(current.precompiles["BLS12_MAP_FP2_TO_G2"], `0x${"11".padStart(40, "0")}`);
  const { forkId: id, precompiles: _, ...rest } = current;
  assert.match(id, /^0x[0-9a-f]{8}$/);
  assert.deepEqual(rest, {
    activationTime: Number(OSAKA),
    blobSchedule: { baseFeeUpdateFraction: 3_338_477, max: 0, target: 0 },
    chainId: "0xe0301",
    systemContracts: { HISTORY_STORAGE_ADDRESS: "0x0000f90827f1c53a10cb7a02335b175320002935" },
  });
});

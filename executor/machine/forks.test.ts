import assert from "node:assert/strict";
import test from "node:test";
import { accountOf, authorize, funded, openChain, sign } from "../chain/chain.fixture.ts";
import { createGenesis } from "../chain/genesis.ts";
import { type Bytes, type Hex, toHex, uintBE } from "../foundation/bytes.ts";
import { encodeDeposit } from "../protocol/envelope.ts";
import { type Fork, includes } from "../protocol/forks.ts";
import { DEVNET_PARAMETERS } from "../protocol/parameters.ts";
import { compareUnits, deriveBatches, MEDIA, SLOT, TIME } from "./machine.fixture.ts";

const at = (address: number): Hex => toHex(uintBE(address, 20));
/** Calls an address with 64 zero bytes, and stores the length of what came back. */
const asking = (target: number): Hex => `0x5f5f60405f5f61${target.toString(16).padStart(4, "0")}5af1503d5f5500`;
const [COUNT_ZEROS, ASK_BLS, ASK_P256] = [0x1000, 0x1001, 0x1002];
const CODES: Readonly<Record<number, Hex>> = {
  // Stores CLZ(1).
  [COUNT_ZEROS]: "0x60011e5f5500",
  // The map of a field element to the curve.
  [ASK_BLS]: asking(0x10),
  [ASK_P256]: asking(0x100),
};
const DATA: Hex = `0x${"11".repeat(1_000)}`;

/** Envelopes that a fork takes otherwise than the one before it; what is a transaction, and its status, by its rules. */
const createBlocks = () => {
  const nonces: number[] = [];
  let authority = 0;
  const next = (from: number, isIncluded: boolean): number => {
    const nonce = nonces[from] ?? 0;
    if (isIncluded) nonces[from] = nonce + 1;
    return nonce;
  };
  return async (fork: Fork): Promise<{ readonly envelopes: readonly Bytes[]; readonly statuses: string }> => {
    const isPrague = includes(fork, "prague");
    const envelopes: Bytes[] = [];
    for (const to of [COUNT_ZEROS, ASK_BLS, ASK_P256])
      envelopes.push(await sign({ nonce: next(0, true), to: at(to), gas: 200_000n }));
    // Pays for what its bytes took before EIP-7623.
    envelopes.push(await sign({ from: 1, nonce: next(1, !isPrague), to: at(0x77), data: DATA, gas: 60_999n }));
    const authorizationList = [
      await authorize(3, { address: at(COUNT_ZEROS), nonce: isPrague ? authority++ : authority }),
    ];
    const delegating = {
      from: 2,
      nonce: next(2, isPrague),
      to: accountOf(3).address,
      gas: 200_000n,
      authorizationList,
    };
    envelopes.push(await sign(delegating));
    const isOsaka = includes(fork, "osaka");
    // Whoever calls the account that delegates runs the opcode.
    const statuses = [isOsaka, true, true, isPrague ? undefined : true, isPrague ? isOsaka : undefined];
    return {
      envelopes,
      statuses: statuses.map((ok) => (ok === undefined ? "" : String(Number(ok)))).join(""),
    };
  };
};

const message = (index: number) => ({
  kind: "deposit" as const,
  gas: 200_000n,
  envelope: encodeDeposit({
    sourceHash: toHex(uintBE(index, 32)),
    from: at(0x3000),
    to: at(COUNT_ZEROS),
    mint: 1n,
    value: 0n,
    gas: 200_000n,
    data: new Uint8Array(0),
  }),
});

for (const medium of MEDIA)
  test(`engine and machine go over two forks alike, each in the middle of a batch, in ${medium}`, async () => {
    const forks = { prague: TIME + 5n, osaka: TIME + SLOT + 3n };
    const accounts = Object.entries(CODES).map(([address, code]) => [at(Number(address)), { nonce: 1n, code }]);
    const genesis = createGenesis({ ...DEVNET_PARAMETERS, forks }, { ...funded(4), ...Object.fromEntries(accounts) });
    const chain = await openChain({ genesis });
    const blocksOf = createBlocks();
    const order: readonly Fork[] = ["cancun", "prague", "prague", "osaka", "osaka"];
    const made = [];
    for (const fork of order) made.push(await blocksOf(fork));
    const [a, b, c, d, e] = made.map(({ envelopes }) => envelopes) as [Bytes[], Bytes[], Bytes[], Bytes[], Bytes[]];
    const inbox = await deriveBatches(chain, [
      { blocks: [a, b], after: [4n, 5n], messages: [message(0)] },
      { blocks: [c, d], after: [2n, 3n], messages: [message(1)] },
      { blocks: [e], messages: [message(2)] },
    ]);
    // Of each batch's first block the first is the message.
    const deposits = ["0", "", "0", "", "1"];
    const statuses = order.map((_, i) =>
      chain
        .receipts(BigInt(i + 1))
        ?.map(({ status }) => status)
        .join(""),
    );
    assert.deepEqual(
      statuses,
      made.map(({ statuses }, i) => `${deposits[i]}${statuses}`),
    );
    const { units } = await compareUnits(chain, inbox, medium);
    // Begin, five envelopes and end of each block, the messages, and a skip to the next batch.
    assert.equal(units, 5 * 7 + 3 + 3);
  });

import secp256k1 from "secp256k1";
import { encodeFunctionData, serializeTransaction, toHex } from "viem";
import { digitClassifier, fromHex, type Hex, keccak256 } from "../../executor/index.ts";

/** A generator of numbers in [0, 1): mulberry32. The same seed gives the same numbers. */
export const randomOf = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

export type Sender = { readonly privateKey: Hex; nonce: number };

export type LoadOptions = {
  readonly chainId: number;
  readonly contract: Hex;
  readonly maxFeePerGas: bigint;
  readonly gas: bigint;
  /** Base images of 64 pixels, 0 to 16. */
  readonly images: readonly Uint8Array[];
  readonly seed: number;
};

/**
 * Signed transactions that call `classify`, one after the other. Every image is a scan with eight pixels redrawn, so
 * that no two are equal and nothing can be remembered. Signed natively: the load must not be the bottleneck.
 */
export const createClassifyLoad = ({ chainId, contract, maxFeePerGas, gas, images, seed }: LoadOptions) => {
  const random = randomOf(seed);
  let made = 0;
  const image = (): Uint8Array => {
    const pixels = new Uint8Array(images[made++ % images.length] as Uint8Array);
    for (let i = 0; i < 8; i++) pixels[Math.floor(random() * 64)] = Math.floor(random() * 17);
    return pixels;
  };
  return (sender: Sender): Hex => {
    const transaction = {
      type: "eip1559",
      chainId,
      nonce: sender.nonce++,
      to: contract,
      gas,
      maxFeePerGas,
      // For the data on L1, whose base fee is a gwei or less on a devnet.
      maxPriorityFeePerGas: 5_000_000_000n,
      data: encodeFunctionData({ abi: digitClassifier.abi, functionName: "classify", args: [toHex(image())] }),
    } as const;
    const digest = keccak256(fromHex(serializeTransaction(transaction)));
    const { signature, recid } = secp256k1.ecdsaSign(digest, fromHex(sender.privateKey));
    return serializeTransaction(transaction, {
      r: toHex(signature.slice(0, 32)),
      s: toHex(signature.slice(32)),
      yParity: recid,
    });
  };
};

type Answer = { readonly id: number; readonly result?: unknown; readonly error?: { readonly message: string } };

/** JSON-RPC in batches, straight over fetch. Rejects on the first error. */
export const rpcBatch = async (url: string, calls: readonly (readonly [method: string, params: unknown])[]) => {
  const body = JSON.stringify(calls.map(([method, params], id) => ({ jsonrpc: "2.0", id, method, params })));
  const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
  const answers = (await response.json()) as Answer[];
  return answers
    .toSorted((a, b) => a.id - b.id)
    .map(({ result, error }) => {
      if (error !== undefined) throw new Error(error.message);
      return result;
    });
};

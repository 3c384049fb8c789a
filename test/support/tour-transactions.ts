import { getContractAddress, type LocalAccount } from "viem";
import { type Bytes, concat, fromHex, type Hex, toHex, uintBE } from "../../executor/index.ts";
import {
  assemble,
  callOf,
  type Item,
  initCodeOf,
  OP,
  op,
  storeBytes,
} from "../../executor/machine/bytecode.fixture.ts";

/** Transactions that together take every kind of step a transaction can take, but those of models. */

const popped = (code: Bytes): Bytes => assemble(code, OP.pop);
const times = <Value>(count: number, make: (i: number) => Value): Value[] =>
  Array.from({ length: count }, (_, i) => make(i));

/** Called with anything: writes a slot, answers a word. */
export const ANSWERING = assemble(op(OP.sstore, 0n, 7n), op(OP.mstore, 0n, 42n), op(OP.return, 0n, 32n));
/** Fails whatever it is asked. */
const FAILING = assemble(OP.invalid);
/** Ends itself for its caller. */
const ENDING = op(OP.selfdestruct, OP.caller);

const THREE = new Set([0x08, 0x09]);
const ONE = new Set([0x15, 0x19, 0x1e]);
const arithmetic = concat(
  ...[...times(11, (i) => 0x01 + i), ...times(15, (i) => 0x10 + i)].map((opcode) =>
    popped(
      op(opcode, ...([3n, 2n ** 255n + 77n, 5n].slice(0, ONE.has(opcode) ? 1 : THREE.has(opcode) ? 3 : 2) as Item[])),
    ),
  ),
);

const environment = (about: bigint): Bytes =>
  concat(
    ...[0x30, 0x32, 0x33, 0x34, 0x36, 0x38, 0x3a, 0x3d, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x4a, 0x58]
      .concat(0x59, 0x5a)
      .map((opcode) => popped(assemble(opcode))),
    ...[0x31, 0x3b, 0x3f].map((opcode) => popped(op(opcode, about))),
    ...[0x35, 0x40, 0x49].map((opcode) => popped(op(opcode, 1n))),
  );

const memory = (about: bigint): Bytes =>
  concat(
    op(OP.mstore, 3n, 2n ** 200n),
    op(OP.mstore8, 40n, 5n),
    popped(op(OP.mload, 9n)),
    op(OP.calldatacopy, 64n, 0n, 33n),
    op(OP.codecopy, 96n, 1n, 70n),
    op(OP.extcodecopy, about, 200n, 0n, 33n),
    op(OP.mcopy, 20n, 3n, 50n),
    popped(op(OP.keccak256, 3n, 150n)),
    ...times(5, (topics) => op(OP.log0 + topics, 1n, 40n, ...times(topics, (i) => BigInt(i)))),
  );

const storage = concat(
  op(OP.sstore, 1n, 5n),
  popped(op(OP.sload, 1n)),
  op(OP.sstore, 1n, 0n),
  op(OP.tstore, 2n, 9n),
  popped(op(OP.tload, 2n)),
);

/** DUPs and SWAPs, and both ways of a JUMPI. */
const control = ((): Bytes => {
  const words = assemble(...times(17, (i) => BigInt(i)), ...times(16, (i) => 0x80 + i), ...times(16, (i) => 0x90 + i));
  const head = assemble(words, op(OP.jumpi, 0xffffn, 0n));
  const far = (at: number): Bytes => concat(Uint8Array.of(0x61), uintBE(at, 2));
  const jump = concat(far(head.length + 5), Uint8Array.of(OP.jump, OP.invalid), Uint8Array.of(OP.jumpdest));
  const behind = head.length + jump.length;
  return concat(head, jump, op(OP.jumpi, far(behind + 7), 1n), Uint8Array.of(OP.invalid, OP.jumpdest));
})();

/** Ethereum's: a word of input is enough to take the step, be it a failing one. */
const PRECOMPILES = [...times(17, (i) => BigInt(1 + i)), 0x100n];

const calls = (answering: bigint, failing: bigint): Bytes =>
  concat(
    ...[OP.call, OP.callcode].map((opcode) =>
      popped(callOf(opcode, { to: answering, value: 1n, input: [0n, 4n], output: [0n, 64n] })),
    ),
    ...[OP.delegatecall, OP.staticcall].map((opcode) => popped(callOf(opcode, { to: answering, gas: 50_000n }))),
    popped(callOf(OP.call, { to: answering })),
    op(OP.returndatacopy, 0n, 0n, 32n),
    popped(callOf(OP.call, { to: failing, gas: 500n })),
    ...PRECOMPILES.map((to) =>
      popped(callOf(OP.staticcall, { to, gas: 60_000n, input: [0n, 32n], output: [0n, 32n] })),
    ),
  );

/** Makes an account that writes while it is made, and one that ends in the same transaction. */
const creations = (): Bytes => {
  const writing = assemble(op(OP.sstore, 3n, 4n), storeBytes(ENDING), op(OP.return, 0n, BigInt(ENDING.length)));
  const head = (at: bigint) =>
    assemble(
      op(OP.codecopy, 0n, concat(Uint8Array.of(0x61), uintBE(at, 2)), BigInt(writing.length)),
      popped(op(OP.create2, 0n, 0n, BigInt(writing.length), 5n)),
      popped(callOf(OP.call, { to: op(OP.create, 0n, 0n, BigInt(writing.length)) })),
      OP.stop,
    );
  return concat(head(BigInt(head(0n).length)), writing);
};

const GWEI = 10n ** 9n;

type Making = { readonly to?: Hex; readonly data?: Bytes; readonly gas?: bigint; readonly value?: bigint };

/** Signs one transaction of an account after the other. */
export const createSigner = (
  account: LocalAccount,
  { chainId, nonce = 0 }: { readonly chainId: number; readonly nonce?: number },
) => {
  let next = nonce;
  const fees = { maxFeePerGas: 20n * GWEI, maxPriorityFeePerGas: 2n * GWEI };
  return {
    get nonce() {
      return next;
    },
    async make({ to, data = new Uint8Array(0), gas = 3_000_000n, value = 0n }: Making): Promise<Bytes> {
      const target = to === undefined ? {} : { to };
      const request = { ...target, chainId, nonce: next++, gas, value, data: toHex(data), ...fees };
      return fromHex(await account.signTransaction({ type: "eip1559", ...request }));
    },
    /** With an access list, of the second oldest type. */
    async list(to: Hex): Promise<Bytes> {
      const accessList = [{ address: to, storageKeys: [toHex(uintBE(0, 32))] }];
      const request = { chainId, nonce: next++, gas: 200_000n, gasPrice: 20n * GWEI, to, accessList };
      return fromHex(await account.signTransaction({ type: "eip2930", ...request }));
    },
    /** Another account delegates to a contract, and once in vain. `from`: its nonce. */
    async delegate(to: Hex, by: LocalAccount, from = 0): Promise<Bytes> {
      if (by.signAuthorization === undefined) throw new Error("the account cannot authorize");
      const authorizationList = [
        await by.signAuthorization({ address: to, chainId, nonce: from }),
        await by.signAuthorization({ address: to, chainId, nonce: from + 9 }),
      ];
      const request = { chainId, nonce: next++, gas: 400_000n, to: by.address, authorizationList, ...fees };
      return fromHex(await account.signTransaction({ type: "eip7702", ...request }));
    },
    /** Of the contract that the last transaction made. */
    get made(): Hex {
      return getContractAddress({ from: account.address, nonce: BigInt(next - 1) }).toLowerCase() as Hex;
    },
  };
};
export type Signer = ReturnType<typeof createSigner>;

/** In the order in which they must come. `delegator` has sent nothing and delegated nothing before. */
export const tourTransactions = async (signer: Signer, delegator: LocalAccount): Promise<readonly Bytes[]> => {
  const envelopes = [await signer.make({ data: initCodeOf(ANSWERING) })];
  const { made: answering } = signer;
  envelopes.push(await signer.make({ data: initCodeOf(FAILING) }));
  const { made: failing } = signer;
  envelopes.push(await signer.list(answering), await signer.delegate(answering, delegator));
  for (const making of [
    { data: arithmetic },
    { data: environment(BigInt(answering)) },
    { data: memory(BigInt(answering)) },
    { data: storage },
    { data: control },
    { data: calls(BigInt(answering), BigInt(failing)), value: 10n },
    { data: creations() },
    { data: op(OP.revert, 0n, 40n) },
    { to: answering, data: new Uint8Array(100).fill(0xee) },
  ])
    envelopes.push(await signer.make(making));
  return envelopes;
};

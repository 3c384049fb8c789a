import assert from "node:assert/strict";
import { after, test } from "node:test";
import { BaseError, ContractFunctionRevertedError, encodeDeployData, encodeFunctionData } from "viem";
import { type Creation, keccakF, stepCreations } from "../../bridge/index.ts";
import {
  ADDRESS,
  type Bytes,
  concat,
  DEVNET_PARAMETERS,
  type ForkSchedule,
  type Hex,
  toHex,
  uintBE,
} from "../../executor/index.ts";
import { loadPrecompiles } from "../../executor/machine/precompiles.ts";
import { absorb } from "../../executor/machine/state/sponge.ts";
import { openTransaction, setupOf } from "../../executor/machine/transaction.fixture.ts";
import { fuzzEvidence, fuzzSteps } from "../fuzz/steps.ts";
import { startAnvil } from "../support/anvil.ts";
import { randomNativeCall, randomPrecompileCall, randomRefusedCall } from "../support/random-native.ts";
import { createRandom } from "../support/random-program.ts";
import { startHarness } from "../support/solidity.ts";
import { stepsOf, type Taken } from "./collect.ts";
import { devnetAt, NOBODY } from "./contracts.ts";
import { startVerifier } from "./verifier.ts";

const PRECOMPILES = `
import {Precompiles} from "bridge/contracts/steps/Precompiles.sol";
contract Prices {
  function priceOf(uint256 number, bytes calldata input) external pure returns (bool valid, uint256 price, uint256 output) {
    return Precompiles.priceOf(number, input);
  }
  function permute(bytes memory creation, bytes calldata sponge) external returns (bytes memory) {
    address made;
    assembly { made := create(0, add(creation, 32), mload(creation)) }
    (bool done, bytes memory permuted) = made.staticcall(sponge);
    require(done);
    return permuted;
  }
}`;

type Price = readonly [valid: boolean, gas: bigint, output: bigint];
const MOST = 8_000_000n;

const creationFor = (forks: ForkSchedule): Creation => {
  const rules = { inbox: NOBODY, keccakF: NOBODY, parameters: { ...DEVNET_PARAMETERS, forks } };
  return new Map(stepCreations(rules)).get("precompiles") as Creation;
};
const { abi } = creationFor({});

const verifier = startVerifier({ after: (end: () => unknown) => after(() => void end()) }, devnetAt);
const harness = startHarness("Prices", PRECOMPILES);

/** What the contract charges, and what the chain does. */
const pricesOf = async (address: number, input: Bytes): Promise<readonly [unknown, unknown]> => {
  const answer = (await precompiles).get(address)?.(input, MOST);
  const priced = await (await harness).call<Price>("priceOf", [BigInt(address), toHex(input)]);
  assert.ok("result" in priced);
  const [valid, gas, output] = priced.result;
  const theirs = valid && gas <= MOST ? { gas, output: Number(output) } : undefined;
  return [theirs, answer && { gas: answer.gas, output: answer.output.length }];
};
const precompiles = loadPrecompiles();

test("a precompile's price is the chain's at every number of points, and for any exponent", async () => {
  for (const [address, size, most] of [
    [8, 192, 200],
    [12, 160, 130],
    [14, 288, 130],
    [15, 384, 20],
  ] as const)
    for (let count = 0; count <= most; count += count < 130 && size !== 192 ? 1 : 10) {
      const [ours, theirs] = await pricesOf(address, new Uint8Array(count * size));
      assert.deepEqual(ours, theirs, `${count} of ${address}`);
    }
  const random = createRandom(3);
  for (let i = 0; i < 60; i++) {
    const lengths = [0, 1, 2].map(() => random.pick([0, 1, 31, 32, 33, 40, 64, 1025]));
    const body = Uint8Array.from({ length: random.below(140) }, () => random.below(random.pick([2, 256])));
    const [ours, theirs] = await pricesOf(5, concat(...lengths.map((length) => uintBE(length, 32)), body));
    assert.deepEqual(ours, theirs, `modexp of ${lengths}`);
  }
});

test("one permutation of any sponge is the machine's", async () => {
  const random = createRandom(5);
  for (let i = 0; i < 8; i++) {
    const sponge = Uint8Array.from({ length: 200 }, () => (i === 0 ? 0 : random.below(256)));
    const permuted = await (await harness).call<Hex>("permute", [keccakF.bytecode, toHex(sponge)]);
    assert.ok("result" in permuted);
    assert.equal(permuted.result, toHex(absorb(sponge, new Uint8Array(136))));
  }
});

const INFER_STEP = `phase 8 ${ADDRESS.infer.slice(2)}`;

test("calls of precompiles and models: the machine's next hash, and none for changed evidence", async () => {
  const { findings, steps, mutants, kinds } = await fuzzSteps(await verifier, {
    transactions: 14,
    seed: 21,
    mutants: 2,
    open: randomNativeCall,
  });
  assert.deepEqual(findings, []);
  assert.equal(mutants, 2 * steps);
  for (const kind of [INFER_STEP, `${INFER_STEP} halt`]) assert.ok(kinds.has(kind), `${kind} of ${[...kinds.keys()]}`);
});

test("no byte of a precompile's evidence may be another, none be missing, none be too many", async () => {
  const { findings, mutants } = await fuzzEvidence(await verifier, {
    transactions: 3,
    seed: 21,
    open: randomNativeCall,
  });
  assert.deepEqual(findings, []);
  assert.ok(mutants > 5_000, `${mutants} mutants`);
});

test("a refused inference: the machine's reason and gas, and no other evidence", async () => {
  const given = { seed: 90, open: randomRefusedCall };
  const { findings, steps, mutants, kinds } = await fuzzSteps(await verifier, {
    ...given,
    transactions: 40,
    mutants: 1,
  });
  assert.deepEqual(findings, []);
  assert.equal(mutants, steps);
  const call = `phase 8 ${ADDRESS.infer.slice(2)}`;
  for (const [kind, count] of [
    [call, 20],
    [`${call} halt`, 4],
  ] as const)
    assert.ok((kinds.get(kind) ?? 0) >= count, `${kind}: ${kinds.get(kind)}`);
  const bytewise = await fuzzEvidence(await verifier, { ...given, transactions: 3 });
  assert.deepEqual(bytewise.findings, []);
  assert.ok(bytewise.mutants > 1_000, `${bytewise.mutants} mutants`);
});

/** The first step of each kind of some calls of precompiles. */
const kindsOf = async (transactions: number, wanted: RegExp): Promise<readonly Taken[]> => {
  const found = new Map<string, Taken>();
  for (let seed = 0; seed < transactions; seed++) {
    const { machine, sources } = await randomPrecompileCall(createRandom(seed));
    for (const step of stepsOf(machine, new Map(), sources))
      if (wanted.test(step.what) && !found.has(step.what)) found.set(step.what, step);
  }
  return [...found.values()];
};

test("short of gas a step reverts, and is never taken for one that fails", async () => {
  const { client, addresses } = await verifier;
  const steps = await kindsOf(25, /^phase (7 kind 7|8 (?!4)\w+)$/);
  assert.ok(steps.length > 8, `${steps.length} kinds`);
  const outcomes = { right: 0, none: 0 };
  for (const { verifier, pre, post, evidence, what } of steps)
    for (let gas = 60_000n; gas < 12_000_000n; gas *= 2n) {
      const given = { address: addresses[verifier] as Hex, abi, functionName: "step", gas };
      const answer = await client.readContract({ ...given, args: [toHex(pre), toHex(evidence)] }).catch((error) => {
        if (error instanceof BaseError) return undefined;
        throw error;
      });
      if (answer !== undefined) assert.equal(answer, toHex(post), `${what} with ${gas} gas`);
      outcomes[answer === undefined ? "none" : "right"]++;
    }
  assert.ok(outcomes.right > 10 && outcomes.none > 10, JSON.stringify(outcomes));
});

test("an L1 that lacks a precompile of the chain's forks takes no such contract", async (t) => {
  const l1 = await startAnvil(t, "--hardfork", "prague");
  const deploy = async (forks: ForkSchedule): Promise<string | undefined> => {
    const data = encodeDeployData(creationFor(forks));
    const failure = await l1.client.call({ data }).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (failure === undefined) return undefined;
    assert.ok(failure instanceof BaseError);
    return failure.walk((one) => one instanceof ContractFunctionRevertedError)?.message ?? failure.details;
  };
  assert.equal(await deploy({ prague: 0n }), undefined);
  assert.ok(await deploy({ osaka: 0n }));
  assert.ok(await deploy({ osaka: 2n ** 40n }), "what is scheduled must be there");
});

/** Of BLS12-381. */
const pairOf = async (): Promise<Bytes> => {
  const mapped = async (address: number, size: number): Promise<Bytes> => {
    const element = new Uint8Array(size);
    element[63] = 3;
    return (await precompiles).get(address)?.(element, MOST)?.output ?? new Uint8Array(0);
  };
  return concat(await mapped(0x10, 64), await mapped(0x11, 128));
};

/** Pairs in the longest input. */
const MOST_PAIRS = 170;
/** Of a proof, and of what it shows. */
const PROOF_GAS = 15_000_000n;
const EVIDENCE_BYTES = 120_000;

test("the longest input of the dearest precompile, which fails at its end, fits a proof", async (t) => {
  const { client, addresses } = await verifier;
  const pair = await pairOf();
  const data = concat(...Array.from({ length: MOST_PAIRS }, () => pair));
  // Not on the curve.
  data[data.length - 1] = (data[data.length - 1] as number) ^ 1;
  const setup = await setupOf({ accounts: {}, gas: 60_000_000, to: toHex(uintBE(0x0f, 20)), data });
  const step = [...stepsOf(openTransaction(setup), new Map())].find(({ what }) => what === "phase 8 f halt");
  assert.ok(step !== undefined && step.evidence.length < EVIDENCE_BYTES);
  const args = [toHex(step.pre), toHex(step.evidence)];
  const call = { abi, functionName: "step", args };
  const gas = await client.estimateGas({ to: addresses[step.verifier] as Hex, data: encodeFunctionData(call) });
  t.diagnostic(`${step.evidence.length} bytes, ${gas} gas`);
  assert.ok(gas < PROOF_GAS, `${gas} gas`);
});

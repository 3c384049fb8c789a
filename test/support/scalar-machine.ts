import { decodeFunctionResult, encodeFunctionData, toFunctionSelector } from "viem";
import {
  type Bytes,
  DTYPES,
  type Dtype,
  fromHex,
  type Hex,
  type Instruction,
  packTensor,
  toHex,
  unpackTensor,
} from "../../executor/index.ts";
import { startAnvil } from "./anvil.ts";
import { compileHarness } from "./solidity.ts";

/** MAP bodies on ScalarMachine and Elements, many rows of operands in one call. */

/** A body, the dtypes of its operands and of its element. */
export type ScalarProgram = {
  readonly instructions: readonly Instruction[];
  readonly operands: readonly Dtype[];
  readonly dtype: Dtype;
};

type Types = Pick<ScalarProgram, "operands" | "dtype">;
type Ends = { after(end: () => unknown): void };

/** The element, or the name of the error with which its computation ends. */
export type Outcome = number | string;

const ERRORS = ["BadBody", "IntegerTooLarge", "NotFinite", "OutsideDomain", "OutsideDtype", "UnknownDtype"] as const;
const NAMES = new Map<string, string>(ERRORS.map((name) => [toFunctionSelector(`${name}()`), name]));

/** Bytes of an operand and of an element in a row, right-aligned. */
const FIELD = 8;
/** An outcome: the error's selector or zeros, and the element. */
const OUTCOME = 4 + FIELD;
/** Of one call. */
const ROWS = 4_000;
const GAS = 10_000_000_000n;
const ADDRESS: Hex = `0x${"77".repeat(20)}`;

const SOURCE = `
import {Binary32} from "bridge/contracts/libraries/Binary32.sol";
import {Elements} from "bridge/contracts/libraries/Elements.sol";
import {ScalarMachine} from "bridge/contracts/libraries/ScalarMachine.sol";
contract Harness {
    function all(bytes calldata dtypes, bytes calldata body, bytes calldata rows) external view returns (bytes memory outcomes) {
        uint256 width = 8 * (dtypes.length - 1);
        uint256 count = rows.length / width;
        // An outcome is written as a word, of which the next one covers the rest.
        outcomes = new bytes(12 * count + 20);
        for (uint256 i; i < count; ++i) {
            bytes32 outcome;
            try this.element(dtypes, body, rows[i * width:(i + 1) * width]) returns (uint256 packed) {
                outcome = bytes32(packed << 160);
            } catch (bytes memory reason) {
                outcome = bytes32(bytes4(reason));
            }
            assembly ("memory-safe") {
                mstore(add(add(outcomes, 32), mul(12, i)), outcome)
            }
        }
        assembly ("memory-safe") {
            mstore(outcomes, mul(12, count))
        }
    }
    function element(bytes calldata dtypes, bytes calldata body, bytes calldata row) external pure returns (uint256) {
        (uint256[] memory operands, uint256 floats) = load(dtypes, row);
        return ScalarMachine.element(body, operands, floats, uint8(dtypes[dtypes.length - 1]));
    }
    function gasOf(bytes calldata dtypes, bytes calldata body, bytes calldata row) external view returns (uint256 gas) {
        (uint256[] memory operands, uint256 floats) = load(dtypes, row);
        gas = gasleft();
        ScalarMachine.run(body, operands, floats);
        gas -= gasleft();
    }
    function gasOfDivision(uint256 a, uint256 b) external view returns (uint256 gas) {
        gas = gasleft();
        uint256 quotient = Binary32.div(a, b);
        gas -= gasleft();
        require(quotient != 0);
    }
    function load(bytes calldata dtypes, bytes calldata row) private pure returns (uint256[] memory operands, uint256 floats) {
        operands = new uint256[](dtypes.length - 1);
        for (uint256 j; j < operands.length; ++j) {
            uint256 dtype = uint8(dtypes[j]);
            operands[j] = Elements.decode(dtype, uint64(bytes8(row[8 * j:8 * j + 8])));
            if (dtype == Elements.F32) floats |= 1 << j;
        }
    }
}`;

/** The record's bytes of a body. */
export const bodyOf = (instructions: readonly Instruction[]): Bytes => {
  const view = new DataView(new ArrayBuffer(1 + 8 * instructions.length));
  view.setUint8(0, instructions.length);
  for (const [i, { op, a, b, c, imm }] of instructions.entries()) {
    for (const [j, byte] of [op, a, b, c].entries()) view.setUint8(1 + 8 * i + j, byte);
    view.setUint32(5 + 8 * i, imm);
  }
  return new Uint8Array(view.buffer);
};

/** Codes of the operands' dtypes and of the element's. */
export const dtypesOf = ({ operands, dtype }: Types): Bytes =>
  Uint8Array.from([...operands, dtype].map((each) => DTYPES[each].code));

/** For each operand of each row eight bytes, at whose end it lies packed. */
export const rowsOf = (operands: readonly Dtype[], rows: readonly (readonly number[])[]): Bytes => {
  const out = new Uint8Array(FIELD * operands.length * rows.length);
  for (const [j, dtype] of operands.entries()) {
    const size = DTYPES[dtype].bytes;
    const packed = packTensor(
      dtype,
      rows.map((row) => row[j] as number),
    );
    for (let i = 0; i < rows.length; i++)
      out.set(packed.subarray(size * i, size * (i + 1)), FIELD * (operands.length * i + j + 1) - size);
  }
  return out;
};

const DTYPE_OF_CODE = new Map<number, Dtype>(
  (Object.keys(DTYPES) as Dtype[]).map((dtype) => [DTYPES[dtype].code, dtype]),
);

const outcomeOf = (code: number, bytes: Bytes): Outcome => {
  const selector = toHex(bytes.subarray(0, 4));
  if (selector !== "0x00000000") return NAMES.get(selector) ?? selector;
  const dtype = DTYPE_OF_CODE.get(code);
  if (dtype === undefined) return `an element of dtype ${code}`;
  return unpackTensor(dtype, 1, bytes.subarray(OUTCOME - DTYPES[dtype].bytes))[0] as number;
};

/** The libraries on an L1 of their own. */
export const startScalarMachine = async (t: Ends) => {
  const { abi, code } = compileHarness("Harness", SOURCE);
  const { control } = await startAnvil(t as never, "--gas-limit", String(GAS));
  await control.setCode({ address: ADDRESS, bytecode: code });

  const call = async <T>(functionName: string, args: readonly unknown[]): Promise<T> => {
    const { data } = await control.call({
      to: ADDRESS,
      data: encodeFunctionData({ abi, functionName, args }),
      gas: GAS,
    });
    return decodeFunctionResult({ abi, functionName, data: data as Hex }) as T;
  };

  const outcomesOfBytes = async (dtypes: Bytes, body: Bytes, rows: Bytes): Promise<Outcome[]> => {
    const found = fromHex(await call<Hex>("all", [dtypes, body, rows].map(toHex)));
    return Array.from({ length: found.length / OUTCOME }, (_, i) =>
      outcomeOf(dtypes[dtypes.length - 1] as number, found.subarray(OUTCOME * i, OUTCOME * (i + 1))),
    );
  };

  return {
    /** The same of bytes, whatever they are: those of `dtypesOf`, `bodyOf` and `rowsOf`. */
    outcomesOfBytes,

    /** What becomes of each row of operands. */
    async outcomesOf(program: ScalarProgram, rows: readonly (readonly number[])[]): Promise<readonly Outcome[]> {
      const outcomes: Outcome[] = [];
      for (let from = 0; from < rows.length; from += ROWS) {
        const part = rowsOf(program.operands, rows.slice(from, from + ROWS));
        outcomes.push(...(await outcomesOfBytes(dtypesOf(program), bodyOf(program.instructions), part)));
      }
      return outcomes;
    },

    /** Gas of running a body over decoded operands. */
    async gasOf(program: ScalarProgram, row: readonly number[]): Promise<number> {
      const parts = [dtypesOf(program), bodyOf(program.instructions), rowsOf(program.operands, [row])];
      return Number(await call<bigint>("gasOf", parts.map(toHex)));
    },

    /** Gas of one division of binary32 bits, the dispatch apart. */
    gasOfDivision: async (a: number, b: number): Promise<number> =>
      Number(await call<bigint>("gasOfDivision", [BigInt(a), BigInt(b)])),
  };
};
export type ScalarMachine = Awaited<ReturnType<typeof startScalarMachine>>;

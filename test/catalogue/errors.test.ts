import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import type { Abi } from "viem";
import { toFunctionSelector } from "viem";
import * as l1 from "../../bridge/contracts/contracts.gen.ts";
import * as predeploys from "../../executor/genesis/predeploys.gen.ts";
import { type ContractError, readContractErrors } from "./contract-errors.ts";
import { readErrorCodes } from "./error-codes.ts";
import { ERRORS, problemsOf } from "./errors.ts";
import { ROOT, written } from "./page.ts";

test("the catalogue of errors in the repository is the one that the sources make", async () => {
  assert.equal(written(ERRORS), await ERRORS.make(), `run ${ERRORS.command}`);
});

test("each code is described once, declared where it is made, and made where it is declared", () => {
  assert.deepEqual(problemsOf(readErrorCodes(ROOT), readContractErrors()), []);
});

test("every error that a compiled contract can revert with is in the catalogue", () => {
  const known = new Set(readContractErrors().map(({ selector }) => selector));
  const { digitClassifier: _sample, ...own } = predeploys;
  for (const [contract, { abi }] of Object.entries({ ...l1, ...own }))
    for (const item of abi as Abi)
      if (item.type === "error") {
        const signature = `${item.name}(${item.inputs.map(({ type }) => type).join(",")})`;
        assert.ok(known.has(toFunctionSelector(signature)), `${signature} of ${contract}`);
      }
});

const PLANTED = `
class CodedError<Code extends string = string> extends Error {
  readonly code: Code;
  constructor(code: Code) { super(); this.code = code; }
}
export type FirstErrorCode =
  /** What is said of it. */
  | "DESCRIBED"
  | "UNDESCRIBED"
  /** Said here. */
  | "SHARED"
  /** Nobody makes it. */
  | "UNMADE"
  | "NotOfAContract"
  | "OfAContract";
/** Said there. */
export type SecondErrorCode = "SHARED";
const fault = (code: FirstErrorCode) => new CodedError(code);
export const undeclared = () => new CodedError("UNDECLARED");
export const either = (first: boolean) => new CodedError(first ? "DESCRIBED" : "ALSO_UNDECLARED");
export const any = (code: string) => new CodedError(code);
export const known = ["UNDESCRIBED", "SHARED", "NotOfAContract", "OfAContract"].map((code) => fault(code as FirstErrorCode));
`;

test("a code that nothing describes, two that are described differently, and one of no union are found", (t) => {
  const root = mkdtempSync(path.join(tmpdir(), "assay-codes-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(path.join(root, "executor"));
  writeFileSync(path.join(root, "tsconfig.json"), '{"compilerOptions":{"strict":true},"include":["executor"]}');
  writeFileSync(path.join(root, "executor/planted.ts"), PLANTED);
  writeFileSync(path.join(root, "executor/planted.test.ts"), PLANTED);
  const contract: ContractError = {
    name: "OfAContract",
    signature: "OfAContract()",
    selector: "0x00000000",
    doc: "",
    file: "planted.sol",
  };
  const contracts = [contract, { ...contract, doc: "Said elsewhere.", file: "other.sol" }];
  assert.deepEqual(problemsOf(readErrorCodes(root), contracts), [
    "UNDESCRIBED in executor/planted.ts has no line that says what it is",
    "OfAContract() in planted.sol has no line that says what it is",
    "NotOfAContract in executor/planted.ts is no error of a contract",
    "UNDECLARED, made at executor/planted.ts:19, is in no union of codes",
    "ALSO_UNDECLARED, made at executor/planted.ts:20, is in no union of codes",
    "the error made at executor/planted.ts:21 can have any code",
    "UNMADE in executor/planted.ts is made by nothing",
    "SHARED is described differently in executor/planted.ts, executor/planted.ts",
    "OfAContract() is described differently in planted.sol, other.sol",
  ]);
});

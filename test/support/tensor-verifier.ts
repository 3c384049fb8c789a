import { decodeErrorResult, encodeFunctionData, type Hex } from "viem";
import { tensorStepVerifier } from "../../bridge/index.ts";
import { account, startAnvil } from "./anvil.ts";
import { argumentsOf, type Claim } from "./inference-proof.ts";

/** Errors of the libraries below the verifier. */
const ERRORS = [
  "BadEvidence()",
  "BadBody()",
  "IntegerTooLarge()",
  "NotFinite()",
  "OutsideDomain()",
  "UnknownDtype()",
  "OutsideDtype()",
].map((signature) => ({ type: "error", name: signature.slice(0, -2), inputs: [] }) as const);

type Answer = {
  readonly id: number;
  readonly result?: Hex;
  readonly error?: { readonly message: string; readonly data?: Hex };
};

/** Less than an L1 transaction may have: 15,000,000. */
const MOST_GAS = "0xe4e1c0";

/** The hash that the contract computes, or the name of the error with which it ends. */
export type Verdict = { readonly post: Hex } | { readonly error: string };

const errorOf = ({ message, data }: NonNullable<Answer["error"]>): string => {
  if (data === undefined || data === "0x") return message;
  return decodeErrorResult({ abi: ERRORS, data }).errorName;
};

/** The contract on an L1 of its own; many proofs in one request. */
export const startVerifier = async (t: Parameters<typeof startAnvil>[0], ...options: readonly string[]) => {
  const l1 = await startAnvil(t, "--no-request-size-limit", ...options);
  const wallet = l1.wallet(0);
  const hash = await wallet.deployContract({ ...tensorStepVerifier, account: account(0), chain: wallet.chain });
  const { contractAddress } = await l1.client.waitForTransactionReceipt({ hash });
  const to = contractAddress as Hex;
  const dataOf = (claim: Claim): Hex =>
    encodeFunctionData({ abi: tensorStepVerifier.abi, functionName: "elementOf", args: argumentsOf(claim) });
  return {
    l1,
    to,
    dataOf,
    async verify(claims: readonly Claim[]): Promise<readonly Verdict[]> {
      const calls = claims.map((claim, id) => ({
        jsonrpc: "2.0",
        id,
        method: "eth_call",
        params: [{ to, data: dataOf(claim), gas: MOST_GAS }, "latest"],
      }));
      const response = await fetch(l1.url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(calls),
      });
      const answers = (await response.json()) as Answer[];
      const verdicts: Verdict[] = [];
      for (const { id, result, error } of answers)
        verdicts[id] = result === undefined ? { error: errorOf(error ?? { message: "no answer" }) } : { post: result };
      return verdicts;
    },
  };
};
export type TensorVerifier = Awaited<ReturnType<typeof startVerifier>>;

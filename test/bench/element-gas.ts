import type { Hex } from "viem";
import { account } from "../support/anvil.ts";
import { elementCases } from "../support/element-cases.ts";
import { provenCall } from "../support/inference-proof.ts";
import { startVerifier } from "../support/tensor-verifier.ts";

const bytesIn = (data: Hex): { readonly zero: number; readonly other: number } => {
  const bytes = Buffer.from(data.slice(2), "hex");
  const zero = bytes.filter((byte) => byte === 0).length;
  return { zero, other: bytes.length - zero };
};

/** L1 gas of the proof of one element: of the whole transaction, and of what the contract does. */
export const benchElementGas = async (print: (line: string) => void): Promise<void> => {
  const ends: (() => unknown)[] = [];
  const verifier = await startVerifier({ after: (end) => void ends.push(end as () => unknown) });
  try {
    const wallet = verifier.l1.wallet(0);
    for (const { name, program, input, operator, position } of elementCases()) {
      const claim = provenCall(program, input, 13).prove(operator, position);
      const data = verifier.dataOf(claim);
      const [verdict] = await verifier.verify([claim]);
      if (verdict === undefined || "error" in verdict) throw new Error(`${name}: ${verdict?.error}`);
      const sent = { to: verifier.to, data, gas: 16_777_216n, account: account(0), chain: wallet.chain };
      const hash = await wallet.sendTransaction(sent);
      const { gasUsed, status } = await verifier.l1.client.waitForTransactionReceipt({ hash });
      if (status !== "success") throw new Error(`${name}: ${status}`);
      const { zero, other } = bytesIn(data);
      // EIP-7623: at least 10 for a zero byte and 40 for another.
      const least = 21_000 + 10 * zero + 40 * other;
      const contract = Number(gasUsed) > least ? String(Number(gasUsed) - 21_000 - 4 * zero - 16 * other) : "floor";
      print(
        `  ${name.padEnd(40)} ${String(gasUsed).padStart(8)} gas   ${String(zero + other).padStart(6)} bytes   contract ${contract.padStart(8)}`,
      );
    }
  } finally {
    for (const end of ends) await end();
  }
};

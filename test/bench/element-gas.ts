import { account } from "../support/anvil.ts";
import { elementCases } from "../support/element-cases.ts";
import { provenCall } from "../support/inference-proof.ts";
import { startVerifier } from "../support/tensor-verifier.ts";
import type { GasRow, GasSection } from "./gas-table.ts";

/** What a transaction may have on L1. */
const TRANSACTION_GAS = 16_777_216n;

/** L1 gas of the proof of one element. */
export const elementGas = async (): Promise<GasSection> => {
  const ends: (() => unknown)[] = [];
  try {
    const verifier = await startVerifier({ after: (end) => void ends.push(end as () => unknown) });
    const wallet = verifier.l1.wallet(0);
    const rows: GasRow[] = [];
    for (const { name, program, input, operator, position } of elementCases()) {
      const data = verifier.dataOf(provenCall(program, input, 13).prove(operator, position));
      const sent = { to: verifier.to, data, gas: TRANSACTION_GAS, account: account(0), chain: wallet.chain };
      const hash = await wallet.sendTransaction(sent);
      const { gasUsed, status } = await verifier.l1.client.waitForTransactionReceipt({ hash });
      if (status !== "success") throw new Error(`${name}: ${status}`);
      rows.push({ what: name, gas: gasUsed, bytes: data.length / 2 - 1 });
    }
    return {
      title: "One tensor element",
      about:
        "`TensorStepVerifier.elementOf` alone, with the preimages of machine and program, the operands' roots and the words. Tensors are small: each doubling of one adds a sibling of 32 bytes.",
      rows,
    };
  } finally {
    for (const end of ends) await end();
  }
};

import { account } from "../support/anvil.ts";
import { type ElementCase, elementCases } from "../support/element-cases.ts";
import { provenCall } from "../support/inference-proof.ts";
import { TRANSACTION_GAS } from "../support/l1-replay.ts";
import { startVerifier } from "../support/tensor-verifier.ts";
import { type GasSection, type SentRow, withGas } from "./gas-table.ts";

/** L1 gas of the proof of one element of each. */
export const elementGas = async (cases: readonly ElementCase[] = elementCases()): Promise<GasSection> => {
  const ends: (() => unknown)[] = [];
  try {
    const verifier = await startVerifier({ after: (end) => void ends.push(end as () => unknown) });
    const wallet = verifier.l1.wallet(0);
    const rows: SentRow[] = [];
    for (const { name, program, input, operator, position } of cases) {
      const data = verifier.dataOf(provenCall(program, input, 13).prove(operator, position));
      const sent = { to: verifier.to, data, gas: TRANSACTION_GAS, account: account(0), chain: wallet.chain };
      const hash = await wallet.sendTransaction(sent);
      const { status } = await verifier.l1.client.waitForTransactionReceipt({ hash });
      if (status !== "success") throw new Error(`${name}: ${status}`);
      rows.push({ what: name, hash, bytes: data.length / 2 - 1 });
    }
    return {
      title: "One tensor element",
      about:
        "`TensorStepVerifier.elementOf` alone, with the preimages of machine and program, the operands' roots and the words. Tensors are small: each doubling of one adds a sibling of 32 bytes.",
      rows: await withGas(verifier.l1.client, rows),
    };
  } finally {
    for (const end of ends) await end();
  }
};

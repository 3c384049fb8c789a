import { size } from "viem";
import { opening } from "../support/board.ts";
import { ALICE, CAROL, createDispute, type Dispute, MALLORY, type Move, WRONG_NUMBER } from "../support/dispute.ts";
import { descendTo, linkOf } from "../support/fronts.ts";
import { type GasRow, type GasSection, type SentRow, withGas } from "./gas-table.ts";

const UNIT = 2;
const OPERATOR = 1;
const ELEMENT = 8;
/** Two new slots are the most of it, under the next fork three quarters. */
const MOST_OF_OPENING = { osaka: 110_000n, amsterdam: 270_000n };

/** Each kind of move on the board. What the rules themselves take is that of a toy. */
export const boardRows = async (b: Dispute): Promise<readonly GasRow[]> => {
  let sent: SentRow[] = [];
  const row = async (what: string, move: Move, more: Partial<SentRow> & { readonly from?: number } = {}) => {
    const { from = CAROL, ...rest } = more;
    const { hash } = await b.play(from, move);
    sent.push({ what, hash, bytes: size(b.encode(move)), ...rest });
  };
  const opened = { most: MOST_OF_OPENING };
  const fresh = await b.l1.snapshot();
  const [right, wrong] = [b.chain(), b.wrongChain(UNIT)];
  await b.play(ALICE, b.propose(right));
  await b.play(MALLORY, b.propose(wrong, WRONG_NUMBER));
  await row("open, before the rival", opening(right, 2, 0), opened);
  await row("open, after the rival", opening(wrong, 2, 0), opened);
  for (const side of [right, wrong]) await b.play(CAROL, opening(side, 1, 1));
  const sub = b.execution(right, UNIT, b.toy.leaves.execution(UNIT));
  await row("refine", b.refine(right, UNIT, sub.tree, b.toy.evidence.chain(UNIT)), { from: ALICE });
  await b.l1.mine(1);
  await row("update of a leaf", b.update(right, 0, UNIT, linkOf(b, sub)));
  await row("update of a node", b.update(right, 1, 1));
  const rows = await withGas(b.l1.client, sent);
  await b.l1.revert(fresh);

  sent = [];
  const { inference, tensor } = await descendTo(b, UNIT, OPERATOR, ELEMENT);
  const evidence = b.toy.evidence.inference(UNIT);
  await row("proof of an element", b.proveElement(tensor.right, ELEMENT, inference.right, OPERATOR, evidence));
  await b.l1.mine(1);
  await row("update of a word", b.update(tensor.right, 3, 1));
  return [...rows, ...(await withGas(b.l1.client, sent))];
};

/** What a dispute costs on L1 beside its steps. */
export const boardGas = async (): Promise<GasSection> => {
  const ends: (() => unknown)[] = [];
  try {
    return {
      title: "The board of a dispute",
      about:
        "Whole transactions, their base and calldata among it; in a multicall each is that much cheaper. The rules of leaves are a toy's: what a proof takes is in the other tables.",
      rows: await boardRows(await createDispute({ after: (end) => void ends.push(end as () => unknown) })),
    };
  } finally {
    for (const end of ends) await end();
  }
};

import { concat, type Hex, toHex, uintBE } from "../../executor/index.ts";
import { edgeAt, opening, type Placed, partOf, shownBelow, witnessAt } from "./board.ts";
import type { Dispute, Move } from "./dispute.ts";
import { type descendTo, type Front, linkOf, rootOf } from "./fronts.ts";

type Case = readonly [why: string, move: Move, error: string];

const hash = (seed: number): Hex => toHex(uintBE(seed, 32));

/** What does not fit its place on a board that was played down to element 8 of operator 1 of unit 2, and what does. */
export const refusals = (b: Dispute, played: Awaited<ReturnType<typeof descendTo>>) => {
  const { chain, execution, inference, tensor } = played;
  const evidence = { chain: b.toy.evidence.chain(2), inference: b.toy.evidence.inference(2) };
  const named = (placed: Placed, height: number, index: number) => edgeAt(placed, height, index).named;
  const call = (name: string, ...args: readonly unknown[]): Move => ({ name, args });
  const changed = ({ name, args, value }: Move, at: number, to: unknown): Move => {
    const move = { name, args: args.with(at, to) };
    return value === undefined ? move : { ...move, value };
  };
  const at = (move: Move, change: object): Move => changed(move, 0, { ...(move.args[0] as object), ...change });
  const refine = b.refine(chain.right, 2, b.execution(chain.right, 2, b.toy.leaves.execution(2)).tree, evidence.chain);
  const descend = b.descend(inference.right, 1, rootOf(tensor.right), evidence.inference);
  const element = b.proveElement(tensor.right, 8, inference.right, 1, evidence.inference);
  const open = opening(chain.right, 2, 0);
  const word = opening(tensor.right, 3, 1);
  const witness = witnessAt(chain.right, 2);
  const [left, sibling] = [witness.lefts[0] as Hex, witness.path[0] as Hex];
  const parts = [8, 12].map((from) => toHex(partOf(2, concat(...b.toy.elements(2, 1).slice(from, from + 4)))));
  const forms: readonly Case[] = [
    ["a leaf has no children", call("open", ...named(chain.right, 0, 2), hash(1), hash(2)), "IsLeaf"],
    ["a word has one form: of bytes", call("open", ...named(tensor.right, 3, 1), ...parts), "IsLeaf"],
    ["a node above words has one form", call("openWord", ...named(tensor.right, 4, 0), hash(1)), "IsLeaf"],
    ["there are no words but in tensors", call("openWord", ...named(chain.right, 2, 0), hash(1)), "IsLeaf"],
    ["an element is no word", call("openWord", ...named(tensor.right, 0, 8), "0x01020304"), "IsLeaf"],
    ["a word has 32 bytes", changed(word, 2, `${word.args[2]}00`), "BadPreimage"],
    ["a word's half is no word", changed(word, 2, (word.args[2] as string).slice(0, 34)), "BadPreimage"],
    ["another word", changed(word, 2, hash(1)), "BadPreimage"],
    ["children in the other order", call("open", ...open.args.slice(0, 2), open.args[3], open.args[2]), "BadPreimage"],
    ["an edge without a rival", opening(chain.right, 1, 0), "NotRivalled"],
    ["another height", at(open, { height: 3 }), "NotRivalled"],
    ["another level", at(open, { level: 1 }), "NotRivalled"],
    ["another game", at(open, { origin: hash(1) }), "NotRivalled"],
    ["another past", at(open, { base: hash(1) }), "NotRivalled"],
    ["another position", at(open, { position: 4n }), "NotRivalled"],
  ];
  const witnesses: readonly (readonly [string, object])[] = [
    ["another start", { head: hash(1) }],
    ["the long form below level 2", { head: toHex(chain.right.tree.start) }],
    ["nothing to the left", { lefts: [] }],
    ["too much to the left", { lefts: [left, left] }],
    ["a shorter path", { path: [] }],
    ["a longer path", { path: [sibling, sibling] }],
    ["a forged state before", { pre: hash(1) }],
    ["the subtree for its last leaf", { path: [], pre: left }],
  ];
  const leaves: readonly Case[] = [
    ...witnesses.map(([name, change]) => [name, changed(refine, 2, { ...witness, ...change }), "BadWitness"] as const),
    ["other evidence", changed(refine, 3, toHex(evidence.inference)), "BadEvidence"],
    ["a node is no leaf", changed(at(refine, named(chain.right, 2, 0)[0]), 1, toHex(rootOf(chain.right))), "WrongKind"],
    ["another root", changed(refine, 4, hash(1)), "BadEnd"],
    ["a lower tree", changed(refine, 5, (refine.args[5] as Hex[]).slice(1)), "BadEnd"],
    ["a higher tree", changed(refine, 5, [...(refine.args[5] as Hex[]), hash(1)]), "BadEnd"],
    ["a rival's end", changed(refine, 1, toHex(chain.wrong.tree.node(0, 2))), "BadEnd"],
    ["an edge without a rival", b.prove(chain.right, 3, b.toy.evidence.chain(3)), "NotRivalled"],
    ["what is refined is not proven", b.prove(chain.right, 2, evidence.chain), "WrongKind"],
    ["what is descended is not proven", b.prove(inference.right, 1, evidence.inference), "WrongKind"],
    ["what is descended is not refined", call("refine", ...descend.args.slice(0, 4), hash(1), []), "WrongKind"],
    ["what is refined is not descended", call("descend", ...refine.args.slice(0, 4), hash(1)), "WrongKind"],
    ["another tensor", changed(descend, 4, toHex(rootOf(tensor.wrong))), "BadPreimage"],
    [
      "the short form at level 2",
      changed(descend, 2, { ...witnessAt(inference.right, 1), head: hash(1) }),
      "BadWitness",
    ],
    [
      "an element is not proven as a step",
      call("prove", ...element.args.slice(0, 2), ...element.args.slice(3)),
      "WrongKind",
    ],
    [
      "a step is not an element",
      call("proveElement", ...named(inference.right, 0, 1), ...element.args.slice(2)),
      "WrongKind",
    ],
    [
      "a word is not an element",
      call("proveElement", ...named(tensor.right, 3, 1), ...element.args.slice(2)),
      "WrongKind",
    ],
    ["another operator", changed(element, 2, named(inference.right, 0, 0)[0]), "BadWitness"],
    ["another operator's past", changed(element, 3, witnessAt(inference.right, 0)), "BadWitness"],
    ["another call of the model", changed(element, 4, toHex(b.toy.evidence.inference(1))), "BadEvidence"],
  ];
  const link = (front: Front, sub: Placed) => b.update(front.right, 0, front.position, linkOf(b, sub));
  const below: readonly Case[] = [
    ["no such edge", changed(b.update(chain.right, 2, 0), 1, hash(1)), "UnknownEdge"],
    ["nothing is opened", b.update(chain.right, 1, 0), "NotLinked"],
    ["other children", b.update(chain.right, 2, 0, shownBelow(chain.wrong, 2, 0)), "NotLinked"],
    ["too much", b.update(chain.right, 2, 0, `${shownBelow(chain.right, 2, 0)}00`), "NotLinked"],
    [
      "a word by its parts",
      b.update(tensor.right, 3, 1, toHex(concat(...parts.map((p) => Buffer.from(p.slice(2), "hex"))))),
      "NotLinked",
    ],
    ["a rival's word", b.update(tensor.right, 3, 1, shownBelow(tensor.wrong, 3, 1)), "NotLinked"],
    ["a rival's tree", link(chain, execution.wrong), "NotLinked"],
    ["a tree of another leaf", link(chain, inference.right), "NotLinked"],
    [
      "a part of the tree",
      b.update(chain.right, 0, 2, toHex(concat(edgeAt(execution.right, 2, 0).ctx, edgeAt(execution.right, 2, 0).node))),
      "NotLinked",
    ],
    ["a rival's tensor", link(inference, tensor.wrong), "NotLinked"],
    ["a step has nothing below it", b.update(tensor.right, 0, 8, hash(1)), "NotLinked"],
  ];
  const ends: readonly Case[] = [
    ["no root", call("settle", ...named(execution.right, 2, 0)), "NotRoot"],
    ["a claim is settled by its id", call("settle", ...named(chain.right, 2, 0)), "NotRoot"],
    ["a tree is no claim", call("settle", b.rootOf(execution.right).id), "NotRoot"],
    ["a tree is not forfeited", call("forfeit", b.rootOf(execution.right).id), "NotRoot"],
    ["a tensor has no stake", call("settle", ...b.rootOf(tensor.right).named), "NotRoot"],
    ["time is missing", call("settle", ...b.rootOf(execution.right).named), "TooEarly"],
    ["nothing is decided", call("collect", ...b.rootOf(execution.wrong).named), "NotLoser"],
    ["no root", call("collect", ...named(execution.right, 2, 0)), "NotLoser"],
    ["a tree is no claim", call("collect", b.rootOf(execution.wrong).id), "NotLoser"],
  ];
  return {
    cases: [...forms, ...leaves, ...below, ...ends],
    ends,
    fitting: {
      refine,
      descend,
      element,
      open,
      word,
      update: b.update(chain.right, 2, 0),
      link: link(inference, tensor.right),
    },
  };
};

/** The honest client's rules: what it does at an edge of its own tree, and why. It plays on no other edge. */

/** What a place holds: a node, a word or part of one, or a leaf of one of three kinds. */
export type Stands = "node" | "word" | "prove" | "refine" | "descend";

/** What there is to know of an own edge. */
export type Situation = {
  readonly isThere: boolean;
  readonly isRivalled: boolean;
  readonly isProven: boolean;
  /** Opened, refined by the own tree, or descended. */
  readonly isAnswered: boolean;
  /** In a level that is decided and in which nothing of the account is at stake. */
  readonly isIdle: boolean;
  /** Undefined: not at hand yet, or of no interest. */
  readonly stands: Stands | undefined;
  /** The place of the level below is decided: nobody can enter it any more. */
  readonly isBelowSettled: boolean;
};

export type Answer = "nothing" | "visit" | "open" | "openWord" | "prove" | "refine" | "descend";

type Sentence = { readonly says: string; readonly because: string };
type EdgeRule = Sentence & {
  readonly name: string;
  readonly holds: (situation: Situation) => boolean;
  readonly answer: Answer;
};

/** The first that holds is played. Together they cover every situation. */
export const EDGE_RULES = [
  {
    name: "absent",
    says: "An edge that is not on the board is left alone.",
    because: "Nobody disputes it there; only the roots of levels are put on the board for their own sake.",
    holds: ({ isThere }) => !isThere,
    answer: "nothing",
  },
  {
    name: "time-runs",
    says: "An edge without a rival is left alone.",
    because: "It gains time by itself; the contract refuses to open it, or time would count at two levels at once.",
    holds: ({ isRivalled }) => !isRivalled,
    answer: "nothing",
  },
  {
    name: "proven",
    says: "A proven leaf is left alone.",
    because: "It has all the time there is, and no other leaf at its place can be proven.",
    holds: ({ isProven }) => isProven,
    answer: "nothing",
  },
  {
    name: "ask-first",
    says: "Where the own tree is not at hand nothing is played.",
    because: "A move is made from recomputed states only. What is missing is asked for, and the visit repeated.",
    holds: ({ stands }) => stands === undefined,
    answer: "nothing",
  },
  {
    name: "go-down",
    says: "What is answered is visited below.",
    because: "Exactly one half of a right edge can have a rival against a given wrong tree.",
    holds: ({ isAnswered }) => isAnswered,
    answer: "visit",
  },
  {
    name: "decided",
    says: "In a decided level in which nothing of one's own is at stake nothing is played.",
    because: "No timer above changes any more; only stakes in levels below may still be open.",
    holds: ({ isIdle }) => isIdle,
    answer: "nothing",
  },
  {
    name: "open",
    says: "A rivalled node is opened into its halves.",
    because: "The half that the rival shares stops being disputed and gains time; the other is answered next.",
    holds: ({ stands }) => stands === "node",
    answer: "open",
  },
  {
    name: "open-word",
    says: "A rivalled word, or part of one, is opened into its halves.",
    because: "The last step is one element: never a whole word of products.",
    holds: ({ stands }) => stands === "word",
    answer: "openWord",
  },
  {
    name: "prove",
    says: "A rivalled leaf of one step is proven.",
    because: "Both sides share the state before it, so no other leaf at this place can be proven.",
    holds: ({ stands }) => stands === "prove",
    answer: "prove",
  },
  {
    name: "descend",
    says: "A rivalled operator's leaf is descended into its tensor.",
    because: "The leaf's hash binds the tensor: it has one tree and needs no stake.",
    holds: ({ stands }) => stands === "descend",
    answer: "descend",
  },
  {
    name: "shut-out",
    says: "A leaf whose level below is decided without the own tree is not refined.",
    because: "The contract takes no further root there.",
    holds: ({ isBelowSettled }) => isBelowSettled,
    answer: "nothing",
  },
  {
    name: "refine",
    says: "A rivalled leaf of many steps is refined by the own tree of the next level.",
    because: "Whoever claims the leaf must say how it comes about; the tree ends in the leaf's state.",
    holds: ({ stands }) => stands === "refine",
    answer: "refine",
  },
] as const satisfies readonly EdgeRule[];

/** Rules for the roots of levels. */
export const ROOT_RULES = {
  propose: {
    says: "Where the right claim is absent it is made: when a rival is there, or when it is time to.",
    because: "A wrong claim without a rival would be confirmed.",
  },
  update: {
    says: "Before a root is settled what it gained below is carried up, lowest first.",
    because: "The contract looks one edge deep; timers are worth carrying only when they decide.",
  },
  settle: {
    says: "An own root whose timer reaches the challenge period is settled.",
    because: "It pays the stake back; at level 0 it confirms the claim.",
  },
  collect: {
    says: "The stakes of roots that lost to a root of one's own are taken.",
    because: "A part pays the winner for the answers, the rest is burned.",
  },
  forfeit: {
    says: "A claim that stands on one which lost is ended, and its bond burned.",
    because: "Nothing decides it any more; as long as its bond is held it could look open.",
  },
} as const satisfies Record<string, Sentence>;

export type EdgeRuleName = (typeof EDGE_RULES)[number]["name"];
export type RuleName = EdgeRuleName | keyof typeof ROOT_RULES;

/** The rule that a situation is played by. */
export const ruleFor = (situation: Situation): (typeof EDGE_RULES)[number] =>
  EDGE_RULES.find(({ holds }) => holds(situation)) ?? EDGE_RULES[0];

export const sentenceOf = (name: RuleName): Sentence =>
  name in ROOT_RULES
    ? ROOT_RULES[name as keyof typeof ROOT_RULES]
    : (EDGE_RULES.find((rule) => rule.name === name) ?? EDGE_RULES[0]);

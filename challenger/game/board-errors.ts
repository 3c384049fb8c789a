import { CodedError } from "../../executor/index.ts";

/** Errors of the contract, by their names there. */
export type BoardErrorCode =
  | "UnknownParent"
  | "WrongGame"
  | "BadEnd"
  | "TooEarly"
  | "BadStake"
  | "IsLeaf"
  | "NotRivalled"
  | "BadPreimage"
  | "BadWitness"
  | "WrongKind"
  | "WrongPost"
  | "UnknownEdge"
  | "NotLinked"
  | "NotRoot"
  | "ParentOpen"
  | "NotLoser"
  | "ParentAlive";

const SAYS: Record<BoardErrorCode, string> = {
  UnknownParent: "no claim stands on one that is unknown or lost",
  WrongGame: "claims on this parent derive another number of inbox records, or others",
  BadEnd: "the state is not the last leaf of the tree",
  TooEarly: "not enough blocks have passed",
  BadStake: "the stake is not what this level asks for",
  IsLeaf: "nothing lies below this height",
  NotRivalled: "time runs for an edge without a rival: nothing is played there",
  BadPreimage: "these are not what the node was hashed from",
  BadWitness: "this is not what lies left of the leaf",
  WrongKind: "the rules say something else of this leaf",
  WrongPost: "the step ends in another state",
  UnknownEdge: "the board does not hold this edge",
  NotLinked: "what was shown does not lie below this edge",
  NotRoot: "nobody staked on this edge",
  ParentOpen: "the parent is not confirmed",
  NotLoser: "this root has not lost to another",
  ParentAlive: "the parent may still be confirmed",
};

export const refuse = (code: BoardErrorCode): never => {
  throw new CodedError<BoardErrorCode>(code, SAYS[code]);
};

import { Common, createCustomCommon, Hardfork, Mainnet } from "@ethereumjs/common";
import { paramsEVM } from "@ethereumjs/evm";
import type { Bytes } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import { keccak256 } from "../foundation/keccak.ts";
import { recoverPublicKey } from "../foundation/secp256k1.ts";
import { FORKS, type Fork, includes } from "../protocol/forks.ts";
import { HISTORY_WINDOW } from "../protocol/parameters.ts";

/** Beside Cancun, whatever the fork: block hashes in state (2935, 7709), L1's price and bounds of modular exponentiation. */
const ALWAYS = [2935, 7709, 7823, 7883];
/** What each fork adds of which the library knows; what is decided before a message runs is in `transition.ts`. */
const ADDED: Readonly<Record<Fork, readonly number[]>> = { cancun: [], prague: [2537, 7702], osaka: [7939, 7951] };

/** The library's numbers of what holds at a fork. */
export const eipsOf = (fork: Fork): readonly number[] => [
  ...ALWAYS,
  ...FORKS.filter((before) => includes(fork, before)).flatMap((before) => ADDED[before]),
];

export type RulesErrorCode =
  /** The chain id is not in 1 to 2^53 - 1. Choose another. */
  "CHAIN_ID_RANGE";

/** The precompile 0x01 passes 27 or 28. */
const ecrecover = (hash: Bytes, v: bigint, r: Bytes, s: Bytes): Bytes =>
  recoverPublicKey(hash, Number(v - 27n), r, s).slice();

/**
 * The rules of the chain as the engine asks for them. Answers are fixed when it is made: the library's own methods search
 * a list, or rebuild the table of parameters, at every question. `eips`: other additions to Cancun, for tests of it.
 */
export const createRules = (chainId: bigint, fork: Fork, eips: readonly number[] = eipsOf(fork)): Common => {
  if (chainId < 1n || chainId > BigInt(Number.MAX_SAFE_INTEGER))
    throw new CodedError<RulesErrorCode>("CHAIN_ID_RANGE", `chain id ${chainId} is not in 1 to 2^53 - 1`, { chainId });
  const rules = createCustomCommon({ chainId: Number(chainId) }, Mainnet, {
    hardfork: Hardfork.Cancun,
    eips: [...eips],
    params: { ...paramsEVM, 2935: { ...paramsEVM[2935], historyServeWindow: Number(HISTORY_WINDOW) } },
    customCrypto: { keccak256, ecrecover },
  });
  const active = new Set(Array.from({ length: 10_000 }, (_, eip) => eip).filter((eip) => rules.isActivatedEIP(eip)));
  const forks = new Map(Object.values(Hardfork).map((fork) => [fork as string, rules.gteHardfork(fork)]));
  const parameters = new Map<string, bigint>();
  const param = rules.param.bind(rules);
  rules.isActivatedEIP = (eip) => active.has(eip);
  rules.gteHardfork = (fork) => forks.get(fork as string) ?? Common.prototype.gteHardfork.call(rules, fork);
  rules.param = (name) => {
    let value = parameters.get(name);
    if (value === undefined) {
      value = param(name);
      parameters.set(name, value);
    }
    return value;
  };
  rules.updateParams = () => {};
  // The fork never changes, and each engine would wait for that: these rules would hold every engine ever made over them.
  rules.events.on = () => rules.events;
  return rules;
};

/** The rules of each fork, made when they are first asked for. */
export const createRuleBook = (chainId: bigint): ((fork: Fork) => Common) => {
  const made = new Map<Fork, Common>();
  return (fork) => {
    const rules = made.get(fork) ?? createRules(chainId, fork);
    made.set(fork, rules);
    return rules;
  };
};
